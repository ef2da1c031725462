/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of S3: where they come from, in which order, and when they are asked for again. Roles
 * are asked of a server that plays STS, the agent of a container, and an EC2 instance. */
#include "tests/support/check.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/s3_credentials.h"
#include "core/base/file.h"
#include "tests/support/answer_server.h"
#include "tests/support/fake_env.h"

#define MINUTE (60 * INT64_C(1000000))
#define START INT64_C(1769860800000000) /* 2026-01-31T12:00:00Z */

struct world {
    struct fake_env env;
    int64_t now;
    struct s3_credentials *credentials;
    struct answer_server *server;
    atomic_int asked;
    atomic_int status;
    atomic_bool held; /* the server answers nobody meanwhile */
    atomic_bool has_role;
    const char *expires;
    char seen[4096]; /* the last request */
};

static struct error e;

static void set_url(struct world *w, const char *name, const char *path)
{
    fake_env_set(&w->env, name, "%s%s", answer_server_url(w->server), path);
}

static int64_t now(void *arg)
{
    return ((struct world *)arg)->now;
}

/* In the server's thread. */
PRINTF_LIKE(2, 3) static void say(struct buf *body, const char *format, ...)
{
    char text[1024];
    struct error ignored;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (buf_append(body, text, strlen(text), &ignored) < 0)
        abort();
}

static int answer_key(struct world *w, const char *id, struct buf *body)
{
    say(body,
        "{\"AccessKeyId\": \"%s\", \"SecretAccessKey\": \"secret%d\","
        " \"Token\": \"token\", \"Expiration\": \"%s\"}",
        id, atomic_load(&w->asked), w->expires);
    return 200;
}

static int answer(void *arg, const char *request, struct buf *body)
{
    struct world *w = arg;
    int status = atomic_load(&w->status);
    atomic_fetch_add(&w->asked, 1);
    while (atomic_load(&w->held))
        (void)sched_yield();
    (void)snprintf(w->seen, sizeof w->seen, "%s", request);
    if (status != 200)
        return status;
    if (strncmp(request, "GET /task ", 10) == 0)
        return answer_key(w, "TASK", body);
    if (strncmp(request, "POST / ", 7) == 0) {
        say(body, "{\"AssumeRoleWithWebIdentityResponse\": "
                  "{\"AssumeRoleWithWebIdentityResult\": {\"Credentials\": "
                  "{\"AccessKeyId\": \"WEB\", \"SecretAccessKey\": \"s\", "
                  "\"SessionToken\": \"t\", \"Expiration\": 1769864400.0}}}}");
        return 200;
    }
    if (strncmp(request, "PUT /latest/api/token ", 22) == 0 &&
        strstr(request, "X-aws-ec2-metadata-token-ttl-seconds: ")) {
        say(body, "session==");
        return 200;
    }
    if (!strstr(request, "\r\nX-aws-ec2-metadata-token: session==\r\n"))
        return 401;
    if (!atomic_load(&w->has_role))
        return 404;
    if (strncmp(request, "GET /latest/meta-data/iam/security-credentials/ ", 48) == 0) {
        say(body, "backup-role");
        return 200;
    }
    if (strncmp(request, "GET /latest/meta-data/iam/security-credentials/backup-role ", 59) ==
        0)
        return answer_key(w, "ROLE", body);
    return 404;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fake_env_begin(&w->env);
    w->now = START;
    w->expires = "2026-01-31T13:00:00Z";
    atomic_store(&w->status, 200);
    atomic_store(&w->has_role, true);
    w->server = answer_server_start(answer, w);
    const struct s3_credentials_options o = {
        .region = "eu-1", .get = fake_env_get, .get_arg = &w->env, .now_us = now, .now_arg = w};
    w->credentials = s3_credentials_new(&o, &e);
    assert_non_null(w->credentials);
    fake_env_set(&w->env, "HOME", "%s", w->env.folder);
    fake_env_set(&w->env, "AWS_EC2_METADATA_DISABLED", "true");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    s3_credentials_free(w->credentials);
    answer_server_stop(w->server);
    fake_env_done(&w->env);
    free(w);
    return 0;
}

static void assert_key(struct world *w, const char *id)
{
    struct s3_key k = {0};
    assert_done(s3_credentials_get(w->credentials, &k, &e), &e);
    assert_string_equal(k.id, id);
    s3_key_done(&k);
}

static void assert_none(struct world *w, enum error_kind kind)
{
    struct s3_key k = {0};
    assert_refused(s3_credentials_get(w->credentials, &k, &e), &e, kind);
    assert_null(k.id);
}

static void instance(struct world *w)
{
    fake_env_set(&w->env, "AWS_EC2_METADATA_DISABLED", "false");
    set_url(w, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
}

static void without_any_every_place_is_named(void **state)
{
    struct world *w = *state;
    assert_none(w, ERROR_KEY);
    assert_non_null(strstr(e.text, "environment: AWS_ACCESS_KEY_ID is not set"));
    assert_non_null(strstr(e.text, "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set"));
    assert_non_null(strstr(e.text, "profile: no default in "));
    assert_non_null(strstr(e.text, "/.aws/credentials (not there) and "));
    assert_non_null(
        strstr(e.text, "container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"));
    assert_non_null(strstr(e.text, "instance: turned off by AWS_EC2_METADATA_DISABLED"));
    assert_non_null(strstr(e.text, "\nhint: "));
    assert_int_equal(atomic_load(&w->asked), 0);
    fake_env_set(&w->env, "HOME", "%s", "");
    assert_none(w, ERROR_KEY);
    assert_non_null(strstr(e.text, "HOME is not set"));
}

/* From the last place to the first: each one goes before those that are there already. */
static void places_have_an_order(void **state)
{
    struct world *w = *state;
    const char *const ids[] = {"ROLE", "TASK", "FILE", "WEB", "ENVIRONMENT"};
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        if (i == 0)
            instance(w);
        if (i == 1)
            set_url(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/task");
        if (i == 2)
            fake_env_file(&w->env, "AWS_SHARED_CREDENTIALS_FILE",
                          "[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n");
        if (i == 3) {
            fake_env_file(&w->env, "AWS_WEB_IDENTITY_TOKEN_FILE", "a.b/c+d\n");
            fake_env_set(&w->env, "AWS_ROLE_ARN", "arn:aws:iam::1:role/x");
            set_url(w, "AWS_ENDPOINT_URL_STS", "");
        }
        if (i == 4) {
            fake_env_set(&w->env, "AWS_ACCESS_KEY_ID", "ENVIRONMENT");
            fake_env_set(&w->env, "AWS_SECRET_ACCESS_KEY", "s");
        }
        s3_credentials_refused(w->credentials); /* ask again */
        assert_key(w, ids[i]);
        if (i == 3) {
            assert_non_null(strstr(w->seen, "Action=AssumeRoleWithWebIdentity&"));
            assert_non_null(strstr(w->seen, "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx&"));
            assert_non_null(strstr(w->seen, "WebIdentityToken=a.b%2Fc%2Bd"));
        }
    }
}

static void a_key_is_kept_and_renewed_before_it_expires(void **state)
{
    struct world *w = *state;
    instance(w);
    assert_key(w, "ROLE");
    int asked = atomic_load(&w->asked);
    assert_int_equal(asked, 3);
    w->now = START + 54 * MINUTE;
    assert_key(w, "ROLE");
    assert_int_equal(atomic_load(&w->asked), asked);
    w->now = START + 55 * MINUTE - 1;
    assert_key(w, "ROLE");
    assert_int_equal(atomic_load(&w->asked), asked);
    /* Too soon to fail: the old one still holds, and it is not asked for each time. */
    w->now = START + 55 * MINUTE;
    atomic_store(&w->status, 500);
    assert_key(w, "ROLE");
    assert_int_equal(atomic_load(&w->asked), asked + 2); /* it is tried twice */
    assert_key(w, "ROLE");
    assert_int_equal(atomic_load(&w->asked), asked + 2);
    w->now += MINUTE;
    atomic_store(&w->status, 200);
    w->expires = "2026-01-31T19:00:00Z";
    assert_key(w, "ROLE");
    assert_int_equal(atomic_load(&w->asked), asked + 5);
    w->now = START + 6 * 60 * MINUTE;
    assert_key(w, "ROLE");
    assert_int_equal(atomic_load(&w->asked), asked + 5);
    /* Expired, and there is no other one now; there was one, so there may be one again. */
    w->now = START + 8 * 60 * MINUTE;
    atomic_store(&w->status, 0);
    assert_none(w, ERROR_BUSY);
    atomic_store(&w->status, 404);
    assert_none(w, ERROR_BUSY);
}

static void a_key_that_lives_shortly_is_not_asked_for_each_time(void **state)
{
    struct world *w = *state;
    set_url(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/task");
    w->expires = "2026-01-31T12:03:00Z";
    for (int i = 0; i < 5; i++)
        assert_key(w, "TASK");
    assert_int_equal(atomic_load(&w->asked), 1);
    w->now = START + 31 * INT64_C(1000000);
    assert_key(w, "TASK");
    assert_key(w, "TASK");
    assert_int_equal(atomic_load(&w->asked), 2);
    /* A clock that is set back does not keep it from being renewed. */
    w->now = START - MINUTE;
    w->expires = "2026-01-31T12:02:00Z";
    assert_key(w, "TASK");
    assert_int_equal(atomic_load(&w->asked), 3);
}

static void a_key_that_has_expired_already_is_none(void **state)
{
    struct world *w = *state;
    set_url(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/task");
    w->expires = "2026-01-31T12:00:00Z";
    assert_none(w, ERROR_KEY);
    assert_non_null(strstr(e.text, "expired at 2026-01-31T12:00:00Z"));
    w->expires = "2026-01-31T12:10:00Z";
    assert_key(w, "TASK");
    w->now = START + 6 * MINUTE;
    w->expires = "2026-01-31T12:05:00Z";
    assert_key(w, "TASK"); /* the old one, which is better */
    w->now = START + 11 * MINUTE;
    assert_none(w, ERROR_BUSY);
}

/* ---- threads ------------------------------------------------------------------------- */

struct getter {
    struct world *w;
    int rc;
    char secret[16];
    struct error e;
    pthread_t thread;
};

static void *run_getter(void *arg)
{
    struct getter *g = arg;
    struct s3_key k = {0};
    g->rc = s3_credentials_get(g->w->credentials, &k, &g->e);
    (void)snprintf(g->secret, sizeof g->secret, "%s", g->rc == 0 ? k.secret : "");
    s3_key_done(&k);
    return NULL;
}

static void start(struct getter *g, struct world *w)
{
    *g = (struct getter){.w = w};
    assert_int_equal(pthread_create(&g->thread, NULL, run_getter, g), 0);
}

static void await_question(struct world *w, int asked)
{
    while (atomic_load(&w->asked) < asked)
        (void)sched_yield();
}

static void one_renews_while_others_go_on(void **state)
{
    struct world *w = *state;
    struct getter one, other;
    set_url(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/task");
    assert_key(w, "TASK");
    w->now = START + 56 * MINUTE;
    w->expires = "2026-01-31T19:00:00Z";
    atomic_store(&w->held, true);
    start(&one, w);
    await_question(w, 2);
    start(&other, w); /* ends although the server answers nobody */
    assert_int_equal(pthread_join(other.thread, NULL), 0);
    assert_int_equal(other.rc, 0);
    assert_string_equal(other.secret, "secret1");
    atomic_store(&w->held, false);
    assert_int_equal(pthread_join(one.thread, NULL), 0);
    assert_string_equal(one.secret, "secret2");
    assert_int_equal(atomic_load(&w->asked), 2);
}

/* Without a key all wait for the one who asks, and have what it has: a key or its error. */
static void those_who_wait_share_what_is_found(void **state)
{
    struct world *w = *state;
    set_url(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/task");
    for (int status = 403; status >= 200; status -= 203) {
        struct getter g[6];
        atomic_store(&w->asked, 0);
        atomic_store(&w->status, status);
        atomic_store(&w->held, true);
        start(&g[0], w);
        await_question(w, 1);
        for (size_t i = 1; i < ARRAY_SIZE(g); i++)
            start(&g[i], w);
        (void)usleep(50000); /* for them to begin to wait; none of them may ask on its own */
        atomic_store(&w->held, false);
        for (size_t i = 0; i < ARRAY_SIZE(g); i++) {
            assert_int_equal(pthread_join(g[i].thread, NULL), 0);
            assert_int_equal(g[i].rc, status == 200 ? 0 : -1);
            assert_string_equal(g[i].secret, status == 200 ? "secret1" : "");
            if (status != 200)
                assert_non_null(strstr(g[i].e.text, "status 403"));
        }
        assert_int_equal(atomic_load(&w->asked), 1);
    }
}

static void a_stop_ends_who_asks(void **state)
{
    struct world *w = *state;
    volatile sig_atomic_t stop = SIGTERM;
    set_url(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/task");
    s3_credentials_stop_by(w->credentials, &stop);
    assert_none(w, ERROR_TERMINATED);
    s3_credentials_stop_by(w->credentials, NULL);
    assert_key(w, "TASK");
}

/* ---- profiles ------------------------------------------------------------------------ */

static void the_profile_is_the_one_that_is_asked_for(void **state)
{
    struct world *w = *state;
    char *region = NULL;
    fake_env_file(&w->env, "AWS_SHARED_CREDENTIALS_FILE",
                  "[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n"
                  "[night]\naws_access_key_id = NIGHT\naws_secret_access_key = s\n"
                  "[day]\naws_access_key_id = DAY\naws_secret_access_key = s\n");
    fake_env_file(&w->env, "AWS_CONFIG_FILE", "[profile day]\nregion = eu-7\n[profile bare]\n");
    assert_key(w, "FILE");
    fake_env_set(&w->env, "AWS_PROFILE", "night");
    s3_credentials_refused(w->credentials);
    assert_key(w, "NIGHT");
    struct s3_credentials_options o = {
        .profile = "day", .get = fake_env_get, .get_arg = &w->env};
    struct s3_credentials *c = s3_credentials_new(&o, &e);
    struct s3_key k = {0};
    assert_non_null(c);
    assert_done(s3_credentials_get(c, &k, &e), &e);
    assert_string_equal(k.id, "DAY");
    s3_key_done(&k);
    s3_credentials_free(c);
    assert_done(s3_credentials_region(&o, &region, &e), &e);
    assert_string_equal(region, "eu-7");
    free(region);
    o.profile = NULL;
    assert_int_equal(s3_credentials_region(&o, &region, &e), S3_CREDENTIALS_NO_REGION);
    fake_env_set(&w->env, "AWS_DEFAULT_REGION", "eu-8");
    fake_env_set(&w->env, "AWS_REGION", "eu-9");
    assert_done(s3_credentials_region(&o, &region, &e), &e);
    assert_string_equal(region, "eu-9");
    free(region);
}

static void a_profile_without_a_key_leaves_it_to_the_next_place(void **state)
{
    struct world *w = *state;
    fake_env_file(&w->env, "AWS_CONFIG_FILE", "[profile bare]\nregion = eu-7\n");
    fake_env_set(&w->env, "AWS_PROFILE", "bare");
    assert_none(w, ERROR_KEY);
    assert_non_null(strstr(e.text, "profile: bare names no key"));
    set_url(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/task");
    assert_key(w, "TASK");
    fake_env_set(&w->env, "AWS_PROFILE", "nobody"); /* but one that is not there is a mistake */
    s3_credentials_refused(w->credentials);
    assert_none(w, ERROR_KEY);
    assert_non_null(strstr(e.text, "profile nobody: neither in "));
    assert_non_null(strstr(e.text, "[profile nobody]"));
}

static void files_are_looked_for_at_home(void **state)
{
    struct world *w = *state;
    char path[SCRATCH_PATH];
    scratch_path(path, w->env.folder, ".aws");
    assert_done(file_make_dirs(path, 0700, &e), &e);
    scratch_path(path, w->env.folder, ".aws/credentials");
    assert_done(file_replace(path,
                             bytes_text("[default]\naws_access_key_id = HOME\n"
                                        "aws_secret_access_key = s\n"),
                             0600, &e),
                &e);
    assert_key(w, "HOME");
    fake_env_file(&w->env, "ignored",
                  "[default]\naws_access_key_id = TILDE\n"
                  "aws_secret_access_key = s\n");
    fake_env_set(&w->env, "AWS_SHARED_CREDENTIALS_FILE", "~/ignored");
    s3_credentials_refused(w->credentials);
    assert_key(w, "TILDE");
}

static void a_key_that_the_server_refused_is_asked_for_again(void **state)
{
    struct world *w = *state;
    set_url(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/task");
    fake_env_file(&w->env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "canary-token\n");
    assert_key(w, "TASK");
    assert_non_null(strstr(w->seen, "\r\nAuthorization: canary-token\r\n"));
    s3_credentials_refused(w->credentials);
    assert_key(w, "TASK");
    assert_int_equal(atomic_load(&w->asked), 2);
    atomic_store(&w->status, 403);
    s3_credentials_refused(w->credentials);
    assert_none(w, ERROR_KEY);
    assert_null(strstr(e.text, "canary"));
    atomic_store(&w->status, 503);
    assert_none(w, ERROR_BUSY);
}

static void what_is_set_by_halves_or_wrongly_is_told(void **state)
{
    struct world *w = *state;
    fake_env_set(&w->env, "AWS_SECRET_ACCESS_KEY", "canary");
    assert_none(w, ERROR_USAGE);
    assert_null(strstr(e.text, "canary"));
    fake_env_set(&w->env, "AWS_SECRET_ACCESS_KEY", "%s", "");
    fake_env_set(&w->env, "AWS_PROFILE", "nobody");
    assert_none(w, ERROR_KEY);
    fake_env_set(&w->env, "AWS_PROFILE", "%s", "");
    fake_env_set(&w->env, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.net/task");
    assert_none(w, ERROR_USAGE);
    fake_env_set(&w->env, "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                 "http://127.0.0.1.example.net/task");
    assert_none(w, ERROR_USAGE);
    fake_env_set(&w->env, "AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token");
    assert_none(w, ERROR_USAGE);
    fake_env_set(&w->env, "AWS_ROLE_ARN", "arn");
    assert_none(w, ERROR_KEY);
    assert_int_equal(atomic_load(&w->asked), 0);
}

static void a_machine_without_a_role_has_no_key(void **state)
{
    struct world *w = *state;
    instance(w);
    atomic_store(&w->has_role, false);
    assert_none(w, ERROR_KEY);
    assert_non_null(strstr(e.text, "no key for S3"));
    atomic_store(&w->status, 404);
    assert_none(w, ERROR_KEY);
    assert_non_null(strstr(e.text, "no key for S3"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_any_every_place_is_named),
        TEST(places_have_an_order),
        TEST(a_key_is_kept_and_renewed_before_it_expires),
        TEST(a_key_that_lives_shortly_is_not_asked_for_each_time),
        TEST(a_key_that_has_expired_already_is_none),
        TEST(one_renews_while_others_go_on),
        TEST(those_who_wait_share_what_is_found),
        TEST(a_stop_ends_who_asks),
        TEST(the_profile_is_the_one_that_is_asked_for),
        TEST(a_profile_without_a_key_leaves_it_to_the_next_place),
        TEST(files_are_looked_for_at_home),
        TEST(a_key_that_the_server_refused_is_asked_for_again),
        TEST(what_is_set_by_halves_or_wrongly_is_told),
        TEST(a_machine_without_a_role_has_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
