/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/living.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/check.h"
#include "tests/support/made_dump.h"

int living_setup(void **state)
{
    struct living *w = calloc(1, sizeof *w);
    assert_non_null(w);
    night_world_make(&w->world);
    *state = w;
    return 0;
}

int living_teardown(void **state)
{
    struct living *w = *state;
    for (size_t i = 0; i < w->count; i++) {
        buf_done(&w->dumps[i]);
        night_done(&w->nights[i]);
    }
    night_world_done(&w->world);
    free(w);
    return 0;
}

/* ---- a table that lives ------------------------------------------------------------- */

struct living_table *living_table(size_t rows)
{
    struct living_table *t = calloc(1, sizeof *t);
    assert_non_null(t);
    *t = (struct living_table){.count = rows,
                               .next_id = (uint32_t)rows,
                               .seed = 42,
                               .name = "orders",
                               .oid = "16400",
                               .columns = "id, version, note"};
    for (size_t i = 0; i < rows; i++)
        t->rows[i] = (struct living_row){.id = (uint32_t)i};
    return t;
}

static size_t some_row(struct living_table *t)
{
    return (size_t)(made_random(&t->seed) % t->count);
}

/* Half of the updates stay where they are, as in a heap page with room, half move. */
void living_update(struct living_table *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = some_row(t);
        t->rows[at].version++;
        if (i % 2) {
            size_t to = some_row(t);
            struct living_row held = t->rows[at];
            t->rows[at] = t->rows[to];
            t->rows[to] = held;
        }
    }
}

void living_insert(struct living_table *t, size_t n)
{
    for (size_t i = 0; i < n && t->count < LIVING_ROWS; i++)
        t->rows[t->count++] = (struct living_row){.id = t->next_id++};
}

void living_delete(struct living_table *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = some_row(t);
        memmove(&t->rows[at], &t->rows[at + 1], (t->count - at - 1) * sizeof *t->rows);
        t->count--;
    }
}

void living_shuffle(struct living_table *t)
{
    for (size_t i = t->count; i > 1; i--) {
        size_t k = (size_t)(made_random(&t->seed) % i);
        struct living_row held = t->rows[i - 1];
        t->rows[i - 1] = t->rows[k];
        t->rows[k] = held;
    }
}

static void print_row(const struct living_table *t, const struct living_row *row,
                      struct buf *out)
{
    struct error e = {0};
    uint64_t seed = (uint64_t)row->id << 32 | row->version;
    unsigned long long noise = (unsigned long long)made_random(&seed);
    char first[32];
    char second[32];
    (void)snprintf(first, sizeof first, "%u", row->id);
    (void)snprintf(second, sizeof second, "%u", row->version);
    assert_done(
        buf_printf(out, &e, "%s\t%s", t->swapped ? second : first, t->swapped ? first : second),
        &e);
    if (!t->no_note)
        assert_done(buf_printf(out, &e, "\tnote number %016llx", noise), &e);
    assert_done(buf_printf(out, &e, "%s\n", t->flag ? "\tweb" : ""), &e);
}

/* ---- nights -------------------------------------------------------------------------- */

struct buf living_dump(struct living_table *const *tables, size_t count)
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
uint64_t living_nights(struct living *w, struct living_table *const *tables, size_t count)
{
    struct error e = {0};
    assert_true(w->count < LIVING_NIGHTS);
    struct night *n = &w->nights[w->count];
    w->dumps[w->count] = living_dump(tables, count);
    const struct night_rows rows = {.index = memory_index_callbacks(w->world.index),
                                    .path = w->world.state,
                                    .limits = w->limits,
                                    .reader = w->reader};
    assert_done(
        night_store_rows(&w->world.repository, buf_view(&w->dumps[w->count]), &rows, n, &e),
        &e);
    w->count++;
    return n->totals.stored_bytes;
}

uint64_t living_night(struct living *w, struct living_table *t)
{
    return living_nights(w, &t, 1);
}

void living_all_come_back(struct living *w)
{
    struct error e = {0};
    for (size_t i = 0; i < w->count; i++)
        assert_done(
            night_compare(&w->world.repository, w->nights[i].id, buf_view(&w->dumps[i]), &e),
            &e);
}
