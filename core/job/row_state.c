/* SPDX-License-Identifier: Apache-2.0 */
/* Last night's file. Opening reads and checks the index only: texts and tags stay where they
 * are in the mapping, a table costs its entry. Names are found in arrays that are sorted once.
 * What takes room, the hashes, is read from front to back and let go behind the reader. */
#include <inttypes.h>
#include <stdlib.h>

#include "core/job/row_state_wire.h"

/* A table in the index takes at least four empty texts, five varints and its digest. */
#define TABLE_MIN (4 * 2 + 5 + FORMAT_HASH_LEN)
#define STEP (4 * MIB)

/* ---- the index ---- */

static bool read_text(struct cursor *c, const char **out)
{
    uint64_t len = cursor_varint(c);
    if (c->bad || len >= c->left.len)
        return false;
    struct bytes text = cursor_bytes(c, (size_t)len + 1);
    *out = (const char *)text.data;
    return memchr(text.data, '\0', text.len) == text.data + len;
}

/* Do these bytes lie between header and index? */
static bool is_inside(const struct row_state *s, uint64_t offset, uint64_t len)
{
    return offset >= ROW_STATE_WIRE_HEADER && offset <= s->index && len <= s->index - offset;
}

static bool read_hashes(const struct row_state *s, struct cursor *c, struct row_state_entry *n)
{
    uint64_t offset = cursor_varint(c);
    if (c->bad || n->table.rows > s->index / ROW_STATE_HASH_LEN)
        return false;
    uint64_t len = n->table.rows * ROW_STATE_HASH_LEN;
    uint64_t blocks = len / ROW_STATE_WIRE_BLOCK + (len % ROW_STATE_WIRE_BLOCK > 0);
    if (!is_inside(s, offset, len) || blocks > c->left.len / ROW_STATE_WIRE_TAG)
        return false;
    n->hashes = bytes_of(s->image.data + offset, (size_t)len);
    n->tags = cursor_bytes(c, (size_t)blocks * ROW_STATE_WIRE_TAG);
    return true;
}

/* The recipes follow one another from row 0 on; what they hold is checked when one is read. */
static bool recipes_fit(const struct row_state *s, const struct row_state_entry *n)
{
    struct cursor c = cursor_of(n->recipes);
    uint64_t row = 0;
    for (uint32_t i = 0; i < n->table.recipe_count; i++) {
        uint64_t offset = cursor_u64(&c);
        uint32_t len = cursor_u32(&c);
        uint64_t first = cursor_u64(&c);
        (void)cursor_bytes(&c, ROW_STATE_WIRE_TAG);
        if (!is_inside(s, offset, len) || first < row || first > n->table.rows ||
            (i == 0 && first > 0))
            return false;
        row = first;
    }
    return n->table.recipe_count > 0 || n->table.rows == 0;
}

static bool read_table(const struct row_state *s, struct cursor *c, struct row_state_entry *n)
{
    struct row_state_table *t = &n->table;
    if (!read_text(c, &t->schema) || !read_text(c, &t->name) || !read_text(c, &t->oid) ||
        !read_text(c, &t->copy))
        return false;
    t->rows = cursor_varint(c);
    uint64_t generation = cursor_varint(c);
    t->generation = (uint32_t)generation;
    t->absent = (uint32_t)cursor_varint(c);
    t->waited = (uint32_t)cursor_varint(c);
    t->taken = cursor_varint(c);
    cursor_copy(c, t->digest, sizeof t->digest);
    if (!read_hashes(s, c, n))
        return false;
    uint64_t recipes = cursor_varint(c);
    if (c->bad || generation > UINT32_MAX || recipes > UINT32_MAX ||
        recipes > c->left.len / ROW_STATE_WIRE_RECIPE)
        return false;
    t->recipe_count = (uint32_t)recipes;
    n->recipes = cursor_bytes(c, (size_t)recipes * ROW_STATE_WIRE_RECIPE);
    return recipes_fit(s, n);
}

static int read_tables(struct row_state *s, struct cursor *c, struct error *e)
{
    uint64_t count = cursor_varint(c);
    if (c->bad || count > c->left.len / TABLE_MIN || count > UINT32_MAX)
        return error_set(e, ERROR_CORRUPT, "%" PRIu64 " tables in %zu bytes", count,
                         c->left.len);
    s->entries = calloc((size_t)count + 1, sizeof *s->entries);
    if (!s->entries)
        return error_memory(e, "tables");
    for (; s->count < count; s->count++)
        if (!read_table(s, c, &s->entries[s->count]))
            return error_set(e, ERROR_CORRUPT, "table %zu is malformed", s->count);
    if (!cursor_ended(c))
        return error_set(e, ERROR_CORRUPT, "%zu bytes behind the last table", c->left.len);
    return 0;
}

static int read_id(struct cursor *c, const struct row_state_id *id, struct error *e)
{
    struct bytes repository = cursor_bytes(c, FORMAT_ID_LEN);
    struct bytes domain = cursor_bytes(c, FORMAT_ID_LEN);
    struct bytes source = cursor_bytes(c, FORMAT_HASH_LEN);
    if (!bytes_equal(repository, bytes_of(id->repository_id, FORMAT_ID_LEN)) ||
        !bytes_equal(domain, bytes_of(id->domain_id, FORMAT_ID_LEN)) ||
        !bytes_equal(source, bytes_of(id->source_mac, FORMAT_HASH_LEN)))
        return error_set(e, ERROR_CORRUPT, "of another repository, domain or source");
    return 0;
}

static int read_index(struct row_state *s, struct bytes index, const struct row_state_id *id,
                      struct error *e)
{
    struct cursor c = cursor_of(index);
    if (read_id(&c, id, e) < 0)
        return -1;
    s->backup = cursor_bytes(&c, FORMAT_ID_LEN).data;
    s->manifest = cursor_bytes(&c, FORMAT_HASH_LEN).data;
    uint64_t closure = cursor_varint(&c);
    if (c.bad || closure > c.left.len)
        return error_set(e, ERROR_CORRUPT, "index of %zu bytes is too short", index.len);
    if (closure_read(cursor_bytes(&c, (size_t)closure), &s->closure, e) < 0)
        return -1;
    return read_tables(s, &c, e);
}

static int check_header(const struct row_state *s, struct bytes header, struct error *e)
{
    if (row_state_wire_ready(s, header, e) < 0)
        return -1;
    struct cursor c = cursor_of(header);
    struct bytes magic = cursor_bytes(&c, FORMAT_MAGIC_LEN);
    uint32_t version = cursor_u32(&c);
    if (!bytes_equal(magic, bytes_text(ROW_STATE_WIRE_MAGIC)))
        return error_set(e, ERROR_CORRUPT, "not a file of row states");
    if (version != ROW_STATE_WIRE_VERSION)
        return error_set(e, ERROR_CORRUPT, "version %u, expected %d", version,
                         ROW_STATE_WIRE_VERSION);
    return 0;
}

/* Where the footer says that the index is, and the tag that it should have. */
static int read_footer(struct row_state *s, struct bytes footer, struct bytes *index,
                       struct bytes *tag, struct error *e)
{
    if (row_state_wire_ready(s, footer, e) < 0)
        return -1;
    struct cursor c = cursor_of(footer);
    s->index = cursor_u64(&c);
    uint64_t len = cursor_u64(&c);
    *tag = cursor_bytes(&c, ROW_STATE_WIRE_TAG);
    uint64_t end = s->image.len - footer.len;
    if (!bytes_equal(c.left, bytes_text(ROW_STATE_WIRE_MAGIC)) ||
        s->index < ROW_STATE_WIRE_HEADER || s->index > end || len != end - s->index)
        return error_set(e, ERROR_CORRUPT, "its end is malformed or cut off");
    *index = bytes_of(s->image.data + s->index, (size_t)len);
    return 0;
}

/* The index, whose tag is right. */
static int find_index(struct row_state *s, struct bytes *index, struct error *e)
{
    struct bytes image = s->image;
    struct bytes wanted = {0};
    uint8_t tag[ROW_STATE_WIRE_TAG];
    if (image.len < ROW_STATE_WIRE_HEADER + ROW_STATE_WIRE_FOOTER)
        return error_set(e, ERROR_CORRUPT, "%zu bytes are too few", image.len);
    struct bytes header = bytes_of(image.data, ROW_STATE_WIRE_HEADER);
    struct bytes footer =
        bytes_of(image.data + image.len - ROW_STATE_WIRE_FOOTER, ROW_STATE_WIRE_FOOTER);
    if (check_header(s, header, e) < 0 || read_footer(s, footer, index, &wanted, e) < 0 ||
        row_state_wire_ready(s, *index, e) < 0)
        return -1;
    row_state_wire_seal(s->key, header, *index, footer.data, tag);
    if (!bytes_equal(wanted, bytes_of(tag, sizeof tag)))
        return error_set(e, ERROR_CORRUPT, "index is damaged or was made under another key");
    return 0;
}

/* ---- finding ---- */

static int compare_names(const struct row_state_table *a, const struct row_state_table *b)
{
    int schema = strcmp(a->schema, b->schema);
    return schema != 0 ? schema : strcmp(a->name, b->name);
}

static int compare_oids(const struct row_state_table *a, const struct row_state_table *b)
{
    return strcmp(a->oid, b->oid);
}

static int compare_both(const struct row_state_table *a, const struct row_state_table *b)
{
    int names = compare_names(a, b);
    return names != 0 ? names : compare_oids(a, b);
}

typedef int (*compare_fn)(const struct row_state_table *, const struct row_state_table *);

static int in_file(uint32_t a, uint32_t b, int before)
{
    return before != 0 ? before : (a > b) - (a < b);
}

static int by_name(const void *a, const void *b, void *entries)
{
    const struct row_state_entry *n = entries;
    uint32_t i = *(const uint32_t *)a;
    uint32_t k = *(const uint32_t *)b;
    return in_file(i, k, compare_both(&n[i].table, &n[k].table));
}

static int by_oid(const void *a, const void *b, void *entries)
{
    const struct row_state_entry *n = entries;
    uint32_t i = *(const uint32_t *)a;
    uint32_t k = *(const uint32_t *)b;
    return in_file(i, k, compare_oids(&n[i].table, &n[k].table));
}

static int sort_tables(struct row_state *s, struct error *e)
{
    s->by_name = calloc(s->count + 1, sizeof *s->by_name);
    s->by_oid = calloc(s->count + 1, sizeof *s->by_oid);
    if (!s->by_name || !s->by_oid)
        return error_memory(e, "tables");
    for (uint32_t i = 0; i < s->count; i++)
        s->by_name[i] = s->by_oid[i] = i;
    qsort_r(s->by_name, s->count, sizeof *s->by_name, by_name, s->entries);
    qsort_r(s->by_oid, s->count, sizeof *s->by_oid, by_oid, s->entries);
    return 0;
}

/* The place of the first table in an order that equals key; the order must be one of compare's
 * too. */
static bool find_first(const struct row_state *s, const uint32_t *order, compare_fn compare,
                       const struct row_state_table *key, uint32_t *place)
{
    size_t low = 0;
    size_t high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&s->entries[order[middle]].table, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == s->count)
        return false;
    *place = order[low];
    return compare(&s->entries[*place].table, key) == 0;
}

size_t row_state_place(const struct row_state *s, const struct row_state_table *t)
{
    return (size_t)((const struct row_state_entry *)t - s->entries);
}

const struct row_state_table *row_state_find(const struct row_state *s, const char *schema,
                                             const char *name, const char *oid,
                                             bool same_cluster)
{
    const struct row_state_table key = {.schema = schema, .name = name, .oid = oid};
    bool has_oid = *oid && strcmp(oid, "0") != 0;
    uint32_t place;
    if (find_first(s, s->by_name, compare_both, &key, &place) ||
        (same_cluster && has_oid && find_first(s, s->by_oid, compare_oids, &key, &place)) ||
        find_first(s, s->by_name, compare_names, &key, &place))
        return &s->entries[place].table;
    return NULL;
}

const struct closure *row_state_packs(const struct row_state *s)
{
    return &s->closure;
}

/* ---- hashes ---- */

void row_state_rest(const struct row_state *s, struct bytes hashes)
{
    if (s->is_map)
        file_map_rest(hashes);
}

static int check_block(const struct row_state *s, const struct row_state_entry *n, size_t at,
                       struct error *e)
{
    uint8_t tag[ROW_STATE_WIRE_TAG];
    size_t left = n->hashes.len - at;
    struct bytes block = bytes_of(n->hashes.data + at,
                                  left < ROW_STATE_WIRE_BLOCK ? left : ROW_STATE_WIRE_BLOCK);
    if (row_state_wire_ready(s, block, e) < 0)
        return -1;
    row_state_wire_block(s->key, block, tag);
    if (memcmp(n->tags.data + at / ROW_STATE_WIRE_BLOCK * ROW_STATE_WIRE_TAG, tag,
               sizeof tag) != 0)
        return error_set(e, ERROR_CORRUPT, "hashes at byte %zu of %zu are damaged", at,
                         n->hashes.len);
    return 0;
}

int row_state_hashes(struct row_state *s, const struct row_state_table *t,
                     const uint8_t **hashes, struct error *e)
{
    const struct row_state_entry *n = (const struct row_state_entry *)t;
    size_t held = 0; /* bytes before this one were let go */
    for (size_t at = 0; at < n->hashes.len; at += ROW_STATE_WIRE_BLOCK) {
        if (check_block(s, n, at, e) < 0)
            return row_state_wire_about(t, e);
        if (at - held >= STEP) {
            row_state_rest(s, bytes_of(n->hashes.data + held, at - held));
            held = at;
        }
    }
    /* A table of one step is looked at next anyway. */
    if (held > 0)
        row_state_rest(s, bytes_of(n->hashes.data + held, n->hashes.len - held));
    *hashes = n->hashes.data;
    return 0;
}

void row_state_passed(struct row_state *s, const struct row_state_table *t, uint64_t row)
{
    struct row_state_entry *n = &s->entries[(const struct row_state_entry *)t - s->entries];
    uint64_t end = (row < t->rows ? row : t->rows) * ROW_STATE_HASH_LEN;
    if (end <= n->passed || (end - n->passed < STEP && row < t->rows))
        return;
    row_state_rest(s, bytes_of(n->hashes.data + n->passed, (size_t)(end - n->passed)));
    n->passed = end;
}

/* ---- the file ---- */

static int parse(struct bytes image, bool is_map, const struct row_state_id *id,
                 struct row_state **out, struct error *e)
{
    struct bytes index = {0};
    struct row_state *s = calloc(1, sizeof *s);
    if (!s)
        return error_memory(e, "row state");
    s->image = image;
    s->is_map = is_map;
    row_state_wire_key(id, s->key);
    if (find_index(s, &index, e) == 0 && read_index(s, index, id, e) == 0 &&
        sort_tables(s, e) == 0) {
        *out = s;
        return 0;
    }
    s->is_map = false; /* the mapping stays the caller's */
    row_state_close(s);
    return error_wrap(e, "row state");
}

int row_state_parse(struct bytes image, const struct row_state_id *id, struct row_state **out,
                    struct error *e)
{
    return parse(image, false, id, out, e);
}

int row_state_open(const char *path, const struct row_state_id *id, struct row_state **out,
                   struct error *e)
{
    struct bytes map;
    int rc = file_map_open(path, &map, e);
    if (rc != 0)
        return rc == FILE_MAP_ABSENT ? ROW_STATE_ABSENT : -1;
    if (parse(map, true, id, out, e) == 0)
        return 0;
    file_map_close(map);
    return error_wrap(e, "%s", path);
}

void row_state_close(struct row_state *s)
{
    if (!s)
        return;
    if (s->is_map)
        file_map_close(s->image);
    closure_done(&s->closure);
    free(s->entries);
    free(s->by_name);
    free(s->by_oid);
    explicit_bzero(s->key, sizeof s->key);
    free(s);
}

const uint8_t *row_state_backup(const struct row_state *s)
{
    return s->backup;
}

const uint8_t *row_state_manifest(const struct row_state *s)
{
    return s->manifest;
}

size_t row_state_count(const struct row_state *s)
{
    return s->count;
}

const struct row_state_table *row_state_table(const struct row_state *s, size_t i)
{
    return &s->entries[i].table;
}
