/* SPDX-License-Identifier: Apache-2.0 */
/* expat calls for every element; the path is not kept, only the depth and the name of the
 * element whose text is being taken. A page is read twice: once to see that it is whole, once
 * to visit, so that a cut page is never half visited. */
#include "backends/s3_xml.h"

#include <stdlib.h>

#include <expat.h>

#include "core/base/clock.h"
#include "core/base/str.h"

#define MOST_DEPTH 8
#define MOST_TEXT (4 * KIB)
#define OBJECT_DEPTH 3 /* ListBucketResult / Contents / Key */

/* A reading under way; the handlers of a document are given by `ended`. */
struct reading {
    XML_Parser parser;
    const char *root;
    void (*ended)(struct reading *r, const char *name, const char *text);
    void *to;
    unsigned depth;
    bool in_contents, bad;
    char text[MOST_TEXT + 1];
    size_t len;
};

/* ---- the reading -------------------------------------------------------------------- */

static void stop(struct reading *r)
{
    r->bad = true;
    (void)XML_StopParser(r->parser, XML_FALSE);
}

static void on_doctype(void *arg, const char *name, const char *system, const char *public,
                       int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    stop(arg);
}

static void on_start(void *arg, const char *name, const char **attributes)
{
    struct reading *r = arg;
    (void)attributes;
    if (++r->depth > MOST_DEPTH || (r->depth == 1 && strcmp(name, r->root) != 0)) {
        stop(r);
        return;
    }
    if (r->depth == 2)
        r->in_contents = strcmp(name, "Contents") == 0;
    r->len = 0;
}

static void on_text(void *arg, const char *text, int len)
{
    struct reading *r = arg;
    if (len < 0 || (size_t)len > MOST_TEXT - r->len) {
        stop(r);
        return;
    }
    memcpy(r->text + r->len, text, (size_t)len);
    r->len += (size_t)len;
}

static void on_end(void *arg, const char *name)
{
    struct reading *r = arg;
    r->text[r->len] = '\0';
    if (!r->bad)
        r->ended(r, name, r->text);
    r->depth--;
    r->len = 0;
}

/* True when the whole document was read and nobody stopped it. */
static bool read_document(struct reading *r, struct bytes xml)
{
    r->parser = XML_ParserCreate(NULL);
    if (!r->parser || xml.len > INT32_MAX) {
        XML_ParserFree(r->parser);
        return false;
    }
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    bool whole =
        XML_Parse(r->parser, (const char *)xml.data, (int)xml.len, XML_TRUE) == XML_STATUS_OK &&
        !r->bad;
    XML_ParserFree(r->parser);
    return whole;
}

/* ---- errors ------------------------------------------------------------------------- */

static void error_ended(struct reading *r, const char *name, const char *text)
{
    struct s3_xml_error *out = r->to;
    const struct {
        const char *name;
        char *to;
        size_t size;
    } fields[] = {
        {"Code", out->code, sizeof out->code},
        {"Message", out->message, sizeof out->message},
        {"Region", out->region, sizeof out->region},
        {"Endpoint", out->endpoint, sizeof out->endpoint},
        {"ServerTime", out->server_time, sizeof out->server_time},
        {"RequestTime", out->request_time, sizeof out->request_time},
    };
    for (size_t i = 0; r->depth == 2 && i < ARRAY_SIZE(fields); i++)
        if (strcmp(name, fields[i].name) == 0)
            str_safe(fields[i].to, fields[i].size, bytes_text(text));
}

bool s3_xml_read_error(struct bytes xml, struct s3_xml_error *out)
{
    struct reading r = {.root = "Error", .ended = error_ended, .to = out};
    *out = (struct s3_xml_error){0};
    if (xml.len > 0 && read_document(&r, xml))
        return true;
    *out = (struct s3_xml_error){0};
    return false;
}

/* ---- pages -------------------------------------------------------------------------- */

struct listing {
    s3_xml_visit *visit; /* NULL: only look whether the document is whole */
    void *arg;
    struct s3_xml_page *page;
    struct error *e;
    const char *wrong;
    bool encoded; /* keys are percent-encoded */
    bool refused; /* the visitor did */
    char key[3 * S3_XML_NAME];
    bool has_key, has_size, has_time;
    uint64_t size;
    int64_t modified_us;
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* Percent-decoding in place; "+" is a blank (S3 writes it so). False for broken escapes and
 * zero bytes. */
static bool decode(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        if (*at != '%') {
            *to++ = *at == '+' ? ' ' : *at;
            continue;
        }
        int high = hex_value(at[1]);
        int low = high >= 0 ? hex_value(at[2]) : -1;
        if (low < 0 || high + low == 0)
            return false;
        *to++ = (char)(high * 16 + low);
        at += 2;
    }
    *to = '\0';
    return true;
}

static void begin_object(struct listing *l)
{
    l->has_key = l->has_size = l->has_time = false;
}

static void object_part(struct listing *l, const char *name, const char *text)
{
    if (strcmp(name, "Key") == 0) {
        size_t len = strlen(text);
        l->has_key = len < sizeof l->key;
        memcpy(l->key, text, l->has_key ? len + 1 : 0);
    } else if (strcmp(name, "Size") == 0)
        l->has_size = str_u64(text, INT64_MAX, &l->size);
    else if (strcmp(name, "LastModified") == 0)
        l->has_time = clock_parse(text, &l->modified_us);
}

static void object_ended(struct reading *r, struct listing *l)
{
    l->page->objects++;
    if (!l->has_key)
        l->wrong = "an object without a key of at most 1024 bytes";
    else if (!l->has_size)
        l->wrong = "an object without a size";
    else if (!l->has_time)
        l->wrong = "an object without a time";
    else if (l->visit && l->encoded && !decode(l->key))
        l->wrong = "a key that is not encoded as it says";
    else if (l->visit && strlen(l->key) >= S3_XML_NAME)
        l->wrong = "a key longer than 1024 bytes";
    else if (l->visit) {
        struct s3_xml_object object = {l->key, l->size, l->modified_us};
        l->refused = l->visit(l->arg, &object, l->e) < 0;
    }
    if (l->wrong || l->refused)
        stop(r);
    begin_object(l);
}

static void page_ended(struct reading *r, const char *name, const char *text)
{
    struct listing *l = r->to;
    if (r->depth == OBJECT_DEPTH && r->in_contents)
        object_part(l, name, text);
    if (r->depth != 2)
        return;
    if (r->in_contents)
        object_ended(r, l);
    else if (strcmp(name, "IsTruncated") == 0)
        l->page->truncated = strcmp(text, "true") == 0;
    else if (strcmp(name, "EncodingType") == 0)
        l->encoded = strcmp(text, "url") == 0;
    else if (strcmp(name, "NextContinuationToken") == 0) {
        size_t len = strlen(text);
        if (len >= S3_XML_TOKEN)
            stop(r);
        else
            memcpy(l->page->next, text, len + 1);
    }
}

static int page_wrong(const struct listing *l, struct error *e)
{
    return error_set(e, ERROR_CORRUPT, "listing: %s",
                     l->wrong ? l->wrong : "the reply is no whole ListBucketResult");
}

int s3_xml_read_page(struct bytes xml, s3_xml_visit *visit, void *arg, struct s3_xml_page *page,
                     struct error *e)
{
    struct listing l = {.page = page, .e = e};
    struct reading first = {.root = "ListBucketResult", .ended = page_ended, .to = &l};
    *page = (struct s3_xml_page){0};
    if (!read_document(&first, xml))
        return page_wrong(&l, e);
    *page = (struct s3_xml_page){0};
    begin_object(&l);
    l.visit = visit;
    l.arg = arg;
    struct reading second = {.root = "ListBucketResult", .ended = page_ended, .to = &l};
    if (read_document(&second, xml))
        return 0;
    return l.refused ? -1 : page_wrong(&l, e);
}
