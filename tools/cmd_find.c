/* SPDX-License-Identifier: Apache-2.0 */
/* Backups are looked at oldest first. A table whose recorded sum is that of one that was read
 * already has the same rows: of a table that does not change one backup is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/table_rows.h"
#include "core/rows/copy_match.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/render.h"
#include "tools/select.h"
#include "tools/sync.h"

struct find_options {
    struct select_options select;
    const char *table;
    const char *match;
    const char *column;
};

#define AT(member) offsetof(struct find_options, member)
static const struct options_spec specs[] = {
    SELECT_SPECS(struct find_options, select),
    {0, "table", OPTIONS_TEXT, AT(table), "TABLE",
     "look here: [SCHEMA.]NAME, as with restore -t, but one", ""},
    {0, "match", OPTIONS_TEXT, AT(match), "TEXT", "for rows with a value that holds this text",
     ""},
    {0, "column", OPTIONS_TEXT, AT(column), "NAME",
     "for rows whose value in this column is TEXT, neither more nor less", ""},
};

/* Rows that were counted, by what the backups recorded of them. */
struct counted {
    uint64_t rows, bytes;
    uint8_t sum[16];
    uint16_t column;
    uint64_t matching;
};

enum result { READ, SAME, NO_TABLE, NO_COLUMN, NOT_SEARCHED };
static const char *const result_words[] = {"read", "same as before", "no such table",
                                           "no such column", "not searched"};

/* A backup, and what came of it. */
struct moment {
    struct backups_row row;
    enum result result;
    uint64_t rows, matching;
    struct error why; /* NOT_SEARCHED */
};

struct search {
    struct context *c;
    const struct find_options *o;
    struct moment *moments; /* oldest first */
    size_t count;
    struct counted *counted;
    size_t counted_count;
    struct copy_match *match;
    struct table_rows *table; /* while it is looked at */
};

/* ---- one backup -------------------------------------------------------------------- */

static uint16_t place_of(const struct search *s, size_t part)
{
    if (!s->o->column)
        return COPY_MATCH_ANY;
    return column_names_place(table_rows_columns(s->table, part), bytes_text(s->o->column), 0);
}

static int begin_part(void *arg, size_t part, struct error *e)
{
    struct search *s = arg;
    (void)e;
    copy_match_begin(s->match, place_of(s, part));
    return 0;
}

static int add_text(void *arg, struct bytes text, struct error *e)
{
    struct search *s = arg;
    (void)e;
    copy_match_add(s->match, text);
    return 0;
}

static int end_part(void *arg, struct error *e)
{
    (void)arg;
    (void)e;
    return 0;
}

static const struct counted *find_counted(const struct search *s, const struct counted *like)
{
    for (size_t i = 0; i < s->counted_count; i++) {
        const struct counted *n = &s->counted[i];
        if (n->rows == like->rows && n->bytes == like->bytes && n->column == like->column &&
            memcmp(n->sum, like->sum, sizeof n->sum) == 0)
            return n;
    }
    return NULL;
}

static int keep(struct search *s, const struct counted *n, struct error *e)
{
    struct counted *more = reallocarray(s->counted, s->counted_count + 1, sizeof *more);
    if (!more)
        return error_memory(e, "search");
    s->counted = more;
    s->counted[s->counted_count++] = *n;
    return 0;
}

static int count_rows(struct search *s, struct moment *m, struct error *e)
{
    const struct table_rows_visit visit = {begin_part, add_text, end_part, s};
    const struct table_rows_facts facts = table_rows_facts(s->table);
    struct counted n = {.rows = facts.rows, .bytes = facts.bytes, .column = place_of(s, 0)};
    memcpy(n.sum, facts.sum, sizeof n.sum);
    bool one_place = true; /* partitions may have the column at different places */
    m->rows = n.rows;
    for (size_t i = 0; s->o->column && i < facts.part_count; i++) {
        if (place_of(s, i) == COLUMN_NAMES_NOWHERE) {
            m->result = NO_COLUMN;
            return 0;
        }
        one_place = one_place && place_of(s, i) == n.column;
    }
    const struct counted *known = one_place ? find_counted(s, &n) : NULL;
    if (known) {
        m->result = SAME;
        m->matching = known->matching;
        return 0;
    }
    uint64_t before = copy_match_rows(s->match);
    if (table_rows_read(s->table, &visit, e) < 0)
        return -1;
    m->result = READ;
    m->matching = n.matching = copy_match_rows(s->match) - before;
    return one_place ? keep(s, &n, e) : 0;
}

static int look_in(struct search *s, const struct manifest *manifest, struct moment *m,
                   struct error *e)
{
    const struct table_rows_options options = {.repo = s->c->repo,
                                               .manifest = manifest,
                                               .name = s->o->table,
                                               .option = "--table",
                                               .workers = context_workers(0),
                                               .stop = s->c->stop};
    int rc = table_rows_open(&options, &s->table, e);
    if (rc == TABLE_ROWS_ABSENT) {
        m->result = NO_TABLE;
        m->why = *e;
        return 0;
    }
    if (rc == 0)
        rc = count_rows(s, m, e);
    table_rows_close(s->table);
    s->table = NULL;
    return rc;
}

/* What cannot be searched is told and the others are; damage ends it. */
static int look(struct search *s, struct moment *m, struct error *e)
{
    struct manifest manifest = {0};
    char id[2 * FORMAT_ID_LEN + 1];
    str_hex(id, m->row.backup_id, FORMAT_ID_LEN);
    if (*s->c->stop)
        return error_stopped(e, *s->c->stop);
    int rc = repo_manifest(s->c->repo, m->row.backup_id, true, &manifest, e);
    if (rc == STORE_ABSENT)
        rc = error_set(e, ERROR_UNSUPPORTED, "the backup was forgotten just now");
    else if (rc == 0 && !manifest.is_open)
        rc = error_set(e, ERROR_UNSUPPORTED, "no key at hand opens this backup");
    else if (rc == 0)
        rc = look_in(s, &manifest, m, e);
    manifest_done(&manifest);
    if (rc < 0 && e->kind == ERROR_UNSUPPORTED) {
        m->result = NOT_SEARCHED;
        m->why = *e;
        return 0;
    }
    return rc < 0 ? error_wrap(e, "%.8s", id) : 0;
}

/* ---- telling ----------------------------------------------------------------------- */

static bool same_source(const struct moment *a, const struct moment *b)
{
    const char *x = a->row.source, *y = b->row.source;
    return x && y ? strcmp(x, y) == 0 : !x && !y;
}

/* What came of the backups of a source. */
struct source {
    const struct moment *first, *last; /* with such a row; NULL: none */
    size_t backups, with, unknown;
};

/* Of moment i's source; false unless i is its first backup. */
static bool sum_up(const struct search *s, size_t i, struct source *out)
{
    *out = (struct source){0};
    for (size_t k = 0; k < s->count; k++) {
        const struct moment *m = &s->moments[k];
        if (!same_source(m, &s->moments[i]))
            continue;
        if (k < i)
            return false;
        out->backups++;
        out->unknown += m->result == NOT_SEARCHED;
        if (m->matching == 0)
            continue;
        out->with++;
        out->first = out->first ? out->first : m;
        out->last = m;
    }
    return true;
}

static int print_moments(const struct search *s, struct error *e)
{
    static const struct render_column columns[] = {{"ID", false},      {"TIME", false},
                                                   {"SOURCE", false},  {"ROWS", true},
                                                   {"MATCHING", true}, {"HOW", false}};
    struct render_table t = {.columns = columns, .column_count = ARRAY_SIZE(columns)};
    int rc = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct moment *m = &s->moments[i];
        char id[9], when[CLOCK_TEXT], rows[32] = "", matching[32] = "";
        str_hex(id, m->row.backup_id, 4);
        clock_local(when, m->row.committed_us);
        if (m->result <= SAME) {
            render_count(rows, m->rows);
            render_count(matching, m->matching);
        }
        const char *const cells[] = {id,   when,     m->row.source ? m->row.source : "",
                                     rows, matching, result_words[m->result]};
        for (size_t k = 0; rc == 0 && k < ARRAY_SIZE(cells); k++)
            rc = render_add(&t, cells[k], e);
    }
    if (rc == 0)
        render_print(&t, stdout);
    render_done(&t);
    return rc;
}

static void print_when(const char *word, const struct moment *m)
{
    char id[9], when[CLOCK_TEXT];
    str_hex(id, m->row.backup_id, 4);
    clock_local(when, m->row.committed_us);
    (void)printf("%s %s (%s)", word, id, when);
}

static void print_source(const struct search *s, size_t i)
{
    struct source of;
    char name[200];
    if (!sum_up(s, i, &of))
        return;
    str_safe(name, sizeof name,
             bytes_text(s->moments[i].row.source ? s->moments[i].row.source : "-"));
    (void)printf("%s: ", name);
    if (of.first) {
        print_when("first in", of.first);
        print_when(", last in", of.last);
        (void)printf(", in %zu of %zu backups", of.with, of.backups);
    } else {
        (void)printf("in none of %zu backups", of.backups);
    }
    if (of.unknown > 0)
        (void)printf("; %zu could not be searched", of.unknown);
    (void)putchar('\n');
}

static int for_people(const struct search *s, struct error *e)
{
    if (s->c->quiet > 0)
        return 0;
    if (print_moments(s, e) < 0)
        return -1;
    (void)putchar('\n');
    for (size_t i = 0; i < s->count; i++)
        print_source(s, i);
    for (size_t i = 0; i < s->count; i++) {
        char id[9];
        str_hex(id, s->moments[i].row.backup_id, 4);
        if (s->moments[i].result == NOT_SEARCHED)
            (void)fprintf(stderr, "%s: %s\n", id, s->moments[i].why.text);
    }
    return 0;
}

static void put_moment(struct json *j, const struct moment *m)
{
    char id[2 * FORMAT_ID_LEN + 1], when[CLOCK_TEXT];
    str_hex(id, m->row.backup_id, FORMAT_ID_LEN);
    clock_rfc3339(when, m->row.committed_us);
    json_put_text(j, "id", id);
    json_put_text(j, "time", when);
}

static void put_end(struct json *j, const char *key, const struct moment *m)
{
    if (m)
        put_moment(json_put_object(j, key), m);
    else
        json_put_null(j, key);
}

static int for_machines(const struct search *s, bool found, struct error *e)
{
    struct json *root = json_new_object();
    json_put_bool(root, "found", found);
    struct json *list = json_put_list(root, "sources");
    struct source of;
    for (size_t i = 0; i < s->count; i++) {
        if (!sum_up(s, i, &of))
            continue;
        struct json *j = json_put_object(list, NULL);
        json_put_text(j, "source", s->moments[i].row.source);
        put_end(j, "first", of.first);
        put_end(j, "last", of.last);
        json_put_u64(j, "backups", of.backups);
        json_put_u64(j, "backups_with", of.with);
        json_put_u64(j, "not_searched", of.unknown);
    }
    list = json_put_list(root, "backups");
    for (size_t i = 0; i < s->count; i++) {
        const struct moment *m = &s->moments[i];
        struct json *j = json_put_object(list, NULL);
        put_moment(j, m);
        json_put_text(j, "source", m->row.source);
        json_put_text(j, "result", result_words[m->result]);
        if (m->result <= SAME) {
            json_put_u64(j, "rows", m->rows);
            json_put_u64(j, "matching", m->matching);
        }
        json_put_text(j, "message", m->result == NOT_SEARCHED ? m->why.text : NULL);
    }
    int rc = json_write(root, true, stdout, e);
    (void)putchar('\n');
    json_free(root);
    return rc;
}

/* ---- the command ------------------------------------------------------------------- */

static int note(void *arg, const struct backups_row *row, struct error *e)
{
    struct search *s = arg;
    struct moment *more = reallocarray(s->moments, s->count + 1, sizeof *more);
    if (!more)
        return error_memory(e, "search");
    s->moments = more;
    struct moment *m = &s->moments[s->count];
    *m = (struct moment){0};
    if (backups_row_copy(row, &m->row, e) < 0)
        return -1;
    s->count++;
    return 0;
}

static int gather(struct search *s, struct error *e)
{
    struct backups_filter filter;
    if (select_filter(&s->o->select, &filter, e) < 0 || context_reader(s->c, e) < 0 ||
        context_reading_catalog(s->c, e) < 0 || sync_backups(s->c, NULL, e) < 0 ||
        backups_visit(s->c->catalog, &filter, note, s, e) < 0)
        return -1;
    return s->count > 0 ? 0 : error_set(e, ERROR_ABSENT, "no backup is like that");
}

/* In no backup is there such a table, or such a column: that is no answer to the question. */
static int check_asked(const struct search *s, struct error *e)
{
    enum result least = NOT_SEARCHED;
    for (size_t i = 0; i < s->count; i++) {
        if (s->moments[i].result < NO_TABLE || s->moments[i].result == NOT_SEARCHED)
            return 0;
        /* A column that is missing says more than a table that is. */
        if (least != NO_COLUMN)
            least = s->moments[i].result;
    }
    if (least == NO_COLUMN)
        return error_set(e, ERROR_USAGE, "--column %s: no backup has it in that table",
                         s->o->column);
    *e = s->moments[s->count - 1].why;
    return -1;
}

static int search(struct search *s, struct error *e)
{
    s->match = copy_match_new(bytes_text(s->o->match), s->o->column != NULL, e);
    if (!s->match || gather(s, e) < 0)
        return -1;
    for (size_t i = 0; i < s->count; i++)
        if (look(s, &s->moments[i], e) < 0)
            return -1;
    if (check_asked(s, e) < 0)
        return -1;
    bool found = false;
    for (size_t i = 0; i < s->count; i++)
        found = found || s->moments[i].matching > 0;
    if ((s->c->json ? for_machines(s, found, e) : for_people(s, e)) < 0)
        return -1;
    return found ? EXIT_DONE : EXIT_FAILED;
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    const struct find_options *o = options;
    struct search s = {.c = c, .o = o};
    (void)argv;
    if (argc != 0 || after)
        return error_set(e, ERROR_USAGE, "find: only options are expected");
    if (!o->table || !o->match)
        return error_set(e, ERROR_USAGE, "find: --table TABLE and --match TEXT are expected");
    if (!*o->match && !o->column)
        return error_set(e, ERROR_USAGE, "--match: an empty text is in every row");
    int rc = search(&s, e);
    for (size_t i = 0; i < s.count; i++)
        backups_row_done(&s.moments[i].row);
    free(s.moments);
    free(s.counted);
    copy_match_free(s.match);
    return rc;
}

const struct command cmd_find = {
    .name = "find",
    .usage = "--table TABLE --match TEXT [--column NAME]",
    .summary = "Which backups have a row with a certain value: the first, the last, how many",
    .more =
        "Of all backups, or those that the options choose, a line each: how many rows of "
        "TABLE\n"
        "have a value that holds TEXT. Values are looked at as they are in the database, not\n"
        "as COPY writes them: a line break is one, and TEXT is not found across two columns.\n"
        "NULL holds nothing. With --column the value of that column must be TEXT as a whole.\n"
        "Then, for each source, the first and the last backup with such a row. A table that\n"
        "did not change is read once. A partitioned table means all its partitions.\n"
        "As with grep, exit code 0 when a row was found, 1 when none was (with -q that is all\n"
        "that is told).\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct find_options),
    .run = run,
};
