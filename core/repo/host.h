/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolments: who may write, keep and read (docs/FORMAT.md 3.4). */
#ifndef REPO_HOST_H
#define REPO_HOST_H

#include "core/repo/statement.h"

#define HOST_MAX_REPLACES 16

struct host {
    uint8_t host_id[FORMAT_ID_LEN];
    uint8_t nonce[FORMAT_ID_LEN]; /* <r> of the object's name */
    uint8_t public_key[32];
    uint64_t flags; /* FORMAT_HOST_… */
    uint8_t domain_id[FORMAT_ID_LEN];
    int64_t valid_from_us;
    int64_t valid_until_us; /* 0: no end */
    uint8_t replaces[HOST_MAX_REPLACES][FORMAT_ID_LEN];
    size_t replaces_count;
    bool has_reader_key;
    uint8_t reader_key[32]; /* X25519 */
    uint32_t reader_epoch;
    bool has_last_good;
    uint64_t last_good;
};

/* hosts/<host>-<r>; out has FORMAT_NAME_MAX bytes. */
void host_name(char *out, const struct host *h);
/* The signed object, appended to out. */
MUST_CHECK int host_write(const struct host *h, const uint8_t repository_id[FORMAT_ID_LEN],
                          const struct statement_signer *admin, struct buf *out,
                          struct error *e);
/* Checked against the admin's key and the name that it was stored under. ERROR_CORRUPT. */
MUST_CHECK int host_read(struct bytes raw, const char *name,
                         const uint8_t repository_id[FORMAT_ID_LEN],
                         const uint8_t admin_public[32], struct host *out, struct error *e);

#endif
