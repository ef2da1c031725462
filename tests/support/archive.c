/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/archive.h"

#include <stdlib.h>

void archive_bytes(struct buf *b, const void *data, size_t len)
{
    if (buf_append(b, data, len, NULL) < 0)
        abort();
}

void archive_int(struct buf *b, int64_t value)
{
    uint8_t raw[5] = {value < 0};
    buf_store_u32(raw + 1, (uint32_t)(value < 0 ? -value : value));
    archive_bytes(b, raw, sizeof raw);
}

void archive_text(struct buf *b, const char *text)
{
    archive_int(b, text ? (int64_t)strlen(text) : -1);
    if (text)
        archive_bytes(b, text, strlen(text));
}

void archive_header(struct buf *b, unsigned minor, int codec)
{
    const uint8_t fixed[] = {'P', 'G', 'D', 'M', 'P', 1, (uint8_t)minor, 0, 4, 8, 1};
    const uint8_t byte = (uint8_t)codec;
    archive_bytes(b, fixed, sizeof fixed);
    if (minor >= 15)
        archive_bytes(b, &byte, 1);
    else
        archive_int(b, codec);
    for (int i = 0; i < 7; i++)
        archive_int(b, i);
    archive_text(b, "base");
    archive_text(b, "18.6");
    archive_text(b, "18.6");
}

void archive_entry(struct buf *b, unsigned minor, const struct archive_entry *n,
                   bool without_defn)
{
    archive_int(b, n->dump_id);
    archive_int(b, n->has_data);
    archive_text(b, n->table_oid);
    archive_text(b, n->oid);
    archive_text(b, n->tag);
    archive_text(b, n->desc);
    if (minor >= 11)
        archive_int(b, n->section);
    if (!without_defn)
        archive_text(b, n->defn);
    archive_text(b, n->drop);
    archive_text(b, n->copy);
    archive_text(b, n->schema);
    archive_text(b, n->tablespace);
    if (minor >= 14)
        archive_text(b, n->tableam);
    if (minor >= 16)
        archive_int(b, n->relkind);
    archive_text(b, n->owner);
    archive_text(b, n->with_oids);
    for (size_t i = 0; i < ARRAY_SIZE(n->dependencies) && n->dependencies[i]; i++)
        archive_text(b, n->dependencies[i]);
    archive_text(b, NULL);
    uint8_t offset[9] = {n->offset_state};
    buf_store_u64(offset + 1, n->offset);
    archive_bytes(b, offset, sizeof offset);
}

void archive_block(struct buf *b, uint8_t type, int64_t dump_id)
{
    archive_bytes(b, &type, 1);
    archive_int(b, dump_id);
}

void archive_piece(struct buf *b, const char *text)
{
    archive_text(b, text);
}

const struct archive_entry archive_schema = {.dump_id = 9,
                                             .section = 2,
                                             .relkind = 'r',
                                             .table_oid = "1259",
                                             .oid = "16384",
                                             .tag = "t",
                                             .desc = "TABLE",
                                             .defn = "CREATE TABLE public.t (a text);\n",
                                             .drop = "DROP TABLE public.t;\n",
                                             .schema = "public",
                                             .tableam = "heap",
                                             .owner = "me",
                                             .with_oids = "false",
                                             .dependencies = {"2", "2147483647"},
                                             .offset_state = 3};

const struct archive_entry archive_data = {.dump_id = 7,
                                           .has_data = 1,
                                           .section = 3,
                                           .table_oid = "0",
                                           .oid = "16384",
                                           .tag = "t",
                                           .desc = "TABLE DATA",
                                           .copy = "COPY public.t (a) FROM stdin;\n",
                                           .schema = "public",
                                           .owner = "me",
                                           .with_oids = "false",
                                           .dependencies = {"9"},
                                           .offset_state = 1};

const struct archive_entry archive_objects = {.dump_id = 5,
                                              .has_data = 1,
                                              .section = 3,
                                              .table_oid = "0",
                                              .oid = "0",
                                              .tag = "BLOBS",
                                              .desc = "BLOBS",
                                              .defn = "",
                                              .owner = "me",
                                              .with_oids = "false",
                                              .offset_state = 1};

struct archive_entry archive_with_id(const struct archive_entry *n, int64_t dump_id)
{
    struct archive_entry copy = *n;
    copy.dump_id = dump_id;
    return copy;
}

struct buf archive_with_toc(unsigned minor, const struct archive_entry *entries, size_t count)
{
    struct buf b = {0};
    archive_header(&b, minor, 0);
    archive_int(&b, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        archive_entry(&b, minor, &entries[i], false);
    return b;
}

void archive_table(struct buf *b, int64_t dump_id)
{
    archive_block(b, 1, dump_id);
    archive_piece(b, "a row\n");
    archive_piece(b, "\\.\n\n\n");
    archive_int(b, 0);
}
