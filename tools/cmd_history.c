/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
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

/* What the table was in the backup before. */
struct before {
    bool there;
    struct buf definition, owner;
    uint64_t rows, bytes;
    uint8_t sum[16];
    bool has_rows;
};

struct telling {
    struct context *c;
    struct toc_name name;
    struct buf moments; /* struct moment each, oldest first */
    char *source;
    bool several_sources;
    struct before before;
    size_t found; /* backups that have it */
    struct json *list;
    struct render_table table;
};

static int note_moment(void *arg, const struct backups_row *row, struct error *e)
{
    struct telling *t = arg;
    struct moment m = {.committed_us = row->committed_us};
    if (!row->is_open || !row->source)
        return 0;
    if (t->source && strcmp(t->source, row->source) != 0)
        t->several_sources = true;
    if (!t->source && !(t->source = str_copy(row->source, e)))
        return -1;
    memcpy(m.id, row->backup_id, sizeof m.id);
    return buf_append(&t->moments, &m, sizeof m, e);
}

/* ---- the table in one backup ------------------------------------------------------- */

static bool is_relation(const struct contents_object *o)
{
    static const char *const kinds[] = {"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE",
                                        "SEQUENCE"};
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (bytes_equal(o->desc, bytes_text(kinds[i])))
            return true;
    return false;
}

static const struct contents_object *
find_object(const struct telling *t, const struct contents *c, bool exactly, size_t *count)
{
    const struct contents_object *found = NULL;
    *count = 0;
    for (size_t i = 0; i < c->object_count; i++) {
        const struct contents_object *o = &c->objects[i];
        if (!is_relation(o) || !(exactly ? toc_name_is(&t->name, o->schema, o->name)
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

static const char *schema_word(const struct before *b, const struct contents_object *o)
{
    if (!o)
        return "gone";
    if (!b->there)
        return "new";
    return bytes_equal(buf_view(&b->definition), o->definition) &&
                   bytes_equal(buf_view(&b->owner), o->owner)
               ? "same"
               : "changed";
}

static const char *rows_word(const struct before *b, const struct contents_data *d)
{
    if (!d)
        return "";
    if (!b->has_rows)
        return "new";
    return b->rows == d->rows && b->bytes == d->bytes &&
                   memcmp(b->sum, d->has_sum ? d->sum : d->digest, sizeof b->sum) == 0
               ? "same"
               : "changed";
}

static int remember(struct before *b, const struct contents_object *o,
                    const struct contents_data *d, struct error *e)
{
    b->there = o != NULL;
    b->has_rows = d != NULL;
    b->definition.len = b->owner.len = 0;
    if (d) {
        b->rows = d->rows;
        b->bytes = d->bytes;
        memcpy(b->sum, d->has_sum ? d->sum : d->digest, sizeof b->sum);
    }
    if (!o)
        return 0;
    return buf_append(&b->definition, o->definition.data, o->definition.len, e) < 0
               ? -1
               : buf_append(&b->owner, o->owner.data, o->owner.len, e);
}

static int row_for_people(struct telling *t, const struct moment *m,
                          const struct contents_object *o, const struct contents_data *d,
                          struct error *e)
{
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
        id, when, both, schema_word(&t->before, o), rows, size, rows_word(&t->before, d)};
    for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
        if (render_add(&t->table, cells[i], e) < 0)
            return -1;
    return 0;
}

static void row_for_machines(struct telling *t, const struct moment *m,
                             const struct contents_object *o, const struct contents_data *d)
{
    char id[2 * FORMAT_ID_LEN + 1], when[CLOCK_TEXT];
    struct json *j = json_put_object(t->list, NULL);
    str_hex(id, m->id, FORMAT_ID_LEN);
    clock_rfc3339(when, m->committed_us);
    json_put_text(j, "id", id);
    json_put_text(j, "time", when);
    json_put_text(j, "schema_change", schema_word(&t->before, o));
    json_put_text(j, "rows_change", d ? rows_word(&t->before, d) : NULL);
    if (o && o->schema.data)
        json_put_bytes(j, "schema", o->schema);
    if (o)
        json_put_bytes(j, "name", o->name);
    if (d) {
        json_put_u64(j, "rows", d->rows);
        json_put_u64(j, "bytes", d->bytes);
    }
}

static int tell(struct telling *t, const struct moment *m, const struct contents *c,
                struct error *e)
{
    size_t count;
    const struct contents_object *o = find_object(t, c, true, &count);
    if (count == 0)
        o = find_object(t, c, false, &count);
    if (count > 1) {
        (void)error_set(e, ERROR_USAGE, "%s: %zu have that name", t->name.text, count);
        return error_hint(e, "say which: SCHEMA.NAME");
    }
    if (!o && !t->before.there)
        return 0;
    const struct contents_data *d = find_data(c, o);
    t->found += o != NULL;
    if (t->list)
        row_for_machines(t, m, o, d);
    else if (row_for_people(t, m, o, d, e) < 0)
        return -1;
    return remember(&t->before, o, d, e);
}

/* ---- the command ------------------------------------------------------------------- */

static int look(struct telling *t, const struct moment *m, struct error *e)
{
    struct manifest manifest = {0};
    struct contents contents = {0};
    char id[2 * FORMAT_ID_LEN + 1];
    str_hex(id, m->id, FORMAT_ID_LEN);
    if (*t->c->stop)
        return error_stopped(e, *t->c->stop);
    int rc = repo_manifest(t->c->repo, m->id, true, &manifest, e);
    if (rc == 0 && manifest.is_open)
        rc = contents_load(t->c->repo, &manifest, &contents, e);
    if (rc == 0)
        rc = tell(t, m, &contents, e);
    contents_done(&contents);
    manifest_done(&manifest);
    return rc < 0 ? error_wrap(e, "%.8s", id) : 0;
}

static int gather(struct telling *t, const struct history_options *o, struct error *e)
{
    struct backups_filter filter;
    if (select_filter(&o->select, &filter, e) < 0 || context_reader(t->c, e) < 0 ||
        context_reading_catalog(t->c, e) < 0 || sync_backups(t->c, NULL, e) < 0 ||
        backups_visit(t->c->catalog, &filter, note_moment, t, e) < 0)
        return -1;
    if (!t->several_sources)
        return 0;
    (void)error_set(e, ERROR_USAGE, "history: the repository holds several sources");
    return error_hint(e, "choose with --source NAME; pgkeep list shows them");
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
    buf_done(&t.before.definition);
    buf_done(&t.before.owner);
    render_done(&t.table);
    json_free(t.list);
    free(t.source);
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
