/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/payload.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/dump/inflate.h"

#define MARK "\\.\n\n\n"
#define MARK_LEN (sizeof MARK - 1)
#define LAST_LEN (MARK_LEN + 1) /* the mark and the end of the line before it */
#define RATIO_FREE MIB

struct payload {
    enum dump_codec codec;
    struct inflate *inflate; /* NULL with DUMP_CODEC_NONE */
    bool copy_data;
    bool ended; /* the codec's end was met */
    payload_sink *sink;
    void *sink_arg;
    uint64_t raw_bytes, plain_bytes;
    uint8_t last[LAST_LEN]; /* the last plain bytes, the newest at the end */
};

struct payload *payload_new(enum dump_codec codec, struct error *e)
{
    struct payload *p = calloc(1, sizeof *p);
    if (!p) {
        (void)error_memory(e, "payload checker");
        return NULL;
    }
    p->codec = codec;
    if (codec == DUMP_CODEC_NONE)
        return p;
    p->inflate = inflate_new(codec, e);
    if (!p->inflate) {
        payload_free(p);
        return NULL;
    }
    return p;
}

void payload_free(struct payload *p)
{
    if (!p)
        return;
    inflate_free(p->inflate);
    free(p);
}

int payload_begin(struct payload *p, bool copy_data, struct error *e)
{
    p->copy_data = copy_data;
    p->ended = false;
    p->sink = NULL;
    p->raw_bytes = p->plain_bytes = 0;
    /* As if a line had ended just before the first byte: an empty table is the mark alone. */
    memset(p->last, '\n', sizeof p->last);
    return p->inflate ? inflate_reset(p->inflate, e) : 0;
}

void payload_watch(struct payload *p, payload_sink *sink, void *arg)
{
    p->sink = sink;
    p->sink_arg = arg;
}

static void note(struct payload *p, struct bytes plain)
{
    p->plain_bytes += plain.len;
    if (plain.len >= LAST_LEN) {
        memcpy(p->last, plain.data + plain.len - LAST_LEN, LAST_LEN);
    } else if (plain.len > 0) {
        memmove(p->last, p->last + plain.len, LAST_LEN - plain.len);
        memcpy(p->last + LAST_LEN - plain.len, plain.data, plain.len);
    }
}

static int check_ratio(const struct payload *p, struct error *e)
{
    /* No overflow: raw bytes of a real input stay far below 2^64 / PAYLOAD_MAX_RATIO. */
    if (p->plain_bytes <= RATIO_FREE ||
        (p->plain_bytes - RATIO_FREE) / PAYLOAD_MAX_RATIO <= p->raw_bytes)
        return 0;
    return error_set(e, ERROR_INCOMPLETE,
                     "%" PRIu64 " compressed bytes expand to more than %" PRIu64, p->raw_bytes,
                     p->plain_bytes);
}

int payload_feed(struct payload *p, struct bytes raw, struct error *e)
{
    p->raw_bytes += raw.len;
    if (!p->inflate) {
        note(p, raw);
        return p->sink ? p->sink(p->sink_arg, raw, e) : 0;
    }
    /* zstd takes repeated calls without input for a mistake. */
    int rc = raw.len > 0 ? 0 : INFLATE_MORE;
    while (rc == 0) {
        struct bytes plain;
        rc = inflate_step(p->inflate, &raw, &plain, e);
        if (rc < 0)
            return -1;
        note(p, plain);
        if (check_ratio(p, e) < 0 || (p->sink && p->sink(p->sink_arg, plain, e) < 0))
            return -1;
    }
    p->ended = p->ended || rc == INFLATE_END;
    if (raw.len > 0)
        return error_set(e, ERROR_INCOMPLETE,
                         "compressed data: %zu bytes behind the end of the stream", raw.len);
    return 0;
}

int payload_end(struct payload *p, struct error *e)
{
    if (p->inflate && !p->ended)
        return error_set(e, ERROR_INCOMPLETE,
                         "compressed data stops after %" PRIu64
                         " bytes, before the end of its stream",
                         p->raw_bytes);
    if (!p->copy_data)
        return 0;
    if (p->plain_bytes >= MARK_LEN && p->last[0] == '\n' &&
        memcmp(p->last + 1, MARK, MARK_LEN) == 0)
        return 0;
    return error_set(e, ERROR_INCOMPLETE,
                     "COPY data does not end in its end mark (\\. and three line feeds)");
}

uint64_t payload_plain_bytes(const struct payload *p)
{
    return p->plain_bytes;
}
