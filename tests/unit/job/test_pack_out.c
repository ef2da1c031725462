/* SPDX-License-Identifier: Apache-2.0 */
/* Packs on their way into a store that is slow. */
#include "tests/support/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/made_dump.h"
#include "tests/support/memory_index.h"
#include "tests/support/nameless.h"
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

/* A dump that is read while the store stands still: all but the first pack are in the spool. */
static struct writer_stream *spooled(struct world *w)
{
    w->writing.spool.path = w->path;
    w->writing.spool.capacity = 1 * GIB;
    writing_begin(&w->writing, memory_index_callbacks(w->index), 2);
    store_gate_set(w->gate, false);
    struct writer_stream *s = put_all(w);
    assert_done(writer_settle(w->writing.writer, &e), &e);
    return s;
}

/* Everything finds its place while not one pack can be stored. */
static void a_store_that_stands_still_does_not_stop_the_dump(void **state)
{
    struct world *w = *state;
    struct writer_stream *s = spooled(w);
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

/* The spool takes so much: beyond it the dump waits for the store, and goes on with it. */
static void waits_beyond(struct world *w, uint64_t capacity)
{
    pthread_t opener;
    w->writing.spool.path = w->path;
    w->writing.spool.capacity = capacity;
    writing_begin(&w->writing, memory_index_callbacks(w->index), 2);
    store_gate_set(w->gate, false);
    assert_int_equal(pthread_create(&opener, NULL, open_gate, w->gate), 0);
    struct writer_stream *s = put_all(w);
    assert_done(writer_settle(w->writing.writer, &e), &e);
    assert_true(store_gate_done(w->gate) > 0);
    finish(w, s);
    assert_int_equal(pthread_join(opener, NULL), 0);
}

static void without_a_spool_the_dump_waits(void **state)
{
    waits_beyond(*state, 0);
}

static void a_spool_too_small_for_a_pack_is_none(void **state)
{
    waits_beyond(*state, 1);
}

static void beyond_two_packs_in_the_spool_the_dump_waits(void **state)
{
    waits_beyond(*state, 40 * MIB);
}

/* The gate opens when a pack has come to the spool, whether it is taken there or not. */
static void *open_gate_at_the_spool(void *world)
{
    struct world *w = world;
    int fd;
    while ((fd = nameless_open(getpid(), w->folder)) < 0)
        (void)usleep(1000);
    (void)close(fd);
    (void)usleep(100000);
    store_gate_set(w->gate, true);
    return NULL;
}

/* As if there were none. */
static void without_room_on_the_disk_the_dump_waits(void **state)
{
    struct world *w = *state;
    pthread_t opener;
    w->writing.spool.path = w->path;
    w->writing.spool.capacity = 1 * GIB;
    w->writing.spool.spare = UINT64_MAX / 2;
    writing_begin(&w->writing, memory_index_callbacks(w->index), 2);
    store_gate_set(w->gate, false);
    assert_int_equal(pthread_create(&opener, NULL, open_gate_at_the_spool, w), 0);
    struct writer_stream *s = put_all(w);
    assert_done(writer_settle(w->writing.writer, &e), &e);
    int fd = nameless_open(getpid(), w->folder);
    assert_true(fd >= 0);
    assert_int_equal(lseek(fd, 0, SEEK_END), 0); /* nothing was ever in it */
    assert_int_equal(close(fd), 0);
    finish(w, s);
    assert_int_equal(pthread_join(opener, NULL), 0);
}

static void a_damaged_pack_is_never_stored(void **state)
{
    struct world *w = *state;
    struct writer_totals totals;
    uint8_t byte;
    struct writer_stream *s = spooled(w);
    int fd = nameless_open(getpid(), w->folder);
    assert_true(fd >= 0);
    const off_t second = 20 * 1024 * 1024;
    assert_int_equal(pread(fd, &byte, 1, second), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, second), 1);
    assert_int_equal(close(fd), 0);
    store_gate_set(w->gate, true);
    assert_refused(writing_finish(&w->writing, &totals, &e), &e, ERROR_CORRUPT);
    writer_stream_free(s);
    assert_int_equal(store_memory_count(w->memory, "packs/"), 2);
    writing_packs_are_whole(w->memory);
}

static void a_failure_while_packs_wait_stops_everybody(void **state)
{
    struct world *w = *state;
    struct writer_totals totals;
    struct writer_stream *s = spooled(w);
    memory_index_fail_at(w->index, 2); /* of the second pack */
    store_gate_set(w->gate, true);
    assert_refused(writing_finish(&w->writing, &totals, &e), &e, ERROR_IO);
    assert_non_null(strstr(e.text, "the index is gone"));
    writer_stream_free(s);
    memory_index_fail_at(w->index, 0);
    assert_true(store_memory_count(w->memory, "packs/") < PACKS);
}

static void a_kill_leaves_nothing(void **state)
{
    struct world *w = *state;
    int ready[2];
    int status;
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)spooled(w);
        if (write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(close(ready[1]), 0);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    int fd = nameless_open(pid, w->folder);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(close(ready[0]), 0);
    assert_int_equal(scratch_count(w->folder), 0);
}

#define SMALL (2 * KIB)
#define MANY 21000 /* chunks: 2.7 packs */

static void put_small(struct world *w, struct writer_stream *s, uint64_t first, uint64_t count)
{
    const struct writer_chunk chunk = {.kind = FORMAT_KIND_BYTES};
    struct buf b = {0};
    for (uint64_t i = first; i < first + count; i++) {
        uint64_t seed = i;
        b.len = 0;
        while (b.len < SMALL)
            assert_done(buf_u64(&b, made_random(&seed), &e), &e);
        assert_done(writer_put(w->writing.writer, s, &chunk, &b, &e), &e);
    }
    buf_done(&b);
    assert_done(writer_settle(w->writing.writer, &e), &e);
}

/* The first two packs are in the index, and when the fourth begins what was known of them is
 * forgotten; the third and the ones after it wait for the store. */
static void no_chunk_is_stored_twice_wherever_its_pack_is(void **state)
{
    struct world *w = *state;
    struct stream_part part = {0};
    struct writer_totals totals;
    w->writing.spool.path = w->path;
    w->writing.spool.capacity = 1 * GIB;
    writing_begin(&w->writing, memory_index_callbacks(w->index), 2);
    struct writer_stream *s = writer_stream_new(w->writing.writer, NULL, &e);
    assert_non_null(s);
    store_gate_set(w->gate, false);
    put_small(w, s, 0, MANY);
    store_gate_set(w->gate, true);
    while (writer_unstored(w->writing.writer) > 0)
        (void)usleep(1000);
    assert_int_equal(store_gate_done(w->gate), 2);
    store_gate_set(w->gate, false);
    put_small(w, s, MANY, MANY);
    put_small(w, s, 0, 2 * MANY);
    assert_int_equal(store_gate_done(w->gate), 2);
    assert_done(writer_stream_end(w->writing.writer, s, &e), &e);
    assert_done(writer_settle(w->writing.writer, &e), &e);
    writer_stream_take(s, &part);
    writer_stream_free(s);
    store_gate_set(w->gate, true);
    assert_done(writing_finish(&w->writing, &totals, &e), &e);
    assert_int_equal(totals.chunks, 4 * MANY);
    assert_int_equal(totals.new_chunks, 2 * MANY + part.recipe_count);
    free(part.recipes);
}

static void a_store_that_wants_it_gets_two_packs_at_once(void **state)
{
    struct world *w = *state;
    struct writer_stream *s = spooled(w);
    store_gate_set(w->gate, true);
    finish(w, s);
    assert_int_equal(store_gate_most(w->gate), 2);
}

static void it_may_end_while_packs_wait(void **state)
{
    struct world *w = *state;
    pthread_t opener;
    struct writer_stream *s = spooled(w);
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
        TEST(without_a_spool_the_dump_waits),
        TEST(a_spool_too_small_for_a_pack_is_none),
        TEST(beyond_two_packs_in_the_spool_the_dump_waits),
        cmocka_unit_test_setup_teardown(a_store_that_wants_it_gets_two_packs_at_once, setup_two,
                                        teardown),
        TEST(it_may_end_while_packs_wait),
        TEST(without_room_on_the_disk_the_dump_waits),
        TEST(a_damaged_pack_is_never_stored),
        TEST(a_failure_while_packs_wait_stops_everybody),
        TEST(a_kill_leaves_nothing),
        TEST(no_chunk_is_stored_twice_wherever_its_pack_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
