/* SPDX-License-Identifier: Apache-2.0 */
/* Is everything here that a backup and a restore need? Goes on after what is wrong, so that
 * one run tells all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog/backups.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/pg_tools.h"

struct doctor {
    struct context *c;
    struct json *findings;
    unsigned failed;
};

/* What a check came to. */
enum finding { FINE, NOT_THERE, WRONG };

static void tell(struct doctor *d, enum finding f, const char *what, const char *text)
{
    static const char *const words[] = {[FINE] = "ok", [NOT_THERE] = "none", [WRONG] = "fail"};
    char shown[1024];
    d->failed += f == WRONG;
    if (!text)
        text = "";
    if (d->c->json) {
        struct json *j = json_put_object(d->findings, NULL);
        json_put_text(j, "check", what);
        json_put_text(j, "result", words[f]);
        json_put_text(j, "text", text);
        return;
    }
    /* The hint of an error stands on a line of its own. */
    for (size_t len; *text; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        str_safe(shown, sizeof shown, bytes_of(text, len));
        (void)printf("%-4s  %-12s  %s\n", words[f], what, shown);
        what = "";
    }
}

static void tell_result(struct doctor *d, const char *what, int rc, const char *text,
                        const struct error *e)
{
    tell(d, rc < 0 ? WRONG : FINE, what, rc < 0 ? e->text : text);
}

/* ---- programs ------------------------------------------------------------------------ */

static void check_program(struct doctor *d, const char *name)
{
    struct error e = {0};
    char *path = NULL;
    char *version = NULL;
    char *text = NULL;
    int rc = pg_tools_find(name, 0, &path, NULL, &e);
    if (rc == 0)
        rc = pg_tools_version(path, &version, NULL, &e);
    if (rc == 0 && !(text = str_format(&e, "%s: %s", path, version)))
        rc = -1;
    tell_result(d, name, rc, text, &e);
    free(path);
    free(version);
    free(text);
}

/* ---- the repository ------------------------------------------------------------------ */

static void check_keys(struct doctor *d)
{
    struct error e = {0};
    struct context *c = d->c;
    if (repo_bundle(c->repo))
        tell(d, FINE, "writes", c->bundle_path);
    else
        tell(d, NOT_THERE, "writes",
             "this host has no keys of its own: a backup with a key that reads makes them");
    int rc = context_given_reader(c, &e);
    if (rc == CONTEXT_NO_KEY)
        tell(d, NOT_THERE, "reads", "no key that reads was given: it can back up and list");
    else
        tell_result(d, "reads", rc, "recovery code or passphrase", &e);
}

/* Can files be made there, also nameless ones? */
static void check_state(struct doctor *d)
{
    struct error e = {0};
    struct context *c = d->c;
    char *path = str_format(&e, "%s/spool", c->state_folder);
    int rc = path ? file_make_dirs(c->state_folder, 0700, &e) : -1;
    int fd = rc == 0 ? file_temporary(path, &e) : -1;
    if (fd >= 0)
        (void)close(fd);
    tell_result(d, "state", rc < 0 || fd < 0 ? -1 : 0, c->state_folder, &e);
    free(path);
    if (fd < 0)
        return;
    rc = context_catalog(c, &e);
    if (rc == 0)
        rc = catalog_check(c->catalog, &e);
    tell_result(d, "catalog", rc, "sound", &e);
}

static int count_damaged(void *arg, const struct backups_row *row, struct error *e)
{
    uint64_t *damaged = arg;
    (void)e;
    *damaged += row->state && strcmp(row->state, "damaged") == 0;
    return 0;
}

/* What this host's checks have found. */
static void check_backups(struct doctor *d)
{
    struct error e = {0};
    char text[160];
    uint64_t damaged = 0;
    if (!d->c->catalog)
        return;
    int rc = backups_visit(d->c->catalog, NULL, count_damaged, &damaged, &e);
    (void)snprintf(text, sizeof text,
                   "%llu known to be damaged: pgkeep verify names the objects, docs/RESTORE.md "
                   "tells how they are mended",
                   (unsigned long long)damaged);
    if (rc < 0 || damaged > 0)
        tell(d, WRONG, "backups", rc < 0 ? e.text : text);
}

static void check_repository(struct doctor *d)
{
    struct error e = {0};
    struct context *c = d->c;
    char id[2 * FORMAT_ID_LEN + 1];
    if (!c->repository || !*c->repository) {
        tell(d, NOT_THERE, "repository", "none is named: -r URL, or PGKEEP_REPOSITORY");
        return;
    }
    if (context_repo(c, &e) < 0) {
        tell(d, WRONG, "repository", e.text);
        return;
    }
    str_hex(id, repo_id(c->repo), FORMAT_ID_LEN);
    tell(d, FINE, "repository", id);
    tell(d, FINE, "", c->url);
    int rc = store_probe(c->store, &e); /* before it is asked what it found out */
    tell_result(d, "store", rc, store_describe(c->store), &e);
    check_keys(d);
    check_state(d);
    check_backups(d);
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    struct doctor d = {.c = c, .findings = c->json ? json_new_list() : NULL};
    int rc = 0;
    (void)options;
    (void)argv;
    if (argc > 0 || after)
        return error_set(e, ERROR_USAGE, "doctor takes no arguments");
    check_program(&d, "pg_dump");
    check_program(&d, "pg_restore");
    check_repository(&d);
    if (c->json) {
        rc = json_write(d.findings, true, stdout, e);
        (void)putchar('\n');
    }
    json_free(d.findings);
    return rc < 0 ? -1 : d.failed ? EXIT_FAILED : EXIT_DONE;
}

const struct command cmd_doctor = {
    .name = "doctor",
    .usage = "[-r URL]",
    .summary = "Check that everything is here: programs, repository, store, keys",
    .more =
        "The store is asked what it can do, by an object of its own that is removed again.\n"
        "Exit code 1 when something is wrong; a key that is not given is none of that.\n",
    .run = run,
};
