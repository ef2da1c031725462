/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/envelope.h"

#include <assert.h>

#include "core/base/buf.h"
#include "core/base/cursor.h"
#include "core/base/digest.h"
#include "core/repo/format.h"
#include "core/repo/hpke.h"

static_assert(ENVELOPE_LEN == 64 + SECRET_LEN + HPKE_OVERHEAD, "the layout of envelope.h");

#define MAGIC "PGKENVL0"
#define HEAD_LEN 64
#define PSK_LABEL "pgkeep/v1/psk"
#define PSK_LABEL_LEN (sizeof PSK_LABEL - 1)

int envelope_recipient_id(const uint8_t public_key[32], uint8_t id[16], struct error *e)
{
    uint8_t digest[DIGEST_LEN];
    if (digest_sha256(bytes_of(public_key, HPKE_KEY_LEN), digest, e) < 0)
        return -1;
    memcpy(id, digest, 16);
    return 0;
}

int envelope_public_key(const struct secret *private_key, uint8_t public_key[32],
                        struct error *e)
{
    return hpke_public_key(private_key, public_key, e);
}

/* psk_id is the memory that the terms look into. */
static struct hpke_terms terms_of(const uint8_t *head, uint32_t epoch, const struct secret *psk,
                                  uint8_t psk_id[PSK_LABEL_LEN + 4])
{
    memcpy(psk_id, PSK_LABEL, PSK_LABEL_LEN);
    buf_store_u32(psk_id + PSK_LABEL_LEN, epoch);
    return (struct hpke_terms){
        .info = bytes_of(head, HEAD_LEN),
        .aad = bytes_text("pgkeep/v1/env"),
        .psk = psk,
        .psk_id = bytes_of(psk_id, PSK_LABEL_LEN + 4),
    };
}

int envelope_wrap(const struct envelope_head *head, const uint8_t public_key[32],
                  const struct secret *psk, const struct secret *key, uint8_t out[ENVELOPE_LEN],
                  struct error *e)
{
    uint8_t psk_id[PSK_LABEL_LEN + 4];
    memcpy(out, MAGIC, FORMAT_MAGIC_LEN);
    out[8] = FORMAT_SUITE_SEALED;
    out[9] = head->scope;
    buf_store_u16(out + 10, 0);
    buf_store_u32(out + 12, head->epoch);
    memcpy(out + 16, head->repository_id, 16);
    memcpy(out + 32, head->backup_id, 16);
    if (envelope_recipient_id(public_key, out + 48, e) < 0)
        return -1;
    const struct hpke_terms terms = terms_of(out, head->epoch, psk, psk_id);
    return hpke_seal_psk(&terms, public_key, bytes_of(key->key, sizeof key->key),
                         out + HEAD_LEN, e);
}

int envelope_parse(struct bytes raw, struct envelope_head *head, struct error *e)
{
    struct cursor c = cursor_of(raw);
    struct bytes magic = cursor_bytes(&c, FORMAT_MAGIC_LEN);
    uint8_t suite = cursor_u8(&c);
    head->scope = cursor_u8(&c);
    uint16_t zero = cursor_u16(&c);
    head->epoch = cursor_u32(&c);
    cursor_copy(&c, head->repository_id, sizeof head->repository_id);
    cursor_copy(&c, head->backup_id, sizeof head->backup_id);
    cursor_copy(&c, head->recipient_id, sizeof head->recipient_id);
    (void)cursor_bytes(&c, ENVELOPE_LEN - HEAD_LEN);
    if (!cursor_ended(&c))
        return error_set(e, ERROR_CORRUPT, "envelope: %zu bytes, expected %d", raw.len,
                         ENVELOPE_LEN);
    if (memcmp(magic.data, MAGIC, FORMAT_MAGIC_LEN - 1) != 0)
        return error_set(e, ERROR_CORRUPT, "envelope: it does not start with " MAGIC);
    if (magic.data[FORMAT_MAGIC_LEN - 1] != MAGIC[FORMAT_MAGIC_LEN - 1])
        return error_set(e, ERROR_UNSUPPORTED, "envelope: another version than " MAGIC);
    if (suite != FORMAT_SUITE_SEALED)
        return error_set(e, ERROR_UNSUPPORTED, "envelope: suite %d, expected %d", suite,
                         FORMAT_SUITE_SEALED);
    if (head->scope != FORMAT_SCOPE_CONTENT && head->scope != FORMAT_SCOPE_METADATA)
        return error_set(e, ERROR_UNSUPPORTED, "envelope: scope %d, expected 1 or 2",
                         head->scope);
    if (zero != 0)
        return error_set(e, ERROR_CORRUPT, "envelope: %d at offset 10, expected 0", zero);
    return 0;
}

int envelope_open(struct bytes raw, const struct secret *private_key, const struct secret *psk,
                  struct secret *key, struct error *e)
{
    struct envelope_head head;
    uint8_t public_key[HPKE_KEY_LEN];
    uint8_t own_id[16];
    uint8_t psk_id[PSK_LABEL_LEN + 4];
    secret_wipe(key);
    if (envelope_parse(raw, &head, e) < 0 || hpke_public_key(private_key, public_key, e) < 0 ||
        envelope_recipient_id(public_key, own_id, e) < 0)
        return -1;
    if (!digest_equal(own_id, head.recipient_id, sizeof own_id))
        return error_set(e, ERROR_KEY, "envelope: it is for another reader");
    const struct hpke_terms terms = terms_of(raw.data, head.epoch, psk, psk_id);
    struct bytes sealed = bytes_of(raw.data + HEAD_LEN, raw.len - HEAD_LEN);
    if (hpke_open_psk(&terms, private_key, sealed, key->key, e) < 0)
        return error_wrap(e, "envelope");
    return 0;
}
