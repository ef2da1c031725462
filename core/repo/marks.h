/* SPDX-License-Identifier: Apache-2.0 */
/* Marks: what hosts say about a backup after it was made, one signed object each
 * (docs/FORMAT.md 3.6). Type, ids and time are clear; the text is sealed for those who may read
 * the backup's metadata. */
#ifndef REPO_MARKS_H
#define REPO_MARKS_H

#include "core/repo/repo.h"

enum marks_type {
    MARKS_HOLD = 1,
    MARKS_RELEASE, /* refers to a hold; keepers only */
    MARKS_ACK,     /* keepers only */
    MARKS_CONFIRMED,
    MARKS_VERIFIED,
    MARKS_REHEARSED,
    MARKS_UNFORGET, /* refers to a tombstone; keepers only */
    MARKS_DEPLOY_START,
    MARKS_DEPLOY_END,
};

#define MARKS_MAX_TEXT (64 * KIB) /* that is written; readers take what an object can hold */

/* What is to be said. */
struct marks_draft {
    const struct manifest *manifest; /* of the backup: as repo_manifest gives it */
    enum marks_type type;
    const uint8_t *refers_to; /* <r> of what it refers to, FORMAT_ID_LEN bytes; NULL nothing */
    const char *text;         /* UTF-8: a reason, or a small JSON document; NULL none */
    bool of_replica;          /* about this store alone; types 4 to 7 always are */
};

struct mark {
    uint8_t backup_id[FORMAT_ID_LEN];
    uint8_t nonce[FORMAT_ID_LEN]; /* <r> of its name */
    enum marks_type type;
    int64_t time_us;
    uint8_t host_id[FORMAT_ID_LEN];
    bool refers;
    uint8_t refers_to[FORMAT_ID_LEN];
    bool of_replica; /* about one store, and copied to none */
    uint8_t replica_id[FORMAT_ID_LEN];
    bool has_text;
    struct buf sealed;
    char *text; /* once it was opened */
};

void marks_done(struct mark *m);
/* "hold" and so on; NULL for a number that is not known. */
const char *marks_type_name(uint64_t type);
/* marks/<backup>-<r>; out has FORMAT_NAME_MAX bytes. */
void marks_name(char *out, const uint8_t backup_id[FORMAT_ID_LEN],
                const uint8_t nonce[FORMAT_ID_LEN]);
/* The two ids of such a name; false when it is none. */
MUST_CHECK bool marks_name_parse(const char *name, uint8_t backup_id[FORMAT_ID_LEN],
                                 uint8_t nonce[FORMAT_ID_LEN]);

/* May this repository's bundle make a mark of that type? ERROR_KEY with what is missing. */
MUST_CHECK int marks_may(const struct repo *r, enum marks_type type, struct error *e);

/* Make a mark with this host's bundle, which must be in use: PUT and sync. nonce (may be NULL)
 * becomes its <r>. ERROR_KEY: not a host that may, or there is a text and no key at hand opens
 * the backup's metadata. ERROR_USAGE: the text is too long. */
MUST_CHECK int marks_put(struct repo *r, const struct marks_draft *d,
                         uint8_t nonce[FORMAT_ID_LEN], struct error *e);

/* Read the object raw that was stored under name into *out, which is overwritten: signature,
 * right of the signer and name are checked. ERROR_CORRUPT for a mark that counts for nothing,
 * ERROR_UNSUPPORTED for one of a newer version or type. On success marks_done frees. */
MUST_CHECK int marks_read(const struct repo *r, struct bytes raw, const char *name,
                          struct mark *out, struct error *e);
/* Open the text, where there is one, with what is at hand for the backup of this manifest; no
 * key is no error: text stays NULL. ERROR_CORRUPT. */
MUST_CHECK int marks_open(struct repo *r, const struct manifest *manifest, struct mark *m,
                          struct error *e);

/* The mark may be opened by the visitor (marks_open), and is freed behind it. */
typedef int marks_visitor(void *arg, struct mark *m, struct error *e);
/* Every mark of this backup (NULL: of all) that counts in this store, a backup's marks one
 * after another, in no order that means anything. *ignored (may be NULL): how many objects
 * under marks/ do not count; each is told in the log. A visitor that does not answer 0 ends the
 * visit, and its answer is passed on. */
MUST_CHECK int marks_visit(struct repo *r, const uint8_t *backup_id, marks_visitor *visit,
                           void *arg, size_t *ignored, struct error *e);

/* One of them by its name, not opened: 0 (marks_done frees), STORE_ABSENT, or MARKS_IGNORED
 * when it does not count here. replica: id of this store. */
#define MARKS_IGNORED 2
MUST_CHECK int marks_get(struct repo *r, const char *name, const uint8_t replica[FORMAT_ID_LEN],
                         struct mark *out, struct error *e);

#endif
