/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/s3_credentials.h"

#include <pthread.h>
#include <stdlib.h>

#include "backends/s3_profile.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/str.h"

#define AGAIN_US (30 * INT64_C(1000000)) /* after a renewal that failed */

struct s3_credentials {
    struct s3_credentials_options o;
    char *region;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct s3_key key;
    bool renewing; /* by one thread, without the lock */
    bool refused;
    int64_t failed_us; /* the last renewal that did; 0: none */
};

/* A place to look at. */
struct place {
    const char *name;
    int (*look)(struct s3_credentials *c, struct s3_key *out, struct error *e);
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

static const char *get(const struct s3_credentials *c, const char *name)
{
    return c->o.get(c->o.get_arg, name);
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
    if (!o->region || (c->region = str_copy(o->region, e)))
        return c;
    s3_credentials_free(c);
    return NULL;
}

void s3_credentials_free(struct s3_credentials *c)
{
    if (!c)
        return;
    s3_key_done(&c->key);
    free(c->region);
    (void)pthread_cond_destroy(&c->changed);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- places -------------------------------------------------------------------------- */

#define ABSENT 1

static int in_environment(struct s3_credentials *c, struct s3_key *out, struct error *e)
{
    const char *id = get(c, "AWS_ACCESS_KEY_ID");
    const char *secret = get(c, "AWS_SECRET_ACCESS_KEY");
    if (!id && !secret)
        return ABSENT;
    if (!id || !secret)
        return error_set(e, ERROR_USAGE, "%s is set without %s",
                         id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                         id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    return s3_key_set(out, id, secret, get(c, "AWS_SESSION_TOKEN"), e);
}

static struct s3_role_options role_options(const struct s3_credentials *c)
{
    return (struct s3_role_options){
        .get = c->o.get, .get_arg = c->o.get_arg, .region = c->region};
}

static int in_web_identity(struct s3_credentials *c, struct s3_key *out, struct error *e)
{
    const struct s3_role_options o = role_options(c);
    return s3_role_web_identity(&o, out, e);
}

/* The file that a variable names, or ~/.aws/name; NULL without either, with *failed for want of
 * memory. */
static char *file_of(const struct s3_credentials *c, const char *variable, const char *name,
                     bool *failed, struct error *e)
{
    const char *given = get(c, variable);
    const char *home = get(c, "HOME");
    char *path = NULL;
    if (given)
        path = str_copy(given, e);
    else if (home)
        path = str_format(e, "%s/.aws/%s", home, name);
    *failed = *failed || ((given || home) && !path);
    return path;
}

static int in_profile(struct s3_credentials *c, struct s3_key *out, struct error *e)
{
    bool failed = false;
    char *keys = file_of(c, "AWS_SHARED_CREDENTIALS_FILE", "credentials", &failed, e);
    char *config = file_of(c, "AWS_CONFIG_FILE", "config", &failed, e);
    const struct s3_profile_options o = {
        .name = get(c, "AWS_PROFILE"), .credentials = keys, .config = config};
    int rc = failed ? -1 : s3_profile_key(&o, out, e);
    if (rc == S3_PROFILE_ABSENT && o.name) {
        (void)error_set(e, ERROR_KEY, "AWS_PROFILE: no key for profile %s", o.name);
        rc = -1;
    }
    free(keys);
    free(config);
    return rc;
}

static int in_container(struct s3_credentials *c, struct s3_key *out, struct error *e)
{
    const struct s3_role_options o = role_options(c);
    return s3_role_container(&o, out, e);
}

static int in_instance(struct s3_credentials *c, struct s3_key *out, struct error *e)
{
    const struct s3_role_options o = role_options(c);
    return s3_role_instance(&o, out, e);
}

/* The first place that has a key; one that cannot give what it should ends the search. */
static int look(struct s3_credentials *c, struct s3_key *out, struct error *e)
{
    static const struct place places[] = {
        {"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", in_environment},
        {"AWS_WEB_IDENTITY_TOKEN_FILE", in_web_identity},
        {"the profile in ~/.aws/credentials and ~/.aws/config", in_profile},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI", in_container},
        {"the role of an EC2 instance", in_instance},
    };
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        int rc = places[i].look(c, out, e);
        if (rc == 0)
            log_debug("key of S3: from %s", places[i].name);
        if (rc <= 0)
            return rc;
    }
    (void)error_set(e, ERROR_KEY,
                    "no key for S3: not in %s, not in %s, not in %s, not in %s, "
                    "not from %s",
                    places[0].name, places[1].name, places[2].name, places[3].name,
                    places[4].name);
    return error_hint(e, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE");
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
    if (!holds(c))
        return true;
    if (c->key.expires_us == 0 || now_us(c) < c->key.expires_us - S3_CREDENTIALS_EARLY_US)
        return false;
    return c->failed_us == 0 || now_us(c) - c->failed_us >= AGAIN_US;
}

/* The lock is held, and given up meanwhile. */
static int renew(struct s3_credentials *c, struct error *e)
{
    struct s3_key fresh = {0};
    c->renewing = true;
    (void)pthread_mutex_unlock(&c->lock);
    int rc = look(c, &fresh, e);
    (void)pthread_mutex_lock(&c->lock);
    c->renewing = false;
    (void)pthread_cond_broadcast(&c->changed);
    if (rc == 0) {
        s3_key_done(&c->key);
        c->key = fresh;
        c->refused = false;
        c->failed_us = 0;
        return 0;
    }
    c->failed_us = now_us(c);
    if (!holds(c))
        return -1;
    log_warning("the key of S3 could not be renewed yet: %s", e->text);
    error_clear(e);
    return 0;
}

int s3_credentials_get(struct s3_credentials *c, struct s3_key *out, struct error *e)
{
    int rc = 0;
    (void)pthread_mutex_lock(&c->lock);
    while (c->renewing && !holds(c))
        (void)pthread_cond_wait(&c->changed, &c->lock);
    if (!c->renewing && is_due(c))
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
