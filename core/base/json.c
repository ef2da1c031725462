/* SPDX-License-Identifier: Apache-2.0 */
/* Every value that a caller holds is a node: jansson's value, and the document that remembers
 * what went wrong. Nodes are strung on the document and freed with it. */
#include "core/base/json.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/base/str.h"

enum fault { FAULT_NONE, FAULT_MEMORY, FAULT_VALUE };

struct document {
    enum fault fault;
    struct json *nodes;
    struct json *root;
};

struct json {
    json_t *value; /* the root's is owned, the others' are their parents' */
    struct document *document;
    struct json *next;
};

static void wipe_and_free(void *memory)
{
    if (memory)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

/* What a document held may be secret. Before main, when nobody else uses jansson. */
__attribute__((constructor)) static void wipe_what_is_freed(void)
{
    json_set_alloc_funcs(malloc, wipe_and_free);
}

static struct json *node_new(struct document *d, json_t *value)
{
    struct json *j = calloc(1, sizeof *j);
    if (!j) {
        d->fault = d->fault ? d->fault : FAULT_MEMORY;
        return NULL;
    }
    *j = (struct json){.value = value, .document = d, .next = d->nodes};
    d->nodes = j;
    return j;
}

/* Takes value, also when it fails. */
static struct json *document_new(json_t *value)
{
    struct document *d = calloc(1, sizeof *d);
    struct json *j = d && value ? node_new(d, value) : NULL;
    if (j) {
        d->root = j;
        return j;
    }
    free(d);
    json_decref(value);
    return NULL;
}

struct json *json_new_object(void)
{
    return document_new(json_object());
}

struct json *json_new_list(void)
{
    return document_new(json_array());
}

void json_free(struct json *j)
{
    if (!j)
        return;
    struct document *d = j->document;
    assert(d->root == j);
    json_decref(j->value);
    while (d->nodes) {
        struct json *next = d->nodes->next;
        free(d->nodes);
        d->nodes = next;
    }
    free(d);
}

/* -- building -- */

/* Takes value. NULL means that it could not be made. */
static bool put(struct json *j, const char *key, json_t *value)
{
    if (!j) {
        json_decref(value);
        return false;
    }
    assert(key ? json_is_object(j->value) : json_is_array(j->value));
    int refused = key ? json_object_set_new(j->value, key, value)
                      : json_array_append_new(j->value, value);
    if (refused && !j->document->fault)
        j->document->fault = FAULT_MEMORY;
    return !refused;
}

/* A number that JSON cannot hold is remembered; null keeps its place until it is told. */
static void put_fault(struct json *j, const char *key)
{
    if (j && !j->document->fault)
        j->document->fault = FAULT_VALUE;
    (void)put(j, key, json_null());
}

/* Length of the UTF-8 sequence at p (RFC 3629), 0 when it is none. */
static size_t sequence(const uint8_t *p, size_t left)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (n == 1)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static json_t *escaped(struct bytes text)
{
    struct buf b = {0};
    json_t *value = NULL;
    int failed = 0;
    while (text.len > 0 && !failed) {
        size_t n = sequence(text.data, text.len);
        struct bytes front = bytes_take(&text, n ? n : 1);
        failed = n ? buf_append(&b, front.data, front.len, NULL)
                   : buf_printf(&b, NULL, "\\x%02x", front.data[0]);
    }
    if (!failed)
        value = json_stringn((const char *)b.data, b.len);
    buf_done(&b);
    return value;
}

void json_put_bytes(struct json *j, const char *key, struct bytes text)
{
    if (!text.data)
        text = bytes_text("");
    json_t *value = json_stringn((const char *)text.data, text.len);
    (void)put(j, key, value ? value : escaped(text));
}

void json_put_text(struct json *j, const char *key, const char *text)
{
    if (text)
        json_put_bytes(j, key, bytes_text(text));
    else
        json_put_null(j, key);
}

void json_put_u64(struct json *j, const char *key, uint64_t value)
{
    if (value > INT64_MAX)
        put_fault(j, key);
    else
        json_put_i64(j, key, (int64_t)value);
}

void json_put_i64(struct json *j, const char *key, int64_t value)
{
    (void)put(j, key, json_integer(value));
}

void json_put_bool(struct json *j, const char *key, bool value)
{
    (void)put(j, key, json_boolean(value));
}

void json_put_null(struct json *j, const char *key)
{
    (void)put(j, key, json_null());
}

void json_put_double(struct json *j, const char *key, double value)
{
    json_t *number = json_real(value);
    if (number)
        (void)put(j, key, number);
    else
        put_fault(j, key);
}

static struct json *put_node(struct json *j, const char *key, json_t *value)
{
    return put(j, key, value) ? node_new(j->document, value) : NULL;
}

struct json *json_put_object(struct json *j, const char *key)
{
    return put_node(j, key, json_object());
}

struct json *json_put_list(struct json *j, const char *key)
{
    return put_node(j, key, json_array());
}

/* -- writing -- */

static int ready(const struct json *j, struct error *e)
{
    if (!j || j->document->fault == FAULT_MEMORY)
        return error_memory(e, "JSON");
    if (j->document->fault == FAULT_VALUE)
        return error_set(e, ERROR_CORRUPT, "a number is too large for JSON");
    return 0;
}

static size_t style(bool indented)
{
    return indented ? JSON_INDENT(2) : JSON_COMPACT;
}

int json_write(const struct json *j, bool indented, FILE *out, struct error *e)
{
    if (ready(j, e) < 0)
        return -1;
    if (json_dumpf(j->value, out, style(indented)) < 0)
        return error_system(e, "JSON output");
    return 0;
}

static int to_buf(const char *text, size_t len, void *where)
{
    return buf_append(where, text, len, NULL);
}

int json_print(const struct json *j, bool indented, struct buf *out, struct error *e)
{
    if (ready(j, e) < 0)
        return -1;
    if (json_dump_callback(j->value, to_buf, out, style(indented)) < 0)
        return error_memory(e, "JSON");
    return 0;
}

/* -- reading -- */

struct json *json_parse(struct bytes text, size_t max_bytes, struct error *e)
{
    json_error_t why;
    char words[JSON_ERROR_TEXT_LENGTH];
    if (text.len > max_bytes) {
        (void)error_set(e, ERROR_CORRUPT, "JSON: %zu bytes, at most %zu allowed", text.len,
                        max_bytes);
        return NULL;
    }
    if (!text.data)
        text = bytes_text("");
    json_t *value = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &why);
    if (!value) {
        str_safe(words, sizeof words, bytes_text(why.text));
        (void)error_set(e, ERROR_CORRUPT, "JSON: line %d, column %d: %s", why.line, why.column,
                        words);
        return NULL;
    }
    struct json *j = document_new(value);
    if (!j)
        (void)error_memory(e, "JSON");
    return j;
}

static json_t *find(const struct json *j, const char *key, size_t place)
{
    if (!j)
        return NULL;
    return key ? json_object_get(j->value, key) : json_array_get(j->value, place);
}

struct json *json_get(struct json *j, const char *key, size_t place)
{
    json_t *value = find(j, key, place);
    return value ? node_new(j->document, value) : NULL;
}

size_t json_count(const struct json *j)
{
    if (!j)
        return 0;
    return json_is_object(j->value) ? json_object_size(j->value) : json_array_size(j->value);
}

const char *json_text(const struct json *j, const char *key)
{
    return json_string_value(find(j, key, 0));
}

const char *json_text_at(const struct json *j, size_t place)
{
    return json_string_value(find(j, NULL, place));
}

bool json_u64(const struct json *j, const char *key, uint64_t *value)
{
    const json_t *found = find(j, key, 0);
    if (!json_is_integer(found) || json_integer_value(found) < 0)
        return false;
    *value = (uint64_t)json_integer_value(found);
    return true;
}

bool json_double(const struct json *j, const char *key, double *value)
{
    const json_t *found = find(j, key, 0);
    if (!json_is_number(found))
        return false;
    *value = json_number_value(found);
    return true;
}

bool json_bool(const struct json *j, const char *key, bool *value)
{
    const json_t *found = find(j, key, 0);
    if (!json_is_boolean(found))
        return false;
    *value = json_is_true(found);
    return true;
}
