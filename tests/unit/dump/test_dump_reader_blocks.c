/* SPDX-License-Identifier: Apache-2.0 */
/* The reader against data blocks and tails that no pg_dump writes: refused in words that name
 * what is wrong, or taken with a warning where the rules say so. */
#include "tests/support/dump_verdict.h"

#define MINOR 16

static void oddities_are_warned_of_and_kept(void **state)
{
    (void)state;
    struct archive_entry odd = archive_schema;
    odd.section = 9;
    struct buf b = archive_with_toc(MINOR, &odd, 1);
    accept(&b, 1);
    odd = archive_data;
    odd.desc = "NEW DATA";
    b = archive_with_toc(MINOR, &odd, 1);
    archive_table(&b, 7);
    accept(&b, 1);
}

static void blocks_out_of_order_are_taken_with_a_warning(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {archive_data, archive_with_id(&archive_data, 30),
                                            archive_with_id(&archive_data, 20)};
    struct buf b = archive_with_toc(MINOR, entries, 3);
    archive_table(&b, 20);
    archive_table(&b, 7);
    archive_table(&b, 30);
    struct dump_walk w = {0};
    struct error e = {0};
    assert_int_equal(dump_walk(&w, buf_view(&b), 0, &e), 0);
    assert_int_equal(w.warnings, 1);
    assert_non_null(memmem(w.log.data, w.log.len, "block 2 20 0\n", 13));
    assert_non_null(memmem(w.log.data, w.log.len, "block 0 7 0\n", 12));
    dump_walk_done(&w);
    buf_done(&b);
}

static struct buf with_block(uint8_t type, int64_t dump_id)
{
    const struct archive_entry entries[] = {archive_schema, archive_data,
                                            archive_with_id(&archive_data, 8)};
    struct buf b = archive_with_toc(MINOR, entries, 3);
    archive_table(&b, 7);
    archive_block(&b, type, dump_id);
    return b;
}

static void a_wrong_block_head_is_refused(void **state)
{
    (void)state;
    struct buf b = with_block(1, 7);
    refuse(&b, "dump id 7: it is there a second time");
    b = with_block(1, 9);
    refuse(&b, "dump id 9: no TOC entry with data");
    b = with_block(1, 77);
    refuse(&b, "dump id 77: no TOC entry with data");
    b = with_block(3, 8);
    refuse(&b, "dump id 8: type 3, expected 1");
    b = with_block(2, 8);
    refuse(&b, "data block type 2");
    b = with_block(1, 0);
    refuse(&b, "without a dump id");
    b = with_block(1, -8);
    refuse(&b, "without a dump id");
}

static void a_missing_block_is_a_cut(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {archive_data, archive_with_id(&archive_data, 8)};
    struct buf b = archive_with_toc(MINOR, entries, 2);
    archive_table(&b, 7);
    refuse(&b, "data block 2 of 2 (1 missing)");
}

static struct buf with_piece_len(int64_t len)
{
    struct buf b = archive_with_toc(MINOR, &archive_data, 1);
    archive_block(&b, 1, 7);
    archive_int(&b, len);
    return b;
}

static void a_wrong_piece_length_is_refused(void **state)
{
    (void)state;
    struct buf b = with_piece_len(-1);
    refuse(&b, "piece length is not");
    b = with_piece_len(2147483648);
    refuse(&b, "piece length is not");
    b = with_piece_len(0);
    b.data[b.len - 5] = 1;
    refuse(&b, "piece length is not");
    b = with_piece_len(2147483647);
    refuse(&b, "cut at byte");
}

static void a_position_must_be_where_the_block_is(void **state)
{
    (void)state;
    struct archive_entry n = archive_data;
    n.offset_state = 2;
    struct buf b = archive_with_toc(MINOR, &n, 1);
    n.offset = b.len;
    buf_done(&b);

    b = archive_with_toc(MINOR, &n, 1);
    archive_table(&b, 7);
    accept(&b, 0);
    n.offset++;
    b = archive_with_toc(MINOR, &n, 1);
    archive_table(&b, 7);
    refuse(&b, "but the TOC says");
    n.offset -= 2;
    b = archive_with_toc(MINOR, &n, 1);
    archive_table(&b, 7);
    refuse(&b, "expected at least the end of the TOC");
}

static struct buf with_objects(const int64_t *oids, size_t count)
{
    struct buf b = archive_with_toc(MINOR, &archive_objects, 1);
    archive_block(&b, 3, 5);
    for (size_t i = 0; i < count; i++) {
        archive_int(&b, oids[i]);
        archive_piece(&b, "x");
        archive_int(&b, 0);
    }
    archive_int(&b, 0);
    return b;
}

static void large_object_oids_are_unsigned(void **state)
{
    (void)state;
    const int64_t oids[] = {1, 2147483647, -2147483648, -1};
    struct buf b = with_objects(oids, ARRAY_SIZE(oids));
    struct dump_walk w = {0};
    struct error e = {0};
    assert_int_equal(dump_walk(&w, buf_view(&b), 0, &e), 0);
    assert_int_equal(w.streams[2].oid, 2147483648);
    assert_int_equal(w.streams[3].oid, 4294967295);
    dump_walk_done(&w);
    accept(&b, 0);
}

static void wrong_large_objects_are_refused(void **state)
{
    (void)state;
    const int64_t twice[] = {5, 6, 5};
    struct buf b = with_objects(twice, 3);
    refuse(&b, "large object 5");
    const int64_t above[] = {2147483648};
    b = with_objects(above, 1);
    refuse(&b, "no large object's oid");
    b = archive_with_toc(MINOR, &archive_objects, 1);
    archive_block(&b, 1, 5);
    refuse(&b, "type 1, expected 3");
}

static void trailing_data_is_refused(void **state)
{
    (void)state;
    for (unsigned minor = 14; minor <= 16; minor++) {
        struct buf b = archive_with_toc(minor, &archive_data, 1);
        archive_table(&b, 7);
        archive_bytes(&b, "x", 1);
        refuse(&b, "trailing data behind the last");
    }
}

/* Statistics in the middle, as pg_dump 18 --statistics has them. */
static struct buf with_tail(struct archive_entry *entries, size_t count)
{
    struct buf b = archive_with_toc(MINOR, entries, count);
    uint64_t at = b.len;
    archive_table(&b, 7);
    archive_int(&b, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        struct archive_entry n = entries[i];
        if (n.has_data) {
            n.offset_state = 2;
            n.offset = at;
        }
        archive_entry(&b, MINOR, &n, strstr(n.desc, "STATISTICS DATA") != NULL);
    }
    return b;
}

static struct buf with_statistics(void)
{
    struct archive_entry statistics = archive_schema;
    statistics.dump_id = 11;
    statistics.desc = "STATISTICS DATA";
    struct archive_entry extended = statistics;
    extended.dump_id = 12;
    extended.desc = "EXTENDED STATISTICS DATA";
    struct archive_entry entries[] = {archive_schema, archive_data, statistics, extended};
    return with_tail(entries, ARRAY_SIZE(entries));
}

static void a_second_toc_without_statistics_is_taken(void **state)
{
    (void)state;
    struct buf b = with_statistics();
    accept(&b, 0);
}

/* The last place of `what` in b. */
static uint8_t *last_of(struct buf *b, const char *what)
{
    size_t len = strlen(what);
    size_t at = b->len - len;
    while (at > 0 && memcmp(b->data + at, what, len) != 0)
        at--;
    assert_int_not_equal(at, 0);
    return b->data + at;
}

static void a_second_toc_that_differs_is_trailing_data(void **state)
{
    (void)state;
    struct buf b = with_statistics();
    *last_of(&b, "CREATE") = 'c';
    refuse(&b, "not the TOC again: byte");
    b = with_statistics();
    last_of(&b, "COPY public")[-4]++;
    refuse(&b, "trailing data");
    b = with_statistics();
    archive_bytes(&b, "x", 1);
    refuse(&b, "trailing data behind the second TOC");

    /* The statistics of the second TOC have their definitions after all. */
    struct archive_entry statistics = archive_with_id(&archive_schema, 11);
    statistics.desc = "STATISTICS DATA";
    b = archive_with_toc(MINOR, &statistics, 1);
    archive_int(&b, 1);
    archive_entry(&b, MINOR, &statistics, false);
    refuse(&b, "trailing data");
}

static void a_second_toc_with_a_wrong_position_is_refused(void **state)
{
    (void)state;
    struct archive_entry entries[] = {archive_schema, archive_data};
    struct buf b = with_tail(entries, 2);
    b.data[b.len - 8]++;
    refuse(&b, "second TOC entry 2: dump id 7 at byte");
    b = with_tail(entries, 2);
    b.data[b.len - 9] = 1;
    refuse(&b, "second TOC entry 2");
}

static void a_cut_second_toc_is_a_cut(void **state)
{
    (void)state;
    struct buf whole = with_statistics();
    for (size_t less = 1; less < 200; less++) {
        struct buf b = {0};
        archive_bytes(&b, whole.data, whole.len - less);
        refuse(&b, "in second TOC entry");
    }
    buf_done(&whole);
}

static void many_ids_and_objects_are_held(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    struct buf b = {0};
    archive_header(&b, MINOR, 0);
    archive_int(&b, MANY + 1);
    for (int i = 0; i < MANY; i++) {
        struct archive_entry n =
            archive_with_id(&archive_schema, 1 + (int64_t)i * 65536 % 2147483647);
        archive_entry(&b, MINOR, &n, false);
    }
    struct archive_entry objects = archive_with_id(&archive_objects, 3);
    archive_entry(&b, MINOR, &objects, false);
    archive_block(&b, 3, 3);
    for (int i = 1; i <= MANY; i++) {
        archive_int(&b, i);
        archive_int(&b, 0);
    }
    archive_int(&b, 0);
    struct error e = {0};
    if (dump_walk_quick(buf_view(&b), 0, NULL, &e) != 0)
        fail_msg("%s", e.text);
    b.len -= 5;
    archive_int(&b, MANY / 2);
    refuse(&b, "its oid is there a second time");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oddities_are_warned_of_and_kept),
        cmocka_unit_test(blocks_out_of_order_are_taken_with_a_warning),
        cmocka_unit_test(a_wrong_block_head_is_refused),
        cmocka_unit_test(a_missing_block_is_a_cut),
        cmocka_unit_test(a_wrong_piece_length_is_refused),
        cmocka_unit_test(a_position_must_be_where_the_block_is),
        cmocka_unit_test(large_object_oids_are_unsigned),
        cmocka_unit_test(wrong_large_objects_are_refused),
        cmocka_unit_test(trailing_data_is_refused),
        cmocka_unit_test(a_second_toc_without_statistics_is_taken),
        cmocka_unit_test(a_second_toc_that_differs_is_trailing_data),
        cmocka_unit_test(a_second_toc_with_a_wrong_position_is_refused),
        cmocka_unit_test(a_cut_second_toc_is_a_cut),
        cmocka_unit_test(many_ids_and_objects_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
