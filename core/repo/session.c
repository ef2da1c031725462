/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "core/repo/tlv.h"

enum { TAG_BACKUP = 1, TAG_HOST, TAG_TIME };
enum { CONDEMNED_PACK = 1 };

#define KEY_LEN (FORMAT_HASH_LEN + FORMAT_SUFFIX_LEN)

/* Packs by name, sorted once they are all there; an item has a key and its size. */
#define ITEM_LEN (KEY_LEN + 4)
struct pack_set {
    struct buf items;
    size_t count;
};

struct session {
    struct repo *repo;
    uint8_t backup_id[FORMAT_ID_LEN];
    struct pack_set listed;
    struct pack_set condemned;
    char **names; /* session objects of ours */
    size_t name_count;
    int64_t beat_ms;  /* the last object of ours */
    int64_t tried_ms; /* the last try of another */
};

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, KEY_LEN);
}

static void set_sort(struct pack_set *set)
{
    set->count = set->items.len / ITEM_LEN;
    if (set->count > 0)
        qsort(set->items.data, set->count, ITEM_LEN, compare_keys);
}

static int set_add(struct pack_set *set, const uint8_t *key, uint32_t size, struct error *e)
{
    return buf_append(&set->items, key, KEY_LEN, e) < 0 ? -1 : buf_u32(&set->items, size, e);
}

static bool set_has(const struct pack_set *set, const uint8_t key[KEY_LEN])
{
    return set->count > 0 &&
           bsearch(key, set->items.data, set->count, ITEM_LEN, compare_keys) != NULL;
}

/* The first item that is not before this content. */
static size_t lower_bound(const struct pack_set *set, const uint8_t sha256[FORMAT_HASH_LEN])
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(set->items.data + middle * ITEM_LEN, sha256, FORMAT_HASH_LEN) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int put_object(struct session *s, struct error *e)
{
    const struct bundle *b = repo_bundle(s->repo);
    uint8_t nonce[FORMAT_ID_LEN];
    char backup[2 * FORMAT_ID_LEN + 1];
    char random[2 * FORMAT_ID_LEN + 1];
    struct buf body = {0};
    struct buf object = {0};
    char *name = NULL;
    int rc = -1;
    if (secret_random(nonce, sizeof nonce, e) < 0 ||
        tlv_put(&body, TAG_BACKUP, bytes_of(s->backup_id, FORMAT_ID_LEN), e) < 0 ||
        tlv_put(&body, TAG_HOST, bytes_of(b->host_id, FORMAT_ID_LEN), e) < 0 ||
        tlv_uint(&body, TAG_TIME, (uint64_t)clock_now_us(), e) < 0 ||
        statement_write(FORMAT_SESSION, repo_id(s->repo), &b->signer, buf_view(&body), &object,
                        e) < 0)
        goto out;
    str_hex(backup, s->backup_id, FORMAT_ID_LEN);
    str_hex(random, nonce, FORMAT_ID_LEN);
    name = str_format(e, "sessions/%s-%s", backup, random);
    char **names = name ? reallocarray(s->names, s->name_count + 1, sizeof *names) : NULL;
    if (!names) {
        (void)error_memory(e, "session");
        goto out;
    }
    s->names = names;
    if (store_put_new(repo_store(s->repo), name, buf_view(&object), e) < 0 ||
        store_sync(repo_store(s->repo), e) < 0)
        goto out;
    s->names[s->name_count++] = name;
    name = NULL;
    s->beat_ms = clock_monotonic_ms();
    rc = 0;
out:
    free(name);
    buf_done(&body);
    buf_done(&object);
    return rc;
}

/* The enrolment that once made this signer a keeper; *keeper is NULL when there is none. A key
 * may have several enrolments: the later ones take the right away for collectors only. */
static int find_keeper(const struct repo *repo, const uint8_t signer[FORMAT_ID_LEN],
                       const struct host **keeper, struct error *e)
{
    *keeper = NULL;
    for (size_t i = 0; i < repo_host_count(repo) && !*keeper; i++) {
        const struct host *h = repo_host(repo, i);
        uint8_t id[FORMAT_ID_LEN];
        if (!(h->flags & FORMAT_HOST_KEEPER))
            continue;
        if (statement_signer_id(h->public_key, id, e) < 0)
            return -1;
        if (memcmp(id, signer, sizeof id) == 0)
            *keeper = h;
    }
    return 0;
}

static int read_condemned(struct session *s, const char *name, struct error *e)
{
    struct buf raw = {0};
    struct statement st;
    struct tlv t;
    int rc = store_get(repo_store(s->repo), name, 0, STORE_ALL, &raw, e);
    if (rc == STORE_ABSENT) /* a collector is done with it: its packs are gone */
        rc = 0;
    else if (rc == 0)
        rc = statement_parse(buf_view(&raw), FORMAT_CONDEMNED, repo_id(s->repo), &st, e);
    if (rc == 0 && raw.len > 0) {
        /* Signed by a key that was ever a keeper; anybody else's word condemns nothing. */
        const struct host *keeper;
        rc = find_keeper(s->repo, st.signer, &keeper, e);
        if (rc == 0 && !keeper) {
            log_warning("%s: not signed by a keeper: ignored", name);
            goto out;
        }
        if (rc == 0)
            rc = statement_check(&st, keeper->public_key, e);
        struct tlv_reader r = tlv_reader_of(st.body);
        while (rc == 0 && tlv_next(&r, &t)) {
            if (t.tag != CONDEMNED_PACK)
                continue;
            if (t.value.len != KEY_LEN)
                r.bad = true;
            else
                rc = set_add(&s->condemned, t.value.data, 0, e);
        }
        if (rc == 0)
            rc = tlv_end(&r, name, e);
    }
out:
    buf_done(&raw);
    return rc < 0 ? error_wrap(e, "%s", name) : rc;
}

static int visit_condemned(void *arg, const struct store_item *item, struct error *e)
{
    return repo_name_known(item->name) ? read_condemned(arg, item->name, e) : 0;
}

static int visit_pack(void *arg, const struct store_item *item, struct error *e)
{
    struct session *s = arg;
    struct ref_object object;
    if (!ref_pack_parse(item->name, &object))
        return 0;
    uint8_t key[KEY_LEN];
    memcpy(key, object.sha256, FORMAT_HASH_LEN);
    memcpy(key + FORMAT_HASH_LEN, object.suffix, FORMAT_SUFFIX_LEN);
    /* One without a byte has the size of nothing that was ever stored. */
    uint32_t size =
        item->size > 0 && item->size < UINT32_MAX ? (uint32_t)item->size : UINT32_MAX;
    return set_add(&s->listed, key, size, e);
}

struct session *session_begin(struct repo *repo, const uint8_t backup_id[FORMAT_ID_LEN],
                              struct error *e)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "session");
        return NULL;
    }
    s->repo = repo;
    memcpy(s->backup_id, backup_id, FORMAT_ID_LEN);
    struct store *store = repo_store(repo);
    if (put_object(s, e) < 0 || store_list(store, "condemned/", visit_condemned, s, e) < 0 ||
        store_list(store, "packs/", visit_pack, s, e) < 0) {
        (void)error_wrap(e, "session of this backup");
        session_end(s);
        session_free(s);
        return NULL;
    }
    set_sort(&s->condemned);
    set_sort(&s->listed);
    return s;
}

void session_free(struct session *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->name_count; i++)
        free(s->names[i]);
    free(s->names);
    buf_done(&s->listed.items);
    buf_done(&s->condemned.items);
    free(s);
}

bool session_allows(const struct session *s, const struct ref_object *object)
{
    for (size_t i = lower_bound(&s->listed, object->sha256); i < s->listed.count; i++) {
        const uint8_t *item = s->listed.items.data + i * ITEM_LEN;
        if (memcmp(item, object->sha256, FORMAT_HASH_LEN) != 0)
            return false;
        struct cursor c = cursor_of(bytes_of(item + KEY_LEN, ITEM_LEN - KEY_LEN));
        if (cursor_u32(&c) == object->size && !set_has(&s->condemned, item))
            return true;
    }
    return false;
}

int session_beat(struct session *s, struct error *e)
{
    int64_t now = clock_monotonic_ms();
    if (now - s->beat_ms < SESSION_HEARTBEAT_MS || now - s->tried_ms < SESSION_RETRY_MS)
        return 0;
    s->tried_ms = now;
    if (put_object(s, e) == 0)
        return 0;
    /* One that fails must not end a dump of many hours: a collector waits for 20. */
    if (now - s->beat_ms > SESSION_SILENCE_MS)
        return -1;
    log_warning("heartbeat: %s", e->text);
    return 0;
}

int session_revoked(struct session *s, struct error *e)
{
    char backup[2 * FORMAT_ID_LEN + 1];
    char name[FORMAT_NAME_MAX];
    struct buf raw = {0};
    str_hex(backup, s->backup_id, FORMAT_ID_LEN);
    (void)snprintf(name, sizeof name, "revoked/%s", backup);
    /* Whoever signed it: a backup that somebody tried to revoke is not acknowledged. */
    int rc = store_get(repo_store(s->repo), name, 0, 1, &raw, e);
    buf_done(&raw);
    if (rc < 0)
        return -1;
    return rc == STORE_ABSENT ? 0 : SESSION_REVOKED;
}

void session_end(struct session *s)
{
    for (size_t i = 0; i < s->name_count; i++) {
        struct error e;
        if (store_remove(repo_store(s->repo), s->names[i], &e) < 0)
            log_debug("%s stays until pruning: %s", s->names[i], e.text);
    }
}
