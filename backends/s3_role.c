/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/s3_role.h"

#include <stdio.h>
#include <stdlib.h>

#include "backends/http.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define MAX_ANSWER (4 * S3_KEY_MAX)
#define NEAR_MS 1000 /* for what is on this machine or beside it */
#define FAR_MS 15000
#define IMDS "http://169.254.169.254"
#define ECS "http://169.254.170.2"

/* One question. The reply is wiped by the caller. */
struct question {
    const char *what; /* for messages */
    const char *method, *url;
    const char *header; /* a secret; NULL: none */
    struct bytes body;
    bool is_near;
};

static void reply_done(struct http_reply *r)
{
    if (r->body.data)
        explicit_bzero(r->body.data, r->body.cap);
    if (r->head.data)
        explicit_bzero(r->head.data, r->head.cap);
    http_reply_done(r);
}

static int ask(const struct question *q, struct http_reply *reply, struct error *e)
{
    const struct http_options options = {.connect_ms = q->is_near ? NEAR_MS : FAR_MS,
                                         .stall_ms = q->is_near ? 2 * NEAR_MS : FAR_MS,
                                         .no_proxy = q->is_near};
    const char *headers[] = {"Accept: application/json", q->header, NULL};
    const struct http_request request = {.method = q->method,
                                         .url = q->url,
                                         .headers = headers,
                                         .body = q->body,
                                         .most_reply = MAX_ANSWER,
                                         .deadline_ms = q->is_near ? 5 * NEAR_MS : 2 * FAR_MS};
    struct http *h = http_new(&options, e);
    int rc = h ? http_send(h, &request, reply, e) : -1;
    http_free(h);
    return rc < 0 ? error_wrap(e, "%s", q->what) : 0;
}

/* The answer must be 200; else ERROR_KEY, or ERROR_BUSY for a server that has trouble. */
static int ask_for(const struct question *q, struct http_reply *reply, struct error *e)
{
    if (ask(q, reply, e) < 0)
        return -1;
    if (reply->status == 200)
        return 0;
    return error_set(e, reply->status >= 500 ? ERROR_BUSY : ERROR_KEY, "%s: status %d", q->what,
                     reply->status);
}

/* A file with one secret line; the caller wipes it with secret_free_text. NULL on error. */
static char *read_token(const char *variable, const char *path, struct error *e)
{
    struct buf raw = {0};
    char *text = NULL;
    int rc = file_load(path, S3_KEY_MAX, &raw, e);
    if (rc == FILE_ABSENT)
        (void)error_set(e, ERROR_KEY, "%s: %s is not there", variable, path);
    while (raw.len > 0 && (raw.data[raw.len - 1] == '\n' || raw.data[raw.len - 1] == '\r'))
        raw.len--;
    if (rc == 0 && (raw.len == 0 || memchr(raw.data, '\n', raw.len)))
        (void)error_set(e, ERROR_KEY, "%s: %s is not one line", variable, path);
    else if (rc == 0)
        text = str_copy_bytes(buf_view(&raw), e);
    if (raw.data)
        explicit_bzero(raw.data, raw.cap);
    buf_done(&raw);
    return text;
}

/* ---- web identity -------------------------------------------------------------------- */

/* name=value of a form, each byte that is not plain as %XX. */
static int form_field(struct buf *out, const char *name, const char *value, struct error *e)
{
    if (buf_printf(out, e, "%s%s=", out->len > 0 ? "&" : "", name) < 0)
        return -1;
    for (; *value; value++) {
        uint8_t c = (uint8_t)*value;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || (c && strchr("-_.~", c));
        if ((plain ? buf_byte(out, c, e) : buf_printf(out, e, "%%%02X", c)) < 0)
            return -1;
    }
    return 0;
}

/* {"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult": {"Credentials":
 * {…}}}}, where the time is a number. */
static int read_sts(struct s3_key *out, struct bytes text, struct error *e)
{
    struct error why;
    double seconds = 0;
    struct json *j = json_parse(text, MAX_ANSWER, &why);
    struct json *c = json_get(j, "AssumeRoleWithWebIdentityResponse", 0);
    c = json_get(json_get(c, "AssumeRoleWithWebIdentityResult", 0), "Credentials", 0);
    const char *id = json_text(c, "AccessKeyId");
    const char *secret = json_text(c, "SecretAccessKey");
    int rc;
    if (!id || !secret || !json_double(c, "Expiration", &seconds) || seconds < 0 ||
        seconds > 1e11)
        rc = error_set(e, ERROR_KEY, "web identity: the answer of STS has no key");
    else
        rc = s3_key_set(out, id, secret, json_text(c, "SessionToken"), e);
    if (rc == 0)
        out->expires_us = (int64_t)seconds * 1000000;
    json_free(j);
    return rc;
}

/* The caller frees it. */
static char *sts_url(const struct s3_role_options *o, struct error *e)
{
    const char *given = o->get(o->get_arg, "AWS_ENDPOINT_URL_STS");
    if (given)
        return str_copy(given, e);
    if (!o->region || strpbrk(o->region, "/?#@:"))
        return str_copy("https://sts.amazonaws.com", e);
    return str_format(e, "https://sts.%s.amazonaws.com%s", o->region,
                      str_starts(o->region, "cn-") ? ".cn" : "");
}

static int web_identity(const struct s3_role_options *o, const char *role, const char *token,
                        struct s3_key *out, struct error *e)
{
    const char *session = o->get(o->get_arg, "AWS_ROLE_SESSION_NAME");
    struct buf form = {0};
    struct http_reply reply = {0};
    char *url = sts_url(o, e);
    int rc = -1;
    if (!url || form_field(&form, "Action", "AssumeRoleWithWebIdentity", e) < 0 ||
        form_field(&form, "Version", "2011-06-15", e) < 0 ||
        form_field(&form, "RoleArn", role, e) < 0 ||
        form_field(&form, "RoleSessionName", session ? session : "pgkeep", e) < 0 ||
        form_field(&form, "WebIdentityToken", token, e) < 0)
        goto out;
    const struct question q = {.what = "web identity: STS",
                               .method = "POST",
                               .url = url,
                               .header = "Content-Type: application/x-www-form-urlencoded",
                               .body = buf_view(&form)};
    rc = ask_for(&q, &reply, e);
    if (rc == 0)
        rc = read_sts(out, buf_view(&reply.body), e);
out:
    reply_done(&reply);
    if (form.data)
        explicit_bzero(form.data, form.cap);
    buf_done(&form);
    free(url);
    return rc;
}

int s3_role_web_identity(const struct s3_role_options *o, struct s3_key *out, struct error *e)
{
    const char *path = o->get(o->get_arg, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *role = o->get(o->get_arg, "AWS_ROLE_ARN");
    if (!path)
        return S3_ROLE_ABSENT;
    if (!role)
        return error_set(e, ERROR_USAGE, "AWS_WEB_IDENTITY_TOKEN_FILE without AWS_ROLE_ARN");
    /* Read each time: it is replaced before it expires. */
    char *token = read_token("AWS_WEB_IDENTITY_TOKEN_FILE", path, e);
    if (!token)
        return -1;
    int rc = web_identity(o, role, token, out, e);
    secret_free_text(token);
    return rc;
}

/* ---- container ----------------------------------------------------------------------- */

/* A key must not come from anywhere: https, or an address of this machine or of the agents of
 * ECS and EKS. */
static bool is_trusted(const char *url)
{
    static const char *const hosts[] = {"localhost",     "127.0.0.1",      "[::1]",
                                        "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    if (str_starts(url, "https://"))
        return true;
    if (!str_starts(url, "http://"))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        const char *at = url + strlen("http://");
        if (str_starts(at, hosts[i]) && strchr(":/", at[strlen(hosts[i])]))
            return true;
    }
    return false;
}

/* The line "Authorization: …", or *header NULL; the caller wipes it. */
static int authorization(const struct s3_role_options *o, char **header, struct error *e)
{
    const char *path = o->get(o->get_arg, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *given = o->get(o->get_arg, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    char *token = path ? read_token("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, e)
                       : (given ? str_copy(given, e) : NULL);
    *header = NULL;
    if (!path && !given)
        return 0;
    if (token && strpbrk(token, "\r\n"))
        (void)error_set(e, ERROR_KEY, "the container's authorization token is not one line");
    else if (token)
        *header = str_format(e, "Authorization: %s", token);
    secret_free_text(token);
    return *header ? 0 : -1;
}

int s3_role_container(const struct s3_role_options *o, struct s3_key *out, struct error *e)
{
    const char *relative = o->get(o->get_arg, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = o->get(o->get_arg, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct http_reply reply = {0};
    char *header = NULL;
    if (!relative && !full)
        return S3_ROLE_ABSENT;
    if (!relative && !is_trusted(full))
        return error_set(e, ERROR_USAGE,
                         "AWS_CONTAINER_CREDENTIALS_FULL_URI: neither https nor an address of "
                         "this machine");
    if (authorization(o, &header, e) < 0)
        return -1;
    char *url = relative ? str_format(e, ECS "%s", relative) : str_copy(full, e);
    const struct question q = {.what = "container role",
                               .method = "GET",
                               .url = url,
                               .header = header,
                               .is_near = true};
    int rc = url ? ask_for(&q, &reply, e) : -1;
    if (rc == 0)
        rc = s3_key_read(out, buf_view(&reply.body), "Token", "container role", e);
    reply_done(&reply);
    secret_free_text(header);
    free(url);
    return rc;
}

/* ---- instance ------------------------------------------------------------------------ */

#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"

/* The header line with a session's token. */
static int imds_session(const char *base, char **header, struct error *e)
{
    struct http_reply reply = {0};
    char *url = str_format(e, "%s/latest/api/token", base);
    const struct question q = {.what = "instance role",
                               .method = "PUT",
                               .url = url,
                               .header = "X-aws-ec2-metadata-token-ttl-seconds: 300",
                               .is_near = true};
    int rc = url ? ask(&q, &reply, e) : -1;
    /* Nobody there, or somebody else: no machine of EC2. */
    if (rc < 0 && e->kind == ERROR_BUSY)
        rc = S3_ROLE_ABSENT;
    else if (rc == 0 && reply.status != 200)
        rc = S3_ROLE_ABSENT;
    if (rc == 0) {
        struct bytes token = buf_view(&reply.body);
        bool is_line = token.len > 0 && !memchr(token.data, '\n', token.len) &&
                       !memchr(token.data, '\r', token.len);
        *header = is_line ? str_format(e, "X-aws-ec2-metadata-token: %.*s", (int)token.len,
                                       (const char *)token.data)
                          : NULL;
        if (!is_line)
            rc = S3_ROLE_ABSENT;
        else if (!*header)
            rc = -1;
    }
    reply_done(&reply);
    free(url);
    return rc;
}

/* GET base + path + name. */
static int imds_get(const char *base, const char *name, const char *header,
                    struct http_reply *reply, struct error *e)
{
    char *url = str_format(e, "%s" ROLE_PATH "%s", base, name);
    const struct question q = {.what = "instance role",
                               .method = "GET",
                               .url = url,
                               .header = header,
                               .is_near = true};
    int rc = url ? ask(&q, reply, e) : -1;
    free(url);
    if (rc == 0 && reply->status == 404)
        return S3_ROLE_ABSENT; /* the machine has no role */
    if (rc == 0 && reply->status != 200)
        return error_set(e, ERROR_KEY, "instance role: status %d", reply->status);
    return rc;
}

/* Names of roles are plain; the first one counts. */
static bool take_name(struct bytes body, char name[128])
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "+=,.@_-";
    size_t len = 0;
    while (len < body.len && len < 127 && body.data[len] && strchr(plain, body.data[len]))
        len++;
    memcpy(name, body.data, len);
    name[len] = '\0';
    return len > 0 && (len == body.len || body.data[len] == '\n' || body.data[len] == '\r');
}

static int imds_key(const char *base, const char *header, struct s3_key *out, struct error *e)
{
    struct http_reply reply = {0};
    char name[128];
    int rc = imds_get(base, "", header, &reply, e);
    if (rc == 0 && !take_name(buf_view(&reply.body), name))
        rc = S3_ROLE_ABSENT;
    reply_done(&reply);
    if (rc == 0)
        rc = imds_get(base, name, header, &reply, e);
    if (rc == 0)
        rc = s3_key_read(out, buf_view(&reply.body), "Token", "instance role", e);
    reply_done(&reply);
    return rc;
}

int s3_role_instance(const struct s3_role_options *o, struct s3_key *out, struct error *e)
{
    const char *disabled = o->get(o->get_arg, "AWS_EC2_METADATA_DISABLED");
    const char *base = o->get(o->get_arg, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    char *header = NULL;
    if (disabled && strcmp(disabled, "true") == 0)
        return S3_ROLE_ABSENT;
    char *plain = str_copy(base ? base : IMDS, e);
    if (!plain)
        return -1;
    for (size_t len = strlen(plain); len > 0 && plain[len - 1] == '/'; len--)
        plain[len - 1] = '\0';
    int rc = imds_session(plain, &header, e);
    if (rc == S3_ROLE_ABSENT && base == NULL)
        rc = imds_session(plain, &header, e); /* a machine that has just started */
    if (rc == 0)
        rc = imds_key(plain, header, out, e);
    secret_free_text(header);
    free(plain);
    return rc;
}
