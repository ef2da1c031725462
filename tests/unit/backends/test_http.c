/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client against a server that does as it is told. */
#include "tests/support/check.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "backends/http.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "tests/support/http_server.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define CLOSE "Connection: close\r\n"

struct world {
    struct http_server *server;
    struct http *http;
    struct http_reply reply;
    char url[256];
};

static struct world begin(const struct http_server_step *steps, size_t count,
                          const struct http_options *o)
{
    struct error e = {0};
    struct world w = {.server = http_server_start(steps, count)};
    w.http = http_new(o ? o : &(struct http_options){0}, &e);
    assert_non_null(w.http);
    (void)snprintf(w.url, sizeof w.url, "http://127.0.0.1:%u/a/../b%%20c?x=%%2F",
                   http_server_port(w.server));
    return w;
}

static void end(struct world *w)
{
    http_reply_done(&w->reply);
    http_free(w->http);
    http_server_stop(w->server);
}

static int get(struct world *w, size_t most, struct error *e)
{
    struct http_request r = {.method = "GET", .url = w->url, .most_reply = most};
    return http_send(w->http, &r, &w->reply, e);
}

static void assert_body(const struct world *w, const char *text)
{
    assert_int_equal(w->reply.body.len, strlen(text));
    if (*text)
        assert_memory_equal(w->reply.body.data, text, strlen(text));
}

static void a_reply_comes_whole_with_its_fields(void **state)
{
    static const struct http_server_step steps[] = {
        {.reply = OK "Content-Length: 5\r\nX-One:  two \r\nEmpty:\r\n" CLOSE "\r\nhello"}};
    static const char *const headers[] = {"X-Sent: yes", NULL};
    struct error e = {0};
    struct world w = begin(steps, 1, NULL);
    (void)state;
    struct http_request r = {
        .method = "GET", .url = w.url, .headers = headers, .most_reply = 5};
    assert_done(http_send(w.http, &r, &w.reply, &e), &e);
    assert_int_equal(w.reply.status, 200);
    assert_body(&w, "hello");
    assert_string_equal(http_reply_field(&w.reply, "x-one"), "two");
    assert_string_equal(http_reply_field(&w.reply, "EMPTY"), "");
    assert_null(http_reply_field(&w.reply, "two"));
    const char *request = http_server_request(w.server, 0, NULL);
    assert_true(str_starts(request, "GET /a/../b%20c?x=%2F HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "\r\nX-Sent: yes\r\n"));
    end(&w);
}

static void a_body_is_sent_as_it_is(void **state)
{
    static const struct http_server_step steps[] = {
        {.reply = OK "Content-Length: 0\r\n\r\n", .keep = true},
        {.reply = "HTTP/1.1 204 No Content\r\n\r\n", .keep = true},
        {.reply = OK "Content-Length: 2\r\n" CLOSE "\r\nok"}};
    struct error e = {0};
    struct buf b = {0};
    size_t len;
    struct world w = begin(steps, ARRAY_SIZE(steps), NULL);
    (void)state;
    for (unsigned i = 0; i < 3 * MIB; i++)
        assert_int_equal(buf_byte(&b, (uint8_t)(i * 7 + i / 251), &e), 0);
    struct http_request r = {.method = "PUT", .url = w.url, .body = buf_view(&b)};
    assert_done(http_send(w.http, &r, &w.reply, &e), &e);
    const char *request = http_server_request(w.server, 0, &len);
    assert_true(str_starts(request, "PUT "));
    assert_memory_equal(request + len - b.len, b.data, b.len);
    r.body.len = 0;
    assert_done(http_send(w.http, &r, &w.reply, &e), &e);
    assert_int_equal(w.reply.status, 204);
    r = (struct http_request){
        .method = "POST", .url = w.url, .body = bytes_text("a=b"), .most_reply = 2};
    assert_done(http_send(w.http, &r, &w.reply, &e), &e);
    request = http_server_request(w.server, 2, &len);
    assert_true(str_starts(request, "POST "));
    assert_string_equal(request + len - 3, "a=b");
    assert_body(&w, "ok");
    buf_done(&b);
    end(&w);
}

static void heads_and_deletes_have_no_body(void **state)
{
    static const struct http_server_step steps[] = {
        {.reply = OK "Content-Length: 99\r\n\r\n", .keep = true},
        {.reply = "HTTP/1.1 204 No Content\r\n" CLOSE "\r\n"}};
    struct error e = {0};
    struct world w = begin(steps, ARRAY_SIZE(steps), NULL);
    (void)state;
    struct http_request r = {.method = "HEAD", .url = w.url};
    assert_done(http_send(w.http, &r, &w.reply, &e), &e);
    assert_string_equal(http_reply_field(&w.reply, "content-length"), "99");
    r.method = "DELETE";
    assert_done(http_send(w.http, &r, &w.reply, &e), &e);
    assert_true(str_starts(http_server_request(w.server, 1, NULL), "DELETE "));
    end(&w);
}

static void more_than_was_asked_for_is_an_error(void **state)
{
    static const struct http_server_step steps[] = {
        {.reply = OK "Content-Length: 6\r\n" CLOSE "\r\nhello!"},
        {.reply = "HTTP/1.1 404 No\r\nContent-Length: 6\r\n" CLOSE "\r\nhello!"}};
    struct error e = {0};
    struct world w = begin(steps, ARRAY_SIZE(steps), NULL);
    (void)state;
    assert_refused(get(&w, 5, &e), &e, ERROR_IO);
    assert_done(get(&w, 5, &e), &e); /* the words of an error are wanted all the same */
    assert_int_equal(w.reply.status, 404);
    assert_body(&w, "hello!");
    end(&w);
}

static void a_head_without_end_is_refused(void **state)
{
    static struct http_server_step steps[1];
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    assert_done(buf_printf(&b, &e, OK), &e);
    for (int i = 0; i < 1000; i++)
        assert_done(buf_printf(&b, &e, "X-%d: %040d\r\n", i, i), &e);
    assert_done(buf_byte(&b, 0, &e), &e);
    steps[0].reply = (const char *)b.data;
    struct world w = begin(steps, 1, NULL);
    assert_refused(get(&w, 5, &e), &e, ERROR_IO);
    end(&w);
    buf_done(&b);
}

static void redirects_are_not_followed(void **state)
{
    static const struct http_server_step steps[] = {
        {.reply = "HTTP/1.1 301 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n"
                  "\r\n"}};
    struct error e = {0};
    struct world w = begin(steps, 1, NULL);
    (void)state;
    assert_done(get(&w, 5, &e), &e);
    assert_int_equal(w.reply.status, 301);
    assert_int_equal(http_server_count(w.server), 1);
    end(&w);
}

static void cut_replies_are_busy(void **state)
{
    static const struct http_server_step steps[] = {
        {.reply = OK "Content-Length: 100\r\n" CLOSE "\r\nhello"},
        {.reply = NULL},
        {.reply = NULL, .reset = true},
        {.reply = "HTTP/1.1 2"},
        {.reply = OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"},
        {.reply = "HTTP/1.1 100 Continue\r\n\r\n"}};
    struct error e = {0};
    struct world w = begin(steps, ARRAY_SIZE(steps), NULL);
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        assert_refused(get(&w, 1000, &e), &e, ERROR_BUSY);
        assert_true(w.reply.reached);
        assert_int_equal(w.reply.status, 0);
    }
    end(&w);
}

static void a_server_that_is_not_there_is_busy_and_was_not_reached(void **state)
{
    static const struct http_server_step steps[] = {{.reply = NULL}};
    struct error e = {0};
    struct world w = begin(steps, 1, NULL);
    (void)state;
    (void)snprintf(w.url, sizeof w.url, "http://127.0.0.1:1/");
    assert_refused(get(&w, 10, &e), &e, ERROR_BUSY);
    assert_false(w.reply.reached);
    (void)snprintf(w.url, sizeof w.url, "http://no-such-host.invalid/");
    assert_refused(get(&w, 10, &e), &e, ERROR_BUSY);
    assert_false(w.reply.reached);
    end(&w);
}

static void a_stall_ends_soon_and_slow_bytes_do_not(void **state)
{
    /* Bytes of the head count a line at a time: each must come well within the limit. */
    static const struct http_server_step steps[] = {
        {.reply = OK CLOSE "Content-Length: 120\r\n\r\n"
                           "hello hello hello hello hello hello hello hello hello hello "
                           "hello hello hello hello hello hello hello hello hello hello ",
         .slow_ms = 20},
        {.reply = OK "Content-Length: 5\r\n\r\nhe", .keep = true}};
    struct http_options o = {.stall_ms = 1500};
    struct error e = {0};
    struct world w = begin(steps, ARRAY_SIZE(steps), &o);
    (void)state;
    assert_done(get(&w, 120, &e), &e);
    int64_t began = clock_monotonic_ms();
    assert_refused(get(&w, 5, &e), &e, ERROR_BUSY);
    assert_non_null(strstr(e.text, "no byte for 1500 ms"));
    assert_true(clock_monotonic_ms() - began < 5000);
    end(&w);
}

static void the_deadline_holds(void **state)
{
    static const struct http_server_step steps[] = {{.reply =
                                                         OK "Content-Length: 1000\r\n\r\n"
                                                            "hello hello hello hello hello "
                                                            "hello hello hello hello hello ",
                                                     .slow_ms = 100}};
    struct error e = {0};
    struct world w = begin(steps, 1, NULL);
    (void)state;
    struct http_request r = {
        .method = "GET", .url = w.url, .most_reply = 5000, .deadline_ms = 500};
    int64_t began = clock_monotonic_ms();
    assert_refused(http_send(w.http, &r, &w.reply, &e), &e, ERROR_BUSY);
    assert_true(clock_monotonic_ms() - began < 3000);
    end(&w);
}

static volatile sig_atomic_t stop_flag;

static void on_alarm(int signal_number)
{
    (void)signal_number;
    stop_flag = SIGTERM;
}

static void a_stop_flag_ends_a_call_that_waits(void **state)
{
    static const struct http_server_step steps[] = {{.reply = NULL, .wait_ms = 20000}};
    struct http_options o = {.limits.stop = &stop_flag};
    struct sigaction act = {.sa_handler = on_alarm};
    struct itimerval soon = {.it_value.tv_usec = 200000};
    struct error e = {0};
    struct world w = begin(steps, 1, &o);
    (void)state;
    int64_t began = clock_monotonic_ms();
    assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_refused(get(&w, 5, &e), &e, ERROR_TERMINATED);
    assert_true(clock_monotonic_ms() - began < 10000);
    assert_refused(get(&w, 5, &e), &e, ERROR_TERMINATED);
    http_configure(w.http, &(struct store_options){0});
    end(&w);
}

static void connections_are_kept(void **state)
{
    static const struct http_server_step steps[] = {
        {.reply = OK "Content-Length: 1\r\n\r\nx", .keep = true}};
    struct error e = {0};
    struct world w = begin(steps, 1, NULL);
    (void)state;
    /* The server serves one connection at a time: a second one would not be answered. */
    for (int i = 0; i < 20; i++)
        assert_done(get(&w, 1, &e), &e);
    assert_int_equal(http_server_count(w.server), 20);
    end(&w);
}

static void a_dead_idle_connection_is_told_when_the_body_went_twice(void **state)
{
    static const struct http_server_step steps[] = {{.reply = OK "Content-Length: 0\r\n\r\n"},
                                                    {.reply = OK "Content-Length: 0\r\n\r\n"}};
    struct error e = {0};
    struct world w = begin(steps, ARRAY_SIZE(steps), NULL);
    (void)state;
    struct http_request r = {.method = "PUT", .url = w.url, .body = bytes_text("hello")};
    for (int i = 0; i < 5; i++) {
        size_t before = http_server_count(w.server);
        assert_done(http_send(w.http, &r, &w.reply, &e), &e);
        assert_true(w.reply.resent || http_server_count(w.server) == before + 1);
    }
    end(&w);
}

static void bandwidth_is_limited(void **state)
{
    static const struct http_server_step steps[] = {{.reply = OK CLOSE "Content-Length: 0\r\n"
                                                                       "\r\n"}};
    struct http_options o = {.limits.up_per_second = 1 * MIB};
    struct error e = {0};
    struct buf b = {0};
    struct world w = begin(steps, 1, &o);
    (void)state;
    assert_done(buf_reserve(&b, 3 * MIB, &e), &e);
    memset(b.data, 1, 3 * MIB);
    b.len = 3 * MIB;
    struct http_request r = {.method = "PUT", .url = w.url, .body = buf_view(&b)};
    int64_t began = clock_monotonic_ms();
    assert_done(http_send(w.http, &r, &w.reply, &e), &e);
    assert_true(clock_monotonic_ms() - began > 1500);
    buf_done(&b);
    end(&w);
}

static void other_protocols_are_refused(void **state)
{
    static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/", "", "http://"};
    static const struct http_server_step steps[] = {{.reply = NULL}};
    struct error e = {0};
    struct world w = begin(steps, 1, NULL);
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        (void)snprintf(w.url, sizeof w.url, "%s", urls[i]);
        assert_refused(get(&w, 100000, &e), &e, ERROR_USAGE);
        assert_int_equal(w.reply.body.len, 0);
    }
    end(&w);
}

static void a_name_that_is_not_found_is_looked_up_again(void **state)
{
    struct error e = {0};
    struct http_options o = {.connect_ms = 2000, .stall_ms = 2000};
    struct http *h = http_new(&o, &e);
    struct http_reply reply = {0};
    const struct http_request r = {.method = "GET",
                                   .url = "http://no-such-host.invalid/",
                                   .most_reply = 10,
                                   .deadline_ms = 5000};
    (void)state;
    assert_non_null(h);
    /* How soon it is known not to be there is up to the machine's resolver. */
    for (int i = 0; i < 3; i++)
        assert_refused(http_send(h, &r, &reply, &e), &e, ERROR_BUSY);
    http_reply_done(&reply);
    http_free(h);
}

static void a_proxy_password_is_never_told(void **state)
{
    static const struct http_server_step steps[] = {{.reply = NULL}};
    static const char *const proxies[] = {"bad scheme://me:hush@[::", "odd://me:hush@h:1",
                                          "http://me:hush@no-such-host.invalid:1"};
    struct error e = {0};
    struct world w = begin(steps, 1, NULL);
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(proxies); i++) {
        (void)setenv("http_proxy", proxies[i], 1);
        assert_int_equal(get(&w, 10, &e), -1);
        if (strstr(e.text, "hush"))
            fail_msg("%s", e.text);
    }
    (void)unsetenv("http_proxy");
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_comes_whole_with_its_fields),
        cmocka_unit_test(a_body_is_sent_as_it_is),
        cmocka_unit_test(heads_and_deletes_have_no_body),
        cmocka_unit_test(more_than_was_asked_for_is_an_error),
        cmocka_unit_test(a_head_without_end_is_refused),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(cut_replies_are_busy),
        cmocka_unit_test(a_server_that_is_not_there_is_busy_and_was_not_reached),
        cmocka_unit_test(a_stall_ends_soon_and_slow_bytes_do_not),
        cmocka_unit_test(the_deadline_holds),
        cmocka_unit_test(a_stop_flag_ends_a_call_that_waits),
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(a_dead_idle_connection_is_told_when_the_body_went_twice),
        cmocka_unit_test(bandwidth_is_limited),
        cmocka_unit_test(other_protocols_are_refused),
        cmocka_unit_test(a_name_that_is_not_found_is_looked_up_again),
        cmocka_unit_test(a_proxy_password_is_never_told),
    };
    (void)unsetenv("http_proxy");
    (void)unsetenv("all_proxy");
    (void)unsetenv("ALL_PROXY");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
