/* SPDX-License-Identifier: Apache-2.0 */
/* libssh2 asks a server for the host key type that it likes best, which need not be the one we
 * know. What steers it is a known_hosts file: libcurl asks for the type of the first line that
 * names the host. So it gets a file in memory with one line of the type that we want and a key
 * that is none; the decision is made by our own callback alone, whatever the server shows. */
#include "backends/store_sftp_login.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/store_sftp_place.h"
#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/base/secret.h"
#include "core/base/secret_find.h"
#include "core/base/str.h"

#define MAX_KEY_FILE (64 * KIB)

/* ---- host keys --------------------------------------------------------------------- */

static int load_known_hosts(struct store_sftp_login *l, const char *named, const char *home,
                            struct error *e)
{
    if (named) {
        int rc = known_hosts_load(&l->hosts, named, l->host, l->port, e);
        if (rc == KNOWN_HOSTS_ABSENT)
            return error_set(e, ERROR_USAGE, "known-hosts: there is no file %s", named);
        l->origin = rc == 0 ? str_copy(named, e) : NULL;
        return l->origin ? 0 : -1;
    }
    char *own = str_format(e, "%s/.ssh/known_hosts", home);
    if (!own)
        return -1;
    /* Absent files know nobody, which is told when the server has shown its key. */
    int rc = known_hosts_load(&l->hosts, own, l->host, l->port, e);
    free(own);
    if (rc >= 0)
        rc = known_hosts_load(&l->hosts, "/etc/ssh/ssh_known_hosts", l->host, l->port, e);
    if (rc < 0)
        return -1;
    l->origin = str_copy("~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts", e);
    return l->origin ? 0 : -1;
}

static int learn_hosts(struct store_sftp_login *l, const struct store_url *u, const char *home,
                       struct error *e)
{
    const char *pin;
    for (size_t i = 0; (pin = store_url_param_nth(u, "host-key", i)); i++)
        if (known_hosts_pin(&l->hosts, pin, e) < 0)
            return error_wrap(e, "host-key");
    if (l->hosts.count == 0)
        return load_known_hosts(l, store_url_param(u, "known-hosts"), home, e);
    l->pinned = true;
    l->origin = str_copy("host-key", e);
    return l->origin ? 0 : -1;
}

static int host_key_shown(void *arg, int type, const char *key, size_t len)
{
    struct store_sftp_seen *seen = arg;
    uint8_t sha256[DIGEST_LEN];
    struct bytes blob = bytes_of(key, len);
    (void)type;
    seen->verdict = KNOWN_HOSTS_UNKNOWN;
    /* Of the key itself: length of its type's name, then the name (RFC 4253 6.6). */
    if (len > 4) {
        size_t name = (size_t)blob.data[2] << 8 | blob.data[3];
        str_safe(seen->type, sizeof seen->type,
                 bytes_of(blob.data + 4, name < len - 4 ? name : len - 4));
    }
    if (digest_sha256(blob, sha256, NULL) < 0)
        return CURLKHMATCH_MISMATCH;
    known_hosts_fingerprint(seen->fingerprint, sha256);
    seen->shown = true;
    seen->verdict = known_hosts_check(&seen->login->hosts, sha256);
    return seen->verdict == KNOWN_HOSTS_TRUSTED ? CURLKHMATCH_OK : CURLKHMATCH_MISMATCH;
}

static int steer(struct store_sftp_login *l, struct error *e)
{
    if (l->steer >= 0)
        (void)close(l->steer);
    l->steer = -1;
    if (l->type == KNOWN_HOSTS_TYPES)
        return 0;
    /* libssh2 wants at least 20 characters of key and looks no closer. */
    char *line = str_format(e, "%s %s AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", l->host,
                            known_hosts_name(l->type));
    if (!line)
        return -1;
    l->steer = file_memfd("host-key-type", bytes_text(line), e);
    free(line);
    return l->steer < 0 ? -1 : 0;
}

/* The first type from `from` on that may be trusted; KNOWN_HOSTS_TYPES: none. Not RSA with an
 * old library: it signs with SHA-1 only, which no server of today takes, and asking it for RSA
 * makes it copy memory onto itself (libssh2_session_method_pref). */
static enum known_hosts_type usable_from(const struct store_sftp_login *l,
                                         enum known_hosts_type from)
{
    while (from < KNOWN_HOSTS_TYPES &&
           (!known_hosts_has(&l->hosts, from) || (from == KNOWN_HOSTS_RSA && l->old_library)))
        from++;
    return from;
}

bool store_sftp_login_next_type(struct store_sftp_login *l)
{
    if (l->type == KNOWN_HOSTS_TYPES)
        return false;
    enum known_hosts_type next = usable_from(l, l->type + 1);
    if (next == KNOWN_HOSTS_TYPES)
        return false;
    l->type = next;
    return steer(l, NULL) == 0;
}

/* ---- user keys --------------------------------------------------------------------- */

enum key_kind { KEY_PLAIN, KEY_RSA, KEY_LOCKED };

/* What kind of private key a file holds, as far as its text tells: PEM, or OpenSSH's own format
 * (PROTOCOL.key), whose cipher's name and public key stand in the clear. */
static enum key_kind kind_of(struct bytes text)
{
    static const char openssh[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
    /* base64 of "openssh-key-v1\0" and the name "none" in its place */
    static const char open_key[] = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU";
    /* base64 of "\0\7ssh-r", as it stands (and ends the first line) in an unlocked key */
    static const char rsa_key[] = "AAdzc2gtcn";
    if (memmem(text.data, text.len, openssh, sizeof openssh - 1)) {
        if (!memmem(text.data, text.len, open_key, sizeof open_key - 1))
            return KEY_LOCKED;
        return memmem(text.data, text.len, rsa_key, sizeof rsa_key - 1) ? KEY_RSA : KEY_PLAIN;
    }
    if (memmem(text.data, text.len, "ENCRYPTED", 9))
        return KEY_LOCKED;
    return memmem(text.data, text.len, "BEGIN RSA", 9) ? KEY_RSA : KEY_PLAIN;
}

/* Answers FILE_ABSENT. */
static int look_at_key(const char *path, enum key_kind *kind, struct error *e)
{
    struct stat st;
    struct buf text = {0};
    if (stat(path, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) != 0) {
        (void)error_set(e, ERROR_KEY, "key file %s: others can read it (mode %04o)", path,
                        (unsigned)(st.st_mode & 07777));
        return error_hint(e, "chmod 600 %s", path);
    }
    int rc = buf_reserve(&text, MAX_KEY_FILE + 1, e);
    if (rc == 0)
        rc = file_load(path, MAX_KEY_FILE, &text, e);
    if (rc == 0)
        *kind = kind_of(buf_view(&text));
    secret_free_buf(&text);
    return rc < 0 ? error_wrap(e, "key file") : rc;
}

static int find_passphrase(struct store_sftp_login *l, struct error *e)
{
    if (l->passphrase)
        return 0;
    return secret_find("PGKEEP_SSH_KEY_PASSPHRASE", NULL, &l->passphrase, e) < 0 ? -1 : 0;
}

static int locked_key(const char *path, struct error *e)
{
    (void)error_set(e, ERROR_KEY, "key file %s has a passphrase, which is not given", path);
    return error_hint(e, "ssh-add it to an ssh-agent, or give PGKEEP_SSH_KEY_PASSPHRASE_FILE");
}

static int rsa_key(const char *path, struct error *e)
{
    (void)error_set(e, ERROR_KEY, "key file %s: RSA user keys need libssh2 >= 1.11", path);
    return error_hint(e, "use a key made by ssh-keygen -t ed25519");
}

/* The key file that the URL names: it must be usable, unless the agent may help. */
static int take_named_key(struct store_sftp_login *l, const char *path, struct error *e)
{
    enum key_kind kind = KEY_PLAIN;
    int rc = look_at_key(path, &kind, e);
    if (rc == FILE_ABSENT)
        return error_set(e, ERROR_KEY, "key-file: there is no file %s", path);
    if (rc == 0 && kind == KEY_LOCKED)
        rc = find_passphrase(l, e);
    if (rc < 0)
        return -1;
    if (kind == KEY_LOCKED && !l->passphrase)
        return l->agent ? 0 : locked_key(path, e);
    if (kind == KEY_RSA && l->old_library)
        return l->agent ? 0 : rsa_key(path, e);
    l->keys[0] = str_copy(path, e);
    return l->keys[0] ? 0 : -1;
}

/* ~/.ssh/id_ed25519 and id_ecdsa, as far as they are there and open. */
static int take_usual_keys(struct store_sftp_login *l, const char *home, struct error *e)
{
    static const char *const usual[] = {"id_ed25519", "id_ecdsa"};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
        enum key_kind kind = KEY_PLAIN;
        char *path = str_format(e, "%s/.ssh/%s", home, usual[i]);
        if (!path)
            return -1;
        int rc = look_at_key(path, &kind, e);
        if (rc == 0 && kind == KEY_LOCKED && find_passphrase(l, e) < 0) {
            free(path);
            return -1;
        }
        if (rc == 0 && (kind != KEY_LOCKED || l->passphrase))
            l->keys[count++] = path;
        else
            free(path);
    }
    return 0;
}

static int first_way(struct store_sftp_login *l, struct error *e)
{
    l->way = l->agent ? 0 : 1;
    if (l->agent || l->keys[0])
        return 0;
    (void)error_set(e, ERROR_KEY, "there is no SSH key to log in to %s with", l->host);
    return error_hint(e,
                      "start an ssh-agent (SSH_AUTH_SOCK), or give key-file=FILE in the URL");
}

bool store_sftp_login_next_way(struct store_sftp_login *l)
{
    if (l->way >= ARRAY_SIZE(l->keys) || !l->keys[l->way])
        return false;
    l->way++;
    return true;
}

/* ---- all together -------------------------------------------------------------------- */

/* "libssh2/1.10.0": before 1.11. */
static bool library_is_old(void)
{
    static const char before[] = "libssh2/";
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
    if (!v->libssh_version || !str_starts(v->libssh_version, before))
        return false;
    const char *major = v->libssh_version + sizeof before - 1;
    const char *minor = strchr(major, '.');
    if (!minor)
        return false;
    bool one = minor - major == 1 && *major <= '1';
    size_t digits = strspn(minor + 1, "0123456789");
    return one && (*major == '0' || digits == 1 ||
                   (digits == 2 && minor[1] == '1' && minor[2] == '0'));
}

static int learn(struct store_sftp_login *l, const struct store_url *u, const char *home,
                 struct error *e)
{
    const char *key = store_url_param(u, "key-file");
    l->user = str_copy(u->user, e);
    l->host = l->user ? str_copy(u->host, e) : NULL;
    if (!l->host || learn_hosts(l, u, home, e) < 0)
        return -1;
    if ((key ? take_named_key(l, key, e) : take_usual_keys(l, home, e)) < 0)
        return -1;
    l->type = usable_from(l, KNOWN_HOSTS_ED25519);
    return steer(l, e) < 0 ? -1 : first_way(l, e);
}

int store_sftp_login_init(struct store_sftp_login *l, const struct store_url *u,
                          struct error *e)
{
    const char *socket = getenv("SSH_AUTH_SOCK");
    *l = (struct store_sftp_login){.steer = -1,
                                   .port = u->port ? u->port : STORE_SFTP_PLACE_PORT};
    l->agent = socket && *socket && access(socket, R_OK | W_OK) == 0;
    l->old_library = library_is_old();
    char *home = store_sftp_place_home(e);
    int rc = home ? learn(l, u, home, e) : -1;
    free(home);
    return rc;
}

void store_sftp_login_done(struct store_sftp_login *l)
{
    known_hosts_done(&l->hosts);
    secret_free_text(l->passphrase);
    for (size_t i = 0; i < ARRAY_SIZE(l->keys); i++)
        free(l->keys[i]);
    free(l->origin);
    free(l->user);
    free(l->host);
    if (l->steer >= 0)
        (void)close(l->steer);
    *l = (struct store_sftp_login){.steer = -1};
}

int store_sftp_login_apply(const struct store_sftp_login *l, CURL *curl,
                           struct store_sftp_seen *seen, struct error *e)
{
    char path[48];
    const char *key = l->way > 0 ? l->keys[l->way - 1] : NULL;
    *seen = (struct store_sftp_seen){.login = l};
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", l->steer);
    /* curl keeps its own copy of the passphrase, which it does not wipe. */
    if (curl_easy_setopt(curl, CURLOPT_USERNAME, l->user) ||
        curl_easy_setopt(curl, CURLOPT_SSH_HOSTKEYFUNCTION, host_key_shown) ||
        curl_easy_setopt(curl, CURLOPT_SSH_HOSTKEYDATA, seen) ||
        curl_easy_setopt(curl, CURLOPT_SSH_KNOWNHOSTS, l->steer >= 0 ? path : NULL) ||
        curl_easy_setopt(curl, CURLOPT_SSH_AUTH_TYPES,
                         key ? CURLSSH_AUTH_PUBLICKEY : CURLSSH_AUTH_AGENT) ||
        curl_easy_setopt(curl, CURLOPT_SSH_PRIVATE_KEYFILE, key) ||
        curl_easy_setopt(curl, CURLOPT_KEYPASSWD, key ? l->passphrase : NULL))
        return error_memory(e, "SSH login");
    return 0;
}

/* ---- errors -------------------------------------------------------------------------- */

static void list_expected(const struct store_sftp_login *l, char *out, size_t size)
{
    size_t shown = 0;
    size_t at = 0;
    for (size_t i = 0; i < l->hosts.count && shown < 4 && at < size; i++) {
        char text[KNOWN_HOSTS_FINGERPRINT];
        if (l->hosts.keys[i].revoked)
            continue;
        known_hosts_fingerprint(text, l->hosts.keys[i].sha256);
        int n = snprintf(out + at, size - at, "%s%s", shown++ ? " or " : "", text);
        at += n > 0 ? (size_t)n : 0;
    }
}

int store_sftp_login_wrong_host(const struct store_sftp_login *l, bool revoked,
                                const char *found, struct error *e)
{
    char expected[400] = "";
    list_expected(l, expected, sizeof expected);
    if (revoked) {
        (void)error_set(e, ERROR_KEY, "the host key of %s is marked @revoked in %s: %s",
                        l->host, l->origin, found);
        return error_hint(e, "do not trust this server until its owner has explained it");
    }
    if (!*expected) {
        (void)error_set(e, ERROR_KEY, "%s:%u is not in %s, found host key %s%s", l->host,
                        (unsigned)l->port, l->origin, found,
                        l->hosts.authority ? "; a certificate authority is known, but libssh2 "
                                             "has no host certificates"
                                           : "");
        return error_hint(e, "compare it with ssh-keygen -l on the server, then add "
                             "?host-key=SHA256:... to the URL or the key to known_hosts");
    }
    bool rsa_only = usable_from(l, KNOWN_HOSTS_ED25519) == KNOWN_HOSTS_TYPES;
    if (rsa_only || !*found) {
        (void)error_set(e, ERROR_KEY, "%s:%u %s%s%s", l->host, (unsigned)l->port,
                        rsa_only ? "is known by an RSA key only, which needs libssh2 >= 1.11"
                                 : "has no host key of a type that we know it by",
                        *found ? "; it shows " : "", found);
        return error_hint(e,
                          "add its ed25519 or ecdsa key: ssh-keyscan -t ed25519,ecdsa -p %u "
                          "%s shows them; compare before you trust",
                          (unsigned)l->port, l->host);
    }
    (void)error_set(e, ERROR_KEY,
                    "the host key of %s:%u is not the one that %s knows: expected "
                    "%s, found %s",
                    l->host, (unsigned)l->port, l->origin, expected, found);
    return error_hint(e,
                      "either the server has a new key, or this is another server: ask its "
                      "owner before you change %s",
                      l->origin);
}

int store_sftp_login_refused(const struct store_sftp_login *l, struct error *e)
{
    (void)error_set(e, ERROR_KEY, "login to %s:%u as %s refused: tried %s%s%s%s%s", l->host,
                    (unsigned)l->port, l->user, l->agent ? "ssh-agent" : "",
                    l->agent && l->keys[0] ? ", " : "", l->keys[0] ? l->keys[0] : "",
                    l->keys[1] ? ", " : "", l->keys[1] ? l->keys[1] : "");
    if (l->old_library && l->agent)
        return error_hint(e, "is the public key in the server's authorized_keys? RSA keys need "
                             "libssh2 >= 1.11, use ed25519");
    return error_hint(e, "is the public key in the server's authorized_keys, and the "
                         "passphrase right?");
}
