/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/manifest.h"

#include <stdlib.h>

#include "core/base/digest.h"
#include "core/flow/seal.h"
#include "core/repo/envelope.h"
#include "core/repo/tlv.h"

#define PRIVATE_LABEL "pgkeep/v1/mpriv" /* with its terminator */
#define PRIVATE_AAD_LEN (sizeof PRIVATE_LABEL + 3 * FORMAT_ID_LEN)

enum {
    TAG_BACKUP = 1,
    TAG_MASKS,
    TAG_HOST,
    TAG_SEQUENCE,
    TAG_PREVIOUS,
    TAG_SOURCE,
    TAG_DOMAIN,
    TAG_KIND,
    TAG_SET,
    TAG_FLAGS,
    TAG_DEPLOY,
    TAG_TIMES,
    TAG_WITNESS,
    TAG_CLOSURE,
    TAG_ENVELOPES,
    TAG_PRIVATE,
};

static const char *const kind_names[] = {
    [MANIFEST_NIGHTLY] = "nightly",
    [MANIFEST_WEEKLY] = "weekly",
    [MANIFEST_PRE_DEPLOY] = "pre-deploy",
    [MANIFEST_MANUAL] = "manual",
};

void manifest_done(struct manifest *m)
{
    closure_done(&m->closure);
    buf_done(&m->envelopes);
    buf_done(&m->sealed);
    member_private_done(&m->private_part);
    *m = (struct manifest){0};
}

const char *manifest_kind_name(uint8_t kind)
{
    return kind < ARRAY_SIZE(kind_names) ? kind_names[kind] : NULL;
}

uint8_t manifest_kind_parse(const char *name)
{
    for (size_t i = 1; i < ARRAY_SIZE(kind_names); i++)
        if (strcmp(name, kind_names[i]) == 0)
            return (uint8_t)i;
    return 0;
}

int manifest_source_mac(const struct secret *chunk_id_key, const char *source,
                        uint8_t mac[FORMAT_HASH_LEN], struct error *e)
{
    struct secret key;
    struct digest_hmac *h = NULL;
    int rc = digest_expand(chunk_id_key, "pgkeep/v1/source", (struct bytes){0}, key.key,
                           sizeof key.key, e);
    if (rc == 0)
        h = digest_hmac_new(&key, e);
    rc = h ? digest_hmac_of(h, bytes_text(source), (struct bytes){0}, mac, e) : -1;
    digest_hmac_free(h);
    secret_wipe(&key);
    return rc;
}

/* The seal and the AAD of the private part. */
static struct seal *private_seal(const struct manifest *m, const uint8_t *repository_id,
                                 const struct secret *metadata, uint8_t aad[PRIVATE_AAD_LEN],
                                 struct error *e)
{
    uint8_t *p = aad;
    memcpy(p, PRIVATE_LABEL, sizeof PRIVATE_LABEL);
    p += sizeof PRIVATE_LABEL;
    memcpy(p, repository_id, FORMAT_ID_LEN);
    memcpy(p + FORMAT_ID_LEN, m->backup_id, FORMAT_ID_LEN);
    memcpy(p + 2 * FORMAT_ID_LEN, m->host_id, FORMAT_ID_LEN);
    struct secret key;
    struct seal *s = NULL;
    if (digest_expand(metadata, "pgkeep/v1/manifest", bytes_of(m->backup_id, FORMAT_ID_LEN),
                      key.key, sizeof key.key, e) == 0)
        s = seal_new(&key, e);
    secret_wipe(&key);
    return s;
}

static int seal_private(struct manifest *m, const uint8_t *repository_id,
                        const struct secret *metadata, struct error *e)
{
    uint8_t aad[PRIVATE_AAD_LEN];
    struct buf plain = {0};
    struct seal *s = NULL;
    int rc = -1;
    m->sealed.len = 0;
    if (member_private_write(&m->private_part, &plain, e) < 0 ||
        buf_reserve(&m->sealed, plain.len + SEAL_TAG_LEN, e) < 0)
        goto out;
    s = private_seal(m, repository_id, metadata, aad, e);
    if (!s ||
        seal_block(s, 0, bytes_of(aad, sizeof aad), buf_view(&plain), m->sealed.data, e) < 0)
        goto out;
    m->sealed.len = plain.len + SEAL_TAG_LEN;
    rc = 0;
out:
    if (plain.data)
        explicit_bzero(plain.data, plain.len); /* it holds the domain keys */
    buf_done(&plain);
    seal_free(s);
    return rc;
}

static int write_head(const struct manifest *m, struct buf *b, struct error *e)
{
    uint8_t masks[24];
    uint8_t times[16];
    buf_store_u64(masks, m->compat);
    buf_store_u64(masks + 8, m->ro_compat);
    buf_store_u64(masks + 16, m->incompat);
    buf_store_u64(times, (uint64_t)m->started_us);
    buf_store_u64(times + 8, (uint64_t)m->committed_us);
    if (tlv_put(b, TAG_BACKUP, bytes_of(m->backup_id, FORMAT_ID_LEN), e) < 0 ||
        tlv_put(b, TAG_MASKS, bytes_of(masks, sizeof masks), e) < 0 ||
        tlv_put(b, TAG_HOST, bytes_of(m->host_id, FORMAT_ID_LEN), e) < 0 ||
        tlv_uint(b, TAG_SEQUENCE, m->sequence, e) < 0 ||
        (m->has_previous &&
         tlv_put(b, TAG_PREVIOUS, bytes_of(m->previous, FORMAT_HASH_LEN), e) < 0) ||
        tlv_put(b, TAG_SOURCE, bytes_of(m->source_mac, FORMAT_HASH_LEN), e) < 0 ||
        tlv_put(b, TAG_DOMAIN, bytes_of(m->domain_id, FORMAT_ID_LEN), e) < 0 ||
        tlv_uint(b, TAG_KIND, m->kind, e) < 0 || tlv_uint(b, TAG_FLAGS, m->flags, e) < 0 ||
        tlv_put(b, TAG_TIMES, bytes_of(times, sizeof times), e) < 0)
        return -1;
    if (!m->has_set)
        return 0;
    uint8_t set[FORMAT_ID_LEN + 8];
    memcpy(set, m->set_id, FORMAT_ID_LEN);
    buf_store_u32(set + FORMAT_ID_LEN, m->set_ordinal);
    buf_store_u32(set + FORMAT_ID_LEN + 4, m->set_planned);
    return tlv_put(b, TAG_SET, bytes_of(set, sizeof set), e);
}

int manifest_write(struct manifest *m, const uint8_t repository_id[FORMAT_ID_LEN],
                   const struct secret *metadata, const struct statement_signer *signer,
                   struct buf *out, struct error *e)
{
    struct buf body = {0};
    struct buf closure = {0};
    int rc = -1;
    if (seal_private(m, repository_id, metadata, e) < 0 || write_head(m, &body, e) < 0 ||
        closure_write(&m->closure, &closure, e) < 0 ||
        tlv_put(&body, TAG_CLOSURE, buf_view(&closure), e) < 0 ||
        tlv_put(&body, TAG_ENVELOPES, buf_view(&m->envelopes), e) < 0 ||
        tlv_put(&body, TAG_PRIVATE, buf_view(&m->sealed), e) < 0 ||
        statement_write(FORMAT_MANIFEST, repository_id, signer, buf_view(&body), out, e) < 0)
        goto out;
    rc = digest_sha256(buf_view(out), m->digest, e);
out:
    buf_done(&body);
    buf_done(&closure);
    return rc;
}

static void get_numbers(struct tlv_reader *r, const struct tlv *t, size_t n,
                        uint64_t *const out[])
{
    uint8_t raw[24];
    tlv_get_fixed(r, t, raw, 8 * n);
    struct cursor c = cursor_of(bytes_of(raw, 8 * n));
    for (size_t i = 0; i < n; i++)
        *out[i] = cursor_u64(&c);
}

static void get_set(struct tlv_reader *r, const struct tlv *t, struct manifest *out)
{
    uint8_t raw[FORMAT_ID_LEN + 8];
    tlv_get_fixed(r, t, raw, sizeof raw);
    struct cursor c = cursor_of(bytes_of(raw, sizeof raw));
    cursor_copy(&c, out->set_id, FORMAT_ID_LEN);
    out->set_ordinal = cursor_u32(&c);
    out->set_planned = cursor_u32(&c);
    out->has_set = true;
}

static int get_large(struct tlv_reader *r, const struct tlv *t, struct manifest *out,
                     struct error *e)
{
    tlv_once(r, t);
    if (r->bad)
        return 0;
    if (t->tag == TAG_CLOSURE)
        return closure_read(t->value, &out->closure, e);
    if (t->tag == TAG_PRIVATE)
        return buf_append(&out->sealed, t->value.data, t->value.len, e);
    if (t->value.len % ENVELOPE_LEN != 0 || t->value.len > FORMAT_MAX_ENVELOPES * ENVELOPE_LEN)
        r->bad = true;
    return r->bad ? 0 : buf_append(&out->envelopes, t->value.data, t->value.len, e);
}

static int get_field(struct tlv_reader *r, const struct tlv *t, struct manifest *out,
                     struct error *e)
{
    uint64_t times[2];
    switch (t->tag) {
    case TAG_BACKUP:
        tlv_get_fixed(r, t, out->backup_id, FORMAT_ID_LEN);
        return 0;
    case TAG_MASKS:
        get_numbers(r, t, 3,
                    (uint64_t *const[]){&out->compat, &out->ro_compat, &out->incompat});
        return 0;
    case TAG_HOST:
        tlv_get_fixed(r, t, out->host_id, FORMAT_ID_LEN);
        return 0;
    case TAG_SEQUENCE:
        out->sequence = tlv_get_uint(r, t, INT64_MAX);
        return 0;
    case TAG_PREVIOUS:
        tlv_get_fixed(r, t, out->previous, FORMAT_HASH_LEN);
        out->has_previous = true;
        return 0;
    case TAG_SOURCE:
        tlv_get_fixed(r, t, out->source_mac, FORMAT_HASH_LEN);
        return 0;
    case TAG_DOMAIN:
        tlv_get_fixed(r, t, out->domain_id, FORMAT_ID_LEN);
        return 0;
    case TAG_KIND:
        out->kind = (uint8_t)tlv_get_uint(r, t, UINT8_MAX);
        return 0;
    case TAG_SET:
        get_set(r, t, out);
        return 0;
    case TAG_FLAGS:
        out->flags = tlv_get_uint(r, t, UINT64_MAX);
        return 0;
    case TAG_TIMES:
        get_numbers(r, t, 2, (uint64_t *const[]){&times[0], &times[1]});
        out->started_us = (int64_t)times[0];
        out->committed_us = (int64_t)times[1];
        return 0;
    case TAG_CLOSURE:
    case TAG_ENVELOPES:
    case TAG_PRIVATE:
        return get_large(r, t, out, e);
    default:
        return 0;
    }
}

int manifest_read(const struct statement *statement, struct bytes raw, struct manifest *out,
                  struct error *e)
{
    const uint64_t needed = 1u << TAG_BACKUP | 1u << TAG_MASKS | 1u << TAG_HOST |
                            1u << TAG_SEQUENCE | 1u << TAG_DOMAIN | 1u << TAG_TIMES |
                            1u << TAG_CLOSURE | 1u << TAG_ENVELOPES | 1u << TAG_PRIVATE;
    struct tlv_reader r = tlv_reader_of(statement->body);
    struct tlv t;
    while (tlv_next(&r, &t))
        if (get_field(&r, &t, out, e) < 0)
            return -1;
    if ((r.seen & needed) != needed)
        r.bad = true;
    if (tlv_end(&r, "manifest", e) < 0)
        return -1;
    if (out->incompat != 0)
        return error_set(e, ERROR_UNSUPPORTED,
                         "manifest needs features 0x%llx of a newer pgkeep",
                         (unsigned long long)out->incompat);
    return digest_sha256(raw, out->digest, e);
}

int manifest_open(struct manifest *m, const uint8_t repository_id[FORMAT_ID_LEN],
                  const struct secret *metadata, struct error *e)
{
    uint8_t aad[PRIVATE_AAD_LEN];
    if (m->is_open)
        return 0;
    if (m->sealed.len < SEAL_TAG_LEN)
        return error_set(e, ERROR_CORRUPT, "manifest: private part is cut");
    size_t len = m->sealed.len - SEAL_TAG_LEN;
    uint8_t *plain = malloc(len + 1);
    struct seal *s = plain ? private_seal(m, repository_id, metadata, aad, e) : NULL;
    int rc = -1;
    if (!plain)
        (void)error_memory(e, "manifest");
    if (!s || seal_open(s, 0, bytes_of(aad, sizeof aad), buf_view(&m->sealed), plain, e) < 0)
        goto out;
    rc = member_private_read(bytes_of(plain, len), &m->private_part, e);
    m->is_open = rc == 0;
out:
    if (plain)
        explicit_bzero(plain, len);
    free(plain);
    seal_free(s);
    return rc;
}
