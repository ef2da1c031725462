/* SPDX-License-Identifier: Apache-2.0 */
/* How fast is a dump of one table put together again, out of a store in memory?
 *
 *   bench_restore MB CODEC CHUNK OPEN RUN [check]
 *
 * MB of rows of some 100 bytes, in chunks of CHUNK KiB under CODEC (0 raw, 1 zstd, 16 columns).
 * The stream goes to and fro between OPEN chunks in runs of RUN rows (0: chunk after chunk), as
 * it does after many nights of changes. check: as verify does it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "core/job/restore.h"
#include "core/job/stream_in.h"
#include "tests/support/chunk_maker.h"
#include "tests/support/made_dump.h"
#include "tests/support/store_memory.h"

#define TIMES 5

struct bench {
    struct chunk_maker maker;
    enum format_codec codec;
    struct recipe recipe;
    uint64_t seed, rows, bytes;
};

static void must(bool done, const struct error *e)
{
    if (done)
        return;
    (void)fprintf(stderr, "bench_restore: %s\n", e->text);
    exit(1);
}

static double seconds_of(const struct timeval *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

/* Of the wall, and of all processors. */
static void now(double *wall, double *processors)
{
    struct timespec t;
    struct rusage usage;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    (void)getrusage(RUSAGE_SELF, &usage);
    *wall = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    *processors = seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime);
}

static void add_row(struct bench *b, struct buf *text)
{
    static const char *const words[] = {
        "pending", "shipped", "returned", "urgent", "carefully", "the",      "quickly", "above",
        "final",   "sleep",   "packages", "ironic", "accounts",  "deposits", "blithe",  "to"};
    struct error e = {0};
    uint64_t x = made_random(&b->seed);
    uint64_t y = made_random(&b->seed);
    must(buf_printf(text, &e,
                    "%" PRIu64 "\t%" PRIu64
                    "\t2024-%02u-%02u %02u:%02u:%02u.%06u\t%s\t%u.%02u\t",
                    b->rows++, x % 150000, (unsigned)(y % 12) + 1, (unsigned)(x % 28) + 1,
                    (unsigned)(y % 24), (unsigned)(x % 60), (unsigned)(y % 60),
                    (unsigned)(x % 999999) + 1, words[y % 4], (unsigned)(x >> 40) % 10000,
                    (unsigned)(y % 100)) == 0,
         &e);
    for (unsigned i = 0; i < 2 + x % 7; i++)
        must(buf_printf(text, &e, i ? " %s" : "%s", words[y >> (4 * i + 8) & 15]) == 0, &e);
    must(buf_byte(text, '\n', &e) == 0, &e);
}

static void make_chunks(struct bench *b, uint64_t bytes, size_t chunk)
{
    struct error e = {0};
    struct buf text = {0};
    recipe_clear(&b->recipe, FORMAT_STREAM_ROWS);
    while (b->bytes < bytes) {
        uint64_t before = b->rows;
        text.len = 0;
        while (text.len < chunk)
            add_row(b, &text);
        struct ref ref =
            chunk_maker_put(&b->maker, FORMAT_KIND_ROWS, b->codec, buf_view(&text));
        must(recipe_add_chunk(&b->recipe, &ref, (uint32_t)(b->rows - before), &e) == 0, &e);
        b->bytes += text.len;
    }
    buf_done(&text);
}

/* Runs of rows of `count` chunks at a time; the first of them gives half of the runs. */
static void make_extents(struct bench *b, uint32_t count, uint32_t run)
{
    struct error e = {0};
    struct recipe *r = &b->recipe;
    struct recipe_source *open = calloc(count, sizeof *open);
    uint32_t next = 0;
    must(open, &e);
    for (uint32_t i = 0; i < count; i++)
        open[i].chunk = next++;
    while (count > 0) {
        uint64_t x = made_random(&b->seed);
        struct recipe_source *s = &open[x % 2 ? 0 : (x >> 8) % count];
        uint32_t left = s->chunk < r->count ? r->chunks[s->chunk].rows - s->first : 0;
        uint32_t rows = run == 0 || run > left ? left : run;
        if (rows > 0)
            must(recipe_add_extent(r, rows, 0, s, &e) == 0, &e);
        s->first += rows;
        if (rows == left)
            *s = next < r->count ? (struct recipe_source){.chunk = next++} : open[--count];
    }
    free(open);
}

/* A dump with that one table. */
static void make_member(struct bench *b, struct member *m)
{
    struct error e = {0};
    struct buf item = {0};
    struct recipe table = {.kind = FORMAT_STREAM_BYTES};
    struct ref recipe = chunk_maker_recipe(&b->maker, &b->recipe);
    static char name[] = "made";
    static char desc[] = "TABLE DATA";
    struct entry entry = {.name = name,
                          .desc = desc,
                          .place = ENTRY_OWN_PLACE,
                          .payload = chunk_maker_stream(FORMAT_STREAM_ROWS, &recipe, 1),
                          .rule = FORMAT_PIECES_LINE,
                          .rows = b->rows};
    entry.payload.parts[0].rows = b->rows;
    entry.payload.parts[0].bytes = b->bytes;
    must(entry_write(&entry, &item, &e) == 0, &e);
    struct ref chunk =
        chunk_maker_put(&b->maker, FORMAT_KIND_META, FORMAT_CODEC_RAW, buf_view(&item));
    must(recipe_add_chunk(&table, &chunk, 0, &e) == 0, &e);
    recipe = chunk_maker_recipe(&b->maker, &table);
    *m = (struct member){.kind = FORMAT_MEMBER_DUMP,
                         .header = made_dump(1, false),
                         .toc = {.kind = FORMAT_STREAM_BYTES},
                         .table = chunk_maker_stream(FORMAT_STREAM_BYTES, &recipe, 1)};
    chunk_maker_seal(&b->maker);
    recipe_done(&table);
    stream_done(&entry.payload);
    buf_done(&item);
}

/* With check the sums are missed at the end, when all the work is done. */
static void restore_once(struct bench *b, const struct member *m, bool check)
{
    struct error e = {0};
    double wall[2], processors[2];
    struct manifest manifest = {.is_open = true, .closure = b->maker.closure};
    manifest.private_part.has_domain_keys = true;
    manifest.private_part.chunk_id_key = b->maker.repository.bundle.domain.chunk_id;
    const struct restore_options options = {
        .repo = b->maker.repository.repo, .manifest = &manifest, .workers = 2, .check = check};
    struct restore *r = restore_new(&options, &e);
    must(r, &e);
    now(&wall[0], &processors[0]);
    int rc = restore_member(r, m, &e);
    now(&wall[1], &processors[1]);
    must(rc == 0 || (check && strstr(e.text, "rows differ")), &e);
    double mb = (double)b->bytes / 1e6;
    (void)printf("%5.0f MB/s, %.2f s of processors a GB\n", mb / (wall[1] - wall[0]),
                 (processors[1] - processors[0]) * 1000 / mb);
    restore_free(r);
}

int main(int argc, char **argv)
{
    struct error e = {0};
    struct bench b = {.seed = 1};
    struct member member;
    uint64_t numbers[5];
    if (argc < 6)
        return 1;
    for (int i = 0; i < 5; i++)
        numbers[i] = strtoull(argv[i + 1], NULL, 10);
    struct store *store = store_memory_new(&e);
    must(store, &e);
    chunk_maker_init(&b.maker, store);
    b.codec = (enum format_codec)numbers[1];
    make_chunks(&b, numbers[0] * 1000000, (size_t)numbers[2] * KIB);
    make_extents(&b, numbers[4] == 0 ? 1 : (uint32_t)numbers[3], (uint32_t)numbers[4]);
    make_member(&b, &member);
    (void)printf("%" PRIu64 " rows, %" PRIu64 " MB, in %u chunks and %u extents\n", b.rows,
                 b.bytes / 1000000, b.recipe.count, b.recipe.extent_count);
    for (int i = 0; i < TIMES; i++)
        restore_once(&b, &member, argc > 6);
    buf_done(&member.header);
    stream_done(&member.table);
    recipe_done(&b.recipe);
    chunk_maker_done(&b.maker);
    store_close(store);
    return 0;
}
