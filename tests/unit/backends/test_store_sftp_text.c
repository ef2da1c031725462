/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "backends/store_sftp_text.h"
#include "core/base/clock.h"

static struct error e;

static int64_t seconds_of(const char *text)
{
    int64_t us;
    assert_true(clock_parse(text, &us));
    return us / 1000000;
}

static void lines_of_known_servers_are_read(void **state)
{
    static const struct {
        const char *line;
        char type;
        uint64_t size;
        const char *time;
        const char *name;
    } cases[] = {
        {"-rwxr-xr-x   1 mjos     staff      348911 Mar 25 14:29 t-filexfer", '-', 348911,
         "2026-03-25T14:29:00Z", "t-filexfer"}, /* the draft's own example */
        {"-rw-------    1 root     root       100000 Nov 25 08:32 f", '-', 100000,
         "2025-11-25T08:32:00Z", "f"},
        {"drwx------    2 1000     1000         4096 Jun  1 23:59 .", 'd', 4096,
         "2026-06-01T23:59:00Z", "."},
        {"-rw-r--r-- 1 u g 0 Feb 29  2024  leading blank", '-', 0, "2024-02-29T00:00:00Z",
         " leading blank"},
        {"-rw-r--r--+ 1 u g 9223372036854775807 Jan 1 1970 x", '-', INT64_MAX,
         "1970-01-01T00:00:00Z", "x"},
        {"lrwxrwxrwx    1 0        0               4 Dec 31 00:00 a -> b", 'l', 4,
         "2025-12-31T00:00:00Z", "a -> b"},
        {"-rwSr-sr-T 1 u g 1 Jun 30 10:00 Jun 30 10:00 x", '-', 1, "2026-06-30T10:00:00Z",
         "Jun 30 10:00 x"},
    };
    (void)state;
    int64_t now_s = seconds_of("2026-06-30T12:00:00Z");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct store_sftp_line l;
        if (!store_sftp_text_line(bytes_text(cases[i].line), now_s, &l))
            fail_msg("%s", cases[i].line);
        assert_int_equal(l.type, cases[i].type);
        assert_true(l.size == cases[i].size);
        assert_int_equal(l.time_s, seconds_of(cases[i].time));
        assert_int_equal(l.clock, i != 3 && i != 4); /* those tell a year */
        assert_true(bytes_equal(l.name, bytes_text(cases[i].name)));
    }
}

/* A server's zone may be ahead of UTC: its clock then shows tomorrow, not last year. */
static void the_year_is_the_last_one_possible(void **state)
{
    struct store_sftp_line l;
    static const char line[] = "-rw-r--r-- 1 u g 1 Jan  1 05:30 x";
    (void)state;
    assert_true(store_sftp_text_line(bytes_text(line), seconds_of("2026-01-01T00:01:00Z"), &l));
    assert_int_equal(l.time_s, seconds_of("2026-01-01T05:30:00Z"));
    assert_true(store_sftp_text_line(bytes_text(line), seconds_of("2025-12-31T23:59:00Z"), &l));
    assert_int_equal(l.time_s, seconds_of("2026-01-01T05:30:00Z"));
    assert_true(store_sftp_text_line(bytes_text(line), seconds_of("2025-12-30T23:59:00Z"), &l));
    assert_int_equal(l.time_s, seconds_of("2025-01-01T05:30:00Z"));
}

static void other_lines_are_no_lines(void **state)
{
    static const char *const cases[] = {
        "",
        "total 12",
        "name",
        "-rw-r--r-- 1 u g 1 Jan  1 05:30 ",
        "-rw-r--r-- 1 u g 1 Jan  1 05:30",
        "-rw-r--r-- 1 u g 1 Jan  1",
        "-rw-r--r-- 1 u g -1 Jan  1 05:30 x",
        "-rw-r--r-- 1 u g 9223372036854775808 Jan  1 05:30 x",
        "-rw-r--r-- 1 u g 99999999999999999999999999 Jan  1 05:30 x",
        "-rw-r--r-- 1 u g 1 jan  1 05:30 x",
        "-rw-r--r-- 1 u g 1 Jan  0 05:30 x",
        "-rw-r--r-- 1 u g 1 Jan 32 05:30 x",
        "-rw-r--r-- 1 u g 1 Jan  1 24:30 x",
        "-rw-r--r-- 1 u g 1 Jan  1 05:60 x",
        "-rw-r--r-- 1 u g 1 Jan  1 5:30 x",
        "-rw-r--r-- 1 u g 1 Jan  1 1969 x",
        "-rw-r--r-- x u g 1 Jan  1 05:30 x",
        "-rw-r--r 1 u g 1 Jan  1 05:30 x",
        "-rw-r--r--xx 1 u g 1 Jan  1 05:30 x",
        "?rw-r--r-- 1 u g 1 Jan  1 05:30 x",
        "-rw-r--q-- 1 u g 1 Jan  1 05:30 x",
        "01-25-26  05:30AM       1 x",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct store_sftp_line l;
        if (store_sftp_text_line(bytes_text(cases[i]), 1782820800, &l))
            fail_msg("%s", cases[i]);
    }
    struct store_sftp_line l;
    assert_false(store_sftp_text_line((struct bytes){0}, 0, &l));
}

static void commands_are_quoted(void **state)
{
    (void)state;
    char *c = store_sftp_text_command("rename", false, "/a b/\"c\\", "/d'", &e);
    assert_string_equal(c, "rename \"/a b/\\\"c\\\\\" \"/d'\"");
    free(c);
    c = store_sftp_text_command("rm", true, "/x", NULL, &e);
    assert_string_equal(c, "*rm \"/x\"");
    free(c);
}

static void free_space_is_read(void **state)
{
    uint64_t n;
    (void)state;
    assert_true(store_sftp_text_free(
        bytes_text("statvfs:\nf_bsize: 4096\nf_frsize: 1024\nf_bavail: 17\n"), &n));
    assert_int_equal(n, 17 * 1024);
    assert_true(store_sftp_text_free(
        bytes_text("f_frsize: 18446744073709551615\nf_bavail: 18446744073709551615\n"), &n));
    assert_true(n == UINT64_MAX);
    assert_false(store_sftp_text_free(bytes_text("f_frsize: 1\nf_bavail: x"), &n));
    assert_false(store_sftp_text_free(bytes_text("f_frsize: 1\nf_bavail: "), &n));
    assert_false(store_sftp_text_free((struct bytes){0}, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_known_servers_are_read),
        cmocka_unit_test(the_year_is_the_last_one_possible),
        cmocka_unit_test(other_lines_are_no_lines),
        cmocka_unit_test(commands_are_quoted),
        cmocka_unit_test(free_space_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
