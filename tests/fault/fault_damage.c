/* SPDX-License-Identifier: Apache-2.0 */
/* Every object of a small repository is damaged in every way: bits flipped, cut, removed, put
 * in another's place. Reading it then gives the right bytes or an error of the right kind. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/base/digest.h"
#include "tests/support/made_dump.h"
#include "tests/support/night.h"
#include "tests/support/store_memory.h"

#define NIGHTS 2
#define MAX_OBJECTS 16

struct object {
    char name[FORMAT_NAME_MAX];
    struct buf content;
};

struct world {
    struct store *store;
    struct repository repository;
    uint8_t ids[NIGHTS][FORMAT_ID_LEN];
    struct buf dumps[NIGHTS];
    struct object objects[MAX_OBJECTS];
    size_t count;
    size_t found, harmless; /* what became of the damages */
};

static struct buf dump_of(uint64_t seed)
{
    struct buf rows = {0};
    struct buf dump = made_dump(2, true);
    made_rows(&rows, 40, 100, seed);
    made_table(&dump, 100, buf_view(&rows), MADE_LINES, 0);
    made_table(&dump, 101, buf_view(&rows), MADE_RANDOM, 30);
    archive_block(&dump, 3, 5);
    archive_int(&dump, -5);
    made_pieces(&dump, buf_view(&rows), MADE_FIXED, 1000, 0);
    archive_int(&dump, 0);
    archive_int(&dump, 0);
    buf_done(&rows);
    return dump;
}

static int take_object(void *arg, const struct store_item *item, struct error *e)
{
    struct world *w = arg;
    assert_true(w->count < MAX_OBJECTS);
    struct object *o = &w->objects[w->count++];
    (void)snprintf(o->name, sizeof o->name, "%s", item->name);
    return store_get(w->store, item->name, 0, STORE_ALL, &o->content, e);
}

static int setup(void **state)
{
    struct error e = {0};
    struct bundle other;
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->store = store_memory_new(&e);
    assert_non_null(w->store);
    repository_make(&w->repository, w->store);
    for (size_t i = 0; i < NIGHTS; i++) {
        struct night night;
        w->dumps[i] = dump_of(i);
        assert_done(night_store(&w->repository, buf_view(&w->dumps[i]), NULL, &night, &e), &e);
        memcpy(w->ids[i], night.id, FORMAT_ID_LEN);
        night_done(&night);
    }
    assert_done(repo_enrol(w->repository.repo, false, &other, &e), &e);
    bundle_wipe(&other);
    assert_done(store_list(w->store, "", take_object, w, &e), &e);
    /* config, replica, two enrolments, two packs, two manifests */
    assert_int_equal(w->count, 8);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    repository_done(&w->repository);
    store_close(w->store);
    for (size_t i = 0; i < NIGHTS; i++)
        buf_done(&w->dumps[i]);
    for (size_t i = 0; i < w->count; i++)
        buf_done(&w->objects[i].content);
    free(w);
    return 0;
}

static bool right_kind(const struct error *e)
{
    return (e->kind == ERROR_CORRUPT || e->kind == ERROR_KEY || e->kind == ERROR_UNSUPPORTED ||
            e->kind == ERROR_NO_REPOSITORY || e->kind == ERROR_ABSENT) &&
           e->text[0];
}

/* Read all backups of the damaged repository. */
static void read_all(struct world *w, const char *name, const char *how, size_t at)
{
    struct error e = {0};
    struct repository r;
    bool found = night_open(&r, &w->repository, w->store, &e) < 0;
    if (found && !right_kind(&e))
        fail_msg("%s, %s %zu: kind %d: %s", name, how, at, (int)e.kind, e.text);
    for (size_t i = 0; i < NIGHTS && !found; i++) {
        error_clear(&e);
        int rc = night_compare(&r, w->ids[i], buf_view(&w->dumps[i]), &e);
        found = rc < 0 || found;
        if (rc != 0 && !right_kind(&e))
            fail_msg("%s, %s %zu: kind %d: %s", name, how, at, (int)e.kind, e.text);
    }
    w->found += found;
    w->harmless += !found;
    if (r.repo)
        repository_done(&r);
}

/* Is the object part of what a restore needs? */
static bool is_needed(const char *name)
{
    return strcmp(name, "replica") != 0;
}

static void any_flipped_bit_is_found_or_harmless(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->count; i++) {
        struct object *o = &w->objects[i];
        size_t step = o->content.len < KIB ? 1 : o->content.len / 64;
        w->found = w->harmless = 0;
        for (size_t at = 0; at < o->content.len; at += step) {
            o->content.data[at] ^= (uint8_t)(1 << at % 8);
            store_memory_change(w->store, o->name, buf_view(&o->content));
            read_all(w, o->name, "bit at", at);
            o->content.data[at] ^= (uint8_t)(1 << at % 8);
        }
        store_memory_change(w->store, o->name, buf_view(&o->content));
        (void)printf("  %.20s: %zu found, %zu harmless\n", o->name, w->found, w->harmless);
        /* All of a manifest and of the config is signed. */
        if (strncmp(o->name, "backups/", 8) == 0 || strcmp(o->name, "config") == 0)
            assert_int_equal(w->harmless, 0);
    }
    w->found = w->harmless = 0;
    read_all(w, "nothing", "damaged", 0);
    assert_int_equal(w->harmless, 1);
}

static void any_cut_is_found_or_harmless(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->count; i++) {
        struct object *o = &w->objects[i];
        for (size_t n = 0; n < 8; n++) {
            size_t len = n == 7 ? o->content.len - 1 : o->content.len * n / 7;
            w->found = 0;
            store_memory_change(w->store, o->name, bytes_of(o->content.data, len));
            read_all(w, o->name, "cut to", len);
            if (n < 7 && is_needed(o->name) && strncmp(o->name, "hosts/", 6) != 0 &&
                strncmp(o->name, "packs/", 6) != 0)
                assert_int_equal(w->found, 1);
        }
        store_memory_change(w->store, o->name, buf_view(&o->content));
    }
}

static void any_object_that_is_gone_is_found_or_harmless(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    for (size_t i = 0; i < w->count; i++) {
        struct object *o = &w->objects[i];
        w->found = 0;
        assert_done(store_remove(w->store, o->name, &e), &e);
        read_all(w, o->name, "gone", 0);
        if (is_needed(o->name) && strncmp(o->name, "hosts/", 6) != 0)
            assert_int_equal(w->found, 1);
        assert_done(store_put(w->store, o->name, buf_view(&o->content), &e), &e);
    }
}

static void no_object_passes_for_another(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->count; i++) {
        struct object *o = &w->objects[i];
        for (size_t k = 0; k < w->count; k++) {
            if (k == i)
                continue;
            w->found = 0;
            store_memory_change(w->store, o->name, buf_view(&w->objects[k].content));
            read_all(w, o->name, "holds another", k);
            if (is_needed(o->name) && strncmp(o->name, "hosts/", 6) != 0)
                assert_int_equal(w->found, 1);
        }
        store_memory_change(w->store, o->name, buf_view(&o->content));
    }
}

/* Two objects that changed places; both are sound in themselves. */
static void two_that_changed_places_are_found(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->count; i++)
        for (size_t k = i + 1; k < w->count; k++) {
            const struct object *a = &w->objects[i];
            const struct object *b = &w->objects[k];
            if (strncmp(a->name, b->name, 5) != 0)
                continue;
            w->found = 0;
            store_memory_change(w->store, a->name, buf_view(&b->content));
            store_memory_change(w->store, b->name, buf_view(&a->content));
            read_all(w, a->name, "changed places with", k);
            assert_int_equal(w->found, 1);
            store_memory_change(w->store, a->name, buf_view(&a->content));
            store_memory_change(w->store, b->name, buf_view(&b->content));
        }
}

/* The name of a pack alone tells rot, without a key. */
static void the_name_of_a_pack_finds_every_flip(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    for (size_t i = 0; i < w->count; i++) {
        struct object *o = &w->objects[i];
        struct ref_object named;
        uint8_t digest[DIGEST_LEN];
        if (!ref_pack_parse(o->name, &named))
            continue;
        assert_done(digest_sha256(buf_view(&o->content), digest, &e), &e);
        assert_memory_equal(digest, named.sha256, DIGEST_LEN);
        for (size_t at = 0; at < o->content.len; at++) {
            o->content.data[at] ^= (uint8_t)(1 << at % 8);
            assert_done(digest_sha256(buf_view(&o->content), digest, &e), &e);
            assert_memory_not_equal(digest, named.sha256, DIGEST_LEN);
            o->content.data[at] ^= (uint8_t)(1 << at % 8);
        }
    }
}

static void content_under_another_name_is_found_by_its_digest(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    size_t moved = 0;
    for (size_t i = 0; i < w->count; i++) {
        struct object *o = &w->objects[i];
        char other[FORMAT_NAME_MAX];
        struct ref_object named;
        if (!ref_pack_parse(o->name, &named))
            continue;
        named.suffix[0] ^= 1;
        ref_pack_name(other, &named);
        assert_done(store_put(w->store, other, buf_view(&o->content), &e), &e);
        assert_done(store_remove(w->store, o->name, &e), &e);
        moved++;
    }
    assert_int_equal(moved, NIGHTS);
    w->found = 0;
    read_all(w, "packs", "moved", 0);
    assert_int_equal(w->found, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_flipped_bit_is_found_or_harmless),
        TEST(any_cut_is_found_or_harmless),
        TEST(any_object_that_is_gone_is_found_or_harmless),
        TEST(no_object_passes_for_another),
        TEST(two_that_changed_places_are_found),
        TEST(the_name_of_a_pack_finds_every_flip),
        TEST(content_under_another_name_is_found_by_its_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
