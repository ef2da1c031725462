/* SPDX-License-Identifier: Apache-2.0 */
/* Which packs a writer may point into, and who may take that away. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/repo/session.h"
#include "core/repo/tlv.h"
#include "tests/support/night.h"
#include "tests/support/store_fault.h"
#include "tests/support/store_memory.h"

static const uint8_t backup[FORMAT_ID_LEN] = {0xba};

struct world {
    struct store *store;
    struct repository repository;
    struct statement_signer admin;
};

static int setup(void **state)
{
    struct error e = {0};
    struct secret key;
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->store = store_memory_new(&e);
    assert_non_null(w->store);
    repository_make(&w->repository, w->store);
    assert_done(keyring_admin_key(&w->repository.seed, &key, &e), &e);
    assert_done(statement_signer_init(&w->admin, &key, &e), &e);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    repository_done(&w->repository);
    store_close(w->store);
    free(w);
    return 0;
}

static struct ref_object pack_of(uint8_t i)
{
    struct ref_object o = {.size = 4};
    memset(o.sha256, i, sizeof o.sha256);
    memset(o.suffix, 0x50, sizeof o.suffix);
    return o;
}

static void put_pack(struct world *w, uint8_t i)
{
    struct error e = {0};
    struct ref_object o = pack_of(i);
    char name[FORMAT_NAME_MAX];
    ref_pack_name(name, &o);
    assert_done(store_put(w->store, name, bytes_text("pack"), &e), &e);
}

/* A list of condemned packs 1 to count, under the name condemned/<r>. */
static void condemn(struct world *w, const char *name, uint8_t count,
                    const struct statement_signer *signer)
{
    struct error e = {0};
    struct buf body = {0};
    struct buf b = {0};
    assert_done(tlv_uint(&body, 2, 1000, &e), &e);
    for (uint8_t i = 1; i <= count; i++) {
        struct ref_object o = pack_of(i);
        uint8_t key[36];
        memcpy(key, o.sha256, 32);
        memcpy(key + 32, o.suffix, 4);
        assert_done(tlv_put(&body, 1, bytes_of(key, sizeof key), &e), &e);
    }
    assert_done(statement_write(FORMAT_CONDEMNED, repo_id(w->repository.repo), signer,
                                buf_view(&body), &b, &e),
                &e);
    assert_done(store_put(w->store, name, buf_view(&b), &e), &e);
    buf_done(&body);
    buf_done(&b);
}

/* Is pack i allowed to a session that begins now, on the repository as it is now? */
static bool allows(struct world *w, uint8_t i)
{
    struct error e = {0};
    struct repository r;
    struct ref_object o = pack_of(i);
    assert_done(night_open(&r, &w->repository, w->store, &e), &e);
    struct session *s = session_begin(r.repo, backup, &e);
    if (!s)
        fail_msg("%s", e.text);
    bool allowed = session_allows(s, &o);
    session_end(s);
    session_free(s);
    repository_done(&r);
    return allowed;
}

static void refuses_to_begin(struct world *w, enum error_kind kind)
{
    struct error e = {0};
    assert_null(session_begin(w->repository.repo, backup, &e));
    assert_int_equal(e.kind, kind);
    assert_int_equal(store_memory_count(w->store, "sessions/"), 0);
}

static void only_packs_that_were_listed_are_allowed(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    put_pack(w, 1);
    put_pack(w, 200);
    assert_true(allows(w, 1));
    assert_true(allows(w, 200));
    assert_false(allows(w, 2));
    struct session *s = session_begin(w->repository.repo, backup, &e);
    assert_non_null(s);
    put_pack(w, 3); /* behind the listing */
    struct ref_object o = pack_of(3);
    assert_false(session_allows(s, &o));
    o = pack_of(1);
    o.sha256[31] ^= 1;
    assert_false(session_allows(s, &o));
    session_end(s);
    session_free(s);
    assert_int_equal(store_memory_count(w->store, "sessions/"), 0);
}

static void a_pack_of_another_size_is_not_allowed(void **state)
{
    struct world *w = *state;
    char name[FORMAT_NAME_MAX];
    struct ref_object o = pack_of(1);
    put_pack(w, 1);
    assert_true(allows(w, 1));
    ref_pack_name(name, &o);
    store_memory_change(w->store, name, bytes_text("pac"));
    assert_false(allows(w, 1));
    store_memory_change(w->store, name, (struct bytes){0});
    assert_false(allows(w, 1));
}

static void packs_condemned_by_a_keeper_are_not_allowed(void **state)
{
    struct world *w = *state;
    for (uint8_t i = 1; i < 60; i++)
        put_pack(w, i);
    condemn(w, "condemned/00", 20, &w->repository.bundle.signer);
    condemn(w, "condemned/01", 3, &w->repository.bundle.signer);
    for (uint8_t i = 1; i < 60; i++)
        if (i % 10 < 2)
            assert_int_equal(allows(w, i), i > 20);
}

/* A closure stands for content: one name that is condemned does not take away another. */
static void content_under_another_name_is_allowed_unless_that_is_condemned(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct ref_object other = pack_of(1);
    char name[FORMAT_NAME_MAX];
    other.suffix[0] ^= 1;
    ref_pack_name(name, &other);
    assert_done(store_put(w->store, name, bytes_text("pack"), &e), &e);
    put_pack(w, 2);
    assert_true(allows(w, 1));
    put_pack(w, 1);
    condemn(w, "condemned/00", 2, &w->repository.bundle.signer);
    assert_true(allows(w, 1));
    assert_false(allows(w, 2));
    store_memory_change(w->store, name, bytes_text("pac"));
    assert_false(allows(w, 1));
}

static void nobody_else_condemns(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct repo *r = w->repository.repo;
    struct bundle writer;
    struct statement_signer stranger;
    const struct secret seed = {{5}};
    assert_done(statement_signer_init(&stranger, &seed, &e), &e);
    assert_done(repo_enrol(r, false, &writer, &e), &e);
    put_pack(w, 1);
    condemn(w, "condemned/00", 1, &writer.signer);
    condemn(w, "condemned/01", 1, &stranger);
    condemn(w, "condemned/02", 1, &w->admin);
    assert_true(allows(w, 1));
    bundle_wipe(&writer);
}

/* Once a keeper, always heard: whatever enrolments of the key came later, and in whatever order
 * they are listed. */
static void a_keeper_that_was_removed_still_condemned(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    put_pack(w, 1);
    condemn(w, "condemned/00", 1, &w->repository.bundle.signer);
    const struct host first = *repo_host(w->repository.repo, 0);
    char name[FORMAT_NAME_MAX];
    struct buf enrolment = {0};
    host_name(name, &first);
    assert_done(store_get(w->store, name, 0, STORE_ALL, &enrolment, &e), &e);
    for (int order = 0; order < 2; order++) {
        struct host gone = first;
        struct buf b = {0};
        char other[FORMAT_NAME_MAX];
        gone.flags = FORMAT_HOST_REMOVED;
        gone.nonce[0] = (uint8_t)order;
        gone.replaces_count = 1;
        memcpy(gone.replaces[0], first.nonce, FORMAT_ID_LEN);
        assert_done(host_write(&gone, repo_id(w->repository.repo), &w->admin, &b, &e), &e);
        host_name(other, &gone);
        assert_done(store_put(w->store, other, buf_view(&b), &e), &e);
        buf_done(&b);
        assert_false(allows(w, 1));
        /* The old enrolment behind the new ones. */
        assert_done(store_remove(w->store, name, &e), &e);
        assert_done(store_put(w->store, name, buf_view(&enrolment), &e), &e);
        assert_false(allows(w, 1));
    }
    buf_done(&enrolment);
}

static void a_condemned_list_that_cannot_be_read_stops_the_writer(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct buf b = {0};
    condemn(w, "condemned/00", 2, &w->repository.bundle.signer);
    assert_done(store_get(w->store, "condemned/00", 0, STORE_ALL, &b, &e), &e);
    static const size_t places[] = {0, 9, 16, 60, 110};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        b.data[places[i]] ^= 1;
        store_memory_change(w->store, "condemned/00", buf_view(&b));
        refuses_to_begin(w, ERROR_CORRUPT);
        b.data[places[i]] ^= 1;
    }
    store_memory_change(w->store, "condemned/00", bytes_of(b.data, b.len - 1));
    refuses_to_begin(w, ERROR_CORRUPT);
    store_memory_change(w->store, "condemned/00", (struct bytes){0});
    refuses_to_begin(w, ERROR_CORRUPT);
    /* What is none of ours is no list. */
    assert_done(store_remove(w->store, "condemned/00", &e), &e);
    assert_done(store_put(w->store, "condemned/README", bytes_text("x"), &e), &e);
    assert_true(!allows(w, 1));
    buf_done(&b);
}

/* A name of 35 bytes in a list that is signed: a keeper's own mistake, not to be passed over.
 */
static void a_list_with_a_malformed_name_stops_the_writer(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct buf body = {0};
    struct buf b = {0};
    uint8_t key[36] = {0};
    assert_done(tlv_put(&body, 1, bytes_of(key, 35), &e), &e);
    assert_done(statement_write(FORMAT_CONDEMNED, repo_id(w->repository.repo),
                                &w->repository.bundle.signer, buf_view(&body), &b, &e),
                &e);
    assert_done(store_put(w->store, "condemned/00", buf_view(&b), &e), &e);
    refuses_to_begin(w, ERROR_CORRUPT);
    buf_done(&body);
    buf_done(&b);
}

static void a_revocation_is_seen_whoever_signed_it(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct session *s = session_begin(w->repository.repo, backup, &e);
    assert_non_null(s);
    assert_int_equal(store_memory_count(w->store, "sessions/ba"), 1);
    assert_done(session_revoked(s, &e), &e);
    assert_done(
        store_put(w->store, "revoked/bb000000000000000000000000000000", bytes_text("x"), &e),
        &e);
    assert_done(session_revoked(s, &e), &e);
    assert_done(
        store_put(w->store, "revoked/ba000000000000000000000000000000", (struct bytes){0}, &e),
        &e);
    assert_int_equal(session_revoked(s, &e), SESSION_REVOKED);
    assert_done(session_beat(s, &e), &e); /* too early for another object */
    assert_int_equal(store_memory_count(w->store, "sessions/ba"), 1);
    session_end(s);
    session_free(s);
}

/* Its object is there before it looks: what is condemned later knows of it. */
static void the_session_is_registered_before_anything_is_read(void **state)
{
    struct world *w = *state;
    for (unsigned n = 1; n <= 4; n++) {
        struct error e = {0};
        struct repository r;
        struct store *fault;
        /* Opening takes three calls: config, the listing of hosts, one host. */
        fault = store_fault_new(w->store, STORE_FAULT_CRASH, 3 + n, &e);
        assert_non_null(fault);
        size_t before = store_memory_count(w->store, "sessions/");
        assert_done(night_open(&r, &w->repository, fault, &e), &e);
        assert_null(session_begin(r.repo, backup, &e));
        assert_int_equal(e.kind, ERROR_IO);
        assert_int_equal(store_memory_count(w->store, "sessions/"), before + 1);
        repository_done(&r);
        store_close(fault);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_packs_that_were_listed_are_allowed),
        TEST(a_pack_of_another_size_is_not_allowed),
        TEST(packs_condemned_by_a_keeper_are_not_allowed),
        TEST(content_under_another_name_is_allowed_unless_that_is_condemned),
        TEST(nobody_else_condemns),
        TEST(a_keeper_that_was_removed_still_condemned),
        TEST(a_condemned_list_that_cannot_be_read_stops_the_writer),
        TEST(a_list_with_a_malformed_name_stops_the_writer),
        TEST(a_revocation_is_seen_whoever_signed_it),
        TEST(the_session_is_registered_before_anything_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
