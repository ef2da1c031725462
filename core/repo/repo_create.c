/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/repo_create.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/repo/envelope.h"
#include "core/repo/keyring.h"
#include "core/repo/replica.h"
#include "core/repo/slot.h"
#include "core/repo/statement.h"
#include "core/repo/tlv.h"

static int write_config(const struct secret *seed, const uint8_t repository_id[FORMAT_ID_LEN],
                        struct buf *out, struct error *e)
{
    struct statement_signer admin = {0};
    struct secret key = {0};
    struct buf body = {0};
    uint8_t masks[24] = {0};
    uint8_t reader[37] = {0};
    uint8_t domain[FORMAT_ID_LEN];
    int rc = -1;
    if (keyring_admin_key(seed, &key, e) < 0 || statement_signer_init(&admin, &key, e) < 0 ||
        keyring_reader_key(seed, 0, &key, e) < 0 || envelope_public_key(&key, reader, e) < 0 ||
        secret_random(domain, sizeof domain, e) < 0)
        goto out;
    reader[36] = FORMAT_SCOPE_CONTENT;
    if (tlv_put(&body, REPO_CONFIG_ADMIN, bytes_of(admin.public_key, 32), e) < 0 ||
        tlv_put(&body, REPO_CONFIG_MASKS, bytes_of(masks, sizeof masks), e) < 0 ||
        tlv_uint(&body, REPO_CONFIG_CREATED, (uint64_t)clock_now_us(), e) < 0 ||
        tlv_put(&body, REPO_CONFIG_READER, bytes_of(reader, sizeof reader), e) < 0 ||
        tlv_put(&body, REPO_CONFIG_DOMAIN, bytes_of(domain, sizeof domain), e) < 0)
        goto out;
    rc = statement_write(FORMAT_CONFIG, repository_id, &admin, buf_view(&body), out, e);
out:
    secret_wipe(&key);
    secret_wipe(&admin.seed);
    buf_done(&body);
    return rc;
}

static int put_slot(struct store *store, const uint8_t *repository_id, const char *passphrase,
                    const struct secret *seed, struct error *e)
{
    uint8_t id[FORMAT_ID_LEN];
    char hex[2 * FORMAT_ID_LEN + 1];
    char name[FORMAT_NAME_MAX];
    struct buf slot = {0};
    int rc = secret_random(id, sizeof id, e);
    str_hex(hex, id, sizeof id);
    (void)snprintf(name, sizeof name, "keys/%s", hex);
    if (rc == 0)
        rc = slot_make(bytes_text(passphrase), repository_id, SLOT_LOG2N, seed, &slot, e);
    if (rc == 0)
        rc = store_put_new(store, name, buf_view(&slot), e);
    buf_done(&slot);
    return rc;
}

static int refuse_item(void *arg, const struct store_item *item, struct error *e)
{
    (void)arg;
    /* Replica and slots without a config are what a killed init left. */
    if (!repo_name_known(item->name) || strcmp(item->name, "replica") == 0 ||
        str_starts(item->name, "keys/"))
        return 0;
    (void)error_set(e, ERROR_EXISTS, "the store is not empty: %s", item->name);
    return error_hint(e, "choose an empty place for a new repository");
}

static int remove_item(void *arg, const struct store_item *item, struct error *e)
{
    return repo_name_known(item->name) ? store_remove(arg, item->name, e) : 0;
}

int repo_create_check(struct store *store, struct error *e)
{
    struct buf raw = {0};
    int rc = store_get(store, "config", 0, 1, &raw, e);
    buf_done(&raw);
    if (rc == 0)
        return error_set(e, ERROR_EXISTS, "there is a repository already");
    return rc < 0 ? -1 : store_list(store, "", refuse_item, NULL, e);
}

int repo_create(struct store *store, const char *passphrase, const struct secret *seed,
                struct error *e)
{
    uint8_t repository_id[FORMAT_ID_LEN];
    uint8_t replica[REPLICA_LEN];
    struct buf config = {0};
    int rc = -1;
    if (repo_create_check(store, e) < 0 || store_remove(store, "replica", e) < 0 ||
        store_list(store, "keys/", remove_item, store, e) < 0 ||
        secret_random(repository_id, sizeof repository_id, e) < 0 ||
        replica_new(replica, e) < 0 || write_config(seed, repository_id, &config, e) < 0)
        goto out;
    /* The config last: a repository exists when it does. */
    if (store_put_new(store, "replica", bytes_of(replica, sizeof replica), e) < 0 ||
        (passphrase && put_slot(store, repository_id, passphrase, seed, e) < 0) ||
        store_sync(store, e) < 0 || store_put_new(store, "config", buf_view(&config), e) < 0 ||
        store_sync(store, e) < 0)
        goto out;
    rc = 0;
out:
    buf_done(&config);
    return rc;
}
