/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/failpoint.h"
#include "core/base/secret.h"
#include "core/base/str.h"

/* Linux moves at most this much in one call; asking for less keeps the numbers round. */
enum { STEP = 1 << 30, FIRST_READ = 4096 };

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

int file_write_full(int fd, struct bytes b, struct error *e)
{
    while (b.len > 0) {
        ssize_t n = write(fd, b.data, b.len < STEP ? b.len : STEP);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_system(e, "write of %zu bytes", b.len);
        (void)bytes_take(&b, (size_t)n);
    }
    return 0;
}

int file_read_some(int fd, void *out, size_t size, size_t *got, struct error *e)
{
    ssize_t n;
    do
        n = read(fd, out, size < STEP ? size : STEP);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        *got = 0;
        return error_system(e, "read");
    }
    *got = (size_t)n;
    return 0;
}

int file_read_at(int fd, uint64_t offset, void *out, size_t len, size_t *got, struct error *e)
{
    uint8_t *p = out;
    uint64_t end;
    *got = 0;
    if (attr_add_overflows(offset, len, &end) || end > INT64_MAX)
        return error_set(e, ERROR_IO, "read at byte %" PRIu64 ": beyond any file", offset);
    while (*got < len) {
        size_t want = len - *got < STEP ? len - *got : STEP;
        ssize_t n = pread(fd, p + *got, want, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_system(e, "read at byte %" PRIu64, offset + *got);
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return 0;
}

/* The rest of fd behind what out holds; out may end with max_bytes at most. */
static int load_fd(int fd, const char *path, size_t max_bytes, struct buf *out, struct error *e)
{
    for (;;) {
        /* One byte above the limit tells a file that is too long from one that just fits. */
        size_t room = max_bytes - out->len < SIZE_MAX ? max_bytes - out->len + 1 : SIZE_MAX;
        if (out->cap - out->len == 0 && buf_reserve(out, FIRST_READ, e) < 0)
            return -1;
        if (room > out->cap - out->len)
            room = out->cap - out->len;
        size_t got;
        if (file_read_some(fd, out->data + out->len, room, &got, e) < 0)
            return error_wrap(e, "%s", path);
        if (got == 0)
            return 0;
        out->len += got;
        if (out->len > max_bytes) {
            errno = EFBIG;
            return error_system(e, "%s: more than %zu bytes", path, max_bytes);
        }
    }
}

int file_load(const char *path, size_t max_bytes, struct buf *out, struct error *e)
{
    int result = -1;
    struct stat st;
    out->len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return FILE_ABSENT;
    if (fd < 0 || fstat(fd, &st) < 0) {
        (void)error_system(e, "%s", path);
        goto out;
    }
    if (S_ISREG(st.st_mode) && st.st_size > 0 && (uint64_t)st.st_size <= max_bytes &&
        buf_reserve(out, (size_t)st.st_size + 1, e) < 0)
        goto out;
    result = load_fd(fd, path, max_bytes, out, e);
out:
    if (result < 0)
        out->len = 0;
    close_fd(fd);
    return result;
}

/* The rules for a file that holds a secret; NULL when it keeps them all. */
static const char *broken_rule(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "it must be a regular file";
    if (st->st_uid != geteuid() && st->st_uid != 0)
        return "it must belong to this user or to root";
    if (st->st_mode & 077)
        return "group and others must have no rights";
    if (st->st_nlink != 1)
        return "it must have one name (no hard links)";
    return NULL;
}

int file_load_secret(const char *path, size_t max_bytes, struct buf *out, struct error *e)
{
    int result = -1;
    struct stat st;
    const char *rule;
    out->len = 0;
    /* Non-blocking: a pipe at that name must not hang us before it is refused. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return FILE_ABSENT;
    if (fd < 0 && errno == ELOOP) {
        (void)error_set(e, ERROR_KEY, "secret file %s: it must not be a symbolic link", path);
        goto out;
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        (void)error_system(e, "secret file %s", path);
        goto out;
    }
    rule = broken_rule(&st);
    if (rule) {
        (void)error_set(e, ERROR_KEY, "secret file %s (mode %04o, owner %u): %s", path,
                        (unsigned)st.st_mode & 07777U, (unsigned)st.st_uid, rule);
        if (st.st_mode & 077)
            (void)error_hint(e, "chmod 600 %s", path);
        goto out;
    }
    if (buf_reserve(out, max_bytes + 1, e) < 0)
        goto out;
    result = load_fd(fd, path, max_bytes, out, e);
out:
    if (result < 0 && out->data)
        explicit_bzero(out->data, out->cap);
    if (result < 0)
        out->len = 0;
    close_fd(fd);
    return result;
}

/* Content, mode and fsync of a file that has no final name yet. */
static int fill(int fd, struct bytes content, mode_t mode, struct error *e)
{
    if (failpoint_hit("write") < 0)
        return error_system(e, "write of %zu bytes", content.len);
    if (file_write_full(fd, content, e) < 0)
        return -1;
    if (fchmod(fd, mode) < 0)
        return error_system(e, "mode %04o", (unsigned)mode);
    if (failpoint_hit("fsync") < 0 || fsync(fd) < 0)
        return error_system(e, "fsync");
    return 0;
}

int file_sync_dir(int dir_fd, struct error *e)
{
    if (failpoint_hit("fsync folder") < 0 || fsync(dir_fd) < 0)
        return error_system(e, "fsync of the folder");
    return 0;
}

/* The folder that holds path; the caller frees it. */
static char *folder_of(const char *path, struct error *e)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (!slash)
        return str_copy(".", e);
    return len == 0 ? str_copy("/", e) : str_copy_bytes(bytes_of(path, len), e);
}

/* fsync the folder that holds path. */
static int sync_parent(const char *path, struct error *e)
{
    int result = -1;
    int fd = -1;
    char *folder = folder_of(path, e);
    if (!folder)
        return -1;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        (void)error_system(e, "%s", folder);
    else if (file_sync_dir(fd, e) < 0)
        (void)error_wrap(e, "%s", folder);
    else
        result = 0;
    close_fd(fd);
    free(folder);
    return result;
}

int file_rename(const char *from, const char *to, struct error *e)
{
    if (failpoint_hit("rename") < 0 || rename(from, to) < 0)
        return error_system(e, "%s: rename to %s", from, to);
    return sync_parent(to, e);
}

#define DRAFT_SUFFIX ".tmp-XXXXXX"

int file_draft_begin(struct file_draft *d, const char *path, mode_t mode, struct error *e)
{
    *d = (struct file_draft){.fd = -1};
    d->path = str_copy(path, e);
    d->temporary = d->path ? str_format(e, "%s" DRAFT_SUFFIX, path) : NULL;
    if (!d->temporary)
        goto fail;
    d->fd = mkostemp(d->temporary, O_CLOEXEC);
    if (d->fd < 0) {
        (void)error_system(e, "%s", d->temporary);
        goto fail;
    }
    if (fchmod(d->fd, mode) == 0)
        return d->fd;
    (void)error_system(e, "mode of %s", d->temporary);
fail:
    file_draft_abort(d);
    return -1;
}

int file_draft_commit(struct file_draft *d, struct error *e)
{
    int result = -1;
    if (failpoint_hit("fsync") < 0 || fsync(d->fd) < 0)
        (void)error_system(e, "fsync of %s", d->temporary);
    else if (failpoint_hit("rename") < 0 || rename(d->temporary, d->path) < 0)
        (void)error_system(e, "%s: rename to %s", d->temporary, d->path);
    else
        result = 0;
    if (result == 0) {
        free(d->temporary);
        d->temporary = NULL; /* it has its name */
        result = sync_parent(d->path, e);
    }
    file_draft_abort(d);
    return result;
}

void file_draft_abort(struct file_draft *d)
{
    if (d->fd >= 0 && d->temporary)
        (void)unlink(d->temporary);
    close_fd(d->fd);
    free(d->path);
    free(d->temporary);
    *d = (struct file_draft){.fd = -1};
}

/* Is name what a draft of base is called while it is written? */
static bool is_draft_of(const char *name, const char *base)
{
    size_t len = strlen(base);
    return strlen(name) == len + strlen(DRAFT_SUFFIX) && str_starts(name, base) &&
           str_starts(name + len, ".tmp-");
}

void file_draft_sweep(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = folder_of(path, NULL);
    DIR *dir = folder ? opendir(folder) : NULL;
    for (struct dirent *d; dir && (d = readdir(dir));)
        if (is_draft_of(d->d_name, slash ? slash + 1 : path))
            (void)unlinkat(dirfd(dir), d->d_name, 0);
    if (dir)
        (void)closedir(dir);
    free(folder);
}

int file_replace(const char *path, struct bytes content, mode_t mode, struct error *e)
{
    struct file_draft d;
    if (file_draft_begin(&d, path, mode, e) < 0)
        return -1;
    if (failpoint_hit("write") < 0)
        (void)error_system(e, "%s", d.temporary);
    else if (file_write_full(d.fd, content, e) < 0)
        (void)error_wrap(e, "%s", d.temporary);
    else
        return file_draft_commit(&d, e);
    file_draft_abort(&d);
    return -1;
}

/* What file systems and kernels say that lack nameless files or linking them by /proc. */
static bool not_offered(int sys)
{
    return sys == EOPNOTSUPP || sys == EISDIR || sys == EINVAL || sys == ENOENT ||
           sys == ENOSYS;
}

int file_temporary(const char *path, struct error *e)
{
    int fd = -1;
    char *folder = folder_of(path, e);
    char *name = folder ? str_format(e, "%s" DRAFT_SUFFIX, path) : NULL;
    if (!name)
        goto out;
    if (failpoint_hit("nameless file") == 0)
        fd = open(folder, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && not_offered(errno)) {
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0)
            (void)unlink(name);
    }
    if (fd < 0)
        (void)error_system(e, "temporary file in %s", folder);
out:
    free(name);
    free(folder);
    return fd;
}

void file_write_behind(int fd, uint64_t offset, uint64_t len)
{
    if (offset <= INT64_MAX && len <= INT64_MAX - offset)
        (void)sync_file_range(fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

void file_punch(int fd, uint64_t offset, uint64_t len)
{
    if (len > 0 && offset <= INT64_MAX && len <= INT64_MAX - offset)
        (void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                        (off_t)len);
}

uint64_t file_room(int fd)
{
    struct statvfs fs;
    uint64_t room;
    if (fstatvfs(fd, &fs) < 0 || fs.f_blocks == 0 ||
        __builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &room))
        return UINT64_MAX;
    return room;
}

#define CREATE_OTHER_WAY 3

/* A nameless file that gets its name when it is whole. Answers CREATE_OTHER_WAY when the file
 * system does not offer that. */
static int create_nameless(int dir_fd, const char *name, struct bytes content, mode_t mode,
                           struct error *e)
{
    int result = -1;
    char self[64];
    int fd = failpoint_hit("nameless file") < 0
                 ? -1
                 : openat(dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
    if (fd < 0)
        return not_offered(errno) ? CREATE_OTHER_WAY : error_system(e, "new file");
    if (fill(fd, content, mode, e) < 0)
        goto out;
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (failpoint_hit("link") == 0 &&
        linkat(AT_FDCWD, self, dir_fd, name, AT_SYMLINK_FOLLOW) == 0)
        result = 0;
    else if (errno == EEXIST)
        result = FILE_EXISTS;
    else if (not_offered(errno))
        result = CREATE_OTHER_WAY;
    else
        (void)error_system(e, "link");
out:
    close_fd(fd);
    return result;
}

/* Give a file its name without ever replacing another; where renameat2 is not offered (some
 * network file systems) a second link does the same. */
static int settle(int dir_fd, const char *temp, const char *name, struct error *e)
{
    if (failpoint_hit("rename") == 0 &&
        renameat2(dir_fd, temp, dir_fd, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EINVAL || errno == ENOSYS) {
        if (failpoint_hit("link") == 0 && linkat(dir_fd, temp, dir_fd, name, 0) == 0) {
            (void)unlinkat(dir_fd, temp, 0);
            return 0;
        }
    }
    if (errno == EEXIST)
        return FILE_EXISTS;
    return error_system(e, "rename");
}

static int create_beside(int dir_fd, const char *name, struct bytes content, mode_t mode,
                         struct error *e)
{
    uint8_t random[8];
    char hex[2 * sizeof random + 1];
    char temp[32];
    if (secret_random(random, sizeof random, e) < 0)
        return -1;
    str_hex(hex, random, sizeof random);
    (void)snprintf(temp, sizeof temp, ".tmp-%s", hex);
    int fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_system(e, "new file");
    int result = fill(fd, content, mode, e);
    close_fd(fd);
    if (result == 0)
        result = settle(dir_fd, temp, name, e);
    if (result != 0)
        (void)unlinkat(dir_fd, temp, 0);
    return result;
}

int file_create_at(int dir_fd, const char *name, struct bytes content, mode_t mode,
                   struct error *e)
{
    assert(*name && !strchr(name, '/'));
    /* Not what safety rests on: it saves writing content that has no place. */
    if (faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return FILE_EXISTS;
    int result = create_nameless(dir_fd, name, content, mode, e);
    if (result == CREATE_OTHER_WAY)
        result = create_beside(dir_fd, name, content, mode, e);
    return result < 0 ? error_wrap(e, "%s", name) : result;
}

/* One folder; its name is synced into its parent when it is new. */
static int make_dir(const char *path, mode_t mode, struct error *e)
{
    struct stat st;
    if (failpoint_hit("mkdir") == 0 && mkdir(path, mode) == 0)
        return sync_parent(path, e);
    int sys = errno;
    /* Made by someone else just now: his fsync may still be to come. A parent that is there
     * may also refuse with other words (EROFS, EACCES). */
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return sys == EEXIST ? sync_parent(path, e) : 0;
    errno = sys;
    return error_system(e, "%s", path);
}

int file_make_dirs(const char *path, mode_t mode, struct error *e)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    int result = 0;
    char *copy = str_copy(path, e);
    if (!copy)
        return -1;
    size_t len = strlen(copy);
    while (len > 1 && copy[len - 1] == '/')
        copy[--len] = '\0';
    for (size_t i = 1; i < len && result == 0; i++) {
        if (copy[i] != '/' || copy[i - 1] == '/')
            continue;
        copy[i] = '\0';
        if (stat(copy, &st) < 0 || !S_ISDIR(st.st_mode))
            result = make_dir(copy, mode, e);
        copy[i] = '/';
    }
    if (result == 0)
        result = make_dir(copy, mode, e);
    free(copy);
    return result;
}

int file_memfd(const char *name, struct bytes content, struct error *e)
{
    int fd = memfd_create(name, 0);
    if (fd < 0)
        return error_system(e, "memory file %s", name);
    if (file_write_full(fd, content, e) < 0) {
        (void)error_wrap(e, "memory file %s", name);
        goto failed;
    }
    if (fchmod(fd, 0600) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
        (void)error_system(e, "memory file %s", name);
        goto failed;
    }
    return fd;
failed:
    close_fd(fd);
    return -1;
}

static int lock_file(const char *path, int how, struct error *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_system(e, "lock file %s", path);
    int n;
    do
        n = flock(fd, how);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        (void)error_set(e, ERROR_BUSY, "lock file %s: held by another process", path);
    else
        (void)error_system(e, "lock file %s", path);
    close_fd(fd);
    return -1;
}

int file_lock(const char *path, bool wait, struct error *e)
{
    return lock_file(path, wait ? LOCK_EX : LOCK_EX | LOCK_NB, e);
}

int file_lock_shared(const char *path, struct error *e)
{
    return lock_file(path, LOCK_SH, e);
}
