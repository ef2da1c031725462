/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a backup and the manifest's private part (docs/FORMAT.md 7.1, 7.2). */
#ifndef REPO_MEMBER_H
#define REPO_MEMBER_H

#include "core/base/secret.h"
#include "core/repo/stream.h"

#define MEMBER_LACKS_DEFINITIONS 1 /* of its tables: data only */
#define MEMBER_LACKS_ROWS 2        /* schema only */

struct member {
    uint8_t kind; /* enum format_member */
    char *name;
    bool has_sha256;
    uint8_t sha256[FORMAT_HASH_LEN];
    uint64_t length;
    struct buf header;
    struct stream toc;
    struct stream table;
    struct stream tail;
    struct stream content;
    uint64_t toc_entries;
    uint64_t data_entries;
    uint64_t rows;
    uint64_t payload_bytes;
    uint8_t codec; /* enum dump_codec's numbers */
    uint8_t lacks; /* MEMBER_LACKS_…, of a dump */
};

/* A list of texts, owned. Zeroed memory is empty; done leaves it so. */
struct member_texts {
    char **items;
    size_t count;
};

struct member_private {
    char *source;
    char *database;
    char *server_version;
    uint64_t server_number; /* 150018 */
    uint64_t system_id;
    bool standby;
    char *encoding;
    struct member_texts settings; /* name=value */
    char *server_host;
    char *server_port;
    char *server_user;
    char *pgkeep_version;
    char *dump_version;
    struct member_texts dump_arguments;
    char *host_name;
    struct member_texts tags;
    struct member_texts findings; /* why it is suspect: lines without LF */
    char *time_zone;
    bool has_dump_time;
    int32_t dump_time[7]; /* the numbers of the dump's header */
    struct member *members;
    size_t member_count;
    bool has_domain_keys;
    struct secret chunk_id_key;
    uint8_t row_key[16];
    uint64_t rows;
    uint64_t payload_bytes;
    uint64_t stored_bytes;
    uint64_t new_chunks;
};

void member_private_done(struct member_private *p);
void member_texts_done(struct member_texts *t);
MUST_CHECK int member_texts_add(struct member_texts *t, const char *text, struct error *e);
/* The filters that chose what was dumped, as one text appended to out: two backups were made
 * with the same filters when it is the same. Out of the arguments of pg_dump, in whatever order
 * and spelling, and of what the dumps leave out; nothing else of a command line gets in. */
MUST_CHECK int member_filters(const struct member_private *p, struct buf *out, struct error *e);
/* Those arguments of a NULL-ended command line of pg_dump that are filters, added to
 * p->dump_arguments. */
MUST_CHECK int member_filters_take(struct member_private *p, const char *const *argv,
                                   struct error *e);
/* A new, zeroed member at the end; NULL with ERROR_MEMORY. */
MUST_CHECK struct member *member_add(struct member_private *p, struct error *e);
/* The plain private part, appended to out. */
MUST_CHECK int member_private_write(const struct member_private *p, struct buf *out,
                                    struct error *e);
/* Into a zeroed struct; ERROR_CORRUPT. On failure call member_private_done too. */
MUST_CHECK int member_private_read(struct bytes raw, struct member_private *out,
                                   struct error *e);

#endif
