/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/s3_role_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define NEAR_MS 1000
#define FAR_MS 15000

void s3_role_ask_done(struct http_reply *reply)
{
    secret_free_buf(&reply->body);
    secret_free_buf(&reply->head);
}

/* ---- questions ----------------------------------------------------------------------- */

static bool has_trouble(int status)
{
    return status == 429 || status >= 500;
}

int s3_role_ask_any(const struct s3_role_ask *q, struct http_reply *reply, struct error *e)
{
    const struct http_options options = {.ca_file = q->ca_file,
                                         .connect_ms = q->is_near ? NEAR_MS : FAR_MS,
                                         .stall_ms = q->is_near ? 2 * NEAR_MS : FAR_MS,
                                         .no_proxy = q->is_near,
                                         .limits.stop = q->stop};
    const char *headers[] = {"Accept: application/json", q->header, NULL};
    const struct http_request request = {.method = q->method,
                                         .url = q->url,
                                         .headers = headers,
                                         .body = q->body,
                                         .most_reply = S3_KEY_ANSWER,
                                         .deadline_ms = q->is_near ? 5 * NEAR_MS : 2 * FAR_MS};
    struct http *h = http_new(&options, e);
    /* At once: a body that grows leaves copies behind. */
    int rc = h ? buf_reserve(&reply->body, S3_KEY_ANSWER, e) : -1;
    bool again = rc == 0;
    for (int tries = 0; again && tries < 2; tries++) {
        rc = http_send(h, &request, reply, e);
        again = rc < 0 ? e->kind == ERROR_BUSY : has_trouble(reply->status);
    }
    http_free(h);
    return rc < 0 ? error_wrap(e, "%s", q->what) : 0;
}

struct bytes s3_role_ask_element(struct bytes xml, const char *name)
{
    char open[48], shut[48];
    int open_len = snprintf(open, sizeof open, "<%s>", name);
    int shut_len = snprintf(shut, sizeof shut, "</%s>", name);
    const uint8_t *at = xml.len > 0 ? memmem(xml.data, xml.len, open, (size_t)open_len) : NULL;
    if (!at)
        return bytes_of("", 0);
    at += open_len;
    size_t left = xml.len - (size_t)(at - xml.data);
    const uint8_t *end = memmem(at, left, shut, (size_t)shut_len);
    size_t len = end ? (size_t)(end - at) : 0;
    if (memchr(at, '<', len) || memchr(at, '&', len))
        return bytes_of("", 0);
    return bytes_of(at, len);
}

/* The code of an error: {"Error": {"Code": …}} and <Code> of STS, {"code": …} of agents. */
static void code_of(struct bytes body, char code[S3_KEY_CODE])
{
    struct json *j = json_parse(body, S3_KEY_ANSWER, NULL);
    const char *text = json_text(json_get(j, "Error", 0), "Code");
    text = text ? text : json_text(j, "Code");
    text = text ? text : json_text(j, "code");
    s3_key_code(code, text ? bytes_text(text) : s3_role_ask_element(body, "Code"));
    json_free(j);
}

static bool may_pass(int status, const char *code)
{
    static const char *const codes[] = {"IDPCommunicationError", "RequestLimitExceeded",
                                        "Throttling", "ThrottlingException"};
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return has_trouble(status);
}

int s3_role_ask_for(const struct s3_role_ask *q, struct http_reply *reply, struct error *e)
{
    char code[S3_KEY_CODE];
    if (s3_role_ask_any(q, reply, e) < 0)
        return -1;
    if (reply->status == 200)
        return 0;
    code_of(buf_view(&reply->body), code);
    return error_set(e, may_pass(reply->status, code) ? ERROR_BUSY : ERROR_KEY,
                     "%s: status %d%s%s", q->what, reply->status, *code ? " " : "", code);
}

/* ---- trust --------------------------------------------------------------------------- */

bool s3_role_ask_is_far(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

static bool is_host(struct bytes host, const char *wanted)
{
    return host.len == strlen(wanted) &&
           strncasecmp((const char *)host.data, wanted, host.len) == 0;
}

/* 127.0.0.0/8 in its usual form, which no name can have. */
static bool is_loopback(struct bytes host)
{
    if (host.len < 9 || memcmp(host.data, "127.", 4) != 0)
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (host.data[i] != '.' && (host.data[i] < '0' || host.data[i] > '9'))
            return false;
    return true;
}

bool s3_role_ask_trusts(const char *url)
{
    static const char *const hosts[] = {"localhost", "[::1]", "169.254.170.2", "169.254.170.23",
                                        "[fd00:ec2::23]"};
    bool far = s3_role_ask_is_far(url);
    if (!far && strncasecmp(url, "http://", 7) != 0)
        return false;
    const char *at = url + (far ? 8 : 7);
    struct bytes host = bytes_of(at, strcspn(at, "/?#\\"));
    /* Behind a user the host begins anew. */
    if (host.len == 0 || memchr(host.data, '@', host.len))
        return false;
    const uint8_t *colon = memrchr(host.data, ':', host.len);
    if (colon && !memchr(colon, ']', host.len - (size_t)(colon - host.data)))
        host.len = (size_t)(colon - host.data);
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
        if (is_host(host, hosts[i]))
            return true;
    return far || is_loopback(host);
}

/* ---- tokens -------------------------------------------------------------------------- */

static bool is_line(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < ' ' || text.data[i] == 0x7f)
            return false;
    return text.len > 0;
}

char *s3_role_ask_token(const char *variable, const char *path, struct error *e)
{
    struct buf raw = {0};
    char *text = NULL;
    int rc = file_load(path, S3_KEY_MAX, &raw, e);
    if (rc == FILE_ABSENT)
        (void)error_set(e, ERROR_KEY, "%s: %s is not there", variable, path);
    while (rc == 0 && raw.len > 0 && strchr("\r\n", raw.data[raw.len - 1]))
        raw.len--;
    if (rc == 0 && is_line(buf_view(&raw)))
        text = str_copy_bytes(buf_view(&raw), e);
    else if (rc == 0)
        (void)error_set(e, ERROR_KEY, "%s: %s is not one line of text", variable, path);
    else if (rc < 0)
        (void)error_wrap(e, "%s", variable);
    secret_free_buf(&raw);
    return text;
}
