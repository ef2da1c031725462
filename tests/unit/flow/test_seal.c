/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: Wycheproof, testvectors_v1/aes_gcm_test.json (C2SP, Apache-2.0), those with a
 * 256-bit key, 96-bit nonce and 128-bit tag, a selection by length and kind; and test cases 13
 * and 14 of McGrew and Viega, "The Galois/Counter Mode of Operation", as submitted to NIST. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "core/flow/seal.h"

static const struct {
    int id; /* tcId */
    bool valid;
    const char *key;
    const char *nonce;
    const char *aad;
    const char *plain;
    const char *sealed; /* ciphertext and tag */
} vectors[] = {
    /* clang-format off */
    {91, true,
     "92ace3e348cd821092cd921aa3546374299ab46209691bc28b8752d17f123c20",
     "00112233445566778899aabb",
     "00000000ffffffff",
     "00010203040506070809",
     "e27abdd2d2a53d2f136b9a4a2579529301bcfb71c78d4060f52c"},
    {92, true,
     "29d3a44f8723dc640239100c365423a312934ac80239212ac3df3421a2098123",
     "00112233445566778899aabb",
     "aabbccddeeff",
     "",
     "2a7d77fa526b8250cb296078926b5020"},
    {93, true,
     "80ba3192c803ce965ea371d5ff073cf0f43b6a2ab576b208426e11409c09b9b0",
     "4da5bf8dfd5852c1ea12379d",
     "",
     "",
     "4771a7c404a472966cea8f73c8bfe17a"},
    {94, true,
     "cc56b680552eb75008f5484b4cb803fa5063ebd6eab91f6ab6aef4916a766273",
     "99e23ec48985bccdeeab60f1",
     "",
     "2a",
     "06633c1e9703ef744ffffb40edf9d14355"},
    {96, true,
     "67119627bd988eda906219e08c0d0d779a07d208ce8a4fe0709af755eeec6dcb",
     "68ab7fdbf61901dad461d23c",
     "",
     "51f8c1f731ea14acdb210a6d973e07",
     "43fc101bff4b32bfadd3daf57a590eec04aacb7148a8b8be44cb7eaf4efa69"},
    {97, true,
     "59d4eafb4de0cfc7d3db99a8f54b15d7b39f0acc8da69763b019c1699f87674a",
     "2fcb1b38a99e71b84740ad9b",
     "",
     "549b365af913f3b081131ccb6b825588",
     "f58c16690122d75356907fd96b570fca28752c20153092818faba2a334640d6e"},
    {98, true,
     "3b2458d8176e1621c0cc24c0c0e24c1e80d72f7ee9149a4b166176629616d011",
     "45aaa3e5d16d2d42dc03445d",
     "",
     "3ff1514b1c503915918f0c0c31094a6e1f",
     "73a6b6f45f6ccc5131e07f2caa1f2e2f562d7379ec1db5952d4e95d30c340b1b1d"},
    {103, true,
     "ff0089ee870a4a39f645b0a5da774f7a5911e9696fc9cad646452c2aa8595a12",
     "bc2a7757d0ce2d8b1f14ccd9",
     "972ab4e06390caae8f99dd6e2187be6c7ff2c08a24be16ef",
     "748b28031621d95ee61812b4b4f47d04c6fc2ff3",
     "a929ee7e67c7a2f91bbcec6389a3caf43ab49305ebec6774b955e789591c822dab739e12"},
    {106, true,
     "81b6b27e5ed90ab99fe6756d4cb41e3f07269687f5afabdb426e29096b5e4466",
     "13e727486031cca21f733375",
     "",
     "9a95a23cfb1e35d89a7597570df0fb0efcbb7429f53bebcbbfa49fa247b251a8508ad497066855d0"
     "8688576188e4ffb12d1d084dcabec3d57806daf215dcc97edd",
     "7ede7368bca3c93d9f1d7f7750d6e44b1cb92c30e3c9834b0b69efd2470911644ae6f6d75715e13a"
     "ea8781f8da611a13ac6364c406c1a715b7e97acb22b6e6156e74e20a93802f43407c8989a37f0138"
     "02"},
    {117, true,
     "2ce6b4c15f85fb2da5cc6c269491eef281980309181249ebf2832bd6d0732d0b",
     "c064fae9173b173fd6f11f34",
     "498d3075b09fed998280583d61bb36b6ce41f130063b80824d1586e143d349b126b16aa10fe57343"
     "ed223d6364ee602257fe313a7fc9bf9088f027795b8dc1d3",
     "f8a27a4baf00dc0555d222f2fa4fb42dc666ea3c",
     "aed58d8a252f740dba4bf6d36773bd5b41234bba01f93d7456aa184ebb49bea472b6d65d"},
    {128, true,
     "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f",
     "000000000000000000000000",
     "",
     "561008fa07a68f5c61285cd013464eaf",
     "23293e9b07ca7d1b0cae7cc489a973b3ffffffffffffffffffffffffffffffff"},
    {129, true,
     "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f",
     "ffffffffffffffffffffffff",
     "",
     "c6152244cea1978d3e0bc274cf8c0b3b",
     "7cb6fc7c6abc009efe9551a99f36a42100000000000000000000000000000000"},
    {130, false,
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "505152535455565758595a5b",
     "",
     "202122232425262728292a2b2c2d2e2f",
     "b2061457c0759fc1749f174ee1ccadfa9de8fef6d8ab1bf1bf887232eab590dd"},
    {138, false,
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "505152535455565758595a5b",
     "",
     "202122232425262728292a2b2c2d2e2f",
     "b2061457c0759fc1749f174ee1ccadfa9ce8fef6d8ab1bf1be887232eab590dd"},
    {148, false,
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "505152535455565758595a5b",
     "",
     "202122232425262728292a2b2c2d2e2f",
     "b2061457c0759fc1749f174ee1ccadfa9ce8fef6d8ab1bf1bf887232eab5905d"},
    {152, false,
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "505152535455565758595a5b",
     "",
     "202122232425262728292a2b2c2d2e2f",
     "b2061457c0759fc1749f174ee1ccadfa631701092754e40e40778dcd154a6f22"},
    {153, false,
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "505152535455565758595a5b",
     "",
     "202122232425262728292a2b2c2d2e2f",
     "b2061457c0759fc1749f174ee1ccadfa00000000000000000000000000000000"},
    {154, false,
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "505152535455565758595a5b",
     "",
     "202122232425262728292a2b2c2d2e2f",
     "b2061457c0759fc1749f174ee1ccadfaffffffffffffffffffffffffffffffff"},
    /* clang-format on */
};

static struct bytes unhex(const char *text, uint8_t *room)
{
    size_t len = strlen(text) / 2;
    assert_true(str_unhex(room, len, text));
    return bytes_of(room, len);
}

static void published_vectors_seal_and_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        struct error e = {0};
        struct secret key;
        uint8_t nonce[12], room[3][128], out[128];
        (void)unhex(vectors[i].key, key.key);
        (void)unhex(vectors[i].nonce, nonce);
        struct bytes aad = unhex(vectors[i].aad, room[0]);
        struct bytes plain = unhex(vectors[i].plain, room[1]);
        struct bytes sealed = unhex(vectors[i].sealed, room[2]);
        int opened = seal_open_once(&key, nonce, aad, sealed, out, &e);
        if (!vectors[i].valid) {
            assert_int_equal(opened, -1);
            assert_int_equal(e.kind, ERROR_CORRUPT);
            continue;
        }
        assert_int_equal(opened, 0);
        assert_memory_equal(out, plain.data, plain.len);
        assert_int_equal(seal_once(&key, nonce, aad, plain, out, &e), 0);
        assert_memory_equal(out, sealed.data, sealed.len);
    }
}

static void block_zero_under_the_zero_key_is_the_textbook_value(void **state)
{
    (void)state;
    struct error e = {0};
    const struct secret key = {{0}};
    const uint8_t zeros[16] = {0};
    uint8_t out[32], want[32];
    struct seal *s = seal_new(&key, &e);
    assert_non_null(s);
    assert_int_equal(seal_block(s, 0, bytes_of(NULL, 0), bytes_of(NULL, 0), out, &e), 0);
    (void)unhex("530f8afbc74536b9a963b4f1c4cb738b", want);
    assert_memory_equal(out, want, 16);
    assert_int_equal(seal_block(s, 0, bytes_of(NULL, 0), bytes_of(zeros, 16), out, &e), 0);
    (void)unhex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919", want);
    assert_memory_equal(out, want, 32);
    seal_free(s);
}

static void block_nonce_is_four_zeros_and_the_index(void **state)
{
    (void)state;
    struct error e = {0};
    const struct secret key = {{7}};
    const uint8_t nonce[12] = {0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1};
    uint8_t a[21], b[21];
    struct seal *s = seal_new(&key, &e);
    assert_non_null(s);
    assert_int_equal(seal_block(s, UINT64_C(0x0102030405060708), bytes_text("aad"),
                                bytes_text("plain"), a, &e),
                     0);
    assert_int_equal(seal_once(&key, nonce, bytes_text("aad"), bytes_text("plain"), b, &e), 0);
    assert_memory_equal(a, b, sizeof a);
    seal_free(s);
}

static void one_context_seals_and_opens_in_turn_and_in_place(void **state)
{
    (void)state;
    struct error e = {0};
    const struct secret key = {{1, 2, 3}};
    struct seal *s = seal_new(&key, &e);
    assert_non_null(s);
    size_t len = 100000;
    uint8_t *text = malloc(len + SEAL_TAG_LEN);
    assert_non_null(text);
    for (uint64_t index = 0; index < 4; index++) {
        for (size_t i = 0; i < len; i++)
            text[i] = (uint8_t)(i * 31 + index);
        struct bytes sealed = bytes_of(text, len + SEAL_TAG_LEN);
        assert_int_equal(seal_block(s, index, bytes_text("a"), bytes_of(text, len), text, &e),
                         0);
        assert_int_not_equal(text[5], (uint8_t)(5 * 31 + index));
        assert_int_equal(seal_open(s, index, bytes_text("a"), sealed, text, &e), 0);
        for (size_t i = 0; i < len; i++)
            assert_int_equal(text[i], (uint8_t)(i * 31 + index));
    }
    free(text);
    seal_free(s);
}

static bool all_zero(const uint8_t *p, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= p[i];
    return any == 0;
}

/* Opening must fail as corrupt and leave nothing of the plaintext behind. */
static void assert_refused(struct seal *s, uint64_t index, struct bytes aad,
                           struct bytes sealed)
{
    struct error e = {0};
    uint8_t out[64];
    memset(out, 0xcc, sizeof out);
    assert_int_equal(seal_open(s, index, aad, sealed, out, &e), -1);
    assert_int_equal(e.kind, ERROR_CORRUPT);
    if (sealed.len >= SEAL_TAG_LEN) {
        assert_true(all_zero(out, sealed.len - SEAL_TAG_LEN));
        assert_int_equal(out[sealed.len - SEAL_TAG_LEN], 0xcc);
    }
}

static void every_flipped_bit_is_refused_and_out_wiped(void **state)
{
    (void)state;
    struct error e = {0};
    const struct secret key = {{9}};
    uint8_t aad[] = "pgkeep/v1/chunk";
    uint8_t sealed[40 + SEAL_TAG_LEN];
    uint8_t out[40];
    struct seal *s = seal_new(&key, &e);
    assert_non_null(s);
    uint8_t plain[40];
    memset(plain, 'x', sizeof plain);
    struct bytes a = bytes_of(aad, sizeof aad);
    struct bytes b = bytes_of(sealed, sizeof sealed);
    assert_int_equal(seal_block(s, 3, a, bytes_of(plain, sizeof plain), sealed, &e), 0);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_refused(s, 3, a, b);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof aad; bit++) {
        aad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_refused(s, 3, a, b);
        aad[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (unsigned bit = 0; bit < 64; bit++)
        assert_refused(s, 3 ^ UINT64_C(1) << bit, a, b);
    assert_int_equal(seal_open(s, 3, a, b, out, &e), 0);
    assert_memory_equal(out, plain, sizeof plain);
    seal_free(s);
}

static void another_key_is_refused(void **state)
{
    (void)state;
    struct error e = {0};
    struct secret key = {{9}};
    uint8_t sealed[5 + SEAL_TAG_LEN], out[5];
    const uint8_t nonce[12] = {0};
    struct bytes a = bytes_text("a");
    assert_int_equal(seal_once(&key, nonce, a, bytes_text("plain"), sealed, &e), 0);
    for (size_t bit = 0; bit < 256; bit++) {
        key.key[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(
            seal_open_once(&key, nonce, a, bytes_of(sealed, sizeof sealed), out, &e), -1);
        assert_int_equal(e.kind, ERROR_CORRUPT);
        key.key[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void a_tag_cut_short_is_refused(void **state)
{
    (void)state;
    struct error e = {0};
    const struct secret key = {{9}};
    uint8_t sealed[32 + SEAL_TAG_LEN] = {0};
    struct seal *s = seal_new(&key, &e);
    assert_non_null(s);
    /* OpenSSL itself would take the first 4 bytes of the tag for a whole one. */
    assert_int_equal(seal_block(s, 0, bytes_text("a"), bytes_of(sealed, 32), sealed, &e), 0);
    assert_refused(s, 0, bytes_text("a"), bytes_of(sealed, 32 + 4));
    for (size_t len = 0; len < sizeof sealed; len++)
        assert_refused(s, 0, bytes_text("a"), bytes_of(sealed, len));
    seal_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors_seal_and_open),
        cmocka_unit_test(block_zero_under_the_zero_key_is_the_textbook_value),
        cmocka_unit_test(block_nonce_is_four_zeros_and_the_index),
        cmocka_unit_test(one_context_seals_and_opens_in_turn_and_in_place),
        cmocka_unit_test(every_flipped_bit_is_refused_and_out_wiped),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(a_tag_cut_short_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
