/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/fetch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/flow/compress.h"
#include "core/flow/seal.h"
#include "core/repo/pack.h"
#include "core/repo/packs.h"

#define OPEN_PACKS 64 /* heads kept: more than workers, and enough for recipes beside rows */
#define OPEN_KEYS 16

struct open_pack {
    uint8_t pack_id[FORMAT_ID_LEN];
    struct pack_reader *reader;
    char name[FORMAT_NAME_MAX];
    unsigned users;
    uint64_t used_at;
};

struct open_keys {
    bool used;
    uint8_t backup_id[FORMAT_ID_LEN];
    struct repo_keys keys;
};

struct fetch {
    struct repo *repo;
    const struct closure *closure;
    struct packs *where;
    struct secret chunk_id_key;
    pthread_mutex_t lock; /* of all below */
    struct open_pack packs[OPEN_PACKS];
    uint64_t now;
    struct open_keys keys[OPEN_KEYS];
    size_t next_key;
    struct buf head;
    _Atomic uint64_t reads, bytes;
};

struct fetch *fetch_new(const struct fetch_options *o, struct error *e)
{
    struct fetch *f = calloc(1, sizeof *f);
    if (!f) {
        (void)error_memory(e, "reader of chunks");
        return NULL;
    }
    f->repo = o->repo;
    f->closure = o->closure;
    f->chunk_id_key = *o->chunk_id_key;
    (void)pthread_mutex_init(&f->lock, NULL);
    f->where = packs_new(repo_store(o->repo), e);
    if (f->where)
        return f;
    fetch_free(f);
    return NULL;
}

void fetch_free(struct fetch *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < OPEN_PACKS; i++)
        pack_reader_free(f->packs[i].reader);
    packs_free(f->where);
    buf_done(&f->head);
    (void)pthread_mutex_destroy(&f->lock);
    explicit_bzero(f->keys, sizeof f->keys);
    secret_wipe(&f->chunk_id_key);
    free(f);
}

static int get(struct fetch *f, const char *name, uint64_t offset, size_t len, struct buf *out,
               struct error *e)
{
    int rc = store_get(repo_store(f->repo), name, offset, len, out, e);
    atomic_fetch_add(&f->reads, 1);
    atomic_fetch_add(&f->bytes, rc == 0 ? out->len : 0);
    return rc;
}

struct fetch_counts fetch_counts(const struct fetch *f)
{
    return (struct fetch_counts){.reads = f->reads, .bytes = f->bytes};
}

int fetch_scratch_init(struct fetch_scratch *s, const struct fetch *f, struct error *e)
{
    *s = (struct fetch_scratch){0};
    s->codec = chunk_codec_new(COMPRESS_LEVEL, e);
    s->hmac = s->codec ? digest_hmac_new(&f->chunk_id_key, e) : NULL;
    if (s->hmac)
        return 0;
    fetch_scratch_done(s);
    return -1;
}

void fetch_scratch_done(struct fetch_scratch *s)
{
    chunk_codec_free(s->codec);
    digest_hmac_free(s->hmac);
    buf_done(&s->sealed);
    buf_done(&s->stored);
    *s = (struct fetch_scratch){0};
}

static const struct repo_keys *keys_of(struct fetch *f, const struct pack_head *head,
                                       struct error *e)
{
    for (size_t i = 0; i < OPEN_KEYS; i++)
        if (f->keys[i].used &&
            memcmp(f->keys[i].backup_id, head->backup_id, FORMAT_ID_LEN) == 0)
            return &f->keys[i].keys;
    struct open_keys *k = &f->keys[f->next_key];
    if (repo_open_keys(f->repo, head->backup_id, head->envelopes, &k->keys, e) < 0) {
        k->used = false;
        return NULL;
    }
    k->used = true;
    memcpy(k->backup_id, head->backup_id, FORMAT_ID_LEN);
    f->next_key = (f->next_key + 1) % OPEN_KEYS;
    return &k->keys;
}

/* A reader of the object `name`, which holds this pack; the lock is held. Answers
 * STORE_ABSENT. */
static int open_object(struct fetch *f, const struct closure_pack *pack, const char *name,
                       struct pack_reader **reader, struct error *e)
{
    struct pack_head head;
    int rc = get(f, name, 0, PACK_HEAD_MAX, &f->head, e);
    if (rc != 0)
        return rc;
    if (pack_head_read(buf_view(&f->head), &head, e) < 0)
        return error_wrap(e, "%s", name);
    if (memcmp(head.pack_id, pack->pack_id, FORMAT_ID_LEN) != 0 ||
        memcmp(head.repository_id, repo_id(f->repo), FORMAT_ID_LEN) != 0)
        return error_set(e, ERROR_CORRUPT, "%s holds another pack", name);
    const struct repo_keys *keys = keys_of(f, &head, e);
    if (!keys)
        return -1;
    *reader =
        pack_reader_new(&head, keys->has_content ? &keys->content : NULL, &keys->metadata, e);
    return *reader ? 0 : -1;
}

/* Under whichever name the pack is there and its head is right. */
static int open_pack(struct fetch *f, struct open_pack *p, const struct closure_pack *pack,
                     struct error *e)
{
    struct packs_search search = {0};
    struct error first = {0};
    int rc;
    pack_reader_free(p->reader);
    p->reader = NULL;
    while ((rc = packs_next(f->where, &pack->object, &search, p->name, e)) == 0) {
        rc = open_object(f, pack, p->name, &p->reader, e);
        if (rc == 0) {
            memcpy(p->pack_id, pack->pack_id, FORMAT_ID_LEN);
            return 0;
        }
        if (rc < 0 && e->kind != ERROR_CORRUPT)
            return -1;
        if (rc < 0 && first.kind == ERROR_NONE)
            first = *e;
    }
    if (rc < 0)
        return -1;
    if (first.kind != ERROR_NONE) {
        *e = first;
        return -1;
    }
    return packs_missing(f->where, &pack->object, NULL, e);
}

/* The open pack of a chunk, in use until leave; NULL on error. */
static struct open_pack *enter(struct fetch *f, const struct ref *ref, struct error *e)
{
    struct open_pack *oldest = NULL;
    struct open_pack *found = NULL;
    (void)pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < OPEN_PACKS && !found; i++) {
        struct open_pack *p = &f->packs[i];
        if (p->reader && memcmp(p->pack_id, ref->pack_id, FORMAT_ID_LEN) == 0)
            found = p;
        else if (p->users == 0 && (!oldest || p->used_at < oldest->used_at))
            oldest = p;
    }
    if (!found) {
        const struct closure_pack *pack = closure_find(f->closure, ref->pack_id);
        if (!pack)
            (void)error_set(e, ERROR_CORRUPT,
                            "a recipe points into a pack that the manifest does not list");
        else if (!oldest)
            (void)error_set(e, ERROR_BUSY, "more than %d packs in use", OPEN_PACKS);
        else if (open_pack(f, oldest, pack, e) == 0)
            found = oldest;
    }
    if (found) {
        found->users++;
        found->used_at = ++f->now;
    }
    (void)pthread_mutex_unlock(&f->lock);
    return found;
}

static void leave(struct fetch *f, struct open_pack *p)
{
    (void)pthread_mutex_lock(&f->lock);
    p->users--;
    (void)pthread_mutex_unlock(&f->lock);
}

static int check_id(struct fetch_scratch *s, const struct ref *ref, struct bytes plain,
                    struct error *e)
{
    uint8_t id[FORMAT_HASH_LEN];
    if (digest_hmac_of(s->hmac, bytes_of(&ref->kind, 1), plain, id, e) < 0)
        return -1;
    if (!digest_equal(id, ref->chunk_id, sizeof id))
        return error_set(e, ERROR_CORRUPT, "content does not match its id");
    return 0;
}

size_t fetch_chunk_bytes(const struct ref *ref)
{
    return (size_t)ref->stored + SEAL_TAG_LEN;
}

static int decode(struct fetch *f, struct fetch_scratch *s, const struct open_pack *p,
                  const struct ref *ref, struct buf *plain, struct error *e)
{
    int rc = get(f, p->name, ref->offset, fetch_chunk_bytes(ref), &s->sealed, e);
    if (rc == STORE_ABSENT)
        return error_set(e, ERROR_CORRUPT, "is missing");
    plain->len = s->stored.len = 0;
    if (rc < 0 || buf_reserve(plain, ref->plain, e) < 0 ||
        buf_reserve(&s->stored, ref->stored, e) < 0)
        return -1;
    bool raw = ref->codec == FORMAT_CODEC_RAW;
    if (pack_fetch(p->reader, ref, buf_view(&s->sealed), raw ? plain->data : s->stored.data,
                   e) < 0)
        return -1;
    if (!raw && chunk_codec_decode(s->codec, ref->codec, bytes_of(s->stored.data, ref->stored),
                                   plain->data, ref->plain, e) < 0)
        return -1;
    plain->len = ref->plain;
    return format_kind_is_metadata(ref->kind) ? check_id(s, ref, buf_view(plain), e) : 0;
}

size_t fetch_head_bytes(struct fetch *f, const struct ref *ref)
{
    const struct closure_pack *pack = closure_find(f->closure, ref->pack_id);
    bool open = !pack;
    (void)pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < OPEN_PACKS && !open; i++)
        open =
            f->packs[i].reader && memcmp(f->packs[i].pack_id, ref->pack_id, FORMAT_ID_LEN) == 0;
    (void)pthread_mutex_unlock(&f->lock);
    if (open)
        return 0;
    return pack->object.size < PACK_HEAD_MAX ? pack->object.size : PACK_HEAD_MAX;
}

/* The record is damaged under the name bad: is it right under another one? e keeps what was
 * found first. */
static int decode_elsewhere(struct fetch *f, struct fetch_scratch *s, const char *bad,
                            const struct ref *ref, struct buf *plain, struct error *e)
{
    const struct closure_pack *pack = closure_find(f->closure, ref->pack_id);
    struct packs_search search = {0};
    struct open_pack other = {0};
    struct error why;
    while (pack && packs_next(f->where, &pack->object, &search, other.name, &why) == 0) {
        if (strcmp(other.name, bad) == 0)
            continue;
        (void)pthread_mutex_lock(&f->lock);
        int rc = open_object(f, pack, other.name, &other.reader, &why);
        (void)pthread_mutex_unlock(&f->lock);
        if (rc == 0)
            rc = decode(f, s, &other, ref, plain, &why);
        pack_reader_free(other.reader);
        other.reader = NULL;
        if (rc == 0) {
            log_warning("%s; %s is read instead", e->text, other.name);
            return 0;
        }
    }
    return -1;
}

int fetch_chunk(struct fetch *f, struct fetch_scratch *s, const struct ref *ref,
                struct buf *plain, struct error *e)
{
    char name[FORMAT_NAME_MAX];
    struct open_pack *p = enter(f, ref, e);
    if (!p)
        return -1;
    int rc = decode(f, s, p, ref, plain, e);
    (void)snprintf(name, sizeof name, "%s", p->name);
    leave(f, p);
    if (rc == 0)
        return 0;
    (void)error_wrap(e, "%s, record %u", name, ref->record);
    return e->kind == ERROR_CORRUPT ? decode_elsewhere(f, s, name, ref, plain, e) : -1;
}
