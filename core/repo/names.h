/* SPDX-License-Identifier: Apache-2.0 */
/* Names of objects out of a listing, sorted, so that two stores can be compared. */
#ifndef REPO_NAMES_H
#define REPO_NAMES_H

#include "core/repo/format.h"
#include "core/repo/store.h"

/* Zeroed memory is an empty one. */
struct names {
    struct buf items; /* FORMAT_NAME_MAX bytes each, with their terminator */
    size_t count;
};

void names_done(struct names *n);
/* Every object of ours whose name begins with prefix, added to what n holds; others are left
 * out. */
MUST_CHECK int names_list(struct names *n, struct store *store, const char *prefix,
                          struct error *e);
/* Name i, i < count; good until the next listing. */
const char *names_at(const struct names *n, size_t i);
/* The first one that is not before text: names with this prefix stand from there on. */
size_t names_from(const struct names *n, const char *text);
bool names_has(const struct names *n, const char *name);
/* Is there one that begins with prefix? */
bool names_has_prefix(const struct names *n, const char *prefix);

#endif
