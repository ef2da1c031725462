/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/inspect.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/dump/payload.h"
#include "core/dump/source.h"
#include "tools/render.h"

#define READ_SIZE MIB

struct table {
    char *schema, *name, *desc;
    bool copy;
    uint64_t bytes; /* of the payload, decompressed, with its end mark */
};

struct look {
    struct dump_reader *reader;
    const struct dump_header *header;
    struct payload *check;
    struct table *tables; /* entries with data */
    size_t count;
    struct table *current;
    uint32_t entries;
    uint64_t bytes;
    bool newer;
};

static int on_entry(struct look *l, const struct dump_entry *entry, struct error *e)
{
    if (!entry->has_data)
        return 0;
    struct table *tables = reallocarray(l->tables, l->count + 1, sizeof *tables);
    if (!tables)
        return error_memory(e, "TOC entries");
    l->tables = tables;
    struct table *t = &tables[l->count++];
    *t = (struct table){.schema = str_copy_bytes(entry->schema, e),
                        .name = str_copy_bytes(entry->tag, e),
                        .desc = str_copy_bytes(entry->desc, e),
                        .copy = entry->copy.len > 0};
    return t->schema && t->name && t->desc ? 0 : -1;
}

static int end_payload(struct look *l, struct error *e)
{
    assert(l->current); /* the reader gives no payload outside a block */
    l->current->bytes += payload_plain_bytes(l->check);
    if (payload_end(l->check, e) == 0)
        return 0;
    char name[200];
    str_safe(name, sizeof name, bytes_text(l->current->name));
    return error_wrap(e, "%s %s", l->current->desc, name);
}

static int on_event(struct look *l, const struct dump_event *ev, bool *objects, struct error *e)
{
    switch (ev->type) {
    case DUMP_HEADER:
        l->header = ev->header;
        l->check = payload_new(ev->header->codec, e);
        return l->check ? 0 : -1;
    case DUMP_ENTRY:
        return on_entry(l, ev->entry, e);
    case DUMP_TOC_END:
        l->entries = ev->entry_count;
        return 0;
    case DUMP_BLOCK:
        assert(l->tables && ev->data_index < l->count);
        l->current = &l->tables[ev->data_index];
        *objects = ev->large_objects;
        return *objects ? 0 : payload_begin(l->check, l->current->copy, e);
    case DUMP_OBJECT:
        return payload_begin(l->check, false, e);
    case DUMP_DATA:
        return payload_feed(l->check, ev->raw, e);
    case DUMP_OBJECT_END:
        return end_payload(l, e);
    case DUMP_BLOCK_END:
        return *objects ? 0 : end_payload(l, e);
    case DUMP_RAW:
    case DUMP_END:
    default:
        return 0;
    }
}

static int read_all(struct look *l, struct source *source, uint8_t *buffer, struct error *e)
{
    struct dump_event ev = {0};
    bool objects = false;
    for (;;) {
        size_t got;
        if (source_read(source, buffer, READ_SIZE, &got, e) < 0)
            return -1;
        struct bytes in = bytes_of(buffer, got);
        l->bytes += got;
        int rc = 0;
        while (!l->newer && rc == 0 && ev.type != DUMP_END) {
            rc = dump_reader_step(l->reader, &in, got == 0, &ev, e);
            l->newer = rc == DUMP_READER_NEWER;
            if (rc < 0 || (rc == 0 && on_event(l, &ev, &objects, e) < 0))
                return -1;
        }
        if (got == 0)
            return 0;
    }
}

static int for_people(const struct look *l, struct error *e)
{
    assert(l->newer || l->header);
    static const char *const codecs[] = {"none", "gzip", "lz4", "zstd"};
    static const struct render_column columns[] = {
        {"SCHEMA", false}, {"NAME", false}, {"ENTRY", false}, {"SIZE", true}};
    struct render_table t = {.columns = columns, .column_count = ARRAY_SIZE(columns)};
    char size[32];
    char database[128];
    char server[128];
    char version[128];
    str_size(size, l->bytes);
    if (l->newer) {
        (void)printf("archive of a version newer than 1.16, %s: not looked into\n", size);
        return 0;
    }
    str_safe(database, sizeof database, bytes_text(l->header->database));
    str_safe(server, sizeof server, bytes_text(l->header->server_version));
    str_safe(version, sizeof version, bytes_text(l->header->dump_version));
    (void)printf("archive %u.%u of database %s, complete\nserver %s, pg_dump %s\n"
                 "%s, %u TOC entries, %zu with data, compression %s\n\n",
                 l->header->major, l->header->minor, database, server, version, size,
                 l->entries, l->count, codecs[l->header->codec]);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < l->count; i++) {
        str_size(size, l->tables[i].bytes);
        if (render_add(&t, l->tables[i].schema, e) < 0 ||
            render_add(&t, l->tables[i].name, e) < 0 ||
            render_add(&t, l->tables[i].desc, e) < 0 || render_add(&t, size, e) < 0)
            rc = -1;
    }
    if (rc == 0)
        render_print(&t, stdout);
    render_done(&t);
    return rc;
}

static int for_machines(const struct look *l, struct error *e)
{
    assert(l->newer || l->header);
    static const char *const codecs[] = {"none", "gzip", "lz4", "zstd"};
    char version[32];
    struct json *j = json_new_object();
    json_put_u64(j, "bytes", l->bytes);
    json_put_bool(j, "newer", l->newer);
    if (!l->newer) {
        (void)snprintf(version, sizeof version, "%u.%u.%u", l->header->major, l->header->minor,
                       l->header->rev);
        json_put_text(j, "archive_version", version);
        json_put_text(j, "database", l->header->database);
        json_put_text(j, "server_version", l->header->server_version);
        json_put_text(j, "pg_dump_version", l->header->dump_version);
        json_put_text(j, "compression", codecs[l->header->codec]);
        json_put_u64(j, "toc_entries", l->entries);
    }
    struct json *list = json_put_list(j, "tables");
    for (size_t i = 0; i < l->count; i++) {
        struct json *t = json_put_object(list, NULL);
        json_put_text(t, "schema", l->tables[i].schema);
        json_put_text(t, "name", l->tables[i].name);
        json_put_text(t, "entry", l->tables[i].desc);
        json_put_u64(t, "bytes", l->tables[i].bytes);
    }
    int rc = json_write(j, true, stdout, e);
    (void)putchar('\n');
    json_free(j);
    return rc;
}

int inspect_file(struct context *c, const char *path, struct error *e)
{
    struct look l = {0};
    uint8_t *buffer = malloc(READ_SIZE);
    struct source *source = buffer ? source_file(path, e) : NULL;
    int rc = -1;
    if (!buffer)
        (void)error_memory(e, "read buffer");
    l.reader = source ? dump_reader_new(NULL, e) : NULL;
    if (l.reader && read_all(&l, source, buffer, e) == 0)
        rc = c->json ? for_machines(&l, e) : for_people(&l, e);
    else if (source)
        (void)error_wrap(e, "%s", path);
    for (size_t i = 0; i < l.count; i++) {
        free(l.tables[i].schema);
        free(l.tables[i].name);
        free(l.tables[i].desc);
    }
    free(l.tables);
    payload_free(l.check);
    dump_reader_free(l.reader);
    source_free(source);
    free(buffer);
    return rc;
}
