/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a unit gather in one buffer; a field is a span of it. `want` is how far the
 * buffer must be filled before the next decision can be made, so any split of the input
 * works. The tail is compared with the first TOC by a SHA-256 over the bytes of all fields
 * that must be equal: nothing of the first TOC is held. */
#include "core/dump/toc.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/digest.h"
#include "core/dump/id_set.h"
#include "core/dump/wire.h"

/* Buffers above this are given back after the entry that needed them. */
#define KEEP_BYTES MIB

/* A text's longest form on the server is 1 GiB minus one. */
#define SQL_MAX ((int32_t)(GIB - 1))

enum field_kind { KIND_INT, KIND_TEXT, KIND_DEPENDENCIES, KIND_OFFSET };

enum field_id {
    FIELD_DUMP_ID,
    FIELD_HAD_DUMPER,
    FIELD_TABLE_OID,
    FIELD_OID,
    FIELD_TAG,
    FIELD_DESC,
    FIELD_SECTION,
    FIELD_DEFN,
    FIELD_DROP,
    FIELD_COPY,
    FIELD_SCHEMA,
    FIELD_TABLESPACE,
    FIELD_TABLEAM,
    FIELD_RELKIND,
    FIELD_OWNER,
    FIELD_WITH_OIDS,
    FIELD_DEPENDENCIES,
    FIELD_OFFSET,
    FIELD_COUNT
};

struct field {
    const char *name;
    enum field_kind kind;
    unsigned since; /* archive version 1.since has it; 0: all that are read here */
    bool required;  /* NULL is refused */
    int32_t max;    /* bytes of a text */
    size_t view;    /* offset in struct dump_entry, or NO_VIEW */
};

#define NO_VIEW SIZE_MAX
#define VIEW(member) offsetof(struct dump_entry, member)

static const struct field fields[FIELD_COUNT] = {
    [FIELD_DUMP_ID] = {"dump id", KIND_INT, 0, true, 0, NO_VIEW},
    [FIELD_HAD_DUMPER] = {"data flag", KIND_INT, 0, true, 0, NO_VIEW},
    [FIELD_TABLE_OID] = {"catalog oid", KIND_TEXT, 0, true, WIRE_NAME_MAX, VIEW(table_oid)},
    [FIELD_OID] = {"oid", KIND_TEXT, 0, true, WIRE_NAME_MAX, VIEW(oid)},
    [FIELD_TAG] = {"tag", KIND_TEXT, 0, true, WIRE_NAME_MAX, VIEW(tag)},
    [FIELD_DESC] = {"kind", KIND_TEXT, 0, true, WIRE_NAME_MAX, VIEW(desc)},
    [FIELD_SECTION] = {"section", KIND_INT, 11, true, 0, NO_VIEW},
    [FIELD_DEFN] = {"definition", KIND_TEXT, 0, false, SQL_MAX, VIEW(defn)},
    [FIELD_DROP] = {"drop statement", KIND_TEXT, 0, false, SQL_MAX, VIEW(drop)},
    [FIELD_COPY] = {"copy statement", KIND_TEXT, 0, false, SQL_MAX, VIEW(copy)},
    [FIELD_SCHEMA] = {"schema", KIND_TEXT, 0, false, WIRE_NAME_MAX, VIEW(schema)},
    [FIELD_TABLESPACE] = {"tablespace", KIND_TEXT, 0, false, WIRE_NAME_MAX, VIEW(tablespace)},
    [FIELD_TABLEAM] = {"access method", KIND_TEXT, 14, false, WIRE_NAME_MAX, VIEW(tableam)},
    [FIELD_RELKIND] = {"relkind", KIND_INT, 16, true, 0, NO_VIEW},
    [FIELD_OWNER] = {"owner", KIND_TEXT, 0, false, WIRE_NAME_MAX, VIEW(owner)},
    [FIELD_WITH_OIDS] = {"oids flag", KIND_TEXT, 0, true, WIRE_NAME_MAX, NO_VIEW},
    [FIELD_DEPENDENCIES] = {"dependencies", KIND_DEPENDENCIES, 0, false, 10,
                            VIEW(dependencies)},
    [FIELD_OFFSET] = {"offset", KIND_OFFSET, 0, true, 0, NO_VIEW},
};

struct span {
    size_t at, len;
    bool null;
};

struct toc {
    struct dump_limits limits;
    unsigned minor;
    bool tail;
    uint64_t start; /* the archive's byte where this TOC begins */
    uint64_t base;  /* the archive's byte that is raw.data[0] */

    struct buf raw;
    size_t want;    /* raw.len at which the next decision is due */
    bool whole;     /* raw holds a whole unit, already handed out */
    bool counted;   /* the unit in raw is an entry, not the count */
    uint32_t count; /* entries of the TOC */
    uint32_t done;  /* whole ones */
    uint8_t count_wire[WIRE_INT_LEN];

    unsigned field;
    size_t field_at; /* in raw */
    bool in_body;    /* of a text: its length is known */
    size_t body_at;
    uint32_t dependencies;
    int32_t ints[FIELD_COUNT];
    struct span spans[FIELD_COUNT];
    struct dump_entry entry;

    struct id_set ids;
    struct digest *digest;
    uint8_t first_digest[DIGEST_LEN];
};

struct toc *toc_new(const struct dump_limits *limits, struct error *e)
{
    struct toc *t = calloc(1, sizeof *t);
    if (!t) {
        (void)error_memory(e, "table of contents");
        return NULL;
    }
    t->limits = *limits;
    t->digest = digest_new(e);
    if (!t->digest || id_set_init(&t->ids, e) < 0) {
        toc_free(t);
        return NULL;
    }
    return t;
}

void toc_free(struct toc *t)
{
    if (!t)
        return;
    buf_done(&t->raw);
    id_set_done(&t->ids);
    digest_free(t->digest);
    free(t);
}

static void begin(struct toc *t, uint64_t at)
{
    t->start = t->base = at;
    t->raw.len = 0;
    t->want = WIRE_INT_LEN;
    t->whole = t->counted = false;
    t->done = 0;
}

void toc_begin(struct toc *t, unsigned minor, uint64_t at)
{
    t->minor = minor;
    begin(t, at);
}

void toc_begin_tail(struct toc *t, uint64_t at)
{
    t->tail = true;
    begin(t, at);
}

struct bytes toc_raw(const struct toc *t)
{
    return buf_view(&t->raw);
}

const struct dump_entry *toc_entry(const struct toc *t)
{
    return t->counted ? &t->entry : NULL;
}

bool toc_ended(const struct toc *t)
{
    return t->whole && t->done == t->count;
}

uint32_t toc_count(const struct toc *t)
{
    return t->count;
}

void toc_where(const struct toc *t, char *out, size_t size)
{
    const char *name = t->tail ? "second TOC" : "TOC";
    if (!t->counted)
        (void)snprintf(out, size, "the %s (entry count)", name);
    else
        (void)snprintf(out, size, "%s entry %" PRIu32 " of %" PRIu32 " (%s)", name, t->done + 1,
                       t->count, fields[t->field].name);
}

static int bad(const struct toc *t, struct error *e, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int bad(const struct toc *t, struct error *e, const char *fmt, ...)
{
    char why[200];
    char where[80];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    toc_where(t, where, sizeof where);
    return error_set(e, ERROR_INCOMPLETE, "byte %" PRIu64 ": %s: %s", t->base + t->field_at,
                     where, why);
}

/* The next decision is due `more` bytes further on. */
static int expect(struct toc *t, size_t more, struct error *e)
{
    t->want = t->raw.len + more;
    uint64_t total;
    if (attr_add_overflows(t->base - t->start, t->want, &total) || total > t->limits.toc_bytes)
        return bad(t, e, "the table of contents is above its limit of %" PRIu64 " bytes",
                   t->limits.toc_bytes);
    return 0;
}

static int expect_body(struct toc *t, size_t len, struct error *e)
{
    t->in_body = true;
    t->body_at = t->raw.len;
    return expect(t, len, e);
}

/* Statistics reach the file while the first TOC is written and are not held: writing it a
 * second time, pg_dump 18 seeks over them, which in append mode leaves nothing. */
static bool is_statistics(const struct toc *t)
{
    struct span s = t->spans[FIELD_DESC];
    struct bytes desc = bytes_of(t->raw.data + s.at, s.len);
    return bytes_equal(desc, bytes_text("STATISTICS DATA")) ||
           bytes_equal(desc, bytes_text("EXTENDED STATISTICS DATA"));
}

static bool is_absent(const struct toc *t, unsigned field)
{
    return fields[field].since > t->minor ||
           (field == FIELD_DEFN && t->tail && is_statistics(t));
}

static int begin_field(struct toc *t, unsigned field, struct error *e)
{
    t->field = field;
    t->field_at = t->raw.len;
    t->in_body = false;
    return expect(t, fields[field].kind == KIND_OFFSET ? WIRE_OFFSET_LEN : WIRE_INT_LEN, e);
}

static int next_field(struct toc *t, struct error *e)
{
    unsigned field = t->field + 1;
    while (is_absent(t, field)) {
        t->spans[field] = (struct span){.at = t->raw.len, .null = true};
        t->ints[field] = 0;
        field++;
    }
    return begin_field(t, field, e);
}

static int check_int(const struct toc *t, int32_t v, struct error *e)
{
    if (t->field == FIELD_DUMP_ID && v < 1)
        return bad(t, e, "%" PRId32 ", expected 1 to 2147483647", v);
    if (t->field == FIELD_HAD_DUMPER && v != 0 && v != 1)
        return bad(t, e, "%" PRId32 ", expected 0 or 1", v);
    if (t->field == FIELD_SECTION && v < 0)
        return bad(t, e, "%" PRId32 ", expected 1 to 4", v);
    if (t->field == FIELD_RELKIND && (v < 0 || v > UINT8_MAX))
        return bad(t, e, "%" PRId32 ", expected 0 to 255", v);
    return 0;
}

static int read_int(const struct toc *t, int32_t *v, struct error *e)
{
    const uint8_t *p = t->raw.data + t->raw.len - WIRE_INT_LEN;
    if (wire_int(p, v))
        return 0;
    return bad(t, e, "no number: sign byte %u, magnitude %" PRIu32, p[0], wire_u32(p + 1));
}

static int take_int(struct toc *t, struct error *e)
{
    int32_t v;
    if (read_int(t, &v, e) < 0 || check_int(t, v, e) < 0)
        return -1;
    t->ints[t->field] = v;
    return next_field(t, e);
}

static int take_text_len(struct toc *t, struct error *e)
{
    const struct field *f = &fields[t->field];
    int32_t len;
    if (read_int(t, &len, e) < 0)
        return -1;
    if (len < -1 || len > f->max)
        return bad(t, e, "text of %" PRId32 " bytes, expected at most %" PRId32, len, f->max);
    if (len == -1 && f->required)
        return bad(t, e, "no value, but one is required");
    t->spans[t->field] =
        (struct span){.at = t->raw.len, .len = len > 0 ? (size_t)len : 0, .null = len == -1};
    if (len <= 0)
        return next_field(t, e);
    return expect_body(t, (size_t)len, e);
}

static int take_text(struct toc *t, struct error *e)
{
    struct span s = t->spans[t->field];
    if (memchr(t->raw.data + s.at, '\0', s.len))
        return bad(t, e, "text holds a zero byte");
    return next_field(t, e);
}

static int take_dependency_len(struct toc *t, struct error *e)
{
    int32_t len;
    if (read_int(t, &len, e) < 0)
        return -1;
    if (len == -1) {
        t->spans[t->field] =
            (struct span){.at = t->field_at, .len = t->raw.len - t->field_at - WIRE_INT_LEN};
        return next_field(t, e);
    }
    if (len < 1 || len > fields[t->field].max)
        return bad(t, e, "number of %" PRId32 " digits, expected 1 to 10", len);
    if (t->dependencies == t->limits.dependencies)
        return bad(t, e, "above the limit of %" PRIu32, t->limits.dependencies);
    t->dependencies++;
    return expect_body(t, (size_t)len, e);
}

static int take_dependency(struct toc *t, struct error *e)
{
    uint64_t id = 0;
    for (size_t i = t->body_at; i < t->raw.len; i++) {
        uint8_t c = t->raw.data[i];
        if (c < '0' || c > '9')
            return bad(t, e, "byte 0x%02x in a number", c);
        id = id * 10 + (uint64_t)(c - '0');
    }
    if (id > INT32_MAX)
        return bad(t, e, "id %" PRIu64 ", expected at most 2147483647", id);
    t->in_body = false;
    return expect(t, WIRE_INT_LEN, e);
}

static struct bytes span_view(const struct toc *t, unsigned field)
{
    struct span s = t->spans[field];
    return s.null ? (struct bytes){0} : bytes_of(t->raw.data + s.at, s.len);
}

static int hash_entry(struct toc *t, struct error *e)
{
    size_t end = t->raw.len - WIRE_OFFSET_LEN;
    struct span defn = t->spans[FIELD_DEFN];
    struct bytes all = bytes_of(t->raw.data, end);
    if (!is_statistics(t) || is_absent(t, FIELD_DEFN))
        return digest_add(t->digest, all, e);
    struct bytes front = bytes_take(&all, defn.at - WIRE_INT_LEN);
    (void)bytes_take(&all, WIRE_INT_LEN + defn.len);
    if (digest_add(t->digest, front, e) < 0)
        return -1;
    return digest_add(t->digest, all, e);
}

static void fill_entry(struct toc *t)
{
    struct dump_entry *n = &t->entry;
    const uint8_t *offset = t->raw.data + t->raw.len - WIRE_OFFSET_LEN;
    *n = (struct dump_entry){
        .ordinal = t->done,
        .dump_id = (uint32_t)t->ints[FIELD_DUMP_ID],
        .has_data = t->ints[FIELD_HAD_DUMPER] == 1,
        .section = (uint32_t)t->ints[FIELD_SECTION],
        .relkind = (uint8_t)t->ints[FIELD_RELKIND],
        .offset_state = offset[0],
        .offset = wire_u64(offset + 1),
    };
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        struct bytes view = span_view(t, i);
        if (fields[i].view != NO_VIEW)
            memcpy((uint8_t *)n + fields[i].view, &view, sizeof view);
    }
}

static int take_offset(struct toc *t, struct error *e)
{
    fill_entry(t);
    const struct dump_entry *n = &t->entry;
    if (n->offset_state < 1 || n->offset_state > 3)
        return bad(t, e, "state %u, expected 1 to 3", n->offset_state);
    if ((n->offset_state == 3) == n->has_data)
        return bad(t, e, "state %u, but the data flag is %d", n->offset_state, n->has_data);
    int rc = t->tail ? 0 : id_set_add(&t->ids, n->dump_id, e);
    if (rc == ID_SET_THERE)
        return bad(t, e, "dump id %" PRIu32 " is there a second time", n->dump_id);
    if (rc < 0 || hash_entry(t, e) < 0)
        return -1;
    t->done++;
    t->whole = true;
    return 0;
}

static int take_count(struct toc *t, struct error *e)
{
    int32_t count;
    if (read_int(t, &count, e) < 0)
        return -1;
    if (count < 0 || (uint32_t)count > t->limits.entries)
        return bad(t, e, "%" PRId32 ", expected 0 to %" PRIu32, count, t->limits.entries);
    t->count = (uint32_t)count;
    memcpy(t->count_wire, t->raw.data, WIRE_INT_LEN);
    t->whole = true;
    return 0;
}

static int decide(struct toc *t, struct error *e)
{
    if (!t->counted)
        return take_count(t, e);
    switch (fields[t->field].kind) {
    case KIND_INT:
        return take_int(t, e);
    case KIND_TEXT:
        return t->in_body ? take_text(t, e) : take_text_len(t, e);
    case KIND_DEPENDENCIES:
        return t->in_body ? take_dependency(t, e) : take_dependency_len(t, e);
    case KIND_OFFSET:
        break;
    }
    return take_offset(t, e);
}

/* The count of a tail is known; a first byte that differs tells garbage from a cut tail. */
static int check_tail_count(const struct toc *t, struct error *e)
{
    if (!t->tail || t->counted || memcmp(t->raw.data, t->count_wire, t->raw.len) == 0)
        return 0;
    return bad(t, e, "not that of the first TOC");
}

static int begin_entry(struct toc *t, struct error *e)
{
    t->base += t->raw.len;
    t->raw.len = 0;
    if (t->raw.cap > KEEP_BYTES)
        buf_done(&t->raw);
    t->counted = true;
    t->whole = false;
    t->dependencies = 0;
    return begin_field(t, 0, e);
}

int toc_step(struct toc *t, struct bytes *in, struct error *e)
{
    if (t->whole && begin_entry(t, e) < 0)
        return -1;
    while (!t->whole) {
        int rc = wire_fill(&t->raw, in, t->want, e);
        if (rc < 0 || (t->raw.len > 0 && check_tail_count(t, e) < 0))
            return -1;
        if (rc == WIRE_NEED)
            return TOC_NEED;
        if (decide(t, e) < 0)
            return -1;
    }
    return 0;
}

int toc_finish(struct toc *t, struct error *e)
{
    uint8_t digest[DIGEST_LEN];
    if (digest_take(t->digest, digest, e) < 0)
        return -1;
    if (!t->tail)
        memcpy(t->first_digest, digest, sizeof digest);
    else if (!digest_equal(t->first_digest, digest, sizeof digest))
        return error_set(e, ERROR_INCOMPLETE,
                         "byte %" PRIu64 ": its entries are not those of the first TOC",
                         t->base + t->raw.len);
    return 0;
}
