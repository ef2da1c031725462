/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* A new file beside the old one, filled, given this host's history, then put in its place. */
static int rebuild(struct context *c, struct error *e)
{
    char *path = c->catalog_path ? str_copy(c->catalog_path, e)
                                 : str_format(e, "%s/catalog.sqlite", c->state_folder);
    char *fresh = path ? str_format(e, "%s.rebuild", path) : NULL;
    int rc = fresh ? file_make_dirs(c->state_folder, 0700, e) : -1;
    if (rc == 0) {
        remove_database(fresh);
        c->catalog = catalog_open(fresh, repo_id(c->repo), e);
        rc = c->catalog ? 0 : -1;
    }
    if (rc == 0 && access(path, F_OK) == 0) {
        rc = catalog_adopt_history(c->catalog, path, e);
        if (rc == CATALOG_ABSENT || rc == CATALOG_PARTIAL) {
            log_warning("the old catalog's history could not be read whole");
            rc = 0;
        }
    }
    if (rc == 0)
        rc = fill(c, e);
    catalog_close(c->catalog);
    c->catalog = NULL;
    if (rc == 0) {
        /* Closing has emptied the log files, so that one name is the whole catalog. */
        (void)remove_file(path, "-wal");
        (void)remove_file(path, "-shm");
        rc = file_rename(fresh, path, e);
    } else if (fresh) {
        remove_database(fresh);
    }
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
        rc = context_catalog(c, e);
        if (rc == 0)
            rc = catalog_check(c->catalog, e);
    } else {
        return error_set(e, ERROR_USAGE, "catalog: sync, rebuild or check is expected");
    }
    if (rc == 0 && !c->quiet)
        (void)printf("catalog %s: done\n", argv[0]);
    return rc < 0 ? -1 : EXIT_DONE;
}

const struct command cmd_catalog = {
    .name = "catalog",
    .usage = "sync|rebuild|check",
    .summary = "Bring the catalog up to the repository, make it anew, or check the file",
    .more = "The catalog is a cache of the repository and this host's history. rebuild keeps\n"
            "the history.\n",
    .run = run,
};
