/* SPDX-License-Identifier: Apache-2.0 */
/* The host bundle: the keys of one enrolled host, in a file of its own (docs/FORMAT.md 4).
 * With it a host stores backups, deduplicates and, as a keeper, reads metadata; it cannot
 * read content. */
#ifndef REPO_BUNDLE_H
#define REPO_BUNDLE_H

#include "core/repo/keyring.h"
#include "core/repo/statement.h"

#define BUNDLE_MAX_READERS 16

struct bundle_reader {
    uint8_t public_key[32];
    uint32_t epoch;
    uint8_t scope; /* enum format_scope */
};

struct bundle {
    uint8_t repository_id[FORMAT_ID_LEN];
    uint8_t host_id[FORMAT_ID_LEN];
    struct statement_signer signer;
    uint64_t flags;
    uint8_t admin_public[32];
    struct keyring_domain domain;
    uint32_t psk_epoch;
    struct secret psk;
    struct bundle_reader readers[BUNDLE_MAX_READERS];
    size_t reader_count;
    bool has_keeper_key;
    struct secret keeper_key; /* X25519: opens metadata envelopes */
    uint32_t keeper_epoch;
};

void bundle_wipe(struct bundle *b);
/* The file's bytes, appended to out, which the caller wipes. */
MUST_CHECK int bundle_write(const struct bundle *b, struct buf *out, struct error *e);
/* ERROR_KEY when the bytes are no bundle or are damaged. */
MUST_CHECK int bundle_read(struct bytes raw, struct bundle *out, struct error *e);

#endif
