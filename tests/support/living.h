/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that live from night to night as PostgreSQL's do (a row that is updated may turn up
 * elsewhere), and a repository in memory that they are backed up to. */
#ifndef SUPPORT_LIVING_H
#define SUPPORT_LIVING_H

#include "tests/support/night.h"

#define LIVING_NIGHTS 110
#define LIVING_ROWS 60000

/* A row is an id and its version; the text follows from both. */
struct living_row {
    uint32_t id, version;
};

struct living_table {
    struct living_row rows[LIVING_ROWS];
    size_t count;
    uint32_t next_id;
    uint64_t seed;
    const char *name, *oid, *columns;
    bool flag;    /* has the appended column */
    bool swapped; /* two columns have changed places */
    bool no_note; /* the column of the note is gone */
};

struct living {
    struct night_world world;
    struct buf dumps[LIVING_NIGHTS];
    struct night nights[LIVING_NIGHTS];
    size_t count;
    const struct recipe_out_limits *limits;
    bool reader; /* backups have a key that reads */
};

/* For cmocka; the state is a struct living. */
int living_setup(void **state);
int living_teardown(void **state);

/* The caller frees it. */
struct living_table *living_table(size_t rows);
/* Half of the updates stay where they are, as in a heap page with room, half move. */
void living_update(struct living_table *t, size_t n);
void living_insert(struct living_table *t, size_t n);
void living_delete(struct living_table *t, size_t n);
void living_shuffle(struct living_table *t);

/* A dump of the tables; the caller frees it. */
struct buf living_dump(struct living_table *const *tables, size_t count);
/* Store the tables as another night; the bytes that are new. */
uint64_t living_nights(struct living *w, struct living_table *const *tables, size_t count);
uint64_t living_night(struct living *w, struct living_table *t);
/* Every night is restored, checked and compared. */
void living_all_come_back(struct living *w);

#endif
