/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the catalog room share. */
#ifndef CATALOG_INTERNAL_H
#define CATALOG_INTERNAL_H

#include <pthread.h>

#include "catalog/catalog.h"
#include "catalog/sql.h"
#include "core/repo/closure.h"

struct catalog {
    pthread_mutex_t lock; /* recursive: a visitor may read the catalog that it visits */
    sqlite3 *db;
    char *path;
    unsigned visits;   /* under way; only the lock's holder can see it above 0 */
    bool changing;     /* a transaction of ours is open */
    struct sql lookup; /* objects: prepared once, they run for every chunk */
    struct sql add_chunk;
    struct sql find_pack;
    struct sql add_pack;
};

void catalog_lock(struct catalog *c);
void catalog_unlock(struct catalog *c);

/* Lock and start a transaction that may write. On success catalog_end must follow. Never from
 * inside a visit. ERROR_BUSY when another process holds the file for the whole patience. */
MUST_CHECK int catalog_begin(struct catalog *c, struct error *e);
/* Commit when result is not negative, else roll back; unlock. Answers result, or -1 when the
 * commit failed. Passes the failpoint "catalog commit". */
MUST_CHECK int catalog_end(struct catalog *c, int result, struct error *e);

/* A visit: lock, and no changes until catalog_leave. */
void catalog_enter(struct catalog *c);
void catalog_leave(struct catalog *c);

/* A handle on a file that exists, for reading only and as it is: no migration, no check of
 * what it is. path and errors as catalog_open. */
MUST_CHECK struct catalog *catalog_open_raw(const char *path, struct error *e);
/* path as SQLite takes it for a file name and nothing else; the caller frees. */
MUST_CHECK char *catalog_plain_path(const char *path, struct error *e);
/* The version that this program writes. */
int64_t catalog_version(void);

/* The name of the network file system with that number (statfs f_type), NULL for others. */
const char *catalog_network_name(uint64_t type);

/* Find or make the row of a pack. ERROR_CORRUPT when the catalog knows the object with another
 * size, pack id or owner. In a transaction. */
MUST_CHECK int objects_pack_number(struct catalog *c, const struct closure_pack *pack,
                                   int64_t *number, struct error *e);
/* A pack from the columns sha256, suffix, size, pack_id, owner, from column on; false when they
 * are damaged. */
MUST_CHECK bool objects_read_pack(const struct sql *q, int column, struct closure_pack *pack);

#endif
