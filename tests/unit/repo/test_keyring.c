/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: RFC 8032 section 7.1, TEST 1, 2, 3 and SHA(abc) (IETF Trust, BSD licence for code
 * components); a signature with s + L of Wycheproof, ed25519_test.json (C2SP, Apache-2.0). The
 * derived keys are frozen: the format's known answers, recomputed with Python's HMAC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/digest.h"
#include "core/base/str.h"
#include "core/repo/envelope.h"
#include "core/repo/keyring.h"

static void unhex(const char *text, void *out)
{
    assert_true(str_unhex(out, strlen(text) / 2, text));
}

static void assert_hex(const void *data, size_t len, const char *want)
{
    char hex[2 * 64 + 1];
    str_hex(hex, data, len);
    assert_string_equal(hex, want);
}

static struct secret seed_of_vector(void)
{
    struct secret seed;
    for (int i = 0; i < SECRET_LEN; i++)
        seed.key[i] = (uint8_t)i;
    return seed;
}

static void first_epoch_gives_the_known_answers(void **state)
{
    (void)state;
    struct error e = {0};
    const struct secret seed = seed_of_vector();
    struct secret key;
    uint8_t public_key[32];
    assert_int_equal(keyring_reader_key(&seed, 0, &key, &e), 0);
    assert_hex(key.key, 32, "b1d799d6d5545000694916f37ba95933193f4409d6744803592fe243a92d8710");
    assert_int_equal(envelope_public_key(&key, public_key, &e), 0);
    assert_hex(public_key, 32,
               "4551e0562ce380d060676ee0e926843beaacbe111581fa6014aa6f6e3f156614");
    assert_int_equal(keyring_psk(&seed, 0, &key, &e), 0);
    assert_hex(key.key, 32, "06540b6d821ddcd637f8d677022d2fb871dfd226fa15dfa00e8b0b3266e6f154");
}

static void labels_without_a_domain_give_the_known_answers(void **state)
{
    (void)state;
    struct error e = {0};
    const struct secret seed = seed_of_vector();
    struct secret key;
    uint8_t id[DIGEST_LEN];
    struct bytes none = bytes_of(NULL, 0);
    assert_int_equal(digest_expand(&seed, "pgkeep/v1/chunker", none, key.key, 32, &e), 0);
    assert_hex(key.key, 32, "0b056df4b4a096e1b4e8ce3dc1cdc7fc4215e1b4faec73dc087f3ba7f21b4266");
    assert_int_equal(digest_expand(&seed, "pgkeep/v1/chunk-id", none, key.key, 32, &e), 0);
    assert_hex(key.key, 32, "79da9e6f8cf6aac5f0d15a78d82fadf38643aff9b4ee2ea19e59613415595606");
    struct digest_hmac *h = digest_hmac_new(&key, &e);
    assert_non_null(h);
    assert_int_equal(digest_hmac_of(h, bytes_text("hello, "), bytes_text("chunk"), id, &e), 0);
    assert_hex(id, sizeof id,
               "7b9f10c9fff8c213d1eac7850f7c9780fdc0de0b66f31097cec8b5e846d48fef");
    digest_hmac_free(h);
}

static void later_epochs_admin_and_domain_are_frozen(void **state)
{
    (void)state;
    struct error e = {0};
    const struct secret seed = seed_of_vector();
    struct secret key;
    struct keyring_domain d;
    uint8_t domain[16];
    for (int i = 0; i < 16; i++)
        domain[i] = (uint8_t)(0xa0 + i);
    assert_int_equal(keyring_reader_key(&seed, 7, &key, &e), 0);
    assert_hex(key.key, 32, "f8312d59d7f38d2da50de4503a0d8a10657c979e8e118f421570141a7d4b2761");
    assert_int_equal(keyring_psk(&seed, 7, &key, &e), 0);
    assert_hex(key.key, 32, "dfb048d8174a3d301aeecd998235c6abe6c09c5a5dd613d8ff6d6e46eb36ca0b");
    assert_int_equal(keyring_admin_key(&seed, &key, &e), 0);
    assert_hex(key.key, 32, "94cda9077153c70ba7aba8bf19e87a1e1d2a19f603e0dfadf0ef15b0c715d4fa");
    assert_int_equal(keyring_domain(&seed, domain, &d, &e), 0);
    assert_memory_equal(d.id, domain, 16);
    assert_hex(d.chunk_id.key, 32,
               "2c1913e4c249ec0a9a323ef0264d2383fbb7241ff5799ec1726df94f55ec392e");
    assert_hex(d.gear.key, 32,
               "441b925f08fb6f3a959001ede57b8190c4bf9354336e1fd1cab8944fd3d410bb");
    assert_hex(d.row_key, 16, "62b0c7f440e1e8ab13ee5df91b9dbf62");
    assert_int_equal(keyring_index_key(&d.chunk_id, &key, &e), 0);
    assert_hex(key.key, 32, "30bd3a9efa4bdfe8b973d3aa487f2f51f69b2b6592f63b81de6c5c8374c3845a");
    static const struct keyring_domain zero;
    keyring_domain_wipe(&d);
    assert_memory_equal(&d, &zero, sizeof zero);
}

static const struct {
    const char *seed;
    const char *public_key;
    const char *message;
    const char *signature;
} vectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
     "1cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
     "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760"
     "984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23"
     "a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c6"
     "6431e0303dca179c138ac17ad9bef1177331a704"},
};

static void signatures_are_those_of_rfc_8032(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        struct error e = {0};
        struct secret seed;
        uint8_t public_key[32], message[64], signature[64];
        struct bytes m = bytes_of(message, strlen(vectors[i].message) / 2);
        unhex(vectors[i].seed, seed.key);
        unhex(vectors[i].message, message);
        assert_int_equal(keyring_sign_public(&seed, public_key, &e), 0);
        assert_hex(public_key, 32, vectors[i].public_key);
        assert_int_equal(keyring_sign(&seed, m, signature, &e), 0);
        assert_hex(signature, 64, vectors[i].signature);
        assert_int_equal(keyring_verify(public_key, m, signature, &e), 0);
    }
}

static void assert_wrong(const uint8_t *public_key, struct bytes m, const uint8_t *signature)
{
    struct error e = {0};
    assert_int_equal(keyring_verify(public_key, m, signature, &e), -1);
    assert_int_equal(e.kind, ERROR_CORRUPT);
}

static void every_flipped_bit_makes_a_signature_wrong(void **state)
{
    (void)state;
    struct error e = {0};
    const struct secret seed = seed_of_vector();
    uint8_t public_key[32], signature[64];
    uint8_t text[] = "pgkeep/v1/manifest";
    struct bytes m = bytes_of(text, sizeof text);
    assert_int_equal(keyring_sign_public(&seed, public_key, &e), 0);
    assert_int_equal(keyring_sign(&seed, m, signature, &e), 0);
    for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_wrong(public_key, m, signature);
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof text; bit++) {
        text[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_wrong(public_key, m, signature);
        text[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof public_key; bit++) {
        public_key[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_wrong(public_key, m, signature);
        public_key[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_wrong(public_key, bytes_of(text, sizeof text - 1), signature);
    assert_int_equal(keyring_verify(public_key, m, signature, &e), 0);
}

static void a_signature_has_one_form_only(void **state)
{
    (void)state;
    uint8_t public_key[32], signature[64];
    unhex("7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa", public_key);
    unhex("7c38e026f29e14aabd059a0f2db8b0cd783040609a8be684db12f82a27774ab067654bce3832c2d76f8f"
          "6f5dafc08d9339d4eef676573336a5c51eb6f946b31d",
          signature);
    assert_wrong(public_key, bytes_text("Test"), signature);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_epoch_gives_the_known_answers),
        cmocka_unit_test(labels_without_a_domain_give_the_known_answers),
        cmocka_unit_test(later_epochs_admin_and_domain_are_frozen),
        cmocka_unit_test(signatures_are_those_of_rfc_8032),
        cmocka_unit_test(every_flipped_bit_makes_a_signature_wrong),
        cmocka_unit_test(a_signature_has_one_form_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
