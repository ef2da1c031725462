/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "core/base/file_map.h"
#include "core/job/verify_kept.h"
#include "tests/support/scratch.h"

struct world {
    char folder[SCRATCH_PATH];
    char path[SCRATCH_PATH];
    struct verify_kept *kept;
};

static struct world world;

static void open_kept(uint64_t limit)
{
    struct error e = {0};
    world.kept = verify_kept_new(world.path, limit, &e);
    assert_non_null(world.kept);
}

static int setup(void **state)
{
    (void)state;
    scratch_make(world.folder);
    scratch_path(world.path, world.folder, "kept");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    verify_kept_free(world.kept);
    assert_int_equal(scratch_count(world.folder), 0);
    scratch_remove(world.folder);
    return 0;
}

static struct recipe_chunk chunk(uint8_t id, uint32_t rows)
{
    struct recipe_chunk c = {.rows = rows, .ref = {.kind = FORMAT_KIND_ROWS, .plain = rows}};
    memset(c.ref.chunk_id, id, sizeof c.ref.chunk_id);
    return c;
}

static int claim(const struct recipe_chunk *c, uint32_t *place)
{
    struct error e = {0};
    return verify_kept_claim(world.kept, c, place, &e);
}

/* Hashes that say which chunk they are of. */
static int put(uint32_t place, uint64_t first, uint32_t rows)
{
    struct row_hash hashes[64];
    assert_true(rows <= 64);
    for (uint32_t i = 0; i < rows; i++)
        hashes[i] = (struct row_hash){.low = first + i, .high = ~first};
    return verify_kept_put(world.kept, place, hashes);
}

static void assert_holds(uint32_t place, uint64_t first, uint32_t rows)
{
    struct error e = {0};
    struct bytes map;
    const struct row_hash *hashes;
    assert_done(verify_kept_map(world.kept, &map, &e), &e);
    assert_done(verify_kept_view(world.kept, map, place, &hashes, &e), &e);
    for (uint32_t i = 0; i < rows; i++) {
        assert_int_equal(hashes[i].low, first + i);
        assert_int_equal(hashes[i].high, ~first);
    }
    file_map_close(map);
}

static void what_is_put_is_there(void **state)
{
    uint32_t a = 0;
    uint32_t b = 0;
    uint32_t again = 9;
    const struct recipe_chunk one = chunk(1, 3);
    const struct recipe_chunk two = chunk(2, 64);
    (void)state;
    open_kept(MIB);
    assert_int_equal(claim(&one, &a), VERIFY_KEPT_YOURS);
    assert_int_equal(claim(&two, &b), VERIFY_KEPT_YOURS);
    assert_int_equal(claim(&one, &again), VERIFY_KEPT_BUSY);
    assert_int_equal(again, a);
    assert_int_equal(put(b, 500, 64), 0);
    assert_int_equal(put(a, 20, 3), 0);
    assert_int_equal(claim(&one, &again), 0);
    assert_int_equal(again, a);
    assert_holds(a, 20, 3);
    assert_holds(b, 500, 64);
    assert_int_equal(verify_kept_chunks(world.kept), 2);
}

static void a_chunk_is_another_one_when_anything_of_it_is(void **state)
{
    const struct recipe_chunk one = chunk(1, 3);
    struct recipe_chunk others[] = {one, one, one, one, one, one, one, one, one};
    uint32_t place;
    (void)state;
    open_kept(MIB);
    others[0].rows++;
    others[1].ref.record++;
    others[2].ref.offset++;
    others[3].ref.stored++;
    others[4].ref.plain++;
    others[5].ref.codec++;
    others[6].ref.kind++;
    others[7].ref.pack_id[15]++;
    others[8].ref.chunk_id[31]++;
    assert_int_equal(claim(&one, &place), VERIFY_KEPT_YOURS);
    assert_int_equal(put(place, 1, 3), 0);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_int_equal(claim(&others[i], &place), VERIFY_KEPT_YOURS);
    assert_int_equal(claim(&one, &place), 0);
    assert_holds(place, 1, 3);
}

static void beyond_the_limit_nothing_is_kept(void **state)
{
    uint32_t place = 0;
    uint32_t kept = 0;
    const struct recipe_chunk small = chunk(1, 10);
    const struct recipe_chunk large = chunk(2, 4000);
    (void)state;
    open_kept(4000 * sizeof(struct row_hash));
    assert_int_equal(claim(&small, &kept), VERIFY_KEPT_YOURS);
    assert_int_equal(claim(&large, &place), VERIFY_KEPT_FULL);
    assert_int_equal(put(kept, 7, 10), 0);
    assert_int_equal(claim(&large, &place), VERIFY_KEPT_FULL);
    assert_holds(kept, 7, 10);
}

/* What was put before stays; nothing that a write left behind is ever read. */
static void a_disk_that_is_full_is_a_limit(void **state)
{
    struct rlimit before;
    struct rlimit full;
    uint32_t kept = 0;
    uint32_t place = 0;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct recipe_chunk first = chunk(1, 10);
    const struct recipe_chunk second = chunk(2, 10);
    const struct recipe_chunk third = chunk(3, 1);
    (void)state;
    open_kept(MIB);
    assert_int_equal(claim(&first, &kept), VERIFY_KEPT_YOURS);
    assert_int_equal(put(kept, 7, 10), 0);
    assert_int_equal(claim(&second, &place), VERIFY_KEPT_YOURS);
    assert_int_equal(sigaction(SIGXFSZ, &ignore, NULL), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    full = (struct rlimit){.rlim_cur = 200, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    int rc = put(place, 50, 10);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, VERIFY_KEPT_FULL);
    assert_int_equal(claim(&second, &place), VERIFY_KEPT_FULL);
    assert_int_equal(claim(&third, &place), VERIFY_KEPT_FULL);
    assert_int_equal(claim(&first, &kept), 0);
    assert_holds(kept, 7, 10);
}

static void damage_is_remembered_and_other_errors_are_not(void **state)
{
    struct error e = {0};
    struct error why = {0};
    uint32_t place;
    const struct recipe_chunk bad = chunk(1, 3);
    const struct recipe_chunk busy = chunk(2, 3);
    (void)state;
    open_kept(MIB);
    assert_int_equal(claim(&bad, &place), VERIFY_KEPT_YOURS);
    assert_int_equal(error_set(&why, ERROR_CORRUPT, "pack x, record 7"), -1);
    verify_kept_fail(world.kept, place, &why);
    assert_refused(verify_kept_claim(world.kept, &bad, &place, &e), &e, ERROR_CORRUPT);
    assert_string_equal(e.text, "pack x, record 7");
    assert_refused(verify_kept_wait(world.kept, place, &e), &e, ERROR_CORRUPT);
    assert_int_equal(claim(&busy, &place), VERIFY_KEPT_YOURS);
    assert_int_equal(error_set(&why, ERROR_IO, "a disk that is away"), -1);
    verify_kept_fail(world.kept, place, &why);
    assert_int_equal(claim(&busy, &place), VERIFY_KEPT_YOURS);
    assert_int_equal(put(place, 7, 3), 0);
    assert_holds(place, 7, 3);
}

static void *wait_for_it(void *arg)
{
    struct error e = {0};
    uint32_t place = *(uint32_t *)arg;
    assert_int_equal(verify_kept_wait(world.kept, place, &e), 0);
    assert_holds(place, 77, 5);
    return NULL;
}

static void who_waits_is_woken(void **state)
{
    pthread_t thread;
    uint32_t place = 0;
    const struct recipe_chunk c = chunk(1, 5);
    (void)state;
    open_kept(MIB);
    assert_int_equal(claim(&c, &place), VERIFY_KEPT_YOURS);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &place), 0);
    assert_int_equal(put(place, 77, 5), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_is_there),
        TEST(a_chunk_is_another_one_when_anything_of_it_is),
        TEST(beyond_the_limit_nothing_is_kept),
        TEST(a_disk_that_is_full_is_a_limit),
        TEST(damage_is_remembered_and_other_errors_are_not),
        TEST(who_waits_is_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
