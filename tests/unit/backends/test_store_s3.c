/* SPDX-License-Identifier: Apache-2.0 */
/* The S3 store against a real server: PGKEEP_TEST_S3_URL and the keys in the environment, as
 * `tests/servers/ceph env DIR` prints them; skipped without. PGKEEP_TEST_S3_TLS_URL and
 * PGKEEP_TEST_S3_LOCK_URL add the tests of TLS and of object lock. */
#include "tests/support/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/backends.h"
#include "backends/store_s3.h"
#include "core/base/clock.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define URL_TEXT 1024
#define PAGES_OBJECTS 1005 /* more than one page of a listing */
#define THREADS 8

/* A URL of the environment with a folder of its own behind its prefix, and more parameters. */
static const char *url_with(char out[URL_TEXT], const char *variable, const char *folder,
                            const char *more)
{
    static unsigned count;
    const char *url = getenv(variable);
    if (!url) {
        skip();
        return "";
    }
    const char *query = strchr(url, '?');
    if (!query) {
        fail_msg("%s has no parameters", variable);
        return "";
    }
    (void)snprintf(out, URL_TEXT, "%.*s/%ld-%lld-%u%s%s%s", (int)(query - url), url,
                   (long)getpid(), (long long)clock_now_us(), count++, folder, query, more);
    return out;
}

static struct store *open_at(const char *url, bool create)
{
    struct error e = {0};
    struct store *s = backends_open(url, create, &e);
    if (!s)
        fail_msg("%s", e.text);
    return s;
}

static struct store *fresh(const char *folder)
{
    char url[URL_TEXT];
    return open_at(url_with(url, "PGKEEP_TEST_S3_URL", folder, ""), true);
}

static void put_text(struct store *s, const char *name, const char *text)
{
    struct error e = {0};
    assert_done(store_put(s, name, bytes_text(text), &e), &e);
}

static void assert_part(struct store *s, uint64_t offset, size_t len, const char *text)
{
    struct error e = {0};
    struct buf b = {0};
    assert_done(store_get(s, "packs/00/x", offset, len, &b, &e), &e);
    assert_int_equal(b.len, strlen(text));
    assert_memory_equal(b.data ? b.data : (const uint8_t *)"", text, b.len);
    buf_done(&b);
}

static int count_one(void *arg, const struct store_item *item, struct error *e)
{
    (void)e;
    assert_true(item->modified_us > INT64_C(1600000000000000));
    ++*(size_t *)arg;
    return 0;
}

static size_t count_of(struct store *s, const char *prefix)
{
    struct error e = {0};
    size_t n = 0;
    assert_done(store_list(s, prefix, count_one, &n, &e), &e);
    return n;
}

static void objects_of_all_sizes_come_back(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 100001, 5 * MIB + 17, 16 * MIB};
    struct error e = {0};
    struct buf b = {0}, back = {0};
    (void)state;
    struct store *s = fresh("");
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "packs/0%zu/abc-%zu", i, i);
        b.len = 0;
        assert_done(buf_reserve(&b, sizes[i] + 1, &e), &e);
        assert_done(secret_random(b.data, sizes[i], &e), &e);
        b.len = sizes[i];
        assert_done(store_put(s, name, buf_view(&b), &e), &e);
        assert_done(store_get(s, name, 0, STORE_ALL, &back, &e), &e);
        assert_true(bytes_equal(buf_view(&b), buf_view(&back)));
    }
    assert_int_equal(count_of(s, ""), ARRAY_SIZE(sizes)); /* the probe is gone */
    buf_done(&b);
    buf_done(&back);
    store_close(s);
}

static void parts_are_what_was_asked_for(void **state)
{
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    struct store *s = fresh("");
    put_text(s, "packs/00/x", "0123456789");
    put_text(s, "packs/00/y", "");
    assert_part(s, 0, 10, "0123456789");
    assert_part(s, 0, 3, "012");
    assert_part(s, 4, 3, "456");
    assert_part(s, 8, 100, "89");
    assert_part(s, 10, 5, "");
    assert_part(s, 5000, 5, "");
    assert_part(s, UINT64_MAX, 5, "");
    assert_part(s, 3, 0, "");
    assert_part(s, 7, STORE_ALL, "789");
    assert_done(store_get(s, "packs/00/y", 0, 10, &b, &e), &e);
    assert_int_equal(b.len, 0);
    assert_done(store_get(s, "packs/00/y", 0, STORE_ALL, &b, &e), &e);
    assert_int_equal(store_get(s, "packs/00/z", 0, STORE_ALL, &b, &e), STORE_ABSENT);
    assert_int_equal(store_get(s, "packs/00/z", 1, 2, &b, &e), STORE_ABSENT);
    assert_int_equal(store_get(s, "packs/00/z", 0, 0, &b, &e), STORE_ABSENT);
    buf_done(&b);
    store_close(s);
}

static void a_name_is_given_once(void **state)
{
    struct error e = {0};
    char url[URL_TEXT];
    (void)state;
    (void)url_with(url, "PGKEEP_TEST_S3_URL", "", "");
    struct store *probed = open_at(url, true), *plain = open_at(url, false);
    assert_non_null(strstr(store_describe(probed), "create-if-absent: yes"));
    assert_non_null(strstr(store_describe(plain), "not known"));
    put_text(probed, "config", "one");
    assert_int_equal(store_put(probed, "config", bytes_text("one"), &e), STORE_EXISTS);
    assert_int_equal(store_put(probed, "config", bytes_text("two"), &e), STORE_EXISTS);
    assert_int_equal(store_put(plain, "config", bytes_text("two"), &e), STORE_EXISTS);
    put_text(plain, "replica", "one");
    assert_non_null(strstr(store_describe(plain), "create-if-absent: yes"));
    assert_int_equal(store_put(plain, "replica", bytes_text("two"), &e), STORE_EXISTS);
    assert_refused(store_put_new(plain, "replica", bytes_text("two"), &e), &e, ERROR_EXISTS);
    store_close(plain);
    store_close(probed);
}

static void removing_is_fine_twice(void **state)
{
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    struct store *s = fresh("");
    put_text(s, "config", "one");
    assert_done(store_remove(s, "config", &e), &e);
    assert_done(store_remove(s, "config", &e), &e);
    assert_int_equal(store_get(s, "config", 0, STORE_ALL, &b, &e), STORE_ABSENT);
    assert_done(store_sync(s, &e), &e);
    put_text(s, "config", "two");
    store_close(s);
    buf_done(&b);
}

struct job {
    struct store *store;
    unsigned number, step;
    struct error e;
    bool failed;
};

static void *put_some(void *arg)
{
    struct job *j = arg;
    for (unsigned i = j->number; i < PAGES_OBJECTS && !j->failed; i += j->step) {
        char name[64];
        (void)snprintf(name, sizeof name, "marks/%04u", i);
        j->failed = store_put(j->store, name, bytes_text(name), &j->e) != 0;
    }
    return NULL;
}

static void a_listing_of_many_pages_from_many_threads_is_whole(void **state)
{
    struct job jobs[THREADS];
    pthread_t threads[THREADS];
    (void)state;
    struct store *s = fresh("");
    put_text(s, "config", "x");
    for (unsigned i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){.store = s, .number = i, .step = THREADS};
        assert_int_equal(pthread_create(&threads[i], NULL, put_some, &jobs[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (jobs[i].failed)
            fail_msg("%s", jobs[i].e.text);
    }
    assert_int_equal(count_of(s, "marks/"), PAGES_OBJECTS);
    assert_int_equal(count_of(s, "marks/000"), 10);
    assert_int_equal(count_of(s, ""), PAGES_OBJECTS + 1);
    assert_int_equal(count_of(s, "packs/"), 0);
    store_close(s);
}

static void odd_prefixes_and_names_work(void **state)
{
    static const char *const folders[] = {"/a%20b",        "/caf%C3%A9", "/a%3Db%26c",
                                          "/~%3A!$'()*,;", "/%2541",     "/plus+%2B"};
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        struct store *s = fresh(folders[i]);
        put_text(s, "packs/~:!$'()*,; \xc3\xa9%41=&", "odd");
        assert_int_equal(count_of(s, "packs/~:!$'()*,; \xc3\xa9%41=&"), 1);
        assert_done(store_get(s, "packs/~:!$'()*,; \xc3\xa9%41=&", 0, STORE_ALL, &b, &e), &e);
        assert_int_equal(count_of(s, ""), 1);
        store_close(s);
    }
    buf_done(&b);
}

static void more_than_64_mib_are_refused(void **state)
{
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    struct store *s = fresh("");
    assert_done(buf_reserve(&b, 64 * MIB + 1, &e), &e);
    memset(b.data, 7, 64 * MIB + 1);
    b.len = 64 * MIB + 1;
    assert_refused(store_put(s, "packs/00/big", buf_view(&b), &e), &e, ERROR_USAGE);
    b.len--;
    assert_done(store_put(s, "packs/00/big", buf_view(&b), &e), &e);
    assert_int_equal(count_of(s, ""), 1);
    buf_done(&b);
    store_close(s);
}

static void tls_needs_the_ca(void **state)
{
    struct error e = {0};
    char url[URL_TEXT], without[URL_TEXT];
    (void)state;
    (void)url_with(url, "PGKEEP_TEST_S3_TLS_URL", "", "");
    struct store *s = open_at(url, true);
    put_text(s, "config", "by TLS");
    assert_int_equal(count_of(s, ""), 1);
    store_close(s);
    (void)snprintf(without, sizeof without, "%.*s", (int)(strstr(url, "&ca-file=") - url), url);
    assert_null(store_s3_open(without, true, &e));
    assert_int_equal(e.kind, ERROR_IO);
    assert_non_null(strstr(e.text, "ca-file="));
}

static void the_bucket_may_stand_in_the_host(void **state)
{
    char url[URL_TEXT];
    const char *domain = getenv("PGKEEP_TEST_S3_DOMAIN"), *port = getenv("PGKEEP_TEST_S3_PORT");
    (void)state;
    if (!domain || !port)
        skip();
    (void)snprintf(url, sizeof url,
                   "s3://pgkeep/virtual-%lld?endpoint=http://%s:%s&path-style=0",
                   (long long)clock_now_us(), domain, port);
    struct store *s = open_at(url, true);
    put_text(s, "packs/00/a b", "x");
    assert_int_equal(count_of(s, ""), 1);
    store_close(s);
}

static void what_the_server_has_not_is_said_at_once(void **state)
{
    struct error e = {0};
    char url[URL_TEXT];
    (void)state;
    assert_null(
        store_s3_open(url_with(url, "PGKEEP_TEST_S3_URL", "", "&object-lock=3"), true, &e));
    assert_int_equal(e.kind, ERROR_UNSUPPORTED);
    assert_non_null(strstr(e.text, "object-lock"));
    error_clear(&e);
    assert_null(store_s3_open(url_with(url, "PGKEEP_TEST_S3_URL", "", "&storage-class=GLACIER"),
                              true, &e));
    assert_int_equal(e.kind, ERROR_UNSUPPORTED);
    assert_non_null(strstr(e.text, "storage-class"));
}

static void a_locked_bucket_takes_locked_objects(void **state)
{
    struct error e = {0};
    char url[URL_TEXT];
    (void)state;
    struct store *s =
        open_at(url_with(url, "PGKEEP_TEST_S3_LOCK_URL", "", "&object-lock=1"), true);
    put_text(s, "config", "kept");
    assert_int_equal(store_put(s, "config", bytes_text("x"), &e), STORE_EXISTS);
    assert_done(store_probe(s, &e), &e);
    store_close(s);
}

static void wrong_keys_are_told_apart(void **state)
{
    struct error e = {0};
    struct buf b = {0};
    char url[URL_TEXT], secret[256], id[256];
    (void)state;
    (void)url_with(url, "PGKEEP_TEST_S3_URL", "", "");
    (void)snprintf(secret, sizeof secret, "%s", getenv("AWS_SECRET_ACCESS_KEY"));
    (void)snprintf(id, sizeof id, "%s", getenv("AWS_ACCESS_KEY_ID"));
    (void)setenv("AWS_SECRET_ACCESS_KEY", "wrongwrongwrong", 1);
    struct store *s = open_at(url, false);
    assert_refused(store_get(s, "config", 0, STORE_ALL, &b, &e), &e, ERROR_KEY);
    assert_non_null(strstr(e.text, "SignatureDoesNotMatch"));
    assert_null(strstr(e.text, "wrongwrong"));
    store_close(s);
    (void)setenv("AWS_SECRET_ACCESS_KEY", secret, 1);
    (void)setenv("AWS_ACCESS_KEY_ID", "NOBODY", 1);
    s = open_at(url, false);
    assert_refused(store_get(s, "config", 0, STORE_ALL, &b, &e), &e, ERROR_KEY);
    store_close(s);
    (void)setenv("AWS_ACCESS_KEY_ID", id, 1);
    s = open_at(url, false);
    assert_int_equal(store_get(s, "config", 0, STORE_ALL, &b, &e), STORE_ABSENT);
    store_close(s);
    buf_done(&b);
}

static void a_bucket_that_is_not_there_is_no_repository(void **state)
{
    struct error e = {0};
    struct buf b = {0};
    char url[URL_TEXT];
    const char *query = getenv("PGKEEP_TEST_S3_URL");
    (void)state;
    if (!query) {
        skip();
        return;
    }
    (void)snprintf(url, sizeof url, "s3://no-such-bucket-here/p%s",
                   query + strcspn(query, "?"));
    struct store *s = open_at(url, false);
    assert_refused(store_get(s, "config", 0, STORE_ALL, &b, &e), &e, ERROR_NO_REPOSITORY);
    assert_refused(store_put(s, "config", bytes_text("x"), &e), &e, ERROR_NO_REPOSITORY);
    store_close(s);
    assert_null(store_s3_open(url, true, &e));
    assert_int_equal(e.kind, ERROR_NO_REPOSITORY);
    buf_done(&b);
}

static void a_stop_flag_ends_calls(void **state)
{
    static volatile sig_atomic_t stop = SIGINT;
    struct error e = {0};
    struct buf b = {0};
    (void)state;
    struct store *s = fresh("");
    const struct store_options options = {.stop = &stop};
    store_configure(s, &options);
    assert_refused(store_get(s, "config", 0, STORE_ALL, &b, &e), &e, ERROR_INTERRUPTED);
    store_close(s);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_of_all_sizes_come_back),
        cmocka_unit_test(parts_are_what_was_asked_for),
        cmocka_unit_test(a_name_is_given_once),
        cmocka_unit_test(removing_is_fine_twice),
        cmocka_unit_test(a_listing_of_many_pages_from_many_threads_is_whole),
        cmocka_unit_test(odd_prefixes_and_names_work),
        cmocka_unit_test(more_than_64_mib_are_refused),
        cmocka_unit_test(tls_needs_the_ca),
        cmocka_unit_test(the_bucket_may_stand_in_the_host),
        cmocka_unit_test(what_the_server_has_not_is_said_at_once),
        cmocka_unit_test(a_locked_bucket_takes_locked_objects),
        cmocka_unit_test(wrong_keys_are_told_apart),
        cmocka_unit_test(a_bucket_that_is_not_there_is_no_repository),
        cmocka_unit_test(a_stop_flag_ends_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
