/* SPDX-License-Identifier: Apache-2.0 */
/* What core/repo/store.h promises of listings, asked of every store. */
#include "tests/support/store_world.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/str.h"

static void put_text(struct store *s, const char *name, const char *text)
{
    struct error e = {0};
    assert_done(store_put(s, name, bytes_text(text), &e), &e);
}

/* The names that a listing gave, joined in order of the alphabet. */
struct seen {
    char names[32][64];
    size_t count;
    uint64_t sizes;
};

static int note(void *arg, const struct store_item *item, struct error *e)
{
    struct seen *s = arg;
    (void)e;
    assert_true(s->count < ARRAY_SIZE(s->names));
    assert_true(item->modified_us > INT64_C(1000000000000000));
    (void)snprintf(s->names[s->count++], sizeof s->names[0], "%.63s", item->name);
    s->sizes += item->size;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void assert_listing(struct store *s, const char *prefix, const char *want)
{
    struct error e = {0};
    struct seen seen = {.count = 0};
    struct buf all = {0};
    assert_done(store_list(s, prefix, note, &seen, &e), &e);
    qsort(seen.names, seen.count, sizeof seen.names[0], by_name);
    for (size_t i = 0; i < seen.count; i++)
        assert_int_equal(buf_printf(&all, &e, "%s%s", i ? " " : "", seen.names[i]), 0);
    assert_int_equal(buf_byte(&all, 0, &e), 0);
    assert_string_equal(all.data, want);
    buf_done(&all);
}

static void listings_give_what_begins_with_the_prefix(void **state)
{
    struct store_world *w = *state;
    static const char *const names[] = {"config",      "hosts/aa-00", "hosts/ab-00",
                                        "packs/aa/aa", "packs/aa/ab", "packs/bb/bb"};
    assert_listing(w->store, "", "");
    assert_listing(w->store, "packs/", "");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        put_text(w->store, names[i], names[i]);
    assert_listing(w->store, "",
                   "config hosts/aa-00 hosts/ab-00 packs/aa/aa packs/aa/ab packs/bb/bb");
    assert_listing(w->store, "hosts/", "hosts/aa-00 hosts/ab-00");
    assert_listing(w->store, "packs/", "packs/aa/aa packs/aa/ab packs/bb/bb");
    assert_listing(w->store, "packs/aa/", "packs/aa/aa packs/aa/ab");
    assert_listing(w->store, "packs/aa/ab", "packs/aa/ab");
    assert_listing(w->store, "hosts/ab", "hosts/ab-00");
    assert_listing(w->store, "packs/cc/", "");
    assert_listing(w->store, "marks/", "");
    assert_listing(w->store, "conf", "config");
}

static void sizes_and_names_of_others_are_listed_too(void **state)
{
    struct store_world *w = *state;
    struct error e = {0};
    struct seen seen = {.count = 0};
    put_text(w->store, "README.txt", "hello");
    put_text(w->store, "packs/aa/lost+found", "x");
    put_text(w->store, "packs/AA/UPPER CASE", "xy");
    put_text(w->store, "config", "");
    assert_listing(w->store, "", "README.txt config packs/AA/UPPER CASE packs/aa/lost+found");
    assert_done(store_list(w->store, "", note, &seen, &e), &e);
    assert_int_equal(seen.sizes, 8);
}

static int refuse(void *arg, const struct store_item *item, struct error *e)
{
    int *left = arg;
    (void)item;
    return --*left > 0 ? 0 : error_set(e, ERROR_UNSUPPORTED, "enough");
}

static void a_visitor_can_end_the_listing(void **state)
{
    struct store_world *w = *state;
    struct error e = {0};
    int left = 2;
    put_text(w->store, "packs/aa/aa", "1");
    put_text(w->store, "packs/bb/aa", "2");
    put_text(w->store, "packs/cc/aa", "3");
    assert_refused(store_list(w->store, "packs/", refuse, &left, &e), &e, ERROR_UNSUPPORTED);
    assert_int_equal(left, 0);
}

static int take_away(void *arg, const struct store_item *item, struct error *e)
{
    struct store *s = arg;
    struct buf b = {0};
    assert_done(store_get(s, item->name, 0, STORE_ALL, &b, e), e);
    assert_int_equal(b.len, item->size);
    buf_done(&b);
    return store_remove(s, item->name, e);
}

static void a_visitor_may_use_the_store(void **state)
{
    struct store_world *w = *state;
    struct error e = {0};
    for (unsigned i = 0; i < 60; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "condemned/%02x", i);
        put_text(w->store, name, name);
    }
    assert_done(store_list(w->store, "condemned/", take_away, w->store, &e), &e);
    assert_listing(w->store, "", "");
}

/* A folder that only begins like ours is another repository. */
static void neighbours_are_not_seen(void **state)
{
    struct store_world *w = *state;
    struct error e = {0};
    struct buf b = {0};
    struct store *next = store_world_again(w, "-2");
    if (!next)
        return;
    put_text(next, "config", "theirs");
    put_text(next, "packs/ab/cd", "theirs");
    assert_listing(w->store, "", "");
    assert_int_equal(store_get(w->store, "config", 0, STORE_ALL, &b, &e), STORE_ABSENT);
    put_text(w->store, "config", "ours");
    assert_listing(next, "", "config packs/ab/cd");
    assert_done(store_remove(w->store, "config", &e), &e);
    assert_listing(next, "", "config packs/ab/cd");
    assert_done(store_remove(next, "config", &e), &e);
    assert_done(store_remove(next, "packs/ab/cd", &e), &e);
    store_close(next);
    buf_done(&b);
}

/* ---- names that are not ours ------------------------------------------------------- */

struct ours {
    int count;
    bool bad_name;
};

static int note_ours(void *arg, const struct store_item *item, struct error *e)
{
    struct ours *o = arg;
    (void)e;
    o->count += (strcmp(item->name, "config") == 0 && item->size == 1) ||
                (strcmp(item->name, "packs/ab/cd") == 0 && item->size == 2) ||
                (strcmp(item->name, "packs/zz/zz") == 0 && item->size == 3);
    o->bad_name |= item->name[0] == '\0' || item->name[0] == '/';
    return 0;
}

static void assert_ours(const struct store_world *w)
{
    struct error e = {0};
    struct ours all = {0};
    struct ours packs = {0};
    assert_done(store_list(w->store, "", note_ours, &all, &e), &e);
    assert_int_equal(all.count, 3);
    assert_false(all.bad_name);
    assert_done(store_list(w->store, "packs/", note_ours, &packs, &e), &e);
    assert_int_equal(packs.count, 2);
}

static void names_of_any_kind_do_not_break_a_listing(void **state)
{
    static const char *const odd[] = {
        "packs/ab/ space",
        "packs/ab/space ",
        "packs/ab/new\nline",
        "packs/ab/return\r",
        "packs/ab/tab\t",
        "packs/ab/escape\x1b[31m",
        "packs/ab/<Key>&amp;\"']]>",
        "packs/ab/%41%2f%00",
        "packs/ab/+a=b&c;d?e#f",
        "packs/ab/\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xbe",
        "packs/ab/\xff\xfe",
        "packs/ab/\xc3",
        "packs/ab/-rf",
        "packs/ab/back\\slash",
        "packs/ab/\"quoted\"",
        "packs/ab/$(id) `id`",
        "packs/ab/*?[a]",
        "packs/ab/.hidden",
        "packs/ab/...",
        "packs/ab/cd.tmp",
        "packs/ab/cd -> config",
        "packs/ab/-rw------- 1 root root 2 Jan 1 2020 cd",
        "packs/ab/deep/deep/deep/deep/deep/deep/deep/file",
        "lost+found/x",
        "~/x",
        "packs/plain",
    };
    struct store_world *w = *state;
    char longest[9 + 140 + 1]; /* with the folder in front it fits SCRATCH_PATH */
    put_text(w->store, "config", "1");
    put_text(w->store, "packs/ab/cd", "22");
    put_text(w->store, "packs/zz/zz", "333");
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
        (void)store_world_foreign(w, odd[i], bytes_text("odd"));
    memset(longest, 'l', sizeof longest - 1);
    memcpy(longest, "packs/ab/", 9);
    longest[sizeof longest - 1] = '\0';
    (void)store_world_foreign(w, longest, bytes_text("odd"));
    assert_ours(w);
}

/* Only where keys are no paths. */
static void keys_that_are_no_paths_do_not_break_a_listing(void **state)
{
    static const char *const odd[] = {"packs/",
                                      "packs//",
                                      "packs/ab/",
                                      "/config",
                                      "//",
                                      "packs/ab//cd",
                                      "packs/ab/../../config",
                                      "./config",
                                      "..",
                                      "packs/ab/."};
    struct store_world *w = *state;
    if (w->folder[0])
        return;
    put_text(w->store, "config", "1");
    put_text(w->store, "packs/ab/cd", "22");
    put_text(w->store, "packs/zz/zz", "333");
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
        (void)store_world_foreign(w, odd[i], bytes_text("odd"));
    struct error e = {0};
    struct ours all = {0};
    assert_done(store_list(w->store, "", note_ours, &all, &e), &e);
    assert_int_equal(all.count, 3);
}

/* Only where there are files. */
static void links_and_pipes_are_not_followed(void **state)
{
    static const char *const made[] = {"packs/ab/dangling", "packs/ab/up", "packs/ab/passwd",
                                       "packs/ab/pipe", "packs/ab/self"};
    struct store_world *w = *state;
    char path[ARRAY_SIZE(made)][SCRATCH_PATH];
    if (!w->folder[0])
        return;
    put_text(w->store, "config", "1");
    put_text(w->store, "packs/ab/cd", "22");
    put_text(w->store, "packs/zz/zz", "333");
    for (size_t i = 0; i < ARRAY_SIZE(made); i++)
        scratch_path(path[i], w->folder, made[i]);
    assert_int_equal(symlink("nowhere", path[0]), 0);
    assert_int_equal(symlink("..", path[1]), 0);
    assert_int_equal(symlink("/etc/passwd", path[2]), 0);
    assert_int_equal(mkfifo(path[3], 0600), 0);
    assert_int_equal(symlink("self", path[4]), 0);
    assert_ours(w);
}

/* ---- many -------------------------------------------------------------------------- */

#define MANY 1100U /* more than a page of S3 */
#define HANDS 4U

struct hand {
    struct store *store;
    unsigned number, wrong;
};

static void many_name(char out[64], unsigned i)
{
    (void)snprintf(out, 64, "packs/%02x/%08x", i % 5, i);
}

static void *put_part(void *arg)
{
    struct hand *h = arg;
    struct error e = {0};
    for (unsigned i = h->number; i < MANY; i += HANDS) {
        char name[64];
        many_name(name, i);
        h->wrong += store_put(h->store, name, bytes_of(name, i % 20), &e) != 0;
    }
    return NULL;
}

static void put_all(struct store *s)
{
    struct hand hands[HANDS];
    pthread_t threads[HANDS];
    for (unsigned i = 0; i < HANDS; i++) {
        hands[i] = (struct hand){.store = s, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, put_part, &hands[i]), 0);
    }
    for (unsigned i = 0; i < HANDS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(hands[i].wrong, 0);
    }
}

struct tally {
    struct store *store; /* to remove the odd ones from; or NULL */
    uint8_t times[MANY];
    unsigned wrong;
};

static int tally_one(void *arg, const struct store_item *item, struct error *e)
{
    struct tally *t = arg;
    const char *leaf = strrchr(item->name, '/');
    char name[64];
    uint32_t i = 0;
    uint8_t raw[4];
    if (leaf && str_unhex(raw, sizeof raw, leaf + 1))
        i = (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
    many_name(name, i);
    if (i >= MANY || strcmp(name, item->name) != 0 || item->size != i % 20) {
        t->wrong++;
        return 0;
    }
    t->times[i]++;
    return t->store && i % 2 ? store_remove(t->store, name, e) : 0;
}

static void assert_tally(struct store *s, const char *prefix, struct tally *t)
{
    struct error e = {0};
    assert_done(store_list(s, prefix, tally_one, t, &e), &e);
    assert_int_equal(t->wrong, 0);
}

static void many_objects_are_each_listed_once(void **state)
{
    struct store_world *w = *state;
    struct tally all = {0};
    struct tally some = {0};
    struct tally removing = {.store = w->store};
    struct tally left = {0};
    put_all(w->store);
    assert_tally(w->store, "", &all);
    assert_tally(w->store, "packs/03/", &some);
    assert_tally(w->store, "packs/", &removing);
    assert_tally(w->store, "", &left);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(all.times[i], 1);
        assert_int_equal(some.times[i], i % 5 == 3);
        assert_int_equal(removing.times[i], 1);
        assert_int_equal(left.times[i], i % 2 == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listings_give_what_begins_with_the_prefix),
        cmocka_unit_test(sizes_and_names_of_others_are_listed_too),
        cmocka_unit_test(a_visitor_can_end_the_listing),
        cmocka_unit_test(a_visitor_may_use_the_store),
        cmocka_unit_test(neighbours_are_not_seen),
        cmocka_unit_test(names_of_any_kind_do_not_break_a_listing),
        cmocka_unit_test(keys_that_are_no_paths_do_not_break_a_listing),
        cmocka_unit_test(links_and_pipes_are_not_followed),
        cmocka_unit_test(many_objects_are_each_listed_once),
    };
    return store_world_run(tests, ARRAY_SIZE(tests));
}
