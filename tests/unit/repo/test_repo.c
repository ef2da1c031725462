/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a repository, its keys and readers, and what of its objects is believed. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/repo/envelope.h"
#include "core/repo/pack.h"
#include "core/repo/repo_create.h"
#include "core/repo/tlv.h"
#include "tests/support/made_dump.h"
#include "tests/support/night.h"
#include "tests/support/store_memory.h"

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

/* An enrolment of this host's key, signed by the admin. */
static struct host enrol(struct world *w, const struct host *like)
{
    struct error e = {0};
    struct host h = *like;
    struct buf b = {0};
    char name[FORMAT_NAME_MAX];
    assert_done(secret_random(h.nonce, sizeof h.nonce, &e), &e);
    assert_done(host_write(&h, repo_id(w->repository.repo), &w->admin, &b, &e), &e);
    host_name(name, &h);
    assert_done(store_put(w->store, name, buf_view(&b), &e), &e);
    buf_done(&b);
    return h;
}

static struct night store_one(struct repository *r)
{
    struct error e = {0};
    struct night night;
    struct buf dump = made_dump(0, false);
    assert_done(night_store(r, buf_view(&dump), NULL, &night, &e), &e);
    buf_done(&dump);
    return night;
}

static void names_of_ours_are_known(void **state)
{
    static const char *const ours[] = {
        "config",     "replica",      "keys/00",       "hosts/a-b", "packs/ab/cd-0123",
        "marks/0-0",  "condemned/ff", "envelopes/0-1", "backups/0", "tombstones/0-1",
        "ledger/0-1", "sessions/0-1", "revoked/0"};
    static const char *const others[] = {
        "",          "Config",    "config2",     "pack/00",    "packs/AB", "packs/ab.tmp",
        "backups/g", "keys/",     "./config",    "packs/../x", "backups",  "lost+found",
        "config/..", "packs/a b", "hosts/0.half"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
        if (!repo_name_known(ours[i]))
            fail_msg("%s", ours[i]);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (repo_name_known(others[i]))
            fail_msg("%s", others[i]);
}

static void an_empty_store_is_no_repository(void **state)
{
    (void)state;
    struct error e = {0};
    struct store *s = store_memory_new(&e);
    assert_null(repo_open(s, &e));
    assert_int_equal(e.kind, ERROR_NO_REPOSITORY);
    store_close(s);
}

static void keys_of_another_repository_are_refused(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct repository other;
    struct store *s = store_memory_new(&e);
    assert_non_null(s);
    repository_make(&other, s);
    assert_refused(repo_use_seed(w->repository.repo, &other.seed, &e), &e, ERROR_KEY);
    assert_refused(repo_use_bundle(w->repository.repo, &other.bundle, &e), &e, ERROR_KEY);
    /* The right id and another admin: somebody put a config of his own there. */
    struct bundle pinned = w->repository.bundle;
    pinned.admin_public[0] ^= 1;
    assert_refused(repo_use_bundle(w->repository.repo, &pinned, &e), &e, ERROR_KEY);
    assert_memory_equal(repo_bundle(w->repository.repo)->host_id, w->repository.bundle.host_id,
                        FORMAT_ID_LEN);
    repository_done(&other);
    store_close(s);
}

/* The config with other masks, signed by the admin. */
static void change_config(struct world *w, size_t mask, struct statement_signer *signer)
{
    struct error e = {0};
    struct buf raw = {0};
    struct buf body = {0};
    struct buf b = {0};
    struct statement st;
    struct tlv t;
    assert_done(store_get(w->store, "config", 0, STORE_ALL, &raw, &e), &e);
    assert_done(statement_parse(buf_view(&raw), FORMAT_CONFIG, NULL, &st, &e), &e);
    struct tlv_reader r = tlv_reader_of(st.body);
    while (tlv_next(&r, &t)) {
        uint8_t masks[24] = {0};
        masks[mask * 8 + 5] = 4;
        assert_done(
            tlv_put(&body, t.tag, t.tag == 2 ? bytes_of(masks, sizeof masks) : t.value, &e),
            &e);
    }
    assert_done(tlv_text(&body, 50, "new", &e), &e);
    assert_done(
        statement_write(FORMAT_CONFIG, st.repository_id, signer, buf_view(&body), &b, &e), &e);
    store_memory_change(w->store, "config", buf_view(&b));
    buf_done(&raw);
    buf_done(&body);
    buf_done(&b);
}

static void features_of_newer_versions_are_heeded(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct repository r;
    struct bundle b = {.flags = 0};
    struct secret content;
    struct buf envelopes = {0};
    change_config(w, 0, &w->admin); /* compat */
    assert_done(night_open(&r, &w->repository, w->store, &e), &e);
    struct night night = store_one(&r);
    night_done(&night);
    repository_done(&r);
    change_config(w, 1, &w->admin); /* ro-compat: read, never write */
    assert_done(night_open(&r, &w->repository, w->store, &e), &e);
    assert_refused(repo_seal_keys(r.repo, b.host_id, &content, &envelopes, &e), &e,
                   ERROR_UNSUPPORTED);
    assert_refused(repo_enrol(r.repo, true, &b, &e), &e, ERROR_UNSUPPORTED);
    repository_done(&r);
    change_config(w, 2, &w->admin); /* incompat */
    assert_refused(night_open(&r, &w->repository, w->store, &e), &e, ERROR_UNSUPPORTED);
}

static void a_config_signed_by_another_is_refused(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct repository r;
    change_config(w, 0, &w->repository.bundle.signer);
    assert_refused(night_open(&r, &w->repository, w->store, &e), &e, ERROR_CORRUPT);
}

/* Rubbish among the slots, before and behind the real one, keeps nobody out. */
static void a_passphrase_opens_its_slot_among_rubbish(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct secret seed;
    assert_refused(repo_use_passphrase(w->repository.repo, "anything", &e), &e, ERROR_KEY);
    assert_non_null(strstr(e.text, "no passphrase slot"));
    struct store *s = store_memory_new(&e);
    assert_non_null(s);
    for (unsigned i = 0; i < 20; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "keys/%02x", i);
        assert_done(store_put(w->store, name, bytes_text("rubbish"), &e), &e);
        if (i == 0)
            assert_refused(repo_use_passphrase(w->repository.repo, "x", &e), &e, ERROR_KEY);
    }
    assert_done(secret_random(seed.key, sizeof seed.key, &e), &e);
    assert_done(repo_create(s, "right", &seed, &e), &e);
    for (unsigned i = 0; i < 2; i++)
        assert_done(store_put(s, i ? "keys/00" : "keys/ff", bytes_text("rubbish"), &e), &e);
    struct repo *r = repo_open(s, &e);
    assert_non_null(r);
    assert_refused(repo_use_passphrase(r, "wrong", &e), &e, ERROR_KEY);
    assert_false(repo_has_seed(r));
    assert_done(repo_use_passphrase(r, "right", &e), &e);
    assert_true(repo_has_seed(r));
    repo_free(r);
    store_close(s);
}

static void removed_and_replaced_enrolments_are_not_active(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct repository r;
    const struct host *first = repo_host(w->repository.repo, 0);
    assert_true(repo_host_active(w->repository.repo, first));
    struct host next = *first;
    next.flags = FORMAT_HOST_REMOVED;
    next.replaces_count = 1;
    memcpy(next.replaces[0], first->nonce, FORMAT_ID_LEN);
    next = enrol(w, &next);
    assert_done(night_open(&r, &w->repository, w->store, &e), &e);
    assert_int_equal(repo_host_count(r.repo), 2);
    for (size_t i = 0; i < 2; i++)
        assert_false(repo_host_active(r.repo, repo_host(r.repo, i)));
    repository_done(&r);
}

static void a_removed_keeper_gets_no_envelope(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct repository r;
    struct secret content;
    struct buf envelopes = {0};
    uint8_t backup[FORMAT_ID_LEN] = {1};
    assert_done(repo_seal_keys(w->repository.repo, backup, &content, &envelopes, &e), &e);
    assert_int_equal(envelopes.len, 2 * ENVELOPE_LEN); /* the seed's reader and the keeper */
    struct host gone = *repo_host(w->repository.repo, 0);
    gone.flags |= FORMAT_HOST_REMOVED;
    gone.replaces_count = 1;
    memcpy(gone.replaces[0], gone.nonce, FORMAT_ID_LEN);
    (void)enrol(w, &gone);
    assert_done(night_open(&r, &w->repository, w->store, &e), &e);
    envelopes.len = 0;
    assert_done(repo_seal_keys(r.repo, backup, &content, &envelopes, &e), &e);
    assert_int_equal(envelopes.len, ENVELOPE_LEN);
    repository_done(&r);
    buf_done(&envelopes);
}

static void a_keeper_reads_metadata_and_the_seed_reads_all(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct night night = store_one(&w->repository);
    for (int seed = 0; seed < 2; seed++) {
        struct repo *r = repo_open(w->store, &e);
        struct manifest m = {0};
        struct repo_keys keys;
        assert_non_null(r);
        assert_done(repo_manifest(r, night.id, true, &m, &e), &e);
        assert_false(m.is_open); /* no key at hand is no error */
        assert_refused(repo_open_keys(r, night.id, buf_view(&m.envelopes), &keys, &e), &e,
                       ERROR_KEY);
        manifest_done(&m);
        assert_done(seed ? repo_use_seed(r, &w->repository.seed, &e)
                         : repo_use_bundle(r, &w->repository.bundle, &e),
                    &e);
        assert_done(repo_manifest(r, night.id, true, &m, &e), &e);
        assert_true(m.is_open);
        assert_done(repo_open_keys(r, night.id, buf_view(&m.envelopes), &keys, &e), &e);
        assert_int_equal(keys.has_content, seed);
        /* Envelopes are bound to their backup. */
        uint8_t other[FORMAT_ID_LEN] = {9};
        assert_refused(repo_open_keys(r, other, buf_view(&m.envelopes), &keys, &e), &e,
                       ERROR_KEY);
        manifest_done(&m);
        repo_free(r);
    }
    night_done(&night);
}

static void manifests_are_believed_of_their_host_only(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct manifest m = {0};
    struct buf b = {0};
    struct secret metadata = {{1}};
    struct statement_signer stranger;
    uint8_t id[FORMAT_ID_LEN];
    const struct secret seed = {{77}};
    assert_done(statement_signer_init(&stranger, &seed, &e), &e);
    memset(id, 0xab, sizeof id);
    const char *name = "backups/abababababababababababababababab";
    assert_int_equal(repo_manifest(w->repository.repo, id, true, &m, &e), STORE_ABSENT);
    for (int i = 0; i < 4; i++) {
        struct manifest made = {.sequence = 1, .kind = MANIFEST_MANUAL};
        memcpy(made.backup_id, id, sizeof id);
        memcpy(made.host_id, w->repository.bundle.host_id, FORMAT_ID_LEN);
        made.backup_id[0] ^= i == 1; /* stored under another name */
        made.host_id[0] ^= i == 2;   /* in the name of another host */
        b.len = 0;
        assert_done(manifest_write(&made, repo_id(w->repository.repo), &metadata,
                                   i == 3 ? &stranger : &w->repository.bundle.signer, &b, &e),
                    &e);
        if (i == 0)
            assert_done(store_put(w->store, name, buf_view(&b), &e), &e);
        store_memory_change(w->store, name, buf_view(&b));
        if (i == 0)
            assert_done(repo_manifest(w->repository.repo, id, true, &m, &e), &e);
        else
            assert_refused(repo_manifest(w->repository.repo, id, true, &m, &e), &e,
                           ERROR_CORRUPT);
        manifest_done(&m);
        manifest_done(&made);
    }
    buf_done(&b);
}

/* Another object of the same signer under a manifest's name. */
static void no_other_statement_is_a_manifest(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct manifest m = {0};
    uint8_t id[FORMAT_ID_LEN] = {0};
    for (int type = FORMAT_CONFIG; type <= FORMAT_LEDGER; type++) {
        struct buf b = {0};
        if (type == FORMAT_MANIFEST)
            continue;
        assert_done(statement_write((enum format_type)type, repo_id(w->repository.repo),
                                    &w->repository.bundle.signer, bytes_text("\1\1x"), &b, &e),
                    &e);
        const char *name = "backups/00000000000000000000000000000000";
        assert_done(store_put(w->store, name, buf_view(&b), &e), &e);
        assert_refused(repo_manifest(w->repository.repo, id, true, &m, &e), &e, ERROR_CORRUPT);
        assert_done(store_remove(w->store, name, &e), &e);
        buf_done(&b);
    }
}

static void a_bad_enrolment_closes_nothing(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct repository r;
    struct host h = *repo_host(w->repository.repo, 0);
    struct buf b = {0};
    char name[FORMAT_NAME_MAX];
    h.nonce[0] ^= 1;
    host_name(name, &h);
    assert_done(
        host_write(&h, repo_id(w->repository.repo), &w->repository.bundle.signer, &b, &e), &e);
    assert_done(store_put(w->store, name, buf_view(&b), &e), &e); /* signed by itself */
    assert_done(store_put(w->store, "hosts/00", bytes_text("rubbish"), &e), &e);
    assert_done(store_put(w->store, "hosts/README", bytes_text("rubbish"), &e), &e);
    assert_done(night_open(&r, &w->repository, w->store, &e), &e);
    assert_int_equal(repo_host_count(r.repo), 1);
    repository_done(&r);
    buf_done(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_ours_are_known),
        cmocka_unit_test(an_empty_store_is_no_repository),
        TEST(keys_of_another_repository_are_refused),
        TEST(features_of_newer_versions_are_heeded),
        TEST(a_config_signed_by_another_is_refused),
        TEST(a_passphrase_opens_its_slot_among_rubbish),
        TEST(removed_and_replaced_enrolments_are_not_active),
        TEST(a_removed_keeper_gets_no_envelope),
        TEST(a_keeper_reads_metadata_and_the_seed_reads_all),
        TEST(manifests_are_believed_of_their_host_only),
        TEST(no_other_statement_is_a_manifest),
        TEST(a_bad_enrolment_closes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
