/* SPDX-License-Identifier: Apache-2.0 */
/* The signer against three independent sources: the worked examples of the S3 documentation
 * ("Signature Calculations for the Authorization Header"), the published
 * "aws-sig-v4-test-suite" (its canonical requests), and botocore 1.29's S3SigV4Auth for what
 * neither of them has: odd keys, queries, tokens. */
#include "tests/support/check.h"

#include <pthread.h>
#include <stdlib.h>

#include "backends/s3_sign.h"
#include "core/base/clock.h"
#include "core/base/str.h"

#define TOKEN "FwoGZXIvYXdzEBEaDHPQ+/=tokenEXAMPLE=="
#define HOST "bucket.s3.eu-central-1.amazonaws.com"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static int64_t time_of(const char *text)
{
    int64_t us = 0;
    assert_true(clock_parse(text, &us));
    return us;
}

/* The last header line is Authorization; its signature stands at its end. */
static const char *signature_of(const struct s3_sign_result *r)
{
    const char *last = "";
    for (const char **line = r->headers; *line; line++)
        last = *line;
    assert_true(str_starts(last, "Authorization: AWS4-HMAC-SHA256 Credential="));
    const char *at = strstr(last, "Signature=");
    assert_non_null(at);
    return at + strlen("Signature=");
}

/* ---- botocore ----------------------------------------------------------------------- */

/* Key AKIDEXAMPLE / wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY, 2026-01-31T23:59:58Z,
 * eu-central-1, s3. */
static const struct vector {
    const char *name, *method, *host, *path, *body, *token, *signature;
    struct s3_sign_pair query[6], headers[6];
} vectors[] = {
    {.name = "plain",
     .method = "GET",
     .path = "/k",
     .signature = "a9fdf7d03438ec6158ba810a22bd2f4833991ed6ccd8ff0b067112910ed61d47"},
    {.name = "path style with a port",
     .method = "GET",
     .path = "/bucket/a/b",
     .host = "127.0.0.1:17480",
     .signature = "e148de1f106b902cf6d8142e6de5b1c6b4d4f2a91a54ff789ab4040d7a31d64c"},
    {.name = "blank",
     .method = "GET",
     .path = "/a b",
     .signature = "47e96bf901532084ecfb06619bed9a5614a814adaa411c16640a04b51cb2fca2"},
    {.name = "e acute",
     .method = "GET",
     .path = "/caf\303\251",
     .signature = "3b6b1c39e28b5d7ad96b8dd596847ce1ea49f375b2a56a8bb523ce47963da59b"},
    {.name = "=",
     .method = "GET",
     .path = "/a=b",
     .signature = "7cd4c8c1e6ad78268c1f145ca4293aa416a88a41c3e63b152fe07ec8cbff34ae"},
    {.name = "&",
     .method = "GET",
     .path = "/a&b",
     .signature = "b3afedc6c423ff074675b7b9c613c0d7f1da6b6c430d86703ffe998e353569ef"},
    {.name = "two slashes",
     .method = "GET",
     .path = "/a//b",
     .signature = "34d5e9ca901833279ea95050a7fd7b3e2249b8b47fe0bc290c4600f3994fd025"},
    {.name = "dots",
     .method = "GET",
     .path = "/a/../b/./c",
     .signature = "593cd1c9fc83a0bea69fbcc804ece2828d800549c7e35b84a9791cf6ce24492d"},
    {.name = "punctuation",
     .method = "PUT",
     .path = "/~:@!$'()*,;+?#[]|\"<>^`{}\\",
     .body = "x",
     .signature = "def9a95e19a1254f0678f28f7eaceb4a11007a8fb8bfaa4c39e24d8893ff41c9"},
    {.name = "%41",
     .method = "PUT",
     .path = "/%41",
     .body = "x",
     .signature = "5a95e43a08dda5a8f63fa7ea4349c3617a3f204097db3d149bc57c5c2366e68f"},
    {.name = "trailing slash",
     .method = "DELETE",
     .path = "/a/",
     .signature = "950a49284f4aee20b52c450297900d3a39a6b0fe3dbe31ed4fa2bbe6f2456191"},
    {.name = "sorted after encoding",
     .method = "GET",
     .path = "/",
     .query =
         {{"a-b", "1"}, {"a", "2"}, {"a=", "3"}, {"\303\251", "4"}, {"a", "1"}, {"B", "5"}},
     .signature = "8918a706aeaba23cce699b0d9649a88e9a2a24a6830b86cca5d0a860fb6426de"},
    {.name = "empty value",
     .method = "GET",
     .path = "/",
     .query = {{"uploads", ""}},
     .signature = "782966cf26b17a9acebb66f03ccf3672134f58b6389f0b19ca729d9b5c52bd0c"},
    {.name = "list page",
     .method = "GET",
     .path = "/",
     .query = {{"list-type", "2"},
               {"prefix", "p q/\303\251"},
               {"continuation-token", "1/abc+def=="},
               {"encoding-type", "url"},
               {"max-keys", "1000"}},
     .signature = "a660fed8e4273f6f129f1c336005a3cc7090b157ffc29ed5c3d1f9ae177aa542"},
    {.name = "range",
     .method = "GET",
     .path = "/k",
     .headers = {{"range", "bytes=5-9"}},
     .signature = "d6243b6f4c06d60cf60d175c7ab209b1cd3fef95a9b8fad6c990587c2ecdafdd"},
    {.name = "put with all headers",
     .method = "PUT",
     .path = "/k",
     .headers = {{"content-type", "application/octet-stream"},
                 {"if-none-match", "*"},
                 {"x-amz-storage-class", "STANDARD_IA"},
                 {"x-amz-object-lock-mode", "COMPLIANCE"},
                 {"x-amz-object-lock-retain-until-date", "2026-03-01T00:00:00Z"}},
     .body = "hello",
     .signature = "fea304c4911d15a22b2f95d7456ea109b03d1f4d65c1e63be28508b05b2edaab"},
    {.name = "prefix names",
     .method = "PUT",
     .path = "/k",
     .headers = {{"x-amz-meta-a-b", "2"}, {"x-amz-meta-a", "1"}},
     .body = "hello",
     .signature = "3858d90e15c5f6a11da12c194148d6007417fe59046334271c40b9c3665fe8dd"},
    {.name = "token",
     .method = "GET",
     .path = "/k",
     .token = TOKEN,
     .signature = "cc0ce2bf4879172746fd3b237b25f50482a96b2ae80ee4c4c0068b538e9cde36"},
    {.name = "token and put",
     .method = "PUT",
     .path = "/k",
     .headers = {{"if-none-match", "*"}},
     .body = "hello",
     .token = TOKEN,
     .signature = "9c9dba4e5f1f1b4c42b1c566e346ebd966230271af4a48a8bb7896012711f58c"},
    {.name = "head",
     .method = "HEAD",
     .path = "/k",
     .signature = "fc9469f0be86fe9193ec5303dcbbfcaca63ef588423f2de475945e8bd749ff2a"},
};

static size_t count_of(const struct s3_sign_pair pairs[6])
{
    size_t n = 0;
    while (n < 6 && pairs[n].name)
        n++;
    return n;
}

static void sign_vector(struct s3_sign *s, const struct vector *v, struct s3_sign_result *out)
{
    struct error e = {0};
    struct s3_sign_key key = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                              v->token};
    struct s3_sign_request r = {
        .method = v->method,
        .host = v->host ? v->host : HOST,
        .path = v->path,
        .query = v->query,
        .query_count = count_of(v->query),
        .headers = v->headers,
        .header_count = count_of(v->headers),
        .now_us = time_of("2026-01-31T23:59:58Z"),
    };
    assert_done(digest_sha256(bytes_text(v->body ? v->body : ""), r.body_sha256, &e), &e);
    assert_done(s3_sign_make(s, &key, &r, out, &e), &e);
}

static void every_shape_is_signed_as_botocore_signs_it(void **state)
{
    struct error e = {0};
    struct s3_sign_result out = {0};
    (void)state;
    struct s3_sign *s = s3_sign_new("eu-central-1", "s3", &e);
    assert_non_null(s);
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        sign_vector(s, &vectors[i], &out);
        if (strcmp(signature_of(&out), vectors[i].signature) != 0)
            fail_msg("%s: %s", vectors[i].name, signature_of(&out));
    }
    s3_sign_result_done(&out);
    s3_sign_free(s);
}

/* ---- the S3 documentation ----------------------------------------------------------- */

static const struct example {
    const char *method, *path, *body, *signature;
    struct s3_sign_pair query[6], headers[6];
} examples[] = {
    {.method = "GET",
     .path = "/test.txt",
     .headers = {{"range", "bytes=0-9"}},
     .signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {.method = "PUT",
     .path = "/test$file.text",
     .headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
     .body = "Welcome to Amazon S3.",
     .signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {.method = "GET",
     .path = "/",
     .query = {{"lifecycle", ""}},
     .signature = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {.method = "GET",
     .path = "/",
     .query = {{"prefix", "J"}, {"max-keys", "2"}},
     .signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static void the_examples_of_the_documentation_come_out(void **state)
{
    struct error e = {0};
    struct s3_sign_result out = {0};
    struct s3_sign_key key = {"AKIAIOSFODNN7EXAMPLE",
                              "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL};
    (void)state;
    struct s3_sign *s = s3_sign_new("us-east-1", "s3", &e);
    assert_non_null(s);
    for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
        struct s3_sign_request r = {
            .method = examples[i].method,
            .host = "examplebucket.s3.amazonaws.com",
            .path = examples[i].path,
            .query = examples[i].query,
            .query_count = count_of(examples[i].query),
            .headers = examples[i].headers,
            .header_count = count_of(examples[i].headers),
            .now_us = time_of("2013-05-24T00:00:00Z"),
        };
        const char *body = examples[i].body ? examples[i].body : "";
        assert_done(digest_sha256(bytes_text(body), r.body_sha256, &e), &e);
        assert_done(s3_sign_make(s, &key, &r, &out, &e), &e);
        assert_string_equal(signature_of(&out), examples[i].signature);
    }
    s3_sign_result_done(&out);
    s3_sign_free(s);
}

/* ---- aws-sig-v4-test-suite ---------------------------------------------------------- */

#define REST                                                                                   \
    "\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n" EMPTY

static const struct {
    const char *canonical, *signature;
} suite[] = {
    {"GET\n/\n" REST, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"POST\n/\n" REST, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"GET\n/%E1%88%B4\n" REST,
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"GET\n/\nParam1=value1&Param2=value2" REST,
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"GET\n/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\n" REST,
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"GET\n/\n%E1%88%B4=bar" REST,
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
};

static void the_published_suite_is_signed_as_published(void **state)
{
    struct error e = {0};
    char signature[2 * DIGEST_LEN + 1];
    struct s3_sign_key key = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL};
    (void)state;
    struct s3_sign *s = s3_sign_new("us-east-1", "service", &e);
    assert_non_null(s);
    for (size_t i = 0; i < ARRAY_SIZE(suite); i++) {
        assert_done(s3_sign_signature(s, &key, "20150830T123600Z",
                                      bytes_text(suite[i].canonical), signature, &e),
                    &e);
        assert_string_equal(signature, suite[i].signature);
    }
    s3_sign_free(s);
}

/* ---- what is sent ------------------------------------------------------------------- */

static const struct vector *vector_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
        if (strcmp(vectors[i].name, name) == 0)
            return &vectors[i];
    fail_msg("no vector %s", name);
    return NULL;
}

static void the_target_is_encoded_and_its_query_sorted(void **state)
{
    struct error e = {0};
    struct s3_sign_result out = {0};
    (void)state;
    struct s3_sign *s = s3_sign_new("eu-central-1", "s3", &e);
    assert_non_null(s);
    sign_vector(s, vector_named("punctuation"), &out);
    assert_string_equal((const char *)out.target.data,
                        "/~%3A%40%21%24%27%28%29%2A%2C%3B%2B%3F%23%5B%5D%7C%22%3C%3E%5E%60%7B"
                        "%7D%5C");
    sign_vector(s, vector_named("%41"), &out);
    assert_string_equal((const char *)out.target.data, "/%2541");
    sign_vector(s, vector_named("sorted after encoding"), &out);
    assert_string_equal((const char *)out.target.data, "/?%C3%A9=4&B=5&a=1&a=2&a%3D=3&a-b=1");
    s3_sign_result_done(&out);
    s3_sign_free(s);
}

static bool has_line(const struct s3_sign_result *r, const char *wanted)
{
    for (const char **line = r->headers; *line; line++)
        if (strcmp(*line, wanted) == 0)
            return true;
    return false;
}

static void everything_that_is_signed_is_sent(void **state)
{
    struct error e = {0};
    struct s3_sign_result out = {0};
    (void)state;
    struct s3_sign *s = s3_sign_new("eu-central-1", "s3", &e);
    assert_non_null(s);
    sign_vector(s, vector_named("token and put"), &out);
    assert_true(has_line(&out, "host: " HOST));
    assert_true(has_line(&out, "x-amz-date: 20260131T235958Z"));
    assert_true(has_line(&out, "x-amz-security-token: " TOKEN));
    assert_true(has_line(&out, "if-none-match: *"));
    sign_vector(s, vector_named("plain"), &out);
    assert_true(has_line(&out, "x-amz-content-sha256: " EMPTY));
    for (const char **line = out.headers; *line; line++)
        assert_null(strstr(*line, "security-token"));
    s3_sign_result_done(&out);
    s3_sign_free(s);
}

static void another_day_and_another_secret_get_another_key(void **state)
{
    struct error e = {0};
    char first[65], again[65], other[65];
    struct s3_sign_key one = {"A", "one", NULL}, two = {"A", "two", NULL};
    (void)state;
    struct s3_sign *s = s3_sign_new("r", "s3", &e);
    assert_non_null(s);
    struct bytes text = bytes_text("same");
    assert_done(s3_sign_signature(s, &one, "20260101T000000Z", text, first, &e), &e);
    assert_done(s3_sign_signature(s, &two, "20260101T000000Z", text, other, &e), &e);
    assert_string_not_equal(first, other);
    assert_done(s3_sign_signature(s, &one, "20260102T000000Z", text, other, &e), &e);
    assert_string_not_equal(first, other);
    assert_done(s3_sign_signature(s, &one, "20260101T000000Z", text, again, &e), &e);
    assert_string_equal(first, again);
    s3_sign_free(s);
}

static void *sign_many(void *arg)
{
    const struct vector *v = vector_named("range");
    struct s3_sign_result out = {0};
    for (int i = 0; i < 200; i++) {
        sign_vector(arg, v, &out);
        if (strcmp(signature_of(&out), v->signature) != 0)
            abort();
    }
    s3_sign_result_done(&out);
    return NULL;
}

static void many_threads_may_sign(void **state)
{
    struct error e = {0};
    pthread_t threads[4];
    (void)state;
    struct s3_sign *s = s3_sign_new("eu-central-1", "s3", &e);
    assert_non_null(s);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_many, s), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    s3_sign_free(s);
}

static void too_many_pairs_are_refused(void **state)
{
    static const struct s3_sign_pair pairs[S3_SIGN_MOST_PAIRS + 1] = {{"a", "b"}};
    struct error e = {0};
    struct buf out = {0};
    struct s3_sign_key key = {"A", "S", NULL};
    struct s3_sign_request r = {.method = "GET", .host = "h", .path = "/", .query = pairs};
    (void)state;
    r.query_count = ARRAY_SIZE(pairs);
    assert_refused(s3_sign_canonical(&key, &r, &out, &e), &e, ERROR_USAGE);
    r.query_count = 0;
    r.headers = pairs;
    r.header_count = ARRAY_SIZE(pairs);
    assert_refused(s3_sign_canonical(&key, &r, &out, &e), &e, ERROR_USAGE);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_is_signed_as_botocore_signs_it),
        cmocka_unit_test(the_examples_of_the_documentation_come_out),
        cmocka_unit_test(the_published_suite_is_signed_as_published),
        cmocka_unit_test(the_target_is_encoded_and_its_query_sorted),
        cmocka_unit_test(everything_that_is_signed_is_sent),
        cmocka_unit_test(another_day_and_another_secret_get_another_key),
        cmocka_unit_test(many_threads_may_sign),
        cmocka_unit_test(too_many_pairs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
