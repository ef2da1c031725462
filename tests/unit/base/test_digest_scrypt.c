/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: RFC 7914 section 12 (IETF Trust, BSD licence for code components). The document
 * gives 64 bytes; scrypt's output is PBKDF2's, whose first 32 bytes do not depend on how many
 * are asked for, so the first halves are compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/digest.h"
#include "core/base/str.h"

static const struct {
    const char *passphrase;
    const char *salt;
    unsigned log2n;
    unsigned r;
    unsigned p;
    const char *key;
} vectors[] = {
    {"", "", 4, 1, 1, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"},
    {"password", "NaCl", 10, 8, 16,
     "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"},
    {"pleaseletmein", "SodiumChloride", 14, 8, 1,
     "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"},
};

static void scrypt_gives_the_rfc_7914_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        struct error e = {0};
        struct secret key;
        char hex[2 * SECRET_LEN + 1];
        const struct digest_scrypt_cost cost = {vectors[i].log2n, vectors[i].r, vectors[i].p};
        assert_int_equal(digest_scrypt(bytes_text(vectors[i].passphrase),
                                       bytes_text(vectors[i].salt), &cost, &key, &e),
                         0);
        str_hex(hex, key.key, sizeof key.key);
        assert_string_equal(hex, vectors[i].key);
    }
}

static void scrypt_takes_more_than_the_library_allows_unasked(void **state)
{
    (void)state;
    struct error e = {0};
    struct secret key;
    /* 64 MiB, where OpenSSL stops at 32 unless told. */
    const struct digest_scrypt_cost cost = {16, 8, 1};
    assert_int_equal(digest_scrypt(bytes_text("p"), bytes_text("s"), &cost, &key, &e), 0);
}

static void scrypt_refuses_parameters_out_of_range(void **state)
{
    (void)state;
    static const unsigned bad[][3] = {
        {0, 8, 1},  {31, 1, 1},  {64, 8, 1}, {15, 0, 1}, {15, 17, 1},
        {15, 8, 0}, {15, 8, 17}, {16, 1, 1}, {21, 8, 1}, {UINT32_MAX, 8, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error e = {0};
        struct secret key;
        const struct digest_scrypt_cost cost = {bad[i][0], bad[i][1], bad[i][2]};
        assert_int_equal(digest_scrypt(bytes_text("p"), bytes_text("s"), &cost, &key, &e), -1);
        assert_int_equal(e.kind, ERROR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scrypt_gives_the_rfc_7914_values),
        cmocka_unit_test(scrypt_takes_more_than_the_library_allows_unasked),
        cmocka_unit_test(scrypt_refuses_parameters_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
