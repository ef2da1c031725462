/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest: the object that makes a backup exist (docs/FORMAT.md 7). */
#ifndef REPO_MANIFEST_H
#define REPO_MANIFEST_H

#include "core/repo/closure.h"
#include "core/repo/member.h"
#include "core/repo/statement.h"

enum manifest_kind {
    MANIFEST_NIGHTLY = 1,
    MANIFEST_WEEKLY = 2,
    MANIFEST_PRE_DEPLOY = 3,
    MANIFEST_MANUAL = 4,
};

/* Zeroed memory is an empty manifest. The private part is there when is_open. */
struct manifest {
    uint8_t backup_id[FORMAT_ID_LEN];
    uint64_t compat, ro_compat, incompat;
    uint8_t host_id[FORMAT_ID_LEN];
    uint64_t sequence;
    bool has_previous;
    uint8_t previous[FORMAT_HASH_LEN];
    uint8_t source_mac[FORMAT_HASH_LEN];
    uint8_t domain_id[FORMAT_ID_LEN];
    uint8_t kind; /* enum manifest_kind; numbers of newer versions may stand here */
    uint64_t flags;
    bool has_set;
    uint8_t set_id[FORMAT_ID_LEN];
    uint32_t set_ordinal;
    uint32_t set_planned;
    int64_t started_us;
    int64_t committed_us;
    struct closure closure;
    struct buf envelopes;
    struct buf sealed;
    bool is_open;
    struct member_private private_part;
    uint8_t digest[FORMAT_HASH_LEN]; /* of the whole object; after a read or write */
};

void manifest_done(struct manifest *m);

/* "nightly" and so on; NULL for an unknown number. */
const char *manifest_kind_name(uint8_t kind);
/* 0 when there is no such kind. */
uint8_t manifest_kind_parse(const char *name);

/* HMAC of a source name. */
MUST_CHECK int manifest_source_mac(const struct secret *chunk_id_key, const char *source,
                                   uint8_t mac[FORMAT_HASH_LEN], struct error *e);

/* The whole signed object, appended to an empty out; the private part is sealed under
 * metadata (MK). Sets m->digest. */
MUST_CHECK int manifest_write(struct manifest *m, const uint8_t repository_id[FORMAT_ID_LEN],
                              const struct secret *metadata,
                              const struct statement_signer *signer, struct buf *out,
                              struct error *e);

/* The clear part of a statement whose signature the caller has checked, or not. raw is the
 * whole object. ERROR_CORRUPT; ERROR_UNSUPPORTED for an unknown incompat bit. */
MUST_CHECK int manifest_read(const struct statement *statement, struct bytes raw,
                             struct manifest *out, struct error *e);

/* Open the private part; nothing is done when it is open. ERROR_CORRUPT. */
MUST_CHECK int manifest_open(struct manifest *m, const uint8_t repository_id[FORMAT_ID_LEN],
                             const struct secret *metadata, struct error *e);

#endif
