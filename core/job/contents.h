/* SPDX-License-Identifier: Apache-2.0 */
/* What a backup's dump holds, as two backups are compared: objects with their definitions, and
 * data with rows, bytes and a sum over the content. Rows themselves are not read. */
#ifndef JOB_CONTENTS_H
#define JOB_CONTENTS_H

#include "core/repo/repo.h"

/* An object of the TOC; its texts stand in the contents. */
struct contents_object {
    struct bytes desc, schema, name; /* the schema's data is NULL outside schemas */
    struct bytes owner, definition;
    uint32_t ordinal;
};

/* An item with data: a table, or the large objects. */
struct contents_data {
    struct bytes desc, schema, name;
    struct bytes copy; /* the COPY statement; empty: no rows in COPY's text */
    uint64_t rows, bytes;
    bool has_sum; /* of the rows, in any order; under the key of the backup's domain */
    uint8_t sum[16];
    bool counted; /* rows and sum are of the COPY text, also where it is compressed inside */
    uint8_t digest[FORMAT_HASH_LEN]; /* of the stream, in its order; of bytes a SHA-256 */
    bool has_digest;  /* it is of the bytes themselves, not of what they were compressed to */
    uint32_t ordinal; /* among the TOC entries with data */
};

/* Zeroed memory is empty. */
struct contents {
    bool with_values; /* set before loading: values of sequences are objects too */
    struct buf texts;
    struct contents_object *objects; /* by desc, schema, name, place */
    size_t object_count;
    struct contents_data *data; /* by schema, name, desc, place */
    size_t data_count;
};

/* Of a backup's first member, a dump; m is open. Into empty contents; call contents_done in
 * every case. ERROR_UNSUPPORTED for what is no dump that is known; ERROR_KEY, ERROR_CORRUPT. */
MUST_CHECK int contents_load(struct repo *repo, const struct manifest *m, struct contents *out,
                             struct error *e);
void contents_done(struct contents *c);

/* The parts of loading, for job/contents_read: objects, and data with their names, of a TOC,
 * header in front; the data in TOC order. Then, when the data are filled in, into order. */
MUST_CHECK int contents_take_toc(struct contents *c, struct bytes toc, struct error *e);
void contents_sort(struct contents *c);
/* The order of data by name. */
int contents_order_data(const struct contents_data *a, const struct contents_data *b);

/* The item of that name in sorted contents; NULL when there is none. */
const struct contents_data *contents_find_data(const struct contents *c,
                                               const struct contents_data *name);

/* Definition and owner; content, whatever the order of its rows. */
bool contents_same_object(const struct contents_object *a, const struct contents_object *b);
bool contents_same_data(const struct contents_data *a, const struct contents_data *b);

enum contents_change { CONTENTS_SAME, CONTENTS_ADDED, CONTENTS_REMOVED, CONTENTS_CHANGED };

/* Called for every object and item of either in their order; the one that is not there is
 * NULL. */
struct contents_visit {
    void (*object)(void *arg, enum contents_change change, const struct contents_object *a,
                   const struct contents_object *b);
    void (*data)(void *arg, enum contents_change change, const struct contents_data *a,
                 const struct contents_data *b);
    void *arg;
};
void contents_compare(const struct contents *a, const struct contents *b,
                      const struct contents_visit *visit);

#endif
