/* SPDX-License-Identifier: Apache-2.0 */
/* The agent of a container and the metadata service of an instance; web identity is in
 * s3_role_web.c. */
#include "backends/s3_role.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "backends/s3_role_ask.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define IMDS "http://169.254.169.254"
#define IMDS_SIX "http://[fd00:ec2::254]"
#define ECS "http://169.254.170.2"
#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"
#define ROLE_NAME 128 /* 64 characters and some */

static const char *get(const struct s3_role_options *o, const char *name)
{
    return o->get(o->get_arg, name);
}

PRINTF_LIKE(2, 3) static int absent(const struct s3_role_options *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (o->why)
        (void)vsnprintf(o->why, S3_KEY_WHY, format, args);
    va_end(args);
    return S3_ROLE_ABSENT;
}

/* ---- container ----------------------------------------------------------------------- */

/* The line "Authorization: …", or *header NULL; the caller wipes it. */
static int authorization(const struct s3_role_options *o, char **header, struct error *e)
{
    const char *path = get(o, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *given = get(o, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    *header = NULL;
    if (!path && !given)
        return 0;
    if (!path && strpbrk(given, "\r\n"))
        return error_set(e, ERROR_KEY, "AWS_CONTAINER_AUTHORIZATION_TOKEN is not one line");
    char *token = path ? s3_role_ask_token("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, e)
                       : str_copy(given, e);
    if (token)
        *header = str_format(e, "Authorization: %s", token);
    secret_free_text(token);
    return *header ? 0 : -1;
}

static int container_url(const struct s3_role_options *o, const char *relative,
                         const char *full, char **url, struct error *e)
{
    /* What does not begin a path would go on with the host's name. */
    if (relative && *relative != '/')
        return error_set(e, ERROR_USAGE,
                         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with /");
    if (!relative && !s3_role_ask_trusts(full))
        return error_set(e, ERROR_USAGE,
                         "AWS_CONTAINER_CREDENTIALS_FULL_URI: neither https nor an address of "
                         "this machine or of its container agent");
    if (relative)
        *url = str_format(e, "%s%s", o->container ? o->container : ECS, relative);
    else
        *url = str_copy(full, e);
    return *url ? 0 : -1;
}

int s3_role_container(const struct s3_role_options *o, struct s3_key *out, struct error *e)
{
    static const struct s3_key_form form = {.what = "container role", .token_name = "Token"};
    const char *relative = get(o, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = get(o, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct http_reply reply = {0};
    char *header = NULL, *url = NULL;
    if (!relative && !full)
        return absent(o, "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor _FULL_URI is set");
    if (container_url(o, relative, full, &url, e) < 0)
        return -1;
    int rc = authorization(o, &header, e);
    if (rc == 0) {
        const struct s3_role_ask q = {.what = form.what,
                                      .method = "GET",
                                      .url = url,
                                      .header = header,
                                      .ca_file = get(o, "AWS_CA_BUNDLE"),
                                      .is_near = relative || !s3_role_ask_is_far(full),
                                      .stop = o->stop};
        rc = s3_role_ask_for(&q, &reply, e);
    }
    if (rc == 0)
        rc = s3_key_read(out, buf_view(&reply.body), &form, e);
    s3_role_ask_done(&reply);
    secret_free_text(header);
    free(url);
    return rc;
}

/* ---- instance ------------------------------------------------------------------------ */

/* Without a slash at its end; the caller frees it. */
static char *imds_base(const struct s3_role_options *o, struct error *e)
{
    const char *given = get(o, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = get(o, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (!given)
        given = mode && strcasecmp(mode, "IPv6") == 0 ? IMDS_SIX : IMDS;
    size_t len = strlen(given);
    while (len > 0 && given[len - 1] == '/')
        len--;
    return str_format(e, "%.*s", (int)len, given);
}

/* PUT asks for a token, GET for what name says below the roles. */
static int imds_ask(const struct s3_role_options *o, struct s3_role_ask *q, const char *base,
                    const char *name, struct http_reply *reply, struct error *e)
{
    bool is_token = strcmp(q->method, "PUT") == 0;
    char *url = str_format(e, "%s%s%s", base, is_token ? "/latest/api/token" : ROLE_PATH, name);
    q->what = "instance role";
    q->url = url;
    q->is_near = true;
    q->stop = o->stop;
    int rc = url ? s3_role_ask_any(q, reply, e) : -1;
    if (rc == 0 && (reply->status == 429 || reply->status >= 500))
        rc = error_set(e, ERROR_BUSY, "%s: status %d", q->what, reply->status);
    free(url);
    return rc;
}

/* A token is printable; it goes into a header line that the caller wipes. */
static int session_header(const struct s3_role_options *o, const char *base, struct bytes token,
                          char **header, struct error *e)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.data[i] <= ' ' || token.data[i] > '~')
            token.len = 0;
    if (token.len == 0)
        return absent(o, "%.100s gives no token", base);
    *header = str_format(e, "X-aws-ec2-metadata-token: %.*s", (int)token.len,
                         (const char *)token.data);
    return *header ? 0 : -1;
}

static int imds_session(const struct s3_role_options *o, const char *base, char **header,
                        struct error *e)
{
    struct http_reply reply = {0};
    struct s3_role_ask q = {.method = "PUT",
                            .header = "X-aws-ec2-metadata-token-ttl-seconds: 300"};
    int rc = imds_ask(o, &q, base, "", &reply, e);
    if (rc < 0 && e->kind == ERROR_BUSY && reply.status == 0)
        rc = absent(o, "nobody answers: %.200s", e->text);
    else if (rc == 0 && reply.status != 200)
        rc = absent(o, "%.100s is no metadata service that gives tokens (status %d)", base,
                    reply.status);
    else if (rc == 0)
        rc = session_header(o, base, buf_view(&reply.body), header, e);
    s3_role_ask_done(&reply);
    return rc;
}

/* GET below the roles. */
static int imds_get(const struct s3_role_options *o, const char *base, const char *name,
                    const char *header, struct http_reply *reply, struct error *e)
{
    struct s3_role_ask q = {.method = "GET", .header = header};
    if (imds_ask(o, &q, base, name, reply, e) < 0)
        return -1;
    if (reply->status == 404)
        return absent(o, "the machine has no role");
    if (reply->status != 200)
        return error_set(e, ERROR_KEY, "instance role: status %d", reply->status);
    return 0;
}

/* Names of roles are plain; the first one counts. */
static bool take_name(struct bytes body, char name[ROLE_NAME])
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "+=,.@_-";
    size_t len = 0;
    for (; len < body.len && len < ROLE_NAME - 1; len++) {
        if (!body.data[len] || !strchr(plain, body.data[len]))
            break;
        name[len] = (char)body.data[len];
    }
    name[len] = '\0';
    return len > 0 && (len == body.len || body.data[len] == '\n' || body.data[len] == '\r');
}

static int imds_key(const struct s3_role_options *o, const char *base, const char *header,
                    struct s3_key *out, struct error *e)
{
    static const struct s3_key_form form = {.what = "instance role", .token_name = "Token"};
    struct http_reply reply = {0};
    char name[ROLE_NAME];
    int rc = imds_get(o, base, "", header, &reply, e);
    if (rc == 0 && !take_name(buf_view(&reply.body), name))
        rc = absent(o, "the machine has no role with a usable name");
    s3_role_ask_done(&reply);
    if (rc == 0)
        rc = imds_get(o, base, name, header, &reply, e);
    if (rc == 0)
        rc = s3_key_read(out, buf_view(&reply.body), &form, e);
    s3_role_ask_done(&reply);
    return rc;
}

int s3_role_instance(const struct s3_role_options *o, struct s3_key *out, struct error *e)
{
    const char *disabled = get(o, "AWS_EC2_METADATA_DISABLED");
    char *header = NULL;
    if (disabled && strcasecmp(disabled, "true") == 0)
        return absent(o, "turned off by AWS_EC2_METADATA_DISABLED");
    char *base = imds_base(o, e);
    if (!base)
        return -1;
    int rc = imds_session(o, base, &header, e);
    if (rc == 0)
        rc = imds_key(o, base, header, out, e);
    secret_free_text(header);
    free(base);
    return rc;
}
