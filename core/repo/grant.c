/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/grant.h"

#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/str.h"
#include "core/repo/envelope.h"
#include "core/repo/id_table.h"
#include "core/repo/pack.h"
#include "core/repo/packs.h"

struct grant {
    struct repo *repo;
    const struct bundle_reader *to;
    uint8_t recipient[FORMAT_ID_LEN];
    struct id_table done;   /* places in ids */
    struct buf ids;         /* backups that were looked at */
    struct closure orphans; /* packs of owners whose manifest was not met yet */
    struct packs *packs;
};

static bool is_done(const struct grant *g, const uint8_t backup_id[FORMAT_ID_LEN])
{
    size_t at = id_table_start(&g->done, backup_id);
    for (uint32_t i; id_table_next(&g->done, &at, &i);)
        if (memcmp(g->ids.data + (size_t)i * FORMAT_ID_LEN, backup_id, FORMAT_ID_LEN) == 0)
            return true;
    return false;
}

static int put_envelope(struct grant *g, const uint8_t backup_id[FORMAT_ID_LEN],
                        const struct repo_keys *keys, struct error *e)
{
    char backup[2 * FORMAT_ID_LEN + 1];
    char reader[2 * FORMAT_ID_LEN + 1];
    struct buf envelope = {0};
    bool content = g->to->scope == FORMAT_SCOPE_CONTENT;
    if (content && !keys->has_content)
        return 0;
    str_hex(backup, backup_id, FORMAT_ID_LEN);
    str_hex(reader, g->recipient, FORMAT_ID_LEN);
    char *name = str_format(e, "envelopes/%s-%s", backup, reader);
    int rc = name ? repo_wrap(g->repo, backup_id, g->to,
                              content ? &keys->content : &keys->metadata, &envelope, e)
                  : -1;
    if (rc == 0)
        rc = store_put(repo_store(g->repo), name, buf_view(&envelope), e);
    buf_done(&envelope);
    free(name);
    return rc < 0 ? -1 : 0;
}

/* A backup that no key at hand opens is nothing to give. */
static int give(struct grant *g, const uint8_t backup_id[FORMAT_ID_LEN], struct bytes envelopes,
                struct error *e)
{
    struct repo_keys keys;
    struct error why;
    uint32_t place = (uint32_t)(g->ids.len / FORMAT_ID_LEN);
    if (is_done(g, backup_id))
        return 0;
    if (buf_append(&g->ids, backup_id, FORMAT_ID_LEN, e) < 0 ||
        id_table_add(&g->done, backup_id, place, e) < 0)
        return -1;
    int rc = repo_open_keys(g->repo, backup_id, envelopes, &keys, &why);
    if (rc == 0) {
        rc = put_envelope(g, backup_id, &keys, e);
    } else if (why.kind == ERROR_KEY) {
        rc = 0;
    } else {
        *e = why;
    }
    explicit_bzero(&keys, sizeof keys);
    return rc;
}

static int visit_backup(void *arg, const struct store_item *item, struct error *e)
{
    struct grant *g = arg;
    struct manifest m = {0};
    struct error why = {0};
    uint8_t id[FORMAT_ID_LEN];
    if (!repo_name_known(item->name) ||
        !str_unhex(id, sizeof id, item->name + strlen("backups/")))
        return 0;
    int rc = repo_manifest(g->repo, id, false, &m, &why);
    if (rc < 0 && (why.kind == ERROR_CORRUPT || why.kind == ERROR_UNSUPPORTED)) {
        log_warning("no envelope for a new reader: %s", why.text);
        return 0;
    }
    if (rc < 0)
        *e = why;
    if (rc == 0)
        rc = give(g, id, buf_view(&m.envelopes), e);
    for (size_t i = 0; rc == 0 && i < m.closure.count; i++)
        if (!is_done(g, m.closure.packs[i].owner))
            rc = closure_add(&g->orphans, &m.closure.packs[i], e);
    manifest_done(&m);
    return rc < 0 ? -1 : 0;
}

/* The head of a pack, under whichever name it is there. Answers STORE_ABSENT. */
static int load_head(const struct grant *g, const struct closure_pack *pack,
                     char name[FORMAT_NAME_MAX], struct buf *raw, struct error *e)
{
    struct packs_search search = {0};
    int rc;
    while ((rc = packs_next(g->packs, &pack->object, &search, name, e)) == 0) {
        rc = store_get(repo_store(g->repo), name, 0, PACK_HEAD_MAX, raw, e);
        if (rc != STORE_ABSENT)
            return rc;
    }
    ref_pack_name(name, &pack->object);
    return rc;
}

/* The envelopes of a backup that is gone stand in its packs. */
static int give_by_pack(struct grant *g, const struct closure_pack *pack, struct error *e)
{
    char name[FORMAT_NAME_MAX];
    struct pack_head head;
    struct buf raw = {0};
    struct error why;
    if (is_done(g, pack->owner))
        return 0;
    int rc = load_head(g, pack, name, &raw, e);
    if (rc == STORE_ABSENT)
        log_warning("no envelope for a new reader: %s is missing", name);
    else if (rc == 0 && pack_head_read(buf_view(&raw), &head, &why) < 0)
        log_warning("no envelope for a new reader: %s: %s", name, why.text);
    else if (rc == 0)
        rc = give(g, head.backup_id, head.envelopes, e);
    buf_done(&raw);
    return rc < 0 ? -1 : 0;
}

int grant_backups(struct repo *r, const struct bundle_reader *to, struct error *e)
{
    struct grant g = {.repo = r, .to = to};
    int rc = envelope_recipient_id(to->public_key, g.recipient, e);
    if (rc == 0 && !(g.packs = packs_new(repo_store(r), e)))
        rc = -1;
    if (rc == 0)
        rc = store_list(repo_store(r), "backups/", visit_backup, &g, e);
    for (size_t i = 0; rc == 0 && i < g.orphans.count; i++)
        rc = give_by_pack(&g, &g.orphans.packs[i], e);
    if (rc == 0)
        rc = store_sync(repo_store(r), e);
    id_table_done(&g.done);
    buf_done(&g.ids);
    closure_done(&g.orphans);
    packs_free(g.packs);
    return rc < 0 ? error_wrap(e, "envelopes for a new reader") : 0;
}
