/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/diff_table.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/table_diff.h"
#include "core/rows/copy_text.h"
#include "tools/exit.h"
#include "tools/render.h"

struct comparison {
    struct context *c;
    const struct diff_table_options *o;
    struct table_rows *before, *after; /* NULL: no such table */
    struct table_diff *diff;
    struct table_diff_counts counts;
    char **keys; /* of JSON, one a column that is compared */
    struct buf line, value;
};

static const struct column_names *columns(const struct comparison *k,
                                          enum table_diff_columns which)
{
    return table_diff_columns(k->diff, which);
}

static void full_name(const struct table_rows *t, char out[520])
{
    char schema[200], name[300];
    struct table_rows_facts f = table_rows_facts(t);
    str_safe(schema, sizeof schema, f.schema);
    str_safe(name, sizeof name, f.name);
    (void)snprintf(out, 520, "%s%s%s", schema, *schema ? "." : "", name);
}

/* ---- rows for people --------------------------------------------------------------- */

static int print_line(struct comparison *k, char sign, const struct table_diff_row *row,
                      struct error *e)
{
    k->line.len = 0;
    if (buf_byte(&k->line, (uint8_t)sign, e) < 0 ||
        copy_text_visible(row->text, &k->line, e) < 0 ||
        (row->is_cut && buf_printf(&k->line, e, " [... %llu bytes in all]\n",
                                   (unsigned long long)row->len) < 0))
        return -1;
    if (fwrite(k->line.data, 1, k->line.len, stdout) != k->line.len)
        return error_system(e, "standard output");
    return 0;
}

static int print_row(void *arg, const struct table_diff_row *before,
                     const struct table_diff_row *after, struct error *e)
{
    if (before && print_line(arg, '-', before, e) < 0)
        return -1;
    return after ? print_line(arg, '+', after, e) : 0;
}

/* ---- rows for machines ------------------------------------------------------------- */

static int make_keys(struct comparison *k, struct error *e)
{
    const struct column_names *n = columns(k, TABLE_DIFF_COMPARED);
    k->keys = calloc(n->count + 1, sizeof *k->keys);
    if (!k->keys)
        return error_memory(e, "names of columns");
    for (size_t i = 0; i < n->count; i++) {
        char name[1000];
        str_safe(name, sizeof name, column_names_at(n, i));
        if (!(k->keys[i] = str_copy(name, e)))
            return -1;
    }
    return 0;
}

static int put_row(struct comparison *k, struct json *j, const char *key,
                   const struct table_diff_row *row, struct error *e)
{
    size_t count = columns(k, TABLE_DIFF_COMPARED)->count;
    if (!row || row->is_cut) {
        json_put_null(j, key);
        if (row)
            json_put_u64(j, "cut_bytes", row->len);
        return 0;
    }
    struct json *values = json_put_object(j, key);
    struct bytes line = bytes_of(row->text.data, row->text.len - 1);
    struct bytes field;
    bool more = count > 0;
    for (size_t i = 0; more && i < count; i++) {
        more = copy_text_field(&line, &field);
        k->value.len = 0;
        if (copy_text_is_null(field))
            json_put_null(values, k->keys[i]);
        else if (copy_text_value(field, &k->value, e) < 0)
            return -1;
        else
            json_put_bytes(values, k->keys[i], buf_view(&k->value));
    }
    return 0;
}

/* Takes j over. */
static int write_line(struct json *j, struct error *e)
{
    int rc = json_write(j, false, stdout, e);
    json_free(j);
    if (rc == 0 && putchar('\n') == EOF)
        return error_system(e, "standard output");
    return rc;
}

static int write_row(void *arg, const struct table_diff_row *before,
                     const struct table_diff_row *after, struct error *e)
{
    struct comparison *k = arg;
    struct json *j = json_new_object();
    json_put_text(j, "message_type", "row");
    json_put_text(j, "change", before && after ? "changed" : before ? "removed" : "added");
    if (put_row(k, j, "before", before, e) < 0 || put_row(k, j, "after", after, e) < 0) {
        json_free(j);
        return -1;
    }
    return write_line(j, e);
}

static void put_names(struct json *j, const char *key, const struct column_names *n)
{
    struct json *list = json_put_list(j, key);
    for (size_t i = 0; i < n->count; i++)
        json_put_bytes(list, NULL, column_names_at(n, i));
}

static void put_id(struct json *j, const char *key, const struct manifest *m)
{
    char id[2 * FORMAT_ID_LEN + 1];
    str_hex(id, m->backup_id, FORMAT_ID_LEN);
    json_put_text(j, key, id);
}

static void put_rows(struct json *j, const char *key, const struct table_rows *t)
{
    if (t)
        json_put_u64(j, key, table_rows_facts(t).rows);
    else
        json_put_null(j, key);
}

/* ---- the end of it ----------------------------------------------------------------- */

static bool differ(const struct comparison *k)
{
    if (!k->diff)
        return true;
    return k->counts.added + k->counts.removed + k->counts.changed > 0 ||
           columns(k, TABLE_DIFF_ONLY_BEFORE)->count > 0 ||
           columns(k, TABLE_DIFF_ONLY_AFTER)->count > 0;
}

static int write_summary(const struct comparison *k, struct error *e)
{
    const struct table_rows *t = k->after ? k->after : k->before;
    struct table_rows_facts f = table_rows_facts(t);
    struct json *j = json_new_object();
    json_put_text(j, "message_type", "summary");
    put_id(j, "before", k->o->before);
    put_id(j, "after", k->o->after);
    if (f.schema.data)
        json_put_bytes(j, "schema", f.schema);
    json_put_bytes(j, "name", f.name);
    json_put_bool(j, "different", differ(k));
    put_rows(j, "rows_before", k->before);
    put_rows(j, "rows_after", k->after);
    if (k->diff) {
        const struct table_diff_counts *n = &k->counts;
        put_names(j, "columns", columns(k, TABLE_DIFF_COMPARED));
        put_names(j, "columns_only_before", columns(k, TABLE_DIFF_ONLY_BEFORE));
        put_names(j, "columns_only_after", columns(k, TABLE_DIFF_ONLY_AFTER));
        json_put_bool(j, "has_primary_key", n->has_key);
        json_put_u64(j, "added", n->added);
        json_put_u64(j, "removed", n->removed);
        json_put_u64(j, "changed", n->changed);
        json_put_u64(j, "same", n->same);
        json_put_u64(j, "not_paired", n->alone);
        json_put_u64(j, "cut", n->cut);
    }
    return write_line(j, e);
}

static void print_names(const char *what, const struct column_names *n)
{
    char name[300];
    for (size_t i = 0; i < n->count; i++) {
        str_safe(name, sizeof name, column_names_at(n, i));
        (void)printf("%s%s", i > 0 ? ", " : what, name);
    }
    if (n->count > 0)
        (void)putchar('\n');
}

static void print_head(const struct comparison *k)
{
    char name[520], before[32], after[32];
    full_name(k->after, name);
    render_count(before, table_rows_facts(k->before).rows);
    render_count(after, table_rows_facts(k->after).rows);
    (void)printf("table %s: %s rows before, %s after\n", name, before, after);
    print_names("columns only before: ", columns(k, TABLE_DIFF_ONLY_BEFORE));
    print_names("columns only after: ", columns(k, TABLE_DIFF_ONLY_AFTER));
    print_names("columns compared: ", columns(k, TABLE_DIFF_COMPARED));
}

static void print_sum(const struct comparison *k)
{
    const struct table_diff_counts *n = &k->counts;
    char added[32], removed[32], changed[32], same[32];
    render_count(added, n->added);
    render_count(removed, n->removed);
    render_count(changed, n->changed);
    render_count(same, n->same);
    (void)printf("rows: %s added, %s removed, %s changed, %s the same\n", added, removed,
                 changed, same);
    if (n->alone > 0)
        (void)printf("note: %llu rows found no room to wait for the one with their primary key "
                     "and stand first\n",
                     (unsigned long long)n->alone);
    if (n->cut > 0)
        (void)printf("note: %llu rows are cut after %zu MiB\n", (unsigned long long)n->cut,
                     TABLE_DIFF_ROW / MIB);
}

static int tell_absent(const struct comparison *k, struct error *e)
{
    const struct table_rows *t = k->after ? k->after : k->before;
    char name[520], rows[32], id[2 * FORMAT_ID_LEN + 1];
    if (k->c->json)
        return write_summary(k, e);
    full_name(t, name);
    render_count(rows, table_rows_facts(t).rows);
    str_hex(id, (k->after ? k->o->after : k->o->before)->backup_id, FORMAT_ID_LEN);
    if (k->c->quiet == 0)
        (void)printf("table %s: only %s, in %.8s (%s rows)\n", name,
                     k->after ? "after" : "before", id, rows);
    return 0;
}

/* ---- comparing --------------------------------------------------------------------- */

static int compare(struct comparison *k, struct error *e)
{
    bool quiet = k->c->quiet > 0 && !k->c->json;
    char *path = context_catalog_path(k->c, ".diff", e);
    const struct table_diff_options options = {.before = k->before,
                                               .after = k->after,
                                               .path = path,
                                               .visit = quiet        ? NULL
                                                        : k->c->json ? write_row
                                                                     : print_row,
                                               .arg = k};
    k->diff = path ? table_diff_new(&options, e) : NULL;
    int rc = k->diff ? make_keys(k, e) : -1;
    if (rc == 0 && !quiet && !k->c->json)
        print_head(k);
    if (rc == 0)
        rc = table_diff_run(k->diff, &k->counts, e);
    if (rc == 0 && k->c->json)
        rc = write_summary(k, e);
    else if (rc == 0 && !quiet)
        print_sum(k);
    free(path);
    return rc;
}

/* Answers TABLE_ROWS_ABSENT. */
static int open_one(struct comparison *k, const struct manifest *m, struct table_rows **out,
                    struct error *e)
{
    char id[2 * FORMAT_ID_LEN + 1];
    const struct table_rows_options options = {.repo = k->c->repo,
                                               .manifest = m,
                                               .name = k->o->name,
                                               .option = "--table",
                                               .workers = context_workers(0),
                                               .stop = k->c->stop};
    str_hex(id, m->backup_id, FORMAT_ID_LEN);
    int rc = table_rows_open(&options, out, e);
    return rc < 0 ? error_wrap(e, "%.8s", id) : rc;
}

static int check_names(const struct comparison *k, struct error *e)
{
    char before[520], after[520];
    full_name(k->before, before);
    full_name(k->after, after);
    if (strcmp(before, after) == 0)
        return 0;
    (void)error_set(e, ERROR_USAGE, "--table %s: that is %s before and %s after", k->o->name,
                    before, after);
    return error_hint(e, "say which: SCHEMA.NAME");
}

static int run(struct comparison *k, struct error *e)
{
    int before = open_one(k, k->o->before, &k->before, e);
    int after = before < 0 ? -1 : open_one(k, k->o->after, &k->after, e);
    if (before < 0 || after < 0)
        return -1;
    if (before == TABLE_ROWS_ABSENT && after == TABLE_ROWS_ABSENT)
        return -1; /* e holds the words */
    if (before == TABLE_ROWS_ABSENT || after == TABLE_ROWS_ABSENT)
        return tell_absent(k, e);
    return check_names(k, e) < 0 ? -1 : compare(k, e);
}

int diff_table(struct context *c, const struct diff_table_options *o, struct error *e)
{
    struct comparison k = {.c = c, .o = o};
    int rc = run(&k, e);
    if (rc == 0)
        rc = differ(&k) ? EXIT_DAMAGE : EXIT_DONE;
    for (size_t i = 0; k.keys && k.keys[i]; i++)
        free(k.keys[i]);
    free(k.keys);
    table_diff_free(k.diff);
    table_rows_close(k.before);
    table_rows_close(k.after);
    buf_done(&k.line);
    buf_done(&k.value);
    return rc;
}
