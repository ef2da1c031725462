/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/head.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "core/dump/wire.h"

#define FIXED_LEN 11 /* magic, version, sizes, format */
#define PROBE_LEN 32 /* enough to name what is no archive */
#define MINOR_FIRST 10
#define MINOR_LAST 16
#define MINOR_CODEC_BYTE 15

enum head_field {
    FIELD_CODEC,
    FIELD_TM,
    FIELD_TEXT = FIELD_TM + 7,
    FIELD_END = FIELD_TEXT + 3
};

static const char magic[5] = {'P', 'G', 'D', 'M', 'P'};

#define HINT_CUSTOM "make the dump with pg_dump --format=custom"
#define HINT_UNPACK "unpack it first; the custom format is compressed by itself"

struct foreign {
    const char *start;
    size_t len;
    const char *what;
    const char *hint;
};

#define START(text) (text), sizeof(text) - 1

static const struct foreign foreigners[] = {
    {START("--\n-- PostgreSQL database dump"), "a plain SQL dump", HINT_CUSTOM},
    {START("--\n-- PostgreSQL database cluste"), "a plain SQL script of pg_dumpall",
     HINT_CUSTOM},
    {START("toc.dat\0"), "a dump in the tar format", HINT_CUSTOM},
    {START("\x1f\x8b"), "compressed by gzip", HINT_UNPACK},
    {START("\x28\xb5\x2f\xfd"), "compressed by zstd", HINT_UNPACK},
    {START("\xfd\x37zXZ\0"), "compressed by xz", HINT_UNPACK},
    {START("\x04\x22\x4d\x18"), "compressed by lz4", HINT_UNPACK},
    {START("BZh"), "compressed by bzip2", HINT_UNPACK},
    {START("PK\x03\x04"), "a zip file", HINT_UNPACK},
};

void head_done(struct head *h)
{
    buf_done(&h->raw);
    for (size_t i = 0; i < ARRAY_SIZE(h->texts); i++)
        free(h->texts[i]);
    *h = (struct head){0};
}

const char *head_where(const struct head *h)
{
    static const char *const names[FIELD_END] = {
        "compression",   "seconds",  "minutes",        "hours",          "day", "month", "year",
        "daylight flag", "database", "server version", "pg_dump version"};
    return h->known && h->field < FIELD_END ? names[h->field] : "start";
}

static int bad_field(const struct head *h, struct error *e, const char *why)
{
    return error_set(e, ERROR_INCOMPLETE, "byte %zu: header (%s): %s", h->raw.len,
                     head_where(h), why);
}

static int no_archive(struct bytes probe, struct error *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(foreigners); i++) {
        const struct foreign *f = &foreigners[i];
        if (probe.len < f->len || memcmp(probe.data, f->start, f->len) != 0)
            continue;
        (void)error_set(e, ERROR_INCOMPLETE, "the input is %s, no custom-format archive",
                        f->what);
        return error_hint(e, "%s", f->hint);
    }
    char safe[4 * PROBE_LEN + 1];
    str_safe(safe, sizeof safe, probe);
    (void)error_set(e, ERROR_INCOMPLETE,
                    "the input is no custom-format archive: it begins with \"%s\"", safe);
    return error_hint(e, HINT_CUSTOM);
}

/* The fixed bytes: 0, HEAD_NEWER, -1. */
static int check_fixed(const uint8_t *p, struct error *e)
{
    uint8_t major = p[5];
    uint8_t minor = p[6];
    uint8_t format = p[10];
    if (major != 1 || minor < MINOR_FIRST)
        return error_set(e, ERROR_INCOMPLETE,
                         "byte 5: archive version %u.%u, expected 1.%d to 1.%d", major, minor,
                         MINOR_FIRST, MINOR_LAST);
    if (format == 3 || format == 5) {
        (void)error_set(e, ERROR_INCOMPLETE,
                        "byte 10: format %u (the toc.dat of a tar or directory dump), "
                        "expected 1 (custom)",
                        format);
        return error_hint(e, HINT_CUSTOM);
    }
    if (format != 1)
        return error_set(e, ERROR_INCOMPLETE, "byte 10: format %u, expected 1 (custom)",
                         format);
    if (minor > MINOR_LAST)
        return HEAD_NEWER;
    if (p[8] != 4 || p[9] != 8)
        return error_set(e, ERROR_INCOMPLETE,
                         "byte 8: ints of %u and offsets of %u bytes, expected 4 and 8", p[8],
                         p[9]);
    return 0;
}

/* Look at the start without taking it, so that another reader can have it whole. */
static int sniff(struct head *h, struct bytes *in, bool at_end, struct error *e)
{
    uint8_t raw[PROBE_LEN] = {0};
    size_t old = h->raw.len;
    size_t more = in->len < PROBE_LEN - old ? in->len : PROBE_LEN - old;
    if (old > 0)
        memcpy(raw, h->raw.data, old);
    if (more > 0)
        memcpy(raw + old, in->data, more);
    struct bytes probe = bytes_of(raw, old + more);

    size_t same = probe.len < sizeof magic ? probe.len : sizeof magic;
    bool ours = memcmp(raw, magic, same) == 0;
    if (ours && probe.len >= FIXED_LEN)
        return check_fixed(raw, e);
    if (!ours && (probe.len == PROBE_LEN || at_end))
        return no_archive(probe, e);
    if (at_end && probe.len == 0)
        return error_set(e, ERROR_INCOMPLETE, "cut at byte 0: the input is empty");
    return wire_fill(&h->raw, in, PROBE_LEN, e);
}

static void begin_field(struct head *h, unsigned field, size_t len)
{
    h->field = field;
    h->want = h->raw.len + len;
}

static int take_codec(struct head *h, struct error *e)
{
    struct dump_header *d = &h->header;
    if (d->minor >= MINOR_CODEC_BYTE) {
        uint8_t codec = h->raw.data[h->raw.len - 1];
        if (codec > DUMP_CODEC_ZSTD)
            return bad_field(h, e, "unknown algorithm");
        d->codec = (enum dump_codec)codec;
        return 0;
    }
    int32_t level;
    if (!wire_int(h->raw.data + h->raw.len - WIRE_INT_LEN, &level) || level < -1 || level > 9)
        return bad_field(h, e, "level is not -1 to 9");
    d->level = level;
    d->codec = level == 0 ? DUMP_CODEC_NONE : DUMP_CODEC_GZIP;
    return 0;
}

/* Comes twice for each text: when its length is there, and when its bytes are. */
static int take_text(struct head *h, struct error *e)
{
    char **text = &h->texts[h->field - FIELD_TEXT];
    size_t at = h->text_at;
    if (at == 0) {
        int32_t len;
        if (!wire_int(h->raw.data + h->raw.len - WIRE_INT_LEN, &len) || len < -1 ||
            len > WIRE_NAME_MAX)
            return bad_field(h, e, "text of a wrong length");
        h->text_at = h->raw.len;
        h->want = h->raw.len + (len > 0 ? (size_t)len : 0);
        return 0;
    }
    struct bytes b = bytes_of(h->raw.data + at, h->raw.len - at);
    if (b.len > 0 && memchr(b.data, '\0', b.len))
        return bad_field(h, e, "text holds a zero byte");
    *text = str_copy_bytes(b, e);
    if (!*text)
        return -1;
    h->text_at = 0;
    begin_field(h, h->field + 1, h->field + 1 == FIELD_END ? 0 : WIRE_INT_LEN);
    return 0;
}

static int decide(struct head *h, struct error *e)
{
    if (!h->known) {
        const uint8_t *p = h->raw.data;
        h->header = (struct dump_header){.major = p[5], .minor = p[6], .rev = p[7]};
        h->known = true;
        begin_field(h, FIELD_CODEC, p[6] >= MINOR_CODEC_BYTE ? 1 : WIRE_INT_LEN);
        return 0;
    }
    if (h->field >= FIELD_TEXT)
        return take_text(h, e);
    if (h->field == FIELD_CODEC) {
        if (take_codec(h, e) < 0)
            return -1;
    } else if (!wire_int(h->raw.data + h->raw.len - WIRE_INT_LEN,
                         &h->header.tm[h->field - FIELD_TM])) {
        return bad_field(h, e, "no number");
    }
    begin_field(h, h->field + 1, WIRE_INT_LEN);
    return 0;
}

int head_step(struct head *h, struct bytes *in, bool at_end, struct error *e)
{
    if (!h->known) {
        int rc = sniff(h, in, at_end, e);
        if (rc != 0)
            return rc;
        h->want = FIXED_LEN;
    }
    while (!h->known || h->field < FIELD_END) {
        int rc = wire_fill(&h->raw, in, h->want, e);
        if (rc != 0)
            return rc == WIRE_NEED ? HEAD_NEED : rc;
        if (decide(h, e) < 0)
            return -1;
    }
    h->header.database = h->texts[0];
    h->header.server_version = h->texts[1];
    h->header.dump_version = h->texts[2];
    return 0;
}
