/* SPDX-License-Identifier: Apache-2.0 */
/* Rows with the same key are told as one change, in the order in which they came. */
#include "tests/support/check.h"

#include "core/rows/row_pairs.h"

static int hold(struct row_pairs *p, enum row_pairs_side side, uint64_t key, const char *text)
{
    struct error e = {0};
    /* Keys in no order of their own. */
    struct row_hash hash = {.low = key * UINT64_C(0x9e3779b97f4a7c15), .high = key};
    return row_pairs_hold(p, side, &hash, bytes_text(text), &e);
}

static int see(void *arg, const struct bytes *before, const struct bytes *after,
               struct error *e)
{
    return buf_printf(arg, e, "%.*s>%.*s ", before ? (int)before->len : 0,
                      before ? (const char *)before->data : "", after ? (int)after->len : 0,
                      after ? (const char *)after->data : "");
}

static void expect(struct row_pairs *p, const char *wanted)
{
    struct error e = {0};
    struct buf told = {0};
    assert_done(row_pairs_tell(p, see, &told, &e), &e);
    assert_done(buf_byte(&told, 0, &e), &e);
    assert_string_equal((const char *)told.data, wanted);
    buf_done(&told);
}

static void equal_keys_are_a_change(void **state)
{
    struct error e = {0};
    struct row_pairs *p = row_pairs_new(10000, &e);
    (void)state;
    assert_non_null(p);
    assert_int_equal(hold(p, ROW_PAIRS_BEFORE, 5, "five"), 0);
    assert_int_equal(hold(p, ROW_PAIRS_BEFORE, 3, "three"), 0);
    assert_int_equal(hold(p, ROW_PAIRS_BEFORE, 9, "nine"), 0);
    assert_int_equal(hold(p, ROW_PAIRS_AFTER, 1, "ONE"), 0);
    assert_int_equal(hold(p, ROW_PAIRS_AFTER, 9, "NINE"), 0);
    assert_int_equal(hold(p, ROW_PAIRS_AFTER, 5, "FIVE"), 0);
    assert_int_equal(hold(p, ROW_PAIRS_AFTER, 7, "SEVEN"), 0);
    expect(p, "five>FIVE three> nine>NINE >ONE >SEVEN ");
    expect(p, "");
    row_pairs_free(p);
}

static void keys_that_stand_twice_are_paired_in_order(void **state)
{
    struct error e = {0};
    struct row_pairs *p = row_pairs_new(10000, &e);
    (void)state;
    assert_non_null(p);
    assert_int_equal(hold(p, ROW_PAIRS_BEFORE, 1, "a"), 0);
    assert_int_equal(hold(p, ROW_PAIRS_BEFORE, 1, "b"), 0);
    assert_int_equal(hold(p, ROW_PAIRS_BEFORE, 1, "c"), 0);
    assert_int_equal(hold(p, ROW_PAIRS_AFTER, 1, "A"), 0);
    assert_int_equal(hold(p, ROW_PAIRS_AFTER, 1, "B"), 0);
    expect(p, "a>A b>B c> ");
    row_pairs_free(p);
}

static void what_does_not_fit_is_not_held(void **state)
{
    struct error e = {0};
    struct row_pairs *p = row_pairs_new(2 * (32 + 4) + 2 * 10, &e);
    (void)state;
    assert_non_null(p);
    assert_int_equal(hold(p, ROW_PAIRS_BEFORE, 1, "one"), 0);
    assert_int_equal(hold(p, ROW_PAIRS_BEFORE, 2, "two"), ROW_PAIRS_FULL);
    assert_int_equal(hold(p, ROW_PAIRS_AFTER, 1, "a row that is too long"), ROW_PAIRS_FULL);
    assert_int_equal(hold(p, ROW_PAIRS_AFTER, 1, ""), 0);
    expect(p, "one> ");
    row_pairs_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_keys_are_a_change),
        cmocka_unit_test(keys_that_stand_twice_are_paired_in_order),
        cmocka_unit_test(what_does_not_fit_is_not_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
