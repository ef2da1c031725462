/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "backends/store_url.h"

static struct error e;

static void assert_text(const char *got, const char *want)
{
    if (!want)
        assert_null(got);
    else if (!got)
        fail_msg("nothing, not \"%s\"", want);
    else
        assert_string_equal(got, want);
}

static void the_parts_of_a_url_are_found(void **state)
{
    static const struct {
        const char *text, *scheme, *user, *host, *path;
        uint16_t port;
    } cases[] = {
        {"sftp://u@h:22/a/b", "sftp", "u", "h", "/a/b", 22},
        {"sftp://h/", "sftp", NULL, "h", "/", 0},
        {"sftp://h", "sftp", NULL, "h", "", 0},
        {"SFTP://h", "sftp", NULL, "h", "", 0},
        {"s3://my-bucket.x_y/p%20q/%C3%A9?endpoint=x", "s3", NULL, "my-bucket.x_y",
         "/p q/\xc3\xa9", 0},
        {"sftp://a%40b@[::1]:65535/~/x", "sftp", "a@b", "::1", "/~/x", 65535},
        {"sftp://u@[fe80::1]", "sftp", "u", "fe80::1", "", 0},
        {"sftp://h?x=1", "sftp", NULL, "h", "", 0},
        {"sftp://h/a%2Fb+c%25", "sftp", NULL, "h", "/a/b+c%", 0},
        {"file:///a", "file", NULL, "", "/a", 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct store_url u;
        assert_done(store_url_parse(cases[i].text, &u, &e), &e);
        assert_text(u.scheme, cases[i].scheme);
        assert_text(u.user, cases[i].user);
        assert_text(u.host, cases[i].host);
        assert_text(u.path, cases[i].path);
        assert_int_equal(u.port, cases[i].port);
        store_url_done(&u);
    }
}

static void an_at_sign_in_the_path_is_no_user(void **state)
{
    struct store_url u;
    (void)state;
    assert_done(store_url_parse("sftp://host/a@b", &u, &e), &e);
    assert_null(u.user);
    assert_text(u.host, "host");
    assert_text(u.path, "/a@b");
    store_url_done(&u);
    assert_done(store_url_parse("sftp://u@host/a@b?k=c@d", &u, &e), &e);
    assert_text(u.user, "u");
    assert_text(u.path, "/a@b");
    assert_text(store_url_param(&u, "k"), "c@d");
    store_url_done(&u);
}

static void parameters_are_decoded_and_may_repeat(void **state)
{
    struct store_url u;
    static const char *const known[] = {"host-key", "key-file", "empty", "flag", NULL};
    static const char *const fewer[] = {"host-key", "empty", "flag", NULL};
    (void)state;
    assert_done(store_url_parse("sftp://h/?host-key=SHA256:a+/b&host-key=2&key-file=%2Fa%26b"
                                "&empty=&flag&&",
                                &u, &e),
                &e);
    assert_text(store_url_param(&u, "host-key"), "SHA256:a+/b");
    assert_text(store_url_param_nth(&u, "host-key", 1), "2");
    assert_text(store_url_param_nth(&u, "host-key", 2), NULL);
    assert_text(store_url_param(&u, "key-file"), "/a&b");
    assert_text(store_url_param(&u, "empty"), "");
    assert_text(store_url_param(&u, "flag"), "");
    assert_text(store_url_param(&u, "none"), NULL);
    assert_done(store_url_only(&u, known, &e), &e);
    assert_refused(store_url_only(&u, fewer, &e), &e, ERROR_USAGE);
    assert_non_null(strstr(e.text, "key-file"));
    store_url_done(&u);
}

static void a_password_is_refused_and_never_shown(void **state)
{
    static const char *const cases[] = {
        "sftp://user:hunter2@host/path",
        "sftp://:hunter2@host/path",
        "sftp://user:@host/hunter2",
        "sftp://user%3Ahunter2@host/path",
        "sftp://user:hun/hunter2@host/path",
        "sftp://user:hun?hunter2@host/path",
        "sftp://user:12?hunter2@host",
        "sftp://user:12/hunter2@host",
        "sftp://user:hun#hunter2@host",
        "sftp://user:hunter2@@host",
        "sftp://user:hunter2%@host",
        "s3://b/p?endpoint=https://user:hunter2@host",
        "s3://b/p?endpoint=https%3A%2F%2Fuser%3Ahunter2%40host",
    };
    struct store_url u;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_refused(store_url_parse(cases[i], &u, &e), &e, ERROR_USAGE);
        assert_null(strstr(e.text, "hunter2"));
        assert_null(strstr(e.text, "user%3A"));
        assert_non_null(strstr(e.text, "password"));
        assert_non_null(strstr(e.text, "hint: "));
        assert_null(u.scheme);
    }
}

static void what_is_no_url_is_refused_without_being_shown(void **state)
{
    static const char *const cases[] = {
        "",
        "hunter2",
        "sftp",
        "sftp:",
        "sftp:/",
        "sftp:hunter2",
        "://hunter2",
        "1s://hunter2",
        "a-scheme-of-hunter2-that-is-too-long://h",
        "sftp://hun ter2",
        "sftp://hunter2:",
        "sftp://hunter2:0",
        "sftp://hunter2:65536",
        "sftp://hunter2:-1",
        "sftp://hunter2:+1",
        "sftp://hunter2:1x",
        "sftp://hunter2:000022",
        "sftp://@hunter2",
        "sftp://[::1hunter2",
        "sftp://[::1]hunter2",
        "sftp://[hunter2]",
        "sftp://h/hunter2%",
        "sftp://h/hunter2%2",
        "sftp://h/hunter2%0x",
        "sftp://h/hunter2%00",
        "sftp://h/hunter2%0a",
        "sftp://h/hunter2\n",
        "sftp://h/hunter2#x",
        "sftp://h/?=hunter2",
        "sftp://h/?hun ter2=x",
        "sftp://h/?Hunter2=x",
        "sftp://h/?x=hunter2%7f",
    };
    struct store_url u;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_refused(store_url_parse(cases[i], &u, &e), &e, ERROR_USAGE);
        assert_null(strstr(e.text, "hunter2"));
        assert_null(u.scheme);
        assert_int_equal(u.pair_count, 0);
    }
}

static void endless_urls_are_refused(void **state)
{
    struct store_url u;
    size_t len = 100000;
    char *text = malloc(len + 1);
    (void)state;
    assert_non_null(text);
    memset(text, 'a', len);
    text[len] = '\0';
    memcpy(text, "sftp://", 7);
    assert_refused(store_url_parse(text, &u, &e), &e, ERROR_USAGE);
    for (size_t i = 8; i < 8000; i++)
        text[i] = i == 8 ? '?' : i % 2 ? 'x' : '&';
    text[8000] = '\0';
    assert_refused(store_url_parse(text, &u, &e), &e, ERROR_USAGE);
    free(text);
}

static void encoding_keeps_what_it_is_told(void **state)
{
    struct store_url u;
    (void)state;
    char *text = store_url_encode("/a b/\xc3\xa9~%&?#\"@:", "/", &e);
    assert_text(text, "/a%20b/%C3%A9~%25%26%3F%23%22%40%3A");
    char url[200];
    (void)snprintf(url, sizeof url, "sftp://h%s", text);
    free(text);
    assert_done(store_url_parse(url, &u, &e), &e);
    assert_text(u.path, "/a b/\xc3\xa9~%&?#\"@:");
    store_url_done(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_of_a_url_are_found),
        cmocka_unit_test(an_at_sign_in_the_path_is_no_user),
        cmocka_unit_test(parameters_are_decoded_and_may_repeat),
        cmocka_unit_test(a_password_is_refused_and_never_shown),
        cmocka_unit_test(what_is_no_url_is_refused_without_being_shown),
        cmocka_unit_test(endless_urls_are_refused),
        cmocka_unit_test(encoding_keeps_what_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
