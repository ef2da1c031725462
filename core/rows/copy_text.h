/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of COPY text as people and programs want to see them: fields are what tabs separate;
 * within them the backslash escapes. What COPY ... TO writes is meant: \b \f \n \r \t \v for
 * these characters, \\ for itself, \N for a field that is NULL. */
#ifndef ROWS_COPY_TEXT_H
#define ROWS_COPY_TEXT_H

#include "core/base/buf.h"

/* The next field off the front of *line, and the tab behind it; false: that was the last. A
 * line (without its LF) has at least one field. */
bool copy_text_field(struct bytes *line, struct bytes *field);

bool copy_text_is_null(struct bytes field);
/* What stands for `escaped` behind a backslash. */
uint8_t copy_text_meant(uint8_t escaped);
/* The value of a field that is not NULL, appended to out. ERROR_MEMORY. */
MUST_CHECK int copy_text_value(struct bytes field, struct buf *out, struct error *e);

/* A line for a terminal, appended to out: control characters but tabs and LFs become \xNN,
 * which COPY ... FROM reads as the same. ERROR_MEMORY. */
MUST_CHECK int copy_text_visible(struct bytes line, struct buf *out, struct error *e);

#endif
