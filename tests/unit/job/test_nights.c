/* SPDX-License-Identifier: Apache-2.0 */
/* The row store from night to night: what is stored is what changed, and every night comes
 * back to the byte. Tables live as PostgreSQL's do: a row that is updated turns up elsewhere.
 */
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/file.h"
#include "core/job/backup.h"
#include "core/repo/tlv.h"
#include "tests/support/living.h"
#include "tests/support/made_dump.h"
#include "tests/support/store_memory.h"

static void an_unchanged_night_stores_no_rows(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(20000);
    uint64_t first = living_night(w, t);
    assert_true(first > 100 * KIB);
    assert_int_equal(living_night(w, t), 0);
    assert_int_equal(living_night(w, t), 0);
    living_all_come_back(w);
    free(t);
}

static void a_night_costs_what_changed(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(20000);
    uint64_t first = living_night(w, t);
    for (int i = 0; i < 12; i++) {
        living_update(t, 100);
        living_insert(t, 50);
        living_delete(t, 20);
        /* 170 of 20000 rows, and where they stand. */
        assert_in_range(living_night(w, t), 1, first / 20);
    }
    living_all_come_back(w);
    free(t);
}

static void a_table_in_another_order_costs_its_recipe(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(20000);
    uint64_t first = living_night(w, t);
    living_shuffle(t);
    assert_in_range(living_night(w, t), 1, first / 2);
    assert_int_equal(living_night(w, t), 0);
    living_all_come_back(w);
    free(t);
}

static void a_renamed_table_is_known_by_its_oid(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(20000);
    uint64_t first = living_night(w, t);
    t->name = "orders_of_old";
    living_update(t, 10);
    assert_in_range(living_night(w, t), 1, first / 20);
    living_all_come_back(w);
    free(t);
}

static void a_state_that_is_lost_or_damaged_costs_space_only(void **state)
{
    struct living *w = *state;
    struct error e = {0};
    struct living_table *t = living_table(20000);
    uint64_t first = living_night(w, t);
    living_update(t, 200);
    assert_int_equal(remove(w->world.state), 0);
    assert_in_range(living_night(w, t), first / 4, 2 * first);
    assert_done(file_replace(w->world.state, bytes_text("PGKROWS1 and nothing more"), 0600, &e),
                &e);
    living_update(t, 200);
    assert_in_range(living_night(w, t), first / 4, 2 * first);
    living_update(t, 20);
    assert_in_range(living_night(w, t), 1, first / 20);
    living_all_come_back(w);
    free(t);
}

/* Packs that are gone are not pointed into, though state and index speak of them. */
static void rows_of_packs_that_are_gone_are_stored_again(void **state)
{
    struct living *w = *state;
    struct error e = {0};
    struct living_table *t = living_table(20000);
    uint64_t first = living_night(w, t);
    living_update(t, 3000);
    (void)living_night(w, t);
    /* A collector took what only the second night had: it was forgotten. */
    for (size_t i = 0; i < w->nights[1].closure.count; i++) {
        const struct closure_pack *p = &w->nights[1].closure.packs[i];
        char name[FORMAT_NAME_MAX];
        if (closure_find(&w->nights[0].closure, p->pack_id))
            continue;
        ref_pack_name(name, &p->object);
        assert_done(store_remove(w->world.store, name, &e), &e);
    }
    uint64_t again = living_night(w, t);
    assert_in_range(again, 1, first);
    assert_true(again > first / 20);
    /* The one that lost its packs does not come back; its neighbours do. */
    assert_done(
        night_compare(&w->world.repository, w->nights[0].id, buf_view(&w->dumps[0]), &e), &e);
    assert_done(
        night_compare(&w->world.repository, w->nights[2].id, buf_view(&w->dumps[2]), &e), &e);
    free(t);
}

/* Nor is what a keeper has condemned, whether or not it is still there. */
static void rows_of_condemned_packs_are_stored_again(void **state)
{
    struct living *w = *state;
    struct error e = {0};
    struct living_table *t = living_table(20000);
    struct buf body = {0};
    struct buf list = {0};
    uint64_t first = living_night(w, t);
    assert_done(tlv_uint(&body, 2, 1000, &e), &e);
    for (size_t i = 0; i < w->nights[0].closure.count; i++) {
        const struct ref_object *o = &w->nights[0].closure.packs[i].object;
        uint8_t key[FORMAT_HASH_LEN + FORMAT_SUFFIX_LEN];
        memcpy(key, o->sha256, FORMAT_HASH_LEN);
        memcpy(key + FORMAT_HASH_LEN, o->suffix, FORMAT_SUFFIX_LEN);
        assert_done(tlv_put(&body, 1, bytes_of(key, sizeof key), &e), &e);
    }
    assert_done(statement_write(FORMAT_CONDEMNED, repo_id(w->world.repository.repo),
                                &w->world.repository.bundle.signer, buf_view(&body), &list, &e),
                &e);
    assert_done(store_put(w->world.store, "condemned/00", buf_view(&list), &e), &e);
    assert_in_range(living_night(w, t), first * 9 / 10, first * 12 / 10);
    const struct closure *after = &w->nights[1].closure;
    for (size_t i = 0; i < after->count; i++)
        assert_null(closure_find(&w->nights[0].closure, after->packs[i].pack_id));
    assert_in_range(living_night(w, t), 0, KIB);
    living_all_come_back(w);
    buf_done(&body);
    buf_done(&list);
    free(t);
}

static void many_tables_keep_apart(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    static const char *const oids[] = {"1", "2", "3", "4", "5"};
    struct living *w = *state;
    struct living_table *tables[5];
    for (size_t i = 0; i < 5; i++) {
        tables[i] = living_table(i == 2 ? 0 : 1000 * (i + 1));
        tables[i]->name = names[i];
        tables[i]->oid = oids[i];
        for (size_t k = 0; k < tables[i]->count; k++)
            tables[i]->rows[k].id += (uint32_t)(100000 * i);
    }
    uint64_t first = living_nights(w, tables, 5);
    for (int i = 0; i < 4; i++) {
        living_update(tables[4], 20);
        living_insert(tables[2], 10);
        assert_in_range(living_nights(w, tables, 5), 1, first / 8);
    }
    /* One is dropped, the others trade places. */
    struct living_table *other[] = {tables[3], tables[0], tables[4]};
    assert_in_range(living_nights(w, other, 3), 0, first / 20);
    living_all_come_back(w);
    for (size_t i = 0; i < 5; i++)
        free(tables[i]);
}

/* A dump of some tables between two of all: what it has not is not forgotten at once. */
static void tables_left_out_of_a_dump_are_kept_for_a_while(void **state)
{
    struct living *w = *state;
    struct living_table *a = living_table(10000);
    struct living_table *b = living_table(12000);
    struct living_table *both[] = {a, b};
    b->name = "items";
    b->oid = "16500";
    for (size_t i = 0; i < b->count; i++)
        b->rows[i].id += 1000000;
    uint64_t first = living_nights(w, both, 2);
    living_update(a, 10);
    living_update(b, 10);
    for (int i = 0; i < 3; i++)
        (void)living_night(w, a);
    assert_in_range(living_nights(w, both, 2), 1, first / 20);
    for (int i = 0; i < 9; i++)
        (void)living_night(w, a);
    living_update(b, 400);
    /* Forgotten: rows are not matched any more. */
    assert_true(living_nights(w, both, 2) > first / 10);
    living_all_come_back(w);
    free(a);
    free(b);
}

/* Rows of the chunks that the state's only table draws on, and the generations of these. */
static uint64_t rows_held(struct living *w, uint64_t *rows, size_t *generations)
{
    struct error e = {0};
    struct row_state_id id;
    struct row_state *s = NULL;
    struct row_state_recipe r = {0};
    bool seen[256] = {false};
    uint64_t held = 0;
    assert_done(backup_state_id(w->world.repository.repo, "source", &id, &e), &e);
    assert_done(row_state_open(w->world.state, &id, &s, &e), &e);
    const struct row_state_table *t = row_state_table(s, 0);
    assert_int_equal(t->recipe_count, 1);
    assert_done(row_state_recipe(s, t, 0, &r, &e), &e);
    *rows = t->rows;
    *generations = 0;
    for (uint32_t i = 0; i < r.resolved.count; i++) {
        held += r.resolved.chunks[i].rows;
        assert_true(r.generations[i] < 256);
        *generations += !seen[r.generations[i]];
        seen[r.generations[i]] = true;
    }
    row_state_recipe_done(&r);
    row_state_close(s);
    return held;
}

/* Everything that can happen to a table, with recipes that hold next to nothing: they are cut
 * again and again, in the middle of whatever it is. */
static void recipes_cut_anywhere_give_the_same_rows(void **state)
{
    static const struct recipe_out_limits limits[] = {
        {.extents = 20, .chunks = 1000, .bytes = MIB},
        {.extents = 4000, .chunks = 3, .bytes = MIB},
        {.extents = 4000, .chunks = 1000, .bytes = 900},
    };
    struct living *w = *state;
    for (size_t k = 0; k < ARRAY_SIZE(limits); k++) {
        struct living_table *t = living_table(2500);
        t->seed = k;
        w->limits = &limits[k];
        for (int i = 0; i < 14; i++) {
            switch (made_random(&t->seed) % 8) {
            case 0:
                living_shuffle(t);
                break;
            case 1:
                t->flag = true;
                t->columns = "id, version, note, channel";
                break;
            case 2:
                t->flag = false;
                t->columns = "id, version, note";
                break;
            case 3:
                living_insert(t, 800);
                break;
            case 4:
                living_delete(t, 300);
                break;
            default:
                living_update(t, 50);
                break;
            }
            (void)living_night(w, t);
        }
        free(t);
    }
    living_all_come_back(w);
}

/* A hundred nights that touch rows everywhere: what a night draws on stays bounded. */
static void old_nights_are_gathered_up(void **state)
{
    struct living *w = *state;
    struct error e = {0};
    struct living_table *t = living_table(4000);
    uint64_t rows;
    size_t generations;
    (void)living_night(w, t);
    for (int i = 0; i < 100; i++) {
        living_update(t, 80);
        living_insert(t, 4);
        living_delete(t, 4);
        (void)living_night(w, t);
        uint64_t held = rows_held(w, &rows, &generations);
        /* A night behind, since last night's counts decide; and small chunks go as a whole. */
        assert_true(held <= rows * 2 + rows / 10);
        assert_true(generations <= 65);
        if (i % 20 == 19)
            assert_done(night_compare(&w->world.repository, w->nights[w->count - 1].id,
                                      buf_view(&w->dumps[w->count - 1]), &e),
                        &e);
    }
    free(t);
}

/* Rows that are only deleted: chunks that are mostly gone are given up in time. */
static void what_is_left_of_a_shrinking_table_moves_together(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(60000);
    uint64_t rows;
    size_t generations;
    (void)living_night(w, t);
    for (int i = 0; i < 60; i++) {
        living_delete(t, t->count / 20);
        (void)living_night(w, t);
    }
    uint64_t held = rows_held(w, &rows, &generations);
    assert_true(rows < 4000);
    assert_true(held <= rows * 5 / 2);
    living_all_come_back(w);
    free(t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, living_setup, living_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unchanged_night_stores_no_rows),
        TEST(a_night_costs_what_changed),
        TEST(a_table_in_another_order_costs_its_recipe),
        TEST(a_renamed_table_is_known_by_its_oid),
        TEST(a_state_that_is_lost_or_damaged_costs_space_only),
        TEST(rows_of_packs_that_are_gone_are_stored_again),
        TEST(rows_of_condemned_packs_are_stored_again),
        TEST(many_tables_keep_apart),
        TEST(recipes_cut_anywhere_give_the_same_rows),
        TEST(tables_left_out_of_a_dump_are_kept_for_a_while),
        TEST(old_nights_are_gathered_up),
        TEST(what_is_left_of_a_shrinking_table_moves_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
