/* SPDX-License-Identifier: Apache-2.0 */
/* Roles and tablespaces of a server, as a script, to stand in a backup beside the dump. */
#ifndef TOOLS_GLOBALS_DUMP_H
#define TOOLS_GLOBALS_DUMP_H

#include <signal.h>

#include "core/base/buf.h"
#include "tools/server.h"

#define GLOBALS_DUMP_NONE 1

struct globals_dump_options {
    bool no_passwords; /* not even where they may be read */
    const volatile sig_atomic_t *stop;
};

/* pg_dumpall --globals-only, without passwords where these are not permitted; the same bytes
 * while nothing changes. GLOBALS_DUMP_NONE, told in the log: nothing may be read, which is no
 * failure of a backup. The caller wipes *out (secret_free_buf): passwords' hashes are in it. */
MUST_CHECK int globals_dump(struct server *s, const struct globals_dump_options *o,
                            struct buf *out, struct error *e);

#endif
