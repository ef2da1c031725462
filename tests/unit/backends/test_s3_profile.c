/* SPDX-License-Identifier: Apache-2.0 */
/* The shared files of AWS's tools. */
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "backends/s3_profile.h"
#include "core/base/file.h"
#include "tests/support/scratch.h"

static struct error e;
static char folder[SCRATCH_PATH];
static char keys[SCRATCH_PATH];
static char config[SCRATCH_PATH];

static int setup(void **state)
{
    (void)state;
    scratch_make(folder);
    scratch_path(keys, folder, "credentials");
    scratch_path(config, folder, "config");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(folder);
    return 0;
}

static void write_file(const char *path, const char *text)
{
    assert_done(file_replace(path, bytes_text(text), 0600, &e), &e);
}

static int key_of(const char *profile, struct s3_key *out)
{
    const struct s3_profile_options o = {
        .name = profile, .credentials = keys, .config = config};
    return s3_profile_key(&o, out, &e);
}

static void assert_key(const char *profile, const char *id, const char *secret,
                       const char *token)
{
    struct s3_key k = {0};
    assert_done(key_of(profile, &k), &e);
    assert_string_equal(k.id, id);
    assert_string_equal(k.secret, secret);
    if (token)
        assert_string_equal(k.token, token);
    else
        assert_null(k.token);
    s3_key_done(&k);
}

static void profiles_are_found_in_both_files(void **state)
{
    (void)state;
    write_file(keys, "# made by hand\n"
                     "[default]\n"
                     "aws_access_key_id = AKID\r\n"
                     "aws_secret_access_key=se/cr+et==\n"
                     "\n"
                     "[ night ]\n"
                     "aws_access_key_id = NIGHT\n"
                     "; a comment\n"
                     "aws_secret_access_key = two\n"
                     "aws_session_token = token\n"
                     "[empty]\n");
    write_file(config, "[default]\n"
                       "region = eu-1\n"
                       "s3 =\n"
                       "    region = nested\n"
                       "[profile night]\n"
                       "region = eu-2\n"
                       "aws_access_key_id = NOT_THIS\n"
                       "[profile other]\n"
                       "aws_access_key_id = OTHER\n"
                       "aws_secret_access_key = three\n"
                       "[plain]\n"
                       "aws_access_key_id = PLAIN\n"
                       "aws_secret_access_key = four\n");
    assert_key(NULL, "AKID", "se/cr+et==", NULL);
    assert_key("night", "NIGHT", "two", "token");
    assert_key("other", "OTHER", "three", NULL);
    struct s3_key k = {0};
    assert_int_equal(key_of("empty", &k), S3_PROFILE_ABSENT);
    assert_int_equal(key_of("none", &k), S3_PROFILE_ABSENT);
    assert_int_equal(key_of("plain", &k), S3_PROFILE_ABSENT); /* no [profile plain] */
    char *region = NULL;
    const struct s3_profile_options night = {
        .name = "night", .credentials = keys, .config = config};
    const struct s3_profile_options usual = {.credentials = keys, .config = config};
    const struct s3_profile_options none = {.credentials = keys};
    assert_done(s3_profile_region(&night, &region, &e), &e);
    assert_string_equal(region, "eu-2");
    free(region);
    assert_done(s3_profile_region(&usual, &region, &e), &e);
    assert_string_equal(region, "eu-1");
    free(region);
    assert_int_equal(s3_profile_region(&none, &region, &e), S3_PROFILE_ABSENT);
}

static void files_that_are_not_there_say_nothing(void **state)
{
    struct s3_key k = {0};
    const struct s3_profile_options nothing = {0};
    (void)state;
    assert_int_equal(key_of(NULL, &k), S3_PROFILE_ABSENT);
    assert_int_equal(s3_profile_key(&nothing, &k, &e), S3_PROFILE_ABSENT);
}

static void tokens_may_be_long(void **state)
{
    struct buf text = {0};
    struct buf token = {0};
    (void)state;
    for (int i = 0; i < 5000; i++)
        assert_done(buf_byte(&token, (uint8_t)('a' + i % 26), &e), &e);
    assert_done(buf_byte(&token, 0, &e), &e);
    assert_done(buf_printf(&text, &e,
                           "[default]\naws_access_key_id = A\naws_secret_access_key = s\n"
                           "aws_session_token = %s\n",
                           (const char *)token.data),
                &e);
    assert_done(buf_byte(&text, 0, &e), &e);
    write_file(keys, (const char *)text.data);
    assert_key(NULL, "A", "s", (const char *)token.data);
    buf_done(&text);
    buf_done(&token);
}

static void half_a_key_and_unknown_ways_are_told(void **state)
{
    static const char *const files[] = {
        "[default]\naws_access_key_id = CANARYID\n",
        "[default]\naws_secret_access_key = canary\n",
        "[default]\nrole_arn = arn\nsource_profile = x\n",
        "[default]\nsso_session = canary\n",
    };
    struct s3_key k = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        write_file(keys, files[i]);
        assert_refused(key_of(NULL, &k), &e, ERROR_USAGE);
        assert_null(strstr(e.text, "anary"));
    }
    write_file(keys, "[default]\naws_access_key_id = A\naws_secret_access_key = can ary\n");
    assert_refused(key_of(NULL, &k), &e, ERROR_KEY);
    assert_null(strstr(e.text, "can ary"));
}

static void a_program_may_print_the_key(void **state)
{
    char line[2 * SCRATCH_PATH];
    char program[SCRATCH_PATH];
    struct s3_key k = {0};
    (void)state;
    scratch_path(program, folder, "answer");
    write_file(program, "{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"s\",\n"
                        " \"SessionToken\": \"t\", \"Expiration\": \"2026-01-31T12:00:00Z\"}");
    (void)snprintf(line, sizeof line, "[default]\ncredential_process = cat  %s\n", program);
    write_file(config, line);
    assert_done(key_of(NULL, &k), &e);
    assert_string_equal(k.id, "A");
    assert_string_equal(k.token, "t");
    assert_int_equal(k.expires_us, INT64_C(1769860800000000));
    s3_key_done(&k);
    static const char *const wrong[] = {"", "canary", "{}", "{\"AccessKeyId\": \"A\"}",
                                        "{\"AccessKeyId\": \"A\", \"SecretAccessKey\": "
                                        "\"canary\", \"Expiration\": \"soon\"}"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        write_file(program, wrong[i]);
        assert_refused(key_of(NULL, &k), &e, ERROR_KEY);
        assert_null(strstr(e.text, "canary"));
    }
    write_file(config, "[default]\ncredential_process = false\n");
    assert_refused(key_of(NULL, &k), &e, ERROR_CHILD);
    write_file(config, "[default]\ncredential_process = /nowhere/program\n");
    assert_refused(key_of(NULL, &k), &e, ERROR_CHILD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(profiles_are_found_in_both_files),
        TEST(files_that_are_not_there_say_nothing),
        TEST(tokens_may_be_long),
        TEST(half_a_key_and_unknown_ways_are_told),
        TEST(a_program_may_print_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
