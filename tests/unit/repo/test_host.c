/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/repo/host.h"
#include "core/repo/tlv.h"

static const uint8_t repository[FORMAT_ID_LEN] = {1};

static struct statement_signer admin(uint8_t number)
{
    struct error e = {0};
    const struct secret seed = {{number}};
    struct statement_signer s;
    assert_done(statement_signer_init(&s, &seed, &e), &e);
    return s;
}

static struct host made(void)
{
    struct host h = {.flags = FORMAT_HOST_WRITER | FORMAT_HOST_KEEPER,
                     .valid_from_us = 5,
                     .valid_until_us = INT64_MAX,
                     .replaces_count = HOST_MAX_REPLACES,
                     .has_reader_key = true,
                     .reader_epoch = 3,
                     .has_last_good = true,
                     .last_good = UINT64_MAX};
    memset(h.host_id, 0x11, FORMAT_ID_LEN);
    memset(h.nonce, 0x22, FORMAT_ID_LEN);
    memset(h.public_key, 0x33, sizeof h.public_key);
    memset(h.domain_id, 0x44, FORMAT_ID_LEN);
    memset(h.reader_key, 0x55, sizeof h.reader_key);
    for (size_t i = 0; i < HOST_MAX_REPLACES; i++)
        memset(h.replaces[i], (int)i, FORMAT_ID_LEN);
    return h;
}

static struct buf written(const struct host *h)
{
    struct error e = {0};
    struct buf b = {0};
    struct statement_signer s = admin(7);
    assert_done(host_write(h, repository, &s, &b, &e), &e);
    return b;
}

static int read(struct bytes raw, const char *name, struct error *e)
{
    struct host h;
    struct statement_signer s = admin(7);
    return host_read(raw, name, repository, s.public_key, &h, e);
}

static void an_enrolment_comes_back(void **state)
{
    (void)state;
    struct error e = {0};
    struct host h = made();
    struct host back;
    struct statement_signer s = admin(7);
    char name[FORMAT_NAME_MAX];
    struct buf b = written(&h);
    host_name(name, &h);
    assert_string_equal(name, "hosts/11111111111111111111111111111111-"
                              "22222222222222222222222222222222");
    assert_done(host_read(buf_view(&b), name, repository, s.public_key, &back, &e), &e);
    assert_memory_equal(&back, &h, sizeof h);
    buf_done(&b);
}

static void it_is_good_under_its_own_name_only(void **state)
{
    static const char *const names[] = {
        "",
        "hosts/",
        "hosts/11111111111111111111111111111111",
        "hosts/22222222222222222222222222222222-22222222222222222222222222222222",
        "hosts/11111111111111111111111111111111-2222222222222222222222222222222",
        "hosts/11111111111111111111111111111111-222222222222222222222222222222222",
        "hosts/11111111111111111111111111111111-2222222222222222222222222222222G",
        "backups/11111111111111111111111111111111-22222222222222222222222222222222",
    };
    (void)state;
    struct host h = made();
    struct buf b = written(&h);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct error e = {0};
        assert_refused(read(buf_view(&b), names[i], &e), &e, ERROR_CORRUPT);
    }
    buf_done(&b);
}

static void every_flip_and_cut_is_refused(void **state)
{
    (void)state;
    struct host h = made();
    char name[FORMAT_NAME_MAX];
    struct buf b = written(&h);
    host_name(name, &h);
    for (size_t at = 0; at < b.len; at++) {
        struct error e = {0};
        b.data[at] ^= (uint8_t)(1 << at % 8);
        assert_int_equal(read(buf_view(&b), name, &e), -1);
        b.data[at] ^= (uint8_t)(1 << at % 8);
        assert_refused(read(bytes_of(b.data, at), name, &e), &e, ERROR_CORRUPT);
    }
    buf_done(&b);
}

static void only_the_admin_enrols(void **state)
{
    (void)state;
    struct error e = {0};
    struct host h = made();
    struct host back;
    char name[FORMAT_NAME_MAX];
    struct buf b = {0};
    struct statement_signer other = admin(8);
    host_name(name, &h);
    assert_done(host_write(&h, repository, &other, &b, &e), &e);
    assert_refused(read(buf_view(&b), name, &e), &e, ERROR_CORRUPT);
    static const uint8_t elsewhere[FORMAT_ID_LEN] = {2};
    struct statement_signer s = admin(7);
    assert_refused(host_read(buf_view(&b), name, elsewhere, other.public_key, &back, &e), &e,
                   ERROR_CORRUPT);
    /* Signed by the admin, but something else than an enrolment. */
    b.len = 0;
    assert_done(statement_write(FORMAT_MANIFEST, repository, &s, bytes_text("\1\1x"), &b, &e),
                &e);
    assert_refused(read(buf_view(&b), name, &e), &e, ERROR_CORRUPT);
    buf_done(&b);
}

/* A signed body of the given fields behind the needed ones. */
static int read_with(uint64_t tag, struct bytes value, struct error *e)
{
    struct statement_signer s = admin(7);
    struct host h = made();
    struct buf body = {0};
    struct buf b = {0};
    char name[FORMAT_NAME_MAX];
    host_name(name, &h);
    assert_done(tlv_put(&body, 1, bytes_of(h.host_id, FORMAT_ID_LEN), e), e);
    assert_done(tlv_put(&body, 2, bytes_of(h.public_key, 32), e), e);
    assert_done(tlv_uint(&body, 3, 1, e), e);
    assert_done(tlv_put(&body, tag, value, e), e);
    assert_done(statement_write(FORMAT_ENROLMENT, repository, &s, buf_view(&body), &b, e), e);
    int rc = read(buf_view(&b), name, e);
    buf_done(&body);
    buf_done(&b);
    return rc;
}

static void fields_are_checked(void **state)
{
    static const struct {
        uint64_t tag;
        size_t len;
        bool good;
    } cases[] = {
        {1, 16, false}, {2, 32, false}, {3, 1, false}, /* twice */
        {4, 16, true},  {4, 15, false}, {5, 1, true},   {5, 0, false}, {7, 16, true},
        {7, 17, false}, {8, 36, true},  {8, 32, false}, {60, 3, true}, {1000, 3, true},
    };
    static const uint8_t zeros[64];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error e = {0};
        int rc = read_with(cases[i].tag, bytes_of(zeros, cases[i].len), &e);
        assert_int_equal(rc, cases[i].good ? 0 : -1);
        assert_true(rc == 0 || e.kind == ERROR_CORRUPT);
    }
}

static void too_many_replacements_are_refused(void **state)
{
    (void)state;
    struct error e = {0};
    struct host h = made();
    char name[FORMAT_NAME_MAX];
    struct statement_signer s = admin(7);
    struct statement st;
    struct buf b = written(&h);
    struct buf body = {0};
    struct buf more = {0};
    host_name(name, &h);
    assert_done(statement_parse(buf_view(&b), FORMAT_ENROLMENT, repository, &st, &e), &e);
    assert_done(buf_append(&body, st.body.data, st.body.len, &e), &e);
    assert_done(tlv_put(&body, 7, bytes_of(h.nonce, FORMAT_ID_LEN), &e), &e);
    assert_done(statement_write(FORMAT_ENROLMENT, repository, &s, buf_view(&body), &more, &e),
                &e);
    assert_refused(read(buf_view(&more), name, &e), &e, ERROR_CORRUPT);
    buf_done(&b);
    buf_done(&body);
    buf_done(&more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_enrolment_comes_back),
        cmocka_unit_test(it_is_good_under_its_own_name_only),
        cmocka_unit_test(every_flip_and_cut_is_refused),
        cmocka_unit_test(only_the_admin_enrols),
        cmocka_unit_test(fields_are_checked),
        cmocka_unit_test(too_many_replacements_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
