/* SPDX-License-Identifier: Apache-2.0 */
/* Repository URLs: SCHEME://[USER@]HOST[:PORT][/PATH][?NAME=VALUE&…] (RFC 3986, without
 * fragments; "+" is itself). What the parts mean is the stores' business. A URL never carries a
 * password: error texts name the scheme and nothing that follows it, for it may be one. */
#ifndef BACKENDS_STORE_URL_H
#define BACKENDS_STORE_URL_H

#include "core/base/buf.h"

struct store_url_pair {
    char *name;  /* lower-case letters, digits, "-" and "_" */
    char *value; /* decoded; "" where there is no "=" */
};

struct store_url {
    char *scheme;  /* lower case */
    char *user;    /* decoded; NULL: none */
    char *host;    /* as written: letters, digits, ".", "-", "_"; an IPv6 address without [] */
    char *path;    /* decoded, with its first slash; "" where there is none */
    uint16_t port; /* 0: none */
    struct store_url_pair *pairs;
    size_t pair_count;
};

/* Take text apart; decoded parts hold no control character and are UTF-8 as far as the writer
 * made them so. ERROR_USAGE for anything else, and for user:password@ (with a hint); *out is
 * then empty. The caller ends *out with store_url_done. Any thread. */
MUST_CHECK int store_url_parse(const char *text, struct store_url *out, struct error *e);

/* The value of the first parameter of that name, or the nth (from 0); NULL: absent. The
 * URL's own. */
const char *store_url_param(const struct store_url *u, const char *name);
const char *store_url_param_nth(const struct store_url *u, const char *name, size_t nth);

/* ERROR_USAGE, naming the first parameter that is not in known (ended by NULL). */
MUST_CHECK int store_url_only(const struct store_url *u, const char *const *known,
                              struct error *e);

/* text percent-encoded but for letters, digits, "-._~" (RFC 3986 2.3) and the characters of
 * keep: appended, with room made once for three times its length; or as a text that the caller
 * frees. ERROR_MEMORY. */
MUST_CHECK int store_url_encode_to(struct buf *out, const char *text, const char *keep,
                                   struct error *e);
MUST_CHECK char *store_url_encode(const char *text, const char *keep, struct error *e);

/* Frees what *u holds; an empty one is fine. */
void store_url_done(struct store_url *u);

#endif
