/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/row_store.h"

#include <stdlib.h>

#include "core/base/log.h"

struct row_store {
    const struct session *session;
    struct row_state *state; /* NULL: nothing is known of last night */
    struct row_state_draft *draft;
    /* The table that is open. */
    struct row_state_draft_table *table;
    uint32_t generation, waited;
};

struct row_store *row_store_new(const char *path, const struct row_state_id *id,
                                const struct session *session, struct error *e)
{
    struct row_store *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "row store");
        return NULL;
    }
    struct error why = {0};
    s->session = session;
    if (row_state_open(path, id, &s->state, &why) < 0)
        log_warning("the row state cannot be used, so more will be stored: %s", why.text);
    s->draft = row_state_draft_new(path, id, &why);
    if (!s->draft)
        log_warning("no row state is kept, so the next backup will store more: %s", why.text);
    return s;
}

void row_store_free(struct row_store *s)
{
    if (!s)
        return;
    row_state_close(s->state);
    row_state_draft_free(s->draft);
    free(s);
}

bool row_store_has_base(const struct row_store *s)
{
    return s->state;
}

/* Tonight's columns against last night's. Answers PROJECTION_LOST when the base is of no use;
 * else *shape is what copied rows pass through, or NULL. */
static int find_shape(const struct row_state_table *t, const char *copy,
                      struct projection_shape **shape, struct error *e)
{
    struct projection_shape *s = calloc(1, sizeof *s);
    *shape = NULL;
    if (!s)
        return error_memory(e, "columns of a table");
    int rc = projection_match(bytes_text(t->copy), bytes_text(copy), s, e);
    if (rc == 0) {
        *shape = s;
        return 0;
    }
    projection_shape_done(s);
    free(s);
    return rc == PROJECTION_SAME ? 0 : rc;
}

static int find_base(struct row_store *s, const struct entry *entry, const char *copy,
                     struct recipe_out_options *out, struct error *e)
{
    const char *schema = entry->schema ? entry->schema : "";
    const struct row_state_table *t =
        row_state_find(s->state, schema, entry->name, entry->oid, true);
    char name[ENTRY_TEXT];
    if (!t || t->rows == 0)
        return 0;
    entry_text(entry, name);
    int rc = find_shape(t, copy, &out->shape, e);
    if (rc == PROJECTION_LOST) {
        log_info("%s has lost columns: it is stored anew", name);
        return 0;
    }
    if (rc < 0)
        return -1;
    out->base = row_base_new(s->state, t, s->session, e);
    if (out->base) {
        s->generation = t->generation + 1;
        s->waited = t->waited;
        return 0;
    }
    if (out->shape)
        projection_shape_done(out->shape);
    free(out->shape);
    out->shape = NULL;
    if (e->kind != ERROR_CORRUPT)
        return -1;
    log_warning("%s: its row state cannot be used, so it is stored anew: %s", name, e->text);
    error_clear(e);
    return 0;
}

int row_store_begin(struct row_store *s, const struct entry *entry, const char *copy,
                    struct recipe_out_options *out, struct error *e)
{
    *out = (struct recipe_out_options){.draft = s->draft};
    s->generation = 1;
    s->waited = 0;
    s->table = NULL;
    if (s->state && find_base(s, entry, copy, out, e) < 0)
        return -1;
    if (s->draft) {
        const struct row_state_table t = {.schema = entry->schema ? entry->schema : "",
                                          .name = entry->name,
                                          .oid = entry->oid,
                                          .copy = copy};
        out->table = s->table = row_state_draft_begin(s->draft, &t);
    }
    return 0;
}

void row_store_end(struct row_store *s, const struct rows_out_totals *totals)
{
    struct row_state_table t = {
        .generation = s->generation, .waited = s->waited, .taken = totals->taken};
    if (totals->differs)
        t.waited = totals->kept_old ? s->waited + 1 : 0;
    memcpy(t.digest, totals->digest, sizeof t.digest);
    log_debug("%llu rows: %llu new, %llu renewed", (unsigned long long)totals->rows,
              (unsigned long long)totals->taken, (unsigned long long)totals->renewed);
    if (s->draft)
        row_state_draft_end(s->draft, s->table, &t);
}

void row_store_commit(struct row_store *s, const uint8_t backup_id[FORMAT_ID_LEN],
                      const uint8_t manifest_sha256[FORMAT_HASH_LEN],
                      const struct closure *closure)
{
    struct error why = {0};
    if (s->draft &&
        row_state_draft_commit(s->draft, backup_id, manifest_sha256, closure, &why) < 0)
        log_warning("no row state was kept, so the next backup will store more: %s", why.text);
}
