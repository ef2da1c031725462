/* SPDX-License-Identifier: Apache-2.0 */
/* The reader against headers and TOCs that no pg_dump writes: each is refused in words that
 * name what is wrong. */
#include "tests/support/dump_verdict.h"

#define MINOR 16

static void refuse_entry(const struct archive_entry *n, const char *words)
{
    struct buf b = archive_with_toc(MINOR, n, 1);
    refuse(&b, words);
}

static void refuse_bytes(const void *data, size_t len, const char *words)
{
    struct buf b = {0};
    archive_bytes(&b, data, len);
    refuse(&b, words);
}

#define REFUSE_TEXT(text, words) refuse_bytes((text), sizeof(text) - 1, (words))

static void a_sound_archive_of_each_version_is_read(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {archive_schema, archive_data};
    for (unsigned minor = 10; minor <= 16; minor++) {
        struct buf b = archive_with_toc(minor, entries, 2);
        archive_table(&b, 7);
        accept(&b, 0);
    }
}

static void what_is_no_archive_is_named(void **state)
{
    (void)state;
    REFUSE_TEXT("", "the input is empty");
    REFUSE_TEXT("--\n-- PostgreSQL database dump\n--\n\n", "a plain SQL dump");
    REFUSE_TEXT("--\n-- PostgreSQL database dump\n--\n\n", "\nhint: make the dump with");
    REFUSE_TEXT("--\n-- PostgreSQL database cluster dump\n--\n", "pg_dumpall");
    REFUSE_TEXT("\x1f\x8b\x08\0\0\0\0\0", "compressed by gzip");
    REFUSE_TEXT("\x28\xb5\x2f\xfd\x24", "compressed by zstd");
    REFUSE_TEXT("\xfd\x37zXZ\0\0\4", "compressed by xz");
    REFUSE_TEXT("toc.dat\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "tar format");
    REFUSE_TEXT("hello", "begins with \"hello\"");
    REFUSE_TEXT("PGDMX and more", "begins with \"PGDMX and more\"");
    REFUSE_TEXT("PGDM", "cut at byte 4");
}

static void patched_head(size_t at, uint8_t value, const char *words)
{
    struct buf b = archive_with_toc(MINOR, &archive_schema, 1);
    b.data[at] = value;
    refuse(&b, words);
}

static void a_wrong_head_is_refused(void **state)
{
    (void)state;
    patched_head(5, 2, "archive version 2.16");
    patched_head(6, 9, "archive version 1.9");
    patched_head(8, 0, "ints of 0");
    patched_head(8, 8, "ints of 8");
    patched_head(9, 4, "offsets of 4");
    patched_head(10, 3, "tar or directory");
    patched_head(10, 5, "tar or directory");
    patched_head(10, 4, "format 4");
    patched_head(11, 4, "header (compression)");
    patched_head(12, 2, "header (seconds)");
    patched_head(12 + 35, 1, "header (database)");
    patched_head(12 + 35 + 3, 1, "header (database)");
    patched_head(12 + 35 + 5, 0, "zero byte");
}

static void a_wrong_level_of_an_old_archive_is_refused(void **state)
{
    (void)state;
    struct buf b = {0};
    archive_header(&b, 14, 10);
    refuse(&b, "level is not");
}

static void a_newer_minor_version_is_left_to_others(void **state)
{
    (void)state;
    struct buf b = archive_with_toc(17, &archive_schema, 1);
    for (size_t split = 0; split < 12; split++) {
        struct error e = {0};
        assert_int_equal(dump_walk_quick(buf_view(&b), split, NULL, &e), DUMP_READER_NEWER);
    }
    struct dump_reader *r = dump_reader_new(NULL, NULL);
    struct dump_event ev;
    struct bytes whole = buf_view(&b);
    assert_int_equal(dump_reader_step(r, &whole, false, &ev, NULL), DUMP_READER_NEWER);
    assert_int_equal(whole.len, b.len);
    assert_int_equal(dump_reader_head(r).len, 0);
    dump_reader_free(r);

    r = dump_reader_new(NULL, NULL);
    struct bytes first = bytes_of(b.data, 6);
    struct bytes rest = bytes_of(b.data + 6, b.len - 6);
    assert_int_equal(dump_reader_step(r, &first, false, &ev, NULL), DUMP_READER_NEED);
    assert_int_equal(dump_reader_step(r, &rest, false, &ev, NULL), DUMP_READER_NEWER);
    assert_true(bytes_equal(dump_reader_head(r), bytes_of(b.data, 6)));
    assert_int_equal(rest.len, b.len - 6);
    dump_reader_free(r);
    buf_done(&b);
}

static struct buf with_count(int64_t count)
{
    struct buf b = {0};
    archive_header(&b, MINOR, 0);
    archive_int(&b, count);
    return b;
}

static void a_wrong_entry_count_is_refused(void **state)
{
    (void)state;
    struct buf b = with_count(-5);
    refuse(&b, "TOC (entry count): -5");
    b = with_count(10000001);
    refuse(&b, "10000001, expected 0 to 10000000");
    b = with_count(0);
    b.data[b.len - 5] = 1;
    refuse(&b, "no number: sign byte 1, magnitude 0");
    b = with_count(1);
    b.data[b.len - 5] = 7;
    refuse(&b, "sign byte 7");
    b = with_count(4294967295);
    refuse(&b, "magnitude 4294967295");
    b = with_count(0);
    accept(&b, 0);
}

#define REFUSE_FIELD(base, field, value, words)                                                \
    do {                                                                                       \
        struct archive_entry changed = (base);                                                 \
        changed.field = (value);                                                               \
        refuse_entry(&changed, (words));                                                       \
    } while (0)

static void a_wrong_number_in_an_entry_is_refused(void **state)
{
    (void)state;
    REFUSE_FIELD(archive_schema, dump_id, 0, "(dump id): 0");
    REFUSE_FIELD(archive_schema, dump_id, -3, "(dump id): -3");
    REFUSE_FIELD(archive_schema, dump_id, 2147483648, "(dump id): no number");
    REFUSE_FIELD(archive_schema, has_data, 2, "(data flag): 2");
    REFUSE_FIELD(archive_schema, section, -1, "(section): -1");
    REFUSE_FIELD(archive_schema, relkind, 256, "(relkind): 256");
    REFUSE_FIELD(archive_schema, offset_state, 0, "(offset): state 0");
    REFUSE_FIELD(archive_schema, offset_state, 4, "(offset): state 4");
    REFUSE_FIELD(archive_schema, offset_state, 1, "state 1, but the data flag is 0");
    REFUSE_FIELD(archive_data, offset_state, 3, "state 3, but the data flag is 1");
    REFUSE_FIELD(archive_schema, dependencies[1], "x1", "(dependencies): byte 0x78");
    REFUSE_FIELD(archive_schema, dependencies[1], "", "number of 0 digits");
    REFUSE_FIELD(archive_schema, dependencies[1], "12345678901", "number of 11 digits");
    REFUSE_FIELD(archive_schema, dependencies[1], "2147483648", "id 2147483648");
}

static void a_missing_text_is_refused_where_one_is_required(void **state)
{
    (void)state;
    REFUSE_FIELD(archive_schema, table_oid, NULL, "(catalog oid): no value");
    REFUSE_FIELD(archive_schema, oid, NULL, "(oid): no value");
    REFUSE_FIELD(archive_schema, tag, NULL, "(tag): no value");
    REFUSE_FIELD(archive_schema, desc, NULL, "(kind): no value");
    REFUSE_FIELD(archive_schema, with_oids, NULL, "(oids flag): no value");
    struct archive_entry plain = archive_schema;
    plain.owner = NULL; /* as pg_dump writes ENCODING and its like */
    struct buf b = archive_with_toc(MINOR, &plain, 1);
    accept(&b, 0);
}

/* The length of the first entry's tag becomes len. */
static struct buf with_tag_len(int64_t len)
{
    struct buf b = archive_with_toc(MINOR, &archive_schema, 1);
    uint8_t *tag = memmem(b.data, b.len, "\0\1\0\0\0t", 6);
    assert_non_null(tag);
    tag[0] = len < 0;
    buf_store_u32(tag + 1, (uint32_t)(len < 0 ? -len : len));
    return b;
}

static void a_wrong_text_length_is_refused_before_memory_is_asked_for(void **state)
{
    (void)state;
    struct buf b = with_tag_len(-2);
    refuse(&b, "(tag): text of -2 bytes");
    b = with_tag_len(2147483647);
    refuse(&b, "(tag): text of 2147483647 bytes");
    b = with_tag_len(65537);
    refuse(&b, "(tag): text of 65537 bytes");
    b = with_tag_len(65536);
    refuse(&b, "cut at byte");
    b = archive_with_toc(MINOR, &archive_schema, 1);
    uint8_t *defn = memmem(b.data, b.len, "CREATE", 6);
    assert_non_null(defn);
    buf_store_u32(defn - 4, 1 << 30);
    refuse(&b, "(definition): text of 1073741824 bytes");
    b = archive_with_toc(MINOR, &archive_schema, 1);
    buf_store_u32((uint8_t *)memmem(b.data, b.len, "CREATE", 6) - 4, (1 << 30) - 1);
    refuse(&b, "cut at byte");
}

static void a_zero_byte_in_a_text_is_refused(void **state)
{
    (void)state;
    struct buf b = archive_with_toc(MINOR, &archive_schema, 1);
    ((uint8_t *)memmem(b.data, b.len, "CREATE", 6))[2] = 0;
    refuse(&b, "(definition): text holds a zero byte");
}

static void a_doubled_dump_id_is_refused(void **state)
{
    (void)state;
    const struct archive_entry entries[] = {archive_schema, archive_with_id(&archive_data, 9)};
    struct buf b = archive_with_toc(MINOR, entries, 2);
    refuse(&b, "dump id 9 is there a second time");
}

static void the_limits_hold(void **state)
{
    (void)state;
    struct dump_limits limits = {.toc_bytes = 100, .entries = 10, .dependencies = 10};
    struct buf b = archive_with_toc(MINOR, &archive_schema, 1);
    refuse_with(&b, &limits, "above its limit of 100 bytes");
    limits = (struct dump_limits){.toc_bytes = 1000, .entries = 1, .dependencies = 1};
    b = archive_with_toc(MINOR, &archive_schema, 1);
    refuse_with(&b, &limits, "(dependencies): above the limit of 1");
    b = with_count(2);
    refuse_with(&b, &limits, "2, expected 0 to 1");
}

static void dependencies_are_handed_out(void **state)
{
    (void)state;
    struct buf b = archive_with_toc(MINOR, &archive_schema, 1);
    struct dump_reader *r = dump_reader_new(NULL, NULL);
    struct bytes in = buf_view(&b);
    struct dump_event ev = {.type = DUMP_RAW};
    while (ev.type != DUMP_ENTRY)
        assert_int_equal(dump_reader_step(r, &in, true, &ev, NULL), 0);
    struct bytes left = ev.entry->dependencies;
    uint32_t id;
    assert_true(dump_reader_dependency(&left, &id));
    assert_int_equal(id, 2);
    assert_true(dump_reader_dependency(&left, &id));
    assert_int_equal(id, 2147483647);
    assert_false(dump_reader_dependency(&left, &id));
    dump_reader_free(r);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_archive_of_each_version_is_read),
        cmocka_unit_test(what_is_no_archive_is_named),
        cmocka_unit_test(a_wrong_head_is_refused),
        cmocka_unit_test(a_wrong_level_of_an_old_archive_is_refused),
        cmocka_unit_test(a_newer_minor_version_is_left_to_others),
        cmocka_unit_test(a_wrong_entry_count_is_refused),
        cmocka_unit_test(a_wrong_number_in_an_entry_is_refused),
        cmocka_unit_test(a_missing_text_is_refused_where_one_is_required),
        cmocka_unit_test(a_wrong_text_length_is_refused_before_memory_is_asked_for),
        cmocka_unit_test(a_zero_byte_in_a_text_is_refused),
        cmocka_unit_test(a_doubled_dump_id_is_refused),
        cmocka_unit_test(the_limits_hold),
        cmocka_unit_test(dependencies_are_handed_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
