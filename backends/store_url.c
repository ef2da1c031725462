/* SPDX-License-Identifier: Apache-2.0 */
/* One pass from left to right over a view of the text. Anything that could be a password
 * (a colon before any "@") is refused before a part is looked at. */
#include "backends/store_url.h"

#include <stdlib.h>

#include "core/base/bytes.h"
#include "core/base/str.h"

#define MAX_URL (8 * KIB)
#define MAX_SCHEME 16
#define MAX_PAIRS 64

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_plain(uint8_t c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '.' ||
           c == '_';
}

static int hex_value(uint8_t c)
{
    if (is_digit(c))
        return c - '0';
    uint8_t low = c | 0x20;
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static int wrong(const struct store_url *u, struct error *e, const char *what)
{
    return error_set(e, ERROR_USAGE, "repository URL %s://...: %s", u->scheme ? u->scheme : "",
                     what);
}

static int password(const struct store_url *u, struct error *e)
{
    (void)wrong(u, e, "a password has no place in a URL");
    return error_hint(e, "give user@host without it: keys come from ssh-agent or a key file, "
                         "S3's from the AWS environment or a profile; write an \"@\" that is "
                         "meant as %%40");
}

/* A colon before an "@": user:password@, wherever the "@" stands: a password with a slash or
 * a question mark in it must not be taken for a path. */
static bool has_password(struct bytes text)
{
    const uint8_t *at = text.len > 0 ? memrchr(text.data, '@', text.len) : NULL;
    return at && memchr(text.data, ':', (size_t)(at - text.data));
}

/* The text before the first of the stop characters, taken off *rest. */
static struct bytes take_until(struct bytes *rest, const char *stops)
{
    size_t n = 0;
    while (n < rest->len && !(rest->data[n] && strchr(stops, rest->data[n])))
        n++;
    return bytes_take(rest, n);
}

static char *decode(const struct store_url *u, struct bytes raw, struct error *e)
{
    char *text = malloc(raw.len + 1);
    size_t len = 0;
    if (!text) {
        (void)error_memory(e, "repository URL");
        return NULL;
    }
    while (raw.len > 0) {
        uint8_t c = *bytes_take(&raw, 1).data;
        if (c == '%') {
            int high = raw.len >= 2 ? hex_value(raw.data[0]) : -1;
            int low = raw.len >= 2 ? hex_value(raw.data[1]) : -1;
            if (high < 0 || low < 0) {
                (void)wrong(u, e, "a \"%\" without two hexadecimal digits");
                goto fail;
            }
            (void)bytes_take(&raw, 2);
            c = (uint8_t)(high * 16 + low);
        }
        if (c < 0x20 || c == 0x7f) {
            (void)wrong(u, e, "a control character");
            goto fail;
        }
        text[len++] = (char)c;
    }
    text[len] = '\0';
    return text;
fail:
    free(text);
    return NULL;
}

static int parse_scheme(struct bytes *rest, struct store_url *u, struct error *e)
{
    struct bytes scheme = take_until(rest, ":/?#@");
    if (scheme.len == 0 || scheme.len > MAX_SCHEME || rest->len < 3 ||
        memcmp(rest->data, "://", 3) != 0)
        return error_set(e, ERROR_USAGE, "a repository URL begins with a scheme and ://");
    u->scheme = str_copy_bytes(scheme, e);
    if (!u->scheme)
        return -1;
    for (size_t i = 0; i < scheme.len; i++) {
        uint8_t c = scheme.data[i];
        bool letter = is_lower(c | 0x20);
        if (!letter && (i == 0 || !is_digit(c))) {
            u->scheme[0] = '\0';
            return error_set(e, ERROR_USAGE, "a repository URL begins with a scheme and ://");
        }
        u->scheme[i] = (char)(letter ? c | 0x20 : c);
    }
    (void)bytes_take(rest, 3);
    return 0;
}

static int parse_user(struct bytes *authority, struct store_url *u, struct error *e)
{
    const uint8_t *at =
        authority->len > 0 ? memrchr(authority->data, '@', authority->len) : NULL;
    if (!at)
        return 0;
    struct bytes user = bytes_take(authority, (size_t)(at - authority->data));
    (void)bytes_take(authority, 1);
    if (user.len == 0)
        return wrong(u, e, "the user's name is empty");
    u->user = decode(u, user, e);
    if (!u->user)
        return -1;
    /* An encoded colon is one to whoever uses the name. */
    return strchr(u->user, ':') ? password(u, e) : 0;
}

static int parse_port(struct bytes text, struct store_url *u, struct error *e)
{
    uint64_t port = 0;
    char digits[6] = {0};
    if (text.len == 0 || text.len >= sizeof digits)
        return wrong(u, e, "a port is a number from 1 to 65535");
    memcpy(digits, text.data, text.len);
    if (!str_u64(digits, UINT16_MAX, &port) || port == 0)
        return wrong(u, e, "a port is a number from 1 to 65535");
    u->port = (uint16_t)port;
    return 0;
}

static bool host_is_plain(struct bytes host, bool address)
{
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.data[i];
        if (address ? hex_value(c) < 0 && c != ':' && c != '.' : !is_plain(c))
            return false;
    }
    return true;
}

static int parse_authority(struct bytes authority, struct store_url *u, struct error *e)
{
    if (parse_user(&authority, u, e) < 0)
        return -1;
    bool address = authority.len > 0 && authority.data[0] == '[';
    if (address)
        (void)bytes_take(&authority, 1);
    struct bytes host = take_until(&authority, address ? "]" : ":");
    if (address && authority.len == 0)
        return wrong(u, e, "a \"[\" without its \"]\"");
    if (address)
        (void)bytes_take(&authority, 1);
    if (!host_is_plain(host, address))
        return wrong(u, e, "a host's name has letters, digits, \".\", \"-\" and \"_\"");
    u->host = str_copy_bytes(host, e);
    if (!u->host)
        return -1;
    if (authority.len == 0)
        return 0;
    if (authority.data[0] != ':')
        return wrong(u, e, "something stands behind the \"]\"");
    (void)bytes_take(&authority, 1);
    return parse_port(authority, u, e);
}

static bool is_name(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_lower(name.data[i]) && !is_digit(name.data[i]) && name.data[i] != '-' &&
            name.data[i] != '_')
            return false;
    return name.len > 0 && name.len <= 64;
}

static int parse_pair(struct bytes raw, struct store_url *u, struct error *e)
{
    struct bytes name = take_until(&raw, "=");
    if (!is_name(name))
        return wrong(u, e, "a parameter is NAME=VALUE, its name lower-case letters and \"-\"");
    if (u->pair_count == MAX_PAIRS)
        return wrong(u, e, "too many parameters");
    if (raw.len > 0)
        (void)bytes_take(&raw, 1);
    struct store_url_pair *pairs = reallocarray(u->pairs, u->pair_count + 1, sizeof *pairs);
    if (!pairs)
        return error_memory(e, "repository URL");
    u->pairs = pairs;
    struct store_url_pair *p = &pairs[u->pair_count++];
    *p = (struct store_url_pair){0};
    p->name = str_copy_bytes(name, e);
    p->value = p->name ? decode(u, raw, e) : NULL;
    if (!p->value)
        return -1;
    /* endpoint=https%3A%2F%2Fuser%3Apassword%40host */
    const char *inner = strstr(p->value, "://");
    return inner && has_password(bytes_text(inner + 3)) ? password(u, e) : 0;
}

static int parse(struct bytes rest, struct store_url *u, struct error *e)
{
    if (parse_scheme(&rest, u, e) < 0)
        return -1;
    if (has_password(rest))
        return password(u, e);
    if (memchr(rest.data, '#', rest.len))
        return wrong(u, e, "a \"#\" is written as %23");
    if (parse_authority(take_until(&rest, "/?"), u, e) < 0)
        return -1;
    u->path = decode(u, take_until(&rest, "?"), e);
    if (!u->path)
        return -1;
    while (rest.len > 0) {
        (void)bytes_take(&rest, 1); /* the "?" or an "&" */
        struct bytes pair = take_until(&rest, "&");
        if (pair.len > 0 && parse_pair(pair, u, e) < 0)
            return -1;
    }
    return 0;
}

int store_url_parse(const char *text, struct store_url *out, struct error *e)
{
    *out = (struct store_url){0};
    size_t len = strnlen(text, MAX_URL + 1);
    if (len > MAX_URL)
        return error_set(e, ERROR_USAGE, "a repository URL has at most %zu bytes", MAX_URL);
    int rc = parse(bytes_of(text, len), out, e);
    if (rc < 0)
        store_url_done(out);
    return rc;
}

const char *store_url_param_nth(const struct store_url *u, const char *name, size_t nth)
{
    for (size_t i = 0; i < u->pair_count; i++)
        if (strcmp(u->pairs[i].name, name) == 0 && nth-- == 0)
            return u->pairs[i].value;
    return NULL;
}

const char *store_url_param(const struct store_url *u, const char *name)
{
    return store_url_param_nth(u, name, 0);
}

int store_url_only(const struct store_url *u, const char *const *known, struct error *e)
{
    for (size_t i = 0; i < u->pair_count; i++) {
        const char *const *k = known;
        while (*k && strcmp(*k, u->pairs[i].name) != 0)
            k++;
        if (!*k)
            return error_set(e, ERROR_USAGE, "repository URL %s://...: unknown parameter %s",
                             u->scheme, u->pairs[i].name);
    }
    return 0;
}

int store_url_encode_to(struct buf *out, const char *text, const char *keep, struct error *e)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = strlen(text);
    if (len > SIZE_MAX / 3)
        return error_memory(e, "encoded text");
    if (buf_reserve(out, 3 * len, e) < 0)
        return -1;
    for (const char *at = text; *at; at++) {
        uint8_t c = (uint8_t)*at;
        if (is_plain(c) || c == '~' || strchr(keep, c)) {
            out->data[out->len++] = c;
            continue;
        }
        out->data[out->len++] = '%';
        out->data[out->len++] = (uint8_t)digits[c >> 4];
        out->data[out->len++] = (uint8_t)digits[c & 15];
    }
    return 0;
}

char *store_url_encode(const char *text, const char *keep, struct error *e)
{
    struct buf out = {0};
    if (store_url_encode_to(&out, text, keep, e) < 0 || buf_byte(&out, 0, e) < 0)
        buf_done(&out);
    return (char *)out.data;
}

void store_url_done(struct store_url *u)
{
    for (size_t i = 0; i < u->pair_count; i++) {
        free(u->pairs[i].name);
        free(u->pairs[i].value);
    }
    free(u->pairs);
    free(u->scheme);
    free(u->user);
    free(u->host);
    free(u->path);
    *u = (struct store_url){0};
}
