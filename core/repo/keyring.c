/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/keyring.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "core/base/buf.h"
#include "core/base/digest.h"

static int derive(const struct secret *from, const char *label, struct bytes context,
                  struct secret *out, struct error *e)
{
    int rc = digest_expand(from, label, context, out->key, sizeof out->key, e);
    if (rc < 0)
        secret_wipe(out);
    return rc;
}

/* The first epoch leaves its number out. */
static int derive_epoch(const struct secret *seed, const char *label, uint32_t epoch,
                        struct secret *out, struct error *e)
{
    uint8_t number[4];
    buf_store_u32(number, epoch);
    return derive(seed, label, bytes_of(number, epoch == 0 ? 0 : sizeof number), out, e);
}

int keyring_reader_key(const struct secret *seed, uint32_t epoch, struct secret *private_key,
                       struct error *e)
{
    return derive_epoch(seed, "pgkeep/v1/reader-x25519", epoch, private_key, e);
}

int keyring_psk(const struct secret *seed, uint32_t epoch, struct secret *psk, struct error *e)
{
    return derive_epoch(seed, "pgkeep/v1/psk", epoch, psk, e);
}

int keyring_admin_key(const struct secret *seed, struct secret *admin, struct error *e)
{
    return derive(seed, "pgkeep/v1/admin-ed25519", bytes_of(NULL, 0), admin, e);
}

int keyring_domain(const struct secret *seed, const uint8_t domain_id[16],
                   struct keyring_domain *out, struct error *e)
{
    struct bytes id = bytes_of(domain_id, sizeof out->id);
    memcpy(out->id, domain_id, sizeof out->id);
    if (derive(seed, "pgkeep/v1/chunk-id", id, &out->chunk_id, e) == 0 &&
        derive(seed, "pgkeep/v1/chunker", id, &out->gear, e) == 0 &&
        digest_expand(seed, "pgkeep/v1/row-hash", id, out->row_key, sizeof out->row_key, e) ==
            0)
        return 0;
    keyring_domain_wipe(out);
    return -1;
}

void keyring_domain_wipe(struct keyring_domain *d)
{
    explicit_bzero(d, sizeof *d);
}

int keyring_index_key(const struct secret *chunk_id, struct secret *out, struct error *e)
{
    return derive(chunk_id, "pgkeep/v1/index", bytes_of(NULL, 0), out, e);
}

static int refused(struct error *e)
{
    return error_set(e, ERROR_MEMORY, "OpenSSL refused Ed25519");
}

static EVP_PKEY *signing_key(const struct secret *seed)
{
    return EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed->key, sizeof seed->key);
}

int keyring_sign_public(const struct secret *seed, uint8_t public_key[KEYRING_PUBLIC_LEN],
                        struct error *e)
{
    size_t len = KEYRING_PUBLIC_LEN;
    EVP_PKEY *key = signing_key(seed);
    int ok = key ? EVP_PKEY_get_raw_public_key(key, public_key, &len) : 0;
    EVP_PKEY_free(key);
    return ok == 1 ? 0 : refused(e);
}

int keyring_sign(const struct secret *seed, struct bytes message,
                 uint8_t signature[KEYRING_SIGNATURE_LEN], struct error *e)
{
    size_t len = KEYRING_SIGNATURE_LEN;
    EVP_PKEY *key = signing_key(seed);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = key && ctx && EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
             EVP_DigestSign(ctx, signature, &len, message.data, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok ? 0 : refused(e);
}

/* Empties OpenSSL's error queue of this thread, where a wrong signature leaves nothing. */
static bool lacked_memory(void)
{
    bool lacked = false;
    for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error())
        lacked |= ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    return lacked;
}

int keyring_verify(const uint8_t public_key[KEYRING_PUBLIC_LEN], struct bytes message,
                   const uint8_t signature[KEYRING_SIGNATURE_LEN], struct error *e)
{
    int rc = -1;
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, public_key, KEYRING_PUBLIC_LEN);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!key || !ctx || EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) != 1) {
        (void)refused(e);
        goto out;
    }
    ERR_clear_error();
    if (EVP_DigestVerify(ctx, signature, KEYRING_SIGNATURE_LEN, message.data, message.len) == 1)
        rc = 0;
    else if (lacked_memory())
        (void)refused(e);
    else
        (void)error_set(e, ERROR_CORRUPT, "signature is not of this key and text");
out:
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return rc;
}
