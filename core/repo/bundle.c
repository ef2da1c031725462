/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/bundle.h"

#include "core/base/digest.h"
#include "core/repo/tlv.h"

#define MAGIC "PGKHOST0"

enum {
    TAG_REPOSITORY = 1,
    TAG_HOST,
    TAG_SEED,
    TAG_FLAGS,
    TAG_ADMIN,
    TAG_DOMAIN,
    TAG_CHUNK_ID,
    TAG_GEAR,
    TAG_ROW,
    TAG_PSK,
    TAG_READER,
    TAG_KEEPER,
};

void bundle_wipe(struct bundle *b)
{
    explicit_bzero(b, sizeof *b);
}

static int put_key(struct buf *out, uint64_t tag, const struct secret *key, uint32_t epoch,
                   struct error *e)
{
    uint8_t number[4];
    buf_store_u32(number, epoch);
    if (buf_varint(out, tag, e) < 0 || buf_varint(out, sizeof number + SECRET_LEN, e) < 0 ||
        (tag == TAG_PSK && buf_append(out, number, sizeof number, e) < 0) ||
        buf_append(out, key->key, SECRET_LEN, e) < 0)
        return -1;
    return tag == TAG_PSK ? 0 : buf_append(out, number, sizeof number, e);
}

static int put_readers(const struct bundle *b, struct buf *out, struct error *e)
{
    for (size_t i = 0; i < b->reader_count; i++) {
        uint8_t raw[37];
        memcpy(raw, b->readers[i].public_key, 32);
        buf_store_u32(raw + 32, b->readers[i].epoch);
        raw[36] = b->readers[i].scope;
        if (tlv_put(out, TAG_READER, bytes_of(raw, sizeof raw), e) < 0)
            return -1;
    }
    return 0;
}

static int write_body(const struct bundle *b, struct buf *out, struct error *e)
{
    const struct keyring_domain *d = &b->domain;
    if (tlv_put(out, TAG_REPOSITORY, bytes_of(b->repository_id, FORMAT_ID_LEN), e) < 0 ||
        tlv_put(out, TAG_HOST, bytes_of(b->host_id, FORMAT_ID_LEN), e) < 0 ||
        tlv_put(out, TAG_SEED, bytes_of(b->signer.seed.key, SECRET_LEN), e) < 0 ||
        tlv_uint(out, TAG_FLAGS, b->flags, e) < 0 ||
        tlv_put(out, TAG_ADMIN, bytes_of(b->admin_public, 32), e) < 0 ||
        tlv_put(out, TAG_DOMAIN, bytes_of(d->id, sizeof d->id), e) < 0 ||
        tlv_put(out, TAG_CHUNK_ID, bytes_of(d->chunk_id.key, SECRET_LEN), e) < 0 ||
        tlv_put(out, TAG_GEAR, bytes_of(d->gear.key, SECRET_LEN), e) < 0 ||
        tlv_put(out, TAG_ROW, bytes_of(d->row_key, sizeof d->row_key), e) < 0 ||
        put_key(out, TAG_PSK, &b->psk, b->psk_epoch, e) < 0 || put_readers(b, out, e) < 0)
        return -1;
    return b->has_keeper_key ? put_key(out, TAG_KEEPER, &b->keeper_key, b->keeper_epoch, e) : 0;
}

int bundle_write(const struct bundle *b, struct buf *out, struct error *e)
{
    uint8_t sum[DIGEST_LEN];
    size_t start = out->len;
    /* Room for all of it at once, so that no copy of a key stays behind in freed memory. */
    if (buf_reserve(out, 4 * KIB, e) < 0 || buf_append(out, MAGIC, FORMAT_MAGIC_LEN, e) < 0 ||
        buf_u32(out, 0, e) < 0 || write_body(b, out, e) < 0)
        return -1;
    buf_store_u32(out->data + start + FORMAT_MAGIC_LEN,
                  (uint32_t)(out->len - start - FORMAT_MAGIC_LEN - 4));
    if (digest_sha256(bytes_of(out->data + start, out->len - start), sum, e) < 0)
        return -1;
    return buf_append(out, sum, sizeof sum, e);
}

static void get_reader(struct tlv_reader *r, const struct tlv *t, struct bundle *out)
{
    if (t->value.len != 37 || out->reader_count == BUNDLE_MAX_READERS) {
        r->bad = true;
        return;
    }
    struct bundle_reader *reader = &out->readers[out->reader_count++];
    struct cursor c = cursor_of(t->value);
    cursor_copy(&c, reader->public_key, sizeof reader->public_key);
    reader->epoch = cursor_u32(&c);
    reader->scope = cursor_u8(&c);
}

static void get_key(struct tlv_reader *r, const struct tlv *t, struct secret *key,
                    uint32_t *epoch)
{
    uint8_t raw[SECRET_LEN + 4];
    tlv_get_fixed(r, t, raw, sizeof raw);
    struct cursor c = cursor_of(bytes_of(raw, sizeof raw));
    if (t->tag == TAG_PSK)
        *epoch = cursor_u32(&c);
    cursor_copy(&c, key->key, SECRET_LEN);
    if (t->tag != TAG_PSK)
        *epoch = cursor_u32(&c);
    explicit_bzero(raw, sizeof raw);
}

static void get_field(struct tlv_reader *r, const struct tlv *t, struct bundle *out)
{
    struct keyring_domain *d = &out->domain;
    switch (t->tag) {
    case TAG_REPOSITORY:
        tlv_get_fixed(r, t, out->repository_id, FORMAT_ID_LEN);
        return;
    case TAG_HOST:
        tlv_get_fixed(r, t, out->host_id, FORMAT_ID_LEN);
        return;
    case TAG_SEED:
        tlv_get_fixed(r, t, out->signer.seed.key, SECRET_LEN);
        return;
    case TAG_FLAGS:
        out->flags = tlv_get_uint(r, t, UINT64_MAX);
        return;
    case TAG_ADMIN:
        tlv_get_fixed(r, t, out->admin_public, sizeof out->admin_public);
        return;
    case TAG_DOMAIN:
        tlv_get_fixed(r, t, d->id, sizeof d->id);
        return;
    case TAG_CHUNK_ID:
        tlv_get_fixed(r, t, d->chunk_id.key, SECRET_LEN);
        return;
    case TAG_GEAR:
        tlv_get_fixed(r, t, d->gear.key, SECRET_LEN);
        return;
    case TAG_ROW:
        tlv_get_fixed(r, t, d->row_key, sizeof d->row_key);
        return;
    case TAG_PSK:
        get_key(r, t, &out->psk, &out->psk_epoch);
        return;
    case TAG_READER:
        get_reader(r, t, out);
        return;
    case TAG_KEEPER:
        get_key(r, t, &out->keeper_key, &out->keeper_epoch);
        out->has_keeper_key = true;
        return;
    default:
        return;
    }
}

int bundle_read(struct bytes raw, struct bundle *out, struct error *e)
{
    const uint64_t needed = 1u << TAG_REPOSITORY | 1u << TAG_HOST | 1u << TAG_SEED |
                            1u << TAG_ADMIN | 1u << TAG_DOMAIN | 1u << TAG_CHUNK_ID |
                            1u << TAG_GEAR | 1u << TAG_ROW | 1u << TAG_PSK;
    uint8_t sum[DIGEST_LEN];
    struct cursor c = cursor_of(raw);
    struct bytes magic = cursor_bytes(&c, FORMAT_MAGIC_LEN);
    uint32_t len = cursor_u32(&c);
    *out = (struct bundle){0};
    if (c.bad || !bytes_equal(magic, bytes_text(MAGIC)) ||
        c.left.len != (uint64_t)len + DIGEST_LEN)
        return error_set(e, ERROR_KEY, "%zu bytes are no host bundle", raw.len);
    if (digest_sha256(bytes_of(raw.data, raw.len - DIGEST_LEN), sum, e) < 0)
        return -1;
    if (!digest_equal(sum, raw.data + raw.len - DIGEST_LEN, DIGEST_LEN))
        return error_set(e, ERROR_KEY, "host bundle is damaged: its checksum does not fit");
    struct tlv_reader r = tlv_reader_of(bytes_of(c.left.data, len));
    struct tlv t;
    while (tlv_next(&r, &t))
        get_field(&r, &t, out);
    if ((r.seen & needed) != needed)
        r.bad = true;
    int rc = tlv_end(&r, "host bundle", e);
    if (rc < 0 && e)
        e->kind = ERROR_KEY; /* no damage of the repository */
    if (rc == 0)
        rc = statement_signer_init(&out->signer, &out->signer.seed, e);
    if (rc < 0)
        bundle_wipe(out);
    return rc;
}
