/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs through a bounded file. */
#include "tests/support/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/job/spool.h"
#include "tests/support/made_dump.h"
#include "tests/support/nameless.h"
#include "tests/support/scratch.h"

#define CAPACITY (1 * MIB)

struct world {
    char folder[SCRATCH_PATH];
    char path[SCRATCH_PATH];
    struct spool *spool;
};

static struct error e;

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    scratch_make(w->folder);
    scratch_path(w->path, w->folder, "spool");
    w->spool = spool_new(&(struct spool_options){w->path, CAPACITY, 0}, &e);
    assert_non_null(w->spool);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    spool_free(w->spool);
    scratch_remove(w->folder);
    free(w);
    return 0;
}

/* The blob of a number: always the same bytes. */
static struct buf blob_of(uint64_t number, size_t len)
{
    struct buf b = {0};
    uint64_t seed = number;
    assert_done(buf_reserve(&b, len, &e), &e);
    while (b.len < len)
        assert_done(buf_byte(&b, (uint8_t)made_random(&seed), &e), &e);
    return b;
}

static int put(struct world *w, uint64_t number, size_t len, struct spool_place *place)
{
    uint8_t sha256[DIGEST_LEN];
    struct buf b = blob_of(number, len);
    assert_done(digest_sha256(buf_view(&b), sha256, &e), &e);
    int rc = spool_put(w->spool, buf_view(&b), sha256, place, &e);
    buf_done(&b);
    return rc;
}

static void take(struct world *w, uint64_t number, const struct spool_place *place)
{
    struct buf want = blob_of(number, place->len);
    struct buf found = {0};
    assert_done(spool_take(w->spool, place, &found, &e), &e);
    assert_true(bytes_equal(buf_view(&found), buf_view(&want)));
    buf_done(&want);
    buf_done(&found);
}

/* Blobs of all sizes come and go, in turn and out of it; never more than fits. */
static void blobs_come_back_and_their_room_is_used_again(void **state)
{
    struct world *w = *state;
    struct spool_place places[64];
    uint64_t numbers[64];
    size_t held = 0;
    uint64_t bytes = 0;
    uint64_t seed = 7;
    uint64_t refused = 0;
    for (uint64_t n = 0; n < 600; n++) {
        size_t len = 1 + (size_t)(made_random(&seed) % (CAPACITY / 6));
        int rc = held < ARRAY_SIZE(places) ? put(w, n, len, &places[held]) : SPOOL_FULL;
        if (rc == 0) {
            numbers[held++] = n;
            bytes += len;
        } else {
            assert_int_equal(rc, SPOOL_FULL);
            refused++;
        }
        assert_int_equal(spool_held(w->spool), bytes);
        assert_true(bytes <= CAPACITY);
        if (rc == 0 && made_random(&seed) % 3 > 0)
            continue;
        size_t which = made_random(&seed) % 4 == 0 ? held - 1 : 0;
        take(w, numbers[which], &places[which]);
        bytes -= places[which].len;
        held--;
        memmove(&places[which], &places[which + 1], (held - which) * sizeof *places);
        memmove(&numbers[which], &numbers[which + 1], (held - which) * sizeof *numbers);
    }
    assert_true(refused > 50);
    for (size_t i = 0; i < held; i++)
        take(w, numbers[i], &places[i]);
    assert_int_equal(spool_held(w->spool), 0);
    /* Empty, it takes the largest again. */
    assert_done(put(w, 1, CAPACITY, &places[0]), &e);
    assert_int_equal(put(w, 2, 1, &places[1]), SPOOL_FULL);
    take(w, 1, &places[0]);
    assert_int_equal(put(w, 1, CAPACITY + 1, &places[0]), SPOOL_FULL);
}

static void a_blob_that_is_not_what_was_put_is_refused(void **state)
{
    struct world *w = *state;
    struct spool_place place;
    struct buf out = {0};
    assert_done(put(w, 1, 5000, &place), &e);
    place.sha256[31] ^= 1;
    assert_refused(spool_take(w->spool, &place, &out, &e), &e, ERROR_CORRUPT);
    assert_done(put(w, 1, 5000, &place), &e);
    place.len = 6000; /* the file ends before */
    assert_refused(spool_take(w->spool, &place, &out, &e), &e, ERROR_CORRUPT);
    buf_done(&out);
}

static void nothing_has_a_name(void **state)
{
    struct world *w = *state;
    struct spool_place place;
    assert_done(put(w, 1, 5000, &place), &e);
    assert_int_equal(scratch_count(w->folder), 0);
    take(w, 1, &place);
}

static void damage_on_the_disk_is_found(void **state)
{
    struct world *w = *state;
    struct spool_place first;
    struct spool_place second;
    struct buf out = {0};
    uint8_t byte;
    assert_done(put(w, 1, 5000, &first), &e);
    assert_done(put(w, 2, 5000, &second), &e);
    int fd = nameless_open(getpid(), w->folder);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, 5000 + 4999), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 5000 + 4999), 1);
    assert_int_equal(close(fd), 0);
    take(w, 1, &first);
    assert_refused(spool_take(w->spool, &second, &out, &e), &e, ERROR_CORRUPT);
    buf_done(&out);
}

static uint64_t blocks_of(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return (uint64_t)st.st_blocks;
}

static void what_was_taken_takes_no_room_on_the_disk(void **state)
{
    struct world *w = *state;
    struct spool_place places[3];
    for (uint64_t i = 0; i < 3; i++)
        assert_done(put(w, i, 256 * KIB, &places[i]), &e);
    int fd = nameless_open(getpid(), w->folder);
    assert_true(fd >= 0);
    uint64_t most = blocks_of(fd);
    assert_true(most >= 3 * 256 * KIB / 512);
    for (uint64_t i = 0; i < 3; i++) {
        take(w, i, &places[i]);
        assert_true(blocks_of(fd) <= most - (i + 1) * 256 * KIB / 512);
    }
    assert_int_equal(close(fd), 0);
}

static void what_others_need_of_the_disk_is_left_to_them(void **state)
{
    struct world *w = *state;
    struct spool_place place;
    spool_free(w->spool);
    w->spool = spool_new(&(struct spool_options){w->path, CAPACITY, UINT64_MAX / 2}, &e);
    assert_non_null(w->spool);
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(put(w, i, 1000, &place), SPOOL_FULL);
    assert_int_equal(spool_held(w->spool), 0);
}

static void what_a_crash_left_is_removed(void **state)
{
    struct world *w = *state;
    char left[SCRATCH_PATH];
    char other[SCRATCH_PATH];
    spool_free(w->spool);
    scratch_path(left, w->folder, "spool.tmp-a1B2c3");
    scratch_path(other, w->folder, "spoolless.tmp-a1B2c3");
    for (int i = 0; i < 2; i++) {
        int fd = open(i ? left : other, O_CREAT | O_WRONLY | O_EXCL, 0600);
        assert_true(fd >= 0);
        assert_int_equal(close(fd), 0);
    }
    w->spool = spool_new(&(struct spool_options){w->path, CAPACITY, 0}, &e);
    assert_non_null(w->spool);
    assert_int_equal(access(left, F_OK), -1);
    assert_int_equal(access(other, F_OK), 0);
}

static void a_full_disk_is_a_full_spool(void **state)
{
    struct world *w = *state;
    struct rlimit was;
    struct spool_place place;
    struct spool_place other;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    const struct rlimit small = {.rlim_cur = 100000, .rlim_max = was.rlim_max};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    assert_int_equal(sigaction(SIGXFSZ, &ignore, NULL), 0);
    assert_done(put(w, 1, 60000, &place), &e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(put(w, 2, 60000, &other), SPOOL_FULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    /* It is not tried again, and what is in it comes back. */
    assert_int_equal(put(w, 3, 10, &other), SPOOL_FULL);
    assert_int_equal(spool_held(w->spool), 60000);
    take(w, 1, &place);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blobs_come_back_and_their_room_is_used_again),
        TEST(a_blob_that_is_not_what_was_put_is_refused),
        TEST(nothing_has_a_name),
        TEST(a_full_disk_is_a_full_spool),
        TEST(damage_on_the_disk_is_found),
        TEST(what_was_taken_takes_no_room_on_the_disk),
        TEST(what_others_need_of_the_disk_is_left_to_them),
        TEST(what_a_crash_left_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
