/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/rehearsal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/job/contents_read.h"
#include "core/job/restore.h"
#include "tools/pg_output.h"
#include "tools/pg_tools.h"
#include "tools/render.h"

struct job {
    struct context *c;
    const struct rehearsal_options *o;
    struct rehearsal_result *out;
    struct contents backup, restored;
    struct render_progress progress;
    int dump_major; /* of the pg_dump that is used here */
};

static void progress(void *arg, uint64_t bytes)
{
    render_progress(arg, bytes);
}

/* ---- the second dump --------------------------------------------------------------- */

static int read_dump(struct job *j, struct source *source, struct error *e)
{
    uint8_t row_key[ROW_HASH_KEY_LEN];
    struct secret chunk_id_key;
    int rc = restore_keys(j->c->repo, j->o->m, &chunk_id_key, row_key, e);
    const struct contents_read_options options = {.source = source,
                                                  .row_key = row_key,
                                                  .like = &j->backup,
                                                  .progress = progress,
                                                  .progress_arg = &j->progress};
    j->progress =
        (struct render_progress){.wanted = context_wants_progress(j->c), .what = "compare"};
    if (rc == 0)
        rc = contents_read(&options, &j->restored, e);
    render_progress_end(&j->progress);
    explicit_bzero(row_key, sizeof row_key);
    secret_wipe(&chunk_id_key);
    return rc;
}

static int dump_it(struct job *j, struct server *inside, struct error *e)
{
    const char *const arguments[] = {"-Fc", "-Z0", NULL};
    struct source *source =
        pg_output_start(inside, "pg_dump", arguments, j->c->stop, &j->dump_major, e);
    int rc = source ? read_dump(j, source, e) : -1;
    source_free(source);
    /* It is no dump of a backup: what goes wrong with it says nothing of one. */
    if (rc < 0 && e->kind == ERROR_INCOMPLETE)
        e->kind = ERROR_CHILD;
    return rc;
}

/* ---- comparing --------------------------------------------------------------------- */

static int compare(struct job *j, struct error *e)
{
    const struct member_private *p = &j->o->m->private_part;
    const struct rehearse_options options = {
        .settings_known = p->settings.count > 0,
        .same_version = j->dump_major == pg_tools_major(p->dump_version) &&
                        (uint64_t)j->out->server_number / 10000 == p->server_number / 10000,
        .finding = j->o->finding,
        .arg = j->o->arg};
    return rehearse_compare(&j->backup, &j->restored, &options, &j->out->counts, e);
}

/* pg_dump leaves them out, so no comparison of dumps finds them. */
static int find_invalid_indexes(struct job *j, struct server *inside, struct error *e)
{
    struct member_texts names = {0};
    int rc = server_list(inside,
                         "SELECT indexrelid::regclass FROM pg_index JOIN pg_class c"
                         " ON c.oid = indexrelid WHERE NOT indisvalid AND relkind = 'i'",
                         NULL, &names, e);
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        const struct bytes name[3] = {bytes_text("INDEX"), {0}, bytes_text(names.items[i])};
        j->out->counts.different++;
        j->o->finding(j->o->arg, REHEARSE_DIFFERENT, name, "is not valid");
    }
    member_texts_done(&names);
    return rc;
}

static int examine(struct job *j, const char *database, struct error *e)
{
    struct server *inside = server_connect(j->o->server, database, SERVER_SETTINGS, e);
    int rc = inside ? dump_it(j, inside, e) : -1;
    if (rc == 0)
        rc = compare(j, e);
    if (rc == 0)
        rc = find_invalid_indexes(j, inside, e);
    server_close(inside);
    return rc;
}

static int restore_and_examine(struct job *j, struct server *s, struct restore_choice *choice,
                               struct error *e)
{
    struct restore_fresh_options fresh = j->o->fresh;
    int64_t started = clock_monotonic_ms();
    fresh.m = j->o->m;
    fresh.server = s;
    fresh.choice = choice;
    if (restore_fresh_make(j->c, &fresh, j->out->database, e) < 0)
        return -1;
    j->out->restore_ms = clock_monotonic_ms() - started;
    int rc = examine(j, j->out->database, e);
    if (rc < 0 || !j->o->keep)
        restore_fresh_drop(s, j->out->database);
    return rc;
}

int rehearsal_run(struct context *c, const struct rehearsal_options *o,
                  struct rehearsal_result *out, struct error *e)
{
    const struct restore_choice_options all = {0};
    struct restore_choice choice = {0};
    struct job j = {.c = c, .o = o, .out = out};
    *out = (struct rehearsal_result){0};
    j.backup.with_values = true;
    j.restored.with_values = true;
    struct server *s = server_connect(o->server, RESTORE_FRESH_MAINTENANCE, NULL, e);
    int rc = s ? restore_choice_make(c, o->m, &all, &choice, e) : -1;
    if (rc == 0)
        rc = contents_load(c->repo, o->m, &j.backup, e);
    if (rc == 0) {
        out->server_number = server_number(s);
        rc = restore_and_examine(&j, s, &choice, e);
    }
    server_close(s);
    restore_choice_done(&choice);
    contents_done(&j.backup);
    contents_done(&j.restored);
    return rc;
}
