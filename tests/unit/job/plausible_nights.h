/* SPDX-License-Identifier: Apache-2.0 */
/* Nights of row counts, and what the plausibility gate finds of the last one. */
#ifndef TEST_PLAUSIBLE_NIGHTS_H
#define TEST_PLAUSIBLE_NIGHTS_H

#include "tests/support/check.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "core/job/plausible.h"

#define NIGHTS 12
#define TABLES 16

/* Nights in the order in which they were made, the last one being tonight. */
struct nights {
    struct plausible_table tables[NIGHTS][TABLES];
    struct plausible_backup backups[NIGHTS];
    size_t count;
    const char *volatile_name; /* a shell pattern */
    char words[2000];
};

static inline void begin_night(struct nights *n)
{
    assert_true(n->count < NIGHTS);
    n->backups[n->count] =
        (struct plausible_backup){.tables = n->tables[n->count], .system_id = 77};
    n->count++;
}

/* A table of the night that is being made. */
static inline struct plausible_table *add(struct nights *n, const char *name, uint64_t rows)
{
    struct plausible_backup *b = &n->backups[n->count - 1];
    assert_true(b->count < TABLES);
    struct plausible_table *t = &n->tables[n->count - 1][b->count++];
    *t = (struct plausible_table){.schema = "s",
                                  .name = name,
                                  .oid = "",
                                  .root_schema = "",
                                  .root_name = "",
                                  .rows = rows,
                                  .counted = true};
    return t;
}

static inline void part(struct nights *n, const char *root, const char *name, uint64_t rows)
{
    struct plausible_table *t = add(n, name, rows);
    t->root_schema = "s";
    t->root_name = root;
}

/* A night with a large table that stays, and t. */
static inline void night(struct nights *n, uint64_t rows)
{
    begin_night(n);
    add(n, "large", 1000000);
    add(n, "t", rows);
}

static inline void nights_of(struct nights *n, size_t count, uint64_t rows)
{
    for (size_t i = 0; i < count; i++)
        night(n, rows);
}

static inline bool is_volatile(void *arg, const char *schema, const char *name)
{
    const struct nights *n = arg;
    assert_string_equal(schema, "s");
    return n->volatile_name && fnmatch(n->volatile_name, name, 0) == 0;
}

static inline int see(void *arg, const struct plausible_finding *f, struct error *e)
{
    static const char *const kinds[] = {"vanished", "emptied", "shrunk", "renamed"};
    static const char *const excuses[] = {"ALARM", "harmless", "volatile", "unsteady", "tiny"};
    struct nights *n = arg;
    size_t len = strlen(n->words);
    (void)e;
    (void)snprintf(n->words + len, sizeof n->words - len, "%s %s %s;", f->name, kinds[f->kind],
                   excuses[f->excuse]);
    return 0;
}

/* What is found of the last night. */
static inline const char *found(struct nights *n)
{
    struct error e = {0};
    struct plausible_backup newest_first[NIGHTS];
    for (size_t i = 0; i + 1 < n->count; i++)
        newest_first[i] = n->backups[n->count - 2 - i];
    const struct plausible_question q = {.history = newest_first,
                                         .history_count = n->count - 1,
                                         .tonight = &n->backups[n->count - 1],
                                         .is_volatile = is_volatile,
                                         .is_volatile_arg = n};
    n->words[0] = '\0';
    assert_done(plausible_check(&q, see, n, &e), &e);
    return n->words;
}

static inline void assert_found(struct nights *n, const char *wanted)
{
    assert_string_equal(found(n), wanted);
}

/* Tonight is forgotten, as if it had not been made. */
static inline void again(struct nights *n)
{
    n->count--;
}

static struct nights n;

static inline int setup(void **state)
{
    (void)state;
    n = (struct nights){.count = 0};
    return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

#endif
