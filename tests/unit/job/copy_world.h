/* SPDX-License-Identifier: Apache-2.0 */
/* A source with some nights, a target, both in memory, and what the tests of copies do to
 * them. */
#ifndef TEST_COPY_WORLD_H
#define TEST_COPY_WORLD_H

#include "tests/support/check.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "core/job/copy.h"
#include "core/repo/envelope.h"
#include "core/repo/grant.h"
#include "core/repo/marks.h"
#include "core/repo/names.h"
#include "core/repo/replica.h"
#include "core/repo/tlv.h"
#include "tests/support/made_dump.h"
#include "tests/support/memory_index.h"
#include "tests/support/night.h"
#include "tests/support/store_memory.h"
#include "tests/support/store_spy.h"

#define NIGHTS 4

struct result {
    uint8_t id[FORMAT_ID_LEN];
    enum copy_outcome outcome;
    enum error_kind kind;
    char text[300];
};

struct world {
    struct store *from, *to;
    struct store_spy *spy;
    struct repository repository; /* of the source */
    struct memory_index *index;
    struct buf dumps[NIGHTS];
    uint8_t ids[NIGHTS][FORMAT_ID_LEN];
    size_t nights;
    struct buf rows;
    size_t row_bytes;
    struct copy_options options;
    struct copy_totals totals;
    struct result results[NIGHTS];
    size_t result_count;
};

static inline int note_result(void *arg, const struct copy_result *r, struct error *e)
{
    struct world *w = arg;
    struct result *into = &w->results[w->result_count++];
    (void)e;
    *into = (struct result){.outcome = r->outcome, .kind = r->why ? r->why->kind : ERROR_NONE};
    memcpy(into->id, r->backup_id, FORMAT_ID_LEN);
    if (r->why)
        (void)snprintf(into->text, sizeof into->text, "%.299s", r->why->text);
    return 0;
}

static inline int setup(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->from = store_memory_new(&e);
    w->to = store_memory_new(&e);
    w->spy = calloc(1, sizeof *w->spy);
    assert_true(w->from && w->to && w->spy);
    store_spy_init(w->spy, w->to);
    repository_make(&w->repository, w->from);
    w->index = memory_index_new();
    w->row_bytes = 200 * KIB;
    w->options = (struct copy_options){
        .from = w->repository.repo, .to = w->to, .settled = note_result, .settled_arg = w};
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->nights; i++)
        buf_done(&w->dumps[i]);
    buf_done(&w->rows);
    memory_index_free(w->index);
    repository_done(&w->repository);
    store_spy_done(w->spy);
    free(w->spy);
    store_close(w->from);
    store_close(w->to);
    free(w);
    return 0;
}

/* Another night with more rows than the last one; what it shares it points at. */
static inline void night(struct world *w)
{
    struct error e = {0};
    struct night n;
    struct buf *dump = &w->dumps[w->nights];
    for (uint64_t i = 0; i < 12; i++)
        made_row(&w->rows, w->row_bytes, true, 100 * w->nights + i);
    *dump = made_dump(1, false);
    made_table(dump, 100, buf_view(&w->rows), MADE_LINES, 0);
    assert_done(
        night_store(&w->repository, buf_view(dump), memory_index_callbacks(w->index), &n, &e),
        &e);
    memcpy(w->ids[w->nights++], n.id, FORMAT_ID_LEN);
    night_done(&n);
}

static inline void three_nights(struct world *w)
{
    for (int i = 0; i < 3; i++)
        night(w);
}

static inline int copy(struct world *w, struct error *e)
{
    w->result_count = 0;
    return copy_run(&w->options, &w->totals, e);
}

/* A copy that ends well: so many are copied, so many were there, and no other. */
static inline void copies(struct world *w, size_t copied, size_t there)
{
    struct error e = {0};
    assert_done(copy(w, &e), &e);
    for (size_t i = 0; i < w->result_count; i++)
        if (w->results[i].outcome == COPY_FAILED)
            fail_msg("%s", w->results[i].text);
    assert_int_equal(w->totals.copied, copied);
    assert_int_equal(w->totals.there, there);
    assert_int_equal(w->totals.gone, 0);
}

/* Night i comes back from a store to the byte. */
static inline void compares(struct world *w, struct store *store, size_t i)
{
    struct error e = {0};
    struct repository r;
    assert_done(night_open(&r, &w->repository, store, &e), &e);
    assert_done(night_compare(&r, w->ids[i], buf_view(&w->dumps[i]), &e), &e);
    repository_done(&r);
}

/* The target has the first nights, and they come back. */
static inline void is_whole(struct world *w, size_t nights)
{
    assert_int_equal(store_memory_count(w->to, "backups/"), nights);
    for (size_t i = 0; i < nights; i++)
        compares(w, w->to, i);
}

static inline void lose_source(struct world *w)
{
    struct error e = {0};
    struct names names = {0};
    assert_done(names_list(&names, w->from, "", &e), &e);
    for (size_t i = 0; i < names.count; i++)
        assert_done(store_remove(w->from, names_at(&names, i), &e), &e);
    names_done(&names);
}

static inline void same_object(struct world *w, const char *name)
{
    struct error e = {0};
    struct buf a = {0};
    struct buf b = {0};
    assert_done(store_get(w->from, name, 0, STORE_ALL, &a, &e), &e);
    assert_done(store_get(w->to, name, 0, STORE_ALL, &b, &e), &e);
    assert_true(bytes_equal(buf_view(&a), buf_view(&b)));
    buf_done(&a);
    buf_done(&b);
}

/* A pack that night i made, by its name at the source. */
static inline void own_pack(struct world *w, size_t i, char name[FORMAT_NAME_MAX])
{
    struct error e = {0};
    struct manifest m = {0};
    assert_done(repo_manifest(w->repository.repo, w->ids[i], false, &m, &e), &e);
    for (size_t k = 0; k < m.closure.count; k++)
        if (memcmp(m.closure.packs[k].owner, w->ids[i], FORMAT_ID_LEN) == 0)
            ref_pack_name(name, &m.closure.packs[k].object);
    manifest_done(&m);
}

/* A bit in the middle of an object; twice is as before. */
static inline void rot(struct store *store, const char *name)
{
    struct error e = {0};
    struct buf b = {0};
    assert_done(store_get(store, name, 0, STORE_ALL, &b, &e), &e);
    b.data[b.len / 2] ^= 1;
    store_memory_change(store, name, buf_view(&b));
    buf_done(&b);
}

static inline void cut(struct store *store, const char *name)
{
    struct error e = {0};
    struct buf b = {0};
    assert_done(store_get(store, name, 0, STORE_ALL, &b, &e), &e);
    store_memory_change(store, name, bytes_of(b.data, b.len / 2));
    buf_done(&b);
}

/* All packs that a store has now, by its keeper. */
static inline void condemn(struct world *w, struct store *store, const char *prefix)
{
    struct error e = {0};
    struct names names = {0};
    struct buf body = {0};
    struct buf object = {0};
    assert_done(names_list(&names, store, prefix, &e), &e);
    for (size_t i = 0; i < names.count; i++) {
        struct ref_object pack;
        uint8_t key[FORMAT_HASH_LEN + FORMAT_SUFFIX_LEN];
        assert_true(ref_pack_parse(names_at(&names, i), &pack));
        memcpy(key, pack.sha256, FORMAT_HASH_LEN);
        memcpy(key + FORMAT_HASH_LEN, pack.suffix, FORMAT_SUFFIX_LEN);
        assert_done(tlv_put(&body, 1, bytes_of(key, sizeof key), &e), &e);
    }
    assert_done(statement_write(FORMAT_CONDEMNED, repo_id(w->repository.repo),
                                &w->repository.bundle.signer, buf_view(&body), &object, &e),
                &e);
    assert_done(store_put(store, "condemned/00", buf_view(&object), &e), &e);
    names_done(&names);
    buf_done(&body);
    buf_done(&object);
}

/* The manifest of night i is deleted, without a tombstone. */
static inline void forget_at(struct world *w, struct store *store, size_t i)
{
    struct error e = {0};
    char hex[2 * FORMAT_ID_LEN + 1];
    char name[FORMAT_NAME_MAX];
    str_hex(hex, w->ids[i], FORMAT_ID_LEN);
    (void)snprintf(name, sizeof name, "backups/%s", hex);
    assert_done(store_remove(store, name, &e), &e);
}

/* A mark of night i at the source; of_replica: it names the source. */
static inline void put_mark(struct world *w, size_t i, enum marks_type type, bool of_replica)
{
    struct error e = {0};
    struct manifest m = {0};
    assert_done(repo_manifest(w->repository.repo, w->ids[i], false, &m, &e), &e);
    const struct marks_draft draft = {
        .manifest = &m, .type = type, .text = "because", .of_replica = of_replica};
    assert_done(marks_put(w->repository.repo, &draft, NULL, &e), &e);
    manifest_done(&m);
}

#endif
