/* SPDX-License-Identifier: Apache-2.0 */
/* What this host knows of the newest backup of a source: the hash of every row in order, and
 * the resolved recipes, so that tonight's rows can be matched without a key that reads. A file
 * in the state folder, mapped into memory; a cache: when it is stale, damaged or absent the
 * next backup stores more and is still right. Its layout is this file's own and may change
 * with any version. */
#ifndef JOB_ROW_STATE_H
#define JOB_ROW_STATE_H

#include "core/repo/closure.h"
#include "core/repo/recipe.h"

#define ROW_STATE_ABSENT 1
#define ROW_STATE_HASH_LEN 12 /* of a row: docs in core/rows/row_match.h */

/* What a file must be of, and the key of its checksums (the domain's row key). */
struct row_state_id {
    uint8_t repository_id[FORMAT_ID_LEN];
    uint8_t domain_id[FORMAT_ID_LEN];
    uint8_t source_mac[FORMAT_HASH_LEN];
    uint8_t key[16];
};

struct row_state_table {
    const char *schema; /* "" outside schemas */
    const char *name;
    const char *oid;
    const char *copy; /* the COPY statement: which columns in which order */
    uint64_t rows;
    uint32_t recipe_count;
    uint32_t generation; /* nights of matching so far; tonight's new chunks get the next one */
    uint32_t absent;     /* backups in a row that did not have the table */
    uint32_t waited;     /* changed nights in a row in which old chunks had to be kept */
    uint64_t taken;      /* rows that were new that night */
    uint8_t digest[FORMAT_HASH_LEN]; /* of the stream part */
};

/* One recipe of a table's stream, resolved. */
struct row_state_recipe {
    struct ref ref;     /* the recipe as it was stored */
    uint64_t first_row; /* in the table */
    uint8_t depth;      /* recipes in its chain, itself included: 1 to 8 */
    uint8_t chain_packs[RECIPE_MAX_CHAIN][FORMAT_ID_LEN]; /* packs of the chain, ref's first */
    struct recipe resolved;
    uint32_t *generations; /* of each chunk: when it was made */
};
void row_state_recipe_done(struct row_state_recipe *r);

/* ---- last night's ---- */

struct row_state;
/* Map the file. Answers 0 or ROW_STATE_ABSENT. ERROR_CORRUPT for a file that is damaged or of
 * another version, repository, domain or source, ERROR_IO for one that cannot be read: the
 * caller warns and goes on without. */
MUST_CHECK int row_state_open(const char *path, const struct row_state_id *id,
                              struct row_state **out, struct error *e);
/* The same out of an image in memory, which is borrowed until the close. */
MUST_CHECK int row_state_parse(struct bytes image, const struct row_state_id *id,
                               struct row_state **out, struct error *e);
void row_state_close(struct row_state *s);
/* The backup it is of, and the SHA-256 of its manifest. */
const uint8_t *row_state_backup(const struct row_state *s);
const uint8_t *row_state_manifest(const struct row_state *s);
size_t row_state_count(const struct row_state *s);
const struct row_state_table *row_state_table(const struct row_state *s, size_t i);
/* The place of a table of s. */
size_t row_state_place(const struct row_state *s, const struct row_state_table *t);
/* The table of this name and oid; else (same_cluster: oids mean the same there) the one of this
 * oid; else the one of this name; else NULL. */
const struct row_state_table *row_state_find(const struct row_state *s, const char *schema,
                                             const char *name, const char *oid,
                                             bool same_cluster);
/* The hashes of a table's rows, checked against their checksums. One thread at a time.
 * ERROR_CORRUPT, also for a disk that does not give them. */
MUST_CHECK int row_state_hashes(struct row_state *s, const struct row_state_table *t,
                                const uint8_t **hashes, struct error *e);
/* Recipe i < recipe_count, into a zeroed *out; the caller frees it with row_state_recipe_done.
 * Any thread. ERROR_CORRUPT. */
MUST_CHECK int row_state_recipe(const struct row_state *s, const struct row_state_table *t,
                                uint32_t i, struct row_state_recipe *out, struct error *e);
/* Which objects its pack ids are. Any thread. */
const struct closure *row_state_packs(const struct row_state *s);
/* These hashes, of any table, are not looked at for some time. */
void row_state_rest(const struct row_state *s, struct bytes hashes);
/* Rows before this one are not looked at any more: their pages may go. The thread of
 * row_state_hashes. */
void row_state_passed(struct row_state *s, const struct row_state_table *t, uint64_t row);

/* ---- tonight's ---- */

/* A file beside path that takes its place at the commit. What goes wrong with it (a full disk)
 * is kept until then, the space is given back at once: a cache must not stop a backup. Two
 * threads: one begins and ends tables and adds hashes, one adds recipes; tables follow one
 * another in both, and the second may lag behind. */
struct row_state_draft;
/* Drafts of path that a crash ended are removed: nobody else may be writing one. NULL on
 * error. */
MUST_CHECK struct row_state_draft *
row_state_draft_new(const char *path, const struct row_state_id *id, struct error *e);
/* Gives up what was not committed. */
void row_state_draft_free(struct row_state_draft *d);
/* A table begins; the handle is d's and good until d is freed. Texts are copied (recipe_count
 * and rows are counted here). NULL when memory is short: the table is then left out, and the
 * calls below take NULL. */
struct row_state_draft_table *row_state_draft_begin(struct row_state_draft *d,
                                                    const struct row_state_table *t);
/* count hashes of ROW_STATE_HASH_LEN bytes. */
void row_state_draft_hashes(struct row_state_draft *d, struct row_state_draft_table *t,
                            const uint8_t *hashes, size_t count);
/* Nothing follows in t; generation, taken and digest as given. */
void row_state_draft_end(struct row_state_draft *d, struct row_state_draft_table *t,
                         const struct row_state_table *totals);
/* The next recipe of t (the second thread's; may come after row_state_draft_end). */
void row_state_draft_recipe(struct row_state_draft *d, struct row_state_draft_table *t,
                            const struct row_state_recipe *r);
/* Both threads are done. Write the rest, sync, rename over path. A table whose recipes do not
 * cover its rows is left out. -1 with the first error. Once; then d is to be freed. */
MUST_CHECK int row_state_draft_commit(struct row_state_draft *d,
                                      const uint8_t backup_id[FORMAT_ID_LEN],
                                      const uint8_t manifest_sha256[FORMAT_HASH_LEN],
                                      const struct closure *closure, struct error *e);

#endif
