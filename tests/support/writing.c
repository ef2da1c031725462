/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/writing.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/digest.h"
#include "core/job/stream_in.h"

static void must(bool done, const struct error *e)
{
    if (done)
        return;
    (void)fprintf(stderr, "writing: %s\n", e->text);
    abort();
}

void writing_init(struct writing *w, struct store *store)
{
    struct error e = {0};
    *w = (struct writing){.session = NULL};
    repository_make(&w->repository, store);
    must(chunker_init(&w->chunker, &w->repository.bundle.domain.gear, &e) == 0, &e);
}

void writing_done(struct writing *w)
{
    writing_end(w);
    closure_done(&w->closure);
    repository_done(&w->repository);
}

void writing_begin(struct writing *w, const struct chunk_index *index, unsigned workers)
{
    struct error e = {0};
    struct repo *repo = w->repository.repo;
    const struct keyring_domain *domain = &w->repository.bundle.domain;
    struct pack_keys *k = &w->keys;
    memcpy(k->repository_id, repo_id(repo), FORMAT_ID_LEN);
    memcpy(k->domain_id, domain->id, FORMAT_ID_LEN);
    must(secret_random(k->backup_id, FORMAT_ID_LEN, &e) == 0, &e);
    must(repo_seal_keys(repo, k->backup_id, &k->content, &w->envelopes, &e) == 0, &e);
    must(pack_metadata_key(&k->content, &k->metadata, &e) == 0, &e);
    must(keyring_index_key(&domain->chunk_id, &k->index, &e) == 0, &e);
    k->envelopes = buf_view(&w->envelopes);
    w->session = session_begin(repo, k->backup_id, &e);
    must(w->session, &e);
    const struct writer_options options = {.repo = repo,
                                           .session = w->session,
                                           .keys = k,
                                           .domain = domain,
                                           .index = index,
                                           .spool = w->spool,
                                           .workers = workers,
                                           .level = 3,
                                           .later_level = 9};
    w->writer = writer_new(&options, &e);
    must(w->writer, &e);
}

int writing_finish(struct writing *w, struct writer_totals *totals, struct error *e)
{
    int rc = writer_finish(w->writer, &w->closure, totals, e);
    writing_end(w);
    return rc;
}

void writing_end(struct writing *w)
{
    writer_free(w->writer);
    w->writer = NULL;
    if (w->session)
        session_end(w->session);
    session_free(w->session);
    w->session = NULL;
    buf_done(&w->envelopes);
}

static int check_pack(void *arg, const struct store_item *item, struct error *e)
{
    struct buf b = {0};
    struct ref_object object;
    uint8_t digest[DIGEST_LEN];
    must(ref_pack_parse(item->name, &object), e);
    must(store_get(arg, item->name, 0, STORE_ALL, &b, e) == 0, e);
    must(digest_sha256(buf_view(&b), digest, e) == 0, e);
    bool is_whole = memcmp(digest, object.sha256, DIGEST_LEN) == 0;
    size_t len = b.len;
    buf_done(&b);
    if (!is_whole || len > FORMAT_PACK_TARGET)
        return error_set(e, ERROR_CORRUPT, "%s: %zu bytes, name %s", item->name, len,
                         is_whole ? "right" : "wrong");
    return 0;
}

void writing_packs_are_whole(struct store *s)
{
    struct error e = {0};
    must(store_list(s, "packs/", check_pack, s, &e) == 0, &e);
}

int writing_read(struct writing *w, enum format_stream kind, const struct stream_part *part,
                 struct buf *out, size_t *long_rows, struct error *e)
{
    struct stream_part copy = *part;
    const struct stream stream = {.kind = (uint8_t)kind, .parts = &copy, .part_count = 1};
    struct stream_in_item item;
    const struct fetch_options options = {.repo = w->repository.repo,
                                          .closure = &w->closure,
                                          .chunk_id_key =
                                              &w->repository.bundle.domain.chunk_id};
    struct fetch *f = fetch_new(&options, e);
    struct stream_in *in = f ? stream_in_new(f, 2, e) : NULL;
    int rc = in ? stream_in_begin(in, &stream, e) : -1;
    while (rc == 0) {
        rc = stream_in_next(in, &item, e);
        if (rc == 0)
            rc = buf_append(out, item.data.data, item.data.len, e);
        if (rc == 0 && long_rows && item.row_ends)
            ++*long_rows;
    }
    stream_in_free(in);
    fetch_free(f);
    return rc < 0 ? -1 : 0;
}
