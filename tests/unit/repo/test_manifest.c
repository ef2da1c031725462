/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/base/digest.h"
#include "core/base/str.h"
#include "core/repo/envelope.h"
#include "core/repo/manifest.h"
#include "core/repo/tlv.h"

static const uint8_t repository[FORMAT_ID_LEN] = {1, 2, 3};
static const struct secret metadata = {{4, 5, 6}};

static struct statement_signer signer(void)
{
    struct error e = {0};
    const struct secret seed = {{7}};
    struct statement_signer s;
    assert_done(statement_signer_init(&s, &seed, &e), &e);
    return s;
}

static struct buf written(uint64_t incompat)
{
    struct error e = {0};
    struct manifest m = {.sequence = 12,
                         .incompat = incompat,
                         .kind = MANIFEST_WEEKLY,
                         .flags = FORMAT_FLAG_SUSPECT,
                         .has_previous = true,
                         .has_set = true,
                         .set_ordinal = 2,
                         .set_planned = 3,
                         .started_us = 1000,
                         .committed_us = 2000};
    struct closure_pack pack = {.object = {.size = 99}};
    struct statement_signer s = signer();
    struct buf b = {0};
    memset(m.backup_id, 0xb0, FORMAT_ID_LEN);
    memset(m.host_id, 0xa0, FORMAT_ID_LEN);
    memset(m.previous, 0xc0, FORMAT_HASH_LEN);
    memset(pack.pack_id, 0xd0, FORMAT_ID_LEN);
    m.private_part.source = str_copy("source", &e);
    assert_non_null(m.private_part.source);
    assert_done(closure_add(&m.closure, &pack, &e), &e);
    uint8_t envelope[ENVELOPE_LEN] = {1};
    assert_done(buf_append(&m.envelopes, envelope, sizeof envelope, &e), &e);
    assert_done(manifest_write(&m, repository, &metadata, &s, &b, &e), &e);
    uint8_t digest[DIGEST_LEN];
    assert_done(digest_sha256(buf_view(&b), digest, &e), &e);
    assert_memory_equal(digest, m.digest, DIGEST_LEN);
    manifest_done(&m);
    return b;
}

/* Parse, check, read and open, as repo_manifest does. */
static int read(struct bytes raw, struct manifest *m, struct error *e)
{
    struct statement st;
    struct statement_signer s = signer();
    if (statement_parse(raw, FORMAT_MANIFEST, repository, &st, e) < 0 ||
        statement_check(&st, s.public_key, e) < 0 || manifest_read(&st, raw, m, e) < 0)
        return -1;
    return manifest_open(m, repository, &metadata, e);
}

static void a_manifest_comes_back(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = written(0);
    struct manifest m = {0};
    assert_done(read(buf_view(&b), &m, &e), &e);
    assert_int_equal(m.backup_id[15], 0xb0);
    assert_int_equal(m.host_id[0], 0xa0);
    assert_int_equal(m.sequence, 12);
    assert_true(m.has_previous && m.previous[31] == 0xc0);
    assert_int_equal(m.kind, MANIFEST_WEEKLY);
    assert_int_equal(m.flags, FORMAT_FLAG_SUSPECT);
    assert_true(m.has_set && m.set_ordinal == 2 && m.set_planned == 3);
    assert_int_equal(m.started_us, 1000);
    assert_int_equal(m.committed_us, 2000);
    assert_int_equal(m.closure.count, 1);
    assert_int_equal(m.envelopes.len, ENVELOPE_LEN);
    assert_true(m.is_open);
    assert_string_equal(m.private_part.source, "source");
    assert_done(manifest_open(&m, repository, &metadata, &e), &e);
    manifest_done(&m);
    buf_done(&b);
}

static void every_flipped_bit_and_cut_is_refused(void **state)
{
    (void)state;
    struct buf b = written(0);
    for (size_t at = 0; at < b.len; at++) {
        struct error e = {0};
        struct manifest m = {0};
        b.data[at] ^= (uint8_t)(1 << at % 8);
        assert_int_equal(read(buf_view(&b), &m, &e), -1);
        assert_true(e.kind == ERROR_CORRUPT || e.kind == ERROR_UNSUPPORTED);
        manifest_done(&m);
        b.data[at] ^= (uint8_t)(1 << at % 8);
        assert_refused(read(bytes_of(b.data, at), &m, &e), &e, ERROR_CORRUPT);
        manifest_done(&m);
    }
    buf_done(&b);
}

static void an_unknown_incompat_bit_is_refused(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit += 9) {
        struct error e = {0};
        struct buf b = written(UINT64_C(1) << bit);
        struct manifest m = {0};
        assert_refused(read(buf_view(&b), &m, &e), &e, ERROR_UNSUPPORTED);
        manifest_done(&m);
        buf_done(&b);
    }
}

static void the_private_part_is_bound_to_its_manifest(void **state)
{
    static const uint8_t other_id[FORMAT_ID_LEN] = {9};
    static const struct secret other_key = {{4, 5, 7}};
    (void)state;
    struct buf b = written(0);
    for (int i = 0; i < 6; i++) {
        struct error e = {0};
        struct manifest m = {0};
        struct statement st;
        assert_done(statement_parse(buf_view(&b), FORMAT_MANIFEST, repository, &st, &e), &e);
        assert_done(manifest_read(&st, buf_view(&b), &m, &e), &e);
        m.backup_id[0] ^= i == 1;
        m.host_id[0] ^= i == 2;
        m.sealed.data[3] ^= i == 3;
        m.sealed.len -= i == 4 ? m.sealed.len - 15 : 0;
        int rc = manifest_open(&m, i == 5 ? other_id : repository,
                               i == 0 ? &other_key : &metadata, &e);
        assert_int_equal(rc, -1);
        assert_int_equal(e.kind, ERROR_CORRUPT);
        assert_false(m.is_open);
        manifest_done(&m);
    }
    buf_done(&b);
}

/* The body with one field changed; the signature is not asked for here. */
static int read_body(struct bytes body, struct error *e)
{
    const struct statement st = {.body = body};
    struct manifest m = {0};
    int rc = manifest_read(&st, body, &m, e);
    manifest_done(&m);
    return rc;
}

static void fields_stand_once_and_the_needed_ones_at_all(void **state)
{
    static const uint64_t needed[] = {1, 2, 3, 4, 7, 12, 14, 15, 16};
    (void)state;
    struct error e = {0};
    struct buf b = written(0);
    struct statement st;
    struct tlv t;
    struct tlv skipped;
    size_t fields = 0;
    assert_done(statement_parse(buf_view(&b), FORMAT_MANIFEST, repository, &st, &e), &e);
    assert_done(read_body(st.body, &e), &e);
    struct tlv_reader r = tlv_reader_of(st.body);
    while (tlv_next(&r, &t)) {
        struct buf body = {0};
        assert_int_equal(buf_append(&body, st.body.data, st.body.len, &e), 0);
        assert_done(tlv_put(&body, t.tag, t.value, &e), &e);
        assert_refused(read_body(buf_view(&body), &e), &e, ERROR_CORRUPT);
        body.len = st.body.len;
        assert_done(tlv_put(&body, t.tag + 200, t.value, &e), &e);
        assert_done(read_body(buf_view(&body), &e), &e);
        body.len = 0;
        bool is_needed = false;
        for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
            is_needed = is_needed || needed[i] == t.tag;
        struct tlv_reader again = tlv_reader_of(st.body);
        while (tlv_next(&again, &skipped))
            if (skipped.tag != t.tag)
                assert_done(tlv_put(&body, skipped.tag, skipped.value, &e), &e);
        assert_int_equal(read_body(buf_view(&body), &e), is_needed ? -1 : 0);
        buf_done(&body);
        fields++;
    }
    assert_int_equal(fields, 14);
    buf_done(&b);
}

static void envelopes_come_whole_and_not_too_many(void **state)
{
    static const size_t lengths[] = {
        0, 1, ENVELOPE_LEN, ENVELOPE_LEN + 1, 64 * ENVELOPE_LEN, 65 * ENVELOPE_LEN};
    static const bool good[] = {true, false, true, false, true, false};
    static const uint8_t zeros[65 * ENVELOPE_LEN];
    (void)state;
    struct buf b = written(0);
    struct statement st;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct error e = {0};
        struct buf body = {0};
        struct tlv t;
        assert_done(statement_parse(buf_view(&b), FORMAT_MANIFEST, repository, &st, &e), &e);
        struct tlv_reader r = tlv_reader_of(st.body);
        while (tlv_next(&r, &t))
            assert_done(
                tlv_put(&body, t.tag, t.tag == 15 ? bytes_of(zeros, lengths[i]) : t.value, &e),
                &e);
        assert_int_equal(read_body(buf_view(&body), &e), good[i] ? 0 : -1);
        buf_done(&body);
    }
    buf_done(&b);
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (uint8_t kind = 1; kind <= 4; kind++)
        assert_int_equal(manifest_kind_parse(manifest_kind_name(kind)), kind);
    assert_null(manifest_kind_name(0));
    assert_null(manifest_kind_name(5));
    assert_null(manifest_kind_name(255));
    assert_int_equal(manifest_kind_parse("hourly"), 0);
    assert_int_equal(manifest_kind_parse(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manifest_comes_back),
        cmocka_unit_test(every_flipped_bit_and_cut_is_refused),
        cmocka_unit_test(an_unknown_incompat_bit_is_refused),
        cmocka_unit_test(the_private_part_is_bound_to_its_manifest),
        cmocka_unit_test(fields_stand_once_and_the_needed_ones_at_all),
        cmocka_unit_test(envelopes_come_whole_and_not_too_many),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
