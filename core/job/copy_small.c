/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/copy_small.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/str.h"
#include "core/repo/envelope.h"
#include "core/repo/marks.h"
#include "core/repo/names.h"

#define MAX_MARK (FORMAT_MAX_STATEMENT + 4 * KIB)

struct copy_small {
    struct repo *from;
    struct store *to;
    struct names envelopes, marks;             /* of the source */
    struct names their_envelopes, their_marks; /* of the target */
};

struct copy_small *copy_small_new(struct repo *from, struct store *to, struct error *e)
{
    struct copy_small *c = calloc(1, sizeof *c);
    if (!c) {
        (void)error_memory(e, "list of small objects");
        return NULL;
    }
    struct store *source = repo_store(from);
    c->from = from;
    c->to = to;
    if (names_list(&c->envelopes, source, "envelopes/", e) == 0 &&
        names_list(&c->marks, source, "marks/", e) == 0 &&
        names_list(&c->their_envelopes, to, "envelopes/", e) == 0 &&
        names_list(&c->their_marks, to, "marks/", e) == 0)
        return c;
    copy_small_free(c);
    return NULL;
}

void copy_small_free(struct copy_small *c)
{
    if (!c)
        return;
    names_done(&c->envelopes);
    names_done(&c->marks);
    names_done(&c->their_envelopes);
    names_done(&c->their_marks);
    free(c);
}

#define STAYS 1

/* Is it an envelope of this backup? */
static int check_envelope(const struct copy_small *c, const uint8_t *backup_id,
                          const char *name, struct bytes raw, struct error *e)
{
    struct envelope_head head;
    (void)name;
    if (raw.len != ENVELOPE_LEN)
        return error_set(e, ERROR_CORRUPT, "%zu bytes, expected %d", raw.len, ENVELOPE_LEN);
    if (envelope_parse(raw, &head, e) < 0)
        return -1;
    if (memcmp(head.repository_id, repo_id(c->from), FORMAT_ID_LEN) != 0 ||
        memcmp(head.backup_id, backup_id, FORMAT_ID_LEN) != 0)
        return error_set(e, ERROR_CORRUPT, "an envelope of another backup");
    return 0;
}

/* Does this mark travel? STAYS: it is about the source alone. */
static int check_mark(const struct copy_small *c, const uint8_t *backup_id, const char *name,
                      struct bytes raw, struct error *e)
{
    struct mark m;
    (void)backup_id; /* stands in the name, which is checked */
    if (marks_read(c->from, raw, name, &m, e) < 0)
        return -1;
    int rc = m.of_replica ? STAYS : 0;
    marks_done(&m);
    return rc;
}

typedef int checker(const struct copy_small *c, const uint8_t *backup_id, const char *name,
                    struct bytes raw, struct error *e);

/* 0, or STAYS when it is not copied. */
static int send_one(struct copy_small *c, const char *name, const uint8_t *backup_id,
                    checker *check, struct error *e)
{
    struct buf raw = {0};
    struct error why = {0};
    int rc = store_get(repo_store(c->from), name, 0, MAX_MARK, &raw, e);
    if (rc == STORE_ABSENT) { /* removed since it was listed */
        rc = STAYS;
    } else if (rc == 0) {
        rc = check(c, backup_id, name, buf_view(&raw), &why);
        if (rc < 0 && (why.kind == ERROR_CORRUPT || why.kind == ERROR_UNSUPPORTED)) {
            log_warning("%s is not copied: %s", name, why.text);
            rc = STAYS;
        } else if (rc < 0) {
            *e = why;
        }
    }
    if (rc == 0)
        rc = store_put(c->to, name, buf_view(&raw), e);
    buf_done(&raw);
    return rc;
}

/* One folder; what is there already has the same content. */
static int send_all(struct copy_small *c, const struct names *ours, const struct names *theirs,
                    const uint8_t *backup_id, uint64_t *copied, struct error *e)
{
    bool envelopes = ours == &c->envelopes;
    char hex[2 * FORMAT_ID_LEN + 1];
    char prefix[FORMAT_NAME_MAX];
    str_hex(hex, backup_id, FORMAT_ID_LEN);
    (void)snprintf(prefix, sizeof prefix, "%s/%s-", envelopes ? "envelopes" : "marks", hex);
    for (size_t i = names_from(ours, prefix); i < ours->count; i++) {
        const char *name = names_at(ours, i);
        if (!str_starts(name, prefix))
            return 0;
        if (names_has(theirs, name))
            continue;
        int rc = send_one(c, name, backup_id, envelopes ? check_envelope : check_mark, e);
        if (rc < 0)
            return -1;
        *copied += rc == 0;
    }
    return 0;
}

int copy_small_send(struct copy_small *c, const uint8_t backup_id[FORMAT_ID_LEN],
                    uint64_t *copied, struct error *e)
{
    if (send_all(c, &c->envelopes, &c->their_envelopes, backup_id, copied, e) < 0)
        return -1;
    return send_all(c, &c->marks, &c->their_marks, backup_id, copied, e);
}
