/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/host.h"

#include <stdio.h>

#include "core/base/str.h"
#include "core/repo/tlv.h"

enum {
    TAG_HOST = 1,
    TAG_KEY,
    TAG_FLAGS,
    TAG_DOMAIN,
    TAG_FROM,
    TAG_UNTIL,
    TAG_REPLACES,
    TAG_READER,
    TAG_LAST_GOOD,
};

void host_name(char *out, const struct host *h)
{
    char id[2 * FORMAT_ID_LEN + 1];
    char nonce[2 * FORMAT_ID_LEN + 1];
    str_hex(id, h->host_id, FORMAT_ID_LEN);
    str_hex(nonce, h->nonce, FORMAT_ID_LEN);
    (void)snprintf(out, FORMAT_NAME_MAX, "hosts/%s-%s", id, nonce);
}

static int write_body(const struct host *h, struct buf *b, struct error *e)
{
    uint8_t reader[36];
    memcpy(reader, h->reader_key, 32);
    buf_store_u32(reader + 32, h->reader_epoch);
    if (tlv_put(b, TAG_HOST, bytes_of(h->host_id, FORMAT_ID_LEN), e) < 0 ||
        tlv_put(b, TAG_KEY, bytes_of(h->public_key, sizeof h->public_key), e) < 0 ||
        tlv_uint(b, TAG_FLAGS, h->flags, e) < 0 ||
        tlv_put(b, TAG_DOMAIN, bytes_of(h->domain_id, FORMAT_ID_LEN), e) < 0 ||
        tlv_uint(b, TAG_FROM, (uint64_t)h->valid_from_us, e) < 0 ||
        (h->valid_until_us && tlv_uint(b, TAG_UNTIL, (uint64_t)h->valid_until_us, e) < 0) ||
        (h->has_reader_key && tlv_put(b, TAG_READER, bytes_of(reader, sizeof reader), e) < 0) ||
        (h->has_last_good && tlv_uint(b, TAG_LAST_GOOD, h->last_good, e) < 0))
        return -1;
    for (size_t i = 0; i < h->replaces_count; i++)
        if (tlv_put(b, TAG_REPLACES, bytes_of(h->replaces[i], FORMAT_ID_LEN), e) < 0)
            return -1;
    return 0;
}

int host_write(const struct host *h, const uint8_t repository_id[FORMAT_ID_LEN],
               const struct statement_signer *admin, struct buf *out, struct error *e)
{
    struct buf body = {0};
    int rc = write_body(h, &body, e);
    if (rc == 0)
        rc = statement_write(FORMAT_ENROLMENT, repository_id, admin, buf_view(&body), out, e);
    buf_done(&body);
    return rc;
}

static void get_reader(struct tlv_reader *r, const struct tlv *t, struct host *out)
{
    uint8_t raw[36];
    tlv_get_fixed(r, t, raw, sizeof raw);
    struct cursor c = cursor_of(bytes_of(raw, sizeof raw));
    cursor_copy(&c, out->reader_key, sizeof out->reader_key);
    out->reader_epoch = cursor_u32(&c);
    out->has_reader_key = true;
}

static void get_field(struct tlv_reader *r, const struct tlv *t, struct host *out)
{
    switch (t->tag) {
    case TAG_HOST:
        tlv_get_fixed(r, t, out->host_id, FORMAT_ID_LEN);
        return;
    case TAG_KEY:
        tlv_get_fixed(r, t, out->public_key, sizeof out->public_key);
        return;
    case TAG_FLAGS:
        out->flags = tlv_get_uint(r, t, UINT64_MAX);
        return;
    case TAG_DOMAIN:
        tlv_get_fixed(r, t, out->domain_id, FORMAT_ID_LEN);
        return;
    case TAG_FROM:
        out->valid_from_us = (int64_t)tlv_get_uint(r, t, INT64_MAX);
        return;
    case TAG_UNTIL:
        out->valid_until_us = (int64_t)tlv_get_uint(r, t, INT64_MAX);
        return;
    case TAG_REPLACES:
        if (t->value.len != FORMAT_ID_LEN || out->replaces_count == HOST_MAX_REPLACES)
            r->bad = true;
        else
            memcpy(out->replaces[out->replaces_count++], t->value.data, FORMAT_ID_LEN);
        return;
    case TAG_READER:
        get_reader(r, t, out);
        return;
    case TAG_LAST_GOOD:
        out->last_good = tlv_get_uint(r, t, UINT64_MAX);
        out->has_last_good = true;
        return;
    default:
        return;
    }
}

int host_read(struct bytes raw, const char *name, const uint8_t repository_id[FORMAT_ID_LEN],
              const uint8_t admin_public[32], struct host *out, struct error *e)
{
    const uint64_t needed = 1u << TAG_HOST | 1u << TAG_KEY | 1u << TAG_FLAGS;
    struct statement s;
    struct tlv t;
    char expected[FORMAT_NAME_MAX];
    *out = (struct host){0};
    if (statement_parse(raw, FORMAT_ENROLMENT, repository_id, &s, e) < 0 ||
        statement_check(&s, admin_public, e) < 0)
        return error_wrap(e, "%s", name);
    struct tlv_reader r = tlv_reader_of(s.body);
    while (tlv_next(&r, &t))
        get_field(&r, &t, out);
    if ((r.seen & needed) != needed)
        r.bad = true;
    if (tlv_end(&r, name, e) < 0)
        return -1;
    size_t len = strlen(name);
    if (len < 2 * FORMAT_ID_LEN ||
        !str_unhex(out->nonce, FORMAT_ID_LEN, name + len - 2 * FORMAT_ID_LEN))
        return error_set(e, ERROR_CORRUPT, "%s: no name of an enrolment", name);
    host_name(expected, out);
    if (strcmp(expected, name) != 0)
        return error_set(e, ERROR_CORRUPT, "%s: holds the enrolment of another host", name);
    return 0;
}
