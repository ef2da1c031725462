/* SPDX-License-Identifier: Apache-2.0 */
/* The URL's parts, each looked at once; what ends up in a header or in a host's name is
 * limited to the characters that it may have there. */
#include "backends/store_s3_place.h"

#include <ctype.h>
#include <stdlib.h>

#include "backends/s3_credentials.h"
#include "backends/store_url.h"
#include "core/base/str.h"

#define MOST_PREFIX 512 /* a key may have 1024 bytes, our longest name 120 */
#define MOST_LOCK_DAYS 36500
#define MOST_WORD 64

static int wrong(struct error *e, const char *what)
{
    return error_set(e, ERROR_USAGE, "repository URL s3://...: %s", what);
}

/* Letters, digits and the characters of more; 1 to MOST_WORD of them. */
static bool is_word(const char *text, const char *more)
{
    size_t len = strlen(text);
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr(more, *at))
            return false;
    return len > 0 && len <= MOST_WORD;
}

/* ---- the endpoint -------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
    size_t len = strlen(host);
    if (strcmp(host, "::1") == 0 || strcasecmp(host, "localhost") == 0)
        return true;
    if (len > 10 && strcasecmp(host + len - 10, ".localhost") == 0)
        return true;
    /* 127.x.y.z and not a name that begins so */
    return str_starts(host, "127.") && strspn(host, "0123456789.") == len;
}

static char *host_text(const struct store_url *u, struct error *e)
{
    bool secure = strcmp(u->scheme, "https") == 0;
    bool six = strchr(u->host, ':') != NULL;
    /* HTTP clients leave the scheme's own port out of the Host header. */
    uint16_t port = u->port == (secure ? 443 : 80) ? 0 : u->port;
    char *text = port ? str_format(e, "%s%s%s:%u", six ? "[" : "", u->host, six ? "]" : "",
                                   (unsigned)port)
                      : str_format(e, "%s%s%s", six ? "[" : "", u->host, six ? "]" : "");
    for (char *at = text; at && *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return text;
}

static int check_endpoint(const struct store_url *u, struct error *e)
{
    bool secure = strcmp(u->scheme, "https") == 0;
    if (!secure && strcmp(u->scheme, "http") != 0)
        return wrong(e, "endpoint is neither https:// nor http://");
    if (u->user || !*u->host || u->pair_count > 0 || (*u->path && strcmp(u->path, "/") != 0))
        return wrong(e, "endpoint is not https://HOST or https://HOST:PORT");
    if (!secure && !is_loopback(u->host)) {
        (void)wrong(e, "endpoint is http:// on another host");
        return error_hint(e, "without TLS anybody on the way could change and remove backups: "
                             "give https://, and ca-file= for a private CA");
    }
    return 0;
}

static int read_endpoint(const char *text, struct store_s3_place *out, struct error *e)
{
    struct store_url u = {0};
    char *host = NULL;
    if (store_url_parse(text, &u, e) < 0)
        return error_wrap(e, "endpoint");
    int rc = check_endpoint(&u, e);
    if (rc == 0)
        host = host_text(&u, e);
    if (host)
        out->endpoint = str_format(e, "%s://%s", u.scheme, host);
    free(host);
    store_url_done(&u);
    return out->endpoint ? 0 : -1;
}

/* Where requests go: the endpoint, with the bucket in front of the host or not. */
static int make_base(struct store_s3_place *p, struct error *e)
{
    const char *tail = str_starts(p->region, "cn-") ? ".cn" : "";
    const char *dot = p->path_style ? "" : ".";
    const char *bucket = p->path_style ? "" : p->bucket;
    if (p->endpoint) {
        const char *host = strstr(p->endpoint, "://") + 3;
        p->base = str_format(e, "%.*s%s%s%s", (int)(host - p->endpoint), p->endpoint, bucket,
                             dot, host);
    } else
        p->base =
            str_format(e, "https://%s%ss3.%s.amazonaws.com%s", bucket, dot, p->region, tail);
    if (!p->base)
        return -1;
    p->host = strstr(p->base, "://") + 3;
    return 0;
}

/* ---- the rest ------------------------------------------------------------------------ */

/* What the URL says, else the environment, else the profile. */
static int read_region(const struct store_url *u, struct store_s3_place *out, struct error *e)
{
    const struct s3_credentials_options from = {0};
    const char *region = store_url_param(u, "region");
    int rc = 0;
    if (region)
        out->region = str_copy(region, e);
    else
        rc = s3_credentials_region(&from, &out->region, e);
    if (rc == S3_CREDENTIALS_NO_REGION)
        out->region = str_copy("us-east-1", e);
    if (rc < 0 || !out->region)
        return -1;
    return is_word(out->region, "-_")
               ? 0
               : wrong(e, "region is not made of letters, digits and \"-\"");
}

static int read_prefix(const struct store_url *u, struct store_s3_place *out, struct error *e)
{
    const char *path = u->path;
    while (*path == '/')
        path++;
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    if (len > MOST_PREFIX)
        return wrong(e, "the prefix is longer than 512 bytes");
    out->prefix = str_format(e, "%.*s%s", (int)len, path, len > 0 ? "/" : "");
    return out->prefix ? 0 : -1;
}

/* An address has no names below it. */
static bool is_address(const char *endpoint)
{
    const char *host = strstr(endpoint, "://") + 3;
    return *host == '[' || strspn(host, "0123456789.:") == strlen(host);
}

static int read_style(const struct store_url *u, struct store_s3_place *out, struct error *e)
{
    const char *style = store_url_param(u, "path-style");
    if (style && strcmp(style, "0") != 0 && strcmp(style, "1") != 0)
        return wrong(e, "path-style is neither 0 nor 1");
    /* A dot in the bucket's name would be one too many for Amazon's certificate. */
    out->path_style = style ? *style == '1' : out->endpoint || strchr(out->bucket, '.');
    if (!out->path_style && out->endpoint && is_address(out->endpoint))
        return wrong(e, "path-style=0 needs an endpoint with a name, not an address");
    return 0;
}

static int read_choices(const struct store_url *u, struct store_s3_place *out, struct error *e)
{
    const char *ca_file = store_url_param(u, "ca-file");
    const char *class = store_url_param(u, "storage-class");
    const char *days = store_url_param(u, "object-lock");
    if (days && (!str_u64(days, MOST_LOCK_DAYS, &out->lock_days) || out->lock_days == 0))
        return wrong(e, "object-lock is no number of days from 1 to 36500");
    if (class && !is_word(class, "_-"))
        return wrong(e, "storage-class is not made of letters, digits and \"_\"");
    if (ca_file && !*ca_file)
        return wrong(e, "ca-file is empty");
    if (ca_file && !(out->ca_file = str_copy(ca_file, e)))
        return -1;
    if (class && !(out->storage_class = str_copy(class, e)))
        return -1;
    return 0;
}

static int read_parts(const struct store_url *u, struct store_s3_place *out, struct error *e)
{
    static const char *const known[] = {"region",        "endpoint",    "path-style", "ca-file",
                                        "storage-class", "object-lock", NULL};
    const char *endpoint = store_url_param(u, "endpoint");
    if (strcmp(u->scheme, "s3") != 0 || u->user || u->port || strchr(u->host, ':'))
        return wrong(e, "it is not s3://BUCKET/PREFIX?...");
    if (!is_word(u->host, ".-_") || strlen(u->host) < 3)
        return wrong(e, "a bucket's name has 3 to 63 letters, digits, \".\" and \"-\"");
    if (store_url_only(u, known, e) < 0)
        return -1;
    out->bucket = str_copy(u->host, e);
    if (!out->bucket || (endpoint && read_endpoint(endpoint, out, e) < 0) ||
        read_region(u, out, e) < 0 || read_prefix(u, out, e) < 0 || read_style(u, out, e) < 0 ||
        read_choices(u, out, e) < 0)
        return -1;
    return make_base(out, e);
}

int store_s3_place_parse(const char *url, struct store_s3_place *out, struct error *e)
{
    struct store_url u = {0};
    *out = (struct store_s3_place){0};
    if (store_url_parse(url, &u, e) < 0)
        return -1;
    int rc = read_parts(&u, out, e);
    store_url_done(&u);
    if (rc < 0)
        store_s3_place_done(out);
    return rc;
}

void store_s3_place_done(struct store_s3_place *p)
{
    free(p->bucket);
    free(p->prefix);
    free(p->region);
    free(p->endpoint);
    free(p->base);
    free(p->ca_file);
    free(p->storage_class);
    *p = (struct store_s3_place){0};
}

char *store_s3_place_canonical(const struct store_s3_place *p, struct error *e)
{
    char *prefix = store_url_encode(p->prefix, "/", e);
    char *text = NULL;
    if (!prefix)
        return NULL;
    size_t len = strlen(prefix);
    int kept = (int)(len > 0 ? len - 1 : 0); /* without its last slash */
    const char *slash = kept > 0 ? "/" : "";
    if (p->endpoint)
        text = str_format(e, "s3://%s%s%.*s?endpoint=%s", p->bucket, slash, kept, prefix,
                          p->endpoint);
    else
        text = str_format(e, "s3://%s%s%.*s", p->bucket, slash, kept, prefix);
    free(prefix);
    return text;
}

char *store_s3_place_path(const struct store_s3_place *p, const char *name, struct error *e)
{
    if (!name)
        return p->path_style ? str_format(e, "/%s", p->bucket) : str_copy("/", e);
    return p->path_style ? str_format(e, "/%s/%s%s", p->bucket, p->prefix, name)
                         : str_format(e, "/%s%s", p->prefix, name);
}
