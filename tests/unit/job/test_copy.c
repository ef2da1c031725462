/* SPDX-License-Identifier: Apache-2.0 */
/* A replica holds what the source held, whatever happens to either while it is made. */
#include "tests/unit/job/copy_world.h"

static void a_replica_restores_when_the_source_is_gone(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    uint8_t ours[FORMAT_ID_LEN];
    uint8_t theirs[FORMAT_ID_LEN];
    three_nights(w);
    copies(w, 3, 0);
    assert_true(w->totals.made);
    assert_int_equal(w->totals.packs, store_memory_count(w->from, "packs/"));
    assert_done(replica_id(w->from, ours, &e), &e);
    assert_done(replica_id(w->to, theirs, &e), &e);
    assert_memory_not_equal(ours, theirs, sizeof ours);
    assert_memory_equal(theirs, w->totals.replica_id, sizeof theirs);
    same_object(w, "config");
    assert_int_equal(store_memory_count(w->to, "hosts/"),
                     store_memory_count(w->from, "hosts/"));
    assert_int_equal(store_memory_count(w->to, "sessions/"), 0);
    lose_source(w);
    is_whole(w, 3);
}

static void a_second_copy_sends_nothing(void **state)
{
    struct world *w = *state;
    three_nights(w);
    copies(w, 3, 0);
    size_t before = store_memory_count(w->to, "");
    copies(w, 0, 3);
    assert_false(w->totals.made);
    assert_int_equal(w->totals.packs, 0);
    assert_int_equal(w->totals.small, 0);
    assert_int_equal(store_memory_count(w->to, ""), before);
}

static void a_later_copy_sends_what_is_new(void **state)
{
    struct world *w = *state;
    night(w);
    copies(w, 1, 0);
    size_t packs = store_memory_count(w->from, "packs/");
    night(w);
    copies(w, 1, 1);
    assert_int_equal(w->totals.packs, store_memory_count(w->from, "packs/") - packs);
    is_whole(w, 2);
}

static void backups_are_copied_in_the_order_of_their_commits(void **state)
{
    struct world *w = *state;
    three_nights(w);
    copies(w, 3, 0);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(w->results[i].id, w->ids[i], FORMAT_ID_LEN);
}

static void one_that_is_named_is_copied_alone(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    three_nights(w);
    w->options.chosen = true;
    w->options.ids = bytes_of(w->ids[1], FORMAT_ID_LEN);
    copies(w, 1, 0);
    assert_int_equal(store_memory_count(w->to, "backups/"), 1);
    compares(w, w->to, 1);
    uint8_t nobody[FORMAT_ID_LEN] = {7};
    w->options.ids = bytes_of(nobody, sizeof nobody);
    assert_done(copy(w, &e), &e);
    assert_int_equal(w->totals.gone, 1);
    assert_int_equal(w->results[0].outcome, COPY_GONE);
}

/* A collector of the target may be about to delete the name that it had there before. */
static void no_pack_keeps_its_name(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct names ours = {0};
    struct names theirs = {0};
    three_nights(w);
    copies(w, 3, 0);
    assert_done(names_list(&ours, w->from, "packs/", &e), &e);
    assert_done(names_list(&theirs, w->to, "packs/", &e), &e);
    assert_int_equal(ours.count, theirs.count);
    for (size_t i = 0; i < ours.count; i++) {
        assert_false(names_has(&theirs, names_at(&ours, i)));
        assert_memory_equal(names_at(&ours, i), names_at(&theirs, i), strlen("packs/hh/") + 64);
    }
    names_done(&ours);
    names_done(&theirs);
}

static void what_belongs_to_one_store_stays_there(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    static const char *const stay[] = {"tombstones/", "condemned/", "revoked/", "sessions/"};
    char name[FORMAT_NAME_MAX];
    night(w);
    condemn(w, w->from, "packs/");
    for (size_t i = 0; i < ARRAY_SIZE(stay); i++) {
        (void)snprintf(name, sizeof name, "%s00000000000000000000000000000001-02", stay[i]);
        if (i != 1)
            assert_done(store_put(w->from, name, bytes_text("x"), &e), &e);
    }
    assert_done(store_put(w->from, "ledger/01-02", bytes_text("event"), &e), &e);
    assert_done(store_put(w->from, "keys/03", bytes_text("slot"), &e), &e);
    copies(w, 1, 0);
    for (size_t i = 0; i < ARRAY_SIZE(stay); i++)
        assert_int_equal(store_memory_count(w->to, stay[i]), 0);
    same_object(w, "ledger/01-02");
    same_object(w, "keys/03");
}

/* ---- the order of the steps ----------------------------------------------------------- */

/* Calls in this order, others between them. */
static void assert_order(const struct world *w, const char *const *order, size_t count)
{
    const char *at = (const char *)w->spy->log.data;
    for (size_t i = 0; i < count; i++) {
        at = at ? strstr(at, order[i]) : NULL;
        if (!at) {
            fail_msg("%s is not in its place:\n%s", order[i], (const char *)w->spy->log.data);
            return;
        }
        at += strlen(order[i]);
    }
}

static void the_manifest_comes_when_all_it_needs_is_there_and_synced(void **state)
{
    struct world *w = *state;
    static const char *const order[] = {
        "put sessions/", "sync\n",       "list condemned/", "list packs/",  "put packs/",
        "sync\n",        "put backups/", "sync\n",          "get revoked/", "remove sessions/"};
    night(w);
    w->options.to = &w->spy->proxy.base;
    copies(w, 1, 0);
    assert_order(w, order, ARRAY_SIZE(order));
    /* Nothing is put behind the manifest, no pack behind the sync before it. */
    const char *manifest = strstr((const char *)w->spy->log.data, "put backups/");
    assert_null(strstr(manifest + 1, "put "));
    const char *last = NULL;
    for (const char *at = (const char *)w->spy->log.data; (at = strstr(at, "put packs/")); at++)
        last = at;
    const char *sync = last ? strstr(last, "sync\n") : NULL;
    assert_true(sync && sync < manifest);
}

static void a_new_replica_exists_when_its_config_does(void **state)
{
    struct world *w = *state;
    static const char *const order[] = {"put replica", "put hosts/", "sync\n",
                                        "put config",  "sync\n",     "list condemned/"};
    w->options.to = &w->spy->proxy.base;
    night(w);
    copies(w, 1, 0);
    assert_order(w, order, ARRAY_SIZE(order));
}

/* A copy that died may have left what no sync has seen. */
static void a_copy_with_nothing_to_do_syncs_what_it_has_seen(void **state)
{
    struct world *w = *state;
    static const char *const order[] = {"list backups/", "list packs/", "sync\n"};
    night(w);
    copies(w, 1, 0);
    w->options.to = &w->spy->proxy.base;
    copies(w, 0, 1);
    assert_order(w, order, ARRAY_SIZE(order));
}

static void revoke_first(void *arg)
{
    struct world *w = arg;
    struct error e = {0};
    char name[FORMAT_NAME_MAX];
    char hex[2 * FORMAT_ID_LEN + 1];
    str_hex(hex, w->ids[0], FORMAT_ID_LEN);
    (void)snprintf(name, sizeof name, "revoked/%s", hex);
    assert_done(store_put(w->to, name, bytes_text("x"), &e), &e);
}

static void a_backup_that_is_revoked_meanwhile_is_not_acknowledged(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    night(w);
    w->spy->trigger = "put backups/";
    w->spy->hook = revoke_first;
    w->spy->hook_arg = w;
    w->options.to = &w->spy->proxy.base;
    assert_done(copy(w, &e), &e);
    assert_int_equal(w->totals.failed, 1);
    assert_int_equal(w->results[0].kind, ERROR_BUSY);
    /* And never again: the session of a backup that was revoked protects nothing. */
    w->spy->trigger = NULL;
    assert_done(copy(w, &e), &e);
    assert_int_equal(w->totals.failed, 1);
    assert_int_equal(w->results[0].kind, ERROR_EXISTS);
    assert_int_equal(store_memory_count(w->to, "sessions/"), 0);
}

static void a_backup_that_was_forgotten_at_the_replica_stays_away(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    char name[FORMAT_NAME_MAX];
    char hex[2 * FORMAT_ID_LEN + 1];
    three_nights(w);
    copies(w, 3, 0);
    str_hex(hex, w->ids[1], FORMAT_ID_LEN);
    (void)snprintf(name, sizeof name, "tombstones/%s-00", hex);
    assert_done(store_put(w->to, name, bytes_text("x"), &e), &e);
    copies(w, 0, 3);
    (void)snprintf(name, sizeof name, "backups/%s", hex);
    assert_done(store_remove(w->to, name, &e), &e);
    assert_done(copy(w, &e), &e);
    assert_int_equal(w->totals.there, 2);
    assert_int_equal(w->totals.gone, 1);
    assert_int_equal(store_memory_count(w->to, "backups/"), 2);
}

static void forget_all(void *arg)
{
    struct world *w = arg;
    struct error e = {0};
    struct names names = {0};
    assert_done(names_list(&names, w->from, "backups/", &e), &e);
    assert_done(names_list(&names, w->from, "packs/", &e), &e);
    for (size_t i = 0; i < names.count; i++)
        assert_done(store_remove(w->from, names_at(&names, i), &e), &e);
    names_done(&names);
}

static void a_backup_that_is_forgotten_at_the_source_meanwhile_is_no_damage(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    night(w);
    w->spy->trigger = "put sessions/";
    w->spy->hook = forget_all;
    w->spy->hook_arg = w;
    w->options.to = &w->spy->proxy.base;
    assert_done(copy(w, &e), &e);
    assert_int_equal(w->totals.gone, 1);
    assert_int_equal(w->totals.failed, 0);
    assert_int_equal(store_memory_count(w->to, "backups/"), 0);
}

/* ---- damage --------------------------------------------------------------------------- */

static void a_rotten_pack_is_told_and_the_other_backups_go_on(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    three_nights(w);
    char name[FORMAT_NAME_MAX];
    own_pack(w, 1, name); /* night 3 shares it, or not */
    rot(w->from, name);
    assert_done(copy(w, &e), &e);
    assert_int_equal(w->results[0].outcome, COPY_DONE);
    assert_int_equal(w->results[1].outcome, COPY_FAILED);
    assert_int_equal(w->results[1].kind, ERROR_CORRUPT);
    assert_non_null(strstr(w->results[1].text, name));
    compares(w, w->to, 0);
    assert_int_equal(store_memory_count(w->to, "backups/"), w->totals.copied);
    assert_int_equal(store_memory_count(w->to, "sessions/"), 0);
    rot(w->from, name); /* mended */
    copies(w, 3 - w->totals.copied, w->totals.copied);
    is_whole(w, 3);
}

static void a_pack_that_is_missing_at_the_source_is_damage(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    char name[FORMAT_NAME_MAX];
    night(w);
    own_pack(w, 0, name);
    assert_done(store_remove(w->from, name, &e), &e);
    assert_done(copy(w, &e), &e);
    assert_int_equal(w->results[0].kind, ERROR_CORRUPT);
    assert_non_null(strstr(w->results[0].text, "is missing"));
    assert_int_equal(store_memory_count(w->to, "backups/"), 0);
}

static void a_manifest_that_is_damaged_is_told_and_not_copied(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    char name[FORMAT_NAME_MAX];
    char hex[2 * FORMAT_ID_LEN + 1];
    three_nights(w);
    str_hex(hex, w->ids[2], FORMAT_ID_LEN);
    (void)snprintf(name, sizeof name, "backups/%s", hex);
    rot(w->from, name);
    assert_done(copy(w, &e), &e);
    assert_int_equal(w->totals.copied, 2);
    assert_int_equal(w->totals.failed, 1);
    assert_int_equal(store_memory_count(w->to, "backups/"), 2);
}

/* ---- packs that do not count at the target -------------------------------------------- */

static void a_pack_of_another_size_is_sent_again(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct names names = {0};
    three_nights(w);
    copies(w, 3, 0);
    assert_done(names_list(&names, w->to, "packs/", &e), &e);
    cut(w->to, names_at(&names, 0));
    assert_done(copy(w, &e), &e);
    assert_int_equal(w->totals.packs, 1);
    assert_int_equal(w->totals.failed, 0);
    assert_int_equal(store_memory_count(w->to, "packs/"), names.count + 1);
    is_whole(w, 3);
    copies(w, 0, 3);
    names_done(&names);
}

static void a_condemned_pack_is_sent_again_and_read_when_it_is_deleted(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct names names = {0};
    night(w);
    copies(w, 1, 0);
    assert_done(names_list(&names, w->to, "packs/", &e), &e);
    forget_at(w, w->to, 0);
    condemn(w, w->to, "packs/");
    night(w);
    copies(w, 2, 0);
    for (size_t i = 0; i < names.count; i++)
        assert_done(store_remove(w->to, names_at(&names, i), &e), &e);
    is_whole(w, 2);
    names_done(&names);
}

/* Copied back from the replica, so that its own name is damaged and another one is right. */
static void the_source_is_mended_from_its_replica(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    char name[FORMAT_NAME_MAX];
    struct repository replica;
    three_nights(w);
    copies(w, 3, 0);
    own_pack(w, 0, name);
    cut(w->from, name);
    assert_done(night_open(&replica, &w->repository, w->to, &e), &e);
    w->options.from = replica.repo;
    w->options.to = w->from;
    assert_done(copy(w, &e), &e);
    assert_int_equal(w->totals.packs, 1);
    for (size_t i = 0; i < 3; i++)
        compares(w, w->from, i);
    repository_done(&replica);
}

/* ---- what is refused ------------------------------------------------------------------ */

static void another_repository_is_refused_by_both_ids(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct repository other;
    char ours[2 * FORMAT_ID_LEN + 1];
    char theirs[2 * FORMAT_ID_LEN + 1];
    night(w);
    repository_make(&other, w->to);
    str_hex(ours, repo_id(w->repository.repo), FORMAT_ID_LEN);
    str_hex(theirs, repo_id(other.repo), FORMAT_ID_LEN);
    size_t before = store_memory_count(w->to, "");
    assert_refused(copy(w, &e), &e, ERROR_USAGE);
    assert_non_null(strstr(e.text, ours));
    assert_non_null(strstr(e.text, theirs));
    assert_int_equal(store_memory_count(w->to, ""), before);
    repository_done(&other);
}

static void the_same_store_is_refused(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    night(w);
    w->options.to = w->from;
    assert_refused(copy(w, &e), &e, ERROR_USAGE);
    assert_non_null(strstr(e.text, "one store"));
}

static void a_place_that_is_not_empty_is_refused(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    night(w);
    assert_done(store_put(w->to, "backups/00", bytes_text("x"), &e), &e);
    assert_refused(copy(w, &e), &e, ERROR_EXISTS);
    assert_int_equal(store_memory_count(w->to, ""), 1);
}

static void what_a_killed_init_left_is_cleared_away(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    night(w);
    assert_done(store_put(w->to, "replica", bytes_text("half"), &e), &e);
    assert_done(store_put(w->to, "keys/99", bytes_text("x"), &e), &e);
    copies(w, 1, 0);
    assert_int_equal(store_memory_count(w->to, "keys/"), 0);
    is_whole(w, 1);
}

static void a_host_that_was_removed_may_not_copy(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct statement_signer admin;
    struct secret key;
    struct buf b = {0};
    char name[FORMAT_NAME_MAX];
    night(w);
    struct host gone = *repo_host(w->repository.repo, 0);
    memcpy(gone.replaces[0], gone.nonce, FORMAT_ID_LEN);
    gone.replaces_count = 1;
    gone.flags = FORMAT_HOST_REMOVED;
    gone.nonce[0] ^= 1;
    assert_done(keyring_admin_key(&w->repository.seed, &key, &e), &e);
    assert_done(statement_signer_init(&admin, &key, &e), &e);
    assert_done(host_write(&gone, repo_id(w->repository.repo), &admin, &b, &e), &e);
    host_name(name, &gone);
    assert_done(store_put(w->from, name, buf_view(&b), &e), &e);
    struct repository again;
    assert_done(night_open(&again, &w->repository, w->from, &e), &e);
    w->options.from = again.repo;
    assert_refused(copy(w, &e), &e, ERROR_KEY);
    assert_int_equal(store_memory_count(w->to, ""), 0);
    repository_done(&again);
    buf_done(&b);
}

/* ---- at once, and stopped ------------------------------------------------------------- */

static void *copy_beside(void *arg)
{
    struct copy_totals totals;
    struct error e = {0};
    return copy_run(arg, &totals, &e) == 0 && totals.failed == 0 ? arg : NULL;
}

static void two_copies_at_once_make_one_whole_replica(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    three_nights(w);
    for (int round = 0; round < 20; round++) {
        pthread_t other;
        void *good;
        store_close(w->to);
        w->to = store_memory_new(&e);
        assert_non_null(w->to);
        w->options.to = w->to;
        struct copy_options options = w->options;
        options.settled = NULL;
        assert_int_equal(pthread_create(&other, NULL, copy_beside, &options), 0);
        int rc = copy(w, &e);
        assert_int_equal(pthread_join(other, &good), 0);
        assert_done(rc, &e);
        assert_int_equal(w->totals.failed, 0);
        assert_non_null(good);
        assert_int_equal(store_memory_count(w->to, "sessions/"), 0);
        is_whole(w, 3);
    }
}

static void a_signal_ends_it_and_the_session(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    static volatile sig_atomic_t stop;
    three_nights(w);
    stop = SIGTERM;
    w->options.stop = &stop;
    assert_refused(copy(w, &e), &e, ERROR_TERMINATED);
    assert_int_equal(store_memory_count(w->to, "backups/"), 0);
    assert_int_equal(store_memory_count(w->to, "sessions/"), 0);
    stop = 0;
    copies(w, 3, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_replica_restores_when_the_source_is_gone),
        TEST(a_second_copy_sends_nothing),
        TEST(a_later_copy_sends_what_is_new),
        TEST(backups_are_copied_in_the_order_of_their_commits),
        TEST(one_that_is_named_is_copied_alone),
        TEST(no_pack_keeps_its_name),
        TEST(what_belongs_to_one_store_stays_there),
        TEST(the_manifest_comes_when_all_it_needs_is_there_and_synced),
        TEST(a_new_replica_exists_when_its_config_does),
        TEST(a_copy_with_nothing_to_do_syncs_what_it_has_seen),
        TEST(a_backup_that_is_revoked_meanwhile_is_not_acknowledged),
        TEST(a_backup_that_was_forgotten_at_the_replica_stays_away),
        TEST(a_backup_that_is_forgotten_at_the_source_meanwhile_is_no_damage),
        TEST(a_rotten_pack_is_told_and_the_other_backups_go_on),
        TEST(a_pack_that_is_missing_at_the_source_is_damage),
        TEST(a_manifest_that_is_damaged_is_told_and_not_copied),
        TEST(a_pack_of_another_size_is_sent_again),
        TEST(a_condemned_pack_is_sent_again_and_read_when_it_is_deleted),
        TEST(the_source_is_mended_from_its_replica),
        TEST(another_repository_is_refused_by_both_ids),
        TEST(the_same_store_is_refused),
        TEST(a_place_that_is_not_empty_is_refused),
        TEST(what_a_killed_init_left_is_cleared_away),
        TEST(a_host_that_was_removed_may_not_copy),
        TEST(two_copies_at_once_make_one_whole_replica),
        TEST(a_signal_ends_it_and_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
