/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/base/digest.h"
#include "core/flow/seal.h"
#include "core/repo/pack.h"

#define RECORDS 5U

struct world {
    struct pack_keys keys;
    uint8_t envelopes[2 * ENVELOPE_LEN];
    struct pack *pack;
    struct closure_pack name;
    struct buf object; /* a copy that has no byte to spare */
};

static const char *const texts[RECORDS] = {"one", "a second chunk", "3", "the fourth", "fifth"};
static const uint8_t kinds[RECORDS] = {1, 2, 3, 4, 1};

static void fill(struct world *w)
{
    struct error e = {0};
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint32_t len = (uint32_t)strlen(texts[i]);
        struct ref ref = {.stored = len, .plain = len + i, .kind = kinds[i]};
        ref.codec = i ? FORMAT_CODEC_ZSTD : FORMAT_CODEC_RAW;
        memset(ref.chunk_id, (int)i + 1, sizeof ref.chunk_id);
        assert_done(pack_add(w->pack, &ref, bytes_text(texts[i]), &e), &e);
        assert_int_equal(ref.record, i);
    }
}

static int setup(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    struct bytes content;
    assert_non_null(w);
    memset(&w->keys, 5, sizeof w->keys);
    memset(w->keys.metadata.key, 6, SECRET_LEN);
    memset(w->keys.index.key, 7, SECRET_LEN);
    memset(w->envelopes, 0xee, sizeof w->envelopes);
    w->keys.envelopes = bytes_of(w->envelopes, sizeof w->envelopes);
    w->pack = pack_new(&w->keys, &e);
    assert_non_null(w->pack);
    assert_done(pack_begin(w->pack, &e), &e);
    fill(w);
    size_t wanted = pack_size(w->pack);
    assert_done(pack_seal(w->pack, &w->name, &content, &e), &e);
    assert_int_equal(content.len, wanted);
    assert_int_equal(content.len, w->name.object.size);
    w->object.data = malloc(content.len);
    assert_non_null(w->object.data);
    memcpy(w->object.data, content.data, content.len);
    w->object.len = w->object.cap = content.len;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    pack_free(w->pack);
    buf_done(&w->object);
    free(w);
    return 0;
}

static int note(void *arg, const struct ref *ref, struct error *e)
{
    uint32_t *n = arg;
    (void)e;
    assert_int_equal(ref->record, *n);
    assert_int_equal(ref->stored, strlen(texts[*n]));
    assert_int_equal(ref->plain, strlen(texts[*n]) + *n);
    assert_int_equal(ref->kind, kinds[*n]);
    ++*n;
    return 0;
}

static void records_and_index_come_back(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct pack_head head;
    uint32_t n = 0;
    assert_done(pack_head_read(buf_view(&w->object), &head, &e), &e);
    assert_int_equal(head.len, PACK_HEADER_LEN + sizeof w->envelopes);
    assert_memory_equal(head.pack_id, w->name.pack_id, FORMAT_ID_LEN);
    assert_memory_equal(head.backup_id, w->keys.backup_id, FORMAT_ID_LEN);
    assert_memory_equal(w->name.owner, w->keys.backup_id, FORMAT_ID_LEN);
    assert_true(bytes_equal(head.envelopes, w->keys.envelopes));
    struct pack_reader *r = pack_reader_new(&head, &w->keys.content, &w->keys.metadata, &e);
    assert_non_null(r);
    for (uint32_t i = 0; i < RECORDS; i++) {
        const struct ref *ref = pack_ref(w->pack, i);
        uint8_t out[32];
        struct bytes sealed =
            bytes_of(w->object.data + ref->offset, (size_t)ref->stored + SEAL_TAG_LEN);
        assert_done(pack_fetch(r, ref, sealed, out, &e), &e);
        assert_memory_equal(out, texts[i], ref->stored);
    }
    pack_reader_free(r);
    assert_done(pack_index(buf_view(&w->object), &w->keys.index, note, &n, &e), &e);
    assert_int_equal(n, RECORDS);
}

static void records_are_bound_to_all_that_is_said_of_them(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct pack_head head;
    uint8_t out[64];
    assert_done(pack_head_read(buf_view(&w->object), &head, &e), &e);
    struct pack_reader *r = pack_reader_new(&head, &w->keys.content, &w->keys.metadata, &e);
    struct pack_reader *auditor = pack_reader_new(&head, NULL, &w->keys.metadata, &e);
    assert_non_null(r);
    assert_non_null(auditor);
    const struct ref *good = pack_ref(w->pack, 1);
    struct bytes sealed =
        bytes_of(w->object.data + good->offset, (size_t)good->stored + SEAL_TAG_LEN);
    for (int i = 0; i < 6; i++) {
        struct ref bad = *good;
        bad.chunk_id[31] ^= i == 0;
        bad.record += i == 1;
        bad.plain += i == 2;
        bad.codec = i == 3 ? FORMAT_CODEC_RAW : bad.codec;
        bad.kind = i == 4 ? FORMAT_KIND_ROWS : bad.kind;
        bad.stored += i == 5;
        assert_refused(pack_fetch(r, &bad, sealed, out, &e), &e, ERROR_CORRUPT);
    }
    struct ref meta = *good;
    meta.kind = FORMAT_KIND_META; /* the other key */
    assert_refused(pack_fetch(r, &meta, sealed, out, &e), &e, ERROR_CORRUPT);
    assert_refused(pack_fetch(auditor, good, sealed, out, &e), &e, ERROR_KEY);
    const struct ref *open = pack_ref(w->pack, 2);
    assert_done(
        pack_fetch(auditor, open,
                   bytes_of(w->object.data + open->offset, (size_t)open->stored + SEAL_TAG_LEN),
                   out, &e),
        &e);
    pack_reader_free(r);
    pack_reader_free(auditor);
}

static int count(void *arg, const struct ref *ref, struct error *e)
{
    (void)ref;
    (void)e;
    ++*(uint32_t *)arg;
    return 0;
}

/* Every bit of header and records is covered by a record's seal or by the index's. */
static void every_flipped_bit_is_found(void **state)
{
    struct world *w = *state;
    for (size_t bit = 0; bit < 8 * w->object.len; bit++) {
        struct error e = {0};
        struct pack_head head;
        uint32_t n = 0;
        size_t bad = 0;
        w->object.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        bad += pack_index(buf_view(&w->object), &w->keys.index, count, &n, &e) < 0;
        struct pack_reader *r = NULL;
        if (pack_head_read(buf_view(&w->object), &head, &e) == 0)
            r = pack_reader_new(&head, &w->keys.content, &w->keys.metadata, &e);
        for (uint32_t i = 0; r && i < RECORDS; i++) {
            uint8_t out[64];
            const struct ref *ref = pack_ref(w->pack, i);
            bad += pack_fetch(r, ref,
                              bytes_of(w->object.data + ref->offset,
                                       (size_t)ref->stored + SEAL_TAG_LEN),
                              out, &e) < 0;
        }
        pack_reader_free(r);
        bool reserved = bit / 8 >= w->object.len - 16 && bit / 8 < w->object.len - 8;
        assert_true(bad > 0 || reserved);
        w->object.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void every_cut_is_found(void **state)
{
    struct world *w = *state;
    for (size_t len = 0; len < w->object.len; len++) {
        struct error e = {0};
        struct buf cut = {0};
        struct pack_head head;
        uint32_t n = 0;
        assert_int_equal(buf_append(&cut, w->object.data, len, &e), 0);
        assert_refused(pack_index(buf_view(&cut), &w->keys.index, count, &n, &e), &e,
                       ERROR_CORRUPT);
        int rc = pack_head_read(buf_view(&cut), &head, &e);
        assert_int_equal(rc, len < PACK_HEADER_LEN + sizeof w->envelopes ? -1 : 0);
        assert_int_equal(n, 0);
        buf_done(&cut);
    }
}

/* A footer needs no key to be written: where it points is checked before it is followed. */
static void footers_that_point_outside_are_refused(void **state)
{
    static const uint32_t counts[] = {
        0, 1, 4, 6, 7, 10, 100, 1000, 10000, 1u << 20, (1u << 20) + 1, 0x5555555, UINT32_MAX};
    struct world *w = *state;
    uint8_t *footer = w->object.data + w->object.len - PACK_FOOTER_LEN;
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        struct error e = {0};
        uint32_t n = 0;
        uint32_t len = counts[i] * PACK_INDEX_ROW_LEN + SEAL_TAG_LEN;
        buf_store_u32(footer + 8, len);
        buf_store_u32(footer + 12, counts[i]);
        /* Where a trailer of that length would begin, in front of all memory if need be. */
        buf_store_u64(footer, (uint64_t)w->object.len - PACK_FOOTER_LEN - len);
        assert_refused(pack_index(buf_view(&w->object), &w->keys.index, count, &n, &e), &e,
                       ERROR_CORRUPT);
    }
}

static void heads_are_checked(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct pack_head head;
    uint8_t *p = w->object.data;
    p[8] = 2;
    assert_refused(pack_head_read(buf_view(&w->object), &head, &e), &e, ERROR_UNSUPPORTED);
    p[8] = 1;
    p[9] = 1;
    assert_refused(pack_head_read(buf_view(&w->object), &head, &e), &e, ERROR_UNSUPPORTED);
    p[9] = 0;
    buf_store_u16(p + 12, FORMAT_MAX_ENVELOPES + 1);
    buf_store_u16(p + 10, (uint16_t)(PACK_HEADER_LEN + 65 * ENVELOPE_LEN));
    assert_refused(pack_head_read(buf_view(&w->object), &head, &e), &e, ERROR_CORRUPT);
    buf_store_u16(p + 12, FORMAT_MAX_ENVELOPES);
    buf_store_u16(p + 10, (uint16_t)PACK_HEAD_MAX);
    assert_refused(pack_head_read(buf_view(&w->object), &head, &e), &e, ERROR_CORRUPT);
}

static void a_pack_can_be_begun_again(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct bytes content;
    struct closure_pack name;
    uint32_t n = 0;
    assert_done(pack_begin(w->pack, &e), &e);
    assert_int_equal(pack_count(w->pack), 0);
    fill(w);
    assert_done(pack_seal(w->pack, &name, &content, &e), &e);
    assert_memory_not_equal(name.pack_id, w->name.pack_id, FORMAT_ID_LEN);
    assert_memory_not_equal(name.object.sha256, w->name.object.sha256, FORMAT_HASH_LEN);
    assert_done(pack_index(content, &w->keys.index, note, &n, &e), &e);
    /* Nobody else's key opens it. */
    assert_refused(pack_index(content, &w->keys.content, note, &n, &e), &e, ERROR_CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_and_index_come_back),
        TEST(records_are_bound_to_all_that_is_said_of_them),
        TEST(every_flipped_bit_is_found),
        TEST(every_cut_is_found),
        TEST(footers_that_point_outside_are_refused),
        TEST(heads_are_checked),
        TEST(a_pack_can_be_begun_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
