/* SPDX-License-Identifier: Apache-2.0 */
/* The frozen codes come from an implementation of its own (Python, big integers, and the check
 * by powers instead of Horner's rule). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "core/repo/recovery.h"

static const char code[] = "04002-0G30G-2GC1R-P\n"
                           "81450-P30D1-R7H04-5\n"
                           "8J2CA-1A5GQ-30CHM-5\n"
                           "6RW3M-F1YJ8-HETR0-M\n";
static const char symbols[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void assert_reads(const char *text)
{
    struct error e = {0};
    struct secret seed;
    assert_int_equal(recovery_read(text, &seed, &e), 0);
    for (int i = 0; i < SECRET_LEN; i++)
        assert_int_equal(seed.key[i], i);
}

/* The code must be refused, with these words in the message, and the seed wiped. */
static void assert_refused(const char *text, const char *words)
{
    static const struct secret zero;
    struct error e = {0};
    struct secret seed = {{1}};
    assert_int_equal(recovery_read(text, &seed, &e), -1);
    assert_int_equal(e.kind, ERROR_KEY);
    if (!strstr(e.text, words))
        fail_msg("\"%s\" does not say \"%s\"", e.text, words);
    assert_memory_equal(&seed, &zero, sizeof zero);
}

static void frozen_codes_are_written_and_read(void **state)
{
    (void)state;
    struct error e = {0};
    struct secret seed;
    char text[RECOVERY_SIZE];
    for (int i = 0; i < SECRET_LEN; i++)
        seed.key[i] = (uint8_t)i;
    assert_int_equal(recovery_write(&seed, text, sizeof text, &e), 0);
    assert_string_equal(text, code);
    assert_reads(code);
    memset(&seed, 0xff, sizeof seed);
    assert_int_equal(recovery_write(&seed, text, sizeof text, &e), 0);
    assert_string_equal(text, "07ZZZ-ZZZZZ-ZZZZZ-Q\n"
                              "ZZZZZ-ZZZZZ-ZZZZZ-M\n"
                              "ZZZZZ-ZZZZZ-ZZZZZ-Q\n"
                              "ZZZZZ-ZZYAF-VFK9G-S\n");
    assert_int_equal(recovery_write(&seed, text, sizeof text - 1, &e), -1);
    assert_int_equal(e.kind, ERROR_USAGE);
}

static void random_seeds_come_back(void **state)
{
    (void)state;
    struct error e = {0};
    for (int i = 0; i < 1000; i++) {
        struct secret seed, back;
        char text[RECOVERY_SIZE];
        assert_int_equal(secret_random(seed.key, sizeof seed.key, &e), 0);
        assert_int_equal(recovery_write(&seed, text, sizeof text, &e), 0);
        assert_int_equal(recovery_read(text, &back, &e), 0);
        assert_memory_equal(&seed, &back, sizeof seed);
    }
}

static void people_may_type_it_their_way(void **state)
{
    (void)state;
    assert_reads("040020G30G2GC1RP81450P30D1R7H0458J2CA1A5GQ30CHM56RW3MF1YJ8HETR0M");
    assert_reads("  o4oo2 0g3og 2gcir p\r\n\r\n8L45O-p3od1-r7ho4-5\t\n"
                 "8j2ca-1a5gq\n-30chm-5\n\n6rw3m-flyj8-hetr0-m");
    assert_reads("04002-0G30G-2GC1R-P 81450-P30D1-R7H04-5 8J2CA-1A5GQ-30CHM-5 "
                 "6RW3M-F1YJ8-HETR0-M");
}

static void every_wrong_symbol_is_found_and_its_line_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof code - 1; i++) {
        if (!strchr(symbols, code[i]))
            continue;
        char words[40];
        (void)snprintf(words, sizeof words, "line %zu is mistyped", i / 20 + 1);
        for (const char *s = symbols; *s; s++) {
            char text[sizeof code];
            memcpy(text, code, sizeof code);
            text[i] = *s;
            if (*s != code[i])
                assert_refused(text, words);
        }
    }
}

static void every_two_symbols_that_changed_places_are_found(void **state)
{
    (void)state;
    for (size_t line = 0; line < 80; line += 20) {
        for (size_t i = line; i < line + 19; i++) {
            for (size_t j = i + 1; j < line + 19; j++) {
                char text[sizeof code];
                memcpy(text, code, sizeof code);
                if (code[i] == '-' || code[j] == '-' || code[i] == code[j])
                    continue;
                text[i] = code[j];
                text[j] = code[i];
                char words[40];
                (void)snprintf(words, sizeof words, "line %zu is mistyped", line / 20 + 1);
                assert_refused(text, words);
            }
        }
    }
}

static void lines_in_another_order_are_found(void **state)
{
    (void)state;
    for (size_t a = 0; a < 4; a++) {
        for (size_t b = a + 1; b < 4; b++) {
            char text[sizeof code], words[40];
            memcpy(text, code, sizeof code);
            memcpy(text + 20 * a, code + 20 * b, 20);
            memcpy(text + 20 * b, code + 20 * a, 20);
            (void)snprintf(words, sizeof words, "line %zu is mistyped", a + 1);
            assert_refused(text, words);
        }
    }
}

static void missing_and_surplus_symbols_are_found(void **state)
{
    (void)state;
    char text[2 * sizeof code];
    for (size_t i = 0; i < sizeof code - 1; i++) {
        char words[60];
        if (!strchr(symbols, code[i]))
            continue;
        memcpy(text, code, i);
        memcpy(text + i, code + i + 1, sizeof code - i - 1);
        (void)snprintf(words, sizeof words, "line %zu is mistyped: 15 char", i / 20 + 1);
        assert_refused(text, words);
        memcpy(text, code, i);
        text[i] = '7';
        memcpy(text + i + 1, code + i, sizeof code - i);
        (void)snprintf(words, sizeof words, "line %zu is mistyped: 17 char", i / 20 + 1);
        assert_refused(text, words);
    }
    assert_refused("", "0 characters, expected 64");
    assert_refused("04002-0G30G-2GC1R-P\n", "16 characters, expected 64");
    (void)snprintf(text, sizeof text, "%s%s", code, code);
    assert_refused(text, "128 characters, expected 64");
}

static void characters_that_no_code_has_are_named(void **state)
{
    (void)state;
    static const char strange[] = "U*.\xc3\x01";
    for (const char *s = strange; *s; s++) {
        char text[sizeof code];
        memcpy(text, code, sizeof code);
        text[41] = *s;
        assert_refused(text, "line 3 is mistyped: it never has a ");
        text[41] = code[41];
        text[60] = *s;
        assert_refused(text, "line 4 is mistyped: it never has a ");
    }
    assert_refused("040020G30G2GC1RP81450P30D1R7H0458J2CA1A5UQ", "line 3 is mistyped");
}

static void a_code_of_a_newer_version_is_not_called_mistyped(void **state)
{
    (void)state;
    struct error e = {0};
    struct secret seed;
    assert_int_equal(recovery_read("08002-0G30G-2GC1R-Y\n81450-P30D1-R7H04-5\n"
                                   "8J2CA-1A5GQ-30CHM-5\n6RW3M-F1Y4G-Y07YG-C\n",
                                   &seed, &e),
                     -1);
    assert_int_equal(e.kind, ERROR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen_codes_are_written_and_read),
        cmocka_unit_test(random_seeds_come_back),
        cmocka_unit_test(people_may_type_it_their_way),
        cmocka_unit_test(every_wrong_symbol_is_found_and_its_line_named),
        cmocka_unit_test(every_two_symbols_that_changed_places_are_found),
        cmocka_unit_test(lines_in_another_order_are_found),
        cmocka_unit_test(missing_and_surplus_symbols_are_found),
        cmocka_unit_test(characters_that_no_code_has_are_named),
        cmocka_unit_test(a_code_of_a_newer_version_is_not_called_mistyped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
