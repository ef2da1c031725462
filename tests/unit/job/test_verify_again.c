/* SPDX-License-Identifier: Apache-2.0 */
/* Backups checked again find what a restore of each would find, and say the same of it. */
#include "tests/support/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/job/verify_again.h"
#include "tests/support/made_dump.h"
#include "tests/support/night.h"
#include "tests/support/store_memory.h"

#define NIGHTS 4
#define ROWS 12000

struct world {
    struct night_world world;
    char kept[SCRATCH_PATH];
    struct buf dumps[NIGHTS];
    struct night nights[NIGHTS];
    struct manifest manifests[NIGHTS];
    size_t count;
    uint32_t versions[ROWS];
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    night_world_make(&w->world);
    scratch_path(w->kept, w->world.folder, "kept");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->count; i++) {
        buf_done(&w->dumps[i]);
        night_done(&w->nights[i]);
        manifest_done(&w->manifests[i]);
    }
    night_world_done(&w->world);
    free(w);
    return 0;
}

/* ---- nights -------------------------------------------------------------------------- */

/* What a night's dump has beside a table that changes, one that does not and bytes. */
struct shape {
    bool column;   /* the first table has one more */
    bool long_row; /* so has the second */
};

static void orders(const struct world *w, bool column, struct buf *out)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        uint64_t seed = (uint64_t)i << 32 | w->versions[i];
        unsigned long long noise = (unsigned long long)made_random(&seed);
        assert_int_equal(buf_printf(out, NULL, "%u\t%u\tnote number %016llx %016llx%s\n", i,
                                    w->versions[i], noise, noise * 3, column ? "\tweb" : ""),
                         0);
    }
}

static struct buf dump_of(const struct world *w, struct shape shape)
{
    struct archive_entry entries[3];
    struct buf changing = {0};
    struct buf fixed = {0};
    for (int i = 0; i < 3; i++)
        entries[i] = archive_with_id(&archive_data, 100 + i);
    entries[0].tag = "orders";
    entries[0].oid = "16400";
    entries[0].copy = shape.column
                          ? "COPY public.orders (id, version, note, channel) FROM stdin;\n"
                          : "COPY public.orders (id, version, note) FROM stdin;\n";
    entries[1].tag = "fixed";
    entries[1].oid = "16401";
    entries[1].copy = "COPY public.fixed (a) FROM stdin;\n";
    entries[2].tag = "bytes";
    entries[2].oid = "16402";
    entries[2].copy = NULL;
    struct buf dump = archive_with_toc(16, entries, 3);
    orders(w, shape.column, &changing);
    made_table(&dump, 100, buf_view(&changing), MADE_LINES, 0);
    for (uint32_t i = 0; i < 2000; i++)
        assert_int_equal(buf_printf(&fixed, NULL, "row %u\n", i), 0);
    if (shape.long_row)
        made_row(&fixed, 5 * MIB, false, 7);
    made_table(&dump, 101, buf_view(&fixed), MADE_RANDOM, 900);
    made_table(&dump, 102, buf_view(&fixed), MADE_FIXED, 4096);
    buf_done(&changing);
    buf_done(&fixed);
    return dump;
}

static void night(struct world *w, struct shape shape)
{
    struct error e = {0};
    size_t i = w->count;
    assert_true(i < NIGHTS);
    w->dumps[i] = dump_of(w, shape);
    const struct night_rows rows = {.index = memory_index_callbacks(w->world.index),
                                    .path = w->world.state};
    assert_done(night_store_rows(&w->world.repository, buf_view(&w->dumps[i]), &rows,
                                 &w->nights[i], &e),
                &e);
    assert_done(
        repo_manifest(w->world.repository.repo, w->nights[i].id, true, &w->manifests[i], &e),
        &e);
    w->count++;
    for (uint32_t k = (uint32_t)i; k < ROWS; k += 97)
        w->versions[k]++;
}

static void nights(struct world *w)
{
    for (size_t i = 0; i < NIGHTS; i++)
        night(w, (struct shape){0});
}

/* ---- checks -------------------------------------------------------------------------- */

static struct verify_again *checker(struct world *w, uint64_t limit,
                                    const volatile sig_atomic_t *stop)
{
    struct error e = {0};
    const struct verify_again_options options = {.repo = w->world.repository.repo,
                                                 .workers = 3,
                                                 .path = w->kept,
                                                 .limit = limit,
                                                 .stop = stop};
    struct verify_again *v = verify_again_new(&options, &e);
    assert_non_null(v);
    return v;
}

static int check(struct world *w, struct verify_again *v, struct verify_again_item *items,
                 struct error *e)
{
    for (size_t i = 0; i < w->count; i++) {
        items[i] = (struct verify_again_item){.manifest = &w->manifests[i]};
        assert_int_equal(verify_again_takes(v, items[i].manifest, e), 0);
    }
    return verify_again_run(v, items, w->count, e);
}

/* All are good; what that took. */
static struct verify_again_counts check_good(struct world *w, struct verify_again *v)
{
    struct error e = {0};
    struct verify_again_item items[NIGHTS];
    assert_done(check(w, v, items, &e), &e);
    for (size_t i = 0; i < w->count; i++)
        if (items[i].failed)
            fail_msg("night %zu: %s", i, items[i].why.text);
    return verify_again_counts(v);
}

static void chunks_that_nights_share_are_decoded_once(void **state)
{
    struct world *w = *state;
    nights(w);
    struct verify_again *one = checker(w, VERIFY_AGAIN_LIMIT, NULL);
    struct verify_again *all = checker(w, VERIFY_AGAIN_LIMIT, NULL);
    size_t count = w->count;
    w->count = 1;
    struct verify_again_counts first = check_good(w, one);
    w->count = count;
    struct verify_again_counts found = check_good(w, all);
    assert_true(first.chunks >= 2);
    assert_int_equal(first.walked, 2);
    /* Each later night has a chunk of new rows. */
    assert_in_range(found.chunks, first.chunks + 1, first.chunks + NIGHTS);
    assert_in_range(found.walked, NIGHTS + 1, 2 * NIGHTS);
    assert_int_equal(found.slow, 0);
    verify_again_free(one);
    verify_again_free(all);
}

static void what_was_checked_serves_the_next_batch(void **state)
{
    struct world *w = *state;
    nights(w);
    struct verify_again *v = checker(w, VERIFY_AGAIN_LIMIT, NULL);
    struct verify_again_counts first = check_good(w, v);
    struct verify_again_counts second = check_good(w, v);
    assert_int_equal(second.chunks, first.chunks);
    assert_int_equal(second.walked, first.walked);
    /* TOC, two tables, pieces of one, bytes: all of every night. */
    assert_int_equal(second.shared - first.shared, 5 * NIGHTS);
    verify_again_free(v);
}

static void columns_and_long_rows_are_decoded_on_their_own(void **state)
{
    struct world *w = *state;
    night(w, (struct shape){0});
    night(w, (struct shape){.column = true});
    night(w, (struct shape){.column = true, .long_row = true});
    struct verify_again *v = checker(w, VERIFY_AGAIN_LIMIT, NULL);
    struct verify_again_counts found = check_good(w, v);
    assert_in_range(found.slow, 3, 4);
    verify_again_free(v);
}

static void chunks_beyond_the_limit_are_decoded_on_their_own(void **state)
{
    struct world *w = *state;
    nights(w);
    struct verify_again *none = checker(w, 0, NULL);
    struct verify_again *some = checker(w, ROWS * 16, NULL);
    struct verify_again_counts found = check_good(w, none);
    assert_int_equal(found.chunks, 0);
    assert_int_equal(found.walked, 0);
    assert_in_range(found.slow, NIGHTS + 1, 2 * NIGHTS);
    found = check_good(w, some);
    assert_true(found.chunks > 0);
    assert_true(found.slow > 0);
    verify_again_free(none);
    verify_again_free(some);
}

/* ---- damage -------------------------------------------------------------------------- */

/* Does a check again say of every night what a restore says? Bit i: night i is damaged. */
static unsigned compare(struct world *w, uint64_t limit, const char *what)
{
    struct error e = {0};
    struct verify_again_item items[NIGHTS];
    struct verify_again *v = checker(w, limit, NULL);
    unsigned damaged = 0;
    assert_done(check(w, v, items, &e), &e);
    for (size_t i = 0; i < w->count; i++) {
        int rc =
            night_compare(&w->world.repository, w->nights[i].id, buf_view(&w->dumps[i]), &e);
        if (items[i].failed != (rc < 0) || (rc < 0 && strcmp(items[i].why.text, e.text) != 0))
            fail_msg("%s, night %zu: again %d: %s\nrestore: %d: %s", what, i, items[i].failed,
                     items[i].failed ? items[i].why.text : "", rc, rc < 0 ? e.text : "");
        damaged |= (unsigned)(rc < 0) << i;
    }
    verify_again_free(v);
    return damaged;
}

/* A bit of each so many bytes of all packs, one at a time. How many damaged all nights, some of
 * them, and none. */
static void damage_packs(struct world *w, uint64_t limit, size_t step, size_t counts[3])
{
    struct error e = {0};
    const struct closure *all = &w->nights[w->count - 1].closure;
    for (size_t p = 0; p < all->count; p++) {
        char name[FORMAT_NAME_MAX];
        struct buf content = {0};
        ref_pack_name(name, &all->packs[p].object);
        assert_done(store_get(w->world.store, name, 0, STORE_ALL, &content, &e), &e);
        for (size_t at = step / 3; at < content.len; at += step) {
            char what[200];
            (void)snprintf(what, sizeof what, "%s at %zu", name, at);
            content.data[at] ^= 4;
            store_memory_change(w->world.store, name, buf_view(&content));
            unsigned damaged = compare(w, limit, what);
            counts[damaged == 0 ? 2 : damaged != (1u << w->count) - 1]++;
            content.data[at] ^= 4;
        }
        store_memory_change(w->world.store, name, buf_view(&content));
        buf_done(&content);
    }
}

static void damage_is_found_for_all_that_need_it_and_no_other(void **state)
{
    struct world *w = *state;
    size_t counts[3] = {0};
    nights(w);
    damage_packs(w, VERIFY_AGAIN_LIMIT, 6000, counts);
    assert_true(counts[0] > 0 && counts[1] > 0);
    assert_int_equal(compare(w, VERIFY_AGAIN_LIMIT, "whole"), 0);
}

static void damage_is_found_without_room_for_hashes(void **state)
{
    struct world *w = *state;
    size_t counts[3] = {0};
    nights(w);
    damage_packs(w, 0, 40000, counts);
    assert_true(counts[0] + counts[1] > 0);
}

static void a_pack_that_is_gone_is_found(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    char name[FORMAT_NAME_MAX];
    nights(w);
    const struct closure *last = &w->nights[NIGHTS - 1].closure;
    for (size_t i = 0; i < last->count; i++)
        if (!closure_find(&w->nights[NIGHTS - 2].closure, last->packs[i].pack_id)) {
            ref_pack_name(name, &last->packs[i].object);
            assert_done(store_remove(w->world.store, name, &e), &e);
        }
    assert_int_equal(compare(w, VERIFY_AGAIN_LIMIT, "gone"), 1u << (NIGHTS - 1));
}

/* ---- manifests that say other things -------------------------------------------------- */

static void a_manifest_that_lists_too_few_packs_is_found_beside_one_that_lists_all(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct verify_again_item items[NIGHTS];
    struct closure whole;
    nights(w);
    struct verify_again *v = checker(w, VERIFY_AGAIN_LIMIT, NULL);
    (void)check_good(w, v);
    whole = w->manifests[2].closure;
    w->manifests[2].closure = (struct closure){0};
    /* Its streams are known to be good, and lie in packs of the first night too. */
    for (size_t i = 0; i < whole.count; i++)
        if (!closure_find(&w->nights[0].closure, whole.packs[i].pack_id))
            assert_done(closure_add(&w->manifests[2].closure, &whole.packs[i], &e), &e);
    assert_true(w->manifests[2].closure.count > 0 &&
                w->manifests[2].closure.count < whole.count);
    assert_done(check(w, v, items, &e), &e);
    for (size_t i = 0; i < w->count; i++)
        assert_int_equal(items[i].failed, i == 2);
    assert_int_equal(items[2].why.kind, ERROR_CORRUPT);
    assert_non_null(strstr(items[2].why.text, "manifest does not list"));
    closure_done(&whole);
    verify_again_free(v);
}

/* All chunks open, but they are not what the digests are of. */
static void other_rows_and_bytes_than_were_stored_are_found(void **state)
{
    static const uint64_t limits[] = {VERIFY_AGAIN_LIMIT, 0};
    struct world *w = *state;
    struct error e = {0};
    struct verify_again_item items[NIGHTS];
    nights(w);
    w->manifests[1].private_part.members[0].toc.parts[0].digest[5] ^= 1;
    for (size_t i = 0; i < NIGHTS; i++)
        w->manifests[i].private_part.row_key[3] ^= 1;
    for (size_t k = 0; k < ARRAY_SIZE(limits); k++) {
        struct verify_again *v = checker(w, limits[k], NULL);
        assert_done(check(w, v, items, &e), &e);
        for (size_t i = 0; i < NIGHTS; i++) {
            assert_true(items[i].failed);
            assert_int_equal(items[i].why.kind, ERROR_CORRUPT);
            assert_string_equal(items[i].why.text,
                                i == 1 ? "TOC: bytes differ from the bytes that were stored"
                                       : "table public.orders: rows differ from the rows "
                                         "that were stored");
        }
        verify_again_free(v);
    }
}

static void a_pack_id_of_two_packs_is_not_taken(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    nights(w);
    struct verify_again *v = checker(w, VERIFY_AGAIN_LIMIT, NULL);
    assert_int_equal(verify_again_takes(v, &w->manifests[0], &e), 0);
    size_t shared = 0;
    while (!closure_find(&w->nights[0].closure, w->manifests[1].closure.packs[shared].pack_id))
        assert_true(++shared < w->manifests[1].closure.count);
    w->manifests[1].closure.packs[shared].object.suffix[0] ^= 1;
    assert_int_equal(verify_again_takes(v, &w->manifests[1], &e), VERIFY_AGAIN_OTHER);
    assert_int_equal(verify_again_takes(v, &w->manifests[2], &e), 0);
    w->manifests[3].private_part.row_key[0] ^= 1;
    assert_int_equal(verify_again_takes(v, &w->manifests[3], &e), VERIFY_AGAIN_OTHER);
    verify_again_free(v);
}

static void a_signal_ends_the_run(void **state)
{
    static const volatile sig_atomic_t stop = SIGINT;
    struct world *w = *state;
    struct error e = {0};
    struct verify_again_item items[NIGHTS];
    nights(w);
    struct verify_again *v = checker(w, VERIFY_AGAIN_LIMIT, &stop);
    assert_refused(check(w, v, items, &e), &e, ERROR_INTERRUPTED);
    verify_again_free(v);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chunks_that_nights_share_are_decoded_once),
        TEST(what_was_checked_serves_the_next_batch),
        TEST(columns_and_long_rows_are_decoded_on_their_own),
        TEST(chunks_beyond_the_limit_are_decoded_on_their_own),
        TEST(damage_is_found_for_all_that_need_it_and_no_other),
        TEST(damage_is_found_without_room_for_hashes),
        TEST(a_pack_that_is_gone_is_found),
        TEST(a_manifest_that_lists_too_few_packs_is_found_beside_one_that_lists_all),
        TEST(other_rows_and_bytes_than_were_stored_are_found),
        TEST(a_pack_id_of_two_packs_is_not_taken),
        TEST(a_signal_ends_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
