/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/pack_check.h"

#include <string.h>

#include "core/base/digest.h"
#include "core/flow/seal.h"
#include "core/job/chunk_codec.h"
#include "core/repo/keyring.h"

struct check {
    struct bytes object;
    struct pack_reader *reader;
    struct chunk_codec *codec;
    struct digest_hmac *hmac;
    struct buf stored, plain;
};

static int check_record(void *arg, const struct ref *ref, struct error *e)
{
    struct check *c = arg;
    uint8_t id[FORMAT_HASH_LEN];
    size_t sealed = (size_t)ref->stored + SEAL_TAG_LEN;
    c->stored.len = c->plain.len = 0;
    if (ref->offset > c->object.len || sealed > c->object.len - ref->offset)
        return error_set(e, ERROR_CORRUPT, "record %u: beyond the end", ref->record);
    if (buf_reserve(&c->stored, ref->stored, e) < 0 ||
        buf_reserve(&c->plain, ref->plain, e) < 0 ||
        pack_fetch(c->reader, ref, bytes_of(c->object.data + ref->offset, sealed),
                   c->stored.data, e) < 0 ||
        chunk_codec_decode(c->codec, ref->codec, bytes_of(c->stored.data, ref->stored),
                           c->plain.data, ref->plain, e) < 0 ||
        digest_hmac_of(c->hmac, bytes_of(&ref->kind, 1), bytes_of(c->plain.data, ref->plain),
                       id, e) < 0)
        return error_wrap(e, "record %u", ref->record);
    if (!digest_equal(id, ref->chunk_id, sizeof id))
        return error_set(e, ERROR_CORRUPT, "record %u: content does not match its id",
                         ref->record);
    return 0;
}

static int check_records(struct bytes object, const struct pack_keys *keys,
                         const struct secret *chunk_id_key, struct error *e)
{
    struct check c = {.object = object, .codec = chunk_codec_new(1, e)};
    struct pack_head head;
    int rc = -1;
    if (c.codec && (c.hmac = digest_hmac_new(chunk_id_key, e)) &&
        pack_head_read(object, &head, e) == 0 &&
        (c.reader = pack_reader_new(&head, &keys->content, &keys->metadata, e)))
        rc = pack_index(object, &keys->index, check_record, &c, e);
    pack_reader_free(c.reader);
    chunk_codec_free(c.codec);
    digest_hmac_free(c.hmac);
    buf_done(&c.stored);
    buf_done(&c.plain);
    return rc;
}

static int check_object(struct bytes object, const struct closure_pack *pack, struct error *e)
{
    uint8_t sha256[DIGEST_LEN];
    if (digest_sha256(object, sha256, e) < 0)
        return -1;
    if (object.len != pack->object.size ||
        memcmp(sha256, pack->object.sha256, sizeof sha256) != 0)
        return error_set(e, ERROR_CORRUPT, "the store holds other bytes than it was given");
    return 0;
}

int pack_check(struct repo *repo, const struct closure_pack *pack, const struct pack_keys *keys,
               const struct secret *chunk_id_key, struct error *e)
{
    struct buf object = {0};
    char name[FORMAT_NAME_MAX];
    ref_pack_name(name, &pack->object);
    int rc = store_get(repo_store(repo), name, 0, STORE_ALL, &object, e);
    if (rc == STORE_ABSENT)
        rc = error_set(e, ERROR_CORRUPT, "is not in the store though it was accepted");
    if (rc == 0)
        rc = check_object(buf_view(&object), pack, e);
    if (rc == 0)
        rc = check_records(buf_view(&object), keys, chunk_id_key, e);
    buf_done(&object);
    return rc < 0 ? error_wrap(e, "%s", name) : 0;
}

int pack_check_content(struct repo *repo, struct bytes object,
                       const struct secret *chunk_id_key, struct error *e)
{
    struct pack_head head;
    struct repo_keys opened;
    struct pack_keys keys = {0};
    if (pack_head_read(object, &head, e) < 0 ||
        repo_open_keys(repo, head.backup_id, head.envelopes, &opened, e) < 0)
        return -1;
    keys.content = opened.content;
    keys.metadata = opened.metadata;
    int rc = opened.has_content
                 ? keyring_index_key(chunk_id_key, &keys.index, e)
                 : error_set(e, ERROR_KEY, "the key at hand reads metadata only");
    if (rc == 0)
        rc = check_records(object, &keys, chunk_id_key, e);
    explicit_bzero(&opened, sizeof opened);
    explicit_bzero(&keys, sizeof keys);
    return rc;
}
