/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/statement.h"

#include "core/base/cursor.h"
#include "core/base/digest.h"
#include "core/repo/keyring.h"

#define MAGIC "PGKSTMT0"
#define HEAD_LEN 48
#define SIGNATURE_LEN 64
#define SIGN_LABEL "pgkeep/v1/sign" /* signed with its terminator */

static size_t body_limit(enum format_type type)
{
    if (type == FORMAT_MANIFEST)
        return FORMAT_MAX_MANIFEST;
    return type == FORMAT_CONDEMNED ? FORMAT_MAX_CONDEMNED : FORMAT_MAX_STATEMENT;
}

/* What is signed: label, type, SHA-256 of everything before the signature. */
static int message_of(uint8_t type, struct bytes signed_part,
                      uint8_t out[sizeof SIGN_LABEL + 1 + DIGEST_LEN], struct error *e)
{
    memcpy(out, SIGN_LABEL, sizeof SIGN_LABEL);
    out[sizeof SIGN_LABEL] = type;
    return digest_sha256(signed_part, out + sizeof SIGN_LABEL + 1, e);
}

int statement_signer_init(struct statement_signer *s, const struct secret *seed,
                          struct error *e)
{
    s->seed = *seed;
    return keyring_sign_public(seed, s->public_key, e);
}

int statement_signer_id(const uint8_t public_key[32], uint8_t id[FORMAT_ID_LEN],
                        struct error *e)
{
    uint8_t full[DIGEST_LEN];
    if (digest_sha256(bytes_of(public_key, 32), full, e) < 0)
        return -1;
    memcpy(id, full, FORMAT_ID_LEN);
    return 0;
}

int statement_write(enum format_type type, const uint8_t repository_id[FORMAT_ID_LEN],
                    const struct statement_signer *signer, struct bytes body, struct buf *out,
                    struct error *e)
{
    size_t start = out->len;
    uint8_t signer_id[FORMAT_ID_LEN];
    uint8_t message[sizeof SIGN_LABEL + 1 + DIGEST_LEN];
    uint8_t signature[SIGNATURE_LEN];
    if (body.len > body_limit(type))
        return error_set(e, ERROR_UNSUPPORTED, "statement of type %d: %zu bytes, at most %zu",
                         (int)type, body.len, body_limit(type));
    if (statement_signer_id(signer->public_key, signer_id, e) < 0 ||
        buf_append(out, MAGIC, FORMAT_MAGIC_LEN, e) < 0 ||
        buf_byte(out, FORMAT_SUITE_SEALED, e) < 0 || buf_byte(out, (uint8_t)type, e) < 0 ||
        buf_u16(out, FORMAT_VERSION, e) < 0 || buf_u32(out, (uint32_t)body.len, e) < 0 ||
        buf_append(out, repository_id, FORMAT_ID_LEN, e) < 0 ||
        buf_append(out, signer_id, sizeof signer_id, e) < 0 ||
        buf_append(out, body.data, body.len, e) < 0)
        return -1;
    struct bytes signed_part = bytes_of(out->data + start, out->len - start);
    if (message_of((uint8_t)type, signed_part, message, e) < 0 ||
        keyring_sign(&signer->seed, bytes_of(message, sizeof message), signature, e) < 0)
        return -1;
    return buf_append(out, signature, sizeof signature, e);
}

int statement_parse(struct bytes raw, enum format_type type, const uint8_t *repository_id,
                    struct statement *out, struct error *e)
{
    struct cursor c = cursor_of(raw);
    struct bytes magic = cursor_bytes(&c, FORMAT_MAGIC_LEN);
    uint8_t suite = cursor_u8(&c);
    *out = (struct statement){.type = cursor_u8(&c)};
    uint16_t version = cursor_u16(&c);
    uint32_t len = cursor_u32(&c);
    cursor_copy(&c, out->repository_id, sizeof out->repository_id);
    cursor_copy(&c, out->signer, sizeof out->signer);
    if (c.bad || !bytes_equal(magic, bytes_text(MAGIC)))
        return error_set(e, ERROR_CORRUPT, "%zu bytes are no signed object", raw.len);
    if (version != FORMAT_VERSION || suite != FORMAT_SUITE_SEALED)
        return error_set(e, ERROR_UNSUPPORTED,
                         "format version %u, suite %u: this program reads version %d, suite %d",
                         version, suite, FORMAT_VERSION, FORMAT_SUITE_SEALED);
    if (out->type != type)
        return error_set(e, ERROR_CORRUPT, "object of type %u, expected %d", out->type,
                         (int)type);
    if (repository_id && memcmp(repository_id, out->repository_id, FORMAT_ID_LEN) != 0)
        return error_set(e, ERROR_CORRUPT, "object belongs to another repository");
    if (len > body_limit(type) || raw.len != (size_t)HEAD_LEN + len + SIGNATURE_LEN)
        return error_set(e, ERROR_CORRUPT, "object of %zu bytes, expected %zu", raw.len,
                         (size_t)HEAD_LEN + len + SIGNATURE_LEN);
    out->body = cursor_bytes(&c, len);
    out->signed_part = bytes_of(raw.data, HEAD_LEN + len);
    out->signature = c.left.data;
    return 0;
}

int statement_check(const struct statement *s, const uint8_t public_key[32], struct error *e)
{
    uint8_t id[FORMAT_ID_LEN];
    uint8_t message[sizeof SIGN_LABEL + 1 + DIGEST_LEN];
    if (statement_signer_id(public_key, id, e) < 0)
        return -1;
    if (memcmp(id, s->signer, sizeof id) != 0)
        return error_set(e, ERROR_CORRUPT, "signed by an unexpected key");
    if (message_of(s->type, s->signed_part, message, e) < 0)
        return -1;
    return keyring_verify(public_key, bytes_of(message, sizeof message), s->signature, e);
}
