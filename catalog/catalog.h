/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: a SQLite file (schema.sql) that caches what the repository holds and keeps what
 * this host did. One handle may be used from several threads: every call locks it for as long
 * as it runs. Several processes may have the file open; one that writes makes the others wait
 * up to 60 seconds, then ERROR_BUSY. A damaged file is ERROR_CORRUPT with the hint to rebuild.
 *
 * Visits hold the lock: visitors answer 0 to go on; anything else ends the visit and is passed
 * on. They may read the same catalog, but not change it. What they are shown is borrowed for
 * the call. */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "core/base/error.h"
#include "core/repo/format.h"

#define CATALOG_ABSENT 1    /* there is no such thing */
#define CATALOG_DIFFERENT 1 /* catalog_compare */
#define CATALOG_PARTIAL 2   /* see there */

struct catalog;

/* Open the catalog at path, make it (mode 0600) and its folders where they lack, and bring an
 * older one up to date. ERROR_USAGE: it lies on a network file system, is about another
 * repository or is no catalog; ERROR_UNSUPPORTED: made by a newer version; ERROR_CORRUPT,
 * ERROR_BUSY, ERROR_IO. */
MUST_CHECK struct catalog *
catalog_open(const char *path, const uint8_t repository_id[FORMAT_ID_LEN], struct error *e);
/* NULL is fine. No other thread may be inside. */
void catalog_close(struct catalog *c);

/* Reads the whole file and checks that it is sound, inside and between its tables: 0, or
 * ERROR_CORRUPT with the first finding. Takes minutes for a large one. */
MUST_CHECK int catalog_check(struct catalog *c, struct error *e);

/* Do two catalogs say the same about the repository? 0 yes. CATALOG_DIFFERENT: *difference is
 * a sentence that names a table and a key. CATALOG_PARTIAL: the same as far as both know, but
 * one has read the private part of a backup that the other could not open; *difference names
 * it. The caller frees *difference; NULL for yes. This host's history is not compared. Both
 * files must exist and be of this version. */
MUST_CHECK int catalog_compare(const char *path_a, const char *path_b, char **difference,
                               struct error *e);

/* Copy runs, events and verifications of an old, perhaps damaged catalog file into a new one,
 * in one transaction, before anything else is recorded there: rows keep their numbers (one
 * that is taken by another row gets a new number; the same row is not copied twice). 0 all;
 * CATALOG_ABSENT nothing could be read; CATALOG_PARTIAL only some. ERROR_USAGE when it is
 * about another repository; other errors are those of the new catalog. */
MUST_CHECK int catalog_adopt_history(struct catalog *to, const char *from_path,
                                     struct error *e);

#endif
