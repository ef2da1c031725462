/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a directory of a local file system. Objects are nameless files until they are
 * whole and synced, then linked; sync makes their names durable (link packs early, one fsync
 * a folder at commit). File mode 0600, folders 0700. */
#ifndef BACKENDS_STORE_DIR_H
#define BACKENDS_STORE_DIR_H

#include "core/repo/store.h"

MUST_CHECK struct store *store_dir_open(const char *path, bool create, struct error *e);

#endif
