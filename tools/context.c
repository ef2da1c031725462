/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/context.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/backends.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "core/repo/envelope.h"
#include "core/repo/grant.h"
#include "core/repo/recovery.h"
#include "tools/paths.h"
#include "tools/secret_ask.h"

#define MAX_BUNDLE (64 * KIB)
#define MAX_WORKERS 32

#define AT(member) offsetof(struct context, member)
const struct options_spec context_specs[] = {
    {'r', "repo", OPTIONS_TEXT, AT(repository), "URL",
     "repository: /path, s3://BUCKET/PREFIX, sftp://USER@HOST/PATH", "PGKEEP_REPOSITORY"},
    {0, "catalog", OPTIONS_TEXT, AT(catalog_path), "FILE", "SQLite catalog of this host", NULL},
    {0, "key-file", OPTIONS_TEXT, AT(key_file), "FILE",
     "host bundle, or a file with the recovery code", NULL},
    {0, "json", OPTIONS_FLAG, AT(json), NULL, "JSON on standard output", NULL},
    {'q', "quiet", OPTIONS_COUNT, AT(quiet), NULL, "say less", NULL},
    {'v', "verbose", OPTIONS_COUNT, AT(verbose), NULL, "say more (twice: debug)", NULL},
    {0, "progress", OPTIONS_TEXT, AT(progress), "WHEN", "auto, always or never", NULL},
    {0, "color", OPTIONS_TEXT, AT(color), "WHEN", "auto, always or never", NULL},
    {0, "log-file", OPTIONS_TEXT, AT(log_file), "FILE", "append the log to a file", NULL},
    {0, "log-format", OPTIONS_TEXT, AT(log_format), "FORMAT", "text or json", NULL},
    {'V', "version", OPTIONS_FLAG, AT(version), NULL, "print the version", ""},
    {'?', "help", OPTIONS_FLAG, AT(help), NULL, "print help", ""},
};
const size_t context_spec_count = ARRAY_SIZE(context_specs);

static void close_catalog(struct context *c)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", CONTEXT_LOCK};
    catalog_close(c->catalog);
    c->catalog = NULL;
    if (c->catalog_lock >= 0)
        (void)close(c->catalog_lock);
    c->catalog_lock = -1;
    if (!c->passing)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        char *path = context_catalog_path(c, suffixes[i], NULL);
        if (path)
            (void)unlink(path);
        free(path);
    }
    (void)rmdir(c->passing);
    free(c->passing);
    c->passing = NULL;
}

void context_done(struct context *c)
{
    close_catalog(c);
    repo_free(c->repo);
    store_close(c->store);
    free(c->url);
    free(c->state_folder);
    free(c->bundle_path);
}

int context_rate(const char *option, const char *text, uint64_t *rate, struct error *e)
{
    if (!text || str_bytes(text, rate))
        return 0;
    return error_set(e, ERROR_USAGE, "%s: a rate such as 10M (bytes a second) is expected",
                     option);
}

void context_tell_store(const struct context *c, struct store *s)
{
    const struct store_options options = {.up_per_second = c->up_per_second,
                                          .down_per_second = c->down_per_second,
                                          .stop = c->stop};
    store_configure(s, &options);
}

int context_store(struct context *c, bool create, struct error *e)
{
    if (c->store)
        return 0;
    if (!c->repository || !*c->repository) {
        (void)error_set(e, ERROR_USAGE, "no repository was named");
        return error_hint(e, "give -r URL, or set PGKEEP_REPOSITORY");
    }
    c->store = backends_open(c->repository, create, e);
    if (c->store)
        context_tell_store(c, c->store);
    c->url = c->store ? backends_canonical(c->repository, e) : NULL;
    return c->url ? 0 : -1;
}

static int use_bundle_file(struct context *c, const char *path, struct error *e)
{
    struct buf raw = {0};
    struct bundle b;
    int rc = file_load_secret(path, MAX_BUNDLE, &raw, e);
    if (rc == 0)
        rc = bundle_read(buf_view(&raw), &b, e);
    if (rc == 0) {
        rc = repo_use_bundle(c->repo, &b, e);
        bundle_wipe(&b);
    }
    secret_free_buf(&raw);
    return rc < 0 ? error_wrap(e, "%s", path) : rc;
}

int context_repo(struct context *c, struct error *e)
{
    if (c->repo)
        return 0;
    if (context_store(c, false, e) < 0)
        return -1;
    c->repo = repo_open(c->store, e);
    if (!c->repo)
        return -1;
    c->bundle_path = paths_bundle(repo_id(c->repo), e);
    c->state_folder = c->bundle_path ? paths_state(repo_id(c->repo), c->url, e) : NULL;
    if (!c->state_folder)
        return -1;
    int rc = use_bundle_file(c, c->bundle_path, e);
    return rc < 0 ? -1 : 0;
}

static int use_recovery_code(struct context *c, const char *text, const char *what,
                             struct error *e)
{
    struct secret seed;
    int rc = recovery_read(text, &seed, e);
    if (rc == 0)
        rc = repo_use_seed(c->repo, &seed, e);
    secret_wipe(&seed);
    return rc < 0 ? error_wrap(e, "%s", what) : 0;
}

/* --key-file: a host bundle (by its magic) or a recovery code. */
static int use_key_file(struct context *c, struct error *e)
{
    struct buf raw = {0};
    int rc = file_load_secret(c->key_file, MAX_BUNDLE, &raw, e);
    if (rc == FILE_ABSENT)
        return error_set(e, ERROR_KEY, "--key-file: there is no file %s", c->key_file);
    if (rc == 0 && raw.len >= 8 && memcmp(raw.data, "PGKHOST", 7) == 0) {
        rc = use_bundle_file(c, c->key_file, e);
    } else if (rc == 0) {
        char *text = str_copy_bytes(buf_view(&raw), e);
        rc = text ? use_recovery_code(c, text, "--key-file", e) : -1;
        secret_free_text(text);
    }
    secret_free_buf(&raw);
    return rc;
}

/* Keys that stand in the environment. SECRET_NONE. */
static int use_secrets(struct context *c, struct error *e)
{
    char *text = NULL;
    int rc = secret_find("PGKEEP_RECOVERY_KEY", c->stop, &text, e);
    if (rc == 0) {
        rc = use_recovery_code(c, text, "PGKEEP_RECOVERY_KEY", e);
        secret_free_text(text);
        return rc;
    }
    if (rc == SECRET_NONE)
        rc = secret_find("PGKEEP_PASSPHRASE", c->stop, &text, e);
    if (rc == 0) {
        rc = repo_use_passphrase(c->repo, text, e);
        secret_free_text(text);
    }
    return rc;
}

int context_given_reader(struct context *c, struct error *e)
{
    if (context_repo(c, e) < 0)
        return -1;
    if (repo_has_seed(c->repo))
        return 0;
    if (c->key_file && use_key_file(c, e) < 0)
        return -1;
    if (repo_has_seed(c->repo))
        return 0;
    int rc = use_secrets(c, e);
    return rc == SECRET_NONE ? CONTEXT_NO_KEY : rc;
}

int context_find_reader(struct context *c, struct error *e)
{
    char *text = NULL;
    int rc = context_given_reader(c, e);
    if (rc != CONTEXT_NO_KEY)
        return rc;
    rc = secret_ask("passphrase of the repository", false, &text, e);
    if (text) {
        rc = repo_use_passphrase(c->repo, text, e);
        secret_free_text(text);
    }
    return rc == SECRET_NONE ? CONTEXT_NO_KEY : rc;
}

int context_reader(struct context *c, struct error *e)
{
    int rc = context_find_reader(c, e);
    if (rc != CONTEXT_NO_KEY)
        return rc;
    (void)error_set(e, ERROR_KEY, "this needs a key that reads content, and none was given");
    return error_hint(e, "set PGKEEP_PASSPHRASE_FILE or PGKEEP_RECOVERY_KEY_FILE");
}

int context_metadata(struct context *c, struct error *e)
{
    if (context_repo(c, e) < 0)
        return -1;
    const struct bundle *b = repo_bundle(c->repo);
    if (repo_has_seed(c->repo) || (b && b->has_keeper_key))
        return 0;
    if (c->key_file)
        return use_key_file(c, e);
    int rc = use_secrets(c, e);
    return rc == SECRET_NONE ? 0 : rc;
}

int context_save_bundle(struct context *c, const struct bundle *b, struct error *e)
{
    struct buf raw = {0};
    char *folder = str_copy(c->bundle_path, e);
    int rc = folder ? file_make_dirs(dirname(folder), 0700, e) : -1;
    if (rc == 0)
        rc = bundle_write(b, &raw, e);
    if (rc == 0)
        rc = file_replace(c->bundle_path, buf_view(&raw), 0600, e);
    secret_free_buf(&raw);
    free(folder);
    return rc < 0 ? error_wrap(e, "host bundle") : 0;
}

int context_writer(struct context *c, struct error *e)
{
    struct bundle b;
    if (context_repo(c, e) < 0)
        return -1;
    if (!repo_bundle(c->repo) && c->key_file && use_key_file(c, e) < 0)
        return -1;
    if (repo_bundle(c->repo))
        return 0;
    if (context_reader(c, e) < 0) {
        (void)error_wrap(e, "this host is not enrolled in the repository");
        return -1;
    }
    if (repo_enrol(c->repo, true, &b, e) < 0)
        return -1;
    /* As a keeper it reads names and numbers of older backups too, not only of its own. The
     * bundle is saved last: killed before, the next run enrols anew and misses nothing. */
    struct bundle_reader self = {.epoch = b.keeper_epoch, .scope = FORMAT_SCOPE_METADATA};
    int rc = envelope_public_key(&b.keeper_key, self.public_key, e);
    if (rc == 0)
        rc = grant_backups(c->repo, &self, e);
    if (rc == 0)
        rc = context_save_bundle(c, &b, e);
    bundle_wipe(&b);
    if (rc == 0)
        log_info("this host is now enrolled; its keys are in %s", c->bundle_path);
    return rc;
}

char *context_catalog_path(const struct context *c, const char *suffix, struct error *e)
{
    if (c->passing)
        return str_format(e, "%s/catalog.sqlite%s", c->passing, suffix);
    if (c->catalog_path)
        return str_format(e, "%s%s", c->catalog_path, suffix);
    return str_format(e, "%s/catalog.sqlite%s", c->state_folder, suffix);
}

int context_catalog(struct context *c, struct error *e)
{
    if (c->catalog)
        return 0;
    bool elsewhere = c->passing || c->catalog_path;
    if (context_repo(c, e) < 0 || (!elsewhere && file_make_dirs(c->state_folder, 0700, e) < 0))
        return -1;
    char *path = context_catalog_path(c, "", e);
    char *lock = path ? context_catalog_path(c, CONTEXT_LOCK, e) : NULL;
    if (lock && c->catalog_lock < 0)
        c->catalog_lock = file_lock_shared(lock, e);
    if (c->catalog_lock >= 0)
        c->catalog = catalog_open(path, repo_id(c->repo), e);
    free(lock);
    free(path);
    return c->catalog ? 0 : -1;
}

static int use_passing_folder(struct context *c, struct error *e)
{
    const char *temporary = getenv("TMPDIR");
    char *path =
        str_format(e, "%s/pgkeep-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (!path)
        return -1;
    if (!mkdtemp(path)) {
        (void)error_system(e, "%s", path);
        free(path);
        return -1;
    }
    c->passing = path;
    return context_catalog(c, e);
}

int context_reading_catalog(struct context *c, struct error *e)
{
    struct error why;
    if (context_catalog(c, &why) == 0)
        return 0;
    if (!c->repo || why.kind != ERROR_IO) {
        *e = why;
        return -1;
    }
    log_warning("%s; the catalog is made anew for this run only", why.text);
    close_catalog(c);
    return use_passing_folder(c, e);
}

bool context_wants_progress(const struct context *c)
{
    if (c->quiet || c->json)
        return false;
    if (c->progress && strcmp(c->progress, "always") == 0)
        return true;
    if (c->progress && strcmp(c->progress, "never") == 0)
        return false;
    return isatty(STDERR_FILENO);
}

unsigned context_workers(uint64_t asked)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t n = asked ? asked : cores > 1 ? (uint64_t)cores : 1;
    return (unsigned)(n > MAX_WORKERS ? MAX_WORKERS : n);
}
