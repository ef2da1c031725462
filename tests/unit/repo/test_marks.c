/* SPDX-License-Identifier: Apache-2.0 */
/* Marks: who may say what about a backup, who can read it, and what counts for nothing. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/repo/marks.h"
#include "core/repo/names.h"
#include "core/repo/replica.h"
#include "core/repo/tlv.h"
#include "tests/support/made_dump.h"
#include "tests/support/night.h"
#include "tests/support/store_memory.h"

struct world {
    struct store *store;
    struct repository repository; /* this host is a keeper */
    struct manifest manifest;     /* of a backup that is there */
};

static int setup(void **state)
{
    struct error e = {0};
    struct night n;
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->store = store_memory_new(&e);
    assert_non_null(w->store);
    repository_make(&w->repository, w->store);
    struct buf dump = made_dump(0, false);
    assert_done(night_store(&w->repository, buf_view(&dump), NULL, &n, &e), &e);
    assert_done(repo_manifest(w->repository.repo, n.id, false, &w->manifest, &e), &e);
    buf_done(&dump);
    night_done(&n);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    manifest_done(&w->manifest);
    repository_done(&w->repository);
    store_close(w->store);
    free(w);
    return 0;
}

static void put(struct world *w, const struct marks_draft *like, uint8_t nonce[FORMAT_ID_LEN])
{
    struct error e = {0};
    struct marks_draft draft = *like;
    draft.manifest = &w->manifest;
    assert_done(marks_put(w->repository.repo, &draft, nonce, &e), &e);
}

/* What a visit saw. */
struct seen {
    struct world *w;
    size_t count;
    struct mark last;
    char text[200];
};

static int see(void *arg, struct mark *m, struct error *e)
{
    struct seen *s = arg;
    if (marks_open(s->w->repository.repo, &s->w->manifest, m, e) < 0)
        return -1;
    s->count++;
    s->last = *m;
    s->last.sealed = (struct buf){0};
    (void)snprintf(s->text, sizeof s->text, "%s", m->text ? m->text : "(closed)");
    return 0;
}

/* All marks that count; so many objects do not. */
static struct seen visit(struct world *w, size_t ignored)
{
    struct error e = {0};
    struct seen s = {.w = w};
    size_t found = 0;
    assert_done(marks_visit(w->repository.repo, NULL, see, &s, &found, &e), &e);
    assert_int_equal(found, ignored);
    return s;
}

/* The only mark's object, and its name. */
static struct buf only_object(struct world *w, char name[FORMAT_NAME_MAX])
{
    struct error e = {0};
    struct names names = {0};
    struct buf raw = {0};
    assert_done(names_list(&names, w->store, "marks/", &e), &e);
    assert_int_equal(names.count, 1);
    (void)snprintf(name, FORMAT_NAME_MAX, "%s", names_at(&names, 0));
    assert_done(store_get(w->store, name, 0, STORE_ALL, &raw, &e), &e);
    names_done(&names);
    return raw;
}

/* Sign body anew, as this bundle, under name. */
static void sign(struct world *w, const struct bundle *b, struct bytes body, const char *name)
{
    struct error e = {0};
    struct buf object = {0};
    assert_done(statement_write(FORMAT_MARK, repo_id(w->repository.repo), &b->signer, body,
                                &object, &e),
                &e);
    store_memory_change(w->store, name, buf_view(&object));
    buf_done(&object);
}

static void a_mark_comes_back_as_it_was_made(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    uint8_t nonce[FORMAT_ID_LEN], other[FORMAT_ID_LEN], replica[FORMAT_ID_LEN];
    const char *text = "{\"result\": \"same\", \"ms\": 1200, \"who\": \"J\xc3\xbcrgen\"}";
    int64_t before = clock_now_us();
    put(w, &(struct marks_draft){.type = MARKS_REHEARSED, .text = text}, nonce);
    assert_done(replica_id(w->store, replica, &e), &e);
    struct seen s = visit(w, 0);
    assert_int_equal(s.count, 1);
    assert_string_equal(s.text, text);
    assert_int_equal(s.last.type, MARKS_REHEARSED);
    assert_true(s.last.time_us >= before && s.last.time_us <= clock_now_us());
    assert_memory_equal(s.last.backup_id, w->manifest.backup_id, FORMAT_ID_LEN);
    assert_memory_equal(s.last.host_id, w->repository.bundle.host_id, FORMAT_ID_LEN);
    assert_memory_equal(s.last.nonce, nonce, FORMAT_ID_LEN);
    assert_true(s.last.of_replica);
    assert_memory_equal(s.last.replica_id, replica, FORMAT_ID_LEN);
    assert_false(s.last.refers);
    /* One that refers, without a text, about the backup wherever it is. */
    put(w, &(struct marks_draft){.type = MARKS_RELEASE, .refers_to = nonce}, other);
    char name[FORMAT_NAME_MAX];
    struct mark m;
    marks_name(name, w->manifest.backup_id, other);
    assert_done(marks_get(w->repository.repo, name, replica, &m, &e), &e);
    assert_true(m.refers && !m.has_text && !m.of_replica);
    assert_memory_equal(m.refers_to, nonce, FORMAT_ID_LEN);
    marks_done(&m);
    assert_int_equal(visit(w, 0).count, 2);
}

static void a_text_of_two_marks_never_has_one_key(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct names names = {0};
    struct mark m[2];
    uint8_t replica[FORMAT_ID_LEN] = {0};
    for (int i = 0; i < 2; i++)
        put(w, &(struct marks_draft){.type = MARKS_HOLD, .text = "the same words"}, NULL);
    assert_done(names_list(&names, w->store, "marks/", &e), &e);
    assert_int_equal(names.count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_done(marks_get(w->repository.repo, names_at(&names, i), replica, &m[i], &e), &e);
    assert_int_equal(m[0].sealed.len, m[1].sealed.len);
    assert_memory_not_equal(m[0].sealed.data, m[1].sealed.data, m[0].sealed.len);
    marks_done(&m[0]);
    marks_done(&m[1]);
    names_done(&names);
}

static void marks_of_one_backup_can_be_asked_for(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct seen s = {.w = w};
    const uint8_t other[FORMAT_ID_LEN] = {1};
    put(w, &(struct marks_draft){.type = MARKS_ACK, .text = "fine"}, NULL);
    assert_done(marks_visit(w->repository.repo, other, see, &s, NULL, &e), &e);
    assert_int_equal(s.count, 0);
    assert_done(marks_visit(w->repository.repo, w->manifest.backup_id, see, &s, NULL, &e), &e);
    assert_int_equal(s.count, 1);
}

static void only_a_keeper_may_ack_release_and_unforget(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct bundle keeper = w->repository.bundle;
    struct bundle writer;
    char name[FORMAT_NAME_MAX];
    static const enum marks_type keepers[] = {MARKS_RELEASE, MARKS_ACK, MARKS_UNFORGET};
    assert_done(repo_enrol(w->repository.repo, false, &writer, &e), &e);
    for (size_t i = 0; i < ARRAY_SIZE(keepers); i++) {
        const struct marks_draft draft = {.manifest = &w->manifest, .type = keepers[i]};
        assert_refused(marks_put(w->repository.repo, &draft, NULL, &e), &e, ERROR_KEY);
        assert_non_null(strstr(e.text, "keeper"));
    }
    put(w, &(struct marks_draft){.type = MARKS_HOLD}, NULL);
    assert_int_equal(visit(w, 0).count, 1);
    /* A writer that signs an ack all the same is not heard. */
    struct buf raw = only_object(w, name);
    struct buf body = {0};
    assert_done(buf_append(&body, raw.data + 48, raw.len - 48 - 64, &e), &e);
    assert_done(repo_use_bundle(w->repository.repo, &keeper, &e), &e);
    body.data[20] = MARKS_ACK; /* behind the backup id, 18 bytes: tag and length */
    sign(w, &writer, buf_view(&body), name);
    assert_int_equal(visit(w, 1).count, 0);
    body.data[20] = MARKS_HOLD;
    sign(w, &writer, buf_view(&body), name);
    assert_int_equal(visit(w, 0).count, 1);
    buf_done(&body);
    buf_done(&raw);
    bundle_wipe(&writer);
}

static void what_nobody_enrolled_signed_counts_for_nothing(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct bundle stranger = {0};
    char name[FORMAT_NAME_MAX];
    put(w, &(struct marks_draft){.type = MARKS_HOLD, .text = "stays"}, NULL);
    struct buf raw = only_object(w, name);
    const struct bytes body = bytes_of(raw.data + 48, raw.len - 48 - 64);
    const struct secret seed = {{7}};
    assert_done(statement_signer_init(&stranger.signer, &seed, &e), &e);
    sign(w, &stranger, body, name);
    assert_int_equal(visit(w, 1).count, 0);
    /* Another host that is enrolled may not speak for this one. */
    struct bundle other;
    assert_done(repo_enrol(w->repository.repo, true, &other, &e), &e);
    sign(w, &other, body, name);
    assert_int_equal(visit(w, 1).count, 0);
    sign(w, &w->repository.bundle, body, name);
    assert_int_equal(visit(w, 0).count, 1);
    bundle_wipe(&other);
    buf_done(&raw);
}

static void a_text_that_was_tampered_with_is_refused(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    char name[FORMAT_NAME_MAX];
    uint8_t replica[FORMAT_ID_LEN] = {0};
    put(w, &(struct marks_draft){.type = MARKS_HOLD, .text = "keep until May"}, NULL);
    struct buf raw = only_object(w, name);
    struct buf body = {0};
    assert_done(buf_append(&body, raw.data + 48, raw.len - 48 - 64, &e), &e);
    /* The signature covers the sealed text... */
    raw.data[raw.len - 64 - 2 - FORMAT_ID_LEN - 1] ^= 1;
    store_memory_change(w->store, name, buf_view(&raw));
    assert_int_equal(visit(w, 1).count, 0);
    /* ...and whoever can sign cannot make one text out of another, nor move it to a mark of
     * another type. */
    for (int turn = 0; turn < 2; turn++) {
        struct mark m;
        size_t at = turn == 0 ? body.len - 2 - FORMAT_ID_LEN - 1 : 20;
        uint8_t kept = body.data[at];
        body.data[at] = turn == 0 ? kept ^ 1 : MARKS_ACK;
        sign(w, &w->repository.bundle, buf_view(&body), name);
        assert_done(marks_get(w->repository.repo, name, replica, &m, &e), &e);
        assert_refused(marks_open(w->repository.repo, &w->manifest, &m, &e), &e, ERROR_CORRUPT);
        assert_null(m.text);
        marks_done(&m);
        body.data[at] = kept;
    }
    buf_done(&body);
    buf_done(&raw);
}

static void a_mark_under_another_name_is_refused(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    char name[FORMAT_NAME_MAX];
    put(w, &(struct marks_draft){.type = MARKS_ACK, .text = "fine"}, NULL);
    struct buf raw = only_object(w, name);
    assert_done(store_remove(w->store, name, &e), &e);
    /* Another backup's, another <r>, and no name of a mark at all. */
    static const size_t places[] = {6, 39};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        char moved[FORMAT_NAME_MAX];
        (void)snprintf(moved, sizeof moved, "%s", name);
        moved[places[i]] = moved[places[i]] == '0' ? '1' : '0';
        assert_done(store_put(w->store, moved, buf_view(&raw), &e), &e);
        assert_int_equal(visit(w, 1).count, 0);
        assert_done(store_remove(w->store, moved, &e), &e);
    }
    assert_done(store_put(w->store, "marks/00", buf_view(&raw), &e), &e);
    assert_int_equal(visit(w, 1).count, 0);
    buf_done(&raw);
}

static void unknown_tags_are_skipped_and_unknown_types_ignored(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    char name[FORMAT_NAME_MAX];
    put(w, &(struct marks_draft){.type = MARKS_HOLD, .text = "because"}, NULL);
    struct buf raw = only_object(w, name);
    struct buf body = {0};
    assert_done(buf_append(&body, raw.data + 48, raw.len - 48 - 64, &e), &e);
    assert_done(tlv_put(&body, 60, bytes_text("of a later version"), &e), &e);
    assert_done(tlv_put(&body, 1000, bytes_text("twice"), &e), &e);
    assert_done(tlv_put(&body, 1000, bytes_text("twice"), &e), &e);
    sign(w, &w->repository.bundle, buf_view(&body), name);
    assert_string_equal(visit(w, 0).text, "because");
    body.data[20] = MARKS_DEPLOY_END + 1;
    sign(w, &w->repository.bundle, buf_view(&body), name);
    assert_int_equal(visit(w, 1).count, 0);
    buf_done(&body);
    buf_done(&raw);
}

static void what_was_said_of_another_store_is_ignored_here(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    uint8_t other[REPLICA_LEN];
    put(w, &(struct marks_draft){.type = MARKS_VERIFIED}, NULL);
    put(w, &(struct marks_draft){.type = MARKS_HOLD, .of_replica = true}, NULL);
    put(w, &(struct marks_draft){.type = MARKS_HOLD}, NULL);
    assert_int_equal(visit(w, 0).count, 3);
    assert_done(replica_new(other, &e), &e);
    store_memory_change(w->store, "replica", bytes_of(other, sizeof other));
    assert_int_equal(visit(w, 2).count, 1);
}

/* The same repository, opened with nothing at hand but this bundle (NULL: not even that). */
static void open_with(struct world *w, const struct bundle *b)
{
    struct error e = {0};
    repo_free(w->repository.repo);
    w->repository.repo = repo_open(w->store, &e);
    assert_non_null(w->repository.repo);
    if (b)
        assert_done(repo_use_bundle(w->repository.repo, b, &e), &e);
}

static void without_a_key_for_metadata_the_text_stays_closed(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct bundle writer;
    put(w, &(struct marks_draft){.type = MARKS_ACK, .text = "secret reason"}, NULL);
    assert_done(repo_enrol(w->repository.repo, false, &writer, &e), &e);
    open_with(w, &writer);
    assert_string_equal(visit(w, 0).text, "(closed)");
    /* It may say something, but seal nothing. */
    put(w, &(struct marks_draft){.type = MARKS_HOLD}, NULL);
    const struct marks_draft draft = {
        .manifest = &w->manifest, .type = MARKS_HOLD, .text = "no"};
    assert_refused(marks_put(w->repository.repo, &draft, NULL, &e), &e, ERROR_KEY);
    open_with(w, NULL);
    assert_refused(marks_put(w->repository.repo, &draft, NULL, &e), &e, ERROR_KEY);
    bundle_wipe(&writer);
}

static void a_text_that_is_too_long_is_refused(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    char *text = calloc(1, MARKS_MAX_TEXT + 2);
    assert_non_null(text);
    memset(text, 'x', MARKS_MAX_TEXT + 1);
    const struct marks_draft draft = {
        .manifest = &w->manifest, .type = MARKS_HOLD, .text = text};
    assert_refused(marks_put(w->repository.repo, &draft, NULL, &e), &e, ERROR_USAGE);
    text[MARKS_MAX_TEXT] = '\0';
    put(w, &draft, NULL);
    assert_int_equal(visit(w, 0).count, 1);
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mark_comes_back_as_it_was_made),
        TEST(a_text_of_two_marks_never_has_one_key),
        TEST(marks_of_one_backup_can_be_asked_for),
        TEST(only_a_keeper_may_ack_release_and_unforget),
        TEST(what_nobody_enrolled_signed_counts_for_nothing),
        TEST(a_text_that_was_tampered_with_is_refused),
        TEST(a_mark_under_another_name_is_refused),
        TEST(unknown_tags_are_skipped_and_unknown_types_ignored),
        TEST(what_was_said_of_another_store_is_ignored_here),
        TEST(without_a_key_for_metadata_the_text_stays_closed),
        TEST(a_text_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
