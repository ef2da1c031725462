/* SPDX-License-Identifier: Apache-2.0 */
/* What real servers write, and what a hostile one might. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "backends/s3_xml.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
#define LIST HEAD "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
#define END "</ListBucketResult>"
#define URL "<EncodingType>url</EncodingType>"
#define ONE(key)                                                                               \
    "<Contents><Key>" key "</Key><LastModified>2026-01-31T12:00:00.250Z</LastModified>"        \
    "<ETag>&quot;x&quot;</ETag><Size>17</Size><Owner><ID>o</ID></Owner></Contents>"

struct seen {
    char keys[8][S3_XML_NAME];
    size_t count;
    uint64_t size;
    int64_t modified_us;
};

static int see(void *arg, const struct s3_xml_object *object, struct error *e)
{
    struct seen *s = arg;
    (void)e;
    assert_true(s->count < ARRAY_SIZE(s->keys));
    (void)snprintf(s->keys[s->count++], S3_XML_NAME, "%s", object->key);
    s->size = object->size;
    s->modified_us = object->modified_us;
    return 0;
}

static int refuse(void *arg, const struct s3_xml_object *object, struct error *e)
{
    (void)object;
    ++*(int *)arg;
    return error_set(e, ERROR_SERVER, "enough");
}

static void an_error_is_taken_apart(void **state)
{
    struct s3_xml_error x;
    (void)state;
    assert_true(s3_xml_read_error(
        bytes_text(HEAD "<Error><Code>RequestTimeTooSkewed</Code><Message>The\nclock &amp; "
                        "co</Message><RequestTime>20260101T000000Z</RequestTime><ServerTime>"
                        "2026-01-01T01:00:00Z</ServerTime><Region>eu-1</Region></Error>"),
        &x));
    assert_string_equal(x.code, "RequestTimeTooSkewed");
    assert_string_equal(x.message, "The\\x0aclock & co");
    assert_string_equal(x.request_time, "20260101T000000Z");
    assert_string_equal(x.server_time, "2026-01-01T01:00:00Z");
    assert_string_equal(x.region, "eu-1");
}

static void what_is_no_error_is_none(void **state)
{
    static const char *const texts[] = {
        "",
        "<",
        "<html><body>404</body></html>",
        "<Error><Code>x</Code>",
        "plain words",
        "<!DOCTYPE Error [<!ENTITY a \"b\">]><Error><Code>&a;</Code></Error>",
        "<Error><Code>&undefined;</Code></Error>",
    };
    struct s3_xml_error x;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (s3_xml_read_error(bytes_text(texts[i]), &x))
            fail_msg("taken for an error: %s", texts[i]);
        assert_string_equal(x.code, "");
    }
    assert_false(s3_xml_read_error(bytes_text(LIST END), &x));
}

static void long_words_of_a_server_are_cut(void **state)
{
    char text[2000];
    struct s3_xml_error x;
    (void)state;
    (void)snprintf(text, sizeof text,
                   "<Error><Code>%0200d</Code><Message>%01500d</Message>"
                   "</Error>",
                   0, 0);
    assert_true(s3_xml_read_error(bytes_text(text), &x));
    assert_true(strlen(x.code) < sizeof x.code);
    assert_true(strlen(x.message) < sizeof x.message);
}

static void a_page_is_visited(void **state)
{
    static const char text[] =
        LIST "<Name>b</Name><Prefix>p/</Prefix><IsTruncated>true</IsTruncated>"
             "<NextContinuationToken>1/ab+c==</NextContinuationToken>" ONE("p/one")
                 URL ONE("p/%C3%A9+%2B%26amp") END;
    struct error e = {0};
    struct seen s = {0};
    struct s3_xml_page page;
    (void)state;
    assert_done(s3_xml_read_page(bytes_text(text), see, &s, &page, &e), &e);
    assert_int_equal(s.count, 2);
    assert_string_equal(s.keys[0], "p/one");
    assert_string_equal(s.keys[1], "p/\xc3\xa9 +&amp");
    assert_int_equal(s.size, 17);
    assert_true(s.modified_us == INT64_C(1769860800250000));
    assert_true(page.truncated);
    assert_int_equal(page.objects, 2);
    assert_string_equal(page.next, "1/ab+c==");
}

static void keys_that_are_not_encoded_stay_as_they_are(void **state)
{
    struct error e = {0};
    struct seen s = {0};
    struct s3_xml_page page;
    (void)state;
    assert_done(s3_xml_read_page(bytes_text(LIST ONE("a+%41&amp;") END), see, &s, &page, &e),
                &e);
    assert_string_equal(s.keys[0], "a+%41&");
    assert_false(page.truncated);
    assert_string_equal(page.next, "");
}

static void an_empty_page_is_one(void **state)
{
    struct error e = {0};
    struct seen s = {0};
    struct s3_xml_page page;
    (void)state;
    assert_done(
        s3_xml_read_page(bytes_text(LIST "<KeyCount>0</KeyCount>" END), see, &s, &page, &e),
        &e);
    assert_int_equal(s.count, 0);
}

static void nothing_is_visited_of_a_page_that_is_none(void **state)
{
    static const char *const texts[] = {
        "",
        LIST ONE("a"),
        "<Error><Code>InternalError</Code></Error>",
        LIST ONE("a") "<Contents><Size>1</Size></Contents>" END,
        LIST ONE("a") "<Contents><Key>k</Key></Contents>" END,
        LIST ONE("a") "<Contents><Key>k</Key><Size>-1</Size><LastModified>"
                      "2026-01-31T12:00:00Z</LastModified></Contents>" END,
        LIST ONE("a") "<Contents><Key>k</Key><Size>99999999999999999999</Size><LastModified>"
                      "2026-01-31T12:00:00Z</LastModified></Contents>" END,
        LIST ONE("a") "<Contents><Key>k</Key><Size>1</Size><LastModified>then</LastModified>"
                      "</Contents>" END,
        "<!DOCTYPE a [<!ENTITY b \"" ONE("c") "\">]>" LIST ONE("a") "&b;" END,
        LIST ONE("a") "<a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>" END,
    };
    struct error e = {0};
    struct s3_xml_page page;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct seen s = {0};
        assert_refused(s3_xml_read_page(bytes_text(texts[i]), see, &s, &page, &e), &e,
                       ERROR_CORRUPT);
        if (s.count != 0)
            fail_msg("visited: %s", texts[i]);
    }
}

static void keys_that_no_name_can_be_are_refused(void **state)
{
    static const char *const texts[] = {LIST URL ONE("a%00b") END, LIST URL ONE("a%4") END,
                                        LIST URL ONE("a%zz") END};
    struct error e = {0};
    struct s3_xml_page page;
    struct seen s = {0};
    char text[8000];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_refused(s3_xml_read_page(bytes_text(texts[i]), see, &s, &page, &e), &e,
                       ERROR_CORRUPT);
    (void)snprintf(text, sizeof text,
                   LIST "<Contents><Key>%01025d</Key><Size>1</Size><LastModified>"
                        "2026-01-31T12:00:00Z</LastModified></Contents>" END,
                   0);
    assert_refused(s3_xml_read_page(bytes_text(text), see, &s, &page, &e), &e, ERROR_CORRUPT);
    (void)snprintf(text, sizeof text,
                   LIST "<NextContinuationToken>%04097d"
                        "</NextContinuationToken>" END,
                   0);
    assert_refused(s3_xml_read_page(bytes_text(text), see, &s, &page, &e), &e, ERROR_CORRUPT);
    assert_int_equal(s.count, 0);
}

static void a_visitor_can_end_the_reading(void **state)
{
    struct error e = {0};
    struct s3_xml_page page;
    int calls = 0;
    (void)state;
    assert_refused(
        s3_xml_read_page(bytes_text(LIST ONE("a") ONE("b") END), refuse, &calls, &page, &e), &e,
        ERROR_SERVER);
    assert_int_equal(calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_taken_apart),
        cmocka_unit_test(what_is_no_error_is_none),
        cmocka_unit_test(long_words_of_a_server_are_cut),
        cmocka_unit_test(a_page_is_visited),
        cmocka_unit_test(keys_that_are_not_encoded_stay_as_they_are),
        cmocka_unit_test(an_empty_page_is_one),
        cmocka_unit_test(nothing_is_visited_of_a_page_that_is_none),
        cmocka_unit_test(keys_that_no_name_can_be_are_refused),
        cmocka_unit_test(a_visitor_can_end_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
