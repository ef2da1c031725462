/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/base/digest.h"
#include "core/repo/bundle.h"
#include "core/repo/tlv.h"

static struct bundle made(bool keeper)
{
    struct error e = {0};
    const struct secret seed = {{3}};
    struct bundle b = {.flags = FORMAT_HOST_WRITER,
                       .psk_epoch = 5,
                       .reader_count = BUNDLE_MAX_READERS,
                       .has_keeper_key = keeper,
                       .keeper_epoch = keeper ? 6 : 0};
    memset(b.repository_id, 1, FORMAT_ID_LEN);
    memset(b.host_id, 2, FORMAT_ID_LEN);
    memset(b.admin_public, 3, sizeof b.admin_public);
    memset(&b.domain, 4, sizeof b.domain);
    memset(b.psk.key, 5, SECRET_LEN);
    if (keeper)
        memset(b.keeper_key.key, 6, SECRET_LEN);
    for (uint8_t i = 0; i < BUNDLE_MAX_READERS; i++) {
        memset(b.readers[i].public_key, 100 + i, 32);
        b.readers[i].epoch = i;
        b.readers[i].scope = FORMAT_SCOPE_METADATA;
    }
    assert_done(statement_signer_init(&b.signer, &seed, &e), &e);
    return b;
}

static struct buf written(bool keeper)
{
    struct error e = {0};
    struct bundle b = made(keeper);
    struct buf out = {0};
    assert_done(bundle_write(&b, &out, &e), &e);
    return out;
}

static void a_bundle_comes_back(void **state)
{
    (void)state;
    for (int keeper = 0; keeper < 2; keeper++) {
        struct error e = {0};
        struct bundle b = made(keeper);
        struct bundle back;
        struct buf out = written(keeper);
        assert_done(bundle_read(buf_view(&out), &back, &e), &e);
        assert_memory_equal(&back.signer, &b.signer, sizeof b.signer);
        assert_memory_equal(&back.domain, &b.domain, sizeof b.domain);
        assert_memory_equal(back.readers, b.readers, sizeof b.readers);
        assert_memory_equal(back.psk.key, b.psk.key, SECRET_LEN);
        assert_int_equal(back.psk_epoch, 5);
        assert_int_equal(back.has_keeper_key, keeper);
        assert_int_equal(back.keeper_epoch, b.keeper_epoch);
        assert_memory_equal(back.keeper_key.key, b.keeper_key.key, SECRET_LEN);
        assert_memory_equal(back.admin_public, b.admin_public, 32);
        assert_int_equal(back.flags, FORMAT_HOST_WRITER);
        /* Nothing of it was moved, and so left behind, on the way. */
        assert_true(out.cap >= 4 * KIB);
        buf_done(&out);
    }
}

static void every_flip_and_cut_is_a_key_error(void **state)
{
    (void)state;
    static const struct bundle empty;
    struct buf out = written(true);
    for (size_t at = 0; at < out.len; at++) {
        struct error e = {0};
        struct bundle back;
        out.data[at] ^= (uint8_t)(1 << at % 8);
        assert_refused(bundle_read(buf_view(&out), &back, &e), &e, ERROR_KEY);
        assert_memory_equal(&back, &empty, sizeof empty);
        out.data[at] ^= (uint8_t)(1 << at % 8);
        assert_refused(bundle_read(bytes_of(out.data, at), &back, &e), &e, ERROR_KEY);
    }
    buf_done(&out);
}

/* The body of a sound bundle, some fields changed, with a sound checksum. */
static int read_changed(uint64_t leave_out, uint64_t add, struct bytes value, struct error *e)
{
    static const struct bundle empty;
    struct buf good = written(true);
    struct buf b = {0};
    struct bundle back;
    struct tlv t;
    uint8_t sum[DIGEST_LEN];
    struct tlv_reader r = tlv_reader_of(bytes_of(good.data + 12, good.len - 12 - DIGEST_LEN));
    assert_done(buf_append(&b, good.data, 12, e), e);
    while (tlv_next(&r, &t))
        if (t.tag != leave_out)
            assert_done(tlv_put(&b, t.tag, t.value, e), e);
    if (add != 0)
        assert_done(tlv_put(&b, add, value, e), e);
    buf_store_u32(b.data + 8, (uint32_t)(b.len - 12));
    assert_done(digest_sha256(buf_view(&b), sum, e), e);
    assert_done(buf_append(&b, sum, sizeof sum, e), e);
    int rc = bundle_read(buf_view(&b), &back, e);
    if (rc < 0)
        assert_memory_equal(&back, &empty, sizeof empty);
    buf_done(&b);
    buf_done(&good);
    return rc;
}

static void what_a_writer_needs_is_asked_for(void **state)
{
    static const bool needed[13] = {[1] = true, [2] = true, [3] = true, [5] = true, [6] = true,
                                    [7] = true, [8] = true, [9] = true, [10] = true};
    (void)state;
    for (uint64_t tag = 1; tag <= 12; tag++) {
        struct error e = {0};
        int rc = read_changed(tag, 0, (struct bytes){0}, &e);
        assert_int_equal(rc, needed[tag] ? -1 : 0);
        assert_true(rc == 0 || e.kind == ERROR_KEY);
    }
}

static void doubled_fields_are_refused_and_unknown_ones_skipped(void **state)
{
    static const size_t lengths[13] = {0, 16, 16, 32, 1, 32, 16, 32, 32, 16, 36, 37, 36};
    static const uint8_t zeros[64];
    (void)state;
    for (uint64_t tag = 1; tag <= 12; tag++) {
        struct error e = {0};
        if (tag == 10) /* the format lets it repeat */
            continue;
        assert_refused(read_changed(0, tag, bytes_of(zeros, lengths[tag]), &e), &e, ERROR_KEY);
    }
    struct error e = {0};
    assert_done(read_changed(0, 40, bytes_text("new"), &e), &e);
    assert_done(read_changed(0, 400, bytes_text("new"), &e), &e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_comes_back),
        cmocka_unit_test(every_flip_and_cut_is_a_key_error),
        cmocka_unit_test(what_a_writer_needs_is_asked_for),
        cmocka_unit_test(doubled_fields_are_refused_and_unknown_ones_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
