/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that nobody wrote: cut, bent and put together by hand (docs/FORMAT.md 5.3). Whatever
 * they say, they are refused or give exactly the bytes asked for. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/rows/columns.h"
#include "tests/support/made_columns.h"
#include "tests/support/made_dump.h"

static struct columns *columns_made(void)
{
    struct error e = {0};
    struct columns *c = columns_new(&e);
    assert_non_null(c);
    return c;
}

/* Joins out of and into memory of exactly its size, so that a sanitizer sees any byte beyond;
 * what came out is in *out. */
static int join(struct columns *c, struct bytes body, size_t text_len, struct buf *out,
                struct error *e)
{
    uint8_t *exact = malloc(body.len > 0 ? body.len : 1);
    buf_done(out);
    out->data = malloc(text_len > 0 ? text_len : 1);
    assert_non_null(exact);
    assert_non_null(out->data);
    if (body.len > 0)
        memcpy(exact, body.data, body.len);
    out->len = out->cap = text_len;
    int rc = columns_join(c, bytes_of(exact, body.len), out->data, text_len, e);
    free(exact);
    return rc;
}

/* Refused for damage, or whole. */
static bool harmless(struct columns *c, struct bytes body, size_t text_len)
{
    struct error e = {0};
    struct buf out = {0};
    int rc = join(c, body, text_len, &out, &e);
    buf_done(&out);
    assert_true(rc == 0 || (rc == -1 && e.kind == ERROR_CORRUPT));
    return rc == 0;
}

static struct buf body_of(struct columns *c, struct bytes text)
{
    struct error e = {0};
    struct buf body = {0};
    assert_done(columns_split(c, text, &body, &e), &e);
    return body;
}

/* A small table with a column of every sort. */
static struct buf all_sorts(unsigned rows)
{
    struct error e = {0};
    struct buf b = {0};
    for (unsigned i = 0; i < rows; i++)
        for (size_t s = 0; s < made_columns_sort_count; s++) {
            made_columns_value(&b, &made_columns_sorts[s], i);
            assert_done(buf_byte(&b, s + 1 < made_columns_sort_count ? '\t' : '\n', &e), &e);
        }
    return b;
}

static void every_cut_body_is_refused(void **state)
{
    (void)state;
    struct error e = {0};
    struct columns *c = columns_made();
    struct buf text = all_sorts(40);
    struct buf body = body_of(c, buf_view(&text));
    for (size_t len = 0; len < body.len; len++)
        assert_false(harmless(c, bytes_of(body.data, len), text.len));
    assert_done(buf_byte(&body, 0, &e), &e);
    assert_false(harmless(c, buf_view(&body), text.len));
    buf_done(&body);
    buf_done(&text);
    columns_free(c);
}

static void another_length_of_text_is_refused(void **state)
{
    (void)state;
    struct columns *c = columns_made();
    struct buf text = all_sorts(40);
    struct buf body = body_of(c, buf_view(&text));
    assert_true(harmless(c, buf_view(&body), text.len));
    assert_false(harmless(c, buf_view(&body), 0));
    assert_false(harmless(c, buf_view(&body), 1));
    assert_false(harmless(c, buf_view(&body), COLUMNS_TEXT_MAX));
    assert_false(harmless(c, buf_view(&body), COLUMNS_TEXT_MAX + 1));
    for (size_t off = 1; off < 100; off++) {
        assert_false(harmless(c, buf_view(&body), text.len - off));
        assert_false(harmless(c, buf_view(&body), text.len + off));
    }
    buf_done(&body);
    buf_done(&text);
    columns_free(c);
}

static void bent_bodies_do_no_harm(void **state)
{
    (void)state;
    struct columns *c = columns_made();
    for (size_t s = 0; s < made_columns_sort_count; s++) {
        struct buf text = made_columns_column(&made_columns_sorts[s], 100);
        struct buf body = body_of(c, buf_view(&text));
        size_t refused = 0;
        for (size_t bit = 0; bit < 8 * body.len; bit += bit < 1000 ? 1 : 13) {
            body.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            refused += !harmless(c, buf_view(&body), text.len);
            body.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_true(refused > 20);
        assert_true(harmless(c, buf_view(&body), text.len));
        buf_done(&body);
        buf_done(&text);
    }
    columns_free(c);
}

static void bytes_set_at_random_do_no_harm(void **state)
{
    (void)state;
    struct columns *c = columns_made();
    uint64_t random = 1;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct buf text = made_columns_table(seed);
        struct buf body = body_of(c, buf_view(&text));
        struct buf bent = {0};
        assert_int_equal(buf_append(&bent, body.data, body.len, NULL), 0);
        for (unsigned i = 0; i < 40; i++) {
            memcpy(bent.data, body.data, body.len);
            for (uint64_t n = made_random(&random) % 4; n < 4; n++)
                bent.data[made_random(&random) % (i % 2 ? body.len : body.len % 64 + 1)] =
                    (uint8_t)(made_random(&random) >> (i % 5));
            (void)harmless(c, buf_view(&bent), text.len);
        }
        buf_done(&bent);
        buf_done(&body);
        buf_done(&text);
    }
    columns_free(c);
}

#define BODY(...)                                                                              \
    bytes_of(((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__}))

static void assert_gives(struct bytes body, const char *text)
{
    struct error e = {0};
    struct columns *c = columns_made();
    struct buf out = {0};
    assert_done(join(c, body, strlen(text), &out, &e), &e);
    assert_memory_equal(out.data, text, strlen(text));
    buf_done(&out);
    columns_free(c);
}

static void hand_made_bodies_are_read_by_the_letter(void **state)
{
    (void)state;
    /* Rows, columns; 1 behind -6 at every step; -25 + 25 n; -1 + n; a constant; a mask. */
    assert_gives(BODY(2, 5, COLUMNS_INTEGER, 0, 0x80, 2, 11, COLUMNS_DECIMAL, 2, 16, 49, 25, 11,
                      0, 0, 0, COLUMNS_DATE, 2, 1, 1, 2, COLUMNS_CONSTANT, 1, 'x',
                      COLUMNS_EXCEPT, 2, '\\', 'N', 1, 1, 0, 1, 2, COLUMNS_TEXT, 4, 'y', 'e',
                      's', '\n'),
                 "-5\t2.50\t1970-01-02\tx\t\\N\n-4\t-0.25\t1969-12-31\tx\tyes\n");
    /* Trimmed decimals, a time with a suffix, a timestamp, hex, a uuid, bytea. */
    assert_gives(BODY(1, 6, COLUMNS_DECIMAL, 0x82, 0, 20, COLUMNS_TIME, 0x86, 3, '+', '0', '0',
                      0, 2, COLUMNS_TIMESTAMP, 3, 'T', 1, 'Z', 0, 0, COLUMNS_HEX, 2, 0xab, 0x01,
                      COLUMNS_UUID, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255,
                      COLUMNS_BYTEA, 0, 4, 2, 0x0f, 0xf0),
                 "0.1\t00:00:00.000001+00\t1970-01-01T00:00:00.000Z\tab01\t"
                 "00010203-0405-0607-0809-0a0b0c0d0eff\t\\\\x0ff0\n");
    /* Two fixed texts in planes, a dictionary of two, two shapes of one field each. */
    assert_gives(BODY(2, 3, COLUMNS_FIXED, 2, 'a', 'b', 'c', 'd', COLUMNS_DICTIONARY, 2,
                      COLUMNS_TEXT, 4, 'x', '\n', 'y', '\n', 1, 0, 1, 1, COLUMNS_SHAPES, 2, 1,
                      1, 1, '<', 1, '>', 1, 1, 0, 1, '!', 1, 0, 1, 2, COLUMNS_CONSTANT, 1, '1',
                      COLUMNS_INTEGER, 0, 0, 4),
                 "ac\ty\t<1>\nbd\tx\t2!\n");
}

static void assert_refused_body(struct bytes body, size_t text_len)
{
    struct columns *c = columns_made();
    assert_false(harmless(c, body, text_len));
    columns_free(c);
}

static void numbers_that_their_form_does_not_have_are_refused(void **state)
{
    (void)state;
    /* The integer 1000 in 3 digits, -1 in 3 digits. */
    assert_refused_body(BODY(1, 1, COLUMNS_INTEGER, 3, 0, 0xd0, 0x0f), 5);
    assert_gives(BODY(1, 1, COLUMNS_INTEGER, 3, 0, 0xce, 0x0f), "999\n");
    assert_refused_body(BODY(1, 1, COLUMNS_INTEGER, 3, 0, 1), 4);
    /* 19 digits, a decimal without digits behind the point, or with 19. */
    assert_refused_body(BODY(1, 1, COLUMNS_INTEGER, 19, 0, 2), 20);
    assert_refused_body(BODY(1, 1, COLUMNS_DECIMAL, 0, 0, 2), 2);
    assert_refused_body(BODY(1, 1, COLUMNS_DECIMAL, 19, 0, 2), 22);
    /* Days -719163 and 2932897, before 0001 and behind 9999. */
    assert_refused_body(BODY(1, 1, COLUMNS_DATE, 0, 0xf5, 0xe4, 0x57), 11);
    assert_gives(BODY(1, 1, COLUMNS_DATE, 0, 0xf3, 0xe4, 0x57), "0001-01-01\n");
    assert_refused_body(BODY(1, 1, COLUMNS_DATE, 0, 0xc2, 0x82, 0xe6, 0x2), 11);
    assert_gives(BODY(1, 1, COLUMNS_DATE, 0, 0xc0, 0x82, 0xe6, 0x2), "9999-12-31\n");
    /* The time 24:00:00, and -1 µs. */
    assert_refused_body(BODY(1, 1, COLUMNS_TIME, 0x86, 0, 0, 0x80, 0x80, 0xbb, 0xdd, 0x83, 0x5),
                        9);
    assert_gives(BODY(1, 1, COLUMNS_TIME, 0x86, 0, 0, 0xfe, 0xff, 0xba, 0xdd, 0x83, 0x5),
                 "23:59:59.999999\n");
    assert_refused_body(BODY(1, 1, COLUMNS_TIME, 0x86, 0, 0, 1), 16);
    /* One microsecond in a form of milliseconds; fractions of 7 digits; a suffix of 9 bytes. */
    assert_refused_body(BODY(1, 1, COLUMNS_TIME, 3, 0, 0, 2), 13);
    assert_refused_body(BODY(1, 1, COLUMNS_TIME, 7, 0, 0, 2), 17);
    assert_refused_body(BODY(1, 1, COLUMNS_TIME, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0), 18);
    /* Numbers of 3, 65 and 127 bits, and a step of 0. */
    assert_refused_body(BODY(1, 1, COLUMNS_INTEGER, 0, 8, 0, 0, 0), 2);
    assert_gives(BODY(1, 1, COLUMNS_INTEGER, 0, 8, 0, 1, 0), "0\n");
    assert_refused_body(BODY(1, 1, COLUMNS_INTEGER, 0, 3, 0, 1, 0), 2);
    assert_refused_body(BODY(1, 1, COLUMNS_INTEGER, 0, 65, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), 2);
    assert_refused_body(BODY(1, 1, COLUMNS_INTEGER, 0, 127, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
                        2);
}

static void columns_that_do_not_add_up_are_refused(void **state)
{
    (void)state;
    /* No rows, no columns, more cells than bytes, an unknown kind. */
    assert_refused_body(BODY(0, 1, COLUMNS_CONSTANT, 0), 1);
    assert_refused_body(BODY(1, 0), 1);
    assert_refused_body(BODY(0x80, 0x80, 0x80, 0x80, 0x08, 1, COLUMNS_CONSTANT, 0), 64);
    assert_refused_body(BODY(2, 2, COLUMNS_CONSTANT, 0, COLUMNS_CONSTANT, 0), 3);
    assert_refused_body(BODY(1, 1, COLUMNS_KINDS, 0), 1);
    assert_refused_body(BODY(1, 1, 255, 0), 1);
    /* A text of one value too few, too many, without its last end. */
    assert_refused_body(BODY(2, 1, COLUMNS_TEXT, 1, '\n'), 2);
    assert_refused_body(BODY(1, 1, COLUMNS_TEXT, 2, '\n', '\n'), 1);
    assert_refused_body(BODY(1, 1, COLUMNS_TEXT, 1, 'a'), 2);
    /* Bytes of bytea too few, too many. */
    assert_refused_body(BODY(1, 1, COLUMNS_BYTEA, 0, 4, 1, 'a'), 8);
    assert_refused_body(BODY(1, 1, COLUMNS_BYTEA, 0, 0, 1, 'a'), 4);
    /* A code beyond the dictionary, no entries, more entries than values. */
    assert_refused_body(BODY(1, 1, COLUMNS_DICTIONARY, 1, COLUMNS_CONSTANT, 1, 'a', 0, 2), 2);
    assert_refused_body(BODY(1, 1, COLUMNS_DICTIONARY, 0, 0, 0), 1);
    assert_refused_body(BODY(1, 1, COLUMNS_DICTIONARY, 2, COLUMNS_CONSTANT, 1, 'a', 0, 0), 2);
    /* A mask of 2, of more and of fewer values than there are. */
    assert_refused_body(BODY(1, 1, COLUMNS_EXCEPT, 1, 'a', 0, 0, 4), 2);
    assert_refused_body(BODY(1, 1, COLUMNS_EXCEPT, 1, 'a', 0, 0, 2), 2);
    assert_refused_body(BODY(1, 1, COLUMNS_EXCEPT, 1, 'a', 1, 0, 0, COLUMNS_CONSTANT, 1, 'b'),
                        2);
    /* Shapes: none, of no values, of too few, a code beyond them. */
    assert_refused_body(BODY(1, 1, COLUMNS_SHAPES, 0, 0, 0), 1);
    assert_refused_body(BODY(1, 1, COLUMNS_SHAPES, 1, 0, 0, 1, 'a', 0, 0), 2);
    assert_refused_body(BODY(2, 1, COLUMNS_SHAPES, 1, 1, 0, 1, 'a', 0, 0), 4);
    assert_refused_body(BODY(1, 1, COLUMNS_SHAPES, 1, 1, 0, 1, 'a', 0, 2), 2);
    assert_refused_body(BODY(1, 1, COLUMNS_SHAPES, 1, 1, 65), 2);
    /* Hex of no bytes and of 65, a uuid of 15. */
    assert_refused_body(BODY(1, 1, COLUMNS_HEX, 0), 1);
    assert_refused_body(BODY(1, 1, COLUMNS_HEX, 65), 131);
    assert_refused_body(
        BODY(1, 1, COLUMNS_UUID, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 36);
}

static void columns_nested_without_end_are_refused(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf body = {0};
    assert_done(buf_append(&body, "\x01\x01", 2, &e), &e);
    for (unsigned i = 0; i < 100000; i++)
        assert_done(buf_append(&body, (const uint8_t[]){COLUMNS_EXCEPT, 0, 1, 0, 2}, 5, &e),
                    &e);
    assert_refused_body(buf_view(&body), MIB);
    buf_done(&body);
}

static void add(struct buf *b, struct bytes more)
{
    struct error e = {0};
    assert_done(buf_append(b, more.data, more.len, &e), &e);
}

/* A million rows of 64 empty fields each. */
static void fields_without_end_are_refused(void **state)
{
    (void)state;
    struct buf body = {0};
    add(&body, BODY(0x80, 0x80, 0x40, 1, COLUMNS_SHAPES, 1, 0x80, 0x80, 0x40, 64));
    for (unsigned i = 0; i <= 64; i++)
        add(&body, BODY(0));
    add(&body, BODY(0, 0));
    for (unsigned i = 0; i < 64; i++)
        add(&body, BODY(COLUMNS_CONSTANT, 0));
    assert_refused_body(buf_view(&body), MIB);
    buf_done(&body);
}

/* A constant of 1 MiB in a thousand rows, and a thousand entries of as much. */
static void long_values_many_times_are_refused(void **state)
{
    (void)state;
    struct buf body = {0};
    add(&body, BODY(0xe8, 0x07, 1, COLUMNS_CONSTANT, 0x80, 0x80, 0x40));
    made_row(&body, MIB, false, 1);
    assert_refused_body(buf_view(&body), MIB);
    body.len = 0;
    add(&body, BODY(0xe8, 0x07, 1, COLUMNS_DICTIONARY, 0xe8, 0x07, COLUMNS_CONSTANT, 0x80, 0x80,
                    0x40));
    made_row(&body, MIB, false, 1);
    add(&body, BODY(0, 0));
    assert_refused_body(buf_view(&body), MIB);
    buf_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_body_is_refused),
        cmocka_unit_test(another_length_of_text_is_refused),
        cmocka_unit_test(bent_bodies_do_no_harm),
        cmocka_unit_test(bytes_set_at_random_do_no_harm),
        cmocka_unit_test(hand_made_bodies_are_read_by_the_letter),
        cmocka_unit_test(numbers_that_their_form_does_not_have_are_refused),
        cmocka_unit_test(columns_that_do_not_add_up_are_refused),
        cmocka_unit_test(columns_nested_without_end_are_refused),
        cmocka_unit_test(fields_without_end_are_refused),
        cmocka_unit_test(long_values_many_times_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
