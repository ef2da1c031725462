/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files as memory, which is only read unless said. A disk that fails behind a mapping
 * ends the process by SIGBUS where the memory is touched; file_map_ready asks first. Any
 * thread. */
#ifndef BASE_FILE_MAP_H
#define BASE_FILE_MAP_H

#include "core/base/bytes.h"
#include "core/base/error.h"

#define FILE_MAP_ABSENT 1

/* Map the regular file at path as it is now; the caller gives *out to file_map_close. Answers
 * FILE_MAP_ABSENT. Who shortens the file meanwhile, in place of replacing it, ends the process
 * that reads the mapping. ERROR_IO. */
MUST_CHECK int file_map_open(const char *path, struct bytes *out, struct error *e);
/* The same of an open file, which may be closed then; name is for messages. */
MUST_CHECK int file_map_descriptor(int fd, const char *name, struct bytes *out,
                                   struct error *e);
/* A nameless file of this process that was written and is now changed in place; it may be
 * closed then. *out is of its own length, NULL when that is 0; file_map_close. ERROR_IO. */
MUST_CHECK int file_map_scratch(int fd, const char *name, void **out, struct error *e);
void file_map_close(struct bytes map);

/* Bring a part of a mapping into memory before it is read; where the system cannot do that
 * (before Linux 5.14) it is done when they are. ERROR_IO when the disk does not give it. */
MUST_CHECK int file_map_ready(struct bytes part, struct error *e);
/* A part is not read for some time: it takes no memory of the process any more. It stays
 * readable, out of the page cache or the file. */
void file_map_rest(struct bytes part);

#endif
