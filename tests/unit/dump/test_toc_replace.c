/* SPDX-License-Identifier: Apache-2.0 */
/* Archives that drop what a database has before they make what the backup has. */
#include <stdlib.h>

#include <unistd.h>

#include "core/base/child.h"
#include "core/base/file.h"
#include "core/dump/toc_replace.h"
#include "core/dump/toc_walk.h"
#include "tests/support/check.h"
#include "tests/support/dump_walk.h"
#include "tests/support/made_dump.h"
#include "tests/support/selection.h"

static const struct toc_replace_drop drops[] = {
    {NULL, "SELECT lo_unlink(1);\n"},
    {"SCHEMA", "DROP SCHEMA \"a b\";\n"},
    {"EVENT TRIGGER", "DROP EVENT TRIGGER e;\n"},
};

/* Header and TOC of a replacing archive, of what s keeps. */
static struct buf replaced(const struct selection *s, size_t drop_count)
{
    struct error e = {0};
    struct buf out = {0};
    enum toc_stage *stages = calloc((size_t)s->list.count + 1, sizeof *stages);
    assert_non_null(stages);
    toc_stage_assign(&s->list, stages);
    const struct toc_replace_options o = {.toc = buf_view(&s->archive),
                                          .selection = &s->select,
                                          .stages = stages,
                                          .drops = drops,
                                          .drop_count = drop_count};
    assert_done(toc_replace_write(&o, &out, &e), &e);
    free(stages);
    return out;
}

static void keep_all(struct selection *s)
{
    struct error e = {0};
    const struct toc_select_options o = {.content = TOC_SELECT_ALL};
    assert_done(selection_run(s, &o, &e), &e);
    assert_int_equal(s->select.kept, s->list.count);
}

/* What is compared of an entry; texts with a terminator, "-" for NULL. */
struct seen {
    char defn[200], drop[200], tag[80], desc[40];
    uint32_t dump_id, section;
    uint8_t offset_state;
    bool has_data;
};

struct reading {
    struct seen *entries;
    size_t count;
};

static void copy(char *out, size_t size, struct bytes text)
{
    (void)snprintf(out, size, "%.*s", text.data ? (int)text.len : 1,
                   text.data ? (const char *)text.data : "-");
}

static int see(void *arg, const struct dump_event *ev, struct error *e)
{
    struct reading *r = arg;
    const struct dump_entry *n = ev->entry;
    (void)e;
    if (ev->type != DUMP_ENTRY)
        return 0;
    r->entries = reallocarray(r->entries, r->count + 1, sizeof *r->entries);
    assert_non_null(r->entries);
    struct seen *s = &r->entries[r->count++];
    *s = (struct seen){.dump_id = n->dump_id,
                       .section = n->section,
                       .offset_state = n->offset_state,
                       .has_data = n->has_data};
    copy(s->defn, sizeof s->defn, n->defn);
    copy(s->drop, sizeof s->drop, n->drop);
    copy(s->tag, sizeof s->tag, n->tag);
    copy(s->desc, sizeof s->desc, n->desc);
    return 0;
}

static struct reading read_entries(const struct buf *archive)
{
    struct error e = {0};
    struct reading r = {0};
    assert_done(toc_walk(buf_view(archive), see, &r, &e), &e);
    return r;
}

static struct archive_entry entry(int64_t dump_id, const char *desc, const char *tag,
                                  const char *drop)
{
    struct archive_entry n = archive_with_id(&archive_schema, dump_id);
    n.desc = desc;
    n.tag = tag;
    n.drop = drop;
    n.defn = "CREATE IT;\n";
    return n;
}

/* ---- what stands where --------------------------------------------------------------- */

static void entries_are_followed_by_the_last_ones_and_by_drops(void **state)
{
    (void)state;
    struct archive_entry rows = archive_with_id(&archive_data, 8);
    struct archive_entry said = entry(11, "COMMENT", "EVENT TRIGGER e", NULL);
    rows.offset_state = 2; /* a position, which is no longer right */
    rows.offset = 4711;
    const struct archive_entry entries[] = {
        entry(9, "TABLE", "t", "DROP TABLE public.t;\n"), rows,
        entry(10, "EVENT TRIGGER", "e", "DROP EVENT TRIGGER e;\n"), said,
        entry(12, "INDEX", "t_i", "DROP INDEX public.t_i;\n")};
    static const unsigned minors[] = {10, 11, 12, 13, 14, 15, 16};
    for (size_t m = 0; m < ARRAY_SIZE(minors); m++) {
        struct selection s;
        selection_take(&s, archive_with_toc(minors[m], entries, ARRAY_SIZE(entries)));
        keep_all(&s);
        struct buf out = replaced(&s, ARRAY_SIZE(drops));
        struct reading r = read_entries(&out);
        const char *const tags[] = {"t", "t", "t_i", "e", "EVENT TRIGGER e"};
        assert_int_equal(r.count, ARRAY_SIZE(entries) + ARRAY_SIZE(drops));
        for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
            assert_string_equal(r.entries[i].tag, tags[i]);
        assert_string_equal(r.entries[0].drop, "--\n");
        assert_true(r.entries[1].has_data);
        assert_int_equal(r.entries[1].offset_state, 1);
        assert_int_equal(r.entries[0].offset_state, 3);
        /* Run from the end: the last of them first, and all before the archive's own. */
        for (size_t i = 0; i < ARRAY_SIZE(drops); i++) {
            const struct seen *d = &r.entries[ARRAY_SIZE(entries) + i];
            char expected[200];
            (void)snprintf(expected, sizeof expected, "%s%s", drops[i].desc ? "" : "--\n",
                           drops[i].statement);
            assert_string_equal(d->desc, drops[i].desc ? drops[i].desc : "DROP");
            assert_string_equal(d->drop, expected);
            assert_string_equal(d->defn, "--\n");
            assert_int_equal(d->dump_id, 13 + i);
            assert_int_equal(d->section, minors[m] >= 11 ? 2 : 0);
            assert_int_equal(d->offset_state, 3);
            assert_false(d->has_data);
        }
        free(r.entries);
        buf_done(&out);
        selection_done(&s);
    }
}

/* A view that needs a later entry stands in the TOC as an empty one, whose "drop" is a CREATE.
 */
static void a_view_that_stands_for_a_later_one_is_not_made_by_dropping(void **state)
{
    (void)state;
    static const char dummy[] = "CREATE OR REPLACE VIEW public.v AS\nSELECT NULL::int AS a;\n";
    const struct archive_entry entries[] = {
        entry(1, "VIEW", "v", "DROP VIEW public.v;\n"), entry(2, "RULE", "v _RETURN", dummy),
        entry(3, "FUNCTION", "f()", "DROP FUNCTION public.f();\n"),
        entry(4, "DEFAULT", "t a", NULL)};
    struct selection s;
    selection_take(&s, archive_with_toc(14, entries, ARRAY_SIZE(entries)));
    keep_all(&s);
    struct buf out = replaced(&s, 0);
    struct reading r = read_entries(&out);
    assert_int_equal(r.count, 4);
    assert_string_equal(r.entries[0].drop, "--\n");
    assert_string_equal(r.entries[1].drop, "--\n");
    assert_string_equal(r.entries[1].defn, "CREATE IT;\n");
    /* pg_restore would take its name for ALTER … OWNER from the statement. */
    assert_string_equal(r.entries[2].drop, "--\n");
    assert_string_equal(r.entries[2].defn,
                        "CREATE IT;\n\nALTER FUNCTION public.f() OWNER TO \"me\";\n");
    assert_string_equal(r.entries[3].drop, "-");
    free(r.entries);
    buf_done(&out);
    selection_done(&s);
}

static void without_drops_a_toc_is_the_one_it_was(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {entry(9, "TABLE", "t", NULL), archive_data,
                                            entry(12, "INDEX", "t_i", "")};
    struct selection s;
    selection_take(&s, archive_with_toc(16, entries, ARRAY_SIZE(entries)));
    keep_all(&s);
    struct buf out = replaced(&s, 0);
    assert_true(bytes_equal(buf_view(&out), buf_view(&s.archive)));
    buf_done(&out);
    selection_done(&s);
}

/* ---- whole archives ------------------------------------------------------------------ */

static bool has_pg_restore(void)
{
    struct error e = {0};
    char *path = NULL;
    int rc = child_find("pg_restore", &path, &e);
    free(path);
    if (rc == CHILD_ABSENT && getenv("CI"))
        fail_msg("pg_restore is not installed");
    return rc == 0;
}

/* What pg_restore prints with --clean --if-exists; NUL-terminated. */
static struct buf script_of(struct bytes archive)
{
    static const char *const argv[] = {"pg_restore",    "--clean",  "--if-exists",
                                       "--schema-only", "--file=-", NULL};
    struct error e = {0};
    struct buf out = {0};
    size_t got = 1;
    int fd = file_memfd("archive", archive, &e);
    const struct child_options o = {.argv = argv, .in_fd = fd, .pipe_out = true};
    struct child *c = child_start(&o, &e);
    assert_non_null(c);
    while (got > 0) {
        assert_done(buf_reserve(&out, 65536, &e), &e);
        assert_done(file_read_some(child_out(c), out.data + out.len, 65536, &got, &e), &e);
        out.len += got;
    }
    assert_done(child_finish(c, "pg_restore", &e), &e);
    assert_done(buf_byte(&out, 0, &e), &e);
    child_free(c);
    (void)close(fd);
    return out;
}

static size_t place_of(const struct buf *script, const char *text)
{
    const char *at = strstr((const char *)script->data, text);
    if (!at)
        fail_msg("not there: %s", text);
    return (size_t)(at - (const char *)script->data);
}

/* Our drops stand first, the last of them in front, and behind them what is made; the archive's
 * own are not there. */
static void pg_restore_drops_in_this_order(struct bytes archive)
{
    struct buf script = script_of(archive);
    size_t first = place_of(&script, "DROP EVENT TRIGGER IF EXISTS e;");
    size_t second = place_of(&script, "DROP SCHEMA IF EXISTS \"a b\";");
    size_t third = place_of(&script, drops[0].statement);
    size_t made = place_of(&script, "CREATE TABLE audit.wide ");
    size_t evt = place_of(&script, "CREATE EVENT TRIGGER fx_evt");
    size_t key = place_of(&script, "ADD CONSTRAINT orders_user_id_fkey");
    assert_true(first < second && second < third && third < made);
    assert_null(strstr((const char *)script.data, "DROP TABLE"));
    assert_true(made < key && key < evt);
    /* That of the archive as it was stands among the drops and makes an empty view. */
    assert_true(place_of(&script, "CREATE OR REPLACE VIEW app.v_group") > made);
    buf_done(&script);
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a;
    const uint32_t *y = b;
    return (*x > *y) - (*x < *y);
}

static void ids_are_unique(const struct toc_list *l)
{
    uint32_t *ids = calloc((size_t)l->count + 1, sizeof *ids);
    assert_non_null(ids);
    for (uint32_t i = 0; i < l->count; i++)
        ids[i] = l->entries[i].dump_id;
    qsort(ids, l->count, sizeof *ids, by_number);
    for (uint32_t i = 1; i < l->count; i++)
        assert_true(ids[i - 1] < ids[i]);
    free(ids);
}

/* The archive's data behind the head that was made. */
static struct buf with_data(const struct selection *s, const struct buf *head)
{
    struct error e = {0};
    struct dump_walk walk = {0};
    struct buf out = {0};
    assert_done(dump_walk(&walk, buf_view(&s->archive), 0, &e), &e);
    assert_done(buf_append(&out, head->data, head->len, &e), &e);
    assert_done(buf_append(&out, s->archive.data + walk.data_start,
                           (size_t)(walk.data_end - walk.data_start), &e),
                &e);
    dump_walk_done(&walk);
    return out;
}

static void fixtures_stay_readable(void **state)
{
    static const struct {
        const char *name;
        bool by_program;
    } fixtures[] = {{"A-pg15-none-file", true},
                    {"A-pg15-gzip-pipe", true},
                    {"A-pg17-lz4-file", false},
                    {"A-pg18-none-file-statistics", false},
                    {"A-pg19-none-file", false}};
    bool has = has_pg_restore();
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
        struct error e = {0};
        struct selection s;
        struct toc_list again = {0};
        struct dump_walk was = {0};
        struct dump_walk now = {0};
        selection_load(&s, fixtures[i].name);
        keep_all(&s);
        struct buf head = replaced(&s, ARRAY_SIZE(drops));
        struct buf whole = with_data(&s, &head);
        assert_done(toc_list_read(buf_view(&head), &again, &e), &e);
        assert_int_equal(again.count, s.list.count + ARRAY_SIZE(drops));
        ids_are_unique(&again);
        assert_done(dump_walk(&was, buf_view(&s.archive), 0, &e), &e);
        assert_done(dump_walk(&now, buf_view(&whole), 0, &e), &e);
        assert_int_equal(now.entries, again.count);
        assert_int_equal(now.blocks, was.blocks);
        assert_int_equal(now.stream_count, was.stream_count);
        if (has && fixtures[i].by_program)
            pg_restore_drops_in_this_order(buf_view(&whole));
        dump_walk_done(&was);
        dump_walk_done(&now);
        toc_list_done(&again);
        buf_done(&head);
        buf_done(&whole);
        selection_done(&s);
    }
}

static void of_a_selection_the_rest_is_not_there(void **state)
{
    struct error e = {0};
    struct selection s;
    (void)state;
    selection_load(&s, "A-pg15-none-file");
    assert_done(selection_tables(&s, "app.users", &e), &e);
    struct buf out = replaced(&s, 2);
    struct reading r = read_entries(&out);
    assert_int_equal(r.count, s.select.kept + 2);
    size_t at = 0;
    for (uint32_t i = 0; i < s.list.count; i++)
        if (toc_select_keeps(&s.select, i))
            assert_int_equal(r.entries[at++].dump_id, s.list.entries[i].dump_id);
    assert_int_equal(at, s.select.kept);
    free(r.entries);
    buf_done(&out);
    selection_done(&s);
}

/* ---- what must not pass -------------------------------------------------------------- */

static void refused(const struct selection *s, struct bytes toc, enum error_kind kind)
{
    struct error e = {0};
    struct buf out = {0};
    enum toc_stage *stages = calloc((size_t)s->list.count + 1, sizeof *stages);
    assert_non_null(stages);
    toc_stage_assign(&s->list, stages);
    const struct toc_replace_options o = {.toc = toc,
                                          .selection = &s->select,
                                          .stages = stages,
                                          .drops = drops,
                                          .drop_count = ARRAY_SIZE(drops)};
    assert_refused(toc_replace_write(&o, &out, &e), &e, kind);
    buf_done(&out);
    free(stages);
}

static void a_toc_that_is_cut_or_another_one_is_refused(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {entry(1, "TABLE", "a", NULL),
                                            entry(2, "TABLE", "b", NULL)};
    struct selection s;
    selection_take(&s, archive_with_toc(14, entries, 2));
    keep_all(&s);
    refused(&s, bytes_of(s.archive.data, s.archive.len - 1), ERROR_CORRUPT);
    struct buf shorter = archive_with_toc(14, entries, 1);
    refused(&s, buf_view(&shorter), ERROR_CORRUPT);
    buf_done(&shorter);
    selection_done(&s);
}

static void dump_ids_do_not_wrap(void **state)
{
    (void)state;
    const struct archive_entry last[] = {entry(INT32_MAX - 2, "TABLE", "a", NULL)};
    struct selection s;
    selection_take(&s, archive_with_toc(14, last, 1));
    keep_all(&s);
    refused(&s, buf_view(&s.archive), ERROR_UNSUPPORTED);
    struct buf out = replaced(&s, 2);
    struct reading r = read_entries(&out);
    assert_int_equal(r.entries[2].dump_id, INT32_MAX);
    free(r.entries);
    buf_done(&out);
    selection_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_followed_by_the_last_ones_and_by_drops),
        cmocka_unit_test(a_view_that_stands_for_a_later_one_is_not_made_by_dropping),
        cmocka_unit_test(without_drops_a_toc_is_the_one_it_was),
        cmocka_unit_test(fixtures_stay_readable),
        cmocka_unit_test(of_a_selection_the_rest_is_not_there),
        cmocka_unit_test(a_toc_that_is_cut_or_another_one_is_refused),
        cmocka_unit_test(dump_ids_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
