/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and times as PostgreSQL prints them with datestyle ISO (and as ISO 8601 has them), as
 * days since 1970-01-01 and as microseconds, since midnight or since that day. */
#ifndef ROWS_COLUMNS_MOMENT_H
#define ROWS_COLUMNS_MOMENT_H

#include "core/rows/columns_number.h"

/* All values as dates, times or timestamps, as form->kind wants, to out; fills the rest of the
 * form. False: they are not. */
bool columns_moment_parse(const struct columns_values *v, struct columns_number *form,
                          uint64_t *out);
/* As columns_number_print, for the same kinds. */
bool columns_moment_print(const struct columns_number *form, const uint64_t *v, size_t n,
                          uint8_t *out, struct bytes *cells);

#endif
