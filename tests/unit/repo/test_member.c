/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/base/str.h"
#include "core/repo/member.h"
#include "core/repo/tlv.h"

static char *text(const char *t)
{
    char *copy = str_copy(t, NULL);
    assert_non_null(copy);
    return copy;
}

static struct member_private made(void)
{
    struct error e = {0};
    struct member_private p = {.server_number = 150018,
                               .system_id = UINT64_MAX - 3,
                               .standby = true,
                               .has_dump_time = true,
                               .dump_time = {1, 2, 3, -4, 5, 6, -1},
                               .has_domain_keys = true,
                               .rows = 1,
                               .payload_bytes = UINT64_MAX,
                               .stored_bytes = 3,
                               .new_chunks = 4};
    p.source = text("shop");
    p.database = text("shop_db");
    p.server_version = text("15.18");
    p.encoding = text("UTF8");
    p.server_host = text("/run/postgresql");
    p.server_port = text("5432");
    p.server_user = text("backup");
    p.pgkeep_version = text("0.1");
    p.dump_version = text("18.6");
    p.host_name = text("db1");
    p.time_zone = text("Europe/Berlin");
    assert_done(member_texts_add(&p.settings, "a=b", &e), &e);
    assert_done(member_texts_add(&p.settings, "a=b", &e), &e);
    assert_done(member_texts_add(&p.dump_arguments, "-Fc", &e), &e);
    assert_done(member_texts_add(&p.tags, "K", &e), &e);
    assert_done(member_texts_add(&p.findings, "too little", &e), &e);
    assert_done(member_texts_add(&p.findings, "gone", &e), &e);
    memset(p.chunk_id_key.key, 9, SECRET_LEN);
    memset(p.row_key, 8, sizeof p.row_key);
    for (uint8_t i = 0; i < 2; i++) {
        struct member *m = member_add(&p, &e);
        assert_non_null(m);
        m->kind = (uint8_t)(FORMAT_MEMBER_DUMP + i);
        m->name = text(i ? "globals" : "dump");
        m->has_sha256 = i == 0;
        m->length = 1000U + i;
        m->codec = 3;
        m->lacks = i == 0 ? MEMBER_LACKS_ROWS : 0;
        m->data_entries = 7;
        m->toc.kind = FORMAT_STREAM_BYTES;
        assert_done(buf_append(&m->header, "PGDMP", 5, &e), &e);
    }
    return p;
}

static struct buf written(void)
{
    struct error e = {0};
    struct buf b = {0};
    struct member_private p = made();
    assert_done(member_private_write(&p, &b, &e), &e);
    member_private_done(&p);
    return b;
}

static int read(struct bytes raw, struct error *e)
{
    struct member_private p = {0};
    int rc = member_private_read(raw, &p, e);
    member_private_done(&p);
    return rc;
}

static void everything_comes_back(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = written();
    struct member_private p = {0};
    assert_done(member_private_read(buf_view(&b), &p, &e), &e);
    assert_string_equal(p.source, "shop");
    assert_string_equal(p.server_user, "backup");
    assert_string_equal(p.time_zone, "Europe/Berlin");
    assert_int_equal(p.settings.count, 2);
    assert_string_equal(p.settings.items[1], "a=b");
    assert_int_equal(p.dump_arguments.count, 1);
    assert_int_equal(p.tags.count, 1);
    assert_int_equal(p.findings.count, 2);
    assert_string_equal(p.findings.items[0], "too little");
    assert_string_equal(p.findings.items[1], "gone");
    assert_int_equal(p.members[0].lacks, MEMBER_LACKS_ROWS);
    assert_int_equal(p.members[1].lacks, 0);
    assert_int_equal(p.dump_time[3], -4);
    assert_int_equal(p.dump_time[6], -1);
    assert_true(p.system_id == UINT64_MAX - 3 && p.payload_bytes == UINT64_MAX);
    assert_true(p.standby && p.has_domain_keys);
    assert_int_equal(p.chunk_id_key.key[31], 9);
    assert_int_equal(p.member_count, 2);
    assert_string_equal(p.members[1].name, "globals");
    assert_true(p.members[0].has_sha256 && !p.members[1].has_sha256);
    assert_int_equal(p.members[1].length, 1001);
    assert_int_equal(p.members[0].header.len, 5);
    /* Written again, it is the same. */
    struct buf again = {0};
    assert_done(member_private_write(&p, &again, &e), &e);
    assert_true(bytes_equal(buf_view(&b), buf_view(&again)));
    member_private_done(&p);
    buf_done(&again);
    buf_done(&b);
}

static void an_empty_one_comes_back(void **state)
{
    (void)state;
    struct error e = {0};
    struct member_private p = {0};
    struct buf b = {0};
    assert_done(member_private_write(&p, &b, &e), &e);
    assert_done(member_private_read(buf_view(&b), &p, &e), &e);
    assert_null(p.source);
    assert_int_equal(p.member_count, 0);
    assert_false(p.has_domain_keys);
    member_private_done(&p);
    buf_done(&b);
}

static void cuts_and_flips_are_read_without_harm(void **state)
{
    (void)state;
    struct buf b = written();
    size_t refused = 0;
    for (size_t len = 0; len < b.len; len++) {
        struct error e = {0};
        struct buf cut = {0};
        assert_int_equal(buf_append(&cut, b.data, len, &e), 0);
        int rc = read(buf_view(&cut), &e);
        assert_true(rc == 0 || e.kind == ERROR_CORRUPT);
        refused += rc < 0;
        buf_done(&cut);
    }
    assert_true(refused > b.len - 20); /* all but the cuts between two fields */
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        struct error e = {0};
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int rc = read(buf_view(&b), &e);
        assert_true(rc == 0 || e.kind == ERROR_CORRUPT);
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    buf_done(&b);
}

static void doubled_tags_are_refused_where_one_may_stand(void **state)
{
    static const uint64_t repeated[] = {5, 10}; /* tags, members */
    (void)state;
    struct buf b = written();
    struct tlv_reader r = tlv_reader_of(buf_view(&b));
    struct tlv t;
    size_t tags = 0;
    while (tlv_next(&r, &t)) {
        struct error e = {0};
        struct buf doubled = {0};
        bool may = t.tag == repeated[0] || t.tag == repeated[1];
        assert_int_equal(buf_append(&doubled, b.data, b.len, &e), 0);
        assert_done(tlv_put(&doubled, t.tag, t.value, &e), &e);
        assert_int_equal(read(buf_view(&doubled), &e), may ? 0 : -1);
        doubled.len = b.len;
        assert_done(tlv_put(&doubled, t.tag + 100, t.value, &e), &e);
        assert_done(read(buf_view(&doubled), &e), &e);
        buf_done(&doubled);
        tags++;
    }
    assert_int_equal(tags, 12);
    buf_done(&b);
}

static void what_no_member_has_is_refused(void **state)
{
    static const struct {
        const char *raw;
        size_t len;
    } members[] = {
        {"", 0}, /* no kind */
        {"\1\1\0", 3},
        {"\1\1\5", 3},          /* kinds 0 and 5 */
        {"\1\1\1\2\1\0", 6},    /* a NUL in the name */
        {"\1\1\1\13\1\4", 6},   /* codec 4 */
        {"\1\1\1\3\1\0", 6},    /* a digest of one byte */
        {"\1\1\1\12\2\0\0", 7}, /* two counts of four */
        {"\1\1\1\6\1\0", 6},    /* a TOC that is no stream */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        struct error e = {0};
        struct buf b = {0};
        assert_done(tlv_put(&b, 10, bytes_of(members[i].raw, members[i].len), &e), &e);
        assert_refused(read(buf_view(&b), &e), &e, ERROR_CORRUPT);
        buf_done(&b);
    }
}

/* Fewer than four numbers are none; a later version may add some behind them. */
static void four_counts_are_needed(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = {0};
    assert_done(tlv_put(&b, 13, bytes_of("\1\2\3\4", 4), &e), &e);
    assert_done(read(buf_view(&b), &e), &e);
    b.len = 0;
    assert_done(tlv_put(&b, 13, bytes_of("\1\2\3", 3), &e), &e);
    assert_refused(read(buf_view(&b), &e), &e, ERROR_CORRUPT);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(an_empty_one_comes_back),
        cmocka_unit_test(cuts_and_flips_are_read_without_harm),
        cmocka_unit_test(doubled_tags_are_refused_where_one_may_stand),
        cmocka_unit_test(what_no_member_has_is_refused),
        cmocka_unit_test(four_counts_are_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
