/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: the dump reader and the payload check over any input, cut into parts of a size
 * that the first byte chooses. */
#include <stdlib.h>

#include "core/dump/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dump_limits limits = {
    .toc_bytes = MIB, .entries = 2000, .dependencies = 100};

static int on_event(struct payload **p, const struct dump_event *ev, struct error *e)
{
    static const uint64_t plain_max = 64 * MIB;
    if (ev->type == DUMP_HEADER) {
        *p = payload_new(ev->header->codec, e);
        return *p ? 0 : -1;
    }
    if (ev->type == DUMP_ENTRY) {
        struct bytes left = ev->entry->dependencies;
        uint32_t id;
        while (dump_reader_dependency(&left, &id))
            if (id > INT32_MAX)
                abort();
    }
    if (ev->type == DUMP_BLOCK || ev->type == DUMP_OBJECT)
        return payload_begin(*p, ev->type == DUMP_BLOCK && !ev->large_objects, e);
    if (ev->type == DUMP_DATA) {
        if (payload_plain_bytes(*p) > plain_max)
            return -1;
        return payload_feed(*p, ev->raw, e);
    }
    if (ev->type == DUMP_OBJECT_END || ev->type == DUMP_BLOCK_END)
        return payload_end(*p, e);
    return 0;
}

static int feed(struct dump_reader *r, struct payload **p, struct bytes part, bool at_end)
{
    uint8_t *copy = malloc(part.len ? part.len : 1);
    if (!copy)
        abort();
    if (part.len > 0)
        memcpy(copy, part.data, part.len);
    struct bytes in = bytes_of(copy, part.len);
    struct error e = {0};
    struct dump_event ev = {.type = DUMP_RAW};
    int rc = 0;
    bool ended = false;
    while (rc == 0 && !ended) {
        rc = dump_reader_step(r, &in, at_end, &ev, &e);
        if (rc == DUMP_READER_NEED && (at_end || in.len > 0))
            abort();
        if (rc == -1 && e.kind == ERROR_NONE)
            abort();
        ended = rc == 0 && ev.type == DUMP_END;
        if (rc == 0)
            rc = on_event(p, &ev, &e);
    }
    free(copy);
    return ended ? -1 : rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t split = data[0] ? data[0] : size;
    struct bytes input = bytes_of(data + 1, size - 1);
    struct payload *p = NULL;
    struct dump_reader *r = dump_reader_new(&limits, NULL);
    if (!r)
        return 0;
    int rc = 0;
    bool last = false;
    while (!last && rc != -1 && rc != DUMP_READER_NEWER) {
        size_t n = input.len < split ? input.len : split;
        struct bytes part = bytes_take(&input, n);
        last = part.len == 0;
        rc = feed(r, &p, part, last);
    }
    payload_free(p);
    dump_reader_free(r);
    return 0;
}
