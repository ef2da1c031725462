/* SPDX-License-Identifier: Apache-2.0 */
/* The S3 store against a server that fails as it is told: what is tried again, what is not, and
 * that no answer is given that the server did not give. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "backends/store_s3.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "tests/support/http_server.h"

#define END "Connection: close\r\n\r\n"
#define EMPTY "Content-Length: 0\r\n" END
#define OK "HTTP/1.1 200 OK\r\n"
#define STORED OK EMPTY
#define TAKEN "HTTP/1.1 412 Precondition Failed\r\n" EMPTY
#define ABSENT "HTTP/1.1 404 Not Found\r\n" EMPTY
#define BROKEN "HTTP/1.1 500 Internal Server Error\r\n" EMPTY
#define UNKNOWN_CONDITION "HTTP/1.1 501 Not Implemented\r\n" EMPTY
#define SIZE_3 OK "Content-Length: 3\r\n" END
#define ONE OK "Content-Length: 3\r\n" END "one"
#define TWO OK "Content-Length: 3\r\n" END "two"
/* An error in the words of S3; its length is told by the end of the connection. */
#define SAYS(status, code, more)                                                               \
    "HTTP/1.1 " status "\r\n" END "<?xml version=\"1.0\"?><Error><Code>" code                  \
    "</Code><Message>m</Message>" more "</Error>"

struct world {
    struct http_server *server;
    struct store *store;
    struct buf b;
};

static struct world begin(const struct http_server_step *steps, size_t count)
{
    struct error e = {0};
    char url[128];
    struct world w = {.server = http_server_start(steps, count)};
    (void)snprintf(url, sizeof url, "s3://bucket/pre?endpoint=http://127.0.0.1:%u&region=here",
                   http_server_port(w.server));
    w.store = store_s3_open(url, false, &e);
    if (!w.store)
        fail_msg("%s", e.text);
    return w;
}

static void end(struct world *w)
{
    store_close(w->store);
    http_server_stop(w->server);
    buf_done(&w->b);
}

#define BEGIN(...)                                                                             \
    static const struct http_server_step steps[] = {__VA_ARGS__};                              \
    struct error e = {0};                                                                      \
    struct world w = begin(steps, ARRAY_SIZE(steps));                                          \
    (void)state

static int put_one(struct world *w, struct error *e)
{
    return store_put(w->store, "config", bytes_text("one"), e);
}

static int get(struct world *w, uint64_t offset, size_t len, struct error *e)
{
    return store_get(w->store, "config", offset, len, &w->b, e);
}

/* The methods of the requests that came, as "PUT HEAD ". */
static void assert_asked(struct world *w, const char *wanted)
{
    struct buf got = {0};
    struct error e = {0};
    for (size_t i = 0; i < http_server_count(w->server); i++) {
        const char *request = http_server_request(w->server, i, NULL);
        assert_done(buf_append(&got, request, strcspn(request, " ") + 1, &e), &e);
    }
    assert_done(buf_byte(&got, 0, &e), &e);
    assert_string_equal((const char *)got.data, wanted);
    buf_done(&got);
}

#define PROBE_TEXT "pgkeep looks what this server can do; this may be removed\n"

/* ---- put ------------------------------------------------------------------------------ */

static void the_first_object_tells_whether_the_condition_is_known(void **state)
{
    BEGIN({.reply = ABSENT}, {.reply = STORED}, {.reply = TAKEN}, {.reply = TAKEN});
    assert_done(put_one(&w, &e), &e);
    assert_non_null(strstr(store_describe(w.store), "create-if-absent: yes"));
    assert_int_equal(put_one(&w, &e), STORE_EXISTS);
    assert_asked(&w, "HEAD PUT PUT PUT ");
    assert_non_null(strstr(http_server_request(w.server, 1, NULL), "if-none-match: *"));
    end(&w);
}

static void a_server_that_ignores_the_condition_is_looked_at_before(void **state)
{
    BEGIN({.reply = ABSENT}, {.reply = STORED}, {.reply = STORED}, {.reply = SIZE_3},
          {.reply = ABSENT}, {.reply = STORED});
    assert_done(put_one(&w, &e), &e);
    assert_non_null(strstr(store_describe(w.store), "create-if-absent: no"));
    assert_int_equal(put_one(&w, &e), STORE_EXISTS);
    assert_done(put_one(&w, &e), &e);
    assert_asked(&w, "HEAD PUT PUT HEAD HEAD PUT ");
    assert_null(strstr(http_server_request(w.server, 5, NULL), "if-none-match"));
    end(&w);
}

static void a_server_that_knows_no_condition_gets_none(void **state)
{
    BEGIN({.reply = ABSENT}, {.reply = UNKNOWN_CONDITION}, {.reply = STORED}, {.reply = ABSENT},
          {.reply = STORED});
    assert_done(put_one(&w, &e), &e);
    assert_done(put_one(&w, &e), &e);
    assert_asked(&w, "HEAD PUT PUT HEAD PUT ");
    assert_null(strstr(http_server_request(w.server, 2, NULL), "if-none-match"));
    end(&w);
}

static void a_put_of_unknown_fate_that_was_done_is_not_repeated(void **state)
{
    BEGIN({.reply = ABSENT}, {.reply = NULL}, {.reply = SIZE_3}, {.reply = ONE},
          {.reply = TAKEN}, {.reply = BROKEN}, {.reply = SIZE_3}, {.reply = ONE});
    assert_done(put_one(&w, &e), &e);
    assert_asked(&w, "HEAD PUT HEAD GET PUT ");
    assert_done(put_one(&w, &e), &e);
    assert_asked(&w, "HEAD PUT HEAD GET PUT PUT HEAD GET ");
    end(&w);
}

static void a_put_of_unknown_fate_that_was_not_done_is_repeated(void **state)
{
    BEGIN({.reply = ABSENT}, {.reply = NULL, .reset = true, .read = 1}, {.reply = ABSENT},
          {.reply = STORED}, {.reply = TAKEN});
    assert_done(put_one(&w, &e), &e);
    assert_asked(&w, "HEAD PUT HEAD PUT PUT ");
    end(&w);
}

static void other_bytes_under_the_name_are_somebody_elses(void **state)
{
    BEGIN({.reply = ABSENT}, {.reply = BROKEN}, {.reply = SIZE_3}, {.reply = TWO},
          {.reply = ABSENT}, {.reply = BROKEN}, {.reply = OK "Content-Length: 4\r\n" END});
    assert_int_equal(put_one(&w, &e), STORE_EXISTS);
    assert_int_equal(put_one(&w, &e), STORE_EXISTS); /* by the size alone */
    assert_non_null(strstr(store_describe(w.store), "not known"));
    end(&w);
}

static void a_412_after_an_unknown_fate_is_settled_by_the_bytes(void **state)
{
    BEGIN({.reply = ABSENT}, {.reply = BROKEN}, {.reply = ABSENT}, {.reply = TAKEN},
          {.reply = SIZE_3}, {.reply = ONE}, {.reply = BROKEN}, {.reply = ABSENT},
          {.reply = TAKEN}, {.reply = SIZE_3}, {.reply = TWO});
    assert_done(put_one(&w, &e), &e);
    assert_asked(&w, "HEAD PUT HEAD PUT HEAD GET ");
    assert_int_equal(put_one(&w, &e), STORE_EXISTS);
    end(&w);
}

static void a_200_with_an_error_in_it_is_an_error(void **state)
{
    BEGIN({.reply = ABSENT}, {.reply = SAYS("200 OK", "InternalError", "")}, {.reply = ABSENT},
          {.reply = SAYS("200 OK", "InternalError", "")}, {.reply = ABSENT}, {.reply = TAKEN},
          {.reply = SIZE_3}, {.reply = ONE});
    assert_done(put_one(&w, &e), &e); /* the last 412 was about an attempt of ours */
    assert_asked(&w, "HEAD PUT HEAD PUT HEAD PUT HEAD GET ");
    end(&w);
}

static void an_object_is_stored_though_the_condition_could_not_be_learnt(void **state)
{
    BEGIN({.reply = ABSENT}, {.reply = STORED}, {.reply = SAYS("403 F", "AccessDenied", "")},
          {.reply = ABSENT}, {.reply = STORED}, {.reply = TAKEN});
    assert_done(put_one(&w, &e), &e);
    assert_non_null(strstr(store_describe(w.store), "not known"));
    assert_done(put_one(&w, &e), &e);
    assert_non_null(strstr(store_describe(w.store), "create-if-absent: yes"));
    assert_asked(&w, "HEAD PUT PUT HEAD PUT PUT ");
    end(&w);
}

static void a_lost_reply_tells_nothing_about_the_condition(void **state)
{
    BEGIN({.reply = ABSENT}, {.reply = STORED}, {.reply = NULL, .reset = true},
          {.reply = SIZE_3}, {.reply = ONE}, {.reply = STORED}, {.reply = NULL, .reset = true},
          {.reply = OK "Content-Length: 58\r\n" END}, {.reply = OK END PROBE_TEXT},
          {.reply = TAKEN}, {.reply = TWO}, {.reply = STORED});
    assert_done(put_one(&w, &e), &e);
    assert_non_null(strstr(store_describe(w.store), "not known"));
    assert_refused(store_probe(w.store, &e), &e, ERROR_UNSUPPORTED); /* TWO was not put */
    assert_non_null(strstr(store_describe(w.store), "create-if-absent: yes"));
    assert_asked(&w, "HEAD PUT PUT HEAD GET PUT PUT HEAD GET PUT GET DELETE ");
    end(&w);
}

static void a_head_that_is_refused_is_asked_again_in_words(void **state)
{
    BEGIN({.reply = "HTTP/1.1 403 F\r\n" EMPTY},
          {.reply = SAYS("403 F", "SignatureDoesNotMatch", "")},
          {.reply = "HTTP/1.1 400 B\r\n" EMPTY}, {.reply = SAYS("400 B", "ExpiredToken", "")},
          {.reply = ABSENT}, {.reply = ABSENT}, {.reply = STORED}, {.reply = TAKEN});
    assert_refused(put_one(&w, &e), &e, ERROR_KEY);
    assert_asked(&w, "HEAD GET ");
    assert_done(put_one(&w, &e), &e);
    assert_asked(&w, "HEAD GET HEAD GET GET HEAD PUT PUT ");
    end(&w);
}

static void what_may_help_is_tried_again(void **state)
{
    BEGIN({.reply = ABSENT}, {.reply = SAYS("429 Many", "SlowDown", "")},
          {.reply = SAYS("400 Bad", "RequestTimeout", "")},
          {.reply = SAYS("400 Bad", "BadDigest", "")},
          {.reply = SAYS("409 Conflict", "ConditionalRequestConflict", "")}, {.reply = STORED},
          {.reply = TAKEN});
    assert_done(put_one(&w, &e), &e);
    assert_asked(&w, "HEAD PUT PUT PUT PUT PUT PUT ");
    end(&w);
}

#define NOTHING_LISTED OK END "<ListBucketResult></ListBucketResult>"

static void a_server_that_does_not_show_what_it_took_is_no_store(void **state)
{
    BEGIN({.reply = STORED}, {.reply = TAKEN}, {.reply = TWO}, {.reply = STORED},
          {.reply = STORED}, {.reply = STORED}, {.reply = OK END PROBE_TEXT},
          {.reply = NOTHING_LISTED}, {.reply = SAYS("403 F", "AccessDenied", "")},
          {.reply = STORED}, {.reply = SAYS("400 B", "InvalidStorageClass", "")},
          {.reply = STORED});
    assert_refused(store_probe(w.store, &e), &e, ERROR_UNSUPPORTED);
    assert_asked(&w, "PUT PUT GET DELETE ");
    assert_non_null(strstr(store_describe(w.store), "create-if-absent: yes"));
    assert_refused(store_probe(w.store, &e), &e, ERROR_UNSUPPORTED);
    assert_asked(&w, "PUT PUT GET DELETE PUT PUT GET GET DELETE ");
    assert_non_null(strstr(store_describe(w.store), "create-if-absent: no"));
    assert_refused(store_probe(w.store, &e), &e, ERROR_UNSUPPORTED);
    end(&w);
}

/* ---- get ------------------------------------------------------------------------------ */

static void a_cut_object_is_fetched_again(void **state)
{
    BEGIN({.reply = OK "Content-Length: 3\r\n" END "on"}, {.reply = NULL, .reset = true},
          {.reply = BROKEN},
          {.reply = "HTTP/1.1 502 Bad\r\nContent-Length: 20\r\n" END "<html>one</html>    "},
          {.reply = ONE});
    assert_done(get(&w, 0, STORE_ALL, &e), &e);
    assert_int_equal(w.b.len, 3);
    assert_memory_equal(w.b.data, "one", 3);
    assert_int_equal(http_server_count(w.server), 5);
    end(&w);
}

static void a_part_must_be_the_one_asked_for(void **state)
{
    BEGIN({.reply = "HTTP/1.1 206 P\r\nContent-Range: bytes 2-4/9\r\nContent-Length: 3\r\n" END
                    "234"},
          {.reply = "HTTP/1.1 206 P\r\nContent-Range: bytes 0-2/9\r\nContent-Length: 3\r\n" END
                    "012"},
          {.reply = "HTTP/1.1 206 P\r\nContent-Range: bytes 2-3/9\r\nContent-Length: 2\r\n" END
                    "23"},
          {.reply = "HTTP/1.1 206 P\r\nContent-Length: 3\r\n" END "234"},
          {.reply = "HTTP/1.1 206 P\r\nContent-Range: bytes 2-4/9\r\n" END "2"},
          {.reply = "HTTP/1.1 206 P\r\nContent-Range: bytes 2-4/9\r\n" END "234"},
          {.reply = OK "Content-Length: 5\r\n" END "01234"});
    assert_done(get(&w, 2, 3, &e), &e);
    assert_memory_equal(w.b.data, "234", 3);
    for (int i = 0; i < 3; i++) {
        assert_refused(get(&w, 2, 3, &e), &e, ERROR_IO);
        assert_int_equal(w.b.len, 0);
    }
    assert_done(get(&w, 2, 3, &e), &e); /* the cut one came again */
    assert_int_equal(w.b.len, 3);
    assert_int_equal(http_server_count(w.server), 6);
    assert_refused(get(&w, 2, 3, &e), &e, ERROR_IO); /* a whole one, longer than asked for */
    end(&w);
}

static void absent_is_only_what_the_server_calls_so(void **state)
{
    BEGIN({.reply = SAYS("404 N", "NoSuchKey", "")}, {.reply = ABSENT},
          {.reply = SAYS("404 N", "NoSuchBucket", "")},
          {.reply = "HTTP/1.1 404 N\r\n" END "<html>no such page</html>"});
    assert_int_equal(get(&w, 0, STORE_ALL, &e), STORE_ABSENT);
    assert_int_equal(get(&w, 0, STORE_ALL, &e), STORE_ABSENT);
    assert_refused(get(&w, 0, STORE_ALL, &e), &e, ERROR_NO_REPOSITORY);
    assert_refused(get(&w, 0, STORE_ALL, &e), &e, ERROR_IO);
    assert_int_equal(w.b.len, 0);
    end(&w);
}

static void refusals_are_told_and_not_repeated(void **state)
{
    BEGIN({.reply = SAYS("403 F", "SignatureDoesNotMatch", "")},
          {.reply = SAYS("403 F", "InvalidAccessKeyId", "")},
          {.reply = SAYS("403 F", "AccessDenied", "")},
          {.reply = SAYS(
               "403 F", "RequestTimeTooSkewed",
               "<RequestTime>20260101T000000Z</RequestTime><ServerTime>2026-01-01T01:00:00Z"
               "</ServerTime>")},
          {.reply = "HTTP/1.1 301 M\r\nx-amz-bucket-region: eu-9\r\n" EMPTY},
          {.reply = SAYS("400 B", "AuthorizationHeaderMalformed", "<Region>eu-8</Region>")},
          {.reply = SAYS("403 F", "A\nB\x1b[31m", "")});
    static const struct {
        enum error_kind kind;
        const char *says;
    } wanted[] = {{ERROR_KEY, "SignatureDoesNotMatch"},
                  {ERROR_KEY, "does not know this access key"},
                  {ERROR_IO, "s3:PutObject"},
                  {ERROR_IO, "here 20260101T000000Z, there 2026-01-01T01:00:00Z"},
                  {ERROR_USAGE, "region=eu-9"},
                  {ERROR_USAGE, "region=eu-8"},
                  {ERROR_IO, "403"}};
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        assert_refused(get(&w, 0, STORE_ALL, &e), &e, wanted[i].kind);
        if (!strstr(e.text, wanted[i].says))
            fail_msg("no \"%s\": %s", wanted[i].says, e.text);
        assert_null(strchr(e.text, '\x1b'));
        assert_int_equal(http_server_count(w.server), i + 1);
    }
    end(&w);
}

/* ---- list ----------------------------------------------------------------------------- */

#define PAGE(more, key)                                                                        \
    OK END "<ListBucketResult><IsTruncated>" more "</IsTruncated><NextContinuationToken>t/1+2" \
           "</NextContinuationToken><Contents><Key>" key "</Key><LastModified>"                \
           "2026-01-31T12:00:00Z</LastModified><Size>3</Size></Contents></ListBucketResult>"

static int see(void *arg, const struct store_item *item, struct error *e)
{
    return buf_printf(arg, e, "%s ", item->name);
}

static void assert_seen(const struct buf *names, const char *wanted)
{
    assert_int_equal(names->len, strlen(wanted));
    assert_memory_equal(names->data, wanted, names->len);
}

static void pages_are_visited_once_whatever_happens(void **state)
{
    BEGIN({.reply = PAGE("true", "pre/marks/a")}, {.reply = BROKEN},
          {.reply = SAYS("200 OK", "InternalError", "")},
          {.reply = PAGE("false", "pre/marks/b")});
    struct buf names = {0};
    assert_done(store_list(w.store, "marks/", see, &names, &e), &e);
    assert_seen(&names, "marks/a marks/b ");
    buf_done(&names);
    assert_non_null(strstr(http_server_request(w.server, 1, NULL),
                           "continuation-token=t%2F1%2B2&encoding-type=url"));
    end(&w);
}

static void listings_that_lie_are_refused(void **state)
{
    BEGIN({.reply = PAGE("true", "pre/a")}, {.reply = PAGE("true", "pre/b")},
          {.reply = PAGE("false", "other/a")}, {.reply = OK END "<ListBucketResult><Contents>"},
          {.reply = OK END "hello"});
    struct buf names = {0};
    for (int i = 0; i < 4; i++)
        assert_refused(store_list(w.store, "", see, &names, &e), &e, ERROR_CORRUPT);
    assert_seen(&names, "a b ");
    buf_done(&names);
    end(&w);
}

#define MOST_EMPTY 100

static void a_listing_without_end_is_refused(void **state)
{
    static struct http_server_step steps[MOST_EMPTY + 1];
    static char pages[MOST_EMPTY + 1][256];
    struct error e = {0};
    struct buf names = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        (void)snprintf(pages[i], sizeof pages[i],
                       OK END "<ListBucketResult><IsTruncated>true</IsTruncated>"
                              "<NextContinuationToken>%zu</NextContinuationToken>"
                              "</ListBucketResult>",
                       i);
        steps[i].reply = pages[i];
    }
    struct world w = begin(steps, ARRAY_SIZE(steps));
    assert_refused(store_list(w.store, "", see, &names, &e), &e, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, "no end after 100 pages"));
    assert_int_equal(http_server_count(w.server), MOST_EMPTY);
    end(&w);
}

/* ---- patience ------------------------------------------------------------------------- */

static void the_end_of_patience_is_busy_with_the_last_cause(void **state)
{
    (void)setenv("PGKEEP_STORE_PATIENCE", "1", 1);
    BEGIN({.reply = SAYS("503 Slow", "SlowDown", "")});
    (void)setenv("PGKEEP_STORE_PATIENCE", "10", 1);
    int64_t began = clock_monotonic_ms();
    assert_refused(get(&w, 0, STORE_ALL, &e), &e, ERROR_BUSY);
    assert_true(clock_monotonic_ms() - began < 4000);
    assert_non_null(strstr(e.text, "SlowDown"));
    assert_non_null(strstr(e.text, "gave up after"));
    assert_true(http_server_count(w.server) > 1);
    end(&w);
}

static void a_server_that_asks_for_time_gets_it(void **state)
{
    BEGIN({.reply = "HTTP/1.1 503 Slow\r\nRetry-After: 1\r\n" EMPTY}, {.reply = ONE},
          {.reply = "HTTP/1.1 503 Slow\r\nRetry-After: 3600\r\n" EMPTY});
    int64_t began = clock_monotonic_ms();
    assert_done(get(&w, 0, STORE_ALL, &e), &e);
    assert_true(clock_monotonic_ms() - began >= 1000);
    assert_refused(get(&w, 0, STORE_ALL, &e), &e, ERROR_BUSY); /* at once: it never would do */
    assert_int_equal(http_server_count(w.server), 3);
    end(&w);
}

/* By the server's clock, which is years behind. */
static void a_date_to_come_back_at_is_kept(void **state)
{
    BEGIN({.reply = "HTTP/1.1 503 Slow\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                    "Retry-After: Sun, 06 Nov 1994 08:49:38 GMT\r\n" EMPTY},
          {.reply = ONE},
          {.reply = "HTTP/1.1 503 Slow\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                    "Retry-After: Sun, 06 Nov 1994 09:49:37 GMT\r\n" EMPTY},
          {.reply = "HTTP/1.1 503 Slow\r\nRetry-After: soon\r\n" EMPTY}, {.reply = TWO});
    int64_t began = clock_monotonic_ms();
    assert_done(get(&w, 0, STORE_ALL, &e), &e);
    assert_true(clock_monotonic_ms() - began >= 1000);
    assert_refused(get(&w, 0, STORE_ALL, &e), &e, ERROR_BUSY); /* at once: it never would do */
    assert_int_equal(http_server_count(w.server), 3);
    assert_done(get(&w, 0, STORE_ALL, &e), &e);
    end(&w);
}

static void removing_is_tried_again(void **state)
{
    BEGIN({.reply = BROKEN}, {.reply = "HTTP/1.1 204 No Content\r\n" END}, {.reply = ABSENT},
          {.reply = SAYS("403 F", "AccessDenied", "")});
    assert_done(store_remove(w.store, "config", &e), &e);
    assert_done(store_remove(w.store, "config", &e), &e);
    assert_refused(store_remove(w.store, "config", &e), &e, ERROR_IO);
    assert_non_null(strstr(e.text, "s3:DeleteObject"));
    end(&w);
}

/* ---- secrets and URLs ----------------------------------------------------------------- */

static void no_secret_is_told_and_the_token_is_sent(void **state)
{
    (void)setenv("AWS_SESSION_TOKEN", "TOKENTOKEN", 1);
    BEGIN({.reply = SAYS("403 F", "InvalidToken", "")},
          {.reply = SAYS("400 B", "ExpiredToken", "")});
    assert_refused(get(&w, 0, STORE_ALL, &e), &e, ERROR_KEY);
    assert_null(strstr(e.text, "TOKENTOKEN"));
    assert_null(strstr(e.text, "Signature="));
    assert_non_null(
        strstr(http_server_request(w.server, 0, NULL), "x-amz-security-token: TOKENTOKEN"));
    assert_refused(get(&w, 0, STORE_ALL, &e), &e, ERROR_KEY);
    assert_null(strstr(e.text, "TOKENTOKEN"));
    for (size_t i = 0; i < http_server_count(w.server); i++)
        assert_null(strstr(http_server_request(w.server, i, NULL), "SECRETSECRET"));
    (void)unsetenv("AWS_SESSION_TOKEN");
    end(&w);
}

static void places_have_one_canonical_name(void **state)
{
    static const char *const pairs[][2] = {
        {"s3://bucket/a/b/", "s3://bucket/a/b"},
        {"s3://bucket", "s3://bucket"},
        {"s3://bucket/a%20b?region=eu-1", "s3://bucket/a%20b"},
        {"s3://bucket//a?endpoint=https://HOST:443/&storage-class=X",
         "s3://bucket/a?endpoint=https://host"},
        {"s3://bucket?endpoint=http://127.0.0.1:80&path-style=1&object-lock=3",
         "s3://bucket?endpoint=http://127.0.0.1"},
        {"s3://bucket/p?endpoint=http://s3.localhost:7480&path-style=0",
         "s3://bucket/p?endpoint=http://s3.localhost:7480"},
    };
    struct error e = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        char *text = store_s3_canonical(pairs[i][0], &e);
        if (!text)
            fail_msg("%s: %s", pairs[i][0], e.text);
        assert_string_equal(text, pairs[i][1]);
        free(text);
    }
}

static void urls_that_mean_nothing_are_refused(void **state)
{
    static const char *const urls[] = {
        "s3://b/x",
        "s3://user@bucket/x",
        "s3://bucket:80/x",
        "s3://bucket/x?bogus=1",
        "s3://bucket/x?endpoint=http://10.0.0.1",
        "s3://bucket/x?endpoint=http://127.0.0.1.evil.example",
        "s3://bucket/x?endpoint=ftp://host",
        "s3://bucket/x?endpoint=https://host/path",
        "s3://bucket/x?endpoint=host",
        "s3://bucket/x?path-style=2",
        "s3://bucket/x?endpoint=https://10.0.0.1&path-style=0",
        "s3://bucket/x?region=a/b",
        "s3://bucket/x?region=a%0d%0ab",
        "s3://bucket/x?storage-class=a%20b",
        "s3://bucket/x?object-lock=0",
        "s3://bucket/x?object-lock=-1",
        "s3://bucket/x?object-lock=99999999",
        "s3://bucket/x?ca-file=",
        "s3://key:hush@bucket/x",
    };
    struct error e = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        error_clear(&e);
        if (store_s3_open(urls[i], false, &e))
            fail_msg("opened: %s", urls[i]);
        if (e.kind != ERROR_USAGE || strstr(e.text, "hush"))
            fail_msg("%s: %d %s", urls[i], (int)e.kind, e.text);
    }
}

static void plain_http_never_goes_through_a_proxy(void **state)
{
    BEGIN({.reply = ONE});
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)unsetenv("no_proxy");
    assert_done(get(&w, 0, STORE_ALL, &e), &e);
    (void)unsetenv("http_proxy");
    end(&w);
}

static void with_half_a_key_it_says_so(void **state)
{
    BEGIN({.reply = STORED});
    (void)unsetenv("AWS_SECRET_ACCESS_KEY");
    assert_refused(get(&w, 0, 1, &e), &e, ERROR_USAGE);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "SECRETSECRET", 1);
    assert_int_equal(http_server_count(w.server), 0);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_object_tells_whether_the_condition_is_known),
        cmocka_unit_test(a_server_that_ignores_the_condition_is_looked_at_before),
        cmocka_unit_test(a_server_that_knows_no_condition_gets_none),
        cmocka_unit_test(a_put_of_unknown_fate_that_was_done_is_not_repeated),
        cmocka_unit_test(a_put_of_unknown_fate_that_was_not_done_is_repeated),
        cmocka_unit_test(other_bytes_under_the_name_are_somebody_elses),
        cmocka_unit_test(a_412_after_an_unknown_fate_is_settled_by_the_bytes),
        cmocka_unit_test(a_200_with_an_error_in_it_is_an_error),
        cmocka_unit_test(an_object_is_stored_though_the_condition_could_not_be_learnt),
        cmocka_unit_test(a_lost_reply_tells_nothing_about_the_condition),
        cmocka_unit_test(a_head_that_is_refused_is_asked_again_in_words),
        cmocka_unit_test(what_may_help_is_tried_again),
        cmocka_unit_test(a_server_that_does_not_show_what_it_took_is_no_store),
        cmocka_unit_test(a_cut_object_is_fetched_again),
        cmocka_unit_test(a_part_must_be_the_one_asked_for),
        cmocka_unit_test(absent_is_only_what_the_server_calls_so),
        cmocka_unit_test(refusals_are_told_and_not_repeated),
        cmocka_unit_test(pages_are_visited_once_whatever_happens),
        cmocka_unit_test(listings_that_lie_are_refused),
        cmocka_unit_test(a_listing_without_end_is_refused),
        cmocka_unit_test(the_end_of_patience_is_busy_with_the_last_cause),
        cmocka_unit_test(a_server_that_asks_for_time_gets_it),
        cmocka_unit_test(a_date_to_come_back_at_is_kept),
        cmocka_unit_test(removing_is_tried_again),
        cmocka_unit_test(no_secret_is_told_and_the_token_is_sent),
        cmocka_unit_test(places_have_one_canonical_name),
        cmocka_unit_test(urls_that_mean_nothing_are_refused),
        cmocka_unit_test(plain_http_never_goes_through_a_proxy),
        cmocka_unit_test(with_half_a_key_it_says_so),
    };
    (void)setenv("AWS_ACCESS_KEY_ID", "KEYID", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "SECRETSECRET", 1);
    (void)unsetenv("AWS_SESSION_TOKEN");
    (void)setenv("PGKEEP_STORE_PATIENCE", "10", 1);
    (void)setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    (void)setenv("AWS_CONFIG_FILE", "/dev/null", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
