/* SPDX-License-Identifier: Apache-2.0 */
/* Names in comments (eae_prk, key_schedule_context, …) are those of RFC 9180. */
#include "core/repo/hpke.h"

#include <assert.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "core/base/digest.h"
#include "core/flow/seal.h"

static_assert(HPKE_OVERHEAD == HPKE_KEY_LEN + SEAL_TAG_LEN, "the tag is AES-GCM's");

#define MODE_PSK 1

/* suite_id of the KEM and of the whole (sections 4.1, 5.1). */
static const uint8_t kem_suite[] = {'K', 'E', 'M', 0, 0x20};
static const uint8_t whole_suite[] = {'H', 'P', 'K', 'E', 0, 0x20, 0, 0x01, 0, 0x02};

static const struct secret no_salt; /* HMAC pads an empty key with zeros */

static int refused(struct error *e)
{
    return error_set(e, ERROR_MEMORY, "OpenSSL refused X25519");
}

int hpke_public_key(const struct secret *private_key, uint8_t public_key[HPKE_KEY_LEN],
                    struct error *e)
{
    size_t len = HPKE_KEY_LEN;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, private_key->key,
                                                    sizeof private_key->key);
    int ok = key ? EVP_PKEY_get_raw_public_key(key, public_key, &len) : 0;
    EVP_PKEY_free(key);
    return ok == 1 ? 0 : refused(e);
}

int hpke_exchange(const struct secret *private_key, const uint8_t public_key[HPKE_KEY_LEN],
                  struct secret *shared, struct error *e)
{
    int rc = -1;
    size_t len = sizeof shared->key;
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, private_key->key,
                                                    sizeof private_key->key);
    EVP_PKEY *peer =
        EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, public_key, HPKE_KEY_LEN);
    if (key && peer)
        ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (!ctx || EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, peer) != 1) {
        (void)refused(e);
        goto out;
    }
    /* With both keys in place only an all-zero result makes OpenSSL fail. */
    rc = EVP_PKEY_derive(ctx, shared->key, &len) == 1 ? 0 : HPKE_LOW_ORDER;
    if (rc == HPKE_LOW_ORDER)
        ERR_clear_error();
out:
    if (rc != 0)
        secret_wipe(shared);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(key);
    return rc;
}

/* The labelled input of Extract and Expand, put together piece by piece. */
struct labelled {
    uint8_t data[128];
    size_t len;
};

static void put(struct labelled *l, struct bytes b)
{
    assert(b.len <= sizeof l->data - l->len);
    memcpy(l->data + l->len, b.data, b.len);
    l->len += b.len;
}

static void put_label(struct labelled *l, struct bytes suite, const char *label)
{
    put(l, bytes_text("HPKE-v1"));
    put(l, suite);
    put(l, bytes_text(label));
}

static int extract(const struct secret *salt, struct bytes suite, const char *label,
                   struct bytes ikm, struct secret *out, struct error *e)
{
    struct labelled l = {.len = 0};
    put_label(&l, suite, label);
    struct digest_hmac *h = digest_hmac_new(salt, e);
    int rc = h ? digest_hmac_of(h, bytes_of(l.data, l.len), ikm, out->key, e) : -1;
    digest_hmac_free(h);
    return rc;
}

/* A key schedule's secret and what is expanded from it. */
struct expansion {
    const struct secret *prk;
    struct bytes suite;
    struct bytes info;
};

static int expand(const struct expansion *x, const char *label, void *out, uint8_t len,
                  struct error *e)
{
    const uint8_t length[2] = {0, len};
    struct labelled l = {.len = 0};
    put(&l, bytes_of(length, sizeof length));
    put_label(&l, x->suite, label);
    put(&l, x->info);
    return digest_expand(x->prk, "", bytes_of(l.data, l.len), out, len, e);
}

/* ExtractAndExpand (section 4.1): from the X25519 result to the KEM's shared_secret. */
static int kem_secret(const struct secret *dh, const uint8_t *enc, const uint8_t *recipient,
                      struct secret *shared, struct error *e)
{
    struct bytes suite = bytes_of(kem_suite, sizeof kem_suite);
    uint8_t kem_context[2 * HPKE_KEY_LEN];
    memcpy(kem_context, enc, HPKE_KEY_LEN);
    memcpy(kem_context + HPKE_KEY_LEN, recipient, HPKE_KEY_LEN);
    struct secret eae_prk;
    int rc = -1;
    if (extract(&no_salt, suite, "eae_prk", bytes_of(dh->key, sizeof dh->key), &eae_prk, e) < 0)
        goto out;
    const struct expansion x = {&eae_prk, suite, bytes_of(kem_context, sizeof kem_context)};
    rc = expand(&x, "shared_secret", shared->key, sizeof shared->key, e);
out:
    secret_wipe(&eae_prk);
    return rc;
}

/* KeySchedule (section 5.1) for mode_psk: the key and nonce of the first and only message. */
static int key_schedule(const struct hpke_terms *t, const struct secret *shared,
                        struct secret *key, uint8_t nonce[SEAL_NONCE_LEN], struct error *e)
{
    assert(t->psk_id.len > 0);
    struct bytes suite = bytes_of(whole_suite, sizeof whole_suite);
    struct bytes psk = bytes_of(t->psk->key, sizeof t->psk->key);
    struct secret psk_id_hash;
    struct secret info_hash;
    struct secret secret;
    uint8_t context[1 + 2 * DIGEST_LEN] = {MODE_PSK};
    int rc = -1;
    if (extract(&no_salt, suite, "psk_id_hash", t->psk_id, &psk_id_hash, e) < 0 ||
        extract(&no_salt, suite, "info_hash", t->info, &info_hash, e) < 0 ||
        extract(shared, suite, "secret", psk, &secret, e) < 0)
        goto out;
    memcpy(context + 1, psk_id_hash.key, DIGEST_LEN);
    memcpy(context + 1 + DIGEST_LEN, info_hash.key, DIGEST_LEN);
    const struct expansion x = {&secret, suite, bytes_of(context, sizeof context)};
    if (expand(&x, "key", key->key, sizeof key->key, e) == 0 &&
        expand(&x, "base_nonce", nonce, SEAL_NONCE_LEN, e) == 0)
        rc = 0;
out:
    secret_wipe(&secret);
    return rc;
}

int hpke_seal_psk_with(const struct hpke_terms *terms, const struct secret *ephemeral,
                       const uint8_t public_key[HPKE_KEY_LEN], struct bytes plain, uint8_t *out,
                       struct error *e)
{
    struct secret dh;
    struct secret shared;
    struct secret key;
    uint8_t nonce[SEAL_NONCE_LEN];
    int rc = hpke_exchange(ephemeral, public_key, &dh, e);
    if (rc == HPKE_LOW_ORDER)
        rc = error_set(e, ERROR_KEY, "public key: it is of low order, no key at all");
    if (rc < 0 || hpke_public_key(ephemeral, out, e) < 0 ||
        kem_secret(&dh, out, public_key, &shared, e) < 0 ||
        key_schedule(terms, &shared, &key, nonce, e) < 0)
        rc = -1;
    else
        rc = seal_once(&key, nonce, terms->aad, plain, out + HPKE_KEY_LEN, e);
    secret_wipe(&dh);
    secret_wipe(&shared);
    secret_wipe(&key);
    return rc;
}

int hpke_seal_psk(const struct hpke_terms *terms, const uint8_t public_key[HPKE_KEY_LEN],
                  struct bytes plain, uint8_t *out, struct error *e)
{
    struct secret ephemeral;
    int rc = secret_random(ephemeral.key, sizeof ephemeral.key, e);
    if (rc == 0)
        rc = hpke_seal_psk_with(terms, &ephemeral, public_key, plain, out, e);
    secret_wipe(&ephemeral);
    return rc;
}

int hpke_open_psk(const struct hpke_terms *terms, const struct secret *private_key,
                  struct bytes sealed, uint8_t *out, struct error *e)
{
    if (sealed.len < HPKE_OVERHEAD)
        return error_set(e, ERROR_CORRUPT, "sealed key: %zu bytes, expected at least %d",
                         sealed.len, HPKE_OVERHEAD);
    struct secret dh;
    struct secret shared;
    struct secret key;
    uint8_t nonce[SEAL_NONCE_LEN];
    uint8_t public_key[HPKE_KEY_LEN];
    memset(out, 0, sealed.len - HPKE_OVERHEAD);
    struct bytes enc = bytes_take(&sealed, HPKE_KEY_LEN);
    int rc = hpke_exchange(private_key, enc.data, &dh, e);
    if (rc == HPKE_LOW_ORDER)
        rc = error_set(e, ERROR_CORRUPT, "sealed key: its public key is of low order");
    if (rc < 0 || hpke_public_key(private_key, public_key, e) < 0 ||
        kem_secret(&dh, enc.data, public_key, &shared, e) < 0 ||
        key_schedule(terms, &shared, &key, nonce, e) < 0)
        rc = -1;
    else
        rc = seal_open_once(&key, nonce, terms->aad, sealed, out, e);
    secret_wipe(&dh);
    secret_wipe(&shared);
    secret_wipe(&key);
    return rc;
}
