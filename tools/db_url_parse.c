/* SPDX-License-Identifier: Apache-2.0 */
/* The URL is cut by the bytes that RFC 3986 gives a meaning, and only then decoded. Where a
 * password was not escaped its pieces turn up in other places (port, path, parameter names),
 * so what stands there is never shown unless nothing hints at that. */
#include "tools/db_url.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "tools/db_url_prisma.h"

#define ESCAPES                                                                                \
    "in names and passwords write % as %25, @ as %40, : as %3A, / as %2F, ? as %3F, "          \
    "# as %23, & as %26, = as %3D, a blank as %20"

struct reading {
    struct db_url_prisma parameters;
    const char *what;
    struct error *e;
    bool may_name; /* names of unknown parameters are surely no pieces of a password */
};

static int refuse(const struct reading *r, const char *problem, const char *hint)
{
    (void)error_set(r->e, ERROR_USAGE, "%s: %s", r->what, problem);
    return hint ? error_hint(r->e, "%s", hint) : -1;
}

/* Takes what stands in front of the first of the stops, or all. */
static struct bytes take_until(struct bytes *b, const char *stops)
{
    size_t n = 0;
    while (n < b->len && !strchr(stops, b->data[n]))
        n++;
    return bytes_take(b, n);
}

static bool has(struct bytes b, char c)
{
    return b.len > 0 && memchr(b.data, c, b.len);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A copy with %XX replaced, to be given to secret_free_text; part names the place. */
static char *decode(const struct reading *r, struct bytes in, const char *part)
{
    char *text = malloc(in.len + 1);
    size_t used = 0;
    if (!text) {
        (void)error_memory(r->e, "database URL");
        return NULL;
    }
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.data[i];
        if (c == '%') {
            int high = i + 2 < in.len ? hex_digit(in.data[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(in.data[i + 2]) : -1;
            c = (uint8_t)(low >= 0 ? high << 4 | low : 0);
            i += 2;
        }
        if (c == 0)
            goto bad;
        text[used++] = (char)c;
    }
    text[used] = '\0';
    return text;
bad:
    text[used] = '\0';
    secret_free_text(text);
    (void)error_set(r->e, ERROR_USAGE, "%s: %s: a %% without the two hex digits of a byte",
                    r->what, part);
    (void)error_hint(r->e, "%s", ESCAPES);
    return NULL;
}

static int keep(const struct reading *r, const char *keyword, struct bytes encoded)
{
    char *value = decode(r, encoded, keyword);
    int result = value ? db_url_set(r->parameters.u, keyword, value, r->e) : -1;
    secret_free_text(value);
    return result;
}

/* -- user, password, hosts, ports -- */

static int read_userinfo(const struct reading *r, struct bytes info)
{
    struct bytes user = take_until(&info, ":");
    if (user.len > 0 && keep(r, "user", user) < 0)
        return -1;
    if (info.len > 0)
        (void)bytes_take(&info, 1);
    return info.len > 0 ? keep(r, "password", info) : 0;
}

static bool is_port(struct bytes b)
{
    unsigned long value = 0;
    if (b.len > 5)
        return false;
    for (size_t i = 0; i < b.len; i++) {
        if (b.data[i] < '0' || b.data[i] > '9')
            return false;
        value = value * 10 + (b.data[i] - (unsigned long)'0');
    }
    return b.len == 0 || (value >= 1 && value <= 65535);
}

/* One "host:port"; both may be empty, the host may be an IPv6 address in brackets. */
static int read_host(const struct reading *r, struct bytes one, struct buf *hosts,
                     struct buf *ports)
{
    struct bytes host = {0};
    if (one.len > 0 && one.data[0] == '[') {
        (void)bytes_take(&one, 1);
        host = take_until(&one, "]");
        if (one.len == 0 || host.len == 0)
            return refuse(r, "host: an IPv6 address is written [address]", NULL);
        (void)bytes_take(&one, 1);
        if (one.len > 0 && one.data[0] != ':')
            return refuse(r, "host: expected nothing or a port behind [address]", ESCAPES);
    } else {
        host = take_until(&one, ":");
        if (has(host, '[') || has(host, ']'))
            return refuse(r, "host: a bracket that is not around an IPv6 address", NULL);
    }
    if (one.len > 0)
        (void)bytes_take(&one, 1);
    if (!is_port(one))
        return refuse(r, "port: expected a number from 1 to 65535", ESCAPES);
    if (buf_append(ports, one.data, one.len, r->e) < 0)
        return -1;
    return buf_append(hosts, host.data, host.len, r->e);
}

static int read_hosts(const struct reading *r, struct bytes list)
{
    struct buf hosts = {0};
    struct buf ports = {0};
    int result = -1;
    for (;;) {
        if (read_host(r, take_until(&list, ","), &hosts, &ports) < 0)
            goto out;
        if (list.len == 0)
            break;
        (void)bytes_take(&list, 1);
        if (buf_byte(&hosts, ',', r->e) < 0 || buf_byte(&ports, ',', r->e) < 0)
            goto out;
    }
    if (hosts.len > 0 && keep(r, "host", buf_view(&hosts)) < 0)
        goto out;
    result = ports.len > 0 ? keep(r, "port", buf_view(&ports)) : 0;
out:
    buf_done(&hosts);
    buf_done(&ports);
    return result;
}

static int read_authority(const struct reading *r, struct bytes authority)
{
    struct bytes rest = authority;
    struct bytes info = take_until(&rest, "@");
    if (rest.len == 0)
        return read_hosts(r, authority);
    (void)bytes_take(&rest, 1);
    if (has(rest, '@'))
        return refuse(r, "more than one @ in front of the host", ESCAPES);
    return read_userinfo(r, info) < 0 ? -1 : read_hosts(r, rest);
}

/* -- parameters -- */

static bool ignored(const struct db_url_options *o, const char *name)
{
    for (size_t i = 0; i < o->ignore_count; i++)
        if (strcmp(o->ignore[i], name) == 0)
            return true;
    return false;
}

static int refuse_unknown(const struct reading *r, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_-.";
    size_t len = strspn(name, letters);
    if (!r->may_name || len == 0 || len > 40 || name[len])
        return refuse(r,
                      "a parameter that is not known (not shown: it may be a piece of a "
                      "password)",
                      ESCAPES);
    (void)error_set(r->e, ERROR_USAGE, "%s: parameter %s is not known", r->what, name);
    return error_hint(r->e, "take it out of the URL, or leave it out with --url-ignore %s",
                      name);
}

static int read_parameter(struct reading *r, struct bytes one)
{
    int result = -1;
    char *value = NULL;
    char *name = decode(r, take_until(&one, "="), "name of a parameter");
    const char *known = name ? db_url_prisma_name(name) : NULL;
    if (!name)
        goto out;
    if (one.len == 0) {
        (void)refuse(r, "a parameter without a value", ESCAPES);
        goto out;
    }
    (void)bytes_take(&one, 1);
    if (ignored(r->parameters.o, name)) {
        log_debug("%s: parameter %s is ignored, as told", r->what, name);
        result = 0;
    } else if (known) {
        value = decode(r, one, known);
        result = value ? db_url_prisma_put(&r->parameters, known, value, r->e) : -1;
    } else {
        result = refuse_unknown(r, name);
    }
out:
    secret_free_text(name);
    secret_free_text(value);
    return result;
}

static int read_query(struct reading *r, struct bytes query)
{
    while (query.len > 0) {
        struct bytes one = take_until(&query, "&");
        if (one.len > 0 && read_parameter(r, one) < 0)
            return -1;
        if (query.len > 0)
            (void)bytes_take(&query, 1);
    }
    return 0;
}

/* -- the whole -- */

static bool white(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Without white space around and one pair of quotes, as a .env file's reader may leave it. */
static struct bytes trim(struct bytes b)
{
    while (b.len > 0 && white(b.data[0]))
        (void)bytes_take(&b, 1);
    while (b.len > 0 && white(b.data[b.len - 1]))
        b.len--;
    if (b.len >= 2 && strchr("\"'`", b.data[0]) && b.data[b.len - 1] == b.data[0]) {
        (void)bytes_take(&b, 1);
        b.len--;
    }
    return b;
}

static bool take_scheme(struct bytes *b, const char *scheme)
{
    size_t len = strlen(scheme);
    if (b->len < len || strncasecmp((const char *)b->data, scheme, len) != 0)
        return false;
    (void)bytes_take(b, len);
    return true;
}

static int read_scheme(const struct reading *r, struct bytes *url)
{
    if (url->len == 0)
        return refuse(r, "it is empty", NULL);
    if (take_scheme(url, "prisma://") || take_scheme(url, "prisma+postgres://"))
        return refuse(r, "this is a URL of Prisma's Accelerate, not of a server",
                      "give the direct one, postgresql://... (DIRECT_URL)");
    if (!take_scheme(url, "postgresql://") && !take_scheme(url, "postgres://"))
        return refuse(r, "expected a URL that begins with postgresql:// or postgres://", NULL);
    for (size_t i = 0; i < url->len; i++)
        if (url->data[i] <= ' ' || url->data[i] == 0x7f)
            return refuse(r, "a blank or a control character in the URL", ESCAPES);
    if (has(*url, '#'))
        return refuse(r, "a # in the URL", ESCAPES);
    return 0;
}

/* Whether the query can be trusted to be one: a parameter behind an unescaped "&" of a
 * password, or a query behind its unescaped "?", would be named like any other. */
static bool names_are_safe(struct bytes query)
{
    static const char password[] = "password=";
    return !has(query, '@') &&
           (query.len == 0 || !memmem(query.data, query.len, password, sizeof password - 1));
}

static int read_url(struct reading *r, struct bytes url)
{
    struct bytes text = trim(url);
    if (read_scheme(r, &text) < 0)
        return -1;
    struct bytes authority = take_until(&text, "/?");
    struct bytes name = take_until(&text, "?");
    if (text.len > 0)
        (void)bytes_take(&text, 1);
    r->may_name = names_are_safe(text);
    if (has(name, '@'))
        return refuse(r, "an @ behind the first /", ESCAPES);
    if (read_authority(r, authority) < 0)
        return -1;
    if (name.len > 0)
        (void)bytes_take(&name, 1);
    if (name.len > 0 && keep(r, "dbname", name) < 0)
        return -1;
    return read_query(r, text) < 0 ? -1 : db_url_prisma_settle(&r->parameters, r->e);
}

int db_url_parse(struct db_url *u, const char *url, const char *what,
                 const struct db_url_options *o, struct error *e)
{
    struct reading r = {.parameters = {.u = u, .what = what, .o = o}, .what = what, .e = e};
    if (read_url(&r, bytes_text(url)) == 0)
        return 0;
    db_url_done(u);
    return -1;
}
