/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/rows/row_digest.h"

struct result {
    uint8_t digest[DIGEST_LEN];
    uint8_t sum[16];
};

/* Hashes first, first + step, … */
static struct result of(struct row_digest *d, uint64_t count, uint64_t first, uint64_t step)
{
    struct error e = {0};
    struct result r;
    assert_done(row_digest_begin(d, &e), &e);
    for (uint64_t i = 0; i < count; i++) {
        const struct row_hash hash = {.low = first + i * step, .high = i};
        assert_done(row_digest_add(d, &hash, &e), &e);
    }
    assert_int_equal(d->rows, count);
    assert_done(row_digest_end(d, r.digest, r.sum, &e), &e);
    return r;
}

static void it_is_sha256_over_the_hashes_whatever_the_batches(void **state)
{
    static const uint64_t counts[] = {0, 1, 255, 256, 257, 1000};
    struct row_digest d;
    struct error e = {0};
    (void)state;
    assert_done(row_digest_init(&d, &e), &e);
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        struct buf all = {0};
        uint8_t expected[DIGEST_LEN];
        for (uint64_t n = 0; n < counts[i]; n++) {
            assert_done(buf_u64(&all, 7 + 3 * n, &e), &e);
            assert_done(buf_u64(&all, n, &e), &e);
        }
        assert_done(digest_sha256(buf_view(&all), expected, &e), &e);
        struct result r = of(&d, counts[i], 7, 3);
        assert_memory_equal(r.digest, expected, sizeof expected);
        buf_done(&all);
    }
    row_digest_done(&d);
}

static void many_at_once_are_as_one_by_one(void **state)
{
    static const size_t batches[] = {1, 7, 64, 255, 256, 257, 1000};
    struct row_hash hashes[1000];
    struct row_digest d;
    struct error e = {0};
    (void)state;
    assert_done(row_digest_init(&d, &e), &e);
    struct result expected = of(&d, ARRAY_SIZE(hashes), UINT64_MAX / 2, UINT64_MAX / 3);
    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
        hashes[i] = (struct row_hash){.low = UINT64_MAX / 2 + i * (UINT64_MAX / 3), .high = i};
    for (size_t b = 0; b < ARRAY_SIZE(batches); b++) {
        struct result r;
        assert_done(row_digest_begin(&d, &e), &e);
        for (size_t i = 0; i < ARRAY_SIZE(hashes); i += batches[b]) {
            size_t n =
                ARRAY_SIZE(hashes) - i < batches[b] ? ARRAY_SIZE(hashes) - i : batches[b];
            assert_done(row_digest_add_many(&d, hashes + i, n, &e), &e);
        }
        assert_done(row_digest_add_many(&d, NULL, 0, &e), &e);
        assert_int_equal(d.rows, ARRAY_SIZE(hashes));
        assert_done(row_digest_end(&d, r.digest, r.sum, &e), &e);
        assert_memory_equal(&r, &expected, sizeof r);
    }
    row_digest_done(&d);
}

static void the_sum_carries_and_does_not_mind_the_order(void **state)
{
    const struct row_hash a = {.low = UINT64_MAX, .high = 1};
    const struct row_hash b = {.low = 2, .high = UINT64_MAX};
    struct row_digest d;
    struct error e = {0};
    struct result ab;
    struct result ba;
    uint8_t expected[16] = {1};
    (void)state;
    assert_done(row_digest_init(&d, &e), &e);
    assert_done(row_digest_add(&d, &a, &e), &e);
    assert_done(row_digest_add(&d, &b, &e), &e);
    assert_done(row_digest_end(&d, ab.digest, ab.sum, &e), &e);
    assert_done(row_digest_begin(&d, &e), &e);
    assert_done(row_digest_add(&d, &b, &e), &e);
    assert_done(row_digest_add(&d, &a, &e), &e);
    assert_done(row_digest_end(&d, ba.digest, ba.sum, &e), &e);
    /* (2^64 + 2^64 - 1) + ((2^64 - 1) 2^64 + 2) = 2^128 + 2^64 + 1. */
    expected[8] = 1;
    assert_memory_equal(ab.sum, expected, sizeof expected);
    assert_memory_equal(ba.sum, expected, sizeof expected);
    assert_memory_not_equal(ab.digest, ba.digest, DIGEST_LEN);
    row_digest_done(&d);
}

static void beginning_anew_forgets_what_was_given_up(void **state)
{
    struct row_digest d;
    struct error e = {0};
    (void)state;
    assert_done(row_digest_init(&d, &e), &e);
    struct result once = of(&d, 300, 1, 1);
    const struct row_hash hash = {.low = 5, .high = 6};
    for (int i = 0; i < 300; i++)
        assert_done(row_digest_add(&d, &hash, &e), &e);
    struct result again = of(&d, 300, 1, 1);
    assert_memory_equal(&once, &again, sizeof once);
    row_digest_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_sha256_over_the_hashes_whatever_the_batches),
        cmocka_unit_test(many_at_once_are_as_one_by_one),
        cmocka_unit_test(the_sum_carries_and_does_not_mind_the_order),
        cmocka_unit_test(beginning_anew_forgets_what_was_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
