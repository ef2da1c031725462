/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of roles, asked of a server that plays the agent of a container, the metadata service of
 * an instance, STS, and a proxy on the way to it. */
#include "tests/support/check.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/s3_role.h"
#include "backends/s3_role_ask.h"
#include "tests/support/answer_server.h"
#include "tests/support/fake_env.h"

#define MOST_REPLIES 8
#define NOON INT64_C(1769860800000000) /* 2026-01-31T12:00:00Z */
#define AGENT_KEY                                                                              \
    "{\"AccessKeyId\": \"ASIA\", \"SecretAccessKey\": \"s\", \"Token\": \"t\", "               \
    "\"Expiration\": \"2026-01-31T12:00:00Z\"}"

struct reply {
    int status; /* 0: the connection is cut */
    const char *body;
};

struct world {
    struct fake_env env;
    struct answer_server *server;
    struct reply replies[MOST_REPLIES]; /* one a request, in their order */
    atomic_size_t asked;
    char seen[MOST_REPLIES][2048]; /* the requests */
    char why[S3_KEY_WHY];
    struct s3_role_options o;
    struct s3_key key;
};

static struct error e;

/* In the server's thread. */
static int answer(void *arg, const char *request, struct buf *body)
{
    struct world *w = arg;
    struct error ignored;
    size_t i = atomic_fetch_add(&w->asked, 1);
    if (i >= MOST_REPLIES)
        return 500;
    (void)snprintf(w->seen[i], sizeof w->seen[i], "%s", request);
    const char *text = w->replies[i].body ? w->replies[i].body : "";
    if (buf_append(body, text, strlen(text), &ignored) < 0)
        abort();
    return w->replies[i].status;
}

/* What is answered from now on. */
#define REPLIES(w, ...)                                                                        \
    replies(w, (const struct reply[]){__VA_ARGS__},                                            \
            sizeof((const struct reply[]){__VA_ARGS__}) / sizeof(struct reply))
static void replies(struct world *w, const struct reply *r, size_t count)
{
    assert_true(count <= MOST_REPLIES);
    memset(w->replies, 0, sizeof w->replies);
    memcpy(w->replies, r, count * sizeof *r);
    atomic_store(&w->asked, 0);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fake_env_begin(&w->env);
    w->server = answer_server_start(answer, w);
    w->o = (struct s3_role_options){.get = fake_env_get,
                                    .get_arg = &w->env,
                                    .region = "eu-1",
                                    .container = answer_server_url(w->server),
                                    .why = w->why};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    answer_server_stop(w->server);
    fake_env_done(&w->env);
    s3_key_done(&w->key);
    free(w);
    return 0;
}

typedef int role(const struct s3_role_options *o, struct s3_key *out, struct error *e);

static void assert_key(struct world *w, role *ask, const char *id, int64_t expires_us)
{
    s3_key_done(&w->key);
    assert_done(ask(&w->o, &w->key, &e), &e);
    assert_string_equal(w->key.id, id);
    assert_string_equal(w->key.secret, "s");
    assert_string_equal(w->key.token, "t");
    assert_int_equal(w->key.expires_us, expires_us);
}

static void assert_no_key(struct world *w, role *ask, enum error_kind kind)
{
    s3_key_done(&w->key);
    assert_refused(ask(&w->o, &w->key, &e), &e, kind);
    assert_null(w->key.id);
    assert_null(strstr(e.text, "canary"));
}

static void assert_absent(struct world *w, role *ask, const char *why)
{
    w->why[0] = '\0';
    assert_int_equal(ask(&w->o, &w->key, &e), S3_ROLE_ABSENT);
    assert_null(w->key.id);
    if (!strstr(w->why, why))
        fail_msg("%s: not in: %s", why, w->why);
}

/* ---- container ----------------------------------------------------------------------- */

static void a_container_asks_its_agent(void **state)
{
    struct world *w = *state;
    assert_absent(w, s3_role_container, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    fake_env_set(&w->env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1234");
    REPLIES(w, {200, AGENT_KEY});
    assert_key(w, s3_role_container, "ASIA", NOON);
    assert_int_equal(strncmp(w->seen[0], "GET /v2/credentials/1234 HTTP/1.1\r\n", 35), 0);
    assert_null(strstr(w->seen[0], "Authorization"));
    fake_env_set(&w->env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "%s", "");
    fake_env_set(&w->env, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s/full",
                 answer_server_url(w->server));
    fake_env_set(&w->env, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic dGVzdA==");
    REPLIES(w, {200, AGENT_KEY});
    assert_key(w, s3_role_container, "ASIA", NOON);
    assert_int_equal(strncmp(w->seen[0], "GET /full ", 10), 0);
    assert_non_null(strstr(w->seen[0], "\r\nAuthorization: Basic dGVzdA==\r\n"));
    fake_env_set(&w->env, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary\r\nX: y");
    assert_no_key(w, s3_role_container, ERROR_KEY);
}

static void the_file_with_the_agents_token_is_read_each_time(void **state)
{
    struct world *w = *state;
    fake_env_set(&w->env, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s/full",
                 answer_server_url(w->server));
    fake_env_set(&w->env, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "not-this");
    fake_env_file(&w->env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "first\n");
    REPLIES(w, {200, AGENT_KEY}, {200, AGENT_KEY});
    assert_key(w, s3_role_container, "ASIA", NOON);
    fake_env_file(&w->env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "second\r\n");
    assert_key(w, s3_role_container, "ASIA", NOON);
    assert_non_null(strstr(w->seen[0], "\r\nAuthorization: first\r\n"));
    assert_non_null(strstr(w->seen[1], "\r\nAuthorization: second\r\n"));
    fake_env_file(&w->env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "canary\nX: y\n");
    assert_no_key(w, s3_role_container, ERROR_KEY);
    fake_env_file(&w->env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "\n");
    assert_no_key(w, s3_role_container, ERROR_KEY);
    assert_int_equal(atomic_load(&w->asked), 2);
}

static void keys_come_only_from_addresses_that_are_trusted(void **state)
{
    static const char *const good[] = {"https://example.net/x",
                                       "HTTPS://example.net:8443",
                                       "http://localhost",
                                       "http://LocalHost:1/x",
                                       "http://127.0.0.1/x",
                                       "http://127.1.2.3:80",
                                       "http://[::1]:80/x",
                                       "http://[::1]",
                                       "http://169.254.170.2/v2",
                                       "http://169.254.170.23/v1/credentials",
                                       "http://[fd00:ec2::23]/v1/credentials"};
    static const char *const bad[] = {"http://example.net/x",
                                      "http://127.0.0.1.example.net/x",
                                      "http://127.0.0.1@example.net/x",
                                      "http://127.0.0.1:80@example.net/x",
                                      "http://localhost:x@example.net/",
                                      "https://a@example.net/",
                                      "http://example.net\\@localhost/",
                                      "http://localhost.example.net",
                                      "http://169.254.170.2.example.net/",
                                      "http://169.254.169.254/",
                                      "http://169.254.170.20/",
                                      "http://[::1].example.net/",
                                      "http://[::2]/",
                                      "http://",
                                      "http:///x",
                                      "https://",
                                      "file:///etc/passwd",
                                      "localhost/x",
                                      ""};
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        if (!s3_role_ask_trusts(good[i]))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (s3_role_ask_trusts(bad[i]))
            fail_msg("%s", bad[i]);
    const char *here = answer_server_url(w->server) + strlen("http://");
    fake_env_set(&w->env, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost:1@%s/x",
                 here);
    REPLIES(w, {200, AGENT_KEY});
    assert_no_key(w, s3_role_container, ERROR_USAGE);
    /* http://169.254.170.2 and what follows would name another host. */
    fake_env_set(&w->env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@%s/x", here);
    assert_no_key(w, s3_role_container, ERROR_USAGE);
    fake_env_set(&w->env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ".example.net/x");
    assert_no_key(w, s3_role_container, ERROR_USAGE);
    assert_int_equal(atomic_load(&w->asked), 0);
}

static void trouble_is_met_by_a_second_try(void **state)
{
    struct world *w = *state;
    fake_env_set(&w->env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
    REPLIES(w, {503, "busy"}, {200, AGENT_KEY});
    assert_key(w, s3_role_container, "ASIA", NOON);
    REPLIES(w, {0, NULL}, {200, AGENT_KEY});
    assert_key(w, s3_role_container, "ASIA", NOON);
    REPLIES(w, {500, NULL}, {429, "{\"code\": \"Slow\", \"message\": \"canary\"}"},
            {200, NULL});
    assert_no_key(w, s3_role_container, ERROR_BUSY);
    assert_non_null(strstr(e.text, "status 429 Slow"));
    assert_int_equal(atomic_load(&w->asked), 2);
    REPLIES(w, {0, NULL}, {0, NULL}, {200, AGENT_KEY});
    assert_no_key(w, s3_role_container, ERROR_BUSY);
    REPLIES(w, {403, "{\"code\": \"AccessDenied\", \"message\": \"canary\"}"}, {200, NULL});
    assert_no_key(w, s3_role_container, ERROR_KEY);
    assert_non_null(strstr(e.text, "status 403 AccessDenied"));
    assert_int_equal(atomic_load(&w->asked), 1);
    REPLIES(w, {404, "{\"code\": \"can ary\"}"});
    assert_no_key(w, s3_role_container, ERROR_KEY);
    REPLIES(w, {200, "canary"});
    assert_no_key(w, s3_role_container, ERROR_KEY);
}

static void an_answer_has_a_bound_and_a_stop_is_obeyed(void **state)
{
    struct world *w = *state;
    volatile sig_atomic_t stop = SIGINT;
    char *text = malloc(S3_KEY_ANSWER + 2);
    assert_non_null(text);
    memset(text, ' ', S3_KEY_ANSWER + 1);
    text[S3_KEY_ANSWER + 1] = '\0';
    fake_env_set(&w->env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
    REPLIES(w, {200, text});
    assert_no_key(w, s3_role_container, ERROR_IO);
    free(text);
    REPLIES(w, {200, AGENT_KEY});
    w->o.stop = &stop;
    assert_no_key(w, s3_role_container, ERROR_INTERRUPTED);
}

/* ---- instance ------------------------------------------------------------------------ */

static void an_instance_opens_a_session_and_asks_for_its_role(void **state)
{
    static const char path[] = "/latest/meta-data/iam/security-credentials/";
    struct world *w = *state;
    char line[256];
    fake_env_set(&w->env, "AWS_EC2_METADATA_DISABLED", "false");
    fake_env_set(&w->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "%s//",
                 answer_server_url(w->server));
    REPLIES(w, {200, "session=="}, {200, "backup-role\n"}, {200, AGENT_KEY});
    assert_key(w, s3_role_instance, "ASIA", NOON);
    assert_int_equal(atomic_load(&w->asked), 3);
    assert_int_equal(strncmp(w->seen[0], "PUT /latest/api/token HTTP/1.1\r\n", 32), 0);
    assert_non_null(strstr(w->seen[0], "\r\nX-aws-ec2-metadata-token-ttl-seconds: 300\r\n"));
    (void)snprintf(line, sizeof line, "GET %s HTTP/1.1\r\n", path);
    assert_int_equal(strncmp(w->seen[1], line, strlen(line)), 0);
    (void)snprintf(line, sizeof line, "GET %sbackup-role HTTP/1.1\r\n", path);
    assert_int_equal(strncmp(w->seen[2], line, strlen(line)), 0);
    for (size_t i = 1; i < 3; i++)
        assert_non_null(strstr(w->seen[i], "\r\nX-aws-ec2-metadata-token: session==\r\n"));
}

static void where_there_is_no_role_the_reason_is_told(void **state)
{
    struct world *w = *state;
    fake_env_set(&w->env, "AWS_EC2_METADATA_DISABLED", "TRUE");
    assert_absent(w, s3_role_instance, "AWS_EC2_METADATA_DISABLED");
    fake_env_set(&w->env, "AWS_EC2_METADATA_DISABLED", "%s", "");
    fake_env_set(&w->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "%s",
                 answer_server_url(w->server));
    REPLIES(w, {404, "not here"});
    assert_absent(w, s3_role_instance, "status 404");
    REPLIES(w, {200, ""});
    assert_absent(w, s3_role_instance, "no token");
    REPLIES(w, {200, "<html>\r\nX"});
    assert_absent(w, s3_role_instance, "no token");
    REPLIES(w, {200, "t"}, {404, NULL});
    assert_absent(w, s3_role_instance, "no role");
    REPLIES(w, {200, "t"}, {200, ""});
    assert_absent(w, s3_role_instance, "no role");
    REPLIES(w, {200, "t"}, {200, "../../user-data"}, {200, AGENT_KEY});
    assert_absent(w, s3_role_instance, "no role");
    assert_int_equal(atomic_load(&w->asked), 2);
    REPLIES(w, {0, NULL}, {0, NULL});
    assert_absent(w, s3_role_instance, "nobody answers");
    fake_env_set(&w->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    assert_absent(w, s3_role_instance, "nobody answers");
}

static void an_instance_whose_role_cannot_be_taken_has_an_error(void **state)
{
    struct world *w = *state;
    fake_env_set(&w->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "%s",
                 answer_server_url(w->server));
    REPLIES(w, {200, "t"}, {200, "r"}, {200, "{\"Code\": \"AssumeRoleUnauthorizedAccess\"}"});
    assert_no_key(w, s3_role_instance, ERROR_KEY);
    assert_non_null(strstr(e.text, "AssumeRoleUnauthorizedAccess"));
    REPLIES(w, {200, "canary"}, {401, "canary"});
    assert_no_key(w, s3_role_instance, ERROR_KEY);
    REPLIES(w, {503, NULL}, {503, NULL});
    assert_no_key(w, s3_role_instance, ERROR_BUSY);
    REPLIES(w, {200, "t"}, {200, "r"}, {0, NULL}, {0, NULL});
    assert_no_key(w, s3_role_instance, ERROR_BUSY);
}

/* ---- web identity -------------------------------------------------------------------- */

#define STS(expires)                                                                           \
    "{\"AssumeRoleWithWebIdentityResponse\": {\"AssumeRoleWithWebIdentityResult\": "           \
    "{\"Credentials\": {\"AccessKeyId\": \"ASIA\", \"SecretAccessKey\": \"s\", "               \
    "\"SessionToken\": \"t\", \"Expiration\": " expires "}}}}"
#define STS_XML                                                                                \
    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"  \
    "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA</AccessKeyId>"            \
    "<SecretAccessKey>s</SecretAccessKey><Expiration>2026-01-31T12:00:00Z</Expiration>"        \
    "<SessionToken>t</SessionToken></Credentials></AssumeRoleWithWebIdentityResult>"           \
    "</AssumeRoleWithWebIdentityResponse>"

static void web_identity(struct world *w)
{
    fake_env_file(&w->env, "AWS_WEB_IDENTITY_TOKEN_FILE", "a.b/c+d\n");
    fake_env_set(&w->env, "AWS_ROLE_ARN", "arn:aws:iam::1:role/x");
    fake_env_set(&w->env, "AWS_ENDPOINT_URL_STS", "%s", answer_server_url(w->server));
}

static void a_token_is_changed_for_a_key_each_time(void **state)
{
    struct world *w = *state;
    assert_absent(w, s3_role_web_identity, "AWS_WEB_IDENTITY_TOKEN_FILE");
    web_identity(w);
    REPLIES(w, {200, STS("1769860800.0")}, {200, STS("\"2026-01-31T12:00:00Z\"")},
            {200, STS_XML});
    assert_key(w, s3_role_web_identity, "ASIA", NOON);
    assert_int_equal(strncmp(w->seen[0], "POST / HTTP/1.1\r\n", 17), 0);
    assert_non_null(strstr(w->seen[0], "\r\nAccept: application/json\r\n"));
    assert_non_null(
        strstr(w->seen[0], "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    assert_null(strstr(w->seen[0], "Authorization:"));
    assert_string_equal(strstr(w->seen[0], "\r\n\r\n") + 4,
                        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&"
                        "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx&RoleSessionName=pgkeep&"
                        "WebIdentityToken=a.b%2Fc%2Bd");
    fake_env_file(&w->env, "AWS_WEB_IDENTITY_TOKEN_FILE", "second");
    fake_env_set(&w->env, "AWS_ROLE_SESSION_NAME", "night@shop");
    assert_key(w, s3_role_web_identity, "ASIA", NOON);
    assert_non_null(
        strstr(w->seen[1], "&RoleSessionName=night%40shop&WebIdentityToken=second"));
    assert_key(w, s3_role_web_identity, "ASIA", NOON);
}

static void what_sts_refuses_is_told_by_its_code(void **state)
{
    static const struct {
        struct reply reply;
        enum error_kind kind;
        const char *told;
    } rows[] = {
        {{400, "{\"Error\": {\"Code\": \"InvalidIdentityToken\", \"Message\": \"canary\"}}"},
         ERROR_KEY,
         "status 400 InvalidIdentityToken"},
        {{403, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
               "<Message>canary</Message></Error></ErrorResponse>"},
         ERROR_KEY,
         "status 403 AccessDenied"},
        {{400, "{\"Error\": {\"Code\": \"IDPCommunicationError\"}}"},
         ERROR_BUSY,
         "IDPCommunicationError"},
        {{400, "<Error><Code>Throttling</Code></Error>"}, ERROR_BUSY, "Throttling"},
        {{400, "<Code>can<b>ary</b></Code>"}, ERROR_KEY, "status 400"},
        {{302, "canary"}, ERROR_KEY, "status 302"},
        {{200, "canary"}, ERROR_KEY, "no whole key"},
        {{200, ""}, ERROR_KEY, "no whole key"},
        {{200, "{}"}, ERROR_KEY, "no whole key"},
        {{200, STS("\"canary\"")}, ERROR_KEY, "no whole key"},
        {{200, STS("-1")}, ERROR_KEY, "no whole key"},
        {{200, STS("1e300")}, ERROR_KEY, "no whole key"},
        {{200, STS("null")}, ERROR_KEY, "no whole key"},
        {{200, "<AccessKeyId>canary</AccessKeyId>"}, ERROR_KEY, "no whole key"},
        {{200, "<AccessKeyId>canary"}, ERROR_KEY, "no whole key"},
    };
    struct world *w = *state;
    web_identity(w);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        REPLIES(w, rows[i].reply);
        assert_no_key(w, s3_role_web_identity, rows[i].kind);
        if (!strstr(e.text, rows[i].told))
            fail_msg("%s: not in: %s", rows[i].told, e.text);
    }
    fake_env_set(&w->env, "AWS_ENDPOINT_URL_STS", "http://example.net");
    assert_no_key(w, s3_role_web_identity, ERROR_USAGE);
    fake_env_set(&w->env, "AWS_ROLE_ARN", "%s", "");
    assert_no_key(w, s3_role_web_identity, ERROR_USAGE);
}

/* The server is the proxy here, and sees to whom the way should lead. */
static void sts_is_asked_in_the_region_of_the_host(void **state)
{
    static const struct {
        const char *region, *own, *regional, *host;
    } rows[] = {
        {"eu-1", "", "", "sts.eu-1.amazonaws.com"},
        {"eu-1", "eu-west-9", "", "sts.eu-west-9.amazonaws.com"},
        {"cn-north-1", "", "", "sts.cn-north-1.amazonaws.com.cn"},
        {NULL, "", "", "sts.amazonaws.com"},
        {"evil.example/", "", "", "sts.amazonaws.com"},
        {"us-east-1", "", "regional", "sts.us-east-1.amazonaws.com"},
        {"us-east-1", "", "legacy", "sts.amazonaws.com"},
        {"eu-south-1", "", "legacy", "sts.eu-south-1.amazonaws.com"},
    };
    struct world *w = *state;
    fake_env_file(&w->env, "AWS_WEB_IDENTITY_TOKEN_FILE", "canary");
    fake_env_set(&w->env, "AWS_ROLE_ARN", "arn");
    assert_int_equal(setenv("https_proxy", answer_server_url(w->server), 1), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char line[128];
        w->o.region = rows[i].region;
        w->env.count = 2;
        fake_env_set(&w->env, "AWS_DEFAULT_REGION", "%s", rows[i].own);
        fake_env_set(&w->env, "AWS_STS_REGIONAL_ENDPOINTS", "%s", rows[i].regional);
        REPLIES(w, {403, NULL}, {403, NULL});
        assert_no_key(w, s3_role_web_identity, ERROR_BUSY);
        (void)snprintf(line, sizeof line, "CONNECT %s:443 HTTP/1.1\r\n", rows[i].host);
        if (strncmp(w->seen[0], line, strlen(line)) != 0)
            fail_msg("%s: not: %.80s", line, w->seen[0]);
    }
    assert_int_equal(unsetenv("https_proxy"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_container_asks_its_agent),
        TEST(the_file_with_the_agents_token_is_read_each_time),
        TEST(keys_come_only_from_addresses_that_are_trusted),
        TEST(trouble_is_met_by_a_second_try),
        TEST(an_answer_has_a_bound_and_a_stop_is_obeyed),
        TEST(an_instance_opens_a_session_and_asks_for_its_role),
        TEST(where_there_is_no_role_the_reason_is_told),
        TEST(an_instance_whose_role_cannot_be_taken_has_an_error),
        TEST(a_token_is_changed_for_a_key_each_time),
        TEST(what_sts_refuses_is_told_by_its_code),
        TEST(sts_is_asked_in_the_region_of_the_host),
    };
    (void)unsetenv("https_proxy");
    (void)unsetenv("HTTPS_PROXY");
    (void)unsetenv("no_proxy");
    (void)unsetenv("NO_PROXY");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
