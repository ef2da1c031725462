/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/dump_file.h"

#include <stdarg.h>
#include <stdlib.h>

#include "tests/support/made_dump.h"

#define MINOR 14 /* what pg_dump 12 to 15 write */

static void flush(struct dump_file *d)
{
    struct buf *b = &d->waiting;
    d->whole = fwrite(b->data, 1, b->len, d->file) == b->len && d->whole;
    b->len = 0;
}

void dump_file_print(struct buf *row, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text)
        abort();
    archive_bytes(row, text, (size_t)len);
}

/* Every column is a text. */
static void create_table(struct buf *out, const struct dump_file_table *t)
{
    const char *at = t->columns;
    dump_file_print(out, "CREATE TABLE public.%s (\n", t->name);
    while (*at) {
        size_t len = strcspn(at, ",");
        archive_bytes(out, at, len);
        archive_bytes(out, at[len] ? " text, " : " text", at[len] ? 7 : 5);
        at += at[len] ? len + 2 : len;
    }
    dump_file_print(out, "\n);\n%c", 0);
}

static void schema_entry(struct dump_file *d, const struct dump_file_table *t, size_t i)
{
    struct buf defn = {0};
    char drop[64];
    struct archive_entry n = archive_with_id(&archive_schema, (int64_t)(i + 1));
    create_table(&defn, t);
    (void)snprintf(drop, sizeof drop, "DROP TABLE public.%s;\n", t->name);
    n.tag = t->name;
    n.defn = (const char *)defn.data;
    n.drop = drop;
    memset(n.dependencies, 0, sizeof n.dependencies);
    archive_entry(&d->waiting, MINOR, &n, false);
    buf_done(&defn);
}

static void data_entry(struct dump_file *d, const struct dump_file_table *t, size_t i)
{
    struct buf copy = {0};
    char schema[24];
    struct archive_entry n = archive_with_id(&archive_data, (int64_t)(d->tables + i + 1));
    dump_file_print(&copy, "COPY public.%s (", t->name);
    archive_bytes(&copy, t->columns, strlen(t->columns));
    dump_file_print(&copy, ") FROM stdin;\n%c", 0);
    (void)snprintf(schema, sizeof schema, "%zu", i + 1);
    n.tag = t->name;
    n.copy = (const char *)copy.data;
    n.dependencies[0] = schema;
    archive_entry(&d->waiting, MINOR, &n, false);
    buf_done(&copy);
}

bool dump_file_begin(struct dump_file *d, const char *path,
                     const struct dump_file_table *tables, size_t count)
{
    *d = (struct dump_file){.file = fopen(path, "wb"), .whole = true, .tables = count};
    if (!d->file) {
        perror(path);
        return false;
    }
    archive_header(&d->waiting, MINOR, 0);
    archive_int(&d->waiting, (int64_t)count * 2);
    for (size_t i = 0; i < count; i++)
        schema_entry(d, &tables[i], i);
    for (size_t i = 0; i < count; i++)
        data_entry(d, &tables[i], i);
    return true;
}

void dump_file_data_begin(struct dump_file *d, size_t i)
{
    archive_block(&d->waiting, 1, (int64_t)(d->tables + i + 1));
}

void dump_file_row(struct dump_file *d, struct bytes row)
{
    archive_int(&d->waiting, (int64_t)row.len);
    if (row.len < MIB) {
        archive_bytes(&d->waiting, row.data, row.len);
    } else {
        flush(d);
        d->whole = fwrite(row.data, 1, row.len, d->file) == row.len && d->whole;
    }
    if (d->waiting.len >= MIB)
        flush(d);
}

void dump_file_data_end(struct dump_file *d)
{
    archive_piece(&d->waiting, MADE_END_MARK);
    archive_int(&d->waiting, 0);
}

bool dump_file_close(struct dump_file *d)
{
    flush(d);
    bool whole = fclose(d->file) == 0 && d->whole;
    buf_done(&d->waiting);
    *d = (struct dump_file){0};
    if (!whole)
        perror("the dump could not be written");
    return whole;
}
