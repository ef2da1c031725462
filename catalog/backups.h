/* SPDX-License-Identifier: Apache-2.0 */
/* Backups as their manifests tell them, what their tables held, and the state that this host's
 * checks give them. */
#ifndef CATALOG_BACKUPS_H
#define CATALOG_BACKUPS_H

#include "catalog/catalog.h"
#include "core/repo/manifest.h"

/* What one entry with data held: a table, or the large objects. */
struct backups_table {
    const char *schema, *name, *desc; /* as in the TOC; desc: TABLE DATA and so on */
    uint64_t rows, bytes;
    uint8_t digest[FORMAT_HASH_LEN];
    uint8_t content[24]; /* u64 rows, sum of the row hashes: docs/FORMAT.md 7.3, tag 10 */
    bool is_rows;        /* stored row by row */
    bool counted;        /* rows are known */
    const char *oid;     /* as in the TOC; "" none */
    const char *root_schema, *root_name; /* of a partition: the top of its tree; else "" */
};

/* The texts are NULL and the sums 0 where is_open is false. */
struct backups_row {
    uint8_t backup_id[FORMAT_ID_LEN];
    uint8_t host_id[FORMAT_ID_LEN];
    uint64_t sequence;
    uint8_t digest[FORMAT_HASH_LEN]; /* of the manifest object */
    char *source, *database, *server_version, *host_name;
    uint8_t kind; /* enum manifest_kind, or a newer number */
    uint64_t flags;
    int64_t started_us, committed_us;
    uint64_t rows, payload_bytes, stored_bytes;
    uint64_t dump_bytes; /* of all members as they came */
    uint64_t table_count;
    char *state;      /* committed, confirmed, verified, rehearsed, damaged */
    int64_t state_us; /* when it came to be so */
    bool is_open;     /* the private part has been read */
    bool acked;       /* a keeper has accepted it */
    bool held;        /* it stays whatever the retention says */
    char *tags;       /* joined by ","; NULL: none */
};

/* Zeroed memory lets every backup pass. Only backups that are open have a source, a database
 * and tags. */
struct backups_filter {
    const char *source;
    const char *database;
    const char *tag;       /* K: any value or none; K=V: that one */
    uint8_t kind;          /* enum manifest_kind; 0: any */
    int64_t before_us;     /* committed before; 0: any time */
    const char *id_prefix; /* hex digits; longer than an id or none: ERROR_USAGE */
};

typedef int (*backups_visitor)(void *arg, const struct backups_row *row, struct error *e);
typedef int (*backups_table_visitor)(void *arg, const struct backups_table *table,
                                     struct error *e);
typedef int (*backups_pack_visitor)(void *arg, const struct closure_pack *pack,
                                    struct error *e);
typedef int (*backups_id_visitor)(void *arg, const uint8_t backup_id[FORMAT_ID_LEN],
                                  struct error *e);

/* Record a backup in one transaction: the clear part and the closure, the private part when it
 * is open, and its tables when count is above 0 (in the order of the dump). The same backup
 * again changes nothing; a closed manifest or one without tables takes nothing away. m->digest
 * must be set. ERROR_CORRUPT: another manifest is known under this id, or another pack under
 * the name of one in the closure, or an amount is above 2^63 - 1. */
MUST_CHECK int backups_put(struct catalog *c, const struct manifest *m,
                           const struct backups_table *tables, size_t count, struct error *e);

/* Forget it, with packs and table states that nothing else refers to. This host's history
 * stays. One that is not there is fine. */
MUST_CHECK int backups_remove(struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN],
                              struct error *e);

/* The backups that f (NULL: all) lets pass, oldest commit first, then by id. */
MUST_CHECK int backups_visit(struct catalog *c, const struct backups_filter *f,
                             backups_visitor visit, void *arg, struct error *e);
/* A copy that outlives the visit, into a row without content; backups_row_done frees it. */
MUST_CHECK int backups_row_copy(const struct backups_row *from, struct backups_row *to,
                                struct error *e);
void backups_row_done(struct backups_row *row);

/* The tables of a backup in the order of the dump; none for a backup that is not there. */
MUST_CHECK int backups_tables(struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN],
                              backups_table_visitor visit, void *arg, struct error *e);
/* Its closure, in no order that means anything. */
MUST_CHECK int backups_packs(struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN],
                             backups_pack_visitor visit, void *arg, struct error *e);
/* The ids of all backups, in their order as bytes. */
MUST_CHECK int backups_ids(struct catalog *c, backups_id_visitor visit, void *arg,
                           struct error *e);

/* 1 yes, 0 no. */
MUST_CHECK int backups_have(struct catalog *c, const uint8_t backup_id[FORMAT_ID_LEN],
                            struct error *e);
/* The highest sequence of a host and the digest of that manifest; CATALOG_ABSENT when the
 * host has no backup here. */
MUST_CHECK int backups_head(struct catalog *c, const uint8_t host_id[FORMAT_ID_LEN],
                            uint64_t *sequence, uint8_t digest[FORMAT_HASH_LEN],
                            struct error *e);

#endif
