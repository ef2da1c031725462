/* SPDX-License-Identifier: Apache-2.0 */
/* What typed columns do for a file of COPY text:
 *
 *   bench_columns FILE [LEVEL [CHUNK-KIB]]
 *
 * Cuts it into chunks of whole rows (1 MiB, or as told), splits, compresses with a block for
 * every section, undoes both and compares; the same with the rows as they are. Every step is
 * done several times for each chunk, and the fastest counts: other work on the machine shows
 * less. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/str.h"
#include "core/flow/compress.h"
#include "core/rows/columns.h"

#define RUNS 3

enum step { ROWS, SPLIT, SECTIONS, UNDO, JOIN, STEPS };

struct bench {
    struct columns *columns;
    struct compress *compress;
    struct buf body, frame, back;
    size_t chunks, unfit, text_bytes;
    size_t rows_stored, body_bytes, columns_stored;
    double seconds[STEPS];
};

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int once(struct bench *b, enum step step, struct bytes text, struct error *e)
{
    size_t count;
    const size_t *ends = columns_ends(b->columns, &count);
    switch (step) {
    case ROWS:
        return compress_block(b->compress, text, &b->frame, e);
    case SPLIT:
        return columns_split(b->columns, text, &b->body, e);
    case SECTIONS:
        return compress_sections(b->compress, buf_view(&b->body), ends, count, &b->frame, e);
    case UNDO:
        return compress_undo(b->compress, buf_view(&b->frame), b->back.data, b->body.len, e);
    case JOIN:
        return columns_join(b->columns, buf_view(&b->body), b->back.data, text.len, e);
    case STEPS:
        break;
    }
    return error_set(e, ERROR_USAGE, "no such step");
}

static int timed(struct bench *b, enum step step, struct bytes text, struct error *e)
{
    double best = 1e9;
    int rc = 0;
    for (int i = 0; i < RUNS && rc >= 0; i++) {
        double start = now();
        rc = once(b, step, text, e);
        double seconds = now() - start;
        best = seconds < best ? seconds : best;
    }
    b->seconds[step] += best;
    return rc;
}

/* The length of what a compressor answered: without gain the plain bytes are stored. */
static size_t stored(int rc, const struct buf *frame, size_t plain)
{
    return rc == COMPRESS_NO_GAIN ? plain : frame->len;
}

static int typed(struct bench *b, struct bytes text, struct error *e)
{
    int rc = timed(b, SPLIT, text, e);
    if (rc != 0)
        return rc;
    rc = timed(b, SECTIONS, text, e);
    if (rc < 0)
        return -1;
    b->body_bytes += b->body.len;
    b->columns_stored += stored(rc, &b->frame, b->body.len);
    if (buf_reserve(&b->back, b->body.len > text.len ? b->body.len : text.len, e) < 0)
        return -1;
    if (rc == 0 && timed(b, UNDO, text, e) < 0)
        return -1;
    if (timed(b, JOIN, text, e) < 0)
        return -1;
    if (!bytes_equal(text, bytes_of(b->back.data, text.len)))
        return error_set(e, ERROR_DIFFERENT, "chunk %zu: not the same bytes", b->chunks);
    return 0;
}

static int chunk(struct bench *b, struct bytes text, struct error *e)
{
    int rc = timed(b, ROWS, text, e);
    if (rc < 0)
        return -1;
    size_t rows = stored(rc, &b->frame, text.len);
    b->rows_stored += rows;
    b->chunks++;
    b->text_bytes += text.len;
    rc = typed(b, text, e);
    if (rc == COLUMNS_UNFIT) {
        b->unfit++;
        b->body_bytes += text.len;
        b->columns_stored += rows;
    }
    return rc < 0 ? -1 : 0;
}

/* Whole rows, about size bytes. */
static size_t rows_of(const uint8_t *data, size_t len, size_t size)
{
    const uint8_t *feed = len > size ? memchr(data + size, '\n', len - size) : NULL;
    return feed ? (size_t)(feed - data) + 1 : len;
}

static int run(struct bench *b, FILE *f, size_t size, struct error *e)
{
    struct buf in = {0};
    int rc = buf_reserve(&in, 8 * size, e);
    size_t n = 1;
    while (rc == 0 && (n > 0 || in.len > 0)) {
        n = fread(in.data + in.len, 1, in.cap - in.len, f);
        in.len += n;
        size_t len = rows_of(in.data, in.len, size);
        rc = in.len > 0 ? chunk(b, bytes_of(in.data, len), e) : 0;
        buf_consume(&in, len);
    }
    buf_done(&in);
    return rc;
}

static void report(const struct bench *b, const char *name)
{
    double mb = (double)b->text_bytes / 1e6;
    const double *s = b->seconds;
    (void)printf("%s: %.2f MB in %zu chunks, %zu of them no table\n", name, mb, b->chunks,
                 b->unfit);
    (void)printf("  rows     %8.3f MB stored, zstd %.0f MB/s\n", (double)b->rows_stored / 1e6,
                 mb / s[ROWS]);
    (void)printf(
        "  columns  %8.3f MB stored, bodies %.2f MB, split %.0f, zstd %.0f, undo %.0f, "
        "join %.0f MB/s of text\n",
        (double)b->columns_stored / 1e6, (double)b->body_bytes / 1e6, mb / s[SPLIT],
        mb / s[SECTIONS], mb / s[UNDO], mb / s[JOIN]);
}

int main(int argc, char **argv)
{
    uint64_t level = COMPRESS_LEVEL;
    uint64_t kib = 1024;
    if (argc < 2 || argc > 4 || (argc > 2 && !str_u64(argv[2], COMPRESS_LEVEL_MAX, &level)) ||
        (argc > 3 && !str_u64(argv[3], COLUMNS_TEXT_MAX / KIB, &kib))) {
        (void)fprintf(stderr, "usage: bench_columns FILE [LEVEL [CHUNK-KIB]]\n");
        return 2;
    }
    FILE *f = fopen(argv[1], "rb");
    if (!f) {
        perror(argv[1]);
        return 1;
    }
    struct error e = {0};
    struct bench b = {.columns = columns_new(&e), .compress = compress_new((int)level, &e)};
    int rc = b.columns && b.compress ? run(&b, f, (size_t)kib * KIB, &e) : -1;
    if (rc < 0)
        (void)fprintf(stderr, "%s\n", e.text);
    else
        report(&b, argv[1]);
    buf_done(&b.body);
    buf_done(&b.frame);
    buf_done(&b.back);
    compress_free(b.compress);
    columns_free(b.columns);
    (void)fclose(f);
    return rc < 0;
}
