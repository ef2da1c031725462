/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/file_map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map(int fd, const char *name, int access, void **out, size_t *len, struct error *e)
{
    struct stat st;
    void *p = NULL;
    if (fstat(fd, &st) < 0)
        return error_system(e, "%s", name);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > SIZE_MAX)
        return error_set(e, ERROR_IO, "%s: not a regular file that fits into memory", name);
    /* An empty file has nothing to map, and mmap would refuse. */
    if (st.st_size > 0)
        p = mmap(NULL, (size_t)st.st_size, access, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return error_system(e, "%s: map of %lld bytes", name, (long long)st.st_size);
    *out = p;
    *len = (size_t)st.st_size;
    return 0;
}

int file_map_descriptor(int fd, const char *name, struct bytes *out, struct error *e)
{
    void *p = NULL;
    size_t len = 0;
    int rc = map(fd, name, PROT_READ, &p, &len, e);
    *out = bytes_of(p, len);
    return rc;
}

int file_map_scratch(int fd, const char *name, void **out, struct error *e)
{
    size_t len;
    *out = NULL;
    return map(fd, name, PROT_READ | PROT_WRITE, out, &len, e);
}

int file_map_open(const char *path, struct bytes *out, struct error *e)
{
    *out = (struct bytes){0};
    /* Non-blocking: a pipe at that name must not hang us before it is refused. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? FILE_MAP_ABSENT : error_system(e, "%s", path);
    int result = file_map_descriptor(fd, path, out, e);
    (void)close(fd);
    return result;
}

/* The pages that hold a part: the system knows no less. Not const, as its calls want it. */
static void *pages_of(struct bytes part, size_t *len)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)part.data / page * page;
    *len = (size_t)((uintptr_t)part.data - first) + part.len;
    return (void *)first;
}

void file_map_close(struct bytes map)
{
    size_t len;
    void *p = pages_of(map, &len);
    if (len > 0)
        (void)munmap(p, len);
}

int file_map_ready(struct bytes part, struct error *e)
{
#ifdef MADV_POPULATE_READ
    size_t len;
    void *p = pages_of(part, &len);
    int n = 0;
    if (part.len > 0)
        do
            n = madvise(p, len, MADV_POPULATE_READ);
        while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EFAULT || errno == EHWPOISON)) {
        errno = EIO;
        return error_system(e, "mapped file, %zu bytes", part.len);
    }
#else
    (void)part;
    (void)e;
#endif
    return 0;
}

void file_map_rest(struct bytes part)
{
    size_t len;
    void *p = pages_of(part, &len);
    if (part.len > 0)
        (void)madvise(p, len, MADV_DONTNEED);
}
