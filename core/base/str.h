/* SPDX-License-Identifier: Apache-2.0 */
/* Small text helpers: hex, copies, escaping for people. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "core/base/bytes.h"
#include "core/base/error.h"

/* Lower-case hex of data and a terminator; out has 2 * len + 1 bytes. */
void str_hex(char *out, const void *data, size_t len);
/* text must be exactly 2 * len lower-case hex digits; false otherwise. */
MUST_CHECK bool str_unhex(void *out, size_t len, const char *text);

/* A copy that the caller frees; NULL with ERROR_MEMORY. */
MUST_CHECK char *str_copy(const char *text, struct error *e);
MUST_CHECK char *str_copy_bytes(struct bytes b, struct error *e);
/* Formatted, the caller frees; NULL with ERROR_MEMORY. */
MUST_CHECK char *str_format(struct error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Printable form of foreign text: control characters, newlines and broken UTF-8 leave as
 * \xNN, cut with "..." to fit. Always terminated. For messages and logs. */
void str_safe(char *out, size_t size, struct bytes text);

/* A decimal number that fills the whole text; false when it is none or above max. */
MUST_CHECK bool str_u64(const char *text, uint64_t max, uint64_t *value);

/* Bytes: a number, alone or with K, M, G or T behind it (binary units), such as 512M. False for
 * anything else. */
MUST_CHECK bool str_bytes(const char *text, uint64_t *value);

/* 1.5 MiB and the like (binary units); out has 32 bytes. */
void str_size(char *out, uint64_t bytes);

/* Bytes of text that a name of at most max bytes (above 3) may keep: cut between characters. */
size_t str_cut(const char *text, size_t max);

bool str_starts(const char *text, const char *prefix);

#endif
