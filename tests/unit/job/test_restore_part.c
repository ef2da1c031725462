/* SPDX-License-Identifier: Apache-2.0 */
/* Tables out of a backup: the archive that is made of them, and what is fetched for it. */
#include "tests/support/check.h"

#include <stdlib.h>

#include <unistd.h>

#include "core/base/child.h"
#include "core/base/file.h"
#include "core/job/restore_measure.h"
#include "tests/support/dump_walk.h"
#include "tests/support/made_dump.h"
#include "tests/support/night.h"
#include "tests/support/selection.h"
#include "tests/support/store_memory.h"
#include "tests/support/store_spy.h"

struct world {
    struct night_world made;
    struct store_spy spy;
    struct repository reader; /* the same repository through the spy */
};

static int setup(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    night_world_make(&w->made);
    store_spy_init(&w->spy, w->made.store);
    assert_done(night_open(&w->reader, &w->made.repository, &w->spy.proxy.base, &e), &e);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    repository_done(&w->reader);
    store_spy_done(&w->spy);
    night_world_done(&w->made);
    free(w);
    return 0;
}

/* ---- putting together -------------------------------------------------------------- */

static int append(void *arg, struct bytes b, struct error *e)
{
    return buf_append(arg, b.data, b.len, e);
}

static void store(struct world *w, struct bytes dump, struct manifest *m)
{
    struct error e = {0};
    struct night night;
    *m = (struct manifest){0};
    assert_done(night_store(&w->made.repository, dump, NULL, &night, &e), &e);
    assert_done(repo_manifest(w->reader.repo, night.id, true, m, &e), &e);
    night_done(&night);
}

static struct restore *open_restore(struct world *w, const struct manifest *m,
                                    const struct toc_select *selection, struct buf *out)
{
    struct error e = {0};
    const struct restore_options options = {.repo = w->reader.repo,
                                            .manifest = m,
                                            .selection = selection,
                                            .workers = 2,
                                            .write = append,
                                            .write_arg = out};
    struct restore *r = restore_new(&options, &e);
    assert_non_null(r);
    return r;
}

/* The bytes that the store gave for it. */
static uint64_t restore(struct world *w, const struct manifest *m,
                        const struct toc_select *selection, struct buf *out)
{
    struct error e = {0};
    uint64_t before = w->spy.got_bytes;
    struct restore *r = open_restore(w, m, selection, out);
    assert_done(restore_member(r, &m->private_part.members[0], &e), &e);
    restore_free(r);
    return w->spy.got_bytes - before;
}

static struct restore_measure measure(struct world *w, const struct manifest *m,
                                      const struct toc_select *selection)
{
    struct error e = {0};
    struct restore_measure sum;
    struct restore *r = open_restore(w, m, selection, NULL);
    assert_done(restore_measure_member(r, &m->private_part.members[0], selection, &sum, &e),
                &e);
    restore_free(r);
    return sum;
}

/* ---- archives ---------------------------------------------------------------------- */

/* With a listing and a whole reading, data and all. */
static void pg_restore_takes(struct bytes archive)
{
    static const char *const listing[] = {"pg_restore", "--list", NULL};
    static const char *const reading[] = {"pg_restore", "--file=/dev/null", NULL};
    const char *const *const ways[] = {listing, reading};
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        struct error e = {0};
        int fd = file_memfd("archive", archive, &e);
        const struct child_options o = {.argv = ways[i], .in_fd = fd, .out_fd = -1};
        struct child *c = child_start(&o, &e);
        assert_non_null(c);
        assert_done(child_finish(c, "pg_restore", &e), &e);
        child_free(c);
        (void)close(fd);
    }
}

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

/* The stream of a table in the archive it came from. */
static const struct dump_walk_stream *stream_of(const struct dump_walk *walk,
                                                const struct dump_walk_stream *s)
{
    for (size_t i = 0; i < walk->stream_count; i++)
        if (walk->streams[i].dump_id == s->dump_id && walk->streams[i].oid == s->oid)
            return &walk->streams[i];
    return NULL;
}

/* Our own reader is the gate: complete, nothing behind; and every table is the one it was. */
static void check_archive(const struct selection *s, struct bytes archive)
{
    struct error e = {0};
    struct dump_walk whole = {0};
    struct dump_walk part = {0};
    size_t blocks = 0;
    assert_done(dump_walk(&whole, buf_view(&s->archive), 0, &e), &e);
    assert_done(dump_walk(&part, archive, 0, &e), &e);
    for (uint32_t i = 0; i < s->list.count; i++)
        blocks += toc_select_keeps(&s->select, i) && s->list.entries[i].has_data;
    assert_int_equal(part.entries, s->select.kept);
    assert_int_equal(part.blocks, blocks);
    assert_int_equal(part.tail_bytes, 0);
    for (size_t i = 0; i < part.stream_count; i++) {
        const struct dump_walk_stream *was = stream_of(&whole, &part.streams[i]);
        assert_non_null(was);
        assert_memory_equal(was->sha256, part.streams[i].sha256, DIGEST_LEN);
    }
    dump_walk_done(&whole);
    dump_walk_done(&part);
}

static void tables_of(struct world *w, const char *fixture, const char *const *names,
                      size_t count, bool readable)
{
    struct error e = {0};
    struct manifest m;
    struct selection s;
    selection_load(&s, fixture);
    store(w, buf_view(&s.archive), &m);
    for (size_t i = 0; i < count; i++) {
        struct buf part = {0};
        assert_done(selection_tables(&s, names[i], &e), &e);
        uint64_t got = restore(w, &m, &s.select, &part);
        assert_int_equal(measure(w, &m, &s.select).fetch_bytes, got);
        check_archive(&s, buf_view(&part));
        if (readable)
            pg_restore_takes(buf_view(&part));
        buf_done(&part);
    }
    manifest_done(&m);
    selection_done(&s);
}

static void tables_of_fixtures_become_archives(void **state)
{
    static const char *const names[] = {
        "app.users",  "orders|app.users", "events",   "v_group",      "alltypes",
        "no_columns", "new\nline",        "free_seq", "wide|child_t", "audit.empty_table"};
    bool has = has_pg_restore();
    tables_of(*state, "A-pg15-none-file", names, ARRAY_SIZE(names), has);
    tables_of(*state, "A-pg15-gzip-pipe", names, ARRAY_SIZE(names), has);
    /* Of versions that the pg_restore at hand does not read. */
    tables_of(*state, "A-pg18-gzip-redirect-statistics", names, ARRAY_SIZE(names), false);
    tables_of(*state, "A-pg17-zstd-file", names, ARRAY_SIZE(names), false);
    tables_of(*state, "A-pg19-none-file", names, ARRAY_SIZE(names), false);
}

static void large_objects_alone_are_an_archive(void **state)
{
    static const char *const fixtures[] = {"A-pg15-none-file", "A-pg18-none-redirect"};
    static const char *const tables[] = {"no_columns"};
    const struct toc_select_options o = {.tables = tables,
                                         .table_count = 1,
                                         .large_objects = true,
                                         .content = TOC_SELECT_DATA_ONLY};
    for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
        struct world *w = *state;
        struct error e = {0};
        struct manifest m;
        struct selection s;
        struct buf part = {0};
        selection_load(&s, fixtures[i]);
        store(w, buf_view(&s.archive), &m);
        assert_done(selection_run(&s, &o, &e), &e);
        (void)restore(w, &m, &s.select, &part);
        check_archive(&s, buf_view(&part));
        buf_done(&part);
        manifest_done(&m);
        selection_done(&s);
    }
}

/* ---- bytes ------------------------------------------------------------------------- */

static struct archive_entry named(const struct archive_entry *n, int64_t dump_id,
                                  const char *tag, const char *on)
{
    struct archive_entry copy = archive_with_id(n, dump_id);
    copy.tag = tag;
    copy.dependencies[0] = on;
    copy.dependencies[1] = NULL;
    return copy;
}

/* Tables big and small; the rows of big do not compress. */
static struct buf made_shop(size_t big_rows, size_t small_rows)
{
    const struct archive_entry entries[] = {
        named(&archive_schema, 1, "big", NULL), named(&archive_schema, 2, "small", NULL),
        named(&archive_data, 101, "big", "1"), named(&archive_data, 102, "small", "2")};
    struct buf dump = archive_with_toc(16, entries, ARRAY_SIZE(entries));
    struct buf rows = {0};
    for (size_t i = 0; i < big_rows; i++)
        made_row(&rows, 1000, true, i);
    made_table(&dump, 101, buf_view(&rows), MADE_LINES, 0);
    rows.len = 0;
    for (size_t i = 0; i < small_rows; i++)
        made_row(&rows, 40, false, i);
    made_table(&dump, 102, buf_view(&rows), MADE_LINES, 0);
    buf_done(&rows);
    return dump;
}

static uint64_t pack_bytes(const struct manifest *m)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < m->closure.count; i++)
        sum += m->closure.packs[i].object.size;
    return sum;
}

static void a_small_table_fetches_less_than_a_hundredth(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct manifest m;
    struct selection s;
    struct buf part = {0};
    selection_take(&s, made_shop(24000, 100));
    store(w, buf_view(&s.archive), &m);
    assert_true(pack_bytes(&m) > 16 * MIB);
    assert_done(selection_tables(&s, "small", &e), &e);
    uint64_t got = restore(w, &m, &s.select, &part);
    check_archive(&s, buf_view(&part));
    if (got * 100 >= pack_bytes(&m))
        fail_msg("%llu bytes fetched of %llu", (unsigned long long)got,
                 (unsigned long long)pack_bytes(&m));
    struct restore_measure sum = measure(w, &m, &s.select);
    assert_int_equal(sum.fetch_bytes, got);
    assert_int_equal(sum.rows, 100);
    assert_int_equal(sum.payload_bytes, 4000);
    buf_done(&part);
    manifest_done(&m);
    selection_done(&s);
}

static void measuring_a_whole_restore_tells_what_it_fetches(void **state)
{
    struct world *w = *state;
    struct buf dump = made_shop(3000, 10);
    struct buf back = {0};
    struct manifest m;
    store(w, buf_view(&dump), &m);
    uint64_t got = restore(w, &m, NULL, &back);
    assert_true(bytes_equal(buf_view(&dump), buf_view(&back)));
    struct restore_measure sum = measure(w, &m, NULL);
    assert_int_equal(sum.fetch_bytes, got);
    assert_int_equal(sum.rows, 3010);
    buf_done(&dump);
    buf_done(&back);
    manifest_done(&m);
}

/* ---- damage ------------------------------------------------------------------------ */

static int note_pack(void *arg, const struct store_item *item, struct error *e)
{
    (void)e;
    (void)snprintf(arg, FORMAT_NAME_MAX, "%s", item->name);
    return 0;
}

/* In the middle of the only pack that holds rows: there are those of big. */
static void spoil_pack(struct world *w)
{
    struct error e = {0};
    char name[FORMAT_NAME_MAX] = "";
    struct buf pack = {0};
    assert_int_equal(store_memory_count(w->made.store, "packs/"), 1);
    assert_done(store_list(w->made.store, "packs/", note_pack, name, &e), &e);
    assert_done(store_get(w->made.store, name, 0, STORE_ALL, &pack, &e), &e);
    pack.data[pack.len / 2] ^= 1;
    store_memory_change(w->made.store, name, buf_view(&pack));
    buf_done(&pack);
}

static void damage_elsewhere_does_not_touch_a_table(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct manifest m;
    struct selection s;
    struct buf part = {0};
    selection_take(&s, made_shop(3000, 100));
    store(w, buf_view(&s.archive), &m);
    spoil_pack(w);
    assert_done(selection_tables(&s, "small", &e), &e);
    (void)restore(w, &m, &s.select, &part);
    check_archive(&s, buf_view(&part));
    assert_done(selection_tables(&s, "big", &e), &e);
    struct restore *r = open_restore(w, &m, &s.select, &part);
    assert_refused(restore_member(r, &m.private_part.members[0], &e), &e, ERROR_CORRUPT);
    restore_free(r);
    buf_done(&part);
    manifest_done(&m);
    selection_done(&s);
}

/* ---- what must not pass ------------------------------------------------------------ */

static void a_selection_of_another_toc_is_refused(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct buf dump = made_shop(10, 10);
    struct manifest m;
    struct selection s;
    struct buf part = {0};
    store(w, buf_view(&dump), &m);
    selection_load(&s, "A-pg15-none-file");
    assert_done(selection_tables(&s, "orders", &e), &e);
    struct restore *r = open_restore(w, &m, &s.select, &part);
    assert_refused(restore_member(r, &m.private_part.members[0], &e), &e, ERROR_CORRUPT);
    restore_free(r);
    buf_done(&part);
    buf_done(&dump);
    manifest_done(&m);
    selection_done(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tables_of_fixtures_become_archives),
        TEST(large_objects_alone_are_an_archive),
        TEST(a_small_table_fetches_less_than_a_hundredth),
        TEST(measuring_a_whole_restore_tells_what_it_fetches),
        TEST(damage_elsewhere_does_not_touch_a_table),
        TEST(a_selection_of_another_toc_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
