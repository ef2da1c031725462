/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, dates and times as PostgreSQL prints them (datestyle ISO), to 64-bit numbers and
 * back: only forms that come back to the byte. */
#ifndef ROWS_COLUMNS_NUMBER_H
#define ROWS_COLUMNS_NUMBER_H

#include "core/base/cursor.h"
#include "core/rows/columns_format.h"
#include "core/rows/columns_sink.h"

/* What one printed value takes at most. */
#define COLUMNS_NUMBER_ROOM 64

struct columns_number {
    enum columns_kind kind; /* COLUMNS_INTEGER to COLUMNS_TIMESTAMP */
    uint8_t digits;  /* integer: width with leading zeros, or 0; decimal: behind the point;
                      * times: of the second's fraction */
    bool trimmed;    /* decimal and times: trailing zeros of the fraction are not printed */
    uint8_t between; /* timestamp: what stands between date and time */
    struct bytes suffix;
};

/* All values as numbers of one form: into out, which has room for v->count. False: they are
 * not, or would not print to the same bytes. */
bool columns_number_parse(const struct columns_values *v, struct columns_number *form,
                          uint64_t *out);
void columns_number_write(struct columns_sink *s, const struct columns_number *form);

/* The form of a number column of this kind; sets in->bad. */
void columns_number_read(struct cursor *in, enum columns_kind kind,
                         struct columns_number *form);
/* Prints n values to out (COLUMNS_NUMBER_ROOM bytes each), cells getting where they stand.
 * False: a value that the form does not have. */
bool columns_number_print(const struct columns_number *form, const uint64_t *v, size_t n,
                          uint8_t *out, struct bytes *cells);

#endif
