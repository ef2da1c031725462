/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/str.h"
#include "core/job/restore.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/select.h"

struct cat_options {
    struct select_options select;
};

static const struct options_spec specs[] = {
    SELECT_SPECS(struct cat_options, select),
};

/* Looks for "schema.table" or "table"; the entry itself does not outlive the visit, so its
 * rows are delivered right there. */
struct wanted {
    struct restore *lookup;
    struct restore *rows;
    const char *name;
    unsigned found;
    bool deliver;
};

static bool matches(const struct entry *entry, const char *name)
{
    if (strcmp(entry->desc, "TABLE DATA") != 0)
        return false;
    if (strcmp(entry->name, name) == 0)
        return true;
    size_t len = entry->schema ? strlen(entry->schema) : 0;
    return len > 0 && strncmp(name, entry->schema, len) == 0 && name[len] == '.' &&
           strcmp(name + len + 1, entry->name) == 0;
}

static int visit(void *arg, const struct entry *entry, struct error *e)
{
    struct wanted *w = arg;
    if (!matches(entry, w->name))
        return 0;
    w->found++;
    return w->deliver ? restore_rows(w->rows, entry, e) : 0;
}

static int print(void *arg, struct bytes b, struct error *e)
{
    (void)arg;
    return file_write_full(STDOUT_FILENO, b, e) < 0 ? error_wrap(e, "standard output") : 0;
}

static int deliver(struct context *c, const struct manifest *m, const char *name,
                   struct error *e)
{
    const struct restore_options look = {.repo = c->repo, .manifest = m, .workers = 1};
    const struct restore_options rows = {.repo = c->repo,
                                         .manifest = m,
                                         .workers = context_workers(0),
                                         .write = print,
                                         .stop = c->stop};
    struct wanted w = {.name = name, .lookup = restore_new(&look, e)};
    int rc = w.lookup ? 0 : -1;
    w.rows = w.lookup ? restore_new(&rows, e) : NULL;
    if (!w.rows)
        rc = -1;
    for (int pass = 0; rc == 0 && pass < 2; pass++) {
        w.deliver = pass == 1;
        for (size_t i = 0; rc == 0 && i < m->private_part.member_count; i++)
            if (m->private_part.members[i].kind == FORMAT_MEMBER_DUMP)
                rc = restore_entries(w.lookup, &m->private_part.members[i], visit, &w, e);
        if (rc == 0 && w.found == 0)
            rc = error_set(e, ERROR_ABSENT, "the backup has no such table");
        if (rc == 0 && pass == 0 && w.found > 1) {
            (void)error_set(e, ERROR_USAGE, "%u tables have that name", w.found);
            rc = error_hint(e, "write SCHEMA.TABLE");
        }
    }
    restore_free(w.lookup);
    restore_free(w.rows);
    return rc;
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    const struct cat_options *o = options;
    struct manifest m = {0};
    if (argc != 2 || after)
        return error_set(e, ERROR_USAGE, "cat: a backup and a table are expected");
    if (context_reader(c, e) < 0 || select_manifest(c, argv[0], &o->select, &m, e) < 0)
        return -1;
    int rc = deliver(c, &m, argv[1], e);
    manifest_done(&m);
    return rc < 0 ? -1 : EXIT_DONE;
}

const struct command cmd_cat = {
    .name = "cat",
    .usage = "ID [SCHEMA.]TABLE",
    .summary = "Rows of one table to standard output, as COPY text",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct cat_options),
    .run = run,
};
