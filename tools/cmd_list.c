/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/render.h"
#include "tools/select.h"
#include "tools/sync.h"

struct list_options {
    struct select_options select;
    const char *tables;
};

static const struct options_spec specs[] = {
    SELECT_SPECS(struct list_options, select),
    {0, "tables", OPTIONS_TEXT, offsetof(struct list_options, tables), "ID",
     "one line a table of this backup", ""},
};

/* Where rows go: a table for people, or a JSON list. */
struct sink {
    struct render_table table;
    struct json *list;
    size_t unreadable; /* manifests that are there and could not be read */
};

static int add_size(struct render_table *t, uint64_t bytes, struct error *e)
{
    char text[32];
    str_size(text, bytes);
    return render_add(t, text, e);
}

static int add_count(struct render_table *t, uint64_t n, struct error *e)
{
    char text[32];
    render_count(text, n);
    return render_add(t, text, e);
}

static const char *flag_of(const struct backups_row *row)
{
    if (!(row->flags & (FORMAT_FLAG_UNCHECKED | FORMAT_FLAG_SUSPECT)))
        return "";
    if (row->acked)
        return " (acked)";
    return row->flags & FORMAT_FLAG_UNCHECKED ? " (unchecked)" : " (suspect)";
}

/* What nobody without a key can know is not 0. */
static int closed_row(struct render_table *t, const char *id, const char *when,
                      const char *kind, const char *state, struct error *e)
{
    const char *cells[] = {id,  when, "(no key)", "-", kind ? kind : "?",
                           "-", "-",  "-",        "-", state};
    for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
        if (render_add(t, cells[i], e) < 0)
            return -1;
    return 0;
}

static int row_for_people(struct sink *s, const struct backups_row *row, struct error *e)
{
    char id[9];
    char when[CLOCK_TEXT];
    char state[64];
    str_hex(id, row->backup_id, 4);
    clock_local(when, row->committed_us);
    (void)snprintf(state, sizeof state, "%s%s%s", row->state, flag_of(row),
                   row->held ? " (held)" : "");
    const char *kind = manifest_kind_name(row->kind);
    struct render_table *t = &s->table;
    if (!row->is_open)
        return closed_row(t, id, when, kind, state, e);
    if (render_add(t, id, e) < 0 || render_add(t, when, e) < 0 ||
        render_add(t, row->source, e) < 0 ||
        render_add(t, row->server_version ? row->server_version : "", e) < 0 ||
        render_add(t, kind ? kind : "?", e) < 0 || add_count(t, row->table_count, e) < 0 ||
        add_count(t, row->rows, e) < 0 || add_size(t, row->dump_bytes, e) < 0 ||
        add_size(t, row->stored_bytes, e) < 0)
        return -1;
    return render_add(t, state, e);
}

static void row_for_machines(struct sink *s, const struct backups_row *row)
{
    char id[2 * FORMAT_ID_LEN + 1];
    char host[2 * FORMAT_ID_LEN + 1];
    char when[CLOCK_TEXT];
    struct json *j = json_put_object(s->list, NULL);
    str_hex(id, row->backup_id, FORMAT_ID_LEN);
    str_hex(host, row->host_id, FORMAT_ID_LEN);
    json_put_text(j, "id", id);
    clock_rfc3339(when, row->committed_us);
    json_put_text(j, "time", when);
    clock_rfc3339(when, row->started_us);
    json_put_text(j, "started", when);
    json_put_text(j, "source", row->source);
    json_put_text(j, "database", row->database);
    json_put_text(j, "server_version", row->server_version);
    json_put_text(j, "kind", manifest_kind_name(row->kind));
    json_put_text(j, "host_id", host);
    json_put_text(j, "host", row->host_name);
    json_put_u64(j, "sequence", row->sequence);
    json_put_u64(j, "tables", row->table_count);
    json_put_u64(j, "rows", row->rows);
    json_put_u64(j, "dump_bytes", row->dump_bytes);
    json_put_u64(j, "payload_bytes", row->payload_bytes);
    json_put_u64(j, "stored_bytes", row->stored_bytes);
    json_put_text(j, "state", row->state);
    json_put_bool(j, "suspect", row->flags & FORMAT_FLAG_SUSPECT);
    json_put_bool(j, "unchecked", row->flags & FORMAT_FLAG_UNCHECKED);
    json_put_bool(j, "acked", row->acked);
    json_put_bool(j, "held", row->held);
    json_put_text(j, "tags", row->tags);
}

static int visit(void *arg, const struct backups_row *row, struct error *e)
{
    struct sink *s = arg;
    if (!s->list)
        return row_for_people(s, row, e);
    row_for_machines(s, row);
    return 0;
}

static int visit_table(void *arg, const struct backups_table *table, struct error *e)
{
    struct sink *s = arg;
    if (s->list) {
        char digest[2 * FORMAT_HASH_LEN + 1];
        struct json *j = json_put_object(s->list, NULL);
        str_hex(digest, table->digest, FORMAT_HASH_LEN);
        json_put_text(j, "schema", table->schema);
        json_put_text(j, "name", table->name);
        json_put_text(j, "entry", table->desc);
        json_put_u64(j, "rows", table->rows);
        json_put_u64(j, "bytes", table->bytes);
        json_put_text(j, "digest", digest);
        return 0;
    }
    if (render_add(&s->table, table->schema, e) < 0 ||
        render_add(&s->table, table->name, e) < 0 ||
        render_add(&s->table, table->desc, e) < 0 || add_count(&s->table, table->rows, e) < 0)
        return -1;
    return add_size(&s->table, table->bytes, e);
}

static int list_tables(struct context *c, const struct list_options *o, struct sink *s,
                       struct error *e)
{
    static const struct render_column columns[] = {
        {"SCHEMA", false}, {"NAME", false}, {"ENTRY", false}, {"ROWS", true}, {"SIZE", true}};
    struct backups_row row;
    s->table = (struct render_table){.columns = columns, .column_count = ARRAY_SIZE(columns)};
    if (select_backup(c, o->tables, &o->select, &row, e) < 0)
        return -1;
    int rc = backups_tables(c->catalog, row.backup_id, visit_table, s, e);
    backups_row_done(&row);
    return rc;
}

static int list_backups(struct context *c, const struct list_options *o, struct sink *s,
                        struct error *e)
{
    static const struct render_column columns[] = {
        {"ID", false},    {"TIME", false},  {"SOURCE", false}, {"SERVER", false},
        {"KIND", false},  {"TABLES", true}, {"ROWS", true},    {"SIZE", true},
        {"STORED", true}, {"STATE", false}};
    struct backups_filter filter;
    s->table = (struct render_table){.columns = columns, .column_count = ARRAY_SIZE(columns)};
    if (select_filter(&o->select, &filter, e) < 0 || context_metadata(c, e) < 0 ||
        context_reading_catalog(c, e) < 0 || sync_backups(c, &s->unreadable, e) < 0)
        return -1;
    return backups_visit(c->catalog, &filter, visit, s, e);
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    const struct list_options *o = options;
    struct sink s = {0};
    (void)argv;
    if (argc > 0 || after)
        return error_set(e, ERROR_USAGE, "list takes no arguments");
    struct json *root = c->json ? json_new_object() : NULL;
    if (c->json)
        s.list = json_put_list(root, o->tables ? "tables" : "backups");
    int rc = o->tables ? list_tables(c, o, &s, e) : list_backups(c, o, &s, e);
    if (rc == 0 && c->json) {
        rc = json_write(root, true, stdout, e);
        (void)putchar('\n');
    } else if (rc == 0) {
        render_print(&s.table, stdout);
    }
    json_free(root);
    render_done(&s.table);
    if (rc < 0)
        return -1;
    return s.unreadable > 0 ? EXIT_DAMAGE : EXIT_DONE;
}

const struct command cmd_list = {
    .name = "list",
    .usage = "[--source NAME] [--database NAME] [--tag K[=V]] [--kind KIND] [--tables ID]",
    .summary = "One line a backup, oldest first",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct list_options),
    .run = run,
};
