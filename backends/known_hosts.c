/* SPDX-License-Identifier: Apache-2.0 */
/* Every line is cut into words; whether it names the host is decided before its key is looked
 * at. Nothing in a line can be an error: the file belongs to ssh and may know more than we. */
#include "backends/known_hosts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/base/str.h"

#define MAX_FILE (16 * MIB)
#define MAX_KEY (16 * KIB) /* decoded; OpenSSH's own limit is of that size */
#define MAX_NAME 256
#define MAX_KEYS 4096 /* of one host */
#define SSH_PORT 22

static const char *const type_names[KNOWN_HOSTS_TYPES] = {
    [KNOWN_HOSTS_ED25519] = "ssh-ed25519",
    [KNOWN_HOSTS_ECDSA_256] = "ecdsa-sha2-nistp256",
    [KNOWN_HOSTS_ECDSA_384] = "ecdsa-sha2-nistp384",
    [KNOWN_HOSTS_ECDSA_521] = "ecdsa-sha2-nistp521",
    [KNOWN_HOSTS_RSA] = "ssh-rsa",
};

/* ---- base64 (RFC 4648) -------------------------------------------------------------- */

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Decode text, with or without its padding, into out of size bytes; -1 when it is not base64
 * or does not fit. */
static ptrdiff_t decode(struct bytes text, uint8_t *out, size_t size)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t len = 0;
    while (text.len > 0 && text.data[text.len - 1] == '=')
        text.len--;
    if (text.len % 4 == 1)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.data[i] ? strchr(alphabet, text.data[i]) : NULL;
        if (!at)
            return -1;
        bits = (bits << 6 | (uint32_t)(at - alphabet)) & 0xffffff;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        if (len == size)
            return -1;
        out[len++] = (uint8_t)(bits >> have);
    }
    return (ptrdiff_t)len;
}

void known_hosts_fingerprint(char out[KNOWN_HOSTS_FINGERPRINT],
                             const uint8_t sha256[DIGEST_LEN])
{
    memcpy(out, "SHA256:", 7);
    char *p = out + 7;
    for (size_t bit = 0; bit < DIGEST_LEN * (size_t)8; bit += 6) {
        size_t i = bit / 8;
        unsigned pair = (unsigned)sha256[i] << 8 | (i + 1 < DIGEST_LEN ? sha256[i + 1] : 0);
        *p++ = alphabet[pair >> (10 - bit % 8) & 63];
    }
    *p = '\0';
}

/* ---- lines ------------------------------------------------------------------------- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes next_word(struct bytes *line)
{
    while (line->len > 0 && is_blank(*line->data))
        (void)bytes_take(line, 1);
    size_t n = 0;
    while (n < line->len && !is_blank(line->data[n]))
        n++;
    return bytes_take(line, n);
}

static bool is_text(struct bytes b, const char *text)
{
    return bytes_equal(b, bytes_text(text));
}

/* "*" any characters, "?" one, letters of any case: without recursion, going back to the last
 * star only. */
static bool matches(struct bytes pattern, const char *name)
{
    size_t p = 0;
    size_t n = 0;
    size_t star = SIZE_MAX;
    size_t from = 0;
    while (name[n]) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            from = n;
        } else if (p < pattern.len && (pattern.data[p] == '?' ||
                                       tolower(pattern.data[p]) == tolower((uint8_t)name[n]))) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

/* |1|salt|HMAC-SHA1(salt, name) */
static int hash_matches(struct bytes hashed, const char *name, bool *yes, struct error *e)
{
    uint8_t salt[64];
    uint8_t stored[DIGEST_SHA1_LEN];
    uint8_t made[DIGEST_SHA1_LEN];
    (void)bytes_take(&hashed, 3);
    const uint8_t *bar = hashed.len > 0 ? memchr(hashed.data, '|', hashed.len) : NULL;
    if (!bar)
        return 0;
    struct bytes first = bytes_take(&hashed, (size_t)(bar - hashed.data));
    (void)bytes_take(&hashed, 1);
    ptrdiff_t salt_len = decode(first, salt, sizeof salt);
    if (salt_len < 0 || decode(hashed, stored, sizeof stored) != (ptrdiff_t)sizeof stored)
        return 0;
    if (digest_hmac_sha1(bytes_of(salt, (size_t)salt_len), bytes_text(name), made, e) < 0)
        return -1;
    *yes = memcmp(made, stored, sizeof made) == 0;
    return 0;
}

/* Whether a line's list of hosts names name; one "!" that matches outweighs all. */
static int names(struct bytes hosts, const char *name, bool *yes, struct error *e)
{
    *yes = false;
    if (hosts.len > 3 && memcmp(hosts.data, "|1|", 3) == 0)
        return hash_matches(hosts, name, yes, e);
    while (hosts.len > 0) {
        const uint8_t *comma = memchr(hosts.data, ',', hosts.len);
        struct bytes one = bytes_take(&hosts, comma ? (size_t)(comma - hosts.data) : hosts.len);
        if (comma)
            (void)bytes_take(&hosts, 1);
        bool against = one.len > 0 && one.data[0] == '!';
        if (against)
            (void)bytes_take(&one, 1);
        if (one.len == 0 || !matches(one, name))
            continue;
        *yes = !against;
        if (against)
            return 0;
    }
    return 0;
}

static int keep(struct known_hosts *k, const struct known_hosts_key *key, struct error *e)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->keys[i].revoked == key->revoked &&
            memcmp(k->keys[i].sha256, key->sha256, DIGEST_LEN) == 0)
            return 0;
    if (k->count == MAX_KEYS)
        return error_set(e, ERROR_USAGE, "more than %d host keys of one host", MAX_KEYS);
    struct known_hosts_key *keys = reallocarray(k->keys, k->count + 1, sizeof *keys);
    if (!keys)
        return error_memory(e, "host keys");
    k->keys = keys;
    keys[k->count++] = *key;
    return 0;
}

/* The key behind the names, when it is of a type that we know. */
static int add_key(struct known_hosts *k, struct bytes line, bool revoked, struct error *e)
{
    uint8_t blob[MAX_KEY];
    struct known_hosts_key key = {.type = KNOWN_HOSTS_ED25519, .revoked = revoked};
    struct bytes type = next_word(&line);
    ptrdiff_t len = decode(next_word(&line), blob, sizeof blob);
    while (key.type < KNOWN_HOSTS_TYPES && !is_text(type, type_names[key.type]))
        key.type++;
    /* The type stands in the key itself too; a line that contradicts itself is no key. */
    if (key.type == KNOWN_HOSTS_TYPES || len < 4 || (size_t)len < 4 + type.len ||
        memcmp(blob + 4, type.data, type.len) != 0)
        return 0;
    if (digest_sha256(bytes_of(blob, (size_t)len), key.sha256, e) < 0)
        return -1;
    return keep(k, &key, e);
}

/* *found is set when the line trusts a key or an authority of that name. */
static int add_line(struct known_hosts *k, struct bytes line, const char *name, bool *found,
                    struct error *e)
{
    bool yes;
    struct bytes hosts = next_word(&line);
    if (hosts.len == 0 || hosts.data[0] == '#')
        return 0;
    bool revoked = is_text(hosts, "@revoked");
    bool authority = is_text(hosts, "@cert-authority");
    if (hosts.data[0] == '@') {
        if (!revoked && !authority)
            return 0;
        hosts = next_word(&line);
    }
    if (names(hosts, name, &yes, e) < 0)
        return -1;
    if (!yes)
        return 0;
    if (!revoked)
        *found = true;
    if (authority) {
        k->authority = true;
        return 0;
    }
    return add_key(k, line, revoked, e);
}

static int add_name(struct known_hosts *k, struct bytes text, const char *name, bool *found,
                    struct error *e)
{
    int rc = 0;
    while (rc == 0 && text.len > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        struct bytes line = bytes_take(&text, end ? (size_t)(end - text.data) : text.len);
        if (end)
            (void)bytes_take(&text, 1);
        rc = add_line(k, line, name, found, e);
    }
    return rc;
}

int known_hosts_add(struct known_hosts *k, struct bytes text, const char *host, uint16_t port,
                    struct error *e)
{
    char plain[MAX_NAME];
    char with_port[MAX_NAME + sizeof "[]:65535"];
    bool found = false;
    size_t len = strlen(host);
    if (len >= sizeof plain)
        return error_set(e, ERROR_USAGE, "host name of %zu bytes is too long", len);
    /* Hashes are made over the name in lower case. */
    for (size_t i = 0; i <= len; i++)
        plain[i] = (char)tolower((uint8_t)host[i]);
    if (port == SSH_PORT)
        return add_name(k, text, plain, &found, e);
    (void)snprintf(with_port, sizeof with_port, "[%s]:%u", plain, (unsigned)port);
    int rc = add_name(k, text, with_port, &found, e);
    return rc < 0 || found ? rc : add_name(k, text, plain, &found, e);
}

int known_hosts_load(struct known_hosts *k, const char *path, const char *host, uint16_t port,
                     struct error *e)
{
    struct buf text = {0};
    int rc = file_load(path, MAX_FILE, &text, e);
    if (rc == 0)
        rc = known_hosts_add(k, buf_view(&text), host, port, e);
    buf_done(&text);
    return rc == FILE_ABSENT ? KNOWN_HOSTS_ABSENT : rc;
}

int known_hosts_pin(struct known_hosts *k, const char *fingerprints, struct error *e)
{
    const char *p = fingerprints;
    for (;;) {
        struct known_hosts_key key = {.type = KNOWN_HOSTS_TYPES};
        size_t len = strcspn(p, ",");
        if (len < 7 || memcmp(p, "SHA256:", 7) != 0 ||
            decode(bytes_of(p + 7, len - 7), key.sha256, DIGEST_LEN) != DIGEST_LEN) {
            (void)error_set(e, ERROR_USAGE, "a host key is given as SHA256: and 43 characters");
            return error_hint(e, "ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub shows it "
                                 "on the server; write a \"+\" as it is");
        }
        if (keep(k, &key, e) < 0)
            return -1;
        if (!p[len])
            return 0;
        p += len + 1;
    }
}

enum known_hosts_verdict known_hosts_check(const struct known_hosts *k,
                                           const uint8_t sha256[DIGEST_LEN])
{
    enum known_hosts_verdict verdict = KNOWN_HOSTS_UNKNOWN;
    for (size_t i = 0; i < k->count; i++) {
        if (memcmp(k->keys[i].sha256, sha256, DIGEST_LEN) != 0)
            continue;
        if (k->keys[i].revoked)
            return KNOWN_HOSTS_REVOKED;
        verdict = KNOWN_HOSTS_TRUSTED;
    }
    return verdict;
}

bool known_hosts_has(const struct known_hosts *k, enum known_hosts_type type)
{
    for (size_t i = 0; i < k->count; i++)
        if (!k->keys[i].revoked &&
            (k->keys[i].type == type || k->keys[i].type == KNOWN_HOSTS_TYPES))
            return true;
    return false;
}

const char *known_hosts_name(enum known_hosts_type type)
{
    return type_names[type];
}

void known_hosts_done(struct known_hosts *k)
{
    free(k->keys);
    *k = (struct known_hosts){0};
}
