/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/paths.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/digest.h"
#include "core/base/str.h"

/* $variable, else $HOME/under_home, else root's folder or that of the user's entry. */
static char *base(const char *variable, const char *under_home, const char *of_root,
                  struct error *e)
{
    const char *value = getenv(variable);
    if (value && value[0] == '/')
        return str_format(e, "%s/pgkeep", value);
    const char *home = getenv("HOME");
    if (home && home[0] == '/')
        return str_format(e, "%s/%s/pgkeep", home, under_home);
    if (geteuid() == 0)
        return str_copy(of_root, e);
    struct passwd entry;
    struct passwd *found = NULL;
    char text[4096];
    if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) == 0 && found)
        return str_format(e, "%s/%s/pgkeep", found->pw_dir, under_home);
    (void)error_set(e, ERROR_USAGE, "neither %s nor HOME is set", variable);
    return NULL;
}

char *paths_bundle(const uint8_t repository_id[FORMAT_ID_LEN], struct error *e)
{
    char id[2 * FORMAT_ID_LEN + 1];
    char *folder = base("XDG_CONFIG_HOME", ".config", "/etc/pgkeep", e);
    if (!folder)
        return NULL;
    str_hex(id, repository_id, FORMAT_ID_LEN);
    char *path = str_format(e, "%s/%s.host", folder, id);
    free(folder);
    return path;
}

char *paths_state(const uint8_t repository_id[FORMAT_ID_LEN], const char *canonical_url,
                  struct error *e)
{
    char id[2 * FORMAT_ID_LEN + 1];
    char url[9];
    uint8_t digest[DIGEST_LEN];
    if (digest_sha256(bytes_text(canonical_url), digest, e) < 0)
        return NULL;
    char *folder = base("XDG_STATE_HOME", ".local/state", "/var/lib/pgkeep", e);
    if (!folder)
        return NULL;
    str_hex(id, repository_id, FORMAT_ID_LEN);
    str_hex(url, digest, 4);
    char *path = str_format(e, "%s/%s-%s", folder, id, url);
    free(folder);
    return path;
}
