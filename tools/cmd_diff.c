/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/contents.h"
#include "tools/commands.h"
#include "tools/diff_table.h"
#include "tools/exit.h"
#include "tools/render.h"
#include "tools/select.h"

struct diff_options {
    struct select_options select;
    bool sql;
    const char *table;
};

#define AT(member) offsetof(struct diff_options, member)
static const struct options_spec specs[] = {
    SELECT_SPECS(struct diff_options, select),
    {0, "schema", OPTIONS_FLAG, AT(sql), NULL, "with the SQL of objects that differ", ""},
    {0, "table", OPTIONS_TEXT, AT(table), "TABLE",
     "the rows of this table that differ: [SCHEMA.]NAME, as with restore -t, but one", ""},
};

static const char *const words[] = {"same", "added", "removed", "changed"};

struct telling {
    const struct diff_options *o;
    bool quiet;
    struct json *objects, *tables; /* NULL: for people */
    struct render_table table;
    uint64_t object_counts[4], table_counts[4];
    bool failed; /* e holds why */
    struct error *e;
};

/* ---- objects ----------------------------------------------------------------------- */

/* Every line of the SQL behind a sign, control characters but the line's end made visible. */
static void print_sql(char sign, struct bytes sql)
{
    char safe[4000];
    while (sql.len > 0) {
        const uint8_t *lf = memchr(sql.data, '\n', sql.len);
        size_t len = lf ? (size_t)(lf - sql.data) : sql.len;
        struct bytes line = bytes_take(&sql, lf ? len + 1 : len);
        line.len = len;
        if (len == 0)
            continue;
        str_safe(safe, sizeof safe, line);
        (void)printf("    %c %s\n", sign, safe);
    }
}

static void print_name(enum contents_change change, const struct contents_object *o)
{
    char desc[100], schema[200], name[300];
    str_safe(desc, sizeof desc, o->desc);
    str_safe(schema, sizeof schema, o->schema);
    str_safe(name, sizeof name, o->name);
    (void)printf("%-8s %s %s%s%s\n", words[change], desc, schema, *schema ? "." : "", name);
}

static void print_object_sql(const struct contents_object *a, const struct contents_object *b)
{
    char before[100], after[100];
    if (a && b && !bytes_equal(a->owner, b->owner)) {
        str_safe(before, sizeof before, a->owner);
        str_safe(after, sizeof after, b->owner);
        (void)printf("    owner %s -> %s\n", before, after);
    }
    if (a && b && bytes_equal(a->definition, b->definition))
        return;
    if (a)
        print_sql('-', a->definition);
    if (b)
        print_sql('+', b->definition);
}

static void put_bytes(struct json *j, const char *key, struct bytes text)
{
    if (text.data)
        json_put_bytes(j, key, text);
    else
        json_put_null(j, key);
}

static void on_object(void *arg, enum contents_change change, const struct contents_object *a,
                      const struct contents_object *b)
{
    struct telling *t = arg;
    const struct contents_object *o = b ? b : a;
    t->object_counts[change]++;
    if (change == CONTENTS_SAME)
        return;
    if (!t->objects) {
        if (t->quiet)
            return;
        print_name(change, b ? b : a);
        if (t->o->sql)
            print_object_sql(a, b);
        return;
    }
    struct json *j = json_put_object(t->objects, NULL);
    json_put_text(j, "change", words[change]);
    put_bytes(j, "type", o->desc);
    put_bytes(j, "schema", o->schema);
    put_bytes(j, "name", o->name);
    put_bytes(j, "owner_before", a ? a->owner : (struct bytes){0});
    put_bytes(j, "owner_after", b ? b->owner : (struct bytes){0});
    if (!t->o->sql)
        return;
    put_bytes(j, "before", a ? a->definition : (struct bytes){0});
    put_bytes(j, "after", b ? b->definition : (struct bytes){0});
}

/* ---- tables ------------------------------------------------------------------------ */

static void cell(struct telling *t, const char *text)
{
    if (!t->failed)
        t->failed = render_add(&t->table, text, t->e) < 0;
}

static void number_cells(struct telling *t, const struct contents_data *d)
{
    char rows[32] = "";
    char size[32] = "";
    if (d) {
        render_count(rows, d->rows);
        str_size(size, d->bytes);
    }
    cell(t, rows);
    cell(t, size);
}

static void table_row(struct telling *t, enum contents_change change,
                      const struct contents_data *a, const struct contents_data *b)
{
    char schema[200], name[300], both[520];
    const struct contents_data *d = b ? b : a;
    str_safe(schema, sizeof schema, d->schema);
    str_safe(name, sizeof name,
             bytes_equal(d->desc, bytes_text("TABLE DATA")) ? d->name : d->desc);
    (void)snprintf(both, sizeof both, "%s%s%s", schema, *schema ? "." : "", name);
    cell(t, both);
    cell(t, words[change]);
    number_cells(t, a);
    number_cells(t, b);
}

static void put_numbers(struct json *j, const char *key, const struct contents_data *d)
{
    if (!d) {
        json_put_null(j, key);
        return;
    }
    struct json *n = json_put_object(j, key);
    json_put_u64(n, "rows", d->rows);
    json_put_u64(n, "bytes", d->bytes);
}

static void on_data(void *arg, enum contents_change change, const struct contents_data *a,
                    const struct contents_data *b)
{
    struct telling *t = arg;
    const struct contents_data *d = b ? b : a;
    t->table_counts[change]++;
    if (change == CONTENTS_SAME)
        return;
    if (!t->tables) {
        table_row(t, change, a, b);
        return;
    }
    struct json *j = json_put_object(t->tables, NULL);
    json_put_text(j, "change", words[change]);
    put_bytes(j, "entry", d->desc);
    put_bytes(j, "schema", d->schema);
    put_bytes(j, "name", d->name);
    put_numbers(j, "before", a);
    put_numbers(j, "after", b);
}

/* ---- the command ------------------------------------------------------------------- */

static bool differs(const struct telling *t)
{
    uint64_t n = 0;
    for (int change = CONTENTS_ADDED; change <= CONTENTS_CHANGED; change++)
        n += t->object_counts[change] + t->table_counts[change];
    return n > 0;
}

static void sum_line(const char *what, const uint64_t counts[4])
{
    (void)printf("%s: %llu added, %llu removed, %llu changed, %llu the same\n", what,
                 (unsigned long long)counts[CONTENTS_ADDED],
                 (unsigned long long)counts[CONTENTS_REMOVED],
                 (unsigned long long)counts[CONTENTS_CHANGED],
                 (unsigned long long)counts[CONTENTS_SAME]);
}

static void for_people(const struct telling *t)
{
    if (t->quiet)
        return;
    if (t->table.cell_count > 0) {
        (void)putchar('\n');
        render_print(&t->table, stdout);
        (void)putchar('\n');
    }
    sum_line("objects", t->object_counts);
    sum_line("data", t->table_counts);
}

static int for_machines(struct json *root, const struct telling *t, struct error *e)
{
    json_put_bool(root, "different", differs(t));
    json_put_u64(root, "objects_same", t->object_counts[CONTENTS_SAME]);
    json_put_u64(root, "data_same", t->table_counts[CONTENTS_SAME]);
    int rc = json_write(root, true, stdout, e);
    (void)putchar('\n');
    return rc;
}

/* id: of the backup that was meant. */
static int load(struct context *c, const char *text, const struct diff_options *o,
                struct contents *out, char id[2 * FORMAT_ID_LEN + 1], struct error *e)
{
    struct manifest m = {0};
    if (select_manifest(c, text, &o->select, &m, e) < 0)
        return -1;
    str_hex(id, m.backup_id, FORMAT_ID_LEN);
    int rc = contents_load(c->repo, &m, out, e);
    manifest_done(&m);
    return rc < 0 ? error_wrap(e, "%.8s", id) : 0;
}

static int compare(struct context *c, const struct diff_options *o, char **ids,
                   struct json *root, struct error *e)
{
    static const struct render_column columns[] = {{"DATA", false},       {"CHANGE", false},
                                                   {"ROWS BEFORE", true}, {"SIZE", true},
                                                   {"ROWS", true},        {"SIZE", true}};
    struct contents a = {0};
    struct contents b = {0};
    struct telling t = {.o = o, .quiet = c->quiet > 0, .e = e};
    t.table = (struct render_table){.columns = columns, .column_count = ARRAY_SIZE(columns)};
    char id_a[2 * FORMAT_ID_LEN + 1];
    char id_b[2 * FORMAT_ID_LEN + 1];
    int rc = load(c, ids[0], o, &a, id_a, e);
    if (rc == 0)
        rc = load(c, ids[1], o, &b, id_b, e);
    if (rc == 0 && root) {
        json_put_text(root, "before", id_a);
        json_put_text(root, "after", id_b);
    }
    if (rc == 0) {
        t.objects = root ? json_put_list(root, "objects") : NULL;
        t.tables = root ? json_put_list(root, "data") : NULL;
        const struct contents_visit visit = {on_object, on_data, &t};
        contents_compare(&a, &b, &visit);
        rc = t.failed ? -1 : 0;
    }
    if (rc == 0 && root)
        rc = for_machines(root, &t, e);
    else if (rc == 0)
        for_people(&t);
    render_done(&t.table);
    contents_done(&a);
    contents_done(&b);
    if (rc < 0)
        return -1;
    return differs(&t) ? EXIT_DAMAGE : EXIT_DONE;
}

static int compare_rows(struct context *c, const struct diff_options *o, char **ids,
                        struct error *e)
{
    struct manifest a = {0};
    struct manifest b = {0};
    const struct diff_table_options options = {.before = &a, .after = &b, .name = o->table};
    int rc = select_manifest(c, ids[0], &o->select, &a, e);
    if (rc == 0)
        rc = select_manifest(c, ids[1], &o->select, &b, e);
    if (rc == 0)
        rc = diff_table(c, &options, e);
    manifest_done(&a);
    manifest_done(&b);
    return rc;
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    const struct diff_options *o = options;
    if (argc != 2 || after)
        return error_set(e, ERROR_USAGE, "diff: two backups are expected");
    if (o->table && o->sql)
        return error_set(e, ERROR_USAGE, "--table tells rows: --schema does not go with it");
    if (context_reader(c, e) < 0)
        return -1;
    if (o->table)
        return compare_rows(c, o, argv, e);
    struct json *root = c->json ? json_new_object() : NULL;
    int rc = compare(c, o, argv, root, e);
    json_free(root);
    return rc;
}

const struct command cmd_diff = {
    .name = "diff",
    .usage = "ID ID [--schema | --table TABLE]",
    .summary = "What changed between two backups: objects, tables, and the rows of one",
    .more =
        "Objects that were added, removed or changed (definition, owner), and data whose rows\n"
        "differ, in whatever order they stand. No rows are read: what is compared was "
        "recorded\n"
        "by the backups. Exit code 4 when anything differs, 0 when nothing does.\n"
        "\n"
        "--table reads one table, or all partitions of a partitioned one, and prints the rows\n"
        "that are only before (-) or only after (+) as lines of COPY text, control characters\n"
        "as \\xNN. Rows with the same primary key are one change and stand together. Columns\n"
        "that only one of the two has are named and not compared. With --json a line for each\n"
        "row (message_type row) and one at the end (summary). Memory does not grow with the\n"
        "table: hashes that do not fit into 64 MiB (two million rows) go to a nameless file\n"
        "beside the catalog, 16 bytes each; rows that wait for the other one with their key\n"
        "take 64 MiB at most, and what finds no room stands first, by itself; of a row above\n"
        "16 MiB only the beginning is printed.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct diff_options),
    .run = run,
};
