/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/store_sftp_place.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/str.h"

#define MAX_HOME 4096

/* ---- our account --------------------------------------------------------------------- */

static char *of_account(bool home, struct error *e)
{
    char room[4096];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwuid_r(geteuid(), &entry, room, sizeof room, &found) != 0 || !found)
        return str_copy("", e);
    return str_copy(home ? found->pw_dir : found->pw_name, e);
}

char *store_sftp_place_user(struct error *e)
{
    return of_account(false, e);
}

char *store_sftp_place_home(struct error *e)
{
    const char *home = getenv("HOME");
    return home && home[0] == '/' ? str_copy(home, e) : of_account(true, e);
}

/* ---- URL ------------------------------------------------------------------------------- */

/* "" is the root. Other people's homes are refused, since libcurl takes every path that begins
 * with "/~" for our own. */
static char *plain_path(const char *path, struct error *e)
{
    struct buf out = {0};
    int rc = 0;
    while (rc == 0 && *path) {
        size_t n = strcspn(path, "/");
        if ((n == 1 && path[0] == '.') || (n == 2 && path[0] == '.' && path[1] == '.'))
            rc = error_set(e, ERROR_USAGE, "sftp URL: the path has a \".\" or \"..\" in it");
        else if (out.len == 0 && n > 1 && path[0] == '~')
            rc =
                error_set(e, ERROR_USAGE,
                          "sftp URL: a path that begins with /~NAME is not possible, only /~/");
        else if (n > 0)
            rc = buf_printf(&out, e, "/%.*s", (int)n, path);
        path += n + (path[n] == '/');
    }
    if (rc == 0)
        rc = buf_byte(&out, 0, e);
    if (rc < 0)
        buf_done(&out);
    return (char *)out.data;
}

static int parse(const char *text, struct store_sftp_place *p, struct error *e)
{
    static const char *const known[] = {"key-file", "known-hosts", "host-key", NULL};
    struct store_url *u = &p->url;
    if (store_url_parse(text, u, e) < 0)
        return -1;
    if (strcmp(u->scheme, "sftp") != 0 || !u->host[0])
        return error_set(e, ERROR_USAGE, "an SFTP URL is sftp://USER@HOST/PATH");
    if (store_url_only(u, known, e) < 0)
        return -1;
    for (char *c = u->host; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
    if (!u->user)
        u->user = store_sftp_place_user(e);
    p->path = u->user ? plain_path(u->path, e) : NULL;
    return p->path ? 0 : -1;
}

int store_sftp_place_parse(const char *text, struct store_sftp_place *out, struct error *e)
{
    *out = (struct store_sftp_place){0};
    int rc = parse(text, out, e);
    if (rc < 0)
        store_sftp_place_done(out);
    return rc;
}

void store_sftp_place_done(struct store_sftp_place *p)
{
    store_url_done(&p->url);
    free(p->path);
    p->path = NULL;
}

char *store_sftp_place_text(const struct store_sftp_place *p, struct error *e)
{
    char port[16] = "";
    const struct store_url *u = &p->url;
    bool address = strchr(u->host, ':');
    if (u->port != 0 && u->port != STORE_SFTP_PLACE_PORT)
        (void)snprintf(port, sizeof port, ":%u", (unsigned)u->port);
    char *user = store_url_encode(u->user, "", e);
    char *path = user ? store_url_encode(*p->path ? p->path : "/", "/", e) : NULL;
    char *text = path ? str_format(e, "sftp://%s@%s%s%s%s%s", user, address ? "[" : "", u->host,
                                   address ? "]" : "", port, path)
                      : NULL;
    free(user);
    free(path);
    return text;
}

char *store_sftp_place_root(const struct store_sftp_place *p, const char *home, struct error *e)
{
    if (strncmp(p->path, "/~", 2) != 0)
        return str_copy(*p->path ? p->path : "/", e);
    size_t len = strlen(home);
    bool wrong = home[0] != '/' || len > MAX_HOME;
    for (const char *c = home; *c; c++)
        wrong = wrong || (uint8_t)*c < 0x20;
    if (wrong) {
        (void)error_set(e, ERROR_IO, "the server tells no usable home folder for /~/");
        return NULL;
    }
    while (len > 0 && home[len - 1] == '/')
        len--;
    if (len == 0 && !p->path[2])
        return str_copy("/", e);
    return str_format(e, "%.*s%s", (int)len, home, p->path + 2);
}
