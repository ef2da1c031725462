/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/nameless.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/str.h"

#define GONE " (deleted)"

/* Is the link of /proc to a file that had its place in folder, but no name? */
static bool is_nameless(const char *link, const char *folder)
{
    char target[4096];
    ssize_t n = readlink(link, target, sizeof target - 1);
    if (n < 0)
        return false;
    target[n] = '\0';
    size_t len = strlen(target);
    return str_starts(target, folder) && target[strlen(folder)] == '/' && len > strlen(GONE) &&
           strcmp(target + len - strlen(GONE), GONE) == 0;
}

int nameless_open(pid_t pid, const char *folder)
{
    char path[64];
    char link[64 + 256];
    int fd = -1;
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    DIR *dir = opendir(path);
    for (struct dirent *d; fd < 0 && dir && (d = readdir(dir));) {
        (void)snprintf(link, sizeof link, "%s/%s", path, d->d_name);
        if (is_nameless(link, folder))
            fd = open(link, O_RDWR | O_CLOEXEC);
    }
    if (dir)
        (void)closedir(dir);
    return fd;
}
