/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/store_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/failpoint.h"
#include "core/base/file.h"
#include "core/base/str.h"

#define OBJECT_MODE 0600
#define FOLDER_MODE 0700
#define MAX_WHOLE (256 * MIB + KIB)
#define MAX_DEPTH 2 /* packs/<hh>/<name> */

/* Folders in which names were made since the last sync. */
struct folders {
    char **names;
    size_t count;
};

struct store_dir {
    struct store base;
    int root;
    char *path;
    pthread_mutex_t lock; /* of dirty */
    struct folders dirty;
    pthread_mutex_t syncing; /* of sync_failed */
    bool sync_failed;
};

static struct store_dir *self_of(struct store *s)
{
    return (struct store_dir *)(void *)s;
}

/* ---- folders ----------------------------------------------------------------------- */

/* Remember a folder ("" is the root) for the next sync; the lock is held. */
static int mark_dirty(struct store_dir *d, const char *name, size_t len, struct error *e)
{
    for (size_t i = 0; i < d->dirty.count; i++)
        if (strlen(d->dirty.names[i]) == len && memcmp(d->dirty.names[i], name, len) == 0)
            return 0;
    char **names = reallocarray(d->dirty.names, d->dirty.count + 1, sizeof *names);
    if (!names)
        return error_memory(e, "list of folders");
    d->dirty.names = names;
    names[d->dirty.count] = str_copy_bytes(bytes_of(name, len), e);
    if (!names[d->dirty.count])
        return -1;
    d->dirty.count++;
    return 0;
}

/* One folder of a path into *fd, which holds the one above it. Symbolic links are not followed:
 * whoever can write to the store must not lead us out of it. */
static int open_step(struct store_dir *d, const char *name, bool make, int *fd, struct error *e)
{
    struct stat st;
    int above = *fd;
    int next = -1;
    if (!make || (failpoint_hit("mkdir") == 0 &&
                  (mkdirat(above, name, FOLDER_MODE) == 0 || errno == EEXIST)))
        next = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int sys = errno;
    if (next < 0 && sys == ENOTDIR && fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(st.st_mode))
        sys = ELOOP;
    if (above != d->root)
        (void)close(above);
    *fd = next;
    if (next >= 0)
        return 0;
    if (!make && (sys == ENOENT || sys == ENOTDIR))
        return STORE_ABSENT;
    errno = sys;
    return error_system(e, "folder %s", name);
}

/* Open a folder ("" is the root), and make it when asked; *fd is to be closed by
 * close_folder. Answers STORE_ABSENT when it is not there. */
static int open_folder(struct store_dir *d, struct bytes path, bool make, int *fd,
                       struct error *e)
{
    int rc = 0;
    *fd = d->root;
    while (rc == 0 && path.len > 0) {
        char name[NAME_MAX + 1];
        const uint8_t *slash = memchr(path.data, '/', path.len);
        struct bytes part = bytes_take(&path, slash ? (size_t)(slash - path.data) : path.len);
        if (slash)
            (void)bytes_take(&path, 1);
        if (part.len == 0)
            continue;
        if (part.len > NAME_MAX) {
            rc = error_set(e, ERROR_USAGE, "folder name of %zu bytes is too long", part.len);
            break;
        }
        memcpy(name, part.data, part.len);
        name[part.len] = '\0';
        rc = open_step(d, name, make, fd, e);
    }
    if (rc < 0 && *fd >= 0 && *fd != d->root) {
        (void)close(*fd);
        *fd = -1;
    }
    return rc;
}

static void close_folder(const struct store_dir *d, int fd)
{
    if (fd >= 0 && fd != d->root)
        (void)close(fd);
}

/* The folder of an object's name; *leaf is the name inside it. */
static struct bytes folder_of(const char *name, const char **leaf)
{
    const char *slash = strrchr(name, '/');
    *leaf = slash ? slash + 1 : name;
    return bytes_of(name, slash ? (size_t)(slash - name) : 0);
}

/* The folders above a name, up to the root: each may have been made just now. */
static int mark_path(struct store_dir *d, const char *name, struct error *e)
{
    int rc = 0;
    (void)pthread_mutex_lock(&d->lock);
    for (size_t len = strlen(name); rc == 0 && len > 0;) {
        while (len > 0 && name[len - 1] != '/')
            len--;
        len = len > 0 ? len - 1 : 0;
        rc = mark_dirty(d, name, len, e);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return rc;
}

static int mark_folder(struct store_dir *d, const char *folder, struct error *e)
{
    (void)pthread_mutex_lock(&d->lock);
    int rc = mark_dirty(d, folder, strlen(folder), e);
    (void)pthread_mutex_unlock(&d->lock);
    return rc < 0 ? -1 : mark_path(d, folder, e);
}

/* ---- operations -------------------------------------------------------------------- */

static int put(struct store *s, const char *name, struct bytes content, struct error *e)
{
    struct store_dir *d = self_of(s);
    const char *leaf;
    int fd;
    int rc = open_folder(d, folder_of(name, &leaf), true, &fd, e);
    if (rc == 0)
        rc = file_create_at(fd, leaf, content, OBJECT_MODE, e);
    close_folder(d, fd);
    if (rc == FILE_EXISTS)
        return STORE_EXISTS;
    if (rc == 0)
        rc = mark_path(d, name, e);
    return rc < 0 ? error_wrap(e, "store %s: %s", d->path, name) : 0;
}

static int read_object(int fd, uint64_t offset, size_t len, struct buf *out, struct error *e)
{
    struct stat st;
    size_t got;
    if (fstat(fd, &st) < 0)
        return error_system(e, "its size");
    if (!S_ISREG(st.st_mode))
        return error_set(e, ERROR_CORRUPT, "is no regular file");
    uint64_t size = (uint64_t)st.st_size;
    uint64_t rest = offset < size ? size - offset : 0;
    if (len == STORE_ALL && rest > MAX_WHOLE)
        return error_set(e, ERROR_CORRUPT, "is %llu bytes long, at most %zu are allowed",
                         (unsigned long long)rest, MAX_WHOLE);
    if (len > rest)
        len = (size_t)rest;
    if (len == 0) /* also where no file could reach */
        return 0;
    if (buf_reserve(out, len, e) < 0 || file_read_at(fd, offset, out->data, len, &got, e) < 0)
        return -1;
    out->len = got;
    return 0;
}

static int get(struct store *s, const char *name, uint64_t offset, size_t len, struct buf *out,
               struct error *e)
{
    struct store_dir *d = self_of(s);
    const char *leaf;
    int folder;
    out->len = 0;
    int rc = open_folder(d, folder_of(name, &leaf), false, &folder, e);
    if (rc != 0)
        return rc < 0 ? error_wrap(e, "store %s: %s", d->path, name) : rc;
    /* Non-blocking: a pipe at that name must not hang us before it is refused. */
    int fd = openat(folder, leaf, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    int sys = errno;
    close_folder(d, folder);
    errno = sys;
    if (fd < 0)
        return sys == ENOENT ? STORE_ABSENT : error_system(e, "store %s: %s", d->path, name);
    rc = read_object(fd, offset, len, out, e);
    (void)close(fd);
    return rc < 0 ? error_wrap(e, "store %s: %s", d->path, name) : 0;
}

struct listing {
    struct store_dir *dir;
    const char *prefix;
    store_visit *visit;
    void *arg;
};

static int list_folder(const struct listing *l, const char *folder, int depth, struct error *e);

/* One name of a folder: visited, or walked into. Depth is bounded, so is the recursion. */
static int list_name(const struct listing *l, int fd, const char *folder, const char *leaf,
                     int depth, struct error *e)
{
    char name[FILENAME_MAX];
    struct stat st;
    int n = snprintf(name, sizeof name, "%s%s%s", folder, *folder ? "/" : "", leaf);
    if (n < 0 || (size_t)n >= sizeof name)
        return 0;
    size_t both = strlen(l->prefix) < (size_t)n ? strlen(l->prefix) : (size_t)n;
    if (memcmp(name, l->prefix, both) != 0)
        return 0;
    if (fstatat(fd, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : error_system(e, "store %s: %s", l->dir->path, name);
    if (S_ISDIR(st.st_mode))
        return depth < MAX_DEPTH ? list_folder(l, name, depth + 1, e) : 0;
    if (!S_ISREG(st.st_mode) || both < strlen(l->prefix))
        return 0;
    struct store_item item = {
        .name = name,
        .size = (uint64_t)st.st_size,
        .modified_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000,
    };
    return l->visit(l->arg, &item, e) < 0 ? -1 : 0;
}

static int list_folder(const struct listing *l, const char *folder, int depth, struct error *e)
{
    int above;
    int rc = open_folder(l->dir, bytes_text(folder), false, &above, e);
    if (rc != 0)
        return rc < 0 ? error_wrap(e, "store %s: %s", l->dir->path, folder) : 0;
    /* A descriptor of its own: the root's has one position for all threads. */
    int fd = openat(above, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        rc = error_system(e, "store %s: folder %s", l->dir->path, folder);
        if (fd >= 0)
            (void)close(fd);
    }
    close_folder(l->dir, above);
    if (!dir)
        return rc;
    /* A writer that died may have left names that no sync has seen. */
    rc = mark_folder(l->dir, folder, e);
    while (rc == 0) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno != 0)
                rc = error_system(e, "store %s: folder %s", l->dir->path, folder);
            break;
        }
        if (entry->d_name[0] != '.')
            rc = list_name(l, dirfd(dir), folder, entry->d_name, depth, e);
    }
    (void)closedir(dir);
    return rc;
}

static int list(struct store *s, const char *prefix, store_visit *visit, void *arg,
                struct error *e)
{
    struct listing l = {.dir = self_of(s), .prefix = prefix, .visit = visit, .arg = arg};
    char folder[FILENAME_MAX];
    const char *slash = strrchr(prefix, '/');
    size_t len = slash ? (size_t)(slash - prefix) : 0;
    if (len >= sizeof folder)
        return error_set(e, ERROR_USAGE, "prefix of %zu bytes is too long", len);
    memcpy(folder, prefix, len);
    folder[len] = '\0';
    int depth = len > 0;
    for (size_t i = 0; i < len; i++)
        depth += folder[i] == '/';
    return list_folder(&l, folder, depth, e);
}

static int remove_object(struct store *s, const char *name, struct error *e)
{
    struct store_dir *d = self_of(s);
    const char *leaf;
    int fd;
    int rc = open_folder(d, folder_of(name, &leaf), false, &fd, e);
    if (rc != 0)
        return rc < 0 ? error_wrap(e, "store %s: removing %s", d->path, name) : 0;
    if (failpoint_hit("unlink") == 0 && unlinkat(fd, leaf, 0) == 0)
        rc = mark_path(d, name, e);
    else if (errno != ENOENT)
        rc = error_system(e, "store %s: removing %s", d->path, name);
    close_folder(d, fd);
    return rc;
}

static int sync_folder(struct store_dir *d, const char *name, struct error *e)
{
    int fd;
    int rc = open_folder(d, bytes_text(name), false, &fd, e);
    if (rc == STORE_ABSENT) /* removed by a collector meanwhile, so it was empty */
        return 0;
    if (rc == 0)
        rc = file_sync_dir(fd, e);
    close_folder(d, fd);
    return rc < 0 ? error_wrap(e, "store %s: folder %s", d->path, *name ? name : ".") : 0;
}

/* One at a time: a sync that finds nothing to do must not answer before the one that does it.
 * One that failed is never made good by another, as with any fsync (base/file). */
static int sync_store(struct store *s, struct error *e)
{
    struct store_dir *d = self_of(s);
    int rc = 0;
    (void)pthread_mutex_lock(&d->syncing);
    (void)pthread_mutex_lock(&d->lock);
    struct folders dirty = d->dirty;
    d->dirty = (struct folders){0};
    (void)pthread_mutex_unlock(&d->lock);
    if (d->sync_failed)
        rc = error_set(e, ERROR_IO, "store %s: an earlier sync failed", d->path);
    for (size_t i = 0; i < dirty.count; i++) {
        if (rc == 0)
            rc = sync_folder(d, dirty.names[i], e);
        free(dirty.names[i]);
    }
    free(dirty.names);
    d->sync_failed = rc < 0;
    (void)pthread_mutex_unlock(&d->syncing);
    return rc;
}

static const char *describe(struct store *s)
{
    (void)s;
    return "directory; create-if-absent: yes; durable: fsync";
}

static void close_store(struct store *s)
{
    struct store_dir *d = self_of(s);
    for (size_t i = 0; i < d->dirty.count; i++)
        free(d->dirty.names[i]);
    free(d->dirty.names);
    if (d->root >= 0)
        (void)close(d->root);
    (void)pthread_mutex_destroy(&d->lock);
    (void)pthread_mutex_destroy(&d->syncing);
    free(d->path);
    free(d);
}

static const struct store_ops ops = {
    .put = put,
    .get = get,
    .list = list,
    .remove = remove_object,
    .sync = sync_store,
    .describe = describe,
    .close = close_store,
};

struct store *store_dir_open(const char *path, bool create, struct error *e)
{
    struct store_dir *d = calloc(1, sizeof *d);
    if (!d) {
        (void)error_memory(e, "store");
        return NULL;
    }
    *d = (struct store_dir){.base = {.ops = &ops}, .root = -1};
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_mutex_init(&d->syncing, NULL);
    d->path = str_copy(path, e);
    if (!d->path || (create && file_make_dirs(path, FOLDER_MODE, e) < 0))
        goto fail;
    d->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->root < 0) {
        bool absent = errno == ENOENT;
        (void)error_system(e, "repository %s", path);
        if (absent && e) {
            e->kind = ERROR_NO_REPOSITORY;
            (void)error_hint(e, "pgkeep init makes a repository");
        }
        goto fail;
    }
    return &d->base;
fail:
    close_store(&d->base);
    return NULL;
}
