/* SPDX-License-Identifier: Apache-2.0 */
/* First every manifest of the source is looked at: what is whole at the target by a plain
 * listing needs no more than its small objects. The rest is copied one backup at a time, oldest
 * first, each in a session of its own: register, list, send what is missing, sync, manifest,
 * sync, look for a revocation. */
#include "core/job/copy.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/job/copy_packs.h"
#include "core/job/copy_small.h"
#include "core/repo/names.h"
#include "core/repo/packs.h"
#include "core/repo/replica.h"
#include "core/repo/session.h"

struct work {
    uint8_t id[FORMAT_ID_LEN];
    int64_t committed_us;
    bool is_whole; /* at the target, by the first listing */
};

struct copy {
    struct copy_options o;
    struct repo *to;
    struct packs *packs;    /* of the source */
    struct packs *there;    /* of the target, by the first listing */
    struct closure planned; /* packs that are to be sent */
    uint64_t planned_bytes;
    struct names manifests, tombstones, revoked; /* of the target */
    struct copy_small *small;
    struct work *works;
    size_t work_count;
    struct session *session; /* of the backup that is copied */
    struct copy_totals totals;
};

static void name_of(char name[FORMAT_NAME_MAX], const char *folder, const uint8_t *id,
                    const char *end)
{
    char hex[2 * FORMAT_ID_LEN + 1];
    str_hex(hex, id, FORMAT_ID_LEN);
    (void)snprintf(name, FORMAT_NAME_MAX, "%s/%s%s", folder, hex, end);
}

static int check_stop(const struct copy *c, struct error *e)
{
    int n = c->o.stop ? *c->o.stop : 0;
    return n ? error_stopped(e, n) : 0;
}

/* What reading from the source came to: about one backup, so that the others go on? A place of
 * a disk that cannot be read is. */
static bool is_of_one(const struct error *e)
{
    return e->kind == ERROR_CORRUPT || e->kind == ERROR_UNSUPPORTED || e->kind == ERROR_IO;
}

/* ---- who copies -------------------------------------------------------------------- */

/* Collectors wait for the sessions of those who may write: others have no protection. */
static int check_writer(const struct repo *from, struct error *e)
{
    const struct bundle *b = repo_bundle(from);
    if (!b)
        return error_set(e, ERROR_KEY, "this host is not enrolled in the repository");
    for (size_t i = 0; i < repo_host_count(from); i++) {
        const struct host *h = repo_host(from, i);
        if (memcmp(h->public_key, b->signer.public_key, sizeof h->public_key) == 0 &&
            h->flags & FORMAT_HOST_WRITER && repo_host_active(from, h) &&
            (h->valid_until_us == 0 || h->valid_until_us > clock_now_us()))
            return 0;
    }
    return error_set(e, ERROR_KEY, "this host may not write to the repository any more");
}

static int open_target(struct copy *c, struct error *e)
{
    if (replica_prepare(c->o.from, c->o.to, &c->totals.made, e) < 0)
        return -1;
    c->to = repo_open(c->o.to, e);
    if (!c->to || repo_use_bundle(c->to, repo_bundle(c->o.from), e) < 0)
        return -1;
    int rc = replica_id(c->o.to, c->totals.replica_id, e);
    return rc == STORE_ABSENT
               ? error_set(e, ERROR_CORRUPT, "the target has lost its replica id")
               : rc;
}

/* ---- what there is to do ----------------------------------------------------------- */

static bool is_wanted(const struct copy *c, const uint8_t *id)
{
    for (size_t at = 0; at < c->o.ids.len; at += FORMAT_ID_LEN)
        if (memcmp(c->o.ids.data + at, id, FORMAT_ID_LEN) == 0)
            return true;
    return !c->o.chosen;
}

static int add_work(void *arg, const struct store_item *item, struct error *e)
{
    struct copy *c = arg;
    struct work w = {0};
    if (!repo_name_known(item->name) ||
        !str_unhex(w.id, sizeof w.id, item->name + strlen("backups/")) || !is_wanted(c, w.id))
        return 0;
    struct work *works = reallocarray(c->works, c->work_count + 1, sizeof *works);
    if (!works)
        return error_memory(e, "list of backups");
    c->works = works;
    works[c->work_count++] = w;
    return 0;
}

static int plan_packs(struct copy *c, struct work *w, const struct closure *closure,
                      struct error *e)
{
    for (size_t i = 0; i < closure->count; i++) {
        const struct closure_pack *pack = &closure->packs[i];
        if (packs_listed(c->there, &pack->object))
            continue;
        w->is_whole = false;
        if (closure_find(&c->planned, pack->pack_id))
            continue;
        if (closure_add(&c->planned, pack, e) < 0)
            return -1;
        c->planned_bytes += pack->object.size;
    }
    return 0;
}

/* A manifest that cannot be read now is met again, and told of, when its turn comes. */
static int plan(struct copy *c, struct work *w, struct error *e)
{
    struct manifest m = {0};
    struct error why = {0};
    char name[FORMAT_NAME_MAX];
    int rc = repo_manifest(c->o.from, w->id, false, &m, &why);
    if (rc == 0) {
        name_of(name, "backups", w->id, "");
        w->committed_us = m.committed_us;
        w->is_whole = names_has(&c->manifests, name);
        rc = plan_packs(c, w, &m.closure, e);
    } else if (rc < 0 && !is_of_one(&why)) {
        *e = why;
    } else {
        rc = 0;
    }
    manifest_done(&m);
    return rc;
}

static int compare_works(const void *a, const void *b)
{
    const struct work *x = a;
    const struct work *y = b;
    if (x->committed_us != y->committed_us)
        return x->committed_us < y->committed_us ? -1 : 1;
    return memcmp(x->id, y->id, sizeof x->id);
}

/* Manifests are listed before packs: what one of the target needs is in that listing then. */
static int look_around(struct copy *c, struct error *e)
{
    struct store *source = repo_store(c->o.from);
    c->packs = packs_new(source, e);
    c->there = c->packs ? packs_new(c->o.to, e) : NULL;
    c->small = c->there ? copy_small_new(c->o.from, c->o.to, e) : NULL;
    if (!c->small || names_list(&c->manifests, c->o.to, "backups/", e) < 0 ||
        packs_list(c->there, e) < 0 ||
        names_list(&c->tombstones, c->o.to, "tombstones/", e) < 0 ||
        names_list(&c->revoked, c->o.to, "revoked/", e) < 0 ||
        store_list(source, "backups/", add_work, c, e) < 0)
        return -1;
    for (size_t i = 0; i < c->work_count; i++)
        if (check_stop(c, e) < 0 || plan(c, &c->works[i], e) < 0)
            return -1;
    if (c->work_count > 0)
        qsort(c->works, c->work_count, sizeof *c->works, compare_works);
    return 0;
}

/* ---- one backup -------------------------------------------------------------------- */

/* What one backup came to: 0, GONE, ONLY_THIS with why filled, -1 for what ends all. */
#define GONE 1
#define ONLY_THIS 2

static int only_this(const struct error *e, struct error *why)
{
    *why = *e;
    return ONLY_THIS;
}

static int tick(void *arg, uint64_t bytes, struct error *e)
{
    struct copy *c = arg;
    if (c->o.progress)
        c->o.progress(c->o.progress_arg, c->totals.bytes + bytes, c->planned_bytes);
    return check_stop(c, e) < 0 ? -1 : session_beat(c->session, e);
}

/* Damage, or was the backup forgotten and its packs with it? */
static int is_it_gone(struct copy *c, const uint8_t *id, const struct error *found,
                      struct error *why, struct error *e)
{
    struct buf raw = {0};
    char name[FORMAT_NAME_MAX];
    name_of(name, "backups", id, "");
    int rc = store_get(repo_store(c->o.from), name, 0, 1, &raw, e);
    buf_done(&raw);
    if (rc == STORE_ABSENT)
        return GONE;
    return rc < 0 ? -1 : only_this(found, why);
}

static int send_packs(struct copy *c, const struct manifest *m, struct copy_result *result,
                      struct error *why, struct error *e)
{
    struct copy_packs_totals sent = {0};
    struct error found = {0};
    uint32_t *places = calloc(m->closure.count + 1, sizeof *places);
    size_t count = 0;
    if (!places)
        return error_memory(e, "list of packs");
    for (size_t i = 0; i < m->closure.count; i++)
        if (!session_allows(c->session, &m->closure.packs[i].object))
            places[count++] = (uint32_t)i;
    const struct copy_packs_options options = {.from = c->packs,
                                               .to = c->o.to,
                                               .closure = &m->closure,
                                               .places = places,
                                               .count = count,
                                               .tick = tick,
                                               .tick_arg = c};
    int rc = copy_packs_send(&options, &sent, &found);
    free(places);
    result->packs = sent.packs;
    result->bytes = sent.bytes;
    c->totals.packs += sent.packs;
    c->totals.bytes += sent.bytes;
    if (rc == 0)
        return 0;
    if (sent.of_source && found.kind == ERROR_CORRUPT)
        return is_it_gone(c, m->backup_id, &found, why, e);
    if (sent.of_source && is_of_one(&found))
        return only_this(&found, why);
    *e = found;
    return -1;
}

/* The bytes that were checked, and no others. */
static int load_manifest(const struct copy *c, const struct manifest *m, struct buf *raw,
                         struct error *why, struct error *e)
{
    uint8_t digest[DIGEST_LEN];
    char name[FORMAT_NAME_MAX];
    name_of(name, "backups", m->backup_id, "");
    int rc = store_get(repo_store(c->o.from), name, 0, STORE_ALL, raw, e);
    if (rc != 0)
        return rc == STORE_ABSENT ? GONE : -1;
    if (digest_sha256(buf_view(raw), digest, e) < 0)
        return -1;
    if (memcmp(digest, m->digest, sizeof digest) == 0)
        return 0;
    (void)error_set(why, ERROR_CORRUPT, "%s: other bytes than a moment ago", name);
    return ONLY_THIS;
}

/* The commit: all that it needs is synced by now. */
static int put_manifest(struct copy *c, const struct manifest *m, struct error *why,
                        struct error *e)
{
    struct buf raw = {0};
    char name[FORMAT_NAME_MAX];
    name_of(name, "backups", m->backup_id, "");
    int rc = load_manifest(c, m, &raw, why, e);
    /* When it is there another copy was faster, or it lacked packs only. */
    if (rc == 0 &&
        (store_put(c->o.to, name, buf_view(&raw), e) < 0 || store_sync(c->o.to, e) < 0))
        rc = -1;
    buf_done(&raw);
    return rc;
}

static int refuse_revoked(struct error *why)
{
    (void)error_set(why, ERROR_EXISTS, "a keeper has revoked this backup at the target");
    return ONLY_THIS;
}

static int look_for_revocation(struct copy *c, struct error *why, struct error *e)
{
    int rc = session_revoked(c->session, e);
    if (rc == 0)
        return session_is_there(c->session, e);
    if (rc != SESSION_REVOKED)
        return rc;
    (void)error_set(why, ERROR_BUSY,
                    "a keeper has revoked this backup at the target while it was copied");
    return ONLY_THIS;
}

static int in_session(struct copy *c, const struct manifest *m, struct copy_result *result,
                      struct error *why, struct error *e)
{
    int rc = send_packs(c, m, result, why, e);
    if (rc != 0)
        return rc;
    if (copy_small_send(c->small, m->backup_id, &c->totals.small, e) < 0 ||
        store_sync(c->o.to, e) < 0 || session_beat(c->session, e) < 0)
        return -1;
    rc = put_manifest(c, m, why, e);
    return rc == 0 ? look_for_revocation(c, why, e) : rc;
}

static int copy_one(struct copy *c, const struct work *w, struct copy_result *result,
                    struct error *why, struct error *e)
{
    struct manifest m = {0};
    int rc = repo_manifest(c->o.from, w->id, false, &m, e);
    if (rc == STORE_ABSENT)
        return GONE;
    if (rc < 0)
        return is_of_one(e) ? only_this(e, why) : -1;
    c->session = session_begin(c->to, w->id, e);
    rc = c->session ? in_session(c, &m, result, why, e) : -1;
    if (c->session)
        session_end(c->session);
    session_free(c->session);
    c->session = NULL;
    manifest_done(&m);
    return rc;
}

/* ---- all of them ------------------------------------------------------------------- */

static int settle(struct copy *c, const struct copy_result *r, struct error *e)
{
    struct copy_totals *t = &c->totals;
    char hex[2 * FORMAT_ID_LEN + 1];
    str_hex(hex, r->backup_id, FORMAT_ID_LEN);
    uint64_t *const counts[] = {[COPY_DONE] = &t->copied,
                                [COPY_THERE] = &t->there,
                                [COPY_GONE] = &t->gone,
                                [COPY_FAILED] = &t->failed};
    ++*counts[r->outcome];
    if (r->outcome == COPY_DONE)
        log_info("backup %s is at the target, %llu packs were sent", hex,
                 (unsigned long long)r->packs);
    return c->o.settled ? c->o.settled(c->o.settled_arg, r, e) : 0;
}

static int do_work(struct copy *c, const struct work *w, struct error *e)
{
    struct copy_result result = {.backup_id = w->id};
    struct error why = {0};
    char manifest[FORMAT_NAME_MAX];
    char tombstone[FORMAT_NAME_MAX];
    char revoked[FORMAT_NAME_MAX];
    name_of(manifest, "backups", w->id, "");
    name_of(tombstone, "tombstones", w->id, "-");
    name_of(revoked, "revoked", w->id, "");
    int rc = 0;
    /* A session of a backup that a tombstone or a revocation names counts as ended: nothing
     * would protect what it puts. */
    if (names_has(&c->revoked, revoked))
        rc = refuse_revoked(&why);
    else if (names_has_prefix(&c->tombstones, tombstone) && !names_has(&c->manifests, manifest))
        rc = GONE;
    else if (w->is_whole)
        rc = copy_small_send(c->small, w->id, &c->totals.small, e);
    else
        rc = copy_one(c, w, &result, &why, e);
    if (rc < 0)
        return -1;
    if (rc == 0)
        result.outcome = w->is_whole ? COPY_THERE : COPY_DONE;
    else
        result.outcome = rc == GONE ? COPY_GONE : COPY_FAILED;
    result.why = rc == ONLY_THIS ? &why : NULL;
    return settle(c, &result, e);
}

/* Named, and not in the listing any more. */
static int tell_absent(struct copy *c, struct error *e)
{
    for (size_t at = 0; at < c->o.ids.len; at += FORMAT_ID_LEN) {
        const struct copy_result gone = {.backup_id = c->o.ids.data + at, .outcome = COPY_GONE};
        bool found = false;
        for (size_t k = 0; k < c->work_count && !found; k++)
            found = memcmp(c->works[k].id, gone.backup_id, FORMAT_ID_LEN) == 0;
        if (!found && settle(c, &gone, e) < 0)
            return -1;
    }
    return 0;
}

static int run(struct copy *c, struct error *e)
{
    if (check_writer(c->o.from, e) < 0 || open_target(c, e) < 0 || look_around(c, e) < 0)
        return -1;
    for (size_t i = 0; i < c->work_count; i++)
        if (check_stop(c, e) < 0 || do_work(c, &c->works[i], e) < 0)
            return -1;
    /* Also what only the listings have shown: a copy that died may not have synced it. */
    return tell_absent(c, e) < 0 ? -1 : store_sync(c->o.to, e);
}

int copy_run(const struct copy_options *o, struct copy_totals *out, struct error *e)
{
    struct copy c = {.o = *o};
    int rc = run(&c, e);
    *out = c.totals;
    packs_free(c.packs);
    packs_free(c.there);
    closure_done(&c.planned);
    names_done(&c.manifests);
    names_done(&c.tombstones);
    names_done(&c.revoked);
    copy_small_free(c.small);
    free(c.works);
    repo_free(c.to);
    return rc;
}
