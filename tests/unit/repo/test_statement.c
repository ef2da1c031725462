/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include "core/repo/statement.h"

static const uint8_t repository[FORMAT_ID_LEN] = {1, 2, 3};
static const uint8_t other_repository[FORMAT_ID_LEN] = {1, 2, 4};

static struct statement_signer signer_of(uint8_t number)
{
    struct error e = {0};
    struct secret seed;
    struct statement_signer s;
    memset(seed.key, number, sizeof seed.key);
    assert_done(statement_signer_init(&s, &seed, &e), &e);
    return s;
}

static struct buf object_of(enum format_type type, const char *body)
{
    struct error e = {0};
    struct buf b = {0};
    struct statement_signer s = signer_of(7);
    assert_done(statement_write(type, repository, &s, bytes_text(body), &b, &e), &e);
    return b;
}

/* Parse and check, as a reader does. */
static int accept(struct bytes raw, enum format_type type, const uint8_t *id, struct error *e)
{
    struct statement st;
    struct statement_signer s = signer_of(7);
    return statement_parse(raw, type, id, &st, e) < 0 ? -1
                                                      : statement_check(&st, s.public_key, e);
}

static void a_statement_comes_back(void **state)
{
    static const char *const bodies[] = {"", "x", "some body"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        struct error e = {0};
        struct statement st;
        struct statement_signer s = signer_of(7);
        uint8_t id[FORMAT_ID_LEN];
        struct buf b = object_of(FORMAT_SESSION, bodies[i]);
        assert_int_equal(b.len, 48 + strlen(bodies[i]) + 64);
        assert_done(statement_parse(buf_view(&b), FORMAT_SESSION, repository, &st, &e), &e);
        assert_done(statement_check(&st, s.public_key, &e), &e);
        assert_true(bytes_equal(st.body, bytes_text(bodies[i])));
        assert_done(statement_signer_id(s.public_key, id, &e), &e);
        assert_memory_equal(st.signer, id, sizeof id);
        assert_memory_equal(st.repository_id, repository, sizeof repository);
        assert_done(accept(buf_view(&b), FORMAT_SESSION, NULL, &e), &e);
        buf_done(&b);
    }
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct buf b = object_of(FORMAT_MARK, "the body of a mark");
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        struct error e = {0};
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(accept(buf_view(&b), FORMAT_MARK, repository, &e), -1);
        /* Suite and version tell a newer format, all else is damage. */
        bool newer = bit / 8 == 8 || bit / 8 == 10 || bit / 8 == 11;
        assert_int_equal(e.kind, newer ? ERROR_UNSUPPORTED : ERROR_CORRUPT);
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    buf_done(&b);
}

static void any_other_length_is_refused(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = object_of(FORMAT_MARK, "body");
    for (size_t len = 0; len < b.len; len++) {
        struct buf cut = {0};
        assert_int_equal(buf_append(&cut, b.data, len, &e), 0);
        assert_refused(accept(buf_view(&cut), FORMAT_MARK, repository, &e), &e, ERROR_CORRUPT);
        buf_done(&cut);
    }
    assert_int_equal(buf_byte(&b, 0, &e), 0);
    assert_refused(accept(buf_view(&b), FORMAT_MARK, repository, &e), &e, ERROR_CORRUPT);
    buf_done(&b);
}

static void no_type_passes_for_another(void **state)
{
    (void)state;
    for (int type = FORMAT_CONFIG; type <= FORMAT_LEDGER; type++)
        for (int as = FORMAT_CONFIG; as <= FORMAT_LEDGER; as++) {
            struct error e = {0};
            struct buf b = object_of((enum format_type)type, "body");
            int rc = accept(buf_view(&b), (enum format_type)as, repository, &e);
            assert_int_equal(rc, type == as ? 0 : -1);
            /* The type in the head alone does not make it another one: it is signed. */
            b.data[9] = (uint8_t)as;
            rc = accept(buf_view(&b), (enum format_type)as, repository, &e);
            assert_int_equal(rc, type == as ? 0 : -1);
            buf_done(&b);
        }
}

static void another_repository_or_signer_is_refused(void **state)
{
    (void)state;
    struct error e = {0};
    struct statement st;
    struct buf b = object_of(FORMAT_MARK, "body");
    struct statement_signer other = signer_of(8);
    assert_refused(accept(buf_view(&b), FORMAT_MARK, other_repository, &e), &e, ERROR_CORRUPT);
    assert_done(statement_parse(buf_view(&b), FORMAT_MARK, repository, &st, &e), &e);
    assert_refused(statement_check(&st, other.public_key, &e), &e, ERROR_CORRUPT);
    /* The id of a key that did not sign does not help. */
    assert_done(statement_signer_id(other.public_key, st.signer, &e), &e);
    assert_refused(statement_check(&st, other.public_key, &e), &e, ERROR_CORRUPT);
    buf_done(&b);
}

static void bodies_have_their_limits(void **state)
{
    static const struct {
        enum format_type type;
        size_t limit;
    } limits[] = {{FORMAT_MARK, MIB}, {FORMAT_ENROLMENT, MIB}, {FORMAT_CONDEMNED, 16 * MIB}};
    struct statement_signer s = signer_of(7);
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        struct error e = {0};
        struct buf body = {0};
        struct buf b = {0};
        assert_int_equal(buf_reserve(&body, limits[i].limit + 1, &e), 0);
        memset(body.data, 0, limits[i].limit + 1);
        body.len = limits[i].limit;
        assert_done(statement_write(limits[i].type, repository, &s, buf_view(&body), &b, &e),
                    &e);
        assert_done(accept(buf_view(&b), limits[i].type, repository, &e), &e);
        body.len++;
        b.len = 0;
        assert_refused(statement_write(limits[i].type, repository, &s, buf_view(&body), &b, &e),
                       &e, ERROR_UNSUPPORTED);
        assert_int_equal(b.len, 0);
        buf_done(&body);
        buf_done(&b);
    }
}

static void lengths_that_lie_are_refused(void **state)
{
    static const uint32_t lengths[] = {0, 3, 5, 0x7fffffff, 0xffffffff, 0xffffff90};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
        for (int type = FORMAT_MANIFEST; type <= FORMAT_CONDEMNED; type++) {
            struct error e = {0};
            struct buf b = object_of((enum format_type)type, "body");
            buf_store_u32(b.data + 12, lengths[i]);
            assert_refused(accept(buf_view(&b), (enum format_type)type, repository, &e), &e,
                           ERROR_CORRUPT);
            buf_done(&b);
        }
}

static void it_is_appended(void **state)
{
    (void)state;
    struct error e = {0};
    struct buf b = {0};
    struct statement_signer s = signer_of(7);
    assert_int_equal(buf_append(&b, "before", 6, &e), 0);
    assert_done(statement_write(FORMAT_MARK, repository, &s, bytes_text("x"), &b, &e), &e);
    assert_done(accept(bytes_of(b.data + 6, b.len - 6), FORMAT_MARK, repository, &e), &e);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_comes_back),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(any_other_length_is_refused),
        cmocka_unit_test(no_type_passes_for_another),
        cmocka_unit_test(another_repository_or_signer_is_refused),
        cmocka_unit_test(bodies_have_their_limits),
        cmocka_unit_test(lengths_that_lie_are_refused),
        cmocka_unit_test(it_is_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
