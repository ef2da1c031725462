/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/chunk_maker.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/flow/compress.h"
#include "core/rows/columns.h"

static void must(bool done, const struct error *e)
{
    if (done)
        return;
    (void)fprintf(stderr, "chunk maker: %s\n", e->text);
    abort();
}

void chunk_maker_init(struct chunk_maker *m, struct store *store)
{
    struct error e = {0};
    *m = (struct chunk_maker){.pack = NULL};
    repository_make(&m->repository, store);
    struct repo *repo = m->repository.repo;
    const struct keyring_domain *domain = &m->repository.bundle.domain;
    struct pack_keys *k = &m->keys;
    memcpy(k->repository_id, repo_id(repo), FORMAT_ID_LEN);
    memcpy(k->domain_id, domain->id, FORMAT_ID_LEN);
    must(secret_random(k->backup_id, FORMAT_ID_LEN, &e) == 0, &e);
    must(repo_seal_keys(repo, k->backup_id, &k->content, &m->envelopes, &e) == 0, &e);
    must(pack_metadata_key(&k->content, &k->metadata, &e) == 0, &e);
    must(keyring_index_key(&domain->chunk_id, &k->index, &e) == 0, &e);
    k->envelopes = buf_view(&m->envelopes);
    m->pack = pack_new(k, &e);
    must(m->pack && pack_begin(m->pack, &e) == 0, &e);
    m->compress = compress_new(1, &e);
    must(m->compress, &e);
    m->columns = columns_new(&e);
    must(m->columns, &e);
    m->hmac = digest_hmac_new(&domain->chunk_id, &e);
    must(m->hmac, &e);
}

void chunk_maker_done(struct chunk_maker *m)
{
    pack_free(m->pack);
    compress_free(m->compress);
    columns_free(m->columns);
    digest_hmac_free(m->hmac);
    buf_done(&m->envelopes);
    buf_done(&m->body);
    buf_done(&m->stored);
    closure_done(&m->closure);
    repository_done(&m->repository);
}

void chunk_maker_put_stored(struct chunk_maker *m, struct ref *ref, struct bytes stored)
{
    struct error e = {0};
    ref->stored = (uint32_t)stored.len;
    if (pack_size(m->pack) + stored.len > FORMAT_PACK_TARGET)
        chunk_maker_seal(m);
    must(pack_add(m->pack, ref, stored, &e) == 0, &e);
}

struct ref chunk_maker_put(struct chunk_maker *m, enum format_kind kind,
                           enum format_codec codec, struct bytes plain)
{
    struct error e = {0};
    struct ref ref = {.plain = (uint32_t)plain.len, .kind = (uint8_t)kind};
    struct bytes body = plain;
    must(digest_hmac_of(m->hmac, bytes_of(&ref.kind, 1), plain, ref.chunk_id, &e) == 0, &e);
    ref.chunk_id[0] ^= m->wrong_ids;
    int rc = codec == FORMAT_CODEC_COLUMNS ? columns_split(m->columns, plain, &m->body, &e) : 0;
    must(rc >= 0, &e);
    if (codec == FORMAT_CODEC_COLUMNS && rc == 0)
        body = buf_view(&m->body);
    else if (codec == FORMAT_CODEC_COLUMNS)
        codec = FORMAT_CODEC_ZSTD;
    rc = codec == FORMAT_CODEC_RAW ? COMPRESS_NO_GAIN
                                   : compress_block(m->compress, body, &m->stored, &e);
    must(rc >= 0, &e);
    if (rc == 0 && m->stored.len > plain.len)
        rc = COMPRESS_NO_GAIN;
    ref.codec = (uint8_t)(rc == 0 ? codec : FORMAT_CODEC_RAW);
    chunk_maker_put_stored(m, &ref, rc == 0 ? buf_view(&m->stored) : plain);
    return ref;
}

struct ref chunk_maker_recipe(struct chunk_maker *m, const struct recipe *r)
{
    struct error e = {0};
    struct buf plain = {0};
    must(recipe_write(r, &plain, &e) == 0, &e);
    struct ref ref =
        chunk_maker_put(m, FORMAT_KIND_RECIPE, FORMAT_CODEC_ZSTD, buf_view(&plain));
    buf_done(&plain);
    return ref;
}

struct stream chunk_maker_stream(enum format_stream kind, const struct ref *recipes,
                                 uint32_t count)
{
    struct error e = {0};
    struct stream s = {.kind = (uint8_t)kind};
    struct stream_part *part = stream_add_part(&s, &e);
    must(part, &e);
    for (uint32_t i = 0; i < count; i++)
        must(stream_add_recipe(part, &recipes[i], &e) == 0, &e);
    return s;
}

void chunk_maker_seal(struct chunk_maker *m)
{
    struct error e = {0};
    struct closure_pack pack;
    struct bytes content;
    char name[FORMAT_NAME_MAX];
    must(pack_seal(m->pack, &pack, &content, &e) == 0, &e);
    ref_pack_name(name, &pack.object);
    must(store_put_new(m->repository.store, name, content, &e) == 0, &e);
    must(closure_add(&m->closure, &pack, &e) == 0, &e);
    must(pack_begin(m->pack, &e) == 0, &e);
}

struct fetch *chunk_maker_fetch(struct chunk_maker *m)
{
    struct error e = {0};
    const struct fetch_options options = {.repo = m->repository.repo,
                                          .closure = &m->closure,
                                          .chunk_id_key =
                                              &m->repository.bundle.domain.chunk_id};
    struct fetch *f = fetch_new(&options, &e);
    must(f, &e);
    return f;
}
