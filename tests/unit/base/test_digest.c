/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: SHA-256 from NIST's examples for FIPS 180-4 (public domain), HMAC from RFC 4231,
 * HKDF from RFC 5869 (IETF Trust, code components under the BSD licence). */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/str.h"

static struct error e;

static void assert_hex(const void *data, size_t len, const char *want)
{
    char text[256];
    assert_true(2 * len < sizeof text);
    str_hex(text, data, len);
    assert_string_equal(text, want);
}

static void sha256_gives_the_values_of_the_standard(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } vectors[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        uint8_t out[DIGEST_LEN];
        assert_done(digest_sha256(bytes_text(vectors[i].text), out, &e), &e);
        assert_hex(out, sizeof out, vectors[i].want);
    }
}

static void a_million_letters_in_pieces_are_one_message(void **state)
{
    (void)state;
    char piece[999];
    uint8_t out[DIGEST_LEN];
    memset(piece, 'a', sizeof piece);
    struct digest *d = digest_new(&e);
    assert_non_null(d);
    for (size_t left = 1000000; left > 0;) {
        size_t n = left < sizeof piece ? left : sizeof piece;
        assert_done(digest_add(d, bytes_of(piece, n), &e), &e);
        left -= n;
    }
    assert_done(digest_take(d, out, &e), &e);
    assert_hex(out, sizeof out,
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    digest_free(d);
}

static void peek_goes_on_and_take_starts_anew(void **state)
{
    (void)state;
    uint8_t out[DIGEST_LEN], want[DIGEST_LEN];
    struct digest *d = digest_new(&e);
    assert_non_null(d);
    assert_done(digest_add(d, bytes_text("a"), &e), &e);
    assert_done(digest_peek(d, out, &e), &e);
    assert_done(digest_sha256(bytes_text("a"), want, &e), &e);
    assert_memory_equal(out, want, sizeof out);
    assert_done(digest_add(d, bytes_text("bc"), &e), &e);
    assert_done(digest_take(d, out, &e), &e);
    assert_done(digest_sha256(bytes_text("abc"), want, &e), &e);
    assert_memory_equal(out, want, sizeof out);
    assert_done(digest_take(d, out, &e), &e);
    assert_done(digest_sha256(bytes_text(""), want, &e), &e);
    assert_memory_equal(out, want, sizeof out);
    digest_free(d);
}

/* HMAC fills a short key with zeros, so the RFC's shorter keys fit a 32-byte secret as they
 * are; its keys longer than a block are used by their SHA-256. */
static struct secret key_of(struct bytes key)
{
    struct secret s = {{0}};
    if (key.len <= sizeof s.key)
        memcpy(s.key, key.data, key.len);
    else
        assert_done(digest_sha256(key, s.key, &e), &e);
    return s;
}

static void hmac_gives_the_values_of_rfc_4231(void **state)
{
    (void)state;
    uint8_t key[131], data[50];
    static const struct {
        uint8_t key_byte; /* 0: 1, 2, 3, … */
        size_t key_len;
        const char *key_text;
        uint8_t data_byte;
        const char *data_text;
        const char *want;
    } vectors[] = {
        {.key_byte = 0x0b,
         .key_len = 20,
         .data_text = "Hi There",
         .want = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {.key_text = "Jefe",
         .data_text = "what do ya want for nothing?",
         .want = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {.key_byte = 0xaa,
         .key_len = 20,
         .data_byte = 0xdd,
         .want = "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {.key_len = 25,
         .data_byte = 0xcd,
         .want = "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {.key_byte = 0xaa,
         .key_len = 131,
         .data_text = "Test Using Larger Than Block-Size Key - Hash Key First",
         .want = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        uint8_t out[DIGEST_LEN];
        for (size_t k = 0; k < sizeof key; k++)
            key[k] = vectors[i].key_byte ? vectors[i].key_byte : (uint8_t)(k + 1);
        memset(data, vectors[i].data_byte, sizeof data);
        struct bytes k = vectors[i].key_text ? bytes_text(vectors[i].key_text)
                                             : bytes_of(key, vectors[i].key_len);
        struct bytes text = vectors[i].data_text ? bytes_text(vectors[i].data_text)
                                                 : bytes_of(data, sizeof data);
        struct secret s = key_of(k);
        struct digest_hmac *h = digest_hmac_new(&s, &e);
        assert_non_null(h);
        /* Twice, cut at different places: the object can be used again. */
        for (size_t cut = 0; cut < 4; cut += 3) {
            struct bytes b = text;
            struct bytes a = bytes_take(&b, cut);
            assert_done(digest_hmac_of(h, a, b, out, &e), &e);
            assert_hex(out, sizeof out, vectors[i].want);
        }
        digest_hmac_free(h);
    }
}

static void hkdf_expand_gives_the_values_of_rfc_5869(void **state)
{
    (void)state;
    static const struct {
        const char *prk;
        uint8_t info_from;
        size_t info_len, len;
        const char *want;
    } vectors[] = {
        {"077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5", 0xf0, 10, 42,
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b88718586"
         "5"},
        {"06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244", 0xb0, 80, 82,
         "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
         "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
         "cc30c58179ec3e87c14c01d5c1f3434f1d87"},
        {"19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04", 0, 0, 42,
         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c"
         "8"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        struct secret prk;
        uint8_t info[80], out[82];
        assert_true(str_unhex(prk.key, sizeof prk.key, vectors[i].prk));
        for (size_t k = 0; k < vectors[i].info_len; k++)
            info[k] = (uint8_t)(vectors[i].info_from + k);
        assert_done(digest_expand(&prk, "", bytes_of(info, vectors[i].info_len), out,
                                  vectors[i].len, &e),
                    &e);
        assert_hex(out, vectors[i].len, vectors[i].want);
    }
}

static void label_and_context_are_one_info(void **state)
{
    (void)state;
    const struct secret key = {{1, 2, 3}};
    uint8_t a[40], b[40], c[40];
    assert_done(digest_expand(&key, "pack", bytes_text("id"), a, sizeof a, &e), &e);
    assert_done(digest_expand(&key, "packid", bytes_text(""), b, sizeof b, &e), &e);
    assert_done(digest_expand(&key, "packi", bytes_text(""), c, sizeof c, &e), &e);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
}

static void an_info_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    const struct secret key = {{0}};
    uint8_t out[32];
    uint8_t context[510] = {0};
    assert_done(digest_expand(&key, "ab", bytes_of(context, 510), out, 32, &e), &e);
    assert_refused(digest_expand(&key, "abc", bytes_of(context, 510), out, 32, &e), &e,
                   ERROR_MEMORY);
}

static void equal_compares_all_bytes(void **state)
{
    (void)state;
    assert_true(digest_equal("abc", "abc", 3));
    assert_false(digest_equal("abc", "abd", 3));
    assert_false(digest_equal("bbc", "abc", 3));
    assert_true(digest_equal("a", "b", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_values_of_the_standard),
        cmocka_unit_test(a_million_letters_in_pieces_are_one_message),
        cmocka_unit_test(peek_goes_on_and_take_starts_anew),
        cmocka_unit_test(hmac_gives_the_values_of_rfc_4231),
        cmocka_unit_test(hkdf_expand_gives_the_values_of_rfc_5869),
        cmocka_unit_test(label_and_context_are_one_info),
        cmocka_unit_test(an_info_that_does_not_fit_is_refused),
        cmocka_unit_test(equal_compares_all_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
