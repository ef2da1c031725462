/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/repo/ref.h"

static struct ref sound(void)
{
    struct ref r = {.record = 7,
                    .offset = 1000,
                    .stored = 50,
                    .plain = 70,
                    .codec = FORMAT_CODEC_ZSTD,
                    .kind = FORMAT_KIND_ROWS};
    memset(r.chunk_id, 0xab, sizeof r.chunk_id);
    memset(r.pack_id, 0xcd, sizeof r.pack_id);
    return r;
}

static void a_reference_is_68_bytes_and_comes_back(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = {0};
    struct ref r = sound();
    struct ref back;
    assert_done(ref_write(&b, &r, &e), &e);
    assert_int_equal(b.len, REF_LEN);
    assert_memory_equal(b.data + 48, "\7\0\0\0\350\3\0\0\62\0\0\0\106\0\0\0\1\1\0\0", 20);
    struct cursor c = cursor_of(buf_view(&b));
    assert_true(ref_read(&c, &back));
    assert_true(cursor_ended(&c));
    assert_memory_equal(back.chunk_id, r.chunk_id, sizeof r.chunk_id);
    assert_memory_equal(back.pack_id, r.pack_id, sizeof r.pack_id);
    assert_int_equal(back.record, 7);
    assert_int_equal(back.offset, 1000);
    assert_int_equal(back.stored, 50);
    assert_int_equal(back.plain, 70);
    for (size_t len = 0; len < b.len; len++) {
        c = cursor_of(bytes_of(b.data, len));
        assert_false(ref_read(&c, &back));
    }
    buf_done(&b);
}

static void what_the_format_forbids_is_refused(void **state)
{
    struct ref bad[16];
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        bad[i] = sound();
    bad[n++].plain = 0;
    bad[n++].plain = 49; /* below stored */
    bad[n++].plain = FORMAT_MAX_CHUNK + 1;
    bad[n++].plain = UINT32_MAX;
    bad[n++].stored = 0;
    bad[n++].stored = 71;
    bad[n++].codec = FORMAT_CODEC_RAW; /* 50 of 70 bytes */
    bad[n++].kind = 0;
    bad[n++].kind = 5;
    bad[n++].record = FORMAT_MAX_RECORDS;
    bad[n++].offset = FORMAT_MAX_PACK - 65;
    bad[n++].offset = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        struct error e = {0};
        struct buf b = {0};
        struct ref back;
        assert_false(ref_allowed(&bad[i]));
        assert_done(ref_write(&b, &bad[i], &e), &e);
        struct cursor c = cursor_of(buf_view(&b));
        assert_false(ref_read(&c, &back));
        buf_done(&b);
    }
    struct ref good = sound();
    good.offset = FORMAT_MAX_PACK - 66;
    assert_true(ref_allowed(&good));
    good.plain = FORMAT_MAX_CHUNK;
    good.record = FORMAT_MAX_RECORDS - 1;
    assert_true(ref_allowed(&good));
}

static void pack_names_come_back(void **state)
{
    (void)state;
    struct ref_object o = {.size = 9};
    struct ref_object back;
    char name[FORMAT_NAME_MAX];
    for (size_t i = 0; i < FORMAT_HASH_LEN; i++)
        o.sha256[i] = (uint8_t)(i * 8);
    memcpy(o.suffix, "\1\2\377\0", 4);
    ref_pack_name(name, &o);
    assert_string_equal(name, "packs/00/0008101820283038404850586068707880889098a0a8b0b8c0c8d0"
                              "d8e0e8f0f8-0102ff00");
    assert_true(ref_pack_parse(name, &back));
    assert_memory_equal(back.sha256, o.sha256, FORMAT_HASH_LEN);
    assert_memory_equal(back.suffix, o.suffix, FORMAT_SUFFIX_LEN);
    assert_int_equal(back.size, 0);
}

static void every_other_name_is_no_packs(void **state)
{
    (void)state;
    struct ref_object o = {.size = 0};
    struct ref_object back;
    char name[FORMAT_NAME_MAX];
    static const char *const others[] = {"", "packs/", "config", "packs/00/", "backups/00"};
    ref_pack_name(name, &o);
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        char whole = name[i];
        for (int c = 1; c < 256; c++) {
            bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
            name[i] = (char)c;
            bool pack = c == whole || (hex && i >= 11 && i != 73);
            assert_int_equal(ref_pack_parse(name, &back), pack);
        }
        name[i] = '\0';
        assert_false(ref_pack_parse(name, &back));
        name[i] = whole;
    }
    name[len] = '0';
    name[len + 1] = '\0';
    assert_false(ref_pack_parse(name, &back));
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_false(ref_pack_parse(others[i], &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_is_68_bytes_and_comes_back),
        cmocka_unit_test(what_the_format_forbids_is_refused),
        cmocka_unit_test(pack_names_come_back),
        cmocka_unit_test(every_other_name_is_no_packs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
