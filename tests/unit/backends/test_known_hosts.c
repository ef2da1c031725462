/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, fingerprints and hashed lines were made by ssh-keygen of OpenSSH 9.2. */
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/known_hosts.h"
#include "core/base/file.h"
#include "tests/support/scratch.h"

#define ED                                                                                     \
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIANuqJ6rpj15ko7a+vs03x5rEV91W5CE4VyNmhAR"             \
    "aDhW"
#define EC                                                                                     \
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAiM"             \
    "M5/8YmqqelAIFAWHdbeeu1hnNWXnZSCpY43ooAwdEj8qlNACOJZM83iVA7t0EtjiD+mJ8Srjseu5"             \
    "VqQHbiA="
#define RSA                                                                                    \
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCHp6m5l2B5yfsLAZDX5QfGE+T89vFUHU8Fjug7"             \
    "a5e0vZWvRFR1lPGqPJoSixfkSs2qOXsNuFwlFCGer4b13Didt/mD4kc6flszTT0QVoFBRvDGuqoQ"             \
    "/3QUScX5UmoVkuMh7Xen2mB435DTC6eunkt49YjR4wwu49Bw5jTR7foGSBXRkyDSh3pvZ9+7/SUf"             \
    "s8+4NRtzU2UWI+bRqh/SajQTk+9lLMlFFQvN4EX3nVGdZVSdTy86MJK4tL+ScI6RtWoNy3YA/pCK"             \
    "ZmUyWDdHYvRBMDWuveVOmgca/hK1pV/ill6vXnKpZ6EvIufPe4iqcfvY1ncXp1McieExSzLL0d9V"
#define ED_PRINT "SHA256:Ea5m7KOKyOCtCtSWKLSjusp3XmpN3Q8tRw02Q6Um8Z8"
#define EC_PRINT "SHA256:QvZRPlBkoj7GHsRHtQl7QDzcz6S47Gqt3sn+fE3AvSw"
#define RSA_PRINT "SHA256:cPmP1UALfeFg3wCia12Iv77Dkn8TEckWnHws6lTlBCM"
/* example.com and [example.com]:2222 */
#define HASHED "|1|0je3Z/kMtFEUOiVXg0y5c/ZrQnc=|x36OpbHkYYnbf3R4Ihud9jtm9Yw= "
#define HASHED_PORT "|1|SQQh2YeTJyWOvRHyRRZ6HrT3sEg=|+lKxh9fhDGL4ixWRrdEFecpntZM= "

static struct error e;

static struct known_hosts parse(const char *text, const char *host, uint16_t port)
{
    struct known_hosts k = {0};
    assert_done(known_hosts_add(&k, bytes_text(text), host, port, &e), &e);
    return k;
}

/* The verdict on the key with that fingerprint. */
static enum known_hosts_verdict verdict_of(const struct known_hosts *k, const char *print)
{
    struct known_hosts pin = {0};
    assert_done(known_hosts_pin(&pin, print, &e), &e);
    enum known_hosts_verdict v = known_hosts_check(k, pin.keys[0].sha256);
    known_hosts_done(&pin);
    return v;
}

static bool trusts(const char *text, const char *host, uint16_t port, const char *print)
{
    struct known_hosts k = parse(text, host, port);
    enum known_hosts_verdict v = verdict_of(&k, print);
    known_hosts_done(&k);
    assert_true(v == KNOWN_HOSTS_TRUSTED || v == KNOWN_HOSTS_UNKNOWN);
    return v == KNOWN_HOSTS_TRUSTED;
}

static void fingerprints_are_those_of_ssh_keygen(void **state)
{
    static const char *const prints[] = {ED_PRINT, EC_PRINT, RSA_PRINT};
    struct known_hosts k = parse("h " ED "\nh " EC "\nh " RSA " comment", "h", 22);
    (void)state;
    assert_int_equal(k.count, 3);
    for (size_t i = 0; i < 3; i++) {
        char text[KNOWN_HOSTS_FINGERPRINT];
        known_hosts_fingerprint(text, k.keys[i].sha256);
        assert_string_equal(text, prints[i]);
        assert_int_equal(verdict_of(&k, prints[i]), KNOWN_HOSTS_TRUSTED);
    }
    assert_true(known_hosts_has(&k, KNOWN_HOSTS_ED25519));
    assert_true(known_hosts_has(&k, KNOWN_HOSTS_ECDSA_256));
    assert_false(known_hosts_has(&k, KNOWN_HOSTS_ECDSA_384));
    assert_true(known_hosts_has(&k, KNOWN_HOSTS_RSA));
    assert_string_equal(known_hosts_name(KNOWN_HOSTS_RSA), "ssh-rsa");
    known_hosts_done(&k);
}

static void a_line_counts_for_the_hosts_that_it_names(void **state)
{
    static const struct {
        const char *hosts, *host;
        uint16_t port;
        bool yes;
    } cases[] = {
        {"h", "h", 22, true},
        {"h", "H", 22, true},
        {"H", "h", 22, true},
        {"h", "hh", 22, false},
        {"hh", "h", 22, false},
        {"a,h,b", "h", 22, true},
        {"a,b", "h", 22, false},
        {",,h", "h", 22, true},
        {"*.example.com", "a.b.example.com", 22, true},
        {"*.example.com", "example.com", 22, false},
        {"h?st", "host", 22, true},
        {"h?st", "hst", 22, false},
        {"*", "host", 22, true},
        {"h*t*t", "hosttest", 22, true},
        {"h*t*x", "hosttest", 22, false},
        {"*,!host", "host", 22, false},
        {"!host,*", "host", 22, false},
        {"!host", "other", 22, false},
        {"*.com,!bad.*", "good.com", 22, true},
        {"*.com,!bad.*", "bad.com", 22, false},
        {"[h]:2222", "h", 2222, true},
        {"[h]:2222", "h", 22, false},
        {"[h]:2222", "h", 2223, false},
        {"[h]:22", "h", 22, false},
        {"h", "h", 2222, true}, /* as ssh, where nothing names the port */
        {"[::1]:2222", "::1", 2222, true},
        {"::1", "::1", 22, true},
        {"", "h", 22, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char line[500];
        (void)snprintf(line, sizeof line, "%s " ED "\n", cases[i].hosts);
        if (trusts(line, cases[i].host, cases[i].port, ED_PRINT) != cases[i].yes)
            fail_msg("%s for %s, port %u", cases[i].hosts, cases[i].host, cases[i].port);
    }
}

static void a_line_with_the_port_outweighs_one_without(void **state)
{
    (void)state;
    assert_true(trusts("h " ED "\n[h]:2222 " EC "\n", "h", 2222, EC_PRINT));
    assert_false(trusts("h " ED "\n[h]:2222 " EC "\n", "h", 2222, ED_PRINT));
    assert_true(trusts("h " ED "\n[h]:2222 " EC "\n", "h", 22, ED_PRINT));
}

static void hashed_names_are_found(void **state)
{
    (void)state;
    assert_true(trusts(HASHED ED "\n", "example.com", 22, ED_PRINT));
    assert_true(trusts(HASHED ED "\n", "Example.COM", 22, ED_PRINT));
    assert_false(trusts(HASHED ED "\n", "example.org", 22, ED_PRINT));
    assert_true(trusts(HASHED_PORT EC "\n", "example.com", 2222, EC_PRINT));
    assert_false(trusts(HASHED_PORT EC "\n", "example.com", 22, EC_PRINT));
    assert_false(
        trusts("|1||x36OpbHkYYnbf3R4Ihud9jtm9Yw= " ED "\n", "example.com", 22, ED_PRINT));
    assert_false(trusts("|1|0je3Z/kMtFEUOiVXg0y5c/ZrQnc=|x36OpbHk " ED "\n", "example.com", 22,
                        ED_PRINT));
    assert_false(trusts("|1|0je3Z " ED "\n", "example.com", 22, ED_PRINT));
    assert_false(trusts("|2|x|y " ED "\n", "example.com", 22, ED_PRINT));
}

static void a_revoked_key_is_revoked_whatever_else_is_said(void **state)
{
    (void)state;
    struct known_hosts k = parse("h " ED "\n@revoked * " ED "\nh " ED "\nh " EC, "h", 22);
    assert_int_equal(verdict_of(&k, ED_PRINT), KNOWN_HOSTS_REVOKED);
    assert_int_equal(verdict_of(&k, EC_PRINT), KNOWN_HOSTS_TRUSTED);
    known_hosts_done(&k);
    k = parse("@revoked * " ED "\nh " EC, "h", 2222);
    assert_false(known_hosts_has(&k, KNOWN_HOSTS_ED25519));
    assert_int_equal(verdict_of(&k, EC_PRINT), KNOWN_HOSTS_TRUSTED);
    assert_int_equal(verdict_of(&k, ED_PRINT), KNOWN_HOSTS_REVOKED);
    known_hosts_done(&k);
    k = parse("@revoked other " ED "\nh " ED, "h", 22);
    assert_int_equal(verdict_of(&k, ED_PRINT), KNOWN_HOSTS_TRUSTED);
    known_hosts_done(&k);
}

static void an_authority_is_no_key(void **state)
{
    (void)state;
    struct known_hosts k = parse("@cert-authority *.com " ED "\n", "a.com", 22);
    assert_true(k.authority);
    assert_int_equal(k.count, 0);
    known_hosts_done(&k);
    k = parse("@cert-authority *.org " ED "\n@unknown a.com " ED, "a.com", 22);
    assert_false(k.authority);
    assert_int_equal(k.count, 0);
    known_hosts_done(&k);
}

static void lines_that_mean_nothing_are_skipped(void **state)
{
    static const char text[] =
        "\n\r\n   \n# h " ED "\nh\nh ssh-ed25519\nh ssh-ed25519 !!!!\n"
        "h ssh-ed25519 AAAA\nh ssh-dss AAAAB3NzaC1kc3M=\n"
        "h sk-ssh-ed25519@openssh.com AAAA\nh 1024 35 1234\n@revoked\n"
        "h ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIANuqJ6rpj15ko7a+vs03x5rEV91\n"
        "\t h \t " EC "\t\r\n";
    (void)state;
    struct known_hosts k = parse(text, "h", 22);
    assert_int_equal(k.count, 1);
    assert_int_equal(verdict_of(&k, EC_PRINT), KNOWN_HOSTS_TRUSTED);
    known_hosts_done(&k);
}

static void pins_are_fingerprints_with_commas_between(void **state)
{
    static const char *const wrong[] = {
        "",
        "SHA256:",
        "Ea5m7KOKyOCtCtSWKLSjusp3XmpN3Q8tRw02Q6Um8Z8",
        "MD5:Ea5m7KOKyOCtCtSWKLSjusp3XmpN3Q8tRw02Q6Um8Z8",
        "SHA256:Ea5m7KOKyOCtCtSWKLSjusp3XmpN3Q8tRw02Q6Um8Z",
        "SHA256:Ea5m7KOKyOCtCtSWKLSjusp3XmpN3Q8tRw02Q6Um8Z88",
        "SHA256:Ea5m7KOKyOCtCtSWKLSjusp3XmpN3Q8tRw02Q6Um8 8",
        (ED_PRINT ","),
        ("," ED_PRINT),
    };
    struct known_hosts k = {0};
    (void)state;
    assert_done(known_hosts_pin(&k, ED_PRINT "," RSA_PRINT "=", &e), &e);
    assert_int_equal(k.count, 2);
    assert_int_equal(verdict_of(&k, RSA_PRINT), KNOWN_HOSTS_TRUSTED);
    assert_int_equal(verdict_of(&k, EC_PRINT), KNOWN_HOSTS_UNKNOWN);
    assert_true(known_hosts_has(&k, KNOWN_HOSTS_ECDSA_521)); /* it may be of any type */
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_refused(known_hosts_pin(&k, wrong[i], &e), &e, ERROR_USAGE);
        assert_non_null(strstr(e.text, "hint: "));
    }
    known_hosts_done(&k);
}

static void a_file_that_is_absent_is_an_answer(void **state)
{
    char folder[SCRATCH_PATH];
    char path[SCRATCH_PATH];
    struct known_hosts k = {0};
    (void)state;
    scratch_make(folder);
    scratch_path(path, folder, "known_hosts");
    assert_int_equal(known_hosts_load(&k, path, "h", 22, &e), KNOWN_HOSTS_ABSENT);
    assert_done(file_replace(path, bytes_text("h " ED), 0644, &e), &e);
    assert_done(known_hosts_load(&k, path, "h", 22, &e), &e);
    assert_int_equal(k.count, 1);
    assert_refused(known_hosts_load(&k, folder, "h", 22, &e), &e, ERROR_IO);
    known_hosts_done(&k);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints_are_those_of_ssh_keygen),
        cmocka_unit_test(a_line_counts_for_the_hosts_that_it_names),
        cmocka_unit_test(a_line_with_the_port_outweighs_one_without),
        cmocka_unit_test(hashed_names_are_found),
        cmocka_unit_test(a_revoked_key_is_revoked_whatever_else_is_said),
        cmocka_unit_test(an_authority_is_no_key),
        cmocka_unit_test(lines_that_mean_nothing_are_skipped),
        cmocka_unit_test(pins_are_fingerprints_with_commas_between),
        cmocka_unit_test(a_file_that_is_absent_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
