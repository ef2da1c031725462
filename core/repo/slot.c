/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/slot.h"

#include <assert.h>

#include "core/base/cursor.h"
#include "core/base/digest.h"
#include "core/flow/seal.h"
#include "core/repo/format.h"

#define MAGIC "PGKSLOT0"
#define KDF_SCRYPT 1
#define HEAD_LEN 64
#define SALT_AT 32
#define SALT_LEN 32
#define R 8
#define P_MAX 4

static_assert(SLOT_LEN == HEAD_LEN + SECRET_LEN + SEAL_TAG_LEN, "the layout of slot.h");

static const uint8_t zero_nonce[SEAL_NONCE_LEN];

int slot_make(struct bytes passphrase, const uint8_t repository_id[16], unsigned log2n,
              const struct secret *seed, struct buf *out, struct error *e)
{
    if (passphrase.len == 0)
        return error_set(e, ERROR_USAGE, "passphrase is empty");
    if (log2n < SLOT_LOG2N_MIN || log2n > SLOT_LOG2N_MAX)
        return error_set(e, ERROR_USAGE, "scrypt log2N %u, expected %d to %d", log2n,
                         SLOT_LOG2N_MIN, SLOT_LOG2N_MAX);
    uint8_t slot[SLOT_LEN] = MAGIC;
    const struct digest_scrypt_cost cost = {.log2n = log2n, .r = R, .p = 1};
    slot[8] = KDF_SCRYPT;
    slot[9] = (uint8_t)log2n;
    slot[10] = R;
    slot[11] = 1;
    memcpy(slot + 16, repository_id, 16);
    struct secret key;
    if (secret_random(slot + SALT_AT, SALT_LEN, e) < 0 ||
        digest_scrypt(passphrase, bytes_of(slot + SALT_AT, SALT_LEN), &cost, &key, e) < 0)
        return -1;
    int rc = seal_once(&key, zero_nonce, bytes_of(slot, HEAD_LEN),
                       bytes_of(seed->key, sizeof seed->key), slot + HEAD_LEN, e);
    secret_wipe(&key);
    return rc < 0 ? -1 : buf_append(out, slot, sizeof slot, e);
}

struct head {
    struct digest_scrypt_cost cost;
    struct bytes salt;
    struct bytes sealed;
};

/* Everything is checked before scrypt is given numbers that come from a file. */
static int parse(struct bytes raw, const uint8_t *repository_id, struct head *h,
                 struct error *e)
{
    struct cursor c = cursor_of(raw);
    struct bytes magic = cursor_bytes(&c, FORMAT_MAGIC_LEN);
    uint8_t kdf = cursor_u8(&c);
    h->cost.log2n = cursor_u8(&c);
    h->cost.r = cursor_u8(&c);
    h->cost.p = cursor_u8(&c);
    uint32_t zero = cursor_u32(&c);
    struct bytes id = cursor_bytes(&c, 16);
    h->salt = cursor_bytes(&c, SALT_LEN);
    h->sealed = cursor_bytes(&c, SLOT_LEN - HEAD_LEN);
    if (!cursor_ended(&c))
        return error_set(e, ERROR_CORRUPT, "passphrase slot: %zu bytes, expected %d", raw.len,
                         SLOT_LEN);
    if (memcmp(magic.data, MAGIC, FORMAT_MAGIC_LEN - 1) != 0)
        return error_set(e, ERROR_CORRUPT, "passphrase slot: it does not start with " MAGIC);
    if (magic.data[FORMAT_MAGIC_LEN - 1] != MAGIC[FORMAT_MAGIC_LEN - 1] || kdf != KDF_SCRYPT)
        return error_set(e, ERROR_UNSUPPORTED,
                         "passphrase slot: version %c, function %d, expected 0 and scrypt (1)",
                         magic.data[FORMAT_MAGIC_LEN - 1], kdf);
    if (h->cost.log2n < SLOT_LOG2N_MIN || h->cost.log2n > SLOT_LOG2N_MAX || h->cost.r != R ||
        h->cost.p < 1 || h->cost.p > P_MAX || zero != 0)
        return error_set(e, ERROR_CORRUPT,
                         "passphrase slot: scrypt log2N %u, r %u, p %u, expected %d to %d, %d, "
                         "1 to %d",
                         h->cost.log2n, h->cost.r, h->cost.p, SLOT_LOG2N_MIN, SLOT_LOG2N_MAX, R,
                         P_MAX);
    if (memcmp(id.data, repository_id, id.len) != 0)
        return error_set(e, ERROR_CORRUPT, "passphrase slot: it is of another repository");
    return 0;
}

int slot_open(struct bytes raw, struct bytes passphrase, const uint8_t repository_id[16],
              struct secret *seed, struct error *e)
{
    struct head h;
    struct secret key;
    secret_wipe(seed);
    if (parse(raw, repository_id, &h, e) < 0 ||
        digest_scrypt(passphrase, h.salt, &h.cost, &key, e) < 0)
        return -1;
    struct error why = {0};
    int rc = seal_open_once(&key, zero_nonce, bytes_of(raw.data, HEAD_LEN), h.sealed, seed->key,
                            &why);
    secret_wipe(&key);
    if (rc == 0)
        return 0;
    if (why.kind != ERROR_CORRUPT)
        return error_set(e, why.kind, "%s", why.text);
    return error_set(e, ERROR_KEY, "wrong passphrase");
}
