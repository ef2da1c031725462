/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: URLs of repositories. The text that a place is known by names the same place. */
#include <stdlib.h>

#include "backends/store_s3_place.h"
#include "backends/store_sftp_place.h"
#include "core/base/str.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A URL without a region shall not look for one in the files of whoever runs this. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return setenv("AWS_REGION", "eu-1", 1);
}

/* A secret that stands in the URL by mistake is not repeated: error texts name nothing behind
 * the scheme. The word is one that no message of ours has. */
static void check_words(const char *url, const struct error *e)
{
    if (strstr(url, "://u:Qz7Qz7@") && strstr(e->text, "Qz7Qz7"))
        abort();
}

/* A path that is encoded again is the same path. */
static void check_encoding(const struct store_url *u)
{
    struct error e = {0};
    struct store_url v;
    char *path = store_url_encode(u->path, "/", &e);
    char *text = path ? str_format(&e, "%s://host%s", u->scheme, path) : NULL;
    if (!text || store_url_parse(text, &v, &e) < 0 || strcmp(v.path, u->path) != 0)
        abort();
    store_url_done(&v);
    free(path);
    free(text);
}

static void check_url(const char *text)
{
    struct error e = {0};
    struct store_url u;
    if (store_url_parse(text, &u, &e) < 0) {
        check_words(text, &e);
        return;
    }
    if (!u.scheme || !u.host || !u.path)
        abort();
    check_encoding(&u);
    store_url_done(&u);
}

static void check_s3(const char *text)
{
    struct error e = {0};
    struct store_s3_place p;
    if (store_s3_place_parse(text, &p, &e) < 0) {
        check_words(text, &e);
        return;
    }
    struct store_s3_place q;
    char *first = store_s3_place_canonical(&p, &e);
    if (!first || !p.base || store_s3_place_parse(first, &q, &e) < 0)
        abort();
    char *second = store_s3_place_canonical(&q, &e);
    if (!second || strcmp(first, second) != 0 || strcmp(p.bucket, q.bucket) != 0 ||
        strcmp(p.prefix, q.prefix) != 0)
        abort();
    free(first);
    free(second);
    store_s3_place_done(&p);
    store_s3_place_done(&q);
}

static void check_sftp(const char *text)
{
    struct error e = {0};
    struct store_sftp_place p;
    struct store_sftp_place q;
    if (store_sftp_place_parse(text, &p, &e) < 0) {
        check_words(text, &e);
        return;
    }
    char *first = store_sftp_place_text(&p, &e);
    if (!first || store_sftp_place_parse(first, &q, &e) < 0)
        abort();
    char *second = store_sftp_place_text(&q, &e);
    if (!second || strcmp(first, second) != 0)
        abort();
    free(first);
    free(second);
    store_sftp_place_done(&p);
    store_sftp_place_done(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    check_url(text);
    check_s3(text);
    check_sftp(text);
    free(text);
    return 0;
}
