/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/dump/toc_kind.h"
#include "core/dump/toc_name.h"
#include "core/job/contents.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/render.h"
#include "tools/select.h"
#include "tools/sync.h"

struct history_options {
    struct select_options select;
};

static const struct options_spec specs[] = {SELECT_SPECS(struct history_options, select)};

/* A backup that is looked at. */
struct moment {
    uint8_t id[FORMAT_ID_LEN];
    int64_t committed_us;
};

/* The table in a backup; o is NULL where there is none, d where it has no rows of its own. */
struct find {
    struct contents contents;
    const struct contents_object *o;
    const struct contents_data *d;
};

struct telling {
    struct context *c;
    struct toc_name name;
    struct buf moments; /* struct moment each, oldest first */
    struct find before, now;
    size_t found; /* backups that have it */
    struct json *list;
    struct render_table table;
};

static int note_moment(void *arg, const struct backups_row *row, struct error *e)
{
    struct telling *t = arg;
    struct moment m = {.committed_us = row->committed_us};
    if (!row->is_open)
        return 0;
    memcpy(m.id, row->backup_id, sizeof m.id);
    return buf_append(&t->moments, &m, sizeof m, e);
}

/* ---- the table in one backup ------------------------------------------------------- */

static const struct contents_object *
find_object(const struct telling *t, const struct contents *c, bool exactly, size_t *count)
{
    const struct contents_object *found = NULL;
    *count = 0;
    for (size_t i = 0; i < c->object_count; i++) {
        const struct contents_object *o = &c->objects[i];
        if (!(toc_kind_of(o->desc)->flags & TOC_KIND_RELATION) ||
            !(exactly ? toc_name_is(&t->name, o->schema, o->name)
                      : toc_name_matches(&t->name, o->schema, o->name)))
            continue;
        found = o;
        ++*count;
    }
    return found;
}

static const struct contents_data *find_data(const struct contents *c,
                                             const struct contents_object *o)
{
    for (size_t i = 0; o && i < c->data_count; i++)
        if (bytes_equal(c->data[i].desc, bytes_text("TABLE DATA")) &&
            bytes_equal(c->data[i].schema, o->schema) && bytes_equal(c->data[i].name, o->name))
            return &c->data[i];
    return NULL;
}

/* ---- telling ----------------------------------------------------------------------- */

static const char *schema_word(const struct telling *t)
{
    if (!t->now.o)
        return "gone";
    if (!t->before.o)
        return "new";
    return contents_same_object(t->before.o, t->now.o) ? "same" : "changed";
}

/* NULL where there are no rows to speak of. */
static const char *rows_word(const struct telling *t)
{
    if (!t->now.d)
        return NULL;
    if (!t->before.d)
        return "new";
    return contents_same_data(t->before.d, t->now.d) ? "same" : "changed";
}

static int row_for_people(struct telling *t, const struct moment *m, struct error *e)
{
    const struct contents_object *o = t->now.o;
    const struct contents_data *d = t->now.d;
    const char *content = rows_word(t);
    char id[9], when[CLOCK_TEXT], schema[200], name[300], both[520];
    char rows[32] = "", size[32] = "";
    str_hex(id, m->id, 4);
    clock_local(when, m->committed_us);
    if (d) {
        render_count(rows, d->rows);
        str_size(size, d->bytes);
    }
    str_safe(schema, sizeof schema, o ? o->schema : (struct bytes){0});
    str_safe(name, sizeof name, o ? o->name : (struct bytes){0});
    (void)snprintf(both, sizeof both, "%s%s%s", schema, *schema ? "." : "", name);
    const char *const cells[] = {
        id, when, both, schema_word(t), rows, size, content ? content : ""};
    for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
        if (render_add(&t->table, cells[i], e) < 0)
            return -1;
    return 0;
}

static void row_for_machines(struct telling *t, const struct moment *m)
{
    const struct contents_object *o = t->now.o;
    const struct contents_data *d = t->now.d;
    char id[2 * FORMAT_ID_LEN + 1], when[CLOCK_TEXT];
    struct json *j = json_put_object(t->list, NULL);
    str_hex(id, m->id, FORMAT_ID_LEN);
    clock_rfc3339(when, m->committed_us);
    json_put_text(j, "id", id);
    json_put_text(j, "time", when);
    json_put_text(j, "schema_change", schema_word(t));
    json_put_text(j, "rows_change", rows_word(t));
    if (o && o->schema.data)
        json_put_bytes(j, "schema", o->schema);
    if (o)
        json_put_bytes(j, "name", o->name);
    if (d) {
        json_put_u64(j, "rows", d->rows);
        json_put_u64(j, "bytes", d->bytes);
    }
}

static int tell(struct telling *t, const struct moment *m, struct error *e)
{
    size_t count;
    struct find *now = &t->now;
    now->o = find_object(t, &now->contents, true, &count);
    if (count == 0)
        now->o = find_object(t, &now->contents, false, &count);
    if (count > 1) {
        (void)error_set(e, ERROR_USAGE, "%s: %zu have that name", t->name.text, count);
        return error_hint(e, "say which: SCHEMA.NAME");
    }
    now->d = find_data(&now->contents, now->o);
    t->found += now->o != NULL;
    if (!now->o && !t->before.o)
        return 0;
    if (!t->list)
        return row_for_people(t, m, e);
    row_for_machines(t, m);
    return 0;
}

/* ---- the command ------------------------------------------------------------------- */

static int look(struct telling *t, const struct moment *m, struct error *e)
{
    struct manifest manifest = {0};
    char id[2 * FORMAT_ID_LEN + 1];
    str_hex(id, m->id, FORMAT_ID_LEN);
    if (*t->c->stop)
        return error_stopped(e, *t->c->stop);
    int rc = repo_manifest(t->c->repo, m->id, true, &manifest, e);
    bool is_readable = rc == 0 && manifest.is_open;
    if (is_readable)
        rc = contents_load(t->c->repo, &manifest, &t->now.contents, e);
    if (is_readable && rc == 0)
        rc = tell(t, m, e);
    manifest_done(&manifest);
    if (is_readable) {
        contents_done(&t->before.contents);
        t->before = t->now;
        t->now = (struct find){0};
    }
    return rc < 0 ? error_wrap(e, "%.8s", id) : 0;
}

static int gather(struct telling *t, const struct history_options *o, struct error *e)
{
    struct backups_filter filter;
    if (select_filter(&o->select, &filter, e) < 0 || context_reader(t->c, e) < 0 ||
        context_reading_catalog(t->c, e) < 0 || sync_backups(t->c, NULL, e) < 0 ||
        select_one_source(t->c, &filter, "history", NULL, e) < 0)
        return -1;
    return backups_visit(t->c->catalog, &filter, note_moment, t, e);
}

static int walk(struct telling *t, struct error *e)
{
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < t->moments.len; at += sizeof(struct moment)) {
        struct moment m;
        memcpy(&m, t->moments.data + at, sizeof m);
        rc = look(t, &m, e);
    }
    if (rc == 0 && t->found == 0)
        rc = error_set(e, ERROR_ABSENT, "no backup has a table %s", t->name.text);
    return rc;
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    static const struct render_column columns[] = {
        {"ID", false},  {"TIME", false}, {"TABLE", false},  {"DEFINITION", false},
        {"ROWS", true}, {"SIZE", true},  {"CONTENT", false}};
    struct telling t = {.c = c};
    if (argc != 1 || after)
        return error_set(e, ERROR_USAGE, "history: one table is expected");
    t.table = (struct render_table){.columns = columns, .column_count = ARRAY_SIZE(columns)};
    t.list = c->json ? json_new_list() : NULL;
    int rc = toc_name_parse(argv[0], true, &t.name, e);
    if (rc == 0)
        rc = gather(&t, options, e);
    if (rc == 0)
        rc = walk(&t, e);
    if (rc == 0 && t.list) {
        rc = json_write(t.list, true, stdout, e);
        (void)putchar('\n');
    } else if (rc == 0) {
        render_print(&t.table, stdout);
    }
    toc_name_done(&t.name);
    buf_done(&t.moments);
    contents_done(&t.before.contents);
    render_done(&t.table);
    json_free(t.list);
    return rc < 0 ? -1 : EXIT_DONE;
}

const struct command cmd_history = {
    .name = "history",
    .usage = "TABLE",
    .summary = "One table over all backups: rows, size, and when it changed",
    .more =
        "TABLE is [SCHEMA.]NAME, as with restore -t, but one. A line for each backup, oldest\n"
        "first: whether its definition or owner and its rows changed since the one before.\n"
        "No rows are read.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct history_options),
    .run = run,
};
