/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of S3 and the JSON in which they come. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "backends/s3_key.h"

static struct error e;

static int read_as(const char *text, bool has_version, struct s3_key *out)
{
    const struct s3_key_form form = {
        .what = "place", .token_name = "Token", .has_version = has_version};
    return s3_key_read(out, bytes_text(text), &form, &e);
}

static void a_key_is_read_whole(void **state)
{
    struct s3_key k = {0};
    (void)state;
    assert_done(read_as("{\"Code\": \"Success\", \"AccessKeyId\": \"A\", \"SecretAccessKey\": "
                        "\"s/+=\", \"Token\": \"t\", \"Expiration\": \"2026-01-31T12:00:00Z\"}",
                        false, &k),
                &e);
    assert_string_equal(k.id, "A");
    assert_string_equal(k.secret, "s/+=");
    assert_string_equal(k.token, "t");
    assert_int_equal(k.expires_us, INT64_C(1769860800000000));
    s3_key_done(&k);
    assert_null(k.secret);
    assert_done(read_as("{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"s\", "
                        "\"Token\": null}",
                        true, &k),
                &e);
    assert_null(k.token);
    assert_int_equal(k.expires_us, 0);
    s3_key_done(&k);
}

#define PAIR "\"AccessKeyId\": \"canary\", \"SecretAccessKey\": \"canary\""

static void what_is_no_key_is_refused_and_not_shown(void **state)
{
    static const char *const wrong[] = {
        "",
        "canary",
        "[\"canary\"]",
        "{\"AccessKeyId\": \"canary\"}",
        "{\"AccessKeyId\": \"canary\", \"SecretAccessKey\": 5}",
        "{" PAIR ", \"Expiration\": \"canary\"}",
        "{" PAIR ", \"Expiration\": 1769860800}",
        "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"can\\nary\"}",
        "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"canary \"}",
        "{" PAIR ", \"Token\": \"t\\r\\nX: canary\"}",
        "{" PAIR ", \"AccessKeyId\": \"canary\"}",
    };
    struct s3_key k = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_refused(read_as(wrong[i], false, &k), &e, ERROR_KEY);
        assert_null(strstr(e.text, "canary"));
        assert_null(k.id);
    }
    assert_refused(read_as("{" PAIR "}", true, &k), &e, ERROR_KEY);
    assert_refused(read_as("{\"Version\": 2, " PAIR "}", true, &k), &e, ERROR_KEY);
    assert_refused(read_as("{\"Version\": \"1\", " PAIR "}", true, &k), &e, ERROR_KEY);
    assert_non_null(strstr(e.text, "Version"));
}

static void a_code_is_shown_if_it_is_one(void **state)
{
    struct s3_key k = {0};
    (void)state;
    assert_refused(read_as("{\"Code\": \"AssumeRoleUnauthorizedAccess\"}", false, &k), &e,
                   ERROR_KEY);
    assert_non_null(strstr(e.text, "AssumeRoleUnauthorizedAccess"));
    assert_refused(read_as("{\"Code\": \"canary canary\"}", false, &k), &e, ERROR_KEY);
    assert_null(strstr(e.text, "canary"));
    char code[S3_KEY_CODE];
    char longest[S3_KEY_CODE + 1];
    memset(longest, 'x', sizeof longest);
    s3_key_code(code, bytes_of(longest, S3_KEY_CODE - 1));
    assert_int_equal(strlen(code), S3_KEY_CODE - 1);
    s3_key_code(code, bytes_of(longest, S3_KEY_CODE));
    assert_string_equal(code, "");
}

static void texts_have_a_bound(void **state)
{
    struct s3_key k = {0};
    char *text = malloc(S3_KEY_MAX + 2);
    (void)state;
    assert_non_null(text);
    memset(text, 'x', S3_KEY_MAX + 2);
    text[S3_KEY_MAX] = '\0';
    assert_done(s3_key_set(&k, "a", "s", text, &e), &e);
    s3_key_done(&k);
    text[S3_KEY_MAX] = 'x';
    text[S3_KEY_MAX + 1] = '\0';
    assert_refused(s3_key_set(&k, "a", "s", text, &e), &e, ERROR_KEY);
    assert_non_null(strstr(e.text, "session token"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_read_whole),
        cmocka_unit_test(what_is_no_key_is_refused_and_not_shown),
        cmocka_unit_test(a_code_is_shown_if_it_is_one),
        cmocka_unit_test(texts_have_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
