/* SPDX-License-Identifier: Apache-2.0 */
/* A token of somebody whom the account trusts is changed for a key, by STS. The call is not
 * signed: the token is what proves. STS answers in JSON when it is asked to; other servers'
 * (MinIO's) answer in XML all the same. */
#include "backends/s3_role.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/s3_role_ask.h"
#include "backends/store_url.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define WHAT "web identity: STS"

static const char *get(const struct s3_role_options *o, const char *name)
{
    return o->get(o->get_arg, name);
}

/* ---- the question -------------------------------------------------------------------- */

static int form_field(struct buf *out, const char *name, const char *value, struct error *e)
{
    if (buf_printf(out, e, "%s%s=", out->len > 0 ? "&" : "", name) < 0)
        return -1;
    return store_url_encode_to(out, value, "", e);
}

static int make_form(const struct s3_role_options *o, const char *role, const char *token,
                     struct buf *form, struct error *e)
{
    const char *session = get(o, "AWS_ROLE_SESSION_NAME");
    session = session ? session : "pgkeep";
    /* At once, so that no copy of the token stays behind: a byte becomes three at most. */
    size_t texts = strnlen(role, S3_KEY_MAX) + strnlen(session, S3_KEY_MAX) + strlen(token);
    if (texts > 3 * S3_KEY_MAX)
        return error_set(e, ERROR_USAGE, "web identity: AWS_ROLE_ARN is too long");
    if (buf_reserve(form, 3 * texts + 256, e) < 0 ||
        form_field(form, "Action", "AssumeRoleWithWebIdentity", e) < 0 ||
        form_field(form, "Version", "2011-06-15", e) < 0 ||
        form_field(form, "RoleArn", role, e) < 0 ||
        form_field(form, "RoleSessionName", session, e) < 0 ||
        form_field(form, "WebIdentityToken", token, e) < 0)
        return -1;
    return 0;
}

/* Regions that had only the global address in the beginning
 * ("AWS STS Regional endpoints", docs.aws.amazon.com/sdkref/latest/guide). */
static bool is_legacy(const char *region)
{
    static const char *const regions[] = {
        "ap-northeast-1", "ap-south-1",   "ap-southeast-1", "ap-southeast-2",
        "aws-global",     "ca-central-1", "eu-central-1",   "eu-north-1",
        "eu-west-1",      "eu-west-2",    "eu-west-3",      "sa-east-1",
        "us-east-1",      "us-east-2",    "us-west-1",      "us-west-2"};
    for (size_t i = 0; i < ARRAY_SIZE(regions); i++)
        if (strcmp(region, regions[i]) == 0)
            return true;
    return false;
}

static bool is_region(const char *region)
{
    size_t len = strlen(region);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)region[i]) && region[i] != '-')
            return false;
    return len > 0 && len <= 63;
}

/* The region of this host before that of the bucket, which may be another server's. */
static const char *region_of(const struct s3_role_options *o)
{
    const char *region = get(o, "AWS_REGION");
    region = region ? region : get(o, "AWS_DEFAULT_REGION");
    region = region ? region : o->region;
    return region && is_region(region) ? region : NULL;
}

/* The caller frees it. */
static char *sts_url(const struct s3_role_options *o, struct error *e)
{
    const char *given = get(o, "AWS_ENDPOINT_URL_STS");
    const char *regional = get(o, "AWS_STS_REGIONAL_ENDPOINTS");
    const char *region = region_of(o);
    if (given && !s3_role_ask_trusts(given)) {
        (void)error_set(e, ERROR_USAGE,
                        "AWS_ENDPOINT_URL_STS: neither https nor an address of this machine");
        return NULL;
    }
    if (given)
        return str_copy(given, e);
    if (!region || strcmp(region, "aws-global") == 0 ||
        (regional && strcmp(regional, "legacy") == 0 && is_legacy(region)))
        return str_copy("https://sts.amazonaws.com/", e);
    return str_format(e, "https://sts.%s.amazonaws.com%s/", region,
                      str_starts(region, "cn-") ? ".cn" : "");
}

/* ---- the answer ---------------------------------------------------------------------- */

static int no_key(struct error *e)
{
    return error_set(e, ERROR_KEY, WHAT ": the answer has no whole key");
}

/* {"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult": {"Credentials":
 * {…}}}}, where Amazon's time is a number of seconds. */
static int read_json(struct s3_key *out, struct json *j, struct error *e)
{
    double seconds = 0;
    int64_t when = 0;
    struct json *c = json_get(j, "AssumeRoleWithWebIdentityResponse", 0);
    c = json_get(json_get(c, "AssumeRoleWithWebIdentityResult", 0), "Credentials", 0);
    const char *id = json_text(c, "AccessKeyId");
    const char *secret = json_text(c, "SecretAccessKey");
    const char *token = json_text(c, "SessionToken");
    const char *expires = json_text(c, "Expiration");
    bool has_number = json_double(c, "Expiration", &seconds) && seconds > 0 && seconds < 1e11;
    if (has_number)
        when = (int64_t)seconds * 1000000;
    if (!id || !secret || !token || (!has_number && (!expires || !clock_parse(expires, &when))))
        return no_key(e);
    if (s3_key_set(out, id, secret, token, e) < 0)
        return error_wrap(e, WHAT);
    out->expires_us = when;
    return 0;
}

static int read_xml(struct s3_key *out, struct bytes xml, struct error *e)
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "SessionToken",
                                        "Expiration"};
    char *texts[ARRAY_SIZE(names)] = {NULL};
    int64_t when = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(names); i++) {
        texts[i] = str_copy_bytes(s3_role_ask_element(xml, names[i]), e);
        rc = texts[i] ? 0 : -1;
    }
    if (rc == 0 && (!*texts[0] || !*texts[1] || !*texts[2] || !clock_parse(texts[3], &when)))
        rc = no_key(e);
    if (rc == 0 && s3_key_set(out, texts[0], texts[1], texts[2], e) < 0)
        rc = error_wrap(e, WHAT);
    if (rc == 0)
        out->expires_us = when;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        secret_free_text(texts[i]);
    return rc;
}

static int read_answer(struct s3_key *out, struct bytes text, struct error *e)
{
    if (text.len > 0 && text.data[0] == '<')
        return read_xml(out, text, e);
    struct json *j = json_parse(text, S3_KEY_ANSWER, NULL);
    int rc = read_json(out, j, e);
    json_free(j);
    return rc;
}

/* ---- both ---------------------------------------------------------------------------- */

static int exchange(const struct s3_role_options *o, const char *role, const char *token,
                    struct s3_key *out, struct error *e)
{
    struct buf form = {0};
    struct http_reply reply = {0};
    char *url = sts_url(o, e);
    int rc = url ? make_form(o, role, token, &form, e) : -1;
    if (rc == 0) {
        const struct s3_role_ask q = {.what = WHAT,
                                      .method = "POST",
                                      .url = url,
                                      .header =
                                          "Content-Type: application/x-www-form-urlencoded",
                                      .body = buf_view(&form),
                                      .ca_file = get(o, "AWS_CA_BUNDLE"),
                                      .is_near = !s3_role_ask_is_far(url),
                                      .stop = o->stop};
        rc = s3_role_ask_for(&q, &reply, e);
    }
    if (rc == 0)
        rc = read_answer(out, buf_view(&reply.body), e);
    s3_role_ask_done(&reply);
    secret_free_buf(&form);
    free(url);
    return rc;
}

int s3_role_web_identity(const struct s3_role_options *o, struct s3_key *out, struct error *e)
{
    const char *path = get(o, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *role = get(o, "AWS_ROLE_ARN");
    if (!path) {
        if (o->why)
            (void)snprintf(o->why, S3_KEY_WHY, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
        return S3_ROLE_ABSENT;
    }
    if (!role)
        return error_set(e, ERROR_USAGE,
                         "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN");
    /* Read each time: it is replaced before it expires. */
    char *token = s3_role_ask_token("AWS_WEB_IDENTITY_TOKEN_FILE", path, e);
    if (!token)
        return -1;
    int rc = exchange(o, role, token, out, e);
    secret_free_text(token);
    return rc;
}
