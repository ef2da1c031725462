/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/digest.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

struct digest {
    EVP_MD_CTX *ctx;
    EVP_MD_CTX *copy;
    EVP_MD *md;
};

struct digest_hmac {
    EVP_MAC *mac;
    EVP_MAC_CTX *ctx;
};

static int refused(struct error *e, const char *what)
{
    return error_set(e, ERROR_MEMORY, "OpenSSL refused %s", what);
}

struct digest *digest_new(struct error *e)
{
    struct digest *d = calloc(1, sizeof *d);
    if (!d) {
        (void)error_memory(e, "digest");
        return NULL;
    }
    d->ctx = EVP_MD_CTX_new();
    d->copy = EVP_MD_CTX_new();
    d->md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    if (!d->ctx || !d->copy || !d->md || EVP_DigestInit_ex2(d->ctx, d->md, NULL) != 1) {
        (void)refused(e, "SHA-256");
        digest_free(d);
        return NULL;
    }
    return d;
}

void digest_free(struct digest *d)
{
    if (!d)
        return;
    EVP_MD_CTX_free(d->ctx);
    EVP_MD_CTX_free(d->copy);
    EVP_MD_free(d->md);
    free(d);
}

int digest_add(struct digest *d, struct bytes b, struct error *e)
{
    if (EVP_DigestUpdate(d->ctx, b.data, b.len) != 1)
        return refused(e, "SHA-256");
    return 0;
}

int digest_take(struct digest *d, uint8_t out[DIGEST_LEN], struct error *e)
{
    if (EVP_DigestFinal_ex(d->ctx, out, NULL) != 1 ||
        EVP_DigestInit_ex2(d->ctx, d->md, NULL) != 1)
        return refused(e, "SHA-256");
    return 0;
}

int digest_peek(const struct digest *d, uint8_t out[DIGEST_LEN], struct error *e)
{
    if (EVP_MD_CTX_copy_ex(d->copy, d->ctx) != 1 || EVP_DigestFinal_ex(d->copy, out, NULL) != 1)
        return refused(e, "SHA-256");
    return 0;
}

int digest_sha256(struct bytes b, uint8_t out[DIGEST_LEN], struct error *e)
{
    if (EVP_Q_digest(NULL, "SHA2-256", NULL, b.data, b.len, out, NULL) != 1)
        return refused(e, "SHA-256");
    return 0;
}

struct digest_hmac *digest_hmac_new(const struct secret *key, struct error *e)
{
    struct digest_hmac *h = calloc(1, sizeof *h);
    if (!h) {
        (void)error_memory(e, "HMAC");
        return NULL;
    }
    char name[] = "SHA2-256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    h->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    h->ctx = h->mac ? EVP_MAC_CTX_new(h->mac) : NULL;
    if (!h->ctx || EVP_MAC_init(h->ctx, key->key, sizeof key->key, params) != 1) {
        (void)refused(e, "HMAC-SHA-256");
        digest_hmac_free(h);
        return NULL;
    }
    return h;
}

void digest_hmac_free(struct digest_hmac *h)
{
    if (!h)
        return;
    EVP_MAC_CTX_free(h->ctx);
    EVP_MAC_free(h->mac);
    free(h);
}

int digest_hmac_of(struct digest_hmac *h, struct bytes a, struct bytes b,
                   uint8_t out[DIGEST_LEN], struct error *e)
{
    /* NULL key: start anew with the key that the context already holds. */
    if (EVP_MAC_init(h->ctx, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(h->ctx, a.data, a.len) != 1 ||
        EVP_MAC_update(h->ctx, b.data, b.len) != 1 ||
        EVP_MAC_final(h->ctx, out, NULL, DIGEST_LEN) != 1)
        return refused(e, "HMAC-SHA-256");
    return 0;
}

int digest_hmac_sha1(struct bytes key, struct bytes message, uint8_t out[DIGEST_SHA1_LEN],
                     struct error *e)
{
    size_t len = 0;
    if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA1", NULL, key.data, key.len, message.data,
                   message.len, out, DIGEST_SHA1_LEN, &len) ||
        len != DIGEST_SHA1_LEN)
        return refused(e, "HMAC-SHA-1");
    return 0;
}

int digest_expand(const struct secret *key, const char *label, struct bytes context, void *out,
                  size_t len, struct error *e)
{
    uint8_t info[512];
    size_t label_len = strlen(label);
    if (label_len + context.len > sizeof info)
        return error_set(e, ERROR_MEMORY, "HKDF info of %zu bytes is too long",
                         label_len + context.len);
    memcpy(info, label, label_len);
    if (context.len > 0)
        memcpy(info + label_len, context.data, context.len);

    char name[] = "SHA2-256";
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    struct secret prk = *key;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, prk.key, sizeof prk.key),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, label_len + context.len),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    int ok = ctx ? EVP_KDF_derive(ctx, out, len, params) : 0;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    secret_wipe(&prk);
    return ok == 1 ? 0 : refused(e, "HKDF-SHA-256");
}

int digest_scrypt(struct bytes passphrase, struct bytes salt,
                  const struct digest_scrypt_cost *cost, struct secret *out, struct error *e)
{
    unsigned log2n = cost->log2n;
    unsigned r = cost->r;
    unsigned p = cost->p;
    if (r < 1 || r > 16 || p < 1 || p > 16 || log2n < 1 || log2n >= 16 * r || log2n > 30 ||
        ((uint64_t)128 * r << log2n) > GIB)
        return error_set(e, ERROR_USAGE,
                         "scrypt parameters log2N %u, r %u, p %u are out of range", log2n, r,
                         p);
    uint64_t n = (uint64_t)1 << log2n;
    /* Without a figure OpenSSL stops at 32 MiB: give it what these parameters need, no more. */
    uint64_t memory = 128 * (uint64_t)r * (n + 2 + p);
    const char *text = passphrase.len > 0 ? (const char *)passphrase.data : "";
    if (EVP_PBE_scrypt(text, passphrase.len, salt.data, salt.len, n, r, p, memory, out->key,
                       sizeof out->key) != 1) {
        secret_wipe(out);
        return refused(e, "scrypt");
    }
    return 0;
}

bool digest_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
