/* SPDX-License-Identifier: Apache-2.0 */
/* A repository: a store, who is enrolled in it, and the keys that are at hand
 * (docs/FORMAT.md 3). One handle may be used by several threads once it is set up. */
#ifndef REPO_REPO_H
#define REPO_REPO_H

#include "core/repo/bundle.h"
#include "core/repo/host.h"
#include "core/repo/manifest.h"
#include "core/repo/store.h"

struct repo;

/* Tags of the config's body. */
enum repo_config_tag {
    REPO_CONFIG_ADMIN = 1,
    REPO_CONFIG_MASKS,
    REPO_CONFIG_CREATED,
    REPO_CONFIG_READER,
    REPO_CONFIG_DOMAIN,
};

/* Open what is there: config and enrolments, signatures checked. The store stays the
 * caller's and outlives the repo. ERROR_NO_REPOSITORY when there is no config. */
MUST_CHECK struct repo *repo_open(struct store *store, struct error *e);
void repo_free(struct repo *r);

const uint8_t *repo_id(const struct repo *r);
struct store *repo_store(const struct repo *r);

/* Keys. A seed or bundle that does not belong to this repository: ERROR_KEY. Both copy. */
MUST_CHECK int repo_use_seed(struct repo *r, const struct secret *seed, struct error *e);
MUST_CHECK int repo_use_bundle(struct repo *r, const struct bundle *b, struct error *e);
/* Try the passphrase slots; ERROR_KEY when none opens or there is none. */
MUST_CHECK int repo_use_passphrase(struct repo *r, const char *passphrase, struct error *e);
bool repo_has_seed(const struct repo *r);
/* NULL without one. */
const struct bundle *repo_bundle(const struct repo *r);

/* Enrol this host (the seed must be in use): PUT the enrolment, fill *out with its bundle and
 * use it. keeper: writer and keeper, else writer only. */
MUST_CHECK int repo_enrol(struct repo *r, bool keeper, struct bundle *out, struct error *e);

/* The enrolments that were ever made, valid signature. */
size_t repo_host_count(const struct repo *r);
const struct host *repo_host(const struct repo *r, size_t i);
/* The one whose key has this signer id; NULL when there is none. */
const struct host *repo_host_by_signer(const struct repo *r,
                                       const uint8_t signer[FORMAT_ID_LEN]);
/* Not removed or replaced by another enrolment. */
bool repo_host_active(const struct repo *r, const struct host *h);

/* A fresh key for a backup, wrapped for every reader and auditor: envelopes appended. The
 * bundle must be in use. */
MUST_CHECK int repo_seal_keys(struct repo *r, const uint8_t backup_id[FORMAT_ID_LEN],
                              struct secret *content, struct buf *envelopes, struct error *e);

/* One envelope: key for `to`, appended to out. The bundle must be in use. */
MUST_CHECK int repo_wrap(struct repo *r, const uint8_t backup_id[FORMAT_ID_LEN],
                         const struct bundle_reader *to, const struct secret *key,
                         struct buf *out, struct error *e);

/* What opens a backup. */
struct repo_keys {
    bool has_content;
    struct secret content;
    struct secret metadata;
};
/* From envelopes of a manifest or pack, with what is at hand. ERROR_KEY when none fits. */
MUST_CHECK int repo_open_keys(struct repo *r, const uint8_t backup_id[FORMAT_ID_LEN],
                              struct bytes envelopes, struct repo_keys *out, struct error *e);

/* The keys of a domain: of the bundle, or of the seed. ERROR_KEY. */
MUST_CHECK int repo_domain(const struct repo *r, const uint8_t domain_id[FORMAT_ID_LEN],
                           struct keyring_domain *out, struct error *e);

/* Read a manifest: signature of an enrolled host checked, private part opened where a key is
 * at hand and want_open (no key is no error then: is_open says). Answers STORE_ABSENT.
 * ERROR_CORRUPT. */
MUST_CHECK int repo_manifest(struct repo *r, const uint8_t backup_id[FORMAT_ID_LEN],
                             bool want_open, struct manifest *out, struct error *e);

/* Does an object's name fit docs/FORMAT.md 1.1? */
bool repo_name_known(const char *name);

#endif
