/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/sync.h"

static int remove_file(const char *path, const char *suffix)
{
    char *name = str_format(NULL, "%s%s", path, suffix);
    int rc = name ? unlink(name) : -1;
    free(name);
    return rc;
}

static void remove_database(const char *path)
{
    (void)remove_file(path, "");
    (void)remove_file(path, "-wal");
    (void)remove_file(path, "-shm");
}

/* Everything that the repository says, into the catalog that is open. */
static int fill(struct context *c, struct error *e)
{
    size_t bad = 0;
    if (sync_backups(c, &bad, e) < 0 || (repo_bundle(c->repo) && sync_packs(c, e) < 0))
        return -1;
    if (bad > 0)
        return error_set(e, ERROR_CORRUPT, "%zu manifests cannot be read", bad);
    return 0;
}

/* A new catalog at path, filled from the repository, with the history of the one at old
 * (NULL: none). The context's catalog is closed in the end. */
static int make_fresh(struct context *c, const char *path, const char *old, struct error *e)
{
    remove_database(path);
    catalog_close(c->catalog);
    c->catalog = catalog_open(path, repo_id(c->repo), e);
    int rc = c->catalog ? 0 : -1;
    if (rc == 0 && old && access(old, F_OK) == 0) {
        rc = catalog_adopt_history(c->catalog, old, e);
        if (rc == CATALOG_ABSENT || rc == CATALOG_PARTIAL) {
            log_warning("the old catalog's history could not be read whole");
            rc = 0;
        }
    }
    if (rc == 0)
        rc = fill(c, e);
    catalog_close(c->catalog);
    c->catalog = NULL;
    if (rc < 0)
        remove_database(path);
    return rc;
}

/* A file that --catalog names and that is no SQLite file may be anything: it is not replaced.
 * At the usual place there can only be a catalog, however damaged. */
static int check_replaceable(const struct context *c, const char *path, struct error *e)
{
    struct stat st;
    if (!c->catalog_path || stat(path, &st) < 0 || st.st_size == 0)
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char head[16] = "";
    size_t got = 0;
    int rc =
        fd < 0 ? error_system(e, "%s", path) : file_read_at(fd, 0, head, sizeof head, &got, e);
    if (fd >= 0)
        (void)close(fd);
    if (rc < 0 || memcmp(head, "SQLite format 3", sizeof head) == 0)
        return rc;
    (void)error_set(e, ERROR_USAGE, "%s is no SQLite file: it is not replaced", path);
    return error_hint(e, "if it is a destroyed catalog, remove it first");
}

/* A new file beside the old one, filled, given this host's history, then put in its place. */
static int rebuild(struct context *c, struct error *e)
{
    char *path = context_catalog_path(c, "", e);
    char *fresh = path ? str_format(e, "%s.rebuild", path) : NULL;
    char *lock_path = fresh ? context_catalog_path(c, CONTEXT_LOCK, e) : NULL;
    int rc = lock_path ? file_make_dirs(c->state_folder, 0700, e) : -1;
    int lock = rc == 0 ? file_lock(lock_path, false, e) : -1;
    if (rc == 0 && lock < 0) {
        rc = -1;
        (void)error_hint(e,
                         "another pgkeep works with this catalog; try again when it is done");
    }
    if (rc == 0)
        rc = check_replaceable(c, path, e);
    if (rc == 0)
        rc = make_fresh(c, fresh, path, e);
    if (rc == 0) {
        /* Closing has emptied the log files, so that one name is the whole catalog. */
        (void)remove_file(path, "-wal");
        (void)remove_file(path, "-shm");
        rc = file_rename(fresh, path, e);
    }
    if (lock >= 0)
        (void)close(lock);
    free(lock_path);
    free(path);
    free(fresh);
    return rc;
}

/* Is the file sound, and does it say what the repository says? */
static int check(struct context *c, struct error *e)
{
    char *path = context_catalog_path(c, "", e);
    char *fresh = path ? str_format(e, "%s.check-%ld", path, (long)getpid()) : NULL;
    char *difference = NULL;
    int rc = fresh ? context_catalog(c, e) : -1;
    if (rc == 0)
        rc = catalog_check(c->catalog, e);
    /* What others have stored since is no difference. */
    if (rc == 0)
        rc = fill(c, e);
    if (rc == 0)
        rc = make_fresh(c, fresh, NULL, e);
    if (rc == 0) {
        rc = catalog_compare(path, fresh, &difference, e);
        if (rc == CATALOG_PARTIAL) {
            log_info("%s", difference);
            rc = 0;
        }
        if (rc == CATALOG_DIFFERENT) {
            (void)error_set(e, ERROR_DIFFERENT, "the catalog differs from the repository: %s",
                            difference);
            rc = error_hint(e, "pgkeep catalog sync brings it up, pgkeep catalog rebuild makes "
                               "it anew");
        }
        remove_database(fresh);
    }
    free(difference);
    free(path);
    free(fresh);
    return rc;
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    (void)options;
    if (argc != 1 || after)
        return error_set(e, ERROR_USAGE, "catalog: sync, rebuild or check is expected");
    if (context_metadata(c, e) < 0)
        return -1;
    int rc;
    if (strcmp(argv[0], "rebuild") == 0) {
        rc = rebuild(c, e);
    } else if (strcmp(argv[0], "sync") == 0) {
        rc = context_catalog(c, e);
        if (rc == 0)
            rc = fill(c, e);
    } else if (strcmp(argv[0], "check") == 0) {
        rc = check(c, e);
    } else {
        return error_set(e, ERROR_USAGE, "catalog: sync, rebuild or check is expected");
    }
    if (rc == 0 && c->json)
        (void)printf("{\"message_type\": \"summary\", \"catalog\": \"%s\"}\n", argv[0]);
    else if (rc == 0 && !c->quiet)
        (void)printf("catalog %s: done\n", argv[0]);
    return rc < 0 ? -1 : EXIT_DONE;
}

const struct command cmd_catalog = {
    .name = "catalog",
    .usage = "sync|rebuild|check",
    .summary = "Bring the catalog up to the repository, make it anew, or check it",
    .more = "The catalog is a cache of the repository and this host's history. rebuild keeps\n"
            "the history. check reads the file, and compares it with one made anew: exit 4\n"
            "when they differ.\n",
    .run = run,
};
