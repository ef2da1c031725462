/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259), by jansson, which nobody else includes. A struct json is one value of a
 * document; the root owns everything below it. Building never stops the caller: what goes
 * wrong is remembered by the document and told once, when it is written, and a NULL value is
 * taken everywhere (putting into it does nothing, reading from it finds nothing).
 * Texts may be secret: memory is wiped when it is freed. One thread at a time. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdio.h>

#include "core/base/buf.h"
#include "core/base/bytes.h"
#include "core/base/error.h"

struct json;

/* The root of a new document, or NULL without memory (writing tells). */
MUST_CHECK struct json *json_new_object(void);
MUST_CHECK struct json *json_new_list(void);
/* Frees the document of which j is the root. */
void json_free(struct json *j);

/* Put a value under key into the object j, in place of an older one; key NULL appends to the
 * list j. Keys are valid UTF-8 of our own. Bytes of a text that are not UTF-8 leave as \xNN.
 * Text NULL is null. A u64 above INT64_MAX is an error: readers of JSON would misread it. */
void json_put_text(struct json *j, const char *key, const char *text);
void json_put_bytes(struct json *j, const char *key, struct bytes text);
void json_put_u64(struct json *j, const char *key, uint64_t value);
void json_put_i64(struct json *j, const char *key, int64_t value);
void json_put_bool(struct json *j, const char *key, bool value);
void json_put_null(struct json *j, const char *key);
void json_put_double(struct json *j, const char *key, double value); /* finite */
/* A new, empty value inside j, whose parent owns it; NULL without memory. */
struct json *json_put_object(struct json *j, const char *key);
struct json *json_put_list(struct json *j, const char *key);

/* Write j without a line end; indented is for people, compact is one line. The first thing
 * that went wrong while building is told here: ERROR_MEMORY, or ERROR_CORRUPT for a value that
 * JSON cannot hold. ERROR_IO from the file. */
MUST_CHECK int json_write(const struct json *j, bool indented, FILE *out, struct error *e);
/* The same, behind what out holds. */
MUST_CHECK int json_print(const struct json *j, bool indented, struct buf *out,
                          struct error *e);

/* Read a document (an object or a list) of at most max_bytes; keys must be unique. The root is
 * the caller's. NULL with ERROR_CORRUPT, naming line and column, or ERROR_MEMORY. */
MUST_CHECK struct json *json_parse(struct bytes text, size_t max_bytes, struct error *e);

/* Reading: by key from an object, by place from a list (key NULL). Absent and of another type
 * are the same: NULL or false. Texts and values live as long as the document; a text has no
 * NUL bytes inside. */
struct json *json_get(struct json *j, const char *key, size_t place);
/* Number of members or places; 0 for anything else. */
size_t json_count(const struct json *j);
const char *json_text(const struct json *j, const char *key);
MUST_CHECK bool json_u64(const struct json *j, const char *key, uint64_t *value);
/* Any number. */
MUST_CHECK bool json_double(const struct json *j, const char *key, double *value);
MUST_CHECK bool json_bool(const struct json *j, const char *key, bool *value);
/* The text at a place of a list. */
const char *json_text_at(const struct json *j, size_t place);

#endif
