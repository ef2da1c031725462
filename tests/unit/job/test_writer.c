/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks into packs and back; what is stored once, what may be pointed into, and how it ends
 * when something fails. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/repo/recipe.h"
#include "tests/support/made_dump.h"
#include "tests/support/memory_index.h"
#include "tests/support/night.h"
#include "tests/support/store_fault.h"
#include "tests/support/store_memory.h"
#include "tests/support/writing.h"

struct world {
    struct store *store;
    struct writing writing;
    struct memory_index *index;
};

static int setup(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->store = store_memory_new(&e);
    assert_non_null(w->store);
    writing_init(&w->writing, w->store);
    w->index = memory_index_new();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    writing_done(&w->writing);
    memory_index_free(w->index);
    store_close(w->store);
    free(w);
    return 0;
}

static int put(struct world *w, struct writer_stream *s, enum format_kind kind,
               struct bytes plain, struct error *e)
{
    const struct writer_chunk chunk = {.kind = (uint8_t)kind};
    struct buf b = {0};
    int rc = buf_append(&b, plain.data, plain.len, e);
    if (rc == 0)
        rc = writer_put(w->writing.writer, s, &chunk, &b, e);
    buf_done(&b);
    return rc;
}

/* Count chunks of len random bytes, one stream; its part is the caller's. */
static void put_stream(struct world *w, size_t count, size_t len, uint64_t seed,
                       struct stream_part *part, struct buf *all)
{
    struct error e = {0};
    struct writer_stream *s = writer_stream_new(w->writing.writer, NULL, &e);
    assert_non_null(s);
    for (size_t i = 0; i < count; i++) {
        size_t at = all->len;
        made_row(all, len, true, seed + i);
        assert_done(put(w, s, FORMAT_KIND_BYTES, bytes_of(all->data + at, all->len - at), &e),
                    &e);
    }
    assert_done(writer_stream_end(w->writing.writer, s, &e), &e);
    assert_done(writer_settle(w->writing.writer, &e), &e);
    writer_stream_take(s, part);
    writer_stream_free(s);
}

static void assert_reads(struct world *w, struct stream_part *part, struct buf *all)
{
    struct error e = {0};
    struct buf back = {0};
    assert_done(writing_read(&w->writing, FORMAT_STREAM_BYTES, part, &back, NULL, &e), &e);
    assert_true(bytes_equal(buf_view(&back), buf_view(all)));
    free(part->recipes);
    buf_done(&back);
    buf_done(all);
}

static void chunks_come_back_in_order(void **state)
{
    static const unsigned workers[] = {1, 2, 8, 61};
    for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
        struct world *w = *state;
        struct error e = {0};
        struct stream_part part = {0};
        struct buf all = {0};
        struct writer_totals totals;
        writing_begin(&w->writing, NULL, workers[i]);
        put_stream(w, 500, 3000, 1000 * i, &part, &all);
        assert_done(writing_finish(&w->writing, &totals, &e), &e);
        assert_int_equal(totals.chunks, 500);
        assert_int_equal(totals.new_chunks, 501); /* and a recipe */
        assert_int_equal(totals.packs, 1);
        assert_int_equal(part.recipe_count, 1);
        assert_reads(w, &part, &all);
    }
}

static void nothing_handed_over_stores_nothing(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct writer_totals totals;
    writing_begin(&w->writing, NULL, 2);
    assert_done(writer_settle(w->writing.writer, &e), &e);
    assert_done(writer_settle(w->writing.writer, &e), &e);
    assert_done(writing_finish(&w->writing, &totals, &e), &e);
    assert_int_equal(totals.packs, 0);
    assert_int_equal(w->writing.closure.count, 0);
    assert_int_equal(store_memory_count(w->store, "packs/"), 0);
}

static void equal_chunks_of_one_kind_are_stored_once(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct writer_totals totals;
    struct buf b = {0};
    made_row(&b, 50000, true, 1);
    writing_begin(&w->writing, NULL, 2);
    struct writer_stream *s[2];
    for (size_t i = 0; i < 2; i++) {
        enum format_kind kind = i ? FORMAT_KIND_META : FORMAT_KIND_BYTES;
        s[i] = writer_stream_new(w->writing.writer, NULL, &e);
        assert_non_null(s[i]);
        for (int n = 0; n < 20; n++)
            assert_done(put(w, s[i], kind, buf_view(&b), &e), &e);
        assert_done(writer_stream_end(w->writing.writer, s[i], &e), &e);
    }
    assert_done(writing_finish(&w->writing, &totals, &e), &e);
    assert_int_equal(totals.chunks, 40);
    assert_int_equal(totals.new_chunks, 4); /* one a kind, and their recipes */
    writer_stream_free(s[0]);
    writer_stream_free(s[1]);
    buf_done(&b);
}

static void a_stream_of_many_chunks_has_several_recipes(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct stream_part part = {0};
    struct buf all = {0};
    struct writer_totals totals;
    writing_begin(&w->writing, NULL, 2);
    put_stream(w, RECIPE_TARGET_CHUNKS + 10, 9, 5, &part, &all);
    assert_done(writing_finish(&w->writing, &totals, &e), &e);
    assert_int_equal(part.recipe_count, 2);
    assert_reads(w, &part, &all);
}

static void what_fills_a_pack_goes_into_the_next(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct stream_part part = {0};
    struct buf all = {0};
    struct writer_totals totals;
    writing_begin(&w->writing, NULL, 2);
    put_stream(w, 100, MIB, 5, &part, &all);
    assert_done(writing_finish(&w->writing, &totals, &e), &e);
    assert_true(totals.packs >= 7 && totals.packs <= 8);
    assert_int_equal(totals.packs, w->writing.closure.count);
    assert_int_equal(totals.packs, store_memory_count(w->store, "packs/"));
    writing_packs_are_whole(w->store);
    assert_reads(w, &part, &all);
}

/* A row of n parts. */
static int put_row(struct world *w, struct writer_stream *s, size_t parts, struct error *e)
{
    const struct writer_chunk chunk = {.kind = FORMAT_KIND_BYTES, .part_of_row = true};
    for (size_t i = 0; i < parts; i++) {
        struct buf b = {0};
        int rc = buf_append(&b, "part", 4, e);
        if (rc == 0)
            rc = writer_put(w->writing.writer, s, &chunk, &b, e);
        buf_done(&b);
        if (rc < 0)
            return -1;
    }
    return writer_row_end(w->writing.writer, s, true, e);
}

static void a_row_of_too_many_chunks_is_refused(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    const struct recipe_out_options no_base = {0};
    for (int more = 0; more < 2; more++) {
        writing_begin(&w->writing, NULL, 2);
        struct writer_stream *s = writer_stream_new(w->writing.writer, &no_base, &e);
        assert_non_null(s);
        assert_done(put_row(w, s, 3, &e), &e);
        int rc = put_row(
            w, s, (size_t)FORMAT_MAX_RECIPE_CHUNKS - RECIPE_TARGET_CHUNKS + (size_t)more, &e);
        if (rc == 0)
            rc = writer_settle(w->writing.writer, &e);
        assert_int_equal(rc, more ? -1 : 0);
        if (more)
            assert_int_equal(e.kind, ERROR_UNSUPPORTED);
        writing_end(&w->writing);
        writer_stream_free(s);
    }
}

static void a_store_that_fails_stops_everybody(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct buf b = {0};
    made_row(&b, MIB, true, 1);
    /* The calls of writing_begin: session, sync, two listings. Then a pack. */
    struct store *fault = store_fault_new(w->store, STORE_FAULT_CRASH, 8, &e);
    assert_non_null(fault);
    struct writing broken = {0};
    assert_done(night_open(&broken.repository, &w->writing.repository, fault, &e), &e);
    assert_done(chunker_init(&broken.chunker, &broken.repository.bundle.domain.gear, &e), &e);
    struct world other = {.store = fault, .writing = broken};
    writing_begin(&other.writing, NULL, 2);
    struct writer_stream *s = writer_stream_new(other.writing.writer, NULL, &e);
    assert_non_null(s);
    int rc = 0;
    for (int i = 0; rc == 0 && i < 300; i++) {
        b.data[0] = (uint8_t)i;
        b.data[1] = (uint8_t)(i >> 8);
        rc = put(&other, s, FORMAT_KIND_BYTES, buf_view(&b), &e);
    }
    assert_int_equal(rc, -1);
    assert_int_equal(e.kind, ERROR_IO);
    assert_non_null(strstr(e.text, "the store is gone"));
    /* The first error is everybody's. */
    error_clear(&e);
    assert_refused(writer_settle(other.writing.writer, &e), &e, ERROR_IO);
    assert_refused(writer_stream_end(other.writing.writer, s, &e), &e, ERROR_IO);
    struct writer_totals totals;
    assert_refused(writing_finish(&other.writing, &totals, &e), &e, ERROR_IO);
    writer_stream_free(s);
    writing_done(&other.writing);
    store_close(fault);
    buf_done(&b);
}

static void a_writer_can_be_dropped_at_any_time(void **state)
{
    struct world *w = *state;
    for (size_t count = 0; count < 12; count++) {
        struct error e = {0};
        writing_begin(&w->writing, NULL, 3);
        struct writer_stream *s = writer_stream_new(w->writing.writer, NULL, &e);
        assert_non_null(s);
        for (size_t i = 0; i < count; i++)
            assert_done(put(w, s, FORMAT_KIND_BYTES, bytes_text("dropped"), &e), &e);
        writing_end(&w->writing);
        writer_stream_free(s);
    }
    assert_int_equal(store_memory_count(w->store, "packs/"), 0);
}

static void too_many_workers_are_refused(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    const struct writer_options options = {.repo = w->writing.repository.repo,
                                           .keys = &w->writing.keys,
                                           .domain = &w->writing.repository.bundle.domain,
                                           .workers = 63,
                                           .level = 3};
    assert_null(writer_new(&options, &e));
    assert_int_equal(e.kind, ERROR_USAGE);
}

/* ---- the index --------------------------------------------------------------------- */

/* What of 20 chunks is stored anew when an index that was asked before says what it says. */
static uint64_t stored_anew(struct world *w, const struct chunk_index *index)
{
    struct error e = {0};
    struct stream_part part = {0};
    struct buf all = {0};
    struct writer_totals totals;
    writing_begin(&w->writing, index, 2);
    put_stream(w, 20, 5000, 77, &part, &all);
    assert_done(writing_finish(&w->writing, &totals, &e), &e);
    assert_reads(w, &part, &all);
    return totals.new_chunks;
}

static void what_the_index_knows_is_not_stored_again(void **state)
{
    struct world *w = *state;
    const struct chunk_index *index = memory_index_callbacks(w->index);
    assert_int_equal(stored_anew(w, index), 21);
    assert_int_equal(memory_index_count(w->index), 21);
    assert_int_equal(stored_anew(w, index), 0);
    assert_int_equal(stored_anew(w, NULL), 21);
}

static int forget(void *arg, const struct store_item *item, struct error *e)
{
    return store_remove(arg, item->name, e);
}

static void packs_that_are_not_listed_are_not_pointed_into(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    const struct chunk_index *index = memory_index_callbacks(w->index);
    assert_int_equal(stored_anew(w, index), 21);
    assert_done(store_list(w->store, "packs/", forget, w->store, &e), &e);
    assert_int_equal(stored_anew(w, index), 21);
    assert_int_equal(store_memory_count(w->store, "packs/"), 1);
}

/* An index that answers with another length or kind than the chunk has. */
struct liar {
    const struct chunk_index *honest;
    bool length;
};

static int lie(void *arg, const uint8_t chunk_id[FORMAT_HASH_LEN], struct ref *ref,
               struct closure_pack *pack, struct error *e)
{
    struct liar *l = arg;
    int rc = l->honest->lookup(l->honest->arg, chunk_id, ref, pack, e);
    if (rc == 0 && l->length)
        ref->plain++;
    else if (rc == 0)
        ref->kind ^= 1;
    return rc;
}

static int add_nothing(void *arg, const struct closure_pack *pack, const struct ref *refs,
                       size_t count, struct error *e)
{
    (void)arg;
    (void)pack;
    (void)refs;
    (void)e;
    assert_true(count > 0);
    return 0;
}

static void an_index_that_is_wrong_is_not_believed(void **state)
{
    struct world *w = *state;
    struct liar liar = {.honest = memory_index_callbacks(w->index)};
    const struct chunk_index index = {.arg = &liar, .lookup = lie, .add = add_nothing};
    assert_int_equal(stored_anew(w, liar.honest), 21);
    for (int i = 0; i < 2; i++) {
        liar.length = i;
        assert_int_equal(stored_anew(w, &index), 21);
    }
}

/* ---- nights ------------------------------------------------------------------------ */

static void the_second_night_stores_nothing_new(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct buf rows = {0};
    struct buf dump = made_dump(1, false);
    struct night nights[3];
    for (uint64_t i = 0; i < 17; i++)
        made_row(&rows, 4 * MIB - i, true, i);
    made_row(&rows, 5 * MIB, true, 1);
    made_rows(&rows, 1000, 100, 1);
    made_table(&dump, 100, buf_view(&rows), MADE_LINES, 0);
    assert_true(dump.len > 64 * MIB);
    for (int i = 0; i < 3; i++) {
        assert_done(night_store(&w->writing.repository, buf_view(&dump),
                                memory_index_callbacks(w->index), &nights[i], &e),
                    &e);
        assert_done(night_compare(&w->writing.repository, nights[i].id, buf_view(&dump), &e),
                    &e);
        assert_int_equal(nights[i].closure.count, nights[0].closure.count);
        for (size_t k = 0; k < nights[i].closure.count; k++) {
            const struct closure_pack *p = &nights[i].closure.packs[k];
            const struct closure_pack *first = closure_find(&nights[0].closure, p->pack_id);
            assert_non_null(first);
            assert_memory_equal(first->object.sha256, p->object.sha256, FORMAT_HASH_LEN);
            assert_memory_equal(first->object.suffix, p->object.suffix, FORMAT_SUFFIX_LEN);
            assert_memory_equal(first->owner, nights[0].id, FORMAT_ID_LEN);
        }
        assert_int_equal(nights[i].totals.packs, i ? 0 : nights[0].closure.count);
        assert_int_equal(nights[i].totals.new_chunks > 0, i == 0);
    }
    assert_true(nights[0].closure.count >= 5);
    for (int i = 0; i < 3; i++)
        night_done(&nights[i]);
    buf_done(&rows);
    buf_done(&dump);
}

static void the_same_table_fifty_times_is_stored_once(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct night once;
    struct night often;
    struct buf rows = {0};
    made_rows(&rows, 20000, 120, 1);
    for (size_t tables = 1; tables <= 50; tables += 49) {
        struct night *n = tables == 1 ? &once : &often;
        struct buf dump = made_dump(tables, false);
        for (size_t i = 0; i < tables; i++)
            made_table(&dump, 100 + (int64_t)i, buf_view(&rows), MADE_LINES, 0);
        assert_done(night_store(&w->writing.repository, buf_view(&dump), NULL, n, &e), &e);
        assert_done(night_compare(&w->writing.repository, n->id, buf_view(&dump), &e), &e);
        buf_done(&dump);
    }
    assert_int_equal(once.totals.new_chunks, often.totals.new_chunks);
    assert_true(often.totals.stored_bytes < once.totals.stored_bytes + 8 * KIB);
    night_done(&once);
    night_done(&often);
    buf_done(&rows);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chunks_come_back_in_order),
        TEST(nothing_handed_over_stores_nothing),
        TEST(equal_chunks_of_one_kind_are_stored_once),
        TEST(a_stream_of_many_chunks_has_several_recipes),
        TEST(what_fills_a_pack_goes_into_the_next),
        TEST(a_row_of_too_many_chunks_is_refused),
        TEST(a_store_that_fails_stops_everybody),
        TEST(a_writer_can_be_dropped_at_any_time),
        TEST(too_many_workers_are_refused),
        TEST(what_the_index_knows_is_not_stored_again),
        TEST(packs_that_are_not_listed_are_not_pointed_into),
        TEST(an_index_that_is_wrong_is_not_believed),
        TEST(the_second_night_stores_nothing_new),
        TEST(the_same_table_fifty_times_is_stored_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
