/* SPDX-License-Identifier: Apache-2.0 */
/* Row state files that are not what was written. */
#include "core/base/file.h"
#include "core/job/row_state_wire.h"
#include "tests/unit/job/row_state_samples.h"

enum { HEADER = ROW_STATE_WIRE_HEADER, FOOTER = ROW_STATE_WIRE_FOOTER };

static struct buf image;

static int make_image(void **state)
{
    if (make(state) < 0)
        return -1;
    image = (struct buf){0};
    assert_done(write_file(three, 3, 1), &e);
    assert_done(file_load(path, 1000000, &image, &e), &e);
    return 0;
}

static int clear_image(void **state)
{
    buf_done(&image);
    return clear(state);
}

static int parse(struct bytes raw, const struct row_state_id *as)
{
    struct row_state *s = NULL;
    int rc = row_state_parse(raw, as, &s, &e);
    if (rc == 0)
        row_state_close(s);
    return rc;
}

/* A bit for each thing that is refused, in the order of the file's body: the hashes of each
 * table, then the recipes of each. */
static unsigned refused(void)
{
    struct row_state *s = NULL;
    const uint8_t *hashes;
    unsigned bits = 0;
    unsigned bit = 1;
    assert_done(row_state_parse(buf_view(&image), &id, &s, &e), &e);
    for (size_t i = 0; i < 3; i++, bit <<= 1)
        if (row_state_hashes(s, row_state_table(s, i), &hashes, &e) != 0) {
            assert_int_equal(e.kind, ERROR_CORRUPT);
            bits |= bit;
        }
    for (size_t i = 0; i < 3; i++)
        for (uint32_t k = 0; k < three[i].recipes; k++, bit <<= 1) {
            struct row_state_recipe r = {0};
            if (row_state_recipe(s, row_state_table(s, i), k, &r, &e) != 0) {
                assert_int_equal(e.kind, ERROR_CORRUPT);
                assert_null(r.generations);
                bits |= bit;
            }
            row_state_recipe_done(&r);
        }
    row_state_close(s);
    return bits;
}

static size_t index_at(void)
{
    struct cursor c = cursor_of(bytes_of(image.data + image.len - FOOTER, 8));
    return (size_t)cursor_u64(&c);
}

static void each_damaged_byte_of_header_index_and_end_is_seen_at_the_opening(void **state)
{
    (void)state;
    for (size_t i = 0; i < image.len; i = i + 1 == HEADER ? index_at() : i + 1) {
        image.data[i] ^= 0x10;
        assert_refused(parse(buf_view(&image), &id), &e, ERROR_CORRUPT);
        image.data[i] ^= 0x10;
    }
    assert_done(parse(buf_view(&image), &id), &e);
}

static void each_damaged_byte_between_costs_one_tables_hashes_or_one_recipe(void **state)
{
    (void)state;
    const unsigned hashes = 90 * 12;
    unsigned seen = 0;
    unsigned last = 0;
    assert_int_equal(refused(), 0);
    for (size_t i = HEADER; i < index_at(); i++) {
        image.data[i] ^= 0x40;
        unsigned bits = refused();
        assert_true(bits > 0 && (bits & (bits - 1)) == 0);
        assert_true(bits >= last);
        if (i < HEADER + hashes)
            assert_int_equal(bits, 1);
        last = bits;
        seen |= bits;
        image.data[i] ^= 0x40;
    }
    /* The empty table has none of either. */
    assert_int_equal(seen, 1U | 4U | 8U | 16U | 32U | 64U);
}

static void a_damaged_block_far_into_the_hashes_is_seen(void **state)
{
    static const struct sample large = {"s", "t", "1", 200000, 1};
    (void)state;
    const uint8_t *hashes;
    struct row_state *s = NULL;
    assert_done(write_file(&large, 1, 1), &e);
    assert_done(file_load(path, 10000000, &image, &e), &e);
    assert_done(row_state_parse(buf_view(&image), &id, &s, &e), &e);
    const struct row_state_table *t = row_state_table(s, 0);
    const size_t places[] = {0, MIB - 1, MIB, 200000 * 12 - 1};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        image.data[HEADER + places[i]] ^= 1;
        assert_refused(row_state_hashes(s, t, &hashes, &e), &e, ERROR_CORRUPT);
        image.data[HEADER + places[i]] ^= 1;
        assert_done(row_state_hashes(s, t, &hashes, &e), &e);
    }
    row_state_close(s);
}

static void a_file_that_is_cut_or_goes_on_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < image.len; len++) {
        /* A copy of its own, so that a read behind it is seen. */
        uint8_t *copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy, image.data, len);
        assert_refused(parse(bytes_of(copy, len), &id), &e, ERROR_CORRUPT);
        assert_refused(parse(bytes_of(image.data + image.len - len, len), &id), &e,
                       ERROR_CORRUPT);
        free(copy);
    }
    assert_done(buf_byte(&image, 0, &e), &e);
    assert_refused(parse(buf_view(&image), &id), &e, ERROR_CORRUPT);
}

static void a_file_of_another_repository_domain_source_or_key_is_refused(void **state)
{
    (void)state;
    struct row_state_id other = id;
    other.repository_id[15] = 1;
    assert_refused(parse(buf_view(&image), &other), &e, ERROR_CORRUPT);
    other = id;
    other.domain_id[0] ^= 1;
    assert_refused(parse(buf_view(&image), &other), &e, ERROR_CORRUPT);
    other = id;
    other.source_mac[31] = 1;
    assert_refused(parse(buf_view(&image), &other), &e, ERROR_CORRUPT);
    other = id;
    other.key[15] = 1;
    assert_refused(parse(buf_view(&image), &other), &e, ERROR_CORRUPT);
    assert_done(parse(buf_view(&image), &id), &e);
}

/* ---- what has a right tag and is wrong all the same ---- */

static void seal(void)
{
    uint8_t key[ROW_HASH_KEY_LEN];
    size_t at = index_at();
    uint8_t *footer = image.data + image.len - FOOTER;
    row_state_wire_key(&id, key);
    row_state_wire_seal(key, bytes_of(image.data, HEADER),
                        bytes_of(image.data + at, image.len - FOOTER - at), footer,
                        footer + 16);
}

/* A file with this byte of the index, or of a number in it, is refused. */
static void assert_sealed_refused(size_t at, uint8_t byte)
{
    uint8_t was = image.data[at];
    assert_int_not_equal(was, byte);
    image.data[at] = byte;
    seal();
    assert_refused(parse(buf_view(&image), &id), &e, ERROR_CORRUPT);
    image.data[at] = was;
    seal();
    assert_done(parse(buf_view(&image), &id), &e);
}

static void numbers_that_point_out_of_the_file_are_refused(void **state)
{
    (void)state;
    struct row_state *s = NULL;
    assert_done(row_state_parse(buf_view(&image), &id, &s, &e), &e);
    const struct row_state_entry *n = &s->entries[0];
    size_t recipe = (size_t)(n->recipes.data - image.data);
    size_t tags = (size_t)(n->tags.data - image.data);
    size_t name = (size_t)((const uint8_t *)n->table.name - image.data);
    size_t digest = tags - 1 - FORMAT_HASH_LEN;
    row_state_close(s);
    assert_sealed_refused(8, ROW_STATE_WIRE_VERSION + 1); /* version */
    assert_sealed_refused(name + 6, 'x');                 /* the end of a text */
    assert_sealed_refused(name + 2, 0);                   /* a text with an end within */
    assert_sealed_refused(name - 1, 0x7f);                /* length of a text */
    assert_sealed_refused(digest - 5, 39);                /* fewer rows than recipes have */
    assert_sealed_refused(tags - 1, HEADER - 1);          /* hashes in the header */
    assert_sealed_refused(recipe - 1, 4);                 /* recipes */
    assert_sealed_refused(recipe + 2, 1);                 /* offset of a recipe */
    assert_sealed_refused(recipe + 10, 1);                /* its length */
    assert_sealed_refused(recipe + 12, 1);        /* the first one does not begin at row 0 */
    assert_sealed_refused(recipe + 36 + 12, 41);  /* rows go backwards */
    assert_sealed_refused(recipe + 72 + 12, 91);  /* behind the last row */
    assert_sealed_refused(image.len - FOOTER, 1); /* where the index is */
    assert_sealed_refused(image.len - FOOTER + 8, 1); /* how long */
    assert_sealed_refused(image.len - 1, 'x');
}

static void a_recipe_that_has_not_the_rows_of_its_place_is_refused(void **state)
{
    (void)state;
    struct row_state *s = NULL;
    struct row_state_recipe r = {0};
    assert_done(row_state_parse(buf_view(&image), &id, &s, &e), &e);
    size_t recipe = (size_t)(s->entries[0].recipes.data - image.data);
    row_state_close(s);
    image.data[recipe + 36 + 12] = 11;
    seal();
    assert_done(row_state_parse(buf_view(&image), &id, &s, &e), &e);
    for (uint32_t i = 0; i < 2; i++) {
        assert_refused(row_state_recipe(s, row_state_table(s, 0), i, &r, &e), &e,
                       ERROR_CORRUPT);
        assert_null(r.generations);
    }
    assert_done(row_state_recipe(s, row_state_table(s, 0), 2, &r, &e), &e);
    row_state_recipe_done(&r);
    row_state_close(s);
}

static void the_opening_names_the_file_and_a_refusal_the_table(void **state)
{
    (void)state;
    const uint8_t *hashes;
    struct row_state *s = NULL;
    image.data[HEADER] ^= 1;
    assert_done(row_state_parse(buf_view(&image), &id, &s, &e), &e);
    assert_refused(row_state_hashes(s, row_state_table(s, 0), &hashes, &e), &e, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, "public.orders"));
    row_state_close(s);
    image.data[0] ^= 1;
    assert_done(file_replace(path, buf_view(&image), 0600, &e), &e);
    assert_refused(row_state_open(path, &id, &s, &e), &e, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, path));
}

#define WITH_IMAGE(test) cmocka_unit_test_setup_teardown(test, make_image, clear_image)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_IMAGE(each_damaged_byte_of_header_index_and_end_is_seen_at_the_opening),
        WITH_IMAGE(each_damaged_byte_between_costs_one_tables_hashes_or_one_recipe),
        WITH_IMAGE(a_damaged_block_far_into_the_hashes_is_seen),
        WITH_IMAGE(a_file_that_is_cut_or_goes_on_is_refused),
        WITH_IMAGE(a_file_of_another_repository_domain_source_or_key_is_refused),
        WITH_IMAGE(numbers_that_point_out_of_the_file_are_refused),
        WITH_IMAGE(a_recipe_that_has_not_the_rows_of_its_place_is_refused),
        WITH_IMAGE(the_opening_names_the_file_and_a_refusal_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
