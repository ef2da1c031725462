/* SPDX-License-Identifier: Apache-2.0 */
/* SQL as pg_dump and pg_dumpall write it, taken apart: keywords stand in capitals, names are
 * quoted unless they are of small letters and no reserved word. It is never run as it stands
 * but through these. */
#ifndef TOOLS_SQL_TEXT_H
#define TOOLS_SQL_TEXT_H

#include "core/base/bytes.h"

/* Length of the quoted thing at the front of s, its quotes with it: '…' and "…" with doubled
 * quotes, backslashes too where they escape (E'…'). All of s when it does not end. */
size_t sql_text_quoted(struct bytes s, bool backslashes);
/* Take one statement off the front, without its semicolon and what is blank before it; lines
 * of comments between statements are passed over. Empty: there is none any more. */
struct bytes sql_text_statement(struct bytes *sql);
/* Take a name off the front into out, which has room for all of text; its length, 0 for none
 * and for a word in capitals, such as PUBLIC. */
size_t sql_text_name(struct bytes *text, uint8_t *out);

#endif
