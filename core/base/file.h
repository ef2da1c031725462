/* SPDX-License-Identifier: Apache-2.0 */
/* Files: the only place that writes, renames, links and syncs. An fsync that fails means that
 * the object is bad: the kernel may have dropped the pages and forgotten about it, so the
 * failure is reported and never tried again. Descriptors are close-on-exec unless said.
 * Failures are ERROR_IO with errno kept, unless said. Any thread. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/types.h>

#include "core/base/buf.h"
#include "core/base/bytes.h"
#include "core/base/error.h"

#define FILE_ABSENT 1 /* there is no such file */
#define FILE_EXISTS 2 /* the name is taken; what stands there was not touched */

/* All of b, however many writes it takes. Blocks on pipes; a reader that went away is EPIPE
 * (the program ignores SIGPIPE). */
MUST_CHECK int file_write_full(int fd, struct bytes b, struct error *e);

/* What one read gives, at most size bytes; *got is 0 only at the end. */
MUST_CHECK int file_read_some(int fd, void *out, size_t size, size_t *got, struct error *e);

/* len bytes from offset on; *got is less only where the file ends. */
MUST_CHECK int file_read_at(int fd, uint64_t offset, void *out, size_t len, size_t *got,
                            struct error *e);

/* The whole file in place of what *out held. Answers FILE_ABSENT. A file above max_bytes is
 * refused (EFBIG). Pipes and devices may be named. */
MUST_CHECK int file_load(const char *path, size_t max_bytes, struct buf *out, struct error *e);

/* As file_load for a file that holds a secret: not a symbolic link, a regular file with one
 * name, owned by the effective user or root, no rights for group and others; otherwise
 * ERROR_KEY, naming the rule. max_bytes are reserved at once, so that no copy stays behind;
 * the caller wipes *out (on failure it is wiped and empty). */
MUST_CHECK int file_load_secret(const char *path, size_t max_bytes, struct buf *out,
                                struct error *e);

/* Make path hold content, now or not at all: a temporary file beside it, fsync, rename, fsync
 * of the folder. mode holds whatever the umask is. A symbolic link at path is replaced. When
 * only the folder's fsync failed the new content is there, but may not outlive a crash. */
MUST_CHECK int file_replace(const char *path, struct bytes content, mode_t mode,
                            struct error *e);

/* Give the synced file at from the name to, in the same folder, over what is there; the folder
 * is synced. */
MUST_CHECK int file_rename(const char *from, const char *to, struct error *e);

/* A file that is written in pieces and appears at path whole or not at all: begin makes a
 * temporary file beside it and answers its descriptor (-1 on error), which the caller writes to
 * with file_write_full. commit syncs, renames and closes; abort removes. */
struct file_draft {
    int fd;
    char *path;
    char *temporary;
};
MUST_CHECK int file_draft_begin(struct file_draft *d, const char *path, mode_t mode,
                                struct error *e);
MUST_CHECK int file_draft_commit(struct file_draft *d, struct error *e);
void file_draft_abort(struct file_draft *d);
/* Remove what drafts of path left behind that a crash ended; nobody may be writing one now.
 * What cannot be removed stays. */
void file_draft_sweep(const char *path);

/* An empty file (mode 0600) without a name in the folder of path, for reading and writing: the
 * caller's descriptor, or -1. It is gone when that is closed. */
MUST_CHECK int file_temporary(const char *path, struct error *e);

/* Let the system begin to write these bytes of a file to disk, so that the sync at its end is
 * short. Promises nothing. */
void file_write_behind(int fd, uint64_t offset, uint64_t len);

/* Give the disk the room of these bytes back, which read as zeros then. Where the file system
 * does not offer that, nothing happens. */
void file_punch(int fd, uint64_t offset, uint64_t len);

/* Bytes that may still be written on the file system of fd; UINT64_MAX: it does not say. */
uint64_t file_room(int fd);

/* Make the new file name (without slashes) in the open folder, whole and synced or not at all,
 * never over another. Answers FILE_EXISTS. The folder is not synced: see file_sync_dir. A
 * crash can leave ".tmp-<hex>" where the file system knows no nameless files. */
MUST_CHECK int file_create_at(int dir_fd, const char *name, struct bytes content, mode_t mode,
                              struct error *e);

/* Make the names in an open folder durable. */
MUST_CHECK int file_sync_dir(int dir_fd, struct error *e);

/* Make the folder path and the parents that it lacks; the name of each new one is synced into
 * its parent. mode passes the umask. A folder that is there already is fine. */
MUST_CHECK int file_make_dirs(const char *path, mode_t mode, struct error *e);

/* A file in memory (mode 0600) that holds content, read from offset 0: the caller's
 * descriptor, or -1. It is NOT close-on-exec, since it is meant for a child: base/child hands
 * on only what it is told to. */
MUST_CHECK int file_memfd(const char *name, struct bytes content, struct error *e);

/* Lock the file at path (made with mode 0600) for this process alone: the caller's descriptor,
 * whose closing unlocks, or -1. Held by another: waits, or ERROR_BUSY without wait. */
MUST_CHECK int file_lock(const char *path, bool wait, struct error *e);
/* The same beside others who share it; waits for one who has it alone. */
MUST_CHECK int file_lock_shared(const char *path, struct error *e);

#endif
