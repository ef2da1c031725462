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
#include "tests/support/made_dump.h"
#include "tests/support/memory_index.h"
#include "tests/support/night.h"
#include "tests/support/scratch.h"
#include "tests/support/store_memory.h"

#define MAX_NIGHTS 110

struct world {
    char folder[SCRATCH_PATH];
    char state[SCRATCH_PATH];
    struct store *store;
    struct repository repository;
    struct memory_index *index;
    struct buf dumps[MAX_NIGHTS];
    struct night nights[MAX_NIGHTS];
    size_t count;
    const struct recipe_out_limits *limits;
};

static int setup(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    scratch_make(w->folder);
    scratch_path(w->state, w->folder, "state");
    w->store = store_memory_new(&e);
    assert_non_null(w->store);
    repository_make(&w->repository, w->store);
    w->index = memory_index_new();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->count; i++) {
        buf_done(&w->dumps[i]);
        night_done(&w->nights[i]);
    }
    memory_index_free(w->index);
    repository_done(&w->repository);
    store_close(w->store);
    scratch_remove(w->folder);
    free(w);
    return 0;
}

/* ---- a table that lives ------------------------------------------------------------- */

/* A row is an id and its version; the text follows from both. */
struct row {
    uint32_t id, version;
};

#define MAX_ROWS 60000

struct table {
    struct row rows[MAX_ROWS];
    size_t count;
    uint32_t next_id;
    uint64_t seed;
    const char *name, *oid, *columns;
    bool flag;    /* has the appended column */
    bool swapped; /* two columns have changed places */
};

static struct table *new_table(size_t rows)
{
    struct table *t = calloc(1, sizeof *t);
    assert_non_null(t);
    *t = (struct table){.count = rows,
                        .next_id = (uint32_t)rows,
                        .seed = 42,
                        .name = "orders",
                        .oid = "16400",
                        .columns = "id, version, note"};
    for (size_t i = 0; i < rows; i++)
        t->rows[i] = (struct row){.id = (uint32_t)i};
    return t;
}

static size_t some_row(struct table *t)
{
    return (size_t)(made_random(&t->seed) % t->count);
}

/* Half of the updates stay where they are, as in a heap page with room, half move. */
static void update(struct table *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = some_row(t);
        t->rows[at].version++;
        if (i % 2) {
            size_t to = some_row(t);
            struct row held = t->rows[at];
            t->rows[at] = t->rows[to];
            t->rows[to] = held;
        }
    }
}

static void insert(struct table *t, size_t n)
{
    for (size_t i = 0; i < n && t->count < MAX_ROWS; i++)
        t->rows[t->count++] = (struct row){.id = t->next_id++};
}

static void delete (struct table *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = some_row(t);
        memmove(&t->rows[at], &t->rows[at + 1], (t->count - at - 1) * sizeof *t->rows);
        t->count--;
    }
}

static void shuffle(struct table *t)
{
    for (size_t i = t->count; i > 1; i--) {
        size_t k = (size_t)(made_random(&t->seed) % i);
        struct row held = t->rows[i - 1];
        t->rows[i - 1] = t->rows[k];
        t->rows[k] = held;
    }
}

static void print_row(const struct table *t, const struct row *row, struct buf *out)
{
    struct error e = {0};
    uint64_t seed = (uint64_t)row->id << 32 | row->version;
    unsigned long long noise = (unsigned long long)made_random(&seed);
    char first[32];
    char second[32];
    (void)snprintf(first, sizeof first, "%u", row->id);
    (void)snprintf(second, sizeof second, "%u", row->version);
    assert_done(buf_printf(out, &e, "%s\t%s\tnote number %016llx%s\n",
                           t->swapped ? second : first, t->swapped ? first : second, noise,
                           t->flag ? "\tweb" : ""),
                &e);
}

/* ---- nights -------------------------------------------------------------------------- */

static struct buf dump_of(struct table *const *tables, size_t count)
{
    struct error e = {0};
    struct archive_entry *entries = calloc(count + 1, sizeof *entries);
    char(*copies)[128] = calloc(count + 1, sizeof *copies);
    assert_true(entries && copies);
    for (size_t i = 0; i < count; i++) {
        entries[i] = archive_with_id(&archive_data, 100 + (int64_t)i);
        (void)snprintf(copies[i], sizeof copies[i], "COPY public.%s (%s) FROM stdin;\n",
                       tables[i]->name, tables[i]->columns);
        entries[i].tag = tables[i]->name;
        entries[i].oid = tables[i]->oid;
        entries[i].copy = copies[i];
    }
    struct buf dump = archive_with_toc(16, entries, count);
    for (size_t i = 0; i < count; i++) {
        struct buf rows = {0};
        for (size_t k = 0; k < tables[i]->count; k++)
            print_row(tables[i], &tables[i]->rows[k], &rows);
        made_table(&dump, 100 + (int64_t)i, buf_view(&rows), MADE_LINES, 0);
        buf_done(&rows);
    }
    free(entries);
    free(copies);
    (void)e;
    return dump;
}

/* Store the table as another night; the bytes that are new. */
static uint64_t night_of(struct world *w, struct table *const *tables, size_t count)
{
    struct error e = {0};
    assert_true(w->count < MAX_NIGHTS);
    struct night *n = &w->nights[w->count];
    w->dumps[w->count] = dump_of(tables, count);
    const struct night_rows rows = {
        .index = memory_index_callbacks(w->index), .path = w->state, .limits = w->limits};
    assert_done(night_store_rows(&w->repository, buf_view(&w->dumps[w->count]), &rows, n, &e),
                &e);
    w->count++;
    return n->totals.stored_bytes;
}

static uint64_t night(struct world *w, struct table *t)
{
    return night_of(w, &t, 1);
}

static void assert_all_come_back(struct world *w)
{
    struct error e = {0};
    for (size_t i = 0; i < w->count; i++)
        assert_done(night_compare(&w->repository, w->nights[i].id, buf_view(&w->dumps[i]), &e),
                    &e);
}

static void an_unchanged_night_stores_no_rows(void **state)
{
    struct world *w = *state;
    struct table *t = new_table(20000);
    uint64_t first = night(w, t);
    assert_true(first > 100 * KIB);
    assert_int_equal(night(w, t), 0);
    assert_int_equal(night(w, t), 0);
    assert_all_come_back(w);
    free(t);
}

static void a_night_costs_what_changed(void **state)
{
    struct world *w = *state;
    struct table *t = new_table(20000);
    uint64_t first = night(w, t);
    for (int i = 0; i < 12; i++) {
        update(t, 100);
        insert(t, 50);
        delete (t, 20);
        /* 170 of 20000 rows, and where they stand. */
        assert_in_range(night(w, t), 1, first / 20);
    }
    assert_all_come_back(w);
    free(t);
}

static void a_table_in_another_order_costs_its_recipe(void **state)
{
    struct world *w = *state;
    struct table *t = new_table(20000);
    uint64_t first = night(w, t);
    shuffle(t);
    assert_in_range(night(w, t), 1, first / 2);
    assert_int_equal(night(w, t), 0);
    assert_all_come_back(w);
    free(t);
}

static void an_appended_column_is_stored_on_its_own(void **state)
{
    struct world *w = *state;
    struct table *t = new_table(30000);
    uint64_t first = night(w, t);
    update(t, 50);
    (void)night(w, t);
    t->flag = true;
    t->columns = "id, version, note, channel";
    update(t, 50);
    assert_in_range(night(w, t), 1, first / 20);
    update(t, 50);
    assert_in_range(night(w, t), 1, first / 20);
    assert_int_equal(night(w, t), 0);
    for (int i = 0; i < 10; i++) {
        update(t, 20);
        (void)night(w, t);
    }
    assert_all_come_back(w);
    free(t);
}

static void reordered_renamed_and_dropped_columns(void **state)
{
    struct world *w = *state;
    struct table *t = new_table(30000);
    t->flag = true;
    t->columns = "id, version, note, channel";
    uint64_t first = night(w, t);
    t->columns = "id, version, remark, channel";
    assert_in_range(night(w, t), 0, 4 * KIB);
    t->swapped = true;
    t->columns = "version, id, remark, channel";
    assert_in_range(night(w, t), 1, first / 20);
    update(t, 100);
    assert_in_range(night(w, t), 1, first / 20);
    t->flag = false;
    t->columns = "version, id, remark";
    update(t, 10);
    (void)night(w, t); /* stored anew: it has lost a column */
    update(t, 10);
    assert_in_range(night(w, t), 1, first / 20);
    assert_all_come_back(w);
    free(t);
}

static void a_renamed_table_is_known_by_its_oid(void **state)
{
    struct world *w = *state;
    struct table *t = new_table(20000);
    uint64_t first = night(w, t);
    t->name = "orders_of_old";
    update(t, 10);
    assert_in_range(night(w, t), 1, first / 20);
    assert_all_come_back(w);
    free(t);
}

static void a_state_that_is_lost_or_damaged_costs_space_only(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct table *t = new_table(20000);
    uint64_t first = night(w, t);
    update(t, 200);
    assert_int_equal(remove(w->state), 0);
    assert_in_range(night(w, t), first / 4, 2 * first);
    assert_done(file_replace(w->state, bytes_text("PGKROWS1 and nothing more"), 0600, &e), &e);
    update(t, 200);
    assert_in_range(night(w, t), first / 4, 2 * first);
    update(t, 20);
    assert_in_range(night(w, t), 1, first / 20);
    assert_all_come_back(w);
    free(t);
}

/* Packs that are gone are not pointed into, though state and index speak of them. */
static void rows_of_packs_that_are_gone_are_stored_again(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct table *t = new_table(20000);
    uint64_t first = night(w, t);
    update(t, 3000);
    (void)night(w, t);
    /* A collector took what only the second night had: it was forgotten. */
    for (size_t i = 0; i < w->nights[1].closure.count; i++) {
        const struct closure_pack *p = &w->nights[1].closure.packs[i];
        char name[FORMAT_NAME_MAX];
        if (closure_find(&w->nights[0].closure, p->pack_id))
            continue;
        ref_pack_name(name, &p->object);
        assert_done(store_remove(w->store, name, &e), &e);
    }
    uint64_t again = night(w, t);
    assert_in_range(again, 1, first);
    assert_true(again > first / 20);
    /* The one that lost its packs does not come back; its neighbours do. */
    assert_done(night_compare(&w->repository, w->nights[0].id, buf_view(&w->dumps[0]), &e), &e);
    assert_done(night_compare(&w->repository, w->nights[2].id, buf_view(&w->dumps[2]), &e), &e);
    free(t);
}

/* Nor is what a keeper has condemned, whether or not it is still there. */
static void rows_of_condemned_packs_are_stored_again(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct table *t = new_table(20000);
    struct buf body = {0};
    struct buf list = {0};
    uint64_t first = night(w, t);
    assert_done(tlv_uint(&body, 2, 1000, &e), &e);
    for (size_t i = 0; i < w->nights[0].closure.count; i++) {
        const struct ref_object *o = &w->nights[0].closure.packs[i].object;
        uint8_t key[FORMAT_HASH_LEN + FORMAT_SUFFIX_LEN];
        memcpy(key, o->sha256, FORMAT_HASH_LEN);
        memcpy(key + FORMAT_HASH_LEN, o->suffix, FORMAT_SUFFIX_LEN);
        assert_done(tlv_put(&body, 1, bytes_of(key, sizeof key), &e), &e);
    }
    assert_done(statement_write(FORMAT_CONDEMNED, repo_id(w->repository.repo),
                                &w->repository.bundle.signer, buf_view(&body), &list, &e),
                &e);
    assert_done(store_put(w->store, "condemned/00", buf_view(&list), &e), &e);
    assert_in_range(night(w, t), first * 9 / 10, first * 12 / 10);
    const struct closure *after = &w->nights[1].closure;
    for (size_t i = 0; i < after->count; i++)
        assert_null(closure_find(&w->nights[0].closure, after->packs[i].pack_id));
    assert_in_range(night(w, t), 0, KIB);
    assert_all_come_back(w);
    buf_done(&body);
    buf_done(&list);
    free(t);
}

static void many_tables_keep_apart(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    static const char *const oids[] = {"1", "2", "3", "4", "5"};
    struct world *w = *state;
    struct table *tables[5];
    for (size_t i = 0; i < 5; i++) {
        tables[i] = new_table(i == 2 ? 0 : 1000 * (i + 1));
        tables[i]->name = names[i];
        tables[i]->oid = oids[i];
        for (size_t k = 0; k < tables[i]->count; k++)
            tables[i]->rows[k].id += (uint32_t)(100000 * i);
    }
    uint64_t first = night_of(w, tables, 5);
    for (int i = 0; i < 4; i++) {
        update(tables[4], 20);
        insert(tables[2], 10);
        assert_in_range(night_of(w, tables, 5), 1, first / 8);
    }
    /* One is dropped, the others trade places. */
    struct table *other[] = {tables[3], tables[0], tables[4]};
    assert_in_range(night_of(w, other, 3), 0, first / 20);
    assert_all_come_back(w);
    for (size_t i = 0; i < 5; i++)
        free(tables[i]);
}

/* A dump of some tables between two of all: what it has not is not forgotten at once. */
static void tables_left_out_of_a_dump_are_kept_for_a_while(void **state)
{
    struct world *w = *state;
    struct table *a = new_table(10000);
    struct table *b = new_table(12000);
    struct table *both[] = {a, b};
    b->name = "items";
    b->oid = "16500";
    for (size_t i = 0; i < b->count; i++)
        b->rows[i].id += 1000000;
    uint64_t first = night_of(w, both, 2);
    update(a, 10);
    update(b, 10);
    for (int i = 0; i < 3; i++)
        (void)night(w, a);
    assert_in_range(night_of(w, both, 2), 1, first / 20);
    for (int i = 0; i < 9; i++)
        (void)night(w, a);
    update(b, 400);
    /* Forgotten: rows are not matched any more. */
    assert_true(night_of(w, both, 2) > first / 10);
    assert_all_come_back(w);
    free(a);
    free(b);
}

/* Rows of the chunks that the state's only table draws on, and the generations of these. */
static uint64_t rows_held(struct world *w, uint64_t *rows, size_t *generations)
{
    struct error e = {0};
    struct row_state_id id;
    struct row_state *s = NULL;
    struct row_state_recipe r = {0};
    bool seen[256] = {false};
    uint64_t held = 0;
    assert_done(backup_state_id(w->repository.repo, "source", &id, &e), &e);
    assert_done(row_state_open(w->state, &id, &s, &e), &e);
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
    struct world *w = *state;
    for (size_t k = 0; k < ARRAY_SIZE(limits); k++) {
        struct table *t = new_table(2500);
        t->seed = k;
        w->limits = &limits[k];
        for (int i = 0; i < 14; i++) {
            switch (made_random(&t->seed) % 8) {
            case 0:
                shuffle(t);
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
                insert(t, 800);
                break;
            case 4:
                delete (t, 300);
                break;
            default:
                update(t, 50);
                break;
            }
            (void)night(w, t);
        }
        free(t);
    }
    assert_all_come_back(w);
}

/* A hundred nights that touch rows everywhere: what a night draws on stays bounded. */
static void old_nights_are_gathered_up(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    struct table *t = new_table(4000);
    uint64_t rows;
    size_t generations;
    (void)night(w, t);
    for (int i = 0; i < 100; i++) {
        update(t, 80);
        insert(t, 4);
        delete (t, 4);
        (void)night(w, t);
        uint64_t held = rows_held(w, &rows, &generations);
        /* A night behind, since last night's counts decide; and small chunks go as a whole. */
        assert_true(held <= rows * 2 + rows / 10);
        assert_true(generations <= 65);
        if (i % 20 == 19)
            assert_done(night_compare(&w->repository, w->nights[w->count - 1].id,
                                      buf_view(&w->dumps[w->count - 1]), &e),
                        &e);
    }
    free(t);
}

/* Rows that are only deleted: chunks that are mostly gone are given up in time. */
static void what_is_left_of_a_shrinking_table_moves_together(void **state)
{
    struct world *w = *state;
    struct table *t = new_table(60000);
    uint64_t rows;
    size_t generations;
    (void)night(w, t);
    for (int i = 0; i < 60; i++) {
        delete (t, t->count / 20);
        (void)night(w, t);
    }
    uint64_t held = rows_held(w, &rows, &generations);
    assert_true(rows < 4000);
    assert_true(held <= rows * 5 / 2);
    assert_all_come_back(w);
    free(t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unchanged_night_stores_no_rows),
        TEST(a_night_costs_what_changed),
        TEST(a_table_in_another_order_costs_its_recipe),
        TEST(an_appended_column_is_stored_on_its_own),
        TEST(reordered_renamed_and_dropped_columns),
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
