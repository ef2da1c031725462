/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/s3_key.h"

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
        return error_set(e, ERROR_KEY, "a key of S3 has characters that no key has");
    out->id = str_copy(id, e);
    out->secret = out->id ? str_copy(secret, e) : NULL;
    if (out->secret && token)
        out->token = str_copy(token, e);
    if (out->secret && (!token || out->token))
        return 0;
    s3_key_done(out);
    return -1;
}

static int read_object(struct s3_key *out, const struct json *j, const char *token_name,
                       const char *what, struct error *e)
{
    const char *id = json_text(j, "AccessKeyId");
    const char *secret = json_text(j, "SecretAccessKey");
    const char *expires = json_text(j, "Expiration");
    int64_t when = 0;
    if (!id || !secret)
        return error_set(e, ERROR_KEY, "%s: the answer has no AccessKeyId or SecretAccessKey",
                         what);
    if (expires && !clock_parse(expires, &when))
        return error_set(e, ERROR_KEY, "%s: the answer's Expiration is no time", what);
    if (s3_key_set(out, id, secret, json_text(j, token_name), e) < 0)
        return error_wrap(e, "%s", what);
    out->expires_us = when;
    return 0;
}

int s3_key_read(struct s3_key *out, struct bytes text, const char *token_name, const char *what,
                struct error *e)
{
    struct error why;
    struct json *j = json_parse(text, 4 * S3_KEY_MAX, &why);
    /* What the reader of JSON says may show a piece of it. */
    if (!j)
        return error_set(e, why.kind == ERROR_MEMORY ? ERROR_MEMORY : ERROR_KEY,
                         "%s: the answer is no JSON", what);
    int rc = read_object(out, j, token_name, what, e);
    json_free(j);
    return rc;
}
