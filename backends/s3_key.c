/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/s3_key.h"

#include <ctype.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/secret.h"
#include "core/base/str.h"

void s3_key_done(struct s3_key *k)
{
    free(k->id);
    secret_free_text(k->secret);
    secret_free_text(k->token);
    *k = (struct s3_key){0};
}

/* Printable ASCII without blanks, so that it cannot end a header line. */
static bool is_plain(const char *text)
{
    size_t len = 0;
    for (; text[len]; len++)
        if (text[len] <= ' ' || text[len] > '~' || len == S3_KEY_MAX)
            return false;
    return len > 0;
}

int s3_key_set(struct s3_key *out, const char *id, const char *secret, const char *token,
               struct error *e)
{
    if (token && !*token)
        token = NULL;
    if (!is_plain(id) || !is_plain(secret) || (token && !is_plain(token)))
        return error_set(e, ERROR_KEY, "the %s has characters that none has",
                         !is_plain(id)       ? "access key id"
                         : !is_plain(secret) ? "secret access key"
                                             : "session token");
    out->id = str_copy(id, e);
    out->secret = out->id ? str_copy(secret, e) : NULL;
    if (out->secret && token)
        out->token = str_copy(token, e);
    if (out->secret && (!token || out->token))
        return 0;
    s3_key_done(out);
    return -1;
}

void s3_key_code(char out[S3_KEY_CODE], struct bytes text)
{
    bool plain = text.len < S3_KEY_CODE;
    for (size_t i = 0; plain && i < text.len; i++)
        plain = isalnum(text.data[i]) || text.data[i] == '.';
    if (plain && text.len > 0)
        memcpy(out, text.data, text.len);
    out[plain ? text.len : 0] = '\0';
}

/* The metadata service answers with status 200 and a Code when a role cannot be taken. */
static int no_key(const struct json *j, const char *what, struct error *e)
{
    char code[S3_KEY_CODE] = "";
    const char *text = json_text(j, "Code");
    if (text)
        s3_key_code(code, bytes_text(text));
    return error_set(e, ERROR_KEY, "%s: the answer%s%s has no AccessKeyId or SecretAccessKey",
                     what, *code ? " " : "", code);
}

static int read_object(struct s3_key *out, const struct json *j, const struct s3_key_form *form,
                       struct error *e)
{
    const char *id = json_text(j, "AccessKeyId");
    const char *secret = json_text(j, "SecretAccessKey");
    const char *expires = json_text(j, "Expiration");
    int64_t when = 0;
    double number = 0;
    uint64_t version = 0;
    if (form->has_version && (!json_u64(j, "Version", &version) || version != 1))
        return error_set(e, ERROR_KEY, "%s: the answer's Version is not 1", form->what);
    if (!id || !secret)
        return no_key(j, form->what, e);
    /* A number would otherwise pass for absent, and the key for one that never expires. */
    if ((expires && !clock_parse(expires, &when)) || json_double(j, "Expiration", &number))
        return error_set(e, ERROR_KEY, "%s: the answer's Expiration is no time", form->what);
    if (s3_key_set(out, id, secret, json_text(j, form->token_name), e) < 0)
        return error_wrap(e, "%s", form->what);
    out->expires_us = when;
    return 0;
}

int s3_key_read(struct s3_key *out, struct bytes text, const struct s3_key_form *form,
                struct error *e)
{
    struct error why;
    struct json *j = json_parse(text, S3_KEY_ANSWER, &why);
    /* What the reader of JSON says may show a piece of it. */
    if (!j)
        return error_set(e, why.kind == ERROR_MEMORY ? ERROR_MEMORY : ERROR_KEY,
                         "%s: the answer is no JSON", form->what);
    int rc = read_object(out, j, form, e);
    json_free(j);
    return rc;
}
