/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the store and rows of the catalog are both in the order of the names: one walk over
 * both tells what is new, what is gone, and whose text was not readable before. */
#include "tools/sync_marks.h"

#include <string.h>

#include "catalog/mark_rows.h"
#include "core/base/log.h"
#include "core/repo/marks.h"
#include "core/repo/names.h"
#include "core/repo/replica.h"

struct known {
    uint8_t backup_id[FORMAT_ID_LEN], nonce[FORMAT_ID_LEN];
    bool closed; /* there is a text, and nobody could read it yet */
};

struct mark_sync {
    struct context *c;
    bool have_key;
    uint8_t replica[FORMAT_ID_LEN];
    struct names stored;
    struct buf known;         /* struct known */
    struct manifest manifest; /* of the backup that is spoken of */
};

static int visit_known(void *arg, const struct mark_rows_row *row, struct error *e)
{
    struct known k = {.closed = row->has_text && !row->text};
    memcpy(k.backup_id, row->backup_id, FORMAT_ID_LEN);
    memcpy(k.nonce, row->nonce, FORMAT_ID_LEN);
    return buf_append(arg, &k, sizeof k, e);
}

/* The text, where the backup is there and can be read; one that cannot be opened is told and
 * left closed. */
static int open_text(struct mark_sync *s, struct mark *m, struct error *e)
{
    struct error why;
    if (!m->has_text || !s->have_key)
        return 0;
    if (memcmp(s->manifest.backup_id, m->backup_id, FORMAT_ID_LEN) != 0) {
        manifest_done(&s->manifest);
        int rc = repo_manifest(s->c->repo, m->backup_id, false, &s->manifest, &why);
        if (rc != 0) {
            manifest_done(&s->manifest);
            if (rc == STORE_ABSENT || why.kind == ERROR_CORRUPT ||
                why.kind == ERROR_UNSUPPORTED)
                return 0;
            *e = why;
            return -1;
        }
    }
    if (marks_open(s->c->repo, &s->manifest, m, &why) == 0)
        return 0;
    if (why.kind != ERROR_CORRUPT) {
        *e = why;
        return -1;
    }
    log_warning("%s", why.text);
    return 0;
}

static int record(struct mark_sync *s, const char *name, struct error *e)
{
    struct mark m;
    int rc = marks_get(s->c->repo, name, s->replica, &m, e);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    rc = open_text(s, &m, e);
    if (rc == 0) {
        struct mark_rows_row row = {.type = m.type,
                                    .at_us = m.time_us,
                                    .refers = m.refers,
                                    .of_replica = m.of_replica,
                                    .has_text = m.has_text,
                                    .text = m.text};
        memcpy(row.backup_id, m.backup_id, FORMAT_ID_LEN);
        memcpy(row.nonce, m.nonce, FORMAT_ID_LEN);
        memcpy(row.host_id, m.host_id, FORMAT_ID_LEN);
        memcpy(row.refers_to, m.refers_to, FORMAT_ID_LEN);
        rc = mark_rows_put(s->c->catalog, &row, e);
    }
    marks_done(&m);
    return rc;
}

static int walk(struct mark_sync *s, struct error *e)
{
    const struct known *known = (const struct known *)(const void *)s->known.data;
    size_t count = s->known.len / sizeof *known;
    size_t i = 0, k = 0;
    int rc = 0;
    while (rc == 0 && (i < s->stored.count || k < count)) {
        char have[FORMAT_NAME_MAX];
        int order = i == s->stored.count ? 1 : -1;
        if (k < count)
            marks_name(have, known[k].backup_id, known[k].nonce);
        if (i < s->stored.count && k < count)
            order = strcmp(names_at(&s->stored, i), have);
        if (order > 0) {
            rc = mark_rows_remove(s->c->catalog, known[k].backup_id, known[k].nonce, e);
        } else if (order < 0 || (known[k].closed && s->have_key)) {
            rc = record(s, names_at(&s->stored, i), e);
        }
        i += order <= 0;
        k += order >= 0;
    }
    return rc;
}

int sync_marks(struct context *c, bool have_key, struct error *e)
{
    struct mark_sync s = {.c = c, .have_key = have_key};
    int rc = names_list(&s.stored, c->store, "marks/", e);
    if (rc == 0)
        rc = mark_rows_visit(c->catalog, NULL, visit_known, &s.known, e);
    if (rc == 0 && s.stored.count > 0)
        rc = replica_id(c->store, s.replica, e) < 0 ? -1 : 0;
    if (rc == 0)
        rc = walk(&s, e);
    names_done(&s.stored);
    buf_done(&s.known);
    manifest_done(&s.manifest);
    return rc;
}
