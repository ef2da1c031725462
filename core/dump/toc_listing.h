/* SPDX-License-Identifier: Apache-2.0 */
/* What pg_restore --list prints of an archive, held against the archive's TOC. */
#ifndef DUMP_TOC_LISTING_H
#define DUMP_TOC_LISTING_H

#include "core/base/bytes.h"
#include "core/base/error.h"

/* The least major version of pg_restore that reads archives of version 1.minor. */
int toc_listing_reader(unsigned minor);

/* toc: header and TOC; listing: lines "dump id; table oid, oid, kind, schema, tag, owner",
 * behind
 * ";" comments. Every entry listed must be in the TOC, once, and every entry of the TOC listed
 * but those that pg_restore hides: settings of the session (ENCODING, STDSTRINGS, SEARCHPATH),
 * the database itself (DATABASE, DATABASE PROPERTIES), entries with neither definition nor
 * data, and, as versions go, statistics. *listed: how many are. ERROR_DIFFERENT names the first
 * entry that is not as it must be; ERROR_CORRUPT when the TOC cannot be read, ERROR_MEMORY. */
MUST_CHECK int toc_listing_check(struct bytes toc, struct bytes listing, uint32_t *listed,
                                 struct error *e);

#endif
