/* SPDX-License-Identifier: Apache-2.0 */
/* The frozen slot was made by another implementation (Python, its scrypt and AES-GCM). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "core/repo/slot.h"

static const uint8_t repository[16] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
                                       0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f};
static const struct secret zero;

static const char frozen[] = "50474b534c4f5430010f080100000000101112131415161718191a1b1c1d1e1f"
                             "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
                             "0ea3127229603bcda619af259e4f2c550000788b5dfee912ef40a782faeeca4f"
                             "b315103b038fa3fed2e115bd744c2bcb";

static void load_frozen(uint8_t raw[SLOT_LEN])
{
    assert_true(str_unhex(raw, SLOT_LEN, frozen));
}

static void frozen_slot_still_opens(void **state)
{
    (void)state;
    struct error e = {0};
    struct secret seed;
    uint8_t raw[SLOT_LEN];
    load_frozen(raw);
    assert_int_equal(slot_open(bytes_of(raw, sizeof raw), bytes_text("correct horse"),
                               repository, &seed, &e),
                     0);
    for (int i = 0; i < SECRET_LEN; i++)
        assert_int_equal(seed.key[i], i);
}

static void made_slots_open_and_never_repeat_their_salt(void **state)
{
    (void)state;
    struct error e = {0};
    const struct secret seed = {{3, 1, 4, 1, 5}};
    struct secret back;
    struct buf b = {0};
    struct bytes words = bytes_text("p\xc3\xa4ss");
    assert_int_equal(slot_make(words, repository, SLOT_LOG2N_MIN, &seed, &b, &e), 0);
    assert_int_equal(slot_make(words, repository, SLOT_LOG2N_MIN, &seed, &b, &e), 0);
    assert_int_equal(b.len, 2 * SLOT_LEN);
    assert_memory_equal(b.data, b.data + SLOT_LEN, 32);
    assert_memory_not_equal(b.data + 32, b.data + SLOT_LEN + 32, 32);
    assert_memory_not_equal(b.data + 64, b.data + SLOT_LEN + 64, 32);
    assert_int_equal(
        slot_open(bytes_of(b.data + SLOT_LEN, SLOT_LEN), words, repository, &back, &e), 0);
    assert_memory_equal(back.key, seed.key, SECRET_LEN);
    buf_done(&b);
}

static void a_wrong_passphrase_is_said_and_the_seed_wiped(void **state)
{
    (void)state;
    static const char *const wrong[] = {"correct horsf", "correct hors", "", "Correct horse"};
    uint8_t raw[SLOT_LEN];
    load_frozen(raw);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct error e = {0};
        struct secret seed = {{1}};
        assert_int_equal(
            slot_open(bytes_of(raw, sizeof raw), bytes_text(wrong[i]), repository, &seed, &e),
            -1);
        assert_int_equal(e.kind, ERROR_KEY);
        assert_string_equal(e.text, "wrong passphrase");
        assert_memory_equal(&seed, &zero, sizeof zero);
    }
}

static void assert_refused(const uint8_t *raw, size_t len, enum error_kind kind)
{
    struct error e = {0};
    struct secret seed = {{1}};
    assert_int_equal(
        slot_open(bytes_of(raw, len), bytes_text("correct horse"), repository, &seed, &e), -1);
    assert_int_equal(e.kind, kind);
    assert_memory_equal(&seed, &zero, sizeof zero);
}

static void costly_parameters_are_refused_before_they_cost(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        enum error_kind kind;
    } bent[] = {
        {0, 'X', ERROR_CORRUPT}, {7, '1', ERROR_UNSUPPORTED}, {8, 2, ERROR_UNSUPPORTED},
        {9, 14, ERROR_CORRUPT},  {9, 21, ERROR_CORRUPT},      {9, 0, ERROR_CORRUPT},
        {9, 63, ERROR_CORRUPT},  {9, 255, ERROR_CORRUPT},     {10, 7, ERROR_CORRUPT},
        {10, 9, ERROR_CORRUPT},  {10, 0, ERROR_CORRUPT},      {11, 0, ERROR_CORRUPT},
        {11, 5, ERROR_CORRUPT},  {11, 255, ERROR_CORRUPT},    {12, 1, ERROR_CORRUPT},
        {15, 1, ERROR_CORRUPT},  {16, 0x11, ERROR_CORRUPT},   {31, 0, ERROR_CORRUPT},
    };
    uint8_t raw[SLOT_LEN + 1] = {0};
    for (size_t i = 0; i < ARRAY_SIZE(bent); i++) {
        load_frozen(raw);
        raw[bent[i].at] = bent[i].value;
        assert_refused(raw, SLOT_LEN, bent[i].kind);
    }
    load_frozen(raw);
    for (size_t len = 0; len < SLOT_LEN; len++)
        assert_refused(raw, len, ERROR_CORRUPT);
    assert_refused(raw, sizeof raw, ERROR_CORRUPT);
}

static void a_bent_byte_that_scrypt_must_tell_does_not_open(void **state)
{
    (void)state;
    /* p, log2N, salt, ciphertext, tag: each still a slot, but not this one. */
    static const struct {
        size_t at;
        uint8_t flip;
    } bent[] = {{11, 3}, {9, 31}, {32, 1}, {63, 0x80}, {64, 1}, {95, 0x80}, {96, 1}, {111, 1}};
    uint8_t raw[SLOT_LEN];
    for (size_t i = 0; i < ARRAY_SIZE(bent); i++) {
        load_frozen(raw);
        raw[bent[i].at] ^= bent[i].flip;
        assert_refused(raw, SLOT_LEN, ERROR_KEY);
    }
}

static void weak_requests_are_refused(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = {0};
    assert_int_equal(slot_make(bytes_text(""), repository, SLOT_LOG2N, &zero, &b, &e), -1);
    assert_int_equal(e.kind, ERROR_USAGE);
    assert_int_equal(slot_make(bytes_text("p"), repository, 14, &zero, &b, &e), -1);
    assert_int_equal(e.kind, ERROR_USAGE);
    assert_int_equal(slot_make(bytes_text("p"), repository, 21, &zero, &b, &e), -1);
    assert_int_equal(e.kind, ERROR_USAGE);
    assert_int_equal(b.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen_slot_still_opens),
        cmocka_unit_test(made_slots_open_and_never_repeat_their_salt),
        cmocka_unit_test(a_wrong_passphrase_is_said_and_the_seed_wiped),
        cmocka_unit_test(costly_parameters_are_refused_before_they_cost),
        cmocka_unit_test(a_bent_byte_that_scrypt_must_tell_does_not_open),
        cmocka_unit_test(weak_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
