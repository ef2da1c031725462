/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scratch.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void scratch_make(char folder[SCRATCH_PATH])
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, SCRATCH_PATH, "%s/pgkeep-test-XXXXXX",
                   base && *base ? base : "/tmp");
    if (!mkdtemp(folder)) {
        perror(folder);
        abort();
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void scratch_remove(const char *folder)
{
    if (nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        perror(folder);
}

void scratch_path(char out[SCRATCH_PATH], const char *folder, const char *name)
{
    int n = snprintf(out, SCRATCH_PATH, "%s/%s", folder, name);
    if (n < 0 || n >= SCRATCH_PATH)
        abort();
}

size_t scratch_count(const char *folder)
{
    size_t n = 0;
    DIR *dir = opendir(folder);
    if (!dir)
        abort();
    for (struct dirent *d; (d = readdir(dir));)
        n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    (void)closedir(dir);
    return n;
}
