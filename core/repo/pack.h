/* SPDX-License-Identifier: Apache-2.0 */
/* Packs (docs/FORMAT.md 5): many sealed chunks in one object. pack_add and pack_fetch are
 * each other's inverse, as are pack_seal and pack_index. */
#ifndef REPO_PACK_H
#define REPO_PACK_H

#include "core/base/secret.h"
#include "core/repo/closure.h"
#include "core/repo/envelope.h"
#include "core/repo/ref.h"

#define PACK_HEADER_LEN 112
#define PACK_FOOTER_LEN 32
#define PACK_INDEX_ROW_LEN 48
/* Header and envelopes are at most this long. */
#define PACK_HEAD_MAX (PACK_HEADER_LEN + FORMAT_MAX_ENVELOPES * ENVELOPE_LEN)

/* What all packs of a backup share. Borrowed by the writer for its life. */
struct pack_keys {
    uint8_t repository_id[FORMAT_ID_LEN];
    uint8_t backup_id[FORMAT_ID_LEN];
    uint8_t domain_id[FORMAT_ID_LEN];
    struct secret content;  /* SK */
    struct secret metadata; /* MK */
    struct secret index;    /* K_idx */
    struct bytes envelopes; /* 144 bytes each */
};

/* MK of SK. */
MUST_CHECK int pack_metadata_key(const struct secret *content, struct secret *metadata,
                                 struct error *e);

/* A pack that is being filled, in memory. */
struct pack;
MUST_CHECK struct pack *pack_new(const struct pack_keys *keys, struct error *e);
void pack_free(struct pack *p);
/* Start an empty pack with a new id and salt; what was in it is gone. ERROR_MEMORY. */
MUST_CHECK int pack_begin(struct pack *p, struct error *e);
/* Seal one chunk into it: ref holds id, stored, plain, codec, kind; pack id, record and
 * offset are filled in. stored_bytes has ref->stored bytes. */
MUST_CHECK int pack_add(struct pack *p, struct ref *ref, struct bytes stored_bytes,
                        struct error *e);
/* Bytes that the object would have now; records in it. */
size_t pack_size(const struct pack *p);
uint32_t pack_count(const struct pack *p);
/* Write trailer and footer, choose the name. *content is the pack's until pack_begin. */
MUST_CHECK int pack_seal(struct pack *p, struct closure_pack *name, struct bytes *content,
                         struct error *e);
/* The sealed content is stored: give its memory back. What is known of the records stays until
 * pack_begin. */
void pack_drop(struct pack *p);
/* Record i, i < pack_count. */
const struct ref *pack_ref(const struct pack *p, uint32_t i);

/* The head of a pack that is read: header fields and where its envelopes are. */
struct pack_head {
    uint8_t repository_id[FORMAT_ID_LEN];
    uint8_t backup_id[FORMAT_ID_LEN];
    uint8_t pack_id[FORMAT_ID_LEN];
    uint8_t domain_id[FORMAT_ID_LEN];
    uint8_t salt[32];
    uint8_t digest[FORMAT_HASH_LEN]; /* SHA-256 of header and envelopes */
    struct bytes envelopes;          /* a view of raw */
    size_t len;
};
/* raw: the first PACK_HEAD_MAX bytes of the object, or all of it. ERROR_CORRUPT. */
MUST_CHECK int pack_head_read(struct bytes raw, struct pack_head *head, struct error *e);

/* Opens records of one pack. */
struct pack_reader;
/* content may be NULL: only metadata chunks can then be opened. */
MUST_CHECK struct pack_reader *pack_reader_new(const struct pack_head *head,
                                               const struct secret *content,
                                               const struct secret *metadata, struct error *e);
void pack_reader_free(struct pack_reader *r);
/* Open one record: sealed has ref->stored + 16 bytes, out room for ref->stored. One reader
 * may be used by several threads, each with its own scratch. ERROR_CORRUPT; ERROR_KEY for a
 * content chunk without the content key. */
MUST_CHECK int pack_fetch(struct pack_reader *r, const struct ref *ref, struct bytes sealed,
                          uint8_t *out, struct error *e);

/* Open the trailer: whole has the whole object. visit is called once a record. Needs only
 * K_idx. ERROR_CORRUPT. */
typedef int pack_visit(void *arg, const struct ref *ref, struct error *e);
MUST_CHECK int pack_index(struct bytes whole, const struct secret *index_key, pack_visit *visit,
                          void *arg, struct error *e);

#endif
