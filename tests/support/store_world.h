/* SPDX-License-Identifier: Apache-2.0 */
/* Stores for tests that are asked of every kind: in memory, in a directory, on an S3 and on an
 * SFTP server. The servers are named by the environment, as `tests/servers/ceph env` and
 * `tests/servers/sshd env` print it. */
#ifndef SUPPORT_STORE_WORLD_H
#define SUPPORT_STORE_WORLD_H

#include "core/repo/store.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

enum store_world_kind {
    STORE_WORLD_MEMORY,
    STORE_WORLD_FOLDER,
    STORE_WORLD_S3,
    STORE_WORLD_SFTP,
    STORE_WORLD_KINDS,
};

/* What a test gets as *state: an empty store. */
struct store_world {
    enum store_world_kind kind;
    struct store *store;
    char *url;                 /* for backends_open; NULL for the store in memory */
    char folder[SCRATCH_PATH]; /* where its files are; empty where none can be reached */
};

/* Runs the tests (at most 32) for every kind of store, "sftp: what_was_put" and so on; answers
 * what main returns. A kind without a server is left out, with a line that says why, or, with
 * PGKEEP_REQUIRE_SERVERS=1, makes a test that fails. */
int store_world_run(const struct CMUnitTest *tests, size_t count);

/* The same place through another handle, as another machine sees it; the caller closes it.
 * NULL where there is only one handle (memory). suffix: a place beside it, whose name begins
 * with the name of this one; "" for the same. Fails the test when it cannot be opened. */
struct store *store_world_again(const struct store_world *w, const char *suffix);

/* Whether this kind has to answer (or said so) that create-if-absent works. */
bool store_world_exclusive(const struct store_world *w);

/* Whether the capabilities in describe are those that are expected of this server. */
void store_world_check_caps(const struct store_world *w);

/* An object that another program makes, of any name; false where the server refuses such a
 * name itself. */
bool store_world_foreign(const struct store_world *w, const char *name, struct bytes content);

#endif
