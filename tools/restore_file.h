/* SPDX-License-Identifier: Apache-2.0 */
/* A dump, or an archive of a part of it, to a file or standard output. */
#ifndef TOOLS_RESTORE_FILE_H
#define TOOLS_RESTORE_FILE_H

#include "tools/restore_choice.h"

struct restore_file_options {
    const struct manifest *m; /* open, with a member */
    const struct restore_choice *choice;
    const char *path; /* "-": standard output */
    bool seekable;    /* of a file: where each table's data is is filled in */
    uint64_t threads;
};

/* A file appears when it is whole and its SHA-256 is right, or not at all; a device or pipe is
 * written as it comes. ERROR_USAGE for seekable and no file; ERROR_IO; of the repository as
 * restore_member. */
MUST_CHECK int restore_file(struct context *c, const struct restore_file_options *o,
                            struct error *e);

#endif
