/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "core/repo/packs.h"
#include "core/repo/tlv.h"

enum { TAG_BACKUP = 1, TAG_HOST, TAG_TIME };
enum { CONDEMNED_PACK = 1 };

#define KEY_LEN (FORMAT_HASH_LEN + FORMAT_SUFFIX_LEN)

struct session {
    struct repo *repo;
    uint8_t backup_id[FORMAT_ID_LEN];
    struct packs *listed;
    struct buf condemned; /* keys (SHA-256 and suffix), sorted once they are all there */
    char **names;         /* session objects of ours */
    size_t name_count;
    int64_t beat_ms;  /* the last object of ours */
    int64_t tried_ms; /* the last try of another */
};

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, KEY_LEN);
}

static bool is_condemned(const struct session *s, const struct ref_object *object)
{
    uint8_t key[KEY_LEN];
    memcpy(key, object->sha256, FORMAT_HASH_LEN);
    memcpy(key + FORMAT_HASH_LEN, object->suffix, FORMAT_SUFFIX_LEN);
    return s->condemned.len > 0 && bsearch(key, s->condemned.data, s->condemned.len / KEY_LEN,
                                           KEY_LEN, compare_keys) != NULL;
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
                rc = buf_append(&s->condemned, t.value.data, KEY_LEN, e);
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
    s->listed = packs_new(store, e);
    if (!s->listed || put_object(s, e) < 0 ||
        store_list(store, "condemned/", visit_condemned, s, e) < 0 ||
        packs_list(s->listed, e) < 0) {
        (void)error_wrap(e, "session of this backup");
        session_end(s);
        session_free(s);
        return NULL;
    }
    if (s->condemned.len > 0)
        qsort(s->condemned.data, s->condemned.len / KEY_LEN, KEY_LEN, compare_keys);
    return s;
}

void session_free(struct session *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->name_count; i++)
        free(s->names[i]);
    free(s->names);
    packs_free(s->listed);
    buf_done(&s->condemned);
    free(s);
}

bool session_allows(const struct session *s, const struct ref_object *object)
{
    struct ref_object found;
    size_t next = 0;
    while (packs_next_listed(s->listed, object, &next, &found))
        if (!is_condemned(s, &found))
            return true;
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

int session_is_there(struct session *s, struct error *e)
{
    struct buf raw = {0};
    int rc = store_get(repo_store(s->repo), s->names[0], 0, 1, &raw, e);
    buf_done(&raw);
    if (rc == STORE_ABSENT) {
        rc = error_set(e, ERROR_IO, "%s is gone from the store: nothing is acknowledged",
                       s->names[0]);
        (void)error_hint(e, "was the repository removed, or its disk taken away meanwhile?");
    }
    return rc < 0 ? -1 : 0;
}

void session_end(struct session *s)
{
    for (size_t i = 0; i < s->name_count; i++) {
        struct error e;
        if (store_remove(repo_store(s->repo), s->names[i], &e) < 0)
            log_debug("%s stays until pruning: %s", s->names[i], e.text);
    }
}
