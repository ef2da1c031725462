/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/backends.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/store_dir.h"
#include "backends/store_s3.h"
#include "backends/store_sftp.h"
#include "core/base/str.h"

/* The path of a directory URL; NULL with the error filled for anything else. */
static const char *directory_path(const char *url, struct error *e)
{
    if (str_starts(url, "file://")) {
        if (url[7] == '/')
            return url + 7;
        (void)error_set(e, ERROR_USAGE, "%s: a file URL has three slashes: file:///path", url);
        return NULL;
    }
    if (url[0] == '@') {
        (void)error_set(e, ERROR_USAGE,
                        "%.64s: there is no configuration file to name repositories", url);
        (void)error_hint(e, "give a directory: /path or file:///path");
        return NULL;
    }
    if (!strstr(url, "://") && *url)
        return url;
    /* The scheme only: what follows may hold a password. */
    size_t scheme = strcspn(url, ":");
    (void)error_set(e, ERROR_USAGE, "repository URL of scheme \"%.*s\" is not known",
                    (int)(scheme > 16 ? 16 : scheme), url);
    (void)error_hint(e, "give a directory, /path or file:///path, s3://BUCKET/PREFIX or "
                        "sftp://USER@HOST/PATH");
    return NULL;
}

struct store *backends_open(const char *url, bool create, struct error *e)
{
    if (str_starts(url, "s3://"))
        return store_s3_open(url, create, e);
    if (str_starts(url, "sftp://"))
        return store_sftp_open(url, create, e);
    const char *path = directory_path(url, e);
    return path ? store_dir_open(path, create, e) : NULL;
}

char *backends_canonical(const char *url, struct error *e)
{
    char resolved[PATH_MAX];
    if (str_starts(url, "s3://"))
        return store_s3_canonical(url, e);
    if (str_starts(url, "sftp://"))
        return store_sftp_canonical(url, e);
    const char *path = directory_path(url, e);
    if (!path)
        return NULL;
    if (realpath(path, resolved))
        return str_format(e, "file://%s", resolved);
    if (path[0] == '/')
        return str_format(e, "file://%s", path);
    if (!getcwd(resolved, sizeof resolved)) {
        (void)error_system(e, "current folder");
        return NULL;
    }
    return str_format(e, "file://%s/%s", resolved, path);
}
