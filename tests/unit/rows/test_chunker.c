/* SPDX-License-Identifier: Apache-2.0 */
/* Where chunks end depends on what stands there, not on what stands before. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/rows/chunker.h"
#include "tests/support/made_dump.h"

static const uint8_t row_key[ROW_HASH_KEY_LEN] = {1, 2, 3};

static struct chunker chunker_of(uint8_t key)
{
    struct error e = {0};
    const struct secret gear = {{key}};
    struct chunker c;
    assert_done(chunker_init(&c, &gear, &e), &e);
    return c;
}

/* The places behind each chunk, from the front of b. */
struct cuts {
    size_t *ends;
    size_t count;
};

static struct cuts cuts_of(const struct chunker *c, struct bytes b)
{
    struct cuts cuts = {.ends = calloc(b.len / CHUNKER_MIN + 2, sizeof *cuts.ends)};
    size_t at = 0;
    assert_non_null(cuts.ends);
    while (at < b.len) {
        at += chunker_cut(c, bytes_of(b.data + at, b.len - at));
        cuts.ends[cuts.count++] = at;
    }
    assert_int_equal(at, b.len);
    return cuts;
}

static bool has_end(const struct cuts *c, size_t end)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->ends[i] == end)
            return true;
    return false;
}

static struct buf noise(size_t len, uint64_t seed)
{
    struct buf b = {0};
    made_row(&b, len, true, seed);
    return b;
}

static void sizes_keep_their_limits_and_their_mean(void **state)
{
    (void)state;
    const struct chunker c = chunker_of(1);
    struct buf b = noise(64 * MIB, 1);
    struct cuts cuts = cuts_of(&c, buf_view(&b));
    size_t small = 0;
    size_t at_limit = 0;
    for (size_t i = 0, before = 0; i < cuts.count; before = cuts.ends[i++]) {
        size_t len = cuts.ends[i] - before;
        assert_true(len <= CHUNKER_MAX);
        assert_true(len > CHUNKER_MIN || i + 1 == cuts.count);
        small += len < CHUNKER_NORMAL;
        at_limit += len == CHUNKER_MAX;
    }
    if (cuts.count == 0) {
        fail_msg("no cuts");
        return;
    }
    size_t mean = b.len / (cuts.count ? cuts.count : 1);
    /* Below 64 KiB a chunk ends with 17 in 100 (48 KiB at 1 in 2^18), then after 16 KiB. */
    assert_in_range(mean, 60 * KIB, 90 * KIB);
    assert_in_range(100 * small / cuts.count, 10, 25);
    assert_int_equal(at_limit, 0);
    free(cuts.ends);
    buf_done(&b);
}

static void what_is_too_small_is_one_chunk(void **state)
{
    static const size_t sizes[] = {0, 1, CHUNKER_MIN - 1, CHUNKER_MIN};
    (void)state;
    const struct chunker c = chunker_of(1);
    struct buf b = noise(MIB, 2);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        assert_int_equal(chunker_cut(&c, bytes_of(b.data, sizes[i])), sizes[i]);
    buf_done(&b);
}

static void bytes_that_never_cut_end_at_the_maximum(void **state)
{
    (void)state;
    size_t at_limit = 0;
    for (uint8_t key = 0; key < 8; key++) {
        const struct chunker c = chunker_of(key);
        uint8_t *zeros = calloc(1, MIB);
        assert_non_null(zeros);
        size_t len = chunker_cut(&c, bytes_of(zeros, MIB));
        assert_true(len > CHUNKER_MIN && len <= CHUNKER_MAX);
        at_limit += len == CHUNKER_MAX;
        free(zeros);
    }
    assert_true(at_limit >= 6);
}

/* More input behind a chunk does not move its end. */
static void what_follows_makes_no_difference(void **state)
{
    (void)state;
    const struct chunker c = chunker_of(1);
    struct buf b = noise(4 * MIB, 3);
    struct cuts cuts = cuts_of(&c, buf_view(&b));
    for (size_t i = 0, at = 0; i + 1 < cuts.count; at = cuts.ends[i++]) {
        size_t len = cuts.ends[i] - at;
        size_t left = b.len - at;
        size_t least = left < CHUNKER_MAX ? left : CHUNKER_MAX;
        assert_int_equal(chunker_cut(&c, bytes_of(b.data + at, least)), len);
    }
    free(cuts.ends);
    buf_done(&b);
}

static void a_change_in_the_middle_is_soon_forgotten(void **state)
{
    static const size_t inserted[] = {1, 1000, 100000};
    (void)state;
    const struct chunker c = chunker_of(1);
    struct buf b = noise(8 * MIB, 4);
    struct cuts cuts = cuts_of(&c, buf_view(&b));
    size_t middle = 4 * MIB;
    for (size_t i = 0; i < ARRAY_SIZE(inserted); i++) {
        struct buf changed = {0};
        size_t lost = 0;
        archive_bytes(&changed, b.data, middle);
        made_row(&changed, inserted[i], true, 99);
        archive_bytes(&changed, b.data + middle, b.len - middle);
        struct cuts after = cuts_of(&c, buf_view(&changed));
        for (size_t k = 0; k < cuts.count; k++)
            if (cuts.ends[k] <= middle)
                assert_true(has_end(&after, cuts.ends[k]));
            else
                lost += !has_end(&after, cuts.ends[k] + inserted[i]);
        assert_true(lost < 8);
        free(after.ends);
        buf_done(&changed);
    }
    /* And the front taken away. */
    size_t lost = 0;
    struct cuts after = cuts_of(&c, bytes_of(b.data + 12345, b.len - 12345));
    for (size_t k = 0; k < cuts.count; k++)
        lost += !has_end(&after, cuts.ends[k] - 12345);
    assert_true(lost < 8);
    free(after.ends);
    free(cuts.ends);
    buf_done(&b);
}

static void another_domain_cuts_elsewhere(void **state)
{
    (void)state;
    const struct chunker a = chunker_of(1);
    const struct chunker b = chunker_of(2);
    struct buf data = noise(8 * MIB, 5);
    struct cuts of_a = cuts_of(&a, buf_view(&data));
    struct cuts of_b = cuts_of(&b, buf_view(&data));
    size_t common = 0;
    for (size_t i = 0; i < of_a.count; i++)
        common += has_end(&of_b, of_a.ends[i]);
    assert_true(common < 5); /* the end of all, and chance */
    free(of_a.ends);
    free(of_b.ends);
    buf_done(&data);
}

/* ---- rows -------------------------------------------------------------------------- */

static void chunks_of_rows_end_at_no_less_than_their_minimum(void **state)
{
    (void)state;
    const struct row_hash always = {.low = 0};
    const struct row_hash never = {.low = UINT64_MAX};
    const struct chunker_rows *c = &CHUNKER_NEW;
    assert_false(chunker_row_ends(c, c->min - 1, 1, &always));
    assert_true(chunker_row_ends(c, c->min, 1, &always));
    assert_false(chunker_row_ends(c, c->min, 1, &never));
    assert_true(chunker_row_ends(&CHUNKER_LATER, c->min - 1, 1, &always));
    /* A row as long as the mean, and any longer one, is an end whatever its hash. */
    assert_true(chunker_row_ends(c, 2 * MIB, c->mean, &never));
    assert_true(chunker_row_ends(c, 4 * MIB, 4 * MIB, &never));
    /* Exactly the documented comparison: hash < length * 2^32 / mean. */
    const struct row_hash edge = {.low = (UINT64_C(100) << 32) / c->mean << 32};
    const struct row_hash below = {.low = edge.low - 1};
    assert_false(chunker_row_ends(c, MIB, 100, &edge));
    assert_true(chunker_row_ends(c, MIB, 100, &below));
}

static void rows_that_do_not_fit_wait_for_the_next_chunk(void **state)
{
    (void)state;
    const struct chunker_rows *c = &CHUNKER_NEW;
    assert_false(chunker_row_overflows(c, 0, 4 * MIB));
    assert_false(chunker_row_overflows(c, c->max - 10, 10));
    assert_true(chunker_row_overflows(c, c->max - 10, 11));
    assert_true(chunker_row_overflows(c, 1, c->max));
}

/* How long chunks of rows of one length become, over 200 MiB of them. */
static void mean_is(const struct chunker_rows *c, size_t row, size_t low, size_t high)
{
    size_t chunk = 0;
    uint64_t chunks = 0;
    uint64_t total = 0;
    for (uint64_t n = 0; total < 200 * MIB; n++) {
        struct row_hash hash;
        row_hash_of(row_key, &n, sizeof n, &hash);
        chunk += row;
        total += row;
        if (chunker_row_ends(c, chunk, row, &hash) || chunk > c->max) {
            chunks++;
            chunk = 0;
        }
    }
    assert_in_range(total / chunks, low, high);
}

static void chunks_of_rows_have_their_mean(void **state)
{
    static const size_t lengths[] = {20, 200, 5000};
    (void)state;
    /* The minimum and, with its tail cut off at the maximum, the mean behind it. */
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        mean_is(&CHUNKER_NEW, lengths[i], 660 * KIB, 760 * KIB);
        mean_is(&CHUNKER_LATER, lengths[i], 165 * KIB, 190 * KIB);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_keep_their_limits_and_their_mean),
        cmocka_unit_test(what_is_too_small_is_one_chunk),
        cmocka_unit_test(bytes_that_never_cut_end_at_the_maximum),
        cmocka_unit_test(what_follows_makes_no_difference),
        cmocka_unit_test(a_change_in_the_middle_is_soon_forgotten),
        cmocka_unit_test(another_domain_cuts_elsewhere),
        cmocka_unit_test(chunks_of_rows_end_at_no_less_than_their_minimum),
        cmocka_unit_test(rows_that_do_not_fit_wait_for_the_next_chunk),
        cmocka_unit_test(chunks_of_rows_have_their_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
