/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a suspect backup was accepted, when and why, out of the catalog. */
#ifndef TOOLS_ACKS_H
#define TOOLS_ACKS_H

#include "catalog/catalog.h"
#include "core/repo/manifest.h"

/* The first ack of a backup. */
struct acks {
    bool there;
    int64_t at_us;
    uint8_t host_id[FORMAT_ID_LEN];
    char *reason; /* NULL where no key could read it */
};

/* Into a zeroed struct; there is false when nobody accepted it. acks_done in every case. */
MUST_CHECK int acks_find(struct acks *a, struct catalog *c,
                         const uint8_t backup_id[FORMAT_ID_LEN], struct error *e);
void acks_done(struct acks *a);

/* A warning when m is suspect and nobody accepted it: for commands that put it to use. */
void acks_warn(struct catalog *c, const struct manifest *m);

#endif
