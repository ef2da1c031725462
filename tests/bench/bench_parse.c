/* SPDX-License-Identifier: Apache-2.0 */
/* How fast is an archive parsed? The reader and the payload check over a file, through one
 * buffer of 1 MiB, reading not counted.
 *
 *   bench_parse FILE               parse it, print MB/s
 *   bench_parse --make FILE MB     write one: rows of 140 bytes, a piece each */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/str.h"
#include "core/dump/payload.h"
#include "tests/support/archive.h"

static int make(const char *path, uint64_t megabytes)
{
    static const struct archive_entry table = {.dump_id = 1,
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
                                               .offset_state = 1};
    FILE *f = fopen(path, "wb");
    if (!f)
        return 1;
    struct buf b = {0};
    char row[160];
    archive_header(&b, 16, 0);
    archive_int(&b, 1);
    archive_entry(&b, 16, &table, false);
    archive_block(&b, 1, 1);
    bool whole = true;
    for (uint64_t n = 0; n < megabytes * 1000000; n += 145) {
        (void)snprintf(row, sizeof row, "%012" PRIu64 "%*s\n", n, 127, "the rest of the row");
        archive_piece(&b, row);
        if (b.len < MIB)
            continue;
        whole = fwrite(b.data, 1, b.len, f) == b.len && whole;
        b.len = 0;
    }
    archive_piece(&b, "\\.\n\n\n");
    archive_int(&b, 0);
    whole = fwrite(b.data, 1, b.len, f) == b.len && whole;
    buf_done(&b);
    return fclose(f) == 0 && whole ? 0 : 1;
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct bench {
    struct dump_reader *reader;
    struct payload *payload;
    uint64_t pieces, plain;
    bool ended;
};

static int on_event(struct bench *b, const struct dump_event *ev, struct error *e)
{
    if (ev->type == DUMP_DATA) {
        b->pieces += ev->piece_ends;
        b->plain += ev->raw.len;
        return payload_feed(b->payload, ev->raw, e);
    }
    if (ev->type == DUMP_HEADER) {
        b->payload = payload_new(ev->header->codec, e);
        return b->payload ? 0 : -1;
    }
    b->ended = ev->type == DUMP_END;
    if (ev->type == DUMP_BLOCK || ev->type == DUMP_OBJECT)
        return payload_begin(b->payload, false, e);
    return 0;
}

static int parse(struct bench *b, struct bytes in, struct error *e)
{
    bool at_end = in.len == 0;
    int rc = 0;
    while (rc == 0 && !b->ended) {
        struct dump_event ev;
        rc = dump_reader_step(b->reader, &in, at_end, &ev, e);
        if (rc == 0)
            rc = on_event(b, &ev, e);
    }
    return rc;
}

static int run(FILE *f)
{
    struct error e = {0};
    struct bench b = {.reader = dump_reader_new(NULL, &e)};
    uint8_t *buffer = malloc(MIB);
    double seconds = 0;
    int rc = b.reader && buffer ? 0 : -1;
    while (rc >= 0 && !b.ended) {
        size_t n = fread(buffer, 1, MIB, f);
        double start = now();
        rc = parse(&b, bytes_of(buffer, n), &e);
        seconds += now() - start;
    }
    if (rc < 0)
        (void)fprintf(stderr, "%s\n", e.text);
    else
        (void)printf("%" PRIu64 " bytes, %" PRIu64 " pieces, %.3f s, %.0f MB/s\n",
                     dump_reader_at(b.reader), b.pieces, seconds,
                     (double)dump_reader_at(b.reader) / 1e6 / seconds);
    free(buffer);
    payload_free(b.payload);
    dump_reader_free(b.reader);
    return rc < 0;
}

int main(int argc, char **argv)
{
    uint64_t megabytes;
    if (argc == 4 && strcmp(argv[1], "--make") == 0 && str_u64(argv[3], 1000000, &megabytes))
        return make(argv[2], megabytes);
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!f) {
        (void)fprintf(stderr, "usage: bench_parse FILE | --make FILE MB\n");
        return 2;
    }
    int rc = run(f);
    (void)fclose(f);
    return rc;
}
