/* SPDX-License-Identifier: Apache-2.0 */
/* Tonight's file. Hashes go straight into it; recipes, which lag behind, into a nameless file
 * beside it, which is copied behind the hashes at the end. Each thread has its own half of the
 * draft and of a table, so that they need no lock; what both look at is whether the draft is
 * given up, and then each closes its file at once: the disk may be full. */
#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/failpoint.h"
#include "core/base/file.h"
#include "core/job/row_state_wire.h"

enum { BUFFER = 256 << 10, BEHIND = 8 << 20 };

struct row_state_draft_table {
    struct row_state_draft_table *next;
    /* The first thread's. */
    struct buf texts; /* as they stand in the index */
    struct buf tags;
    uint64_t offset; /* of the hashes */
    uint64_t rows;
    uint32_t generation;
    uint32_t absent, waited;
    uint64_t taken;
    uint8_t digest[FORMAT_HASH_LEN];
    struct row_hash_state block, leaf; /* the tags to come */
    size_t block_len, leaf_len;
    bool ended, lost;
    /* The second thread's. */
    struct buf recipes; /* as they stand in the index, with offsets in the nameless file */
    uint32_t recipe_count;
    uint64_t covered; /* rows */
    bool recipes_lost;
};

/* What one thread writes. */
struct half {
    int fd;           /* -1: given up */
    struct buf held;  /* not yet written */
    uint64_t written; /* bytes before held */
    struct error why;
};

struct row_state_draft {
    struct row_state_id id;
    uint8_t key[ROW_HASH_KEY_LEN];
    atomic_bool failed;
    /* The first thread's. */
    struct file_draft file;
    struct half hashes;
    size_t tagged;   /* bytes at the front of hashes.held that are in a tag */
    uint64_t behind; /* bytes of the file that the system was told to write */
    struct row_state_draft_table *first, *last;
    struct row_state_draft_table *open; /* between begin and end */
    /* The second thread's. */
    struct half recipes;
};

/* ---- both halves ---- */

/* Is the draft given up? Then so is the space that the hashes took. */
static bool hashes_failed(struct row_state_draft *d)
{
    if (!atomic_load(&d->failed))
        return false;
    file_draft_abort(&d->file);
    d->hashes.fd = -1;
    return true;
}

static bool recipes_failed(struct row_state_draft *d)
{
    if (!atomic_load(&d->failed))
        return false;
    if (d->recipes.fd >= 0)
        (void)close(d->recipes.fd);
    d->recipes.fd = -1;
    return true;
}

static int write_held(struct half *h, struct error *e)
{
    if (failpoint_hit("write") < 0)
        return error_system(e, "write of %zu bytes", h->held.len);
    if (file_write_full(h->fd, buf_view(&h->held), e) < 0)
        return -1;
    h->written += h->held.len;
    h->held.len = 0;
    return 0;
}

/* ---- the first thread ---- */

static void end_leaf(struct row_state_draft_table *t)
{
    uint8_t tag[ROW_STATE_WIRE_TAG];
    row_state_wire_tag(&t->leaf, tag);
    row_hash_add(&t->block, tag, sizeof tag);
    t->leaf_len = 0;
}

/* Whole leaves at once; what is cut where held ends, piece by piece. Answers the bytes. */
static size_t tag_leaves(const struct row_state_draft *d, struct row_state_draft_table *t,
                         struct bytes data)
{
    size_t n = data.len / ROW_STATE_WIRE_LEAF * ROW_STATE_WIRE_LEAF;
    if (t->leaf_len == 0 && n > 0) {
        row_state_wire_leaves(d->key, bytes_of(data.data, n), &t->block);
        return n;
    }
    if (t->leaf_len == 0)
        row_hash_begin(&t->leaf, d->key);
    n = ROW_STATE_WIRE_LEAF - t->leaf_len;
    n = n < data.len ? n : data.len;
    row_hash_add(&t->leaf, data.data, n);
    t->leaf_len += n;
    if (t->leaf_len == ROW_STATE_WIRE_LEAF)
        end_leaf(t);
    return n;
}

static void end_block(const struct row_state_draft *d, struct row_state_draft_table *t)
{
    uint8_t tag[ROW_STATE_WIRE_TAG];
    struct error e;
    if (t->leaf_len > 0)
        end_leaf(t);
    row_state_wire_tag(&t->block, tag);
    t->lost = t->lost || buf_append(&t->tags, tag, sizeof tag, &e) < 0;
    row_hash_begin(&t->block, d->key);
    t->block_len = 0;
}

/* Give the hashes in held that have none yet their tags. */
static void tag_held(struct row_state_draft *d)
{
    struct row_state_draft_table *t = d->open;
    while (d->tagged < d->hashes.held.len) {
        size_t n = d->hashes.held.len - d->tagged;
        if (n > ROW_STATE_WIRE_BLOCK - t->block_len)
            n = ROW_STATE_WIRE_BLOCK - t->block_len;
        n = tag_leaves(d, t, bytes_of(d->hashes.held.data + d->tagged, n));
        d->tagged += n;
        t->block_len += n;
        if (t->block_len == ROW_STATE_WIRE_BLOCK)
            end_block(d, t);
    }
}

static void flush_hashes(struct row_state_draft *d)
{
    if (hashes_failed(d))
        return;
    if (write_held(&d->hashes, &d->hashes.why) < 0) {
        (void)error_wrap(&d->hashes.why, "%s", d->file.temporary);
        atomic_store(&d->failed, true);
        (void)hashes_failed(d);
        return;
    }
    d->tagged = 0;
    if (d->hashes.written - d->behind >= BEHIND) {
        file_write_behind(d->hashes.fd, d->behind, d->hashes.written - d->behind);
        d->behind = d->hashes.written;
    }
}

/* Append to the file; held has room for BUFFER bytes. */
static void put(struct row_state_draft *d, const uint8_t *data, size_t len)
{
    struct buf *held = &d->hashes.held;
    while (len > 0 && d->hashes.fd >= 0) {
        size_t n = BUFFER - held->len;
        if (n > len)
            n = len;
        memcpy(held->data + held->len, data, n);
        held->len += n;
        data += n;
        len -= n;
        if (held->len < BUFFER)
            break;
        tag_held(d);
        flush_hashes(d);
    }
}

static int write_text(struct buf *b, const char *text, struct error *e)
{
    size_t len = strlen(text);
    return buf_varint(b, len, e) < 0 ? -1 : buf_append(b, text, len + 1, e);
}

struct row_state_draft_table *row_state_draft_begin(struct row_state_draft *d,
                                                    const struct row_state_table *t)
{
    struct error e;
    struct row_state_draft_table *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    if (write_text(&n->texts, t->schema, &e) < 0 || write_text(&n->texts, t->name, &e) < 0 ||
        write_text(&n->texts, t->oid, &e) < 0 || write_text(&n->texts, t->copy, &e) < 0) {
        buf_done(&n->texts);
        free(n);
        return NULL;
    }
    n->offset = d->hashes.written + d->hashes.held.len;
    row_hash_begin(&n->block, d->key);
    if (d->last)
        d->last->next = n;
    else
        d->first = n;
    d->last = d->open = n;
    d->tagged = d->hashes.held.len;
    return n;
}

void row_state_draft_hashes(struct row_state_draft *d, struct row_state_draft_table *t,
                            const uint8_t *hashes, size_t count)
{
    if (!t)
        return;
    assert(t == d->open);
    t->rows += count;
    put(d, hashes, count * ROW_STATE_HASH_LEN);
}

void row_state_draft_end(struct row_state_draft *d, struct row_state_draft_table *t,
                         const struct row_state_table *totals)
{
    if (!t)
        return;
    assert(t == d->open);
    tag_held(d);
    d->open = NULL;
    if (t->block_len > 0)
        end_block(d, t);
    t->generation = totals->generation;
    t->absent = totals->absent;
    t->waited = totals->waited;
    t->taken = totals->taken;
    memcpy(t->digest, totals->digest, sizeof t->digest);
    t->ended = true;
}

/* ---- the second thread ---- */

static void flush_recipes(struct row_state_draft *d)
{
    if (recipes_failed(d) || write_held(&d->recipes, &d->recipes.why) == 0)
        return;
    (void)error_wrap(&d->recipes.why, "recipes of row states");
    atomic_store(&d->failed, true);
    (void)recipes_failed(d);
}

/* The recipe's bytes into held, and its place into the table. */
static int add_recipe(struct row_state_draft *d, struct row_state_draft_table *t,
                      const struct row_state_recipe *r)
{
    struct buf *held = &d->recipes.held;
    uint8_t tag[ROW_STATE_WIRE_TAG];
    struct error e;
    size_t before = held->len;
    if (row_state_recipe_write(r, held, &e) < 0 || held->len - before > UINT32_MAX)
        return -1;
    struct bytes raw = bytes_of(held->data + before, held->len - before);
    row_state_wire_tag_of(d->key, raw, tag);
    if (buf_u64(&t->recipes, d->recipes.written + before, &e) < 0 ||
        buf_u32(&t->recipes, (uint32_t)raw.len, &e) < 0 ||
        buf_u64(&t->recipes, r->first_row, &e) < 0)
        return -1;
    return buf_append(&t->recipes, tag, sizeof tag, &e);
}

void row_state_draft_recipe(struct row_state_draft *d, struct row_state_draft_table *t,
                            const struct row_state_recipe *r)
{
    if (!t || t->recipes_lost || d->recipes.fd < 0)
        return;
    size_t before = d->recipes.held.len;
    if (r->first_row != t->covered || add_recipe(d, t, r) < 0) {
        d->recipes.held.len = before;
        t->recipes_lost = true;
        return;
    }
    t->covered += r->resolved.rows;
    t->recipe_count++;
    if (d->recipes.held.len >= BUFFER)
        flush_recipes(d);
}

/* ---- the end ---- */

static bool is_whole(const struct row_state_draft_table *t)
{
    return t->ended && !t->lost && !t->recipes_lost && t->covered == t->rows;
}

/* The recipes of t, moved to where they lie in the file now. */
static int index_recipes(const struct row_state_draft_table *t, uint64_t moved, struct buf *b,
                         struct error *e)
{
    if (buf_varint(b, t->recipe_count, e) < 0)
        return -1;
    size_t at = b->len;
    if (buf_append(b, t->recipes.data, t->recipes.len, e) < 0)
        return -1;
    for (; at < b->len; at += ROW_STATE_WIRE_RECIPE) {
        struct cursor c = cursor_of(bytes_of(b->data + at, 8));
        buf_store_u64(b->data + at, cursor_u64(&c) + moved);
    }
    return 0;
}

static int index_table(const struct row_state_draft_table *t, uint64_t moved, struct buf *b,
                       struct error *e)
{
    if (buf_append(b, t->texts.data, t->texts.len, e) < 0 || buf_varint(b, t->rows, e) < 0 ||
        buf_varint(b, t->generation, e) < 0 || buf_varint(b, t->absent, e) < 0 ||
        buf_varint(b, t->waited, e) < 0 || buf_varint(b, t->taken, e) < 0 ||
        buf_append(b, t->digest, sizeof t->digest, e) < 0 || buf_varint(b, t->offset, e) < 0 ||
        buf_append(b, t->tags.data, t->tags.len, e) < 0)
        return -1;
    return index_recipes(t, moved, b, e);
}

static int index_tables(const struct row_state_draft *d, uint64_t moved, struct buf *b,
                        struct error *e)
{
    uint64_t count = 0;
    for (const struct row_state_draft_table *t = d->first; t; t = t->next)
        count += is_whole(t);
    int rc = buf_varint(b, count, e);
    for (const struct row_state_draft_table *t = d->first; t && rc == 0; t = t->next)
        if (is_whole(t))
            rc = index_table(t, moved, b, e);
    return rc;
}

/* What the index begins with. */
static int index_head(const struct row_state_draft *d, const uint8_t *backup_id,
                      const uint8_t *manifest_sha256, const struct closure *closure,
                      struct buf *b, struct error *e)
{
    struct buf packs = {0};
    int rc = -1;
    if (closure_write(closure, &packs, e) == 0 &&
        buf_append(b, d->id.repository_id, FORMAT_ID_LEN, e) == 0 &&
        buf_append(b, d->id.domain_id, FORMAT_ID_LEN, e) == 0 &&
        buf_append(b, d->id.source_mac, FORMAT_HASH_LEN, e) == 0 &&
        buf_append(b, backup_id, FORMAT_ID_LEN, e) == 0 &&
        buf_append(b, manifest_sha256, FORMAT_HASH_LEN, e) == 0 &&
        buf_varint(b, packs.len, e) == 0)
        rc = buf_append(b, packs.data, packs.len, e);
    buf_done(&packs);
    return rc;
}

static int write_header(struct buf *b, struct error *e)
{
    if (buf_append(b, ROW_STATE_WIRE_MAGIC, FORMAT_MAGIC_LEN, e) < 0 ||
        buf_u32(b, ROW_STATE_WIRE_VERSION, e) < 0)
        return -1;
    return buf_u32(b, 0, e);
}

/* The footer behind the index that b holds, which will stand at offset. */
static int write_footer(const struct row_state_draft *d, uint64_t offset, struct buf *b,
                        struct error *e)
{
    struct buf header = {0};
    uint8_t tag[ROW_STATE_WIRE_TAG];
    size_t len = b->len;
    int rc = -1;
    if (write_header(&header, e) == 0 && buf_u64(b, offset, e) == 0 &&
        buf_u64(b, len, e) == 0) {
        row_state_wire_seal(d->key, buf_view(&header), bytes_of(b->data, len), b->data + len,
                            tag);
        rc = buf_append(b, tag, sizeof tag, e);
    }
    buf_done(&header);
    return rc < 0 ? -1 : buf_append(b, ROW_STATE_WIRE_MAGIC, FORMAT_MAGIC_LEN, e);
}

/* The recipes behind the hashes; *moved is where their first byte is then. */
static int copy_recipes(struct row_state_draft *d, uint64_t *moved, struct error *e)
{
    uint64_t at = 0;
    *moved = d->hashes.written;
    while (at < d->recipes.written) {
        struct buf *held = &d->hashes.held;
        if (file_read_at(d->recipes.fd, at, held->data, BUFFER, &held->len, e) < 0)
            return -1;
        if (held->len == 0)
            return error_set(e, ERROR_IO, "recipes end at byte %" PRIu64 " of %" PRIu64, at,
                             d->recipes.written);
        at += held->len;
        if (write_held(&d->hashes, e) < 0)
            return -1;
    }
    return 0;
}

/* The rest of the file. */
static int write_rest(struct row_state_draft *d, struct buf *index, struct error *e)
{
    uint64_t moved;
    if (write_held(&d->hashes, e) < 0 || write_held(&d->recipes, e) < 0 ||
        copy_recipes(d, &moved, e) < 0 || index_tables(d, moved, index, e) < 0 ||
        write_footer(d, d->hashes.written, index, e) < 0)
        return -1;
    if (failpoint_hit("write") < 0)
        return error_system(e, "write of %zu bytes", index->len);
    return file_write_full(d->hashes.fd, buf_view(index), e);
}

int row_state_draft_commit(struct row_state_draft *d, const uint8_t backup_id[FORMAT_ID_LEN],
                           const uint8_t manifest_sha256[FORMAT_HASH_LEN],
                           const struct closure *closure, struct error *e)
{
    struct buf index = {0};
    int rc = -1;
    if (hashes_failed(d)) {
        const struct error *why =
            d->hashes.why.kind != ERROR_NONE ? &d->hashes.why : &d->recipes.why;
        if (e)
            *e = *why;
    } else if (index_head(d, backup_id, manifest_sha256, closure, &index, e) < 0 ||
               write_rest(d, &index, e) < 0) {
        (void)error_wrap(e, "row state");
    } else {
        rc = file_draft_commit(&d->file, e);
        d->hashes.fd = -1;
    }
    buf_done(&index);
    return rc;
}

struct row_state_draft *row_state_draft_new(const char *path, const struct row_state_id *id,
                                            struct error *e)
{
    struct row_state_draft *d = calloc(1, sizeof *d);
    if (!d) {
        (void)error_memory(e, "row state");
        return NULL;
    }
    d->file.fd = d->hashes.fd = d->recipes.fd = -1;
    d->id = *id;
    atomic_init(&d->failed, false);
    row_state_wire_key(id, d->key);
    file_draft_sweep(path);
    d->recipes.fd = file_temporary(path, e);
    if (d->recipes.fd >= 0)
        d->hashes.fd = file_draft_begin(&d->file, path, 0600, e);
    if (d->hashes.fd >= 0 && buf_reserve(&d->hashes.held, BUFFER, e) == 0 &&
        write_header(&d->hashes.held, e) == 0)
        return d;
    row_state_draft_free(d);
    return NULL;
}

static void free_table(struct row_state_draft_table *t)
{
    buf_done(&t->texts);
    buf_done(&t->tags);
    buf_done(&t->recipes);
    free(t);
}

void row_state_draft_free(struct row_state_draft *d)
{
    if (!d)
        return;
    file_draft_abort(&d->file);
    if (d->recipes.fd >= 0)
        (void)close(d->recipes.fd);
    for (struct row_state_draft_table *t = d->first, *next; t; t = next) {
        next = t->next;
        free_table(t);
    }
    buf_done(&d->hashes.held);
    buf_done(&d->recipes.held);
    explicit_bzero(d->key, sizeof d->key);
    explicit_bzero(&d->id, sizeof d->id);
    free(d);
}
