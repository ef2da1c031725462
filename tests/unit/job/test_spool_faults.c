/* SPDX-License-Identifier: Apache-2.0 */
/* A spool on a file system that refuses. */
#include "tests/support/check.h"

#include "core/job/spool.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#ifdef PGKEEP_FAILPOINTS

#define CAPACITY (1 * MIB)
#define LEN (300 * KIB)

/* What there_and_back found. */
enum { CAME_BACK, NOT_TAKEN, WRONG };

static struct error e;

static int put(struct spool *s, uint8_t value, struct spool_place *place)
{
    static uint8_t block[LEN];
    uint8_t sha256[DIGEST_LEN];
    memset(block, value, sizeof block);
    if (digest_sha256(bytes_of(block, sizeof block), sha256, &e) < 0)
        return -1;
    return spool_put(s, bytes_of(block, sizeof block), sha256, place, &e);
}

static bool comes_back(struct spool *s, uint8_t value, const struct spool_place *place)
{
    struct buf out = {0};
    bool same = spool_take(s, place, &out, &e) == 0 && out.len == LEN && out.data[0] == value &&
                out.data[LEN - 1] == value;
    buf_done(&out);
    return same;
}

/* Two blobs: does the second one come back, when the first one does? The folder never shows
 * anything. After a refusal nothing is taken, although it would work again. */
static int there_and_back(void *folder)
{
    char path[SCRATCH_PATH];
    struct spool_place first;
    struct spool_place second;
    int answer = WRONG;
    scratch_path(path, folder, "spool");
    struct spool *s = spool_new(&(struct spool_options){path, CAPACITY, 0}, &e);
    int one = s ? put(s, 1, &first) : -1;
    int two = s ? put(s, 2, &second) : -1;
    uint64_t held = s ? spool_held(s) : 1;
    if (one < 0 || two < 0 || scratch_count(folder) != 0)
        answer = WRONG;
    else if (one == 0 && two == 0)
        answer = comes_back(s, 1, &first) && comes_back(s, 2, &second) ? CAME_BACK : WRONG;
    else if (one == 0)
        answer = held == LEN && comes_back(s, 1, &first) ? NOT_TAKEN : WRONG;
    else if (two == SPOOL_FULL)
        answer = held == 0 ? NOT_TAKEN : WRONG;
    spool_free(s);
    return answer;
}

static int refused(const char *errno_and_step)
{
    char folder[SCRATCH_PATH];
    scratch_make(folder);
    int answer = fault_run("PGKEEP_FAIL_ERRNO", errno_and_step, there_and_back, folder);
    assert_int_equal(scratch_count(folder), 0);
    scratch_remove(folder);
    return answer;
}

/* The first step is the making of the file, the next ones write. */
static void a_file_system_may_know_no_nameless_files(void **state)
{
    (void)state;
    assert_int_equal(refused("95:1"), CAME_BACK); /* EOPNOTSUPP */
    assert_int_equal(refused("21:1"), CAME_BACK); /* EISDIR */
}

static void a_disk_that_refuses_is_a_full_spool(void **state)
{
    (void)state;
    assert_int_equal(refused("13:1"), NOT_TAKEN); /* EACCES */
    assert_int_equal(refused("28:2"), NOT_TAKEN); /* ENOSPC */
    assert_int_equal(refused("28:3"), NOT_TAKEN);
    assert_int_equal(refused("5:3"), NOT_TAKEN); /* EIO */
    assert_int_equal(refused("5:4"), CAME_BACK); /* there is no such step */
}

static void a_crash_leaves_nothing(void **state)
{
    char folder[SCRATCH_PATH];
    (void)state;
    for (int i = 1; i <= 3; i++) {
        char step[8];
        (void)snprintf(step, sizeof step, "%d", i);
        scratch_make(folder);
        assert_int_equal(fault_run("PGKEEP_FAIL_AT", step, there_and_back, folder),
                         FAULT_CRASHED);
        assert_int_equal(scratch_count(folder), 0);
        scratch_remove(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_system_may_know_no_nameless_files),
        cmocka_unit_test(a_disk_that_refuses_is_a_full_spool),
        cmocka_unit_test(a_crash_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    (void)printf("built without failpoints: nothing to test\n");
    return 0;
}

#endif
