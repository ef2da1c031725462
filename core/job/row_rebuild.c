/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/row_rebuild.h"

#include <stdlib.h>

#include "core/base/str.h"
#include "core/dump/dump_reader.h"
#include "core/job/recipe_in.h"
#include "core/job/restore.h"
#include "core/job/row_rehash.h"

/* The rows are read as for `cat`, checked against the manifest on the way. */

struct rebuild {
    const struct row_rebuild_options *o;
    struct row_state_draft *draft;
    struct restore *restore;
    struct fetch *fetch;
    struct recipe_in *recipes;
    uint8_t row_key[ROW_HASH_KEY_LEN];
    char **copies; /* COPY statements of the TOC entries with data; NULL: none */
    size_t copy_count, copy_cap;
    uint32_t *generations; /* of each pack of the closure */
    uint32_t generation_count;
    uint32_t place; /* of the entry in the table */
    /* The table that is open. */
    struct row_state_draft_table *table;
    struct row_rehash rehash;
};

/* ---- rows ---------------------------------------------------------------------------- */

static int put_hashes(void *arg, const uint8_t *hashes, size_t count, struct error *e)
{
    const struct rebuild *b = arg;
    (void)e;
    row_state_draft_hashes(b->draft, b->table, hashes, count);
    return 0;
}

/* ---- recipes ------------------------------------------------------------------------- */

/* Generations are numbered by the backups that made the chunks, in the order of their first
 * pack in the closure: which is older does not matter, only which belong together. */
static int number_packs(struct rebuild *b, struct error *e)
{
    const struct closure *c = &b->o->manifest->closure;
    b->generations = calloc(c->count + 1, sizeof *b->generations);
    size_t *first = calloc(c->count + 1, sizeof *first); /* pack of each owner */
    if (!b->generations || !first) {
        free(first);
        return error_memory(e, "packs of a backup");
    }
    for (size_t i = 0; i < c->count; i++) {
        uint32_t n = 0;
        while (n < b->generation_count &&
               memcmp(c->packs[first[n]].owner, c->packs[i].owner, FORMAT_ID_LEN) != 0)
            n++;
        if (n == b->generation_count)
            first[b->generation_count++] = i;
        b->generations[i] = n + 1;
    }
    free(first);
    return 0;
}

static uint32_t generation(const struct rebuild *b, const uint8_t pack_id[FORMAT_ID_LEN])
{
    const struct closure *c = &b->o->manifest->closure;
    const struct closure_pack *pack = closure_find(c, pack_id);
    return pack ? b->generations[pack - c->packs] : 1;
}

static int add_recipe(struct rebuild *b, const struct ref *ref, uint64_t *first_row,
                      struct error *e)
{
    const struct recipe *resolved;
    if (recipe_in_load(b->recipes, ref, FORMAT_STREAM_ROWS, &resolved, e) < 0)
        return -1;
    struct row_state_recipe r = {.ref = *ref, .first_row = *first_row, .resolved = *resolved};
    r.depth = recipe_in_chain(b->recipes, r.chain_packs);
    r.generations = calloc((size_t)resolved->count + 1, sizeof *r.generations);
    if (!r.generations)
        return error_memory(e, "chunks of a table");
    for (uint32_t i = 0; i < resolved->count; i++)
        r.generations[i] = generation(b, resolved->chunks[i].ref.pack_id);
    row_state_draft_recipe(b->draft, b->table, &r);
    *first_row += resolved->rows;
    free(r.generations);
    return 0;
}

static int add_table(struct rebuild *b, const struct entry *entry, const char *copy,
                     struct error *e)
{
    const struct row_state_table t = {.schema = entry->schema ? entry->schema : "",
                                      .name = entry->name,
                                      .oid = entry->oid,
                                      .copy = copy};
    struct row_state_table totals = {.generation = b->generation_count};
    uint64_t first_row = 0;
    memcpy(totals.digest, entry->payload.parts[0].digest, sizeof totals.digest);
    b->table = row_state_draft_begin(b->draft, &t);
    if (restore_rows(b->restore, entry, e) < 0 || row_rehash_flush(&b->rehash, e) < 0)
        return -1;
    for (uint32_t i = 0; i < entry->payload.parts[0].recipe_count; i++)
        if (add_recipe(b, &entry->payload.parts[0].recipes[i], &first_row, e) < 0)
            return -1;
    row_state_draft_end(b->draft, b->table, &totals);
    return 0;
}

static int visit(void *arg, const struct entry *entry, struct error *e)
{
    struct rebuild *b = arg;
    uint32_t place = entry->place == ENTRY_OWN_PLACE ? b->place : entry->place;
    b->place++;
    if (entry->payload.kind != FORMAT_STREAM_ROWS || entry->payload.part_count != 1 ||
        place >= b->copy_count || !b->copies[place])
        return 0;
    return add_table(b, entry, b->copies[place], e);
}

/* ---- members ------------------------------------------------------------------------- */

static void forget_copies(struct rebuild *b)
{
    for (size_t i = 0; i < b->copy_count; i++)
        free(b->copies[i]);
    b->copy_count = 0;
}

static int keep_copy(struct rebuild *b, const struct dump_entry *entry, struct error *e)
{
    if (b->copy_count == b->copy_cap) {
        size_t cap = b->copy_cap ? b->copy_cap * 2 : 64;
        char **copies = reallocarray(b->copies, cap, sizeof *copies);
        if (!copies)
            return error_memory(e, "COPY statements");
        b->copies = copies;
        b->copy_cap = cap;
    }
    char *copy = NULL;
    if (entry->copy.data && entry->copy.len > 0 && !(copy = str_copy_bytes(entry->copy, e)))
        return -1;
    b->copies[b->copy_count++] = copy;
    return 0;
}

static int read_toc(struct rebuild *b, struct bytes toc, struct error *e)
{
    struct dump_reader *reader = dump_reader_new(NULL, e);
    struct dump_event ev = {0};
    int rc = reader ? 0 : -1;
    forget_copies(b);
    while (rc == 0 && ev.type != DUMP_TOC_END) {
        rc = dump_reader_step(reader, &toc, false, &ev, e);
        if (rc > 0)
            rc = error_set(e, ERROR_CORRUPT, "the stored TOC is cut");
        if (rc == 0 && ev.type == DUMP_ENTRY && ev.entry->has_data)
            rc = keep_copy(b, ev.entry, e);
    }
    dump_reader_free(reader);
    return rc;
}

static int read_member(struct rebuild *b, const struct member *m, struct error *e)
{
    struct buf toc = {0};
    if (m->kind != FORMAT_MEMBER_DUMP)
        return 0;
    b->place = 0;
    int rc = restore_toc(b->restore, m, &toc, e);
    if (rc == 0)
        rc = read_toc(b, buf_view(&toc), e);
    buf_done(&toc);
    return rc == 0 ? restore_entries(b->restore, m, visit, b, e) : -1;
}

static int read_all(struct rebuild *b, struct error *e)
{
    const struct manifest *m = b->o->manifest;
    const struct restore_options options = {
        .repo = b->o->repo,
        .manifest = m,
        .workers = b->o->workers,
        .write = row_rehash_add,
        .write_arg = &b->rehash,
        .stop = b->o->stop,
    };
    const struct fetch_options fetch = {.repo = b->o->repo,
                                        .closure = &m->closure,
                                        .chunk_id_key =
                                            &repo_bundle(b->o->repo)->domain.chunk_id};
    b->restore = restore_new(&options, e);
    b->fetch = b->restore ? fetch_new(&fetch, e) : NULL;
    b->recipes = b->fetch ? recipe_in_new(b->fetch, e) : NULL;
    if (!b->recipes || number_packs(b, e) < 0)
        return -1;
    for (uint32_t i = 0; i < m->private_part.member_count; i++)
        if (read_member(b, &m->private_part.members[i], e) < 0)
            return -1;
    return row_state_draft_commit(b->draft, m->backup_id, m->digest, &m->closure, e);
}

int row_rebuild(const struct row_rebuild_options *o, const char *path,
                const struct row_state_id *id, struct error *e)
{
    struct rebuild *b = calloc(1, sizeof *b);
    if (!b)
        return error_memory(e, "row state");
    b->o = o;
    memcpy(b->row_key, id->key, sizeof b->row_key);
    b->rehash = (struct row_rehash){.key = b->row_key, .put = put_hashes, .arg = b};
    b->draft = row_state_draft_new(path, id, e);
    int rc = b->draft ? read_all(b, e) : -1;
    row_state_draft_free(b->draft);
    recipe_in_free(b->recipes);
    restore_free(b->restore);
    fetch_free(b->fetch);
    forget_copies(b);
    free(b->copies);
    free(b->generations);
    row_rehash_done(&b->rehash);
    explicit_bzero(b->row_key, sizeof b->row_key);
    free(b);
    return rc;
}
