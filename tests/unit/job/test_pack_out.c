/* SPDX-License-Identifier: Apache-2.0 */
/* Packs on their way into a store that is slow. */
#include "tests/support/check.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/made_dump.h"
#include "tests/support/memory_index.h"
#include "tests/support/scratch.h"
#include "tests/support/store_gate.h"
#include "tests/support/store_memory.h"
#include "tests/support/writing.h"

#define CHUNK MIB
#define PACKS 5
#define CHUNKS (PACKS * 16) /* a little more than that many packs, as nothing compresses */

struct world {
    char folder[SCRATCH_PATH];
    char path[SCRATCH_PATH];
    struct store *memory, *gate;
    struct writing writing;
    struct memory_index *index;
    struct buf all;
};

static struct error e;

static int setup_with(void **state, unsigned uploads)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    scratch_make(w->folder);
    scratch_path(w->path, w->folder, "spool");
    w->memory = store_memory_new(&e);
    w->gate = store_gate_new(w->memory, uploads, &e);
    assert_true(w->memory && w->gate);
    writing_init(&w->writing, w->gate);
    w->index = memory_index_new();
    *state = w;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, 0);
}

static int setup_two(void **state)
{
    return setup_with(state, 2);
}

static int teardown(void **state)
{
    struct world *w = *state;
    store_gate_set(w->gate, true);
    writing_done(&w->writing);
    memory_index_free(w->index);
    store_close(w->gate);
    store_close(w->memory);
    scratch_remove(w->folder);
    buf_done(&w->all);
    free(w);
    return 0;
}

/* One chunk of random bytes; the same number gives the same ones. */
static void put(struct world *w, struct writer_stream *s, uint64_t number)
{
    const struct writer_chunk chunk = {.kind = FORMAT_KIND_BYTES};
    struct buf b = {0};
    uint64_t seed = number;
    assert_done(buf_reserve(&b, CHUNK, &e), &e);
    while (b.len < CHUNK)
        assert_done(buf_u64(&b, made_random(&seed), &e), &e);
    assert_done(buf_append(&w->all, b.data, b.len, &e), &e);
    assert_done(writer_put(w->writing.writer, s, &chunk, &b, &e), &e);
    buf_done(&b);
}

static struct writer_stream *put_all(struct world *w)
{
    struct writer_stream *s = writer_stream_new(w->writing.writer, NULL, &e);
    assert_non_null(s);
    for (uint64_t i = 0; i < CHUNKS; i++)
        put(w, s, i);
    /* The first ones once more: in packs that the index does not know yet. */
    for (uint64_t i = 0; i < 3; i++)
        put(w, s, i);
    assert_done(writer_stream_end(w->writing.writer, s, &e), &e);
    return s;
}

static void finish(struct world *w, struct writer_stream *s)
{
    struct stream_part part = {0};
    struct writer_totals totals;
    struct buf back = {0};
    writer_stream_take(s, &part);
    writer_stream_free(s);
    assert_done(writing_finish(&w->writing, &totals, &e), &e);
    assert_int_equal(totals.new_chunks, CHUNKS + 1); /* and a recipe */
    assert_int_equal(w->writing.closure.count, totals.packs);
    assert_int_equal(store_gate_done(w->gate), totals.packs);
    assert_done(writing_read(&w->writing, FORMAT_STREAM_BYTES, &part, &back, NULL, &e), &e);
    assert_true(bytes_equal(buf_view(&back), buf_view(&w->all)));
    free(part.recipes);
    buf_done(&back);
}

/* Everything finds its place while not one pack can be stored. */
static void a_store_that_stands_still_does_not_stop_the_dump(void **state)
{
    struct world *w = *state;
    w->writing.spool_path = w->path;
    w->writing.spool_bytes = 1 * GIB;
    writing_begin(&w->writing, memory_index_callbacks(w->index), 2);
    store_gate_set(w->gate, false);
    struct writer_stream *s = put_all(w);
    assert_done(writer_settle(w->writing.writer, &e), &e);
    assert_int_equal(store_gate_done(w->gate), 0);
    store_gate_set(w->gate, true);
    finish(w, s);
}

static void *open_gate(void *store)
{
    (void)usleep(300000);
    store_gate_set(store, true);
    return NULL;
}

/* The spool takes two packs, or none: then the dump waits for the store, and goes on with it.
 */
static void beyond_the_bound_the_dump_waits(void **state)
{
    static const uint64_t bounds[] = {0, 1, 40 * MIB};
    for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
        struct world *w = *state;
        pthread_t opener;
        w->writing.spool_path = w->path;
        w->writing.spool_bytes = bounds[i];
        if (i > 0) { /* another place, or all would be known by now */
            assert_int_equal(teardown(state), 0);
            assert_int_equal(setup(state), 0);
            w = *state;
            w->writing.spool_path = w->path;
            w->writing.spool_bytes = bounds[i];
        }
        writing_begin(&w->writing, memory_index_callbacks(w->index), 2);
        store_gate_set(w->gate, false);
        assert_int_equal(pthread_create(&opener, NULL, open_gate, w->gate), 0);
        struct writer_stream *s = put_all(w);
        assert_done(writer_settle(w->writing.writer, &e), &e);
        assert_true(store_gate_done(w->gate) > 0);
        finish(w, s);
        assert_int_equal(pthread_join(opener, NULL), 0);
    }
}

static void a_store_that_wants_it_gets_two_packs_at_once(void **state)
{
    struct world *w = *state;
    w->writing.spool_path = w->path;
    w->writing.spool_bytes = 1 * GIB;
    writing_begin(&w->writing, memory_index_callbacks(w->index), 2);
    store_gate_set(w->gate, false);
    struct writer_stream *s = put_all(w);
    assert_done(writer_settle(w->writing.writer, &e), &e);
    store_gate_set(w->gate, true);
    finish(w, s);
    assert_int_equal(store_gate_most(w->gate), 2);
}

static void it_may_end_while_packs_wait(void **state)
{
    struct world *w = *state;
    pthread_t opener;
    w->writing.spool_path = w->path;
    w->writing.spool_bytes = 1 * GIB;
    writing_begin(&w->writing, NULL, 2);
    store_gate_set(w->gate, false);
    struct writer_stream *s = put_all(w);
    assert_done(writer_settle(w->writing.writer, &e), &e);
    assert_int_equal(pthread_create(&opener, NULL, open_gate, w->gate), 0);
    writer_stream_free(s);
    writing_end(&w->writing); /* waits for the put that is under way, not for the others */
    assert_true(store_gate_done(w->gate) <= 1);
    assert_int_equal(pthread_join(opener, NULL), 0);
    assert_int_equal(scratch_count(w->folder), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_store_that_stands_still_does_not_stop_the_dump),
        TEST(beyond_the_bound_the_dump_waits),
        cmocka_unit_test_setup_teardown(a_store_that_wants_it_gets_two_packs_at_once, setup_two,
                                        teardown),
        TEST(it_may_end_while_packs_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
