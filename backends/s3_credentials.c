/* SPDX-License-Identifier: Apache-2.0 */
/* Places are asked in their order, without the lock: the thread that asks has set `renewing`,
 * so there is one. What it found, or how it failed, is for all who wait. */
#include "backends/s3_credentials.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/s3_profile.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/str.h"

#define AGAIN_US (30 * INT64_C(1000000)) /* between two tries while the old key holds */
#define ABSENT 1
#define SHOWN 120 /* bytes of a path in a message */

struct s3_credentials {
    struct s3_credentials_options o;
    char *region, *profile;
    bool warned; /* of a file that others may read; of the thread that renews */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct s3_key key;
    bool renewing; /* by one thread, without the lock */
    bool refused;
    int64_t asked_us;     /* when it was last begun to ask; 0: never */
    uint64_t rounds;      /* of asking that have ended */
    struct error failure; /* of the last round, if it failed */
};

/* A place to look at: 0, -1, or ABSENT with the reason in why. */
struct place {
    const char *name;
    int (*look)(struct s3_credentials *c, struct s3_key *out, char why[S3_KEY_WHY],
                struct error *e);
};

static const char *of_process(void *arg, const char *name)
{
    const char *value = getenv(name);
    (void)arg;
    return value && *value ? value : NULL;
}

static int64_t now_us(const struct s3_credentials *c)
{
    return c->o.now_us ? c->o.now_us(c->o.now_arg) : clock_now_us();
}

static const char *get(const struct s3_credentials_options *o, const char *name)
{
    return o->get ? o->get(o->get_arg, name) : of_process(NULL, name);
}

struct s3_credentials *s3_credentials_new(const struct s3_credentials_options *o,
                                          struct error *e)
{
    struct s3_credentials *c = calloc(1, sizeof *c);
    if (!c) {
        (void)error_memory(e, "keys of S3");
        return NULL;
    }
    c->o = *o;
    if (!c->o.get)
        c->o.get = of_process;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->changed, NULL);
    if ((!o->region || (c->region = str_copy(o->region, e))) &&
        (!o->profile || (c->profile = str_copy(o->profile, e)))) {
        c->o.region = c->region;
        c->o.profile = c->profile;
        return c;
    }
    s3_credentials_free(c);
    return NULL;
}

void s3_credentials_free(struct s3_credentials *c)
{
    if (!c)
        return;
    s3_key_done(&c->key);
    free(c->region);
    free(c->profile);
    (void)pthread_cond_destroy(&c->changed);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

void s3_credentials_stop_by(struct s3_credentials *c, const volatile sig_atomic_t *stop)
{
    c->o.stop = stop;
}

/* ---- the environment ----------------------------------------------------------------- */

static int in_environment(struct s3_credentials *c, struct s3_key *out, char why[S3_KEY_WHY],
                          struct error *e)
{
    const char *id = get(&c->o, "AWS_ACCESS_KEY_ID");
    const char *secret = get(&c->o, "AWS_SECRET_ACCESS_KEY");
    if (!id && !secret) {
        (void)snprintf(why, S3_KEY_WHY, "AWS_ACCESS_KEY_ID is not set");
        return ABSENT;
    }
    if (!id || !secret)
        return error_set(e, ERROR_USAGE, "%s is set without %s",
                         id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                         id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    return s3_key_set(out, id, secret, get(&c->o, "AWS_SESSION_TOKEN"), e) < 0
               ? error_wrap(e, "environment")
               : 0;
}

/* ---- the profile --------------------------------------------------------------------- */

/* Which profile of which files; the paths are ours, NULL where there is no home either. */
struct files {
    const char *profile;
    bool is_asked_for; /* not just the usual one */
    char *credentials, *config;
};

static void files_done(struct files *f)
{
    free(f->credentials);
    free(f->config);
}

/* What a shell makes of a path with ~ in front, which no shell may have seen. */
static int path_of(const struct s3_credentials_options *o, const char *variable,
                   const char *usual, char **path, struct error *e)
{
    const char *given = get(o, variable);
    const char *home = get(o, "HOME");
    *path = NULL;
    given = given ? given : usual;
    bool in_home = str_starts(given, "~/");
    if (in_home && !home)
        return 0;
    *path = in_home ? str_format(e, "%s%s", home, given + 1) : str_copy(given, e);
    return *path ? 0 : -1;
}

static int files_of(const struct s3_credentials_options *o, struct files *f, struct error *e)
{
    *f = (struct files){.profile = o->profile ? o->profile : get(o, "AWS_PROFILE")};
    f->is_asked_for = f->profile;
    f->profile = f->profile ? f->profile : "default";
    if (path_of(o, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", &f->credentials, e) ==
            0 &&
        path_of(o, "AWS_CONFIG_FILE", "~/.aws/config", &f->config, e) == 0)
        return 0;
    files_done(f);
    return -1;
}

/* The path as far as it goes, and what is wrong with it. */
static void show(char out[SHOWN], const char *path)
{
    if (!path)
        (void)snprintf(out, SHOWN, "~/.aws (HOME is not set)");
    else
        (void)snprintf(out, SHOWN, "%.100s%s", path,
                       access(path, F_OK) == 0 ? "" : " (not there)");
}

static int no_profile(const struct files *f, int rc, char why[S3_KEY_WHY], struct error *e)
{
    char credentials[SHOWN], config[SHOWN];
    show(credentials, f->credentials);
    show(config, f->config);
    if (rc == S3_PROFILE_KEYLESS) {
        (void)snprintf(why, S3_KEY_WHY, "%.60s names no key", f->profile);
        return ABSENT;
    }
    if (!f->is_asked_for) {
        (void)snprintf(why, S3_KEY_WHY, "no %s in %s and %s", f->profile, credentials, config);
        return ABSENT;
    }
    (void)error_set(e, ERROR_KEY, "profile %.60s: neither in %s nor in %s", f->profile,
                    credentials, config);
    return error_hint(e, "in the config file its section is [profile %.60s]", f->profile);
}

static int in_profile(struct s3_credentials *c, struct s3_key *out, char why[S3_KEY_WHY],
                      struct error *e)
{
    struct files f;
    if (files_of(&c->o, &f, e) < 0)
        return -1;
    const struct s3_profile_options o = {.name = f.profile,
                                         .credentials = f.credentials,
                                         .config = f.config,
                                         .stop = c->o.stop,
                                         .warned = &c->warned};
    int rc = s3_profile_key(&o, out, e);
    if (rc > 0)
        rc = no_profile(&f, rc, why, e);
    files_done(&f);
    return rc;
}

int s3_credentials_region(const struct s3_credentials_options *o, char **region,
                          struct error *e)
{
    const char *given = get(o, "AWS_REGION");
    struct files f;
    given = given ? given : get(o, "AWS_DEFAULT_REGION");
    if (given) {
        *region = str_copy(given, e);
        return *region ? 0 : -1;
    }
    if (files_of(o, &f, e) < 0)
        return -1;
    bool told = true; /* by whoever asks for the key */
    const struct s3_profile_options from = {
        .name = f.profile, .credentials = f.credentials, .config = f.config, .warned = &told};
    int rc = s3_profile_region(&from, region, e);
    files_done(&f);
    return rc > 0 ? S3_CREDENTIALS_NO_REGION : rc;
}

/* ---- roles --------------------------------------------------------------------------- */

static struct s3_role_options role_options(const struct s3_credentials *c, char *why)
{
    return (struct s3_role_options){.get = c->o.get,
                                    .get_arg = c->o.get_arg,
                                    .region = c->o.region,
                                    .stop = c->o.stop,
                                    .why = why};
}

static int in_web_identity(struct s3_credentials *c, struct s3_key *out, char why[S3_KEY_WHY],
                           struct error *e)
{
    const struct s3_role_options o = role_options(c, why);
    return s3_role_web_identity(&o, out, e);
}

static int in_container(struct s3_credentials *c, struct s3_key *out, char why[S3_KEY_WHY],
                        struct error *e)
{
    const struct s3_role_options o = role_options(c, why);
    return s3_role_container(&o, out, e);
}

static int in_instance(struct s3_credentials *c, struct s3_key *out, char why[S3_KEY_WHY],
                       struct error *e)
{
    const struct s3_role_options o = role_options(c, why);
    return s3_role_instance(&o, out, e);
}

/* ---- the chain ----------------------------------------------------------------------- */

/* had_one: then a place that gave a key does not answer now, and may again. */
static int found_nothing(const char *reasons, bool had_one, struct error *e)
{
    (void)error_set(e, had_one ? ERROR_BUSY : ERROR_KEY, "no key for S3: %s", reasons);
    return error_hint(e, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE");
}

/* The first place that has a key; one that cannot give what it should ends the search. */
static int look(struct s3_credentials *c, bool had_one, struct s3_key *out, struct error *e)
{
    static const struct place places[] = {{"environment", in_environment},
                                          {"web identity", in_web_identity},
                                          {"profile", in_profile},
                                          {"container", in_container},
                                          {"instance", in_instance}};
    char reasons[900];
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        char why[S3_KEY_WHY] = "";
        int rc = places[i].look(c, out, why, e);
        if (rc == 0)
            log_debug("key of S3: from %s", places[i].name);
        if (rc <= 0)
            return rc;
        int n = snprintf(reasons + len, sizeof reasons - len, "%s%s: %s", i ? "; " : "",
                         places[i].name, why);
        len = n < 0 || (size_t)n >= sizeof reasons - len ? sizeof reasons - 1 : len + (size_t)n;
    }
    return found_nothing(reasons, had_one, e);
}

/* A key that has run out before it came is none. */
static int look_for_one_that_holds(struct s3_credentials *c, bool had_one, struct s3_key *out,
                                   struct error *e)
{
    char when[CLOCK_TEXT];
    int rc = look(c, had_one, out, e);
    if (rc < 0 || out->expires_us == 0 || out->expires_us > now_us(c))
        return rc;
    clock_rfc3339(when, out->expires_us);
    s3_key_done(out);
    (void)error_set(e, had_one ? ERROR_BUSY : ERROR_KEY, "key of S3: the new one expired at %s",
                    when);
    return error_hint(e, "log in again where it comes from, or set the clock of this host");
}

/* ---- keeping ------------------------------------------------------------------------- */

/* Does the key at hand hold for now? */
static bool holds(const struct s3_credentials *c)
{
    return c->key.id && !c->refused &&
           (c->key.expires_us == 0 || now_us(c) < c->key.expires_us);
}

/* Is it time to ask for another one? */
static bool is_due(const struct s3_credentials *c)
{
    int64_t now = now_us(c);
    if (!holds(c))
        return true;
    if (c->key.expires_us == 0 || now < c->key.expires_us - S3_CREDENTIALS_EARLY_US)
        return false;
    return now < c->asked_us || now - c->asked_us >= AGAIN_US;
}

/* The lock is held, and given up meanwhile. */
static int renew(struct s3_credentials *c, struct error *e)
{
    struct s3_key fresh = {0};
    bool had_one = c->key.id;
    c->renewing = true;
    c->asked_us = now_us(c);
    error_clear(&c->failure);
    (void)pthread_mutex_unlock(&c->lock);
    int rc = look_for_one_that_holds(c, had_one, &fresh, &c->failure);
    (void)pthread_mutex_lock(&c->lock);
    c->renewing = false;
    c->rounds++;
    (void)pthread_cond_broadcast(&c->changed);
    if (rc == 0) {
        s3_key_done(&c->key);
        c->key = fresh;
        c->refused = false;
        return 0;
    }
    if (holds(c)) {
        log_warning("the key of S3 could not be renewed yet: %.*s",
                    (int)strcspn(c->failure.text, "\n"), c->failure.text);
        return 0;
    }
    if (e)
        *e = c->failure;
    return -1;
}

/* Until there is a key or the thread that asks has failed: then so have all who waited. */
static int await(struct s3_credentials *c, struct error *e)
{
    uint64_t round = c->rounds;
    while (c->renewing && !holds(c))
        (void)pthread_cond_wait(&c->changed, &c->lock);
    if (c->rounds == round || holds(c) || c->renewing)
        return 0;
    if (c->failure.kind == ERROR_NONE)
        return 0;
    if (e)
        *e = c->failure;
    return -1;
}

int s3_credentials_get(struct s3_credentials *c, struct s3_key *out, struct error *e)
{
    (void)pthread_mutex_lock(&c->lock);
    int rc = await(c, e);
    if (rc == 0 && !c->renewing && is_due(c))
        rc = renew(c, e);
    if (rc == 0)
        rc = s3_key_set(out, c->key.id, c->key.secret, c->key.token, e);
    if (rc == 0)
        out->expires_us = c->key.expires_us;
    (void)pthread_mutex_unlock(&c->lock);
    return rc;
}

void s3_credentials_refused(struct s3_credentials *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->refused = true;
    (void)pthread_mutex_unlock(&c->lock);
}
