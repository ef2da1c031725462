/* SPDX-License-Identifier: Apache-2.0 */
/* The shared files of AWS's tools. */
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "backends/s3_profile.h"
#include "core/base/file.h"
#include "core/base/log.h"
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
    assert_int_equal(key_of("empty", &k), S3_PROFILE_KEYLESS);
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
    assert_int_equal(s3_profile_region(&none, &region, &e), S3_PROFILE_KEYLESS);
}

static void files_are_read_as_configparser_reads_them(void **state)
{
    (void)state;
    write_file(keys, "\xef\xbb\xbf[default]\n"
                     "  aws_access_key_id = OLD\n"
                     "  AWS_Access_Key_Id = NEW\n"
                     "  aws_secret_access_key = s\n"
                     "    aws_session_token = of the line above\n"
                     " # comment\n"
                     "no equals sign\n"
                     "[cut\n"
                     "aws_access_key_id = CUT\n"
                     "aws_secret_access_key = two");
    write_file(config, "[profile \"my night\"]\n"
                       "aws_access_key_id = QUOTED\n"
                       "aws_secret_access_key = three\n"
                       "[profile default]\n"
                       "region = eu-3\n"
                       "[profilenight]\n"
                       "aws_access_key_id = NOT\n"
                       "aws_secret_access_key = this\n");
    assert_key(NULL, "NEW", "s", NULL);
    assert_key("cut", "CUT", "two", NULL);
    assert_key("my night", "QUOTED", "three", NULL);
    char *region = NULL;
    const struct s3_profile_options usual = {.config = config};
    assert_done(s3_profile_region(&usual, &region, &e), &e);
    assert_string_equal(region, "eu-3");
    free(region);
    struct s3_key k = {0};
    assert_int_equal(key_of("night", &k), S3_PROFILE_ABSENT);
}

static void a_key_is_taken_from_one_file_whole(void **state)
{
    struct s3_key k = {0};
    (void)state;
    write_file(keys, "[default]\naws_access_key_id = A\naws_secret_access_key = s\n");
    write_file(config, "[default]\naws_access_key_id = B\naws_secret_access_key = t\n"
                       "aws_session_token = OF_B\n");
    assert_key(NULL, "A", "s", NULL);
    write_file(keys, "[default]\naws_access_key_id = A\n");
    assert_refused(key_of(NULL, &k), &e, ERROR_USAGE);
    write_file(keys, "[default]\n");
    assert_key(NULL, "B", "t", "OF_B");
    /* A program stands between the two files. */
    write_file(keys, "[default]\ncredential_process = printf '{\"Version\": 1, "
                     "\"AccessKeyId\": \"P\", \"SecretAccessKey\": \"p\"}'\n");
    assert_key(NULL, "P", "p", NULL);
    write_file(config, "[default]\ncredential_process = false\n");
    write_file(keys, "[default]\naws_access_key_id = A\naws_secret_access_key = s\n");
    assert_key(NULL, "A", "s", NULL);
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
        "[default]\nlogin_session = canary\n",
        "[default]\ncredential_source = canary\n",
        "[default]\nrole_arn = arn\ncredential_process = cat\n",
        ("[default]\nsso_start_url = x\naws_access_key_id = A\n"
         "aws_secret_access_key = canary\n"),
    };
    struct s3_key k = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        write_file(keys, files[i]);
        assert_refused(key_of(NULL, &k), &e, ERROR_USAGE);
        assert_non_null(strstr(e.text, "profile default: "));
        assert_null(strstr(e.text, "anary"));
    }
    assert_non_null(strstr(e.text, "sso_start_url is not supported"));
    /* The key beside it is of another identity than the one that is asked for. */
    write_file(keys, "[default]\naws_access_key_id = A\naws_secret_access_key = s\n");
    write_file(config, "[default]\nrole_arn = arn\nsource_profile = default\n");
    assert_refused(key_of(NULL, &k), &e, ERROR_USAGE);
    assert_non_null(strstr(e.text, "source_profile is not supported"));
    write_file(config, "");
    write_file(keys, "[default]\naws_access_key_id = A\naws_secret_access_key = can ary\n");
    assert_refused(key_of(NULL, &k), &e, ERROR_KEY);
    assert_null(strstr(e.text, "can ary"));
}

/* What the log says, from a file of it. */
static void read_log(const char *path, struct buf *text)
{
    log_close();
    assert_done(file_load(path, MIB, text, &e), &e);
    assert_done(buf_byte(text, 0, &e), &e);
}

static void files_that_others_may_read_are_told_once(void **state)
{
    static const struct {
        mode_t mode;
        bool in_config;
        size_t lines;
    } rows[] = {{0600, false, 0}, {0640, false, 1}, {0604, true, 1}, {0700, false, 0}};
    static const char text[] = "[default]\naws_access_key_id = A\n"
                               "aws_secret_access_key = canary\n";
    char path[SCRATCH_PATH];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf told = {0};
        bool warned = false;
        scratch_path(path, folder, "log");
        write_file(path, "");
        write_file(keys, rows[i].in_config ? "" : text);
        write_file(config, rows[i].in_config ? text : "[default]\n");
        assert_int_equal(chmod(rows[i].in_config ? config : keys, rows[i].mode), 0);
        const struct log_options log = {.level = LOG_LEVEL_WARNING, .path = path};
        const struct s3_profile_options o = {
            .credentials = keys, .config = config, .warned = &warned};
        assert_done(log_open(&log, &e), &e);
        for (int times = 0; times < 3; times++) {
            struct s3_key k = {0};
            assert_done(s3_profile_key(&o, &k, &e), &e);
            s3_key_done(&k);
        }
        read_log(path, &told);
        size_t lines = 0;
        for (size_t at = 0; at < told.len; at++)
            lines += told.data[at] == '\n';
        assert_int_equal(lines, rows[i].lines);
        assert_null(strstr((const char *)told.data, "canary"));
        buf_done(&told);
    }
}

/* Damaged copies of a file, by a generator of our own: nothing may be read that is not there
 * (the sanitizers look), and what is answered is an answer. */
static void any_bytes_are_read_without_harm(void **state)
{
    static const char text[] = "[default]\n aws_access_key_id = A\n  x = y\n[profile \"a\"]\n"
                               "aws_secret_access_key = s\nregion=r\n[]\n[\n=\n]\n";
    uint32_t dice = 1;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        char copy[sizeof text];
        memcpy(copy, text, sizeof text);
        for (int i = 0; i < 4; i++) {
            dice = dice * 1664525 + 1013904223;
            copy[(dice >> 8) % (sizeof text - 1)] = "\n[]= #\"\x00\xff\t"[(dice >> 24) % 10];
        }
        dice = dice * 1664525 + 1013904223;
        struct bytes part = bytes_of(copy, (dice >> 8) % sizeof text);
        FILE *out = fopen(round % 2 ? keys : config, "w");
        assert_non_null(out);
        assert_int_equal(fwrite(part.data, 1, part.len, out), part.len);
        assert_int_equal(fclose(out), 0);
        struct s3_key k = {0};
        char *region = NULL;
        const struct s3_profile_options o = {
            .name = round % 3 ? NULL : "a", .credentials = keys, .config = config};
        int rc = s3_profile_key(&o, &k, &e);
        assert_true(rc >= -1 && rc <= S3_PROFILE_KEYLESS);
        s3_key_done(&k);
        assert_true(s3_profile_region(&o, &region, &e) >= 0);
        free(region);
    }
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
    /* A login beside it is for tools that know it. */
    (void)snprintf(line, sizeof line,
                   "[default]\nsso_start_url = x\ncredential_process = cat %s\n", program);
    write_file(config, line);
    assert_done(key_of(NULL, &k), &e);
    s3_key_done(&k);
    write_file(program, "{\"AccessKeyId\": \"A\", \"SecretAccessKey\": \"canary\"}");
    assert_refused(key_of(NULL, &k), &e, ERROR_KEY);
    assert_non_null(
        strstr(e.text, "profile default: credential_process: the answer's Version is not 1"));
    assert_null(strstr(e.text, "canary"));
    write_file(config, "[default]\ncredential_process = false\n");
    assert_refused(key_of(NULL, &k), &e, ERROR_CHILD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(profiles_are_found_in_both_files),
        TEST(files_are_read_as_configparser_reads_them),
        TEST(a_key_is_taken_from_one_file_whole),
        TEST(files_that_are_not_there_say_nothing),
        TEST(tokens_may_be_long),
        TEST(half_a_key_and_unknown_ways_are_told),
        TEST(files_that_others_may_read_are_told_once),
        TEST(any_bytes_are_read_without_harm),
        TEST(a_program_may_print_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
