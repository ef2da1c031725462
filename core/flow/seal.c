/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flow/seal.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "core/base/buf.h"

enum { OPENING = 0, SEALING = 1 }; /* as EVP_CipherInit_ex2 counts */

struct seal {
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *ctx;
};

static int refused(struct error *e)
{
    return error_set(e, ERROR_MEMORY, "OpenSSL refused AES-256-GCM");
}

struct seal *seal_new(const struct secret *key, struct error *e)
{
    struct seal *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "cipher");
        return NULL;
    }
    s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    s->ctx = EVP_CIPHER_CTX_new();
    if (!s->cipher || !s->ctx ||
        EVP_CipherInit_ex2(s->ctx, s->cipher, key->key, NULL, SEALING, NULL) != 1) {
        (void)refused(e);
        seal_free(s);
        return NULL;
    }
    return s;
}

void seal_free(struct seal *s)
{
    if (!s)
        return;
    EVP_CIPHER_CTX_free(s->ctx);
    EVP_CIPHER_free(s->cipher);
    free(s);
}

/* Set the nonce and feed the additional data; the key stays as it is. */
static bool begin(struct seal *s, int direction, const uint8_t *nonce, struct bytes aad)
{
    int n;
    return EVP_CipherInit_ex2(s->ctx, NULL, NULL, nonce, direction, NULL) == 1 &&
           (aad.len == 0 || EVP_CipherUpdate(s->ctx, NULL, &n, aad.data, (int)aad.len) == 1);
}

static bool update(struct seal *s, struct bytes in, uint8_t *out)
{
    int n = 0;
    return in.len == 0 || (EVP_CipherUpdate(s->ctx, out, &n, in.data, (int)in.len) == 1 &&
                           (size_t)n == in.len);
}

static int check_lengths(struct bytes aad, struct bytes text, struct error *e)
{
    if (aad.len > INT_MAX || text.len > INT_MAX)
        return error_set(e, ERROR_MEMORY, "block of %zu bytes is too long to seal", text.len);
    return 0;
}

static int seal_with(struct seal *s, const uint8_t *nonce, struct bytes aad, struct bytes plain,
                     uint8_t *out, struct error *e)
{
    if (check_lengths(aad, plain, e) < 0)
        return -1;
    int n = 0;
    uint8_t *tag = out + plain.len;
    if (!begin(s, SEALING, nonce, aad) || !update(s, plain, out) ||
        EVP_CipherFinal_ex(s->ctx, tag, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_LEN, tag) != 1) {
        explicit_bzero(out, plain.len + SEAL_TAG_LEN);
        return refused(e);
    }
    return 0;
}

static int open_with(struct seal *s, const uint8_t *nonce, struct bytes aad,
                     struct bytes sealed, uint8_t *out, struct error *e)
{
    if (check_lengths(aad, sealed, e) < 0)
        return -1;
    if (sealed.len < SEAL_TAG_LEN)
        return error_set(e, ERROR_CORRUPT, "sealed block: %zu bytes, expected at least %d",
                         sealed.len, SEAL_TAG_LEN);
    int n = 0;
    struct bytes text = bytes_take(&sealed, sealed.len - SEAL_TAG_LEN);
    uint8_t tag[SEAL_TAG_LEN]; /* a copy, as OpenSSL wants it writable */
    memcpy(tag, sealed.data, sizeof tag);
    bool ready = begin(s, OPENING, nonce, aad) && update(s, text, out) &&
                 EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1;
    if (ready && EVP_CipherFinal_ex(s->ctx, tag, &n) == 1)
        return 0;
    explicit_bzero(out, text.len);
    if (!ready)
        return refused(e);
    return error_set(e, ERROR_CORRUPT,
                     "sealed block of %zu bytes does not open: wrong key or damaged", text.len);
}

static void nonce_of(uint64_t index, uint8_t nonce[SEAL_NONCE_LEN])
{
    memset(nonce, 0, 4);
    buf_store_u64(nonce + 4, index);
}

int seal_block(struct seal *s, uint64_t index, struct bytes aad, struct bytes plain,
               uint8_t *out, struct error *e)
{
    uint8_t nonce[SEAL_NONCE_LEN];
    nonce_of(index, nonce);
    return seal_with(s, nonce, aad, plain, out, e);
}

int seal_open(struct seal *s, uint64_t index, struct bytes aad, struct bytes sealed,
              uint8_t *out, struct error *e)
{
    uint8_t nonce[SEAL_NONCE_LEN];
    nonce_of(index, nonce);
    return open_with(s, nonce, aad, sealed, out, e);
}

int seal_once(const struct secret *key, const uint8_t nonce[SEAL_NONCE_LEN], struct bytes aad,
              struct bytes plain, uint8_t *out, struct error *e)
{
    struct seal *s = seal_new(key, e);
    int rc = s ? seal_with(s, nonce, aad, plain, out, e) : -1;
    seal_free(s);
    return rc;
}

int seal_open_once(const struct secret *key, const uint8_t nonce[SEAL_NONCE_LEN],
                   struct bytes aad, struct bytes sealed, uint8_t *out, struct error *e)
{
    struct seal *s = seal_new(key, e);
    int rc = s ? open_with(s, nonce, aad, sealed, out, e) : -1;
    seal_free(s);
    return rc;
}
