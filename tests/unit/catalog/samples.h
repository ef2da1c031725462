/* SPDX-License-Identifier: Apache-2.0 */
/* A catalog in a scratch folder, and packs, chunks and manifests made from a number. */
#ifndef UNIT_CATALOG_SAMPLES_H
#define UNIT_CATALOG_SAMPLES_H

#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/backups.h"
#include "catalog/internal.h"
#include "catalog/mark_rows.h"
#include "catalog/objects.h"
#include "catalog/runs.h"
#include "core/base/str.h"
#include "tests/support/scratch.h"

static char folder[SCRATCH_PATH];
static char path[SCRATCH_PATH];
static struct error e;
static struct catalog *c;
static const uint8_t repository[FORMAT_ID_LEN] = {'r', 'e', 'p', 'o'};

static inline struct catalog *samples_open(const char *name)
{
    struct catalog *opened = catalog_open(name, repository, &e);
    if (!opened)
        fail_msg("%s: %s", name, e.text);
    return opened;
}

static inline int samples_make(void **state)
{
    (void)state;
    scratch_make(folder);
    scratch_path(path, folder, "catalog.sqlite");
    c = samples_open(path);
    return 0;
}

static inline int samples_clear(void **state)
{
    (void)state;
    catalog_close(c);
    c = NULL;
    scratch_remove(folder);
    return 0;
}

/* What one number says about a catalog's content; for tests only. */
static inline int64_t samples_number(struct catalog *from, const char *text)
{
    int64_t value = -1;
    assert_done(sql_number(from, text, &value, &e), &e);
    return value;
}

/* The first column of the first row as text. */
static inline void samples_text(struct catalog *from, const char *text, char out[200])
{
    struct sql q = {0};
    assert_done(sql_open(&q, from, text, &e), &e);
    assert_int_equal(sql_step(&q, &e), SQL_ROW);
    (void)snprintf(out, 200, "%s", sql_text(&q, 0) ? sql_text(&q, 0) : "NULL");
    sql_close(&q);
}

static inline struct closure_pack samples_pack(unsigned n)
{
    struct closure_pack pack = {.object.size = 1000 + n};
    memset(pack.object.sha256, (int)n, sizeof pack.object.sha256);
    memset(pack.object.suffix, (int)n + 1, sizeof pack.object.suffix);
    memset(pack.pack_id, (int)n + 2, sizeof pack.pack_id);
    memset(pack.owner, (int)n, sizeof pack.owner);
    return pack;
}

static inline struct ref samples_ref(const struct closure_pack *pack, unsigned chunk,
                                     uint32_t record)
{
    struct ref ref = {.record = record,
                      .offset = 112 + record * 50,
                      .stored = 20,
                      .plain = 40,
                      .codec = FORMAT_CODEC_ZSTD,
                      .kind = FORMAT_KIND_ROWS};
    buf_store_u32(ref.chunk_id, chunk);
    memcpy(ref.pack_id, pack->pack_id, sizeof ref.pack_id);
    return ref;
}

/* Pack n with the chunks first to first + count - 1. */
static inline void samples_add_pack(struct catalog *to, unsigned n, unsigned first,
                                    unsigned count)
{
    struct closure_pack pack = samples_pack(n);
    struct ref refs[16];
    assert_true(count <= ARRAY_SIZE(refs));
    for (unsigned i = 0; i < count; i++)
        refs[i] = samples_ref(&pack, first + i, i);
    assert_done(objects_add_pack(to, &pack, refs, count, &e), &e);
}

/* The clear part of backup n: host 7, sequence n, committed at n seconds, packs 1 to n. */
static inline struct manifest samples_manifest(unsigned n)
{
    struct manifest m = {.sequence = n,
                         .kind = MANIFEST_NIGHTLY,
                         .started_us = (int64_t)n * 1000000 - 500000,
                         .committed_us = (int64_t)n * 1000000,
                         .has_previous = n > 1};
    memset(m.backup_id, (int)n, sizeof m.backup_id);
    memset(m.host_id, 7, sizeof m.host_id);
    memset(m.digest, (int)n + 100, sizeof m.digest);
    memset(m.previous, (int)n + 99, sizeof m.previous);
    for (unsigned i = 1; i <= n; i++) {
        struct closure_pack pack = samples_pack(i);
        assert_done(closure_add(&m.closure, &pack, &e), &e);
    }
    return m;
}

static inline void samples_tag(struct manifest *m, const char *tag)
{
    assert_done(member_texts_add(&m->private_part.tags, tag, &e), &e);
}

/* Backup n with its private part: one dump of 5000 bytes, tags nightly and env=prod. */
static inline struct manifest samples_opened(unsigned n, const char *source)
{
    struct manifest m = samples_manifest(n);
    struct member_private *p = &m.private_part;
    m.is_open = true;
    p->source = str_copy(source, &e);
    p->database = str_copy("shop", &e);
    p->server_version = str_copy("15.18 (Debian)", &e);
    p->host_name = str_copy("db1", &e);
    p->server_number = 150018;
    p->system_id = UINT64_MAX - 1;
    p->rows = 100;
    p->payload_bytes = 4000;
    p->stored_bytes = 300;
    p->new_chunks = 3;
    samples_tag(&m, "nightly");
    samples_tag(&m, "env=prod");
    struct member *dump = member_add(p, &e);
    assert_non_null(dump);
    dump->kind = FORMAT_MEMBER_DUMP;
    dump->name = str_copy("shop.dump", &e);
    dump->length = 5000;
    return m;
}

static inline struct backups_table samples_table(const char *name, uint64_t rows)
{
    struct backups_table t = {.schema = "public",
                              .name = name,
                              .desc = "TABLE DATA",
                              .rows = rows,
                              .bytes = rows * 40,
                              .is_rows = true,
                              .counted = true,
                              .oid = "16400",
                              .root_schema = "",
                              .root_name = ""};
    buf_store_u64(t.digest, rows);
    buf_store_u64(t.content, rows);
    return t;
}

/* Puts backup n with two tables: `fixed`, the same in every backup, and `grows`. */
static inline void samples_put(struct catalog *to, unsigned n, const char *source)
{
    struct manifest m = samples_opened(n, source);
    struct backups_table tables[] = {samples_table("fixed", 10), samples_table("grows", n)};
    assert_done(backups_put(to, &m, tables, ARRAY_SIZE(tables), &e), &e);
    manifest_done(&m);
}

/* An ack of backup n, with a text that may be closed (NULL). */
static inline void samples_ack(struct catalog *to, unsigned n, const char *text)
{
    struct mark_rows_row row = {.type = 3, .at_us = (int64_t)n * 1000000, .has_text = true};
    memset(row.backup_id, (int)n, sizeof row.backup_id);
    memset(row.nonce, (int)n + 50, sizeof row.nonce);
    memset(row.host_id, 7, sizeof row.host_id);
    row.text = text;
    assert_done(mark_rows_put(to, &row, &e), &e);
}

#endif
