/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/pack.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/base/digest.h"
#include "core/flow/seal.h"

#define MAGIC "PGKPACK0"
#define END_MAGIC "PGKPEND0"
#define CHUNK_LABEL "pgkeep/v1/chunk"  /* with its terminator */
#define INDEX_LABEL "pgkeep/v1/pidx\0" /* with one more */
#define LABEL_LEN 16
#define CHUNK_AAD_LEN 98
#define INDEX_AAD_LEN 48

static_assert(sizeof CHUNK_LABEL == LABEL_LEN, "label fills its field");
static_assert(sizeof INDEX_LABEL == LABEL_LEN, "label fills its field");
static_assert(PACK_HEADER_LEN == 80 + 32, "header layout");

struct pack {
    const struct pack_keys *keys;
    struct buf object;
    struct buf refs; /* struct ref, one a record */
    struct seal *content;
    struct seal *metadata;
    uint8_t pack_id[FORMAT_ID_LEN];
    uint8_t salt[32];
    uint8_t head_digest[DIGEST_LEN];
};

struct pack_reader {
    pthread_mutex_t lock; /* a seal context serves one thread at a time */
    struct seal *content;
    struct seal *metadata;
    uint8_t head_digest[DIGEST_LEN];
};

int pack_metadata_key(const struct secret *content, struct secret *metadata, struct error *e)
{
    return digest_expand(content, "pgkeep/v1/metadata", (struct bytes){0}, metadata->key,
                         sizeof metadata->key, e);
}

static struct seal *seal_for(const struct secret *key, const char *label,
                             const uint8_t salt[32], struct error *e)
{
    struct secret derived;
    struct seal *s = NULL;
    if (digest_expand(key, label, bytes_of(salt, 32), derived.key, sizeof derived.key, e) == 0)
        s = seal_new(&derived, e);
    secret_wipe(&derived);
    return s;
}

static void chunk_aad(uint8_t aad[CHUNK_AAD_LEN], const uint8_t head_digest[DIGEST_LEN],
                      const struct ref *ref)
{
    memcpy(aad, CHUNK_LABEL, LABEL_LEN);
    memcpy(aad + 16, head_digest, DIGEST_LEN);
    buf_store_u64(aad + 48, ref->record);
    memcpy(aad + 56, ref->chunk_id, FORMAT_HASH_LEN);
    buf_store_u32(aad + 88, ref->plain);
    buf_store_u32(aad + 92, ref->stored);
    aad[96] = ref->codec;
    aad[97] = ref->kind;
}

static void index_aad(uint8_t aad[INDEX_AAD_LEN], const uint8_t head_digest[DIGEST_LEN])
{
    memcpy(aad, INDEX_LABEL, LABEL_LEN);
    memcpy(aad + 16, head_digest, DIGEST_LEN);
}

struct pack *pack_new(const struct pack_keys *keys, struct error *e)
{
    struct pack *p = calloc(1, sizeof *p);
    if (!p) {
        (void)error_memory(e, "pack");
        return NULL;
    }
    p->keys = keys;
    return p;
}

void pack_drop(struct pack *p)
{
    buf_done(&p->object);
}

void pack_free(struct pack *p)
{
    if (!p)
        return;
    seal_free(p->content);
    seal_free(p->metadata);
    buf_done(&p->object);
    buf_done(&p->refs);
    free(p);
}

static int write_header(struct pack *p, struct error *e)
{
    const struct pack_keys *k = p->keys;
    size_t head_len = PACK_HEADER_LEN + k->envelopes.len;
    struct buf *b = &p->object;
    if (buf_append(b, MAGIC, FORMAT_MAGIC_LEN, e) < 0 ||
        buf_byte(b, FORMAT_SUITE_SEALED, e) < 0 || buf_byte(b, 0, e) < 0 ||
        buf_u16(b, (uint16_t)head_len, e) < 0 ||
        buf_u16(b, (uint16_t)(k->envelopes.len / ENVELOPE_LEN), e) < 0 ||
        buf_u16(b, 0, e) < 0 || buf_append(b, k->repository_id, FORMAT_ID_LEN, e) < 0 ||
        buf_append(b, k->backup_id, FORMAT_ID_LEN, e) < 0 ||
        buf_append(b, p->pack_id, FORMAT_ID_LEN, e) < 0 ||
        buf_append(b, k->domain_id, FORMAT_ID_LEN, e) < 0 ||
        buf_append(b, p->salt, sizeof p->salt, e) < 0 ||
        buf_append(b, k->envelopes.data, k->envelopes.len, e) < 0)
        return -1;
    return digest_sha256(buf_view(b), p->head_digest, e);
}

int pack_begin(struct pack *p, struct error *e)
{
    p->object.len = 0;
    p->refs.len = 0;
    seal_free(p->content);
    seal_free(p->metadata);
    p->content = p->metadata = NULL;
    /* Address space only: pages count when they are written. */
    if (buf_reserve(&p->object, FORMAT_PACK_TARGET + 2 * MIB, e) < 0)
        return -1;
    if (secret_random(p->pack_id, sizeof p->pack_id, e) < 0 ||
        secret_random(p->salt, sizeof p->salt, e) < 0)
        return -1;
    p->content = seal_for(&p->keys->content, "pgkeep/v1/pack", p->salt, e);
    p->metadata =
        p->content ? seal_for(&p->keys->metadata, "pgkeep/v1/pack", p->salt, e) : NULL;
    return p->metadata ? write_header(p, e) : -1;
}

int pack_add(struct pack *p, struct ref *ref, struct bytes stored_bytes, struct error *e)
{
    uint8_t aad[CHUNK_AAD_LEN];
    memcpy(ref->pack_id, p->pack_id, FORMAT_ID_LEN);
    ref->record = pack_count(p);
    ref->offset = (uint32_t)p->object.len;
    if (buf_reserve(&p->object, stored_bytes.len + SEAL_TAG_LEN, e) < 0 ||
        buf_append(&p->refs, ref, sizeof *ref, e) < 0)
        return -1;
    chunk_aad(aad, p->head_digest, ref);
    struct seal *s = format_kind_is_metadata(ref->kind) ? p->metadata : p->content;
    if (seal_block(s, ref->record, bytes_of(aad, sizeof aad), stored_bytes,
                   p->object.data + p->object.len, e) < 0)
        return -1;
    p->object.len += stored_bytes.len + SEAL_TAG_LEN;
    return 0;
}

size_t pack_size(const struct pack *p)
{
    return p->object.len + pack_count(p) * (size_t)PACK_INDEX_ROW_LEN + SEAL_TAG_LEN +
           PACK_FOOTER_LEN;
}

uint32_t pack_count(const struct pack *p)
{
    return (uint32_t)(p->refs.len / sizeof(struct ref));
}

const struct ref *pack_ref(const struct pack *p, uint32_t i)
{
    return (const struct ref *)(const void *)p->refs.data + i;
}

static int write_index(struct pack *p, struct buf *rows, struct error *e)
{
    uint32_t count = pack_count(p);
    for (uint32_t i = 0; i < count; i++) {
        const struct ref *r = pack_ref(p, i);
        if (buf_append(rows, r->chunk_id, FORMAT_HASH_LEN, e) < 0 ||
            buf_u32(rows, r->offset, e) < 0 || buf_u32(rows, r->stored, e) < 0 ||
            buf_u32(rows, r->plain, e) < 0 || buf_byte(rows, r->codec, e) < 0 ||
            buf_byte(rows, r->kind, e) < 0 || buf_u16(rows, 0, e) < 0)
            return -1;
    }
    return 0;
}

static int write_trailer(struct pack *p, struct bytes rows, struct error *e)
{
    uint8_t aad[INDEX_AAD_LEN];
    uint64_t offset = p->object.len;
    uint32_t len = (uint32_t)rows.len + SEAL_TAG_LEN;
    struct seal *s = seal_for(&p->keys->index, "pgkeep/v1/pidx", p->salt, e);
    int rc = -1;
    if (!s || buf_reserve(&p->object, len + PACK_FOOTER_LEN, e) < 0)
        goto out;
    index_aad(aad, p->head_digest);
    if (seal_block(s, 0, bytes_of(aad, sizeof aad), rows, p->object.data + offset, e) < 0)
        goto out;
    p->object.len += len;
    if (buf_u64(&p->object, offset, e) < 0 || buf_u32(&p->object, len, e) < 0 ||
        buf_u32(&p->object, pack_count(p), e) < 0 || buf_u64(&p->object, 0, e) < 0 ||
        buf_append(&p->object, END_MAGIC, FORMAT_MAGIC_LEN, e) < 0)
        goto out;
    rc = 0;
out:
    seal_free(s);
    return rc;
}

int pack_seal(struct pack *p, struct closure_pack *name, struct bytes *content, struct error *e)
{
    struct buf rows = {0};
    int rc = -1;
    if (write_index(p, &rows, e) < 0 || write_trailer(p, buf_view(&rows), e) < 0)
        goto out;
    memcpy(name->pack_id, p->pack_id, FORMAT_ID_LEN);
    memcpy(name->owner, p->keys->backup_id, FORMAT_ID_LEN);
    name->object.size = (uint32_t)p->object.len;
    if (digest_sha256(buf_view(&p->object), name->object.sha256, e) < 0 ||
        secret_random(name->object.suffix, sizeof name->object.suffix, e) < 0)
        goto out;
    *content = buf_view(&p->object);
    rc = 0;
out:
    buf_done(&rows);
    return rc;
}

int pack_head_read(struct bytes raw, struct pack_head *head, struct error *e)
{
    struct cursor c = cursor_of(raw);
    struct bytes magic = cursor_bytes(&c, FORMAT_MAGIC_LEN);
    uint8_t suite = cursor_u8(&c);
    uint8_t flags = cursor_u8(&c);
    uint16_t len = cursor_u16(&c);
    uint16_t count = cursor_u16(&c);
    (void)cursor_u16(&c);
    *head = (struct pack_head){.len = len};
    cursor_copy(&c, head->repository_id, FORMAT_ID_LEN);
    cursor_copy(&c, head->backup_id, FORMAT_ID_LEN);
    cursor_copy(&c, head->pack_id, FORMAT_ID_LEN);
    cursor_copy(&c, head->domain_id, FORMAT_ID_LEN);
    cursor_copy(&c, head->salt, sizeof head->salt);
    if (c.bad || !bytes_equal(magic, bytes_text(MAGIC)))
        return error_set(e, ERROR_CORRUPT, "%zu bytes do not begin a pack", raw.len);
    if (suite != FORMAT_SUITE_SEALED || flags != 0)
        return error_set(e, ERROR_UNSUPPORTED, "pack of suite %u, flags %u", suite, flags);
    if (count > FORMAT_MAX_ENVELOPES || len != PACK_HEADER_LEN + count * ENVELOPE_LEN)
        return error_set(e, ERROR_CORRUPT, "pack header of %u bytes with %u envelopes", len,
                         count);
    head->envelopes = cursor_bytes(&c, (size_t)count * ENVELOPE_LEN);
    if (c.bad)
        return error_set(e, ERROR_CORRUPT, "pack header of %u bytes is cut at %zu", len,
                         raw.len);
    return digest_sha256(bytes_of(raw.data, len), head->digest, e);
}

struct pack_reader *pack_reader_new(const struct pack_head *head, const struct secret *content,
                                    const struct secret *metadata, struct error *e)
{
    struct pack_reader *r = calloc(1, sizeof *r);
    if (!r) {
        (void)error_memory(e, "pack reader");
        return NULL;
    }
    (void)pthread_mutex_init(&r->lock, NULL);
    memcpy(r->head_digest, head->digest, sizeof r->head_digest);
    r->metadata = seal_for(metadata, "pgkeep/v1/pack", head->salt, e);
    if (r->metadata && content)
        r->content = seal_for(content, "pgkeep/v1/pack", head->salt, e);
    if (!r->metadata || (content && !r->content)) {
        pack_reader_free(r);
        return NULL;
    }
    return r;
}

void pack_reader_free(struct pack_reader *r)
{
    if (!r)
        return;
    seal_free(r->content);
    seal_free(r->metadata);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

int pack_fetch(struct pack_reader *r, const struct ref *ref, struct bytes sealed, uint8_t *out,
               struct error *e)
{
    uint8_t aad[CHUNK_AAD_LEN];
    struct seal *s = format_kind_is_metadata(ref->kind) ? r->metadata : r->content;
    if (!s)
        return error_set(e, ERROR_KEY, "this key opens metadata only, not rows");
    if (sealed.len != (size_t)ref->stored + SEAL_TAG_LEN)
        return error_set(e, ERROR_CORRUPT, "record of %zu bytes, expected %zu", sealed.len,
                         (size_t)ref->stored + SEAL_TAG_LEN);
    chunk_aad(aad, r->head_digest, ref);
    (void)pthread_mutex_lock(&r->lock);
    int rc = seal_open(s, ref->record, bytes_of(aad, sizeof aad), sealed, out, e);
    (void)pthread_mutex_unlock(&r->lock);
    return rc;
}

static int index_rows(struct bytes rows, const struct pack_head *head, pack_visit *visit,
                      void *arg, struct error *e)
{
    struct cursor c = cursor_of(rows);
    for (uint32_t i = 0; c.left.len > 0; i++) {
        struct ref ref = {.record = i};
        memcpy(ref.pack_id, head->pack_id, FORMAT_ID_LEN);
        cursor_copy(&c, ref.chunk_id, FORMAT_HASH_LEN);
        ref.offset = cursor_u32(&c);
        ref.stored = cursor_u32(&c);
        ref.plain = cursor_u32(&c);
        ref.codec = cursor_u8(&c);
        ref.kind = cursor_u8(&c);
        (void)cursor_u16(&c);
        if (c.bad || !ref_allowed(&ref))
            return error_set(e, ERROR_CORRUPT, "pack index: row %u is malformed", i);
        if (visit(arg, &ref, e) < 0)
            return -1;
    }
    return 0;
}

int pack_index(struct bytes whole, const struct secret *index_key, pack_visit *visit, void *arg,
               struct error *e)
{
    struct pack_head head;
    uint8_t aad[INDEX_AAD_LEN];
    uint8_t *rows = NULL;
    struct seal *s = NULL;
    int rc = -1;
    if (pack_head_read(whole, &head, e) < 0)
        return -1;
    if (whole.len < head.len + SEAL_TAG_LEN + PACK_FOOTER_LEN || whole.len > FORMAT_MAX_PACK)
        return error_set(e, ERROR_CORRUPT, "pack of %zu bytes is cut", whole.len);
    struct cursor c =
        cursor_of(bytes_of(whole.data + whole.len - PACK_FOOTER_LEN, PACK_FOOTER_LEN));
    uint64_t offset = cursor_u64(&c);
    uint32_t len = cursor_u32(&c);
    uint32_t count = cursor_u32(&c);
    (void)cursor_u64(&c);
    if (!bytes_equal(c.left, bytes_text(END_MAGIC)) || count > FORMAT_MAX_RECORDS ||
        len != (uint64_t)count * PACK_INDEX_ROW_LEN + SEAL_TAG_LEN ||
        len > whole.len - head.len - PACK_FOOTER_LEN ||
        offset != whole.len - PACK_FOOTER_LEN - len)
        return error_set(e, ERROR_CORRUPT, "pack footer is malformed");
    rows = malloc(len);
    s = rows ? seal_for(index_key, "pgkeep/v1/pidx", head.salt, e) : NULL;
    if (!rows)
        (void)error_memory(e, "pack index");
    if (!s)
        goto out;
    index_aad(aad, head.digest);
    if (seal_open(s, 0, bytes_of(aad, sizeof aad), bytes_of(whole.data + offset, len), rows,
                  e) < 0)
        goto out;
    rc = index_rows(bytes_of(rows, len - SEAL_TAG_LEN), &head, visit, arg, e);
out:
    seal_free(s);
    free(rows);
    return rc;
}
