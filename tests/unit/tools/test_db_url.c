/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "tests/support/scratch.h"
#include "tools/db_url.h"

static struct error e;
static char folder[SCRATCH_PATH];
static const struct db_url_options plain;

static const char *text_or(const char *text)
{
    return text ? text : "(none)";
}

static void assert_value(const struct db_url *u, const char *keyword, const char *want)
{
    if (strcmp(text_or(db_url_get(u, keyword)), text_or(want)) != 0)
        fail_msg("%s is %s, not %s", keyword, text_or(db_url_get(u, keyword)), text_or(want));
}

/* url gives this value for keyword (NULL: none). */
static void assert_gives(const char *url, const struct db_url_options *o, const char *keyword,
                         const char *want)
{
    struct db_url u = {0};
    if (db_url_parse(&u, url, "DATABASE_URL", o, &e) != 0)
        fail_msg("%s: %s", url, e.text);
    assert_value(&u, keyword, want);
    db_url_done(&u);
}

/* url is refused; the message has all of says and none of the canaries. */
static void assert_no(const char *url, const struct db_url_options *o, const char *says)
{
    static const char *const canaries[] = {"canary", "cage", "sing"};
    struct db_url u = {0};
    error_clear(&e);
    if (db_url_parse(&u, url, "DATABASE_URL", o, &e) != -1 || e.kind != ERROR_USAGE)
        fail_msg("%s: not refused as wrong usage", url);
    if (!strstr(e.text, says) || strncmp(e.text, "DATABASE_URL: ", 14) != 0)
        fail_msg("%s: says \"%s\", not \"%s\"", url, e.text, says);
    for (size_t i = 0; i < ARRAY_SIZE(canaries); i++)
        if (strstr(e.text, canaries[i]))
            fail_msg("%s: says \"%s\"", url, e.text);
    assert_int_equal(u.count, 0);
    assert_null(u.keywords[0]);
}

/* -- the same as libpq -- */

/* Every keyword that libpq reads from url we read too, with its value, and no other but the
 * application's name. */
static void assert_as_libpq(const char *url)
{
    struct db_url u = {0};
    char *why = NULL;
    size_t count = 0;
    PQconninfoOption *all = PQconninfoParse(url, &why);
    if (!all)
        fail_msg("libpq refuses %s: %s", url, text_or(why));
    if (db_url_parse(&u, url, "URL", &plain, &e) != 0)
        fail_msg("%s: %s", url, e.text);
    for (const PQconninfoOption *o = all; o && o->keyword; o++)
        if (o->val) {
            assert_value(&u, o->keyword, o->val);
            count++;
        }
    if (count != u.count - 1)
        fail_msg("%s: %zu keywords, libpq has %zu", url, u.count - 1, count);
    assert_non_null(db_url_get(&u, "application_name"));
    PQconninfoFree(all);
    db_url_done(&u);
}

static void urls_mean_what_libpq_takes_them_for(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "postgresql://",
        "postgresql:///",
        "postgresql:///shop",
        "postgresql://localhost",
        "postgresql://localhost:5433",
        "postgres://localhost/shop",
        "postgresql://user@localhost",
        "postgresql://user:secret@localhost",
        "postgresql://user:secret@localhost:5432/shop?sslmode=require",
        "postgresql://:secret@localhost",
        "postgresql://user:@localhost",
        "postgresql://@localhost",
        "postgresql://us%65r:se%63ret%40%2f%3A%25@localhost/sh%6Fp",
        "postgresql://user:se:cr:et@localhost/shop",
        "postgresql://[2001:db8::1234]/shop",
        "postgresql://user@[::1]:5433/shop",
        "postgresql://[fe80::1%25eth0]:5433",
        "postgresql://host1:123,host2:456/shop?target_session_attrs=any",
        "postgresql://host1,host2,host3:5434/shop",
        "postgresql://[::1]:1,[::2]:65535,host/",
        "postgresql://,host2/",
        "postgresql://%2Fvar%2Frun%2Fpostgresql/shop",
        "postgresql://user:secret@%2Fvar%2Frun%2Fpostgresql:5433/shop",
        "postgresql:///shop?host=/var/run/postgresql&port=5433",
        "postgresql://first/shop?host=second",
        "postgresql://?host=localhost&user=user&password=secret&dbname=shop",
        "postgresql://:5433/",
        "postgresql://localhost/a/b",
        "postgresql://localhost?connect_timeout=0",
        "postgresql://localhost/?options=-c%20geqo%3Doff%20-c%20timezone%3DUTC",
        "postgresql://localhost/?ssl=true",
        "postgresql://localhost/?sslmode=disable&sslmode=prefer",
        "postgresql://localhost/shop?",
        "postgresql://localhost/shop?connect_timeout=5&",
        "postgresql://localhost/?channel_binding=require&keepalives=0",
        "postgresql://localhost/?sslmode=verify-full&sslrootcert=ca.pem&sslcert=a.pem&sslkey=b",
        "postgresql://localhost/?sslmode=",
        "postgresql://localhost/sh+op?service=a%26b",
        "postgresql://\xc3\xbcser:p\xc3\xa4ss@localhost/",
        "postgresql://user:a!$*()_;<>{}|^~-.,'`@localhost/",
    };
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
        assert_as_libpq(urls[i]);
}

static void a_path_behind_user_and_query_is_not_cut_short(void **state)
{
    (void)state;
    assert_gives("postgresql://h/d?user=me@realm", &plain, "user", "me@realm");
    assert_gives("postgresql://h?user=me@realm", &plain, "user", "me@realm");
    assert_gives("postgresql://h/d?options=-cgeqo=off", &plain, "options", "-cgeqo=off");
    assert_gives("POSTGRESQL://h/d", &plain, "host", "h");
}

static void application_name_is_ours_unless_given(void **state)
{
    (void)state;
    assert_gives("postgresql://h/", &plain, "application_name", "pgkeep/" PGKEEP_VERSION);
    assert_gives("postgresql://h/?application_name=x", &plain, "application_name", "x");
}

static void white_space_and_one_pair_of_quotes_are_taken_off(void **state)
{
    (void)state;
    assert_gives("\"postgresql://h/d\"", &plain, "dbname", "d");
    assert_gives(" 'postgresql://h/d'\r\n", &plain, "dbname", "d");
    assert_gives("postgresql://h/d\n", &plain, "dbname", "d");
    assert_no("\"postgresql://u:canary@h/d", &plain, "expected a URL that begins with");
    assert_no("\"'postgresql://u:canary@h/d'\"", &plain, "expected a URL that begins with");
}

/* -- the table of Prisma's parameters -- */

static void schema_is_no_connection_parameter(void **state)
{
    (void)state;
    struct db_url u = {0};
    assert_done(db_url_parse(&u, "postgresql://h/d?schema=a%20b", "U", &plain, &e), &e);
    assert_string_equal(u.schema, "a b");
    assert_value(&u, "schema", NULL);
    assert_value(&u, "options", NULL);
    db_url_done(&u);
    assert_null(u.schema);
    assert_done(db_url_parse(&u, "postgresql://h/d?schema=a&schema=", "U", &plain, &e), &e);
    assert_null(u.schema);
    assert_false(u.pooler);
    db_url_done(&u);
}

static void what_only_prismas_client_knows_is_dropped(void **state)
{
    (void)state;
    static const char *const names[] = {
        "connection_limit",        "pool_timeout",   "statement_cache_size",
        "max_connection_lifetime", "socket_timeout", "max_idle_connection_lifetime",
        "single_use_connections",
    };
    char url[128];
    struct db_url u = {0};
    struct buf log = {0};
    char path[SCRATCH_PATH];
    scratch_path(path, folder, "dropped.log");
    const struct log_options o = {.level = LOG_LEVEL_DEBUG, .path = path};
    assert_done(log_open(&o, &e), &e);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        (void)snprintf(url, sizeof url, "postgresql://h/d?%s=9731&connect_timeout=3", names[i]);
        assert_done(db_url_parse(&u, url, "U", &plain, &e), &e);
        assert_value(&u, names[i], NULL);
        assert_value(&u, "connect_timeout", "3");
        assert_int_equal(u.count, 4);
        db_url_done(&u);
    }
    log_close();
    assert_done(file_load(path, MIB, &log, &e), &e);
    assert_done(buf_byte(&log, 0, &e), &e);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_non_null(strstr((const char *)log.data, names[i]));
    assert_null(strstr((const char *)log.data, "9731"));
    buf_done(&log);
}

static void poolers_are_refused_unless_allowed(void **state)
{
    (void)state;
    const struct db_url_options allowed = {.allow_pooler = true};
    struct db_url u = {0};
    assert_no("postgresql://u:canary@h:6543/d?pgbouncer=true", &plain, "DIRECT_URL");
    assert_done(db_url_parse(&u, "postgresql://h/d?pgbouncer=true", "U", &allowed, &e), &e);
    assert_true(u.pooler);
    assert_value(&u, "pgbouncer", NULL);
    db_url_done(&u);
    assert_done(db_url_parse(&u, "postgresql://h/d?pgbouncer=false", "U", &plain, &e), &e);
    assert_false(u.pooler);
    db_url_done(&u);
}

static void what_libpq_knows_is_kept(void **state)
{
    (void)state;
    assert_gives("postgresql://h/?connect_timeout=0", &plain, "connect_timeout", "0");
    assert_gives("postgresql://h/?options=-ca", &plain, "options", "-ca");
    assert_gives("postgresql://h/?channel_binding=require", &plain, "channel_binding",
                 "require");
    assert_gives("postgresql:///?host=/run/x", &plain, "host", "/run/x");
    assert_gives("postgresql://h/?sslmode=verify-full", &plain, "sslmode", "verify-full");
    assert_no("postgresql://h/?sslmode=canary", &plain, "sslmode: expected");
    assert_no("postgresql://h/?sslmode=no-verify", &plain, "no-verify is require");
    assert_no("postgresql://h/?ssl=canary", &plain, "ssl: expected true");
}

static void a_mode_that_prisma_does_not_obey_is_told(void **state)
{
    (void)state;
    struct db_url u = {0};
    struct buf log = {0};
    char path[SCRATCH_PATH];
    scratch_path(path, folder, "mode.log");
    const struct log_options o = {.level = LOG_LEVEL_INFO, .path = path};
    assert_done(log_open(&o, &e), &e);
    assert_done(db_url_parse(&u, "postgresql://h/?sslmode=verify-full", "ONE", &plain, &e), &e);
    db_url_done(&u);
    assert_done(
        db_url_parse(&u, "postgresql://h/?schema=s&sslmode=verify-full", "TWO", &plain, &e),
        &e);
    db_url_done(&u);
    log_close();
    assert_done(file_load(path, MIB, &log, &e), &e);
    assert_done(buf_byte(&log, 0, &e), &e);
    assert_null(strstr((const char *)log.data, "ONE"));
    assert_non_null(strstr((const char *)log.data, "TWO: sslmode=verify-full is obeyed"));
    buf_done(&log);
}

static void prismas_sslcert_is_the_ca_of_the_server(void **state)
{
    (void)state;
    const struct db_url_options prisma = {.prisma_style = true};
    const char *lax = "postgresql://h/?sslcert=a.pem&sslaccept=accept_invalid_certs";
    assert_gives(lax, &plain, "sslrootcert", "a.pem");
    assert_gives(lax, &plain, "sslcert", NULL);
    assert_gives(lax, &plain, "sslmode", NULL);
    assert_gives("postgresql://h/?sslcert=a.pem", &prisma, "sslrootcert", "a.pem");
    assert_gives("postgresql://h/?sslcert=a.pem", &prisma, "sslcert", NULL);
    assert_gives("postgresql://h/?sslcert=a.pem&sslkey=b.pem", &plain, "sslcert", "a.pem");
    assert_gives("postgresql://h/?sslcert=a.pem&sslrootcert=b.pem", &plain, "sslcert", "a.pem");
    assert_no("postgresql://h/?sslcert=canary.pem", &plain, "write sslrootcert for a CA");
}

static void sslaccept_strict_is_verify_full(void **state)
{
    (void)state;
    const char *with_ca = "postgresql://h/?sslcert=a.pem&sslaccept=strict&sslmode=require";
    const char *without = "postgresql://h/?sslaccept=strict";
    struct db_url u = {0};
    assert_gives(with_ca, &plain, "sslmode", "verify-full");
    assert_gives(with_ca, &plain, "sslrootcert", "a.pem");
    assert_done(db_url_parse(&u, without, "U", &plain, &e), &e);
    assert_value(&u, "sslmode", "verify-full");
    /* A bundle of the system, or the word for it where there is none. */
    const char *roots = db_url_get(&u, "sslrootcert");
    assert_true(strcmp(roots, "system") == 0 || access(roots, R_OK) == 0);
    db_url_done(&u);
    assert_gives("postgresql://h/?sslaccept=accept_invalid_certs&sslmode=require", &plain,
                 "sslmode", "require");
    assert_no("postgresql://h/?sslaccept=canary", &plain, "sslaccept: expected strict");
    assert_no("postgresql://h/?sslaccept=strict&sslmode=disable", &plain, "contradict");
}

static void pkcs12_is_refused_with_the_way_out(void **state)
{
    (void)state;
    assert_no("postgresql://h/?sslidentity=canary.p12", &plain, "sslidentity");
    assert_no("postgresql://h/?sslidentity=canary.p12&sslpassword=cage", &plain, "sslkey");
    assert_no("postgresql://h/?sslpassword=canary", &plain, "sslpassword");
    /* With a key it is libpq's own: the passphrase of that key. */
    assert_gives("postgresql://h/?sslpassword=x&sslkey=k&sslcert=c", &plain, "sslpassword",
                 "x");
}

static void accelerate_and_other_schemes_are_refused(void **state)
{
    (void)state;
    assert_no("prisma://accelerate.net/?api_key=canary", &plain, "Accelerate");
    assert_no("prisma+postgres://localhost:1/?api_key=canary", &plain, "direct one");
    assert_no("mysql://u:canary@h/d", &plain, "expected a URL that begins with postgresql://");
    assert_no("jdbc:postgresql://h/d?user=canary", &plain, "begins with");
    assert_no("host=h password=canary", &plain, "begins with");
    assert_no("", &plain, "it is empty");
    assert_no("''", &plain, "it is empty");
}

static void unknown_parameters_are_named_or_ignored(void **state)
{
    (void)state;
    const char *const names[] = {"other", "api_key"};
    const struct db_url_options ignoring = {.ignore = names, .ignore_count = 2};
    const char *url = "postgresql://u:cage@h/d?api_key=canary";
    assert_no(url, &plain, "parameter api_key is not known\nhint: ");
    assert_no(url, &plain, "--url-ignore api_key");
    assert_gives(url, &ignoring, "api_key", NULL);
    assert_gives(url, &ignoring, "dbname", "d");
    assert_no("postgresql://h/d?replication=true", &plain, "replication");
}

/* -- passwords that were not escaped -- */

static void unescaped_passwords_are_refused_with_the_way_out(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "postgresql://u:can@ary:cage@h/d",    "postgresql://u:canary#cage@h/d",
        "postgresql://u:canary%xcage@h/d",    "postgresql://u:canary%4@h/d",
        "postgresql://u:canary%@h/d",         "postgresql://u:canary%00@h/d",
        "postgresql://u:canary/cage@h/d",     "postgresql://u:canary?cage@h/d",
        "postgresql://u:canary cage@h/d",     "postgresql://u:12/canary@h/d",
        "postgresql://u:12?canary@h/d",       "postgresql://u:12?canary=cage@h/d",
        "postgresql://u:[canary]@[cage@h/d",  "postgresql://u:12?canary=cage&sing=1@h/d",
        "postgresql://h/d?password=a&canary", "postgresql://h/d?password=a&canary=cage",
        "postgresql://u:canary\ncage@h/d",    "postgresql://u:a@12?x=1&canary=cage@h/d",
    };
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
        assert_no(urls[i], &plain, "%25, @ as %40");
}

static void hosts_and_ports_must_be_some(void **state)
{
    (void)state;
    assert_no("postgresql://h:canary/d", &plain, "port: expected a number");
    assert_no("postgresql://h:0/d", &plain, "port");
    assert_no("postgresql://h:65536/d", &plain, "port");
    assert_no("postgresql://h:000001/d", &plain, "port");
    assert_no("postgresql://a:1,b:-2/d", &plain, "port");
    assert_no("postgresql://::1/d", &plain, "port");
    assert_no("postgresql://[::1/d", &plain, "[address]");
    assert_no("postgresql://[]/d", &plain, "[address]");
    assert_no("postgresql://[::1]canary/d", &plain, "[address]");
    assert_no("postgresql://can[ary]/d", &plain, "bracket");
    assert_no("postgresql://h%zz/d", &plain, "host: ");
}

/* -- the list -- */

static void set_replaces_and_adds(void **state)
{
    (void)state;
    struct db_url u = {0};
    char keyword[16];
    assert_done(db_url_set(&u, "host", "a", &e), &e);
    assert_done(db_url_set(&u, "dbname", "d", &e), &e);
    assert_done(db_url_set(&u, "host", "b", &e), &e);
    assert_int_equal(u.count, 2);
    assert_value(&u, "host", "b");
    assert_null(u.keywords[2]);
    for (int i = 2; i < DB_URL_MAX; i++) {
        (void)snprintf(keyword, sizeof keyword, "k%d", i);
        assert_done(db_url_set(&u, keyword, "v", &e), &e);
    }
    assert_refused(db_url_set(&u, "more", "v", &e), &e, ERROR_USAGE);
    assert_done(db_url_set(&u, "host", "c", &e), &e);
    assert_value(&u, "host", "c");
    assert_null(u.keywords[DB_URL_MAX]);
    db_url_done(&u);
    assert_int_equal(u.count, 0);
}

/* -- argv -- */

static void passwords_in_arguments_are_seen(void **state)
{
    (void)state;
    static const char *const secret[] = {
        "postgresql://user:pw@host/db",
        "--repo=s3://key:pw@bucket/prefix",
        "-dpostgres://user:pw@host",
        "sftp://user:pw@host:22/path",
        "postgresql://u:p/w@host/db",
        "postgresql://u:p?w@host/db",
        "postgresql://us@er:pw@host/db",
        "https://a/?endpoint=https://u:pw@h/",
        "host=h password=pw user=u",
        "password=pw",
        "password = 'pw'",
        "postgresql://h/d?user=u&password=pw",
        "postgresql://h/d?sslpassword=pw",
        "PGPASSWORD=pw",
        "-dhost=h password=pw",
        "https://:pw@host/",
    };
    static const char *const open[] = {
        "postgresql://user@host:5432/db",
        "postgresql://host:5432,other:5433/d?user=me@realm",
        "sftp://user@host:2222/path",
        "sftp://user@host:2222/a:b@c",
        "https://host:9000/path@1",
        "s3://bucket/prefix?endpoint=https://host:9000&region=r",
        "postgresql://[::1]:5432/db?user=me@realm",
        "postgresql://user:@host/db",
        "/srv/backups",
        "user:pw@host",
        "--no-password",
        "--password-file=/etc/x",
        "reset_password=1",
        "password",
        "password=",
        "postgresql://h/d?password=&user=u",
        "",
    };
    for (size_t i = 0; i < ARRAY_SIZE(secret); i++)
        if (!db_url_is_secret(secret[i]))
            fail_msg("%s: not seen", secret[i]);
    for (size_t i = 0; i < ARRAY_SIZE(open); i++)
        if (db_url_is_secret(open[i]))
            fail_msg("%s: taken for a secret", open[i]);
}

static int make_folder(void **state)
{
    (void)state;
    scratch_make(folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    scratch_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_mean_what_libpq_takes_them_for),
        cmocka_unit_test(a_path_behind_user_and_query_is_not_cut_short),
        cmocka_unit_test(application_name_is_ours_unless_given),
        cmocka_unit_test(white_space_and_one_pair_of_quotes_are_taken_off),
        cmocka_unit_test(schema_is_no_connection_parameter),
        cmocka_unit_test(what_only_prismas_client_knows_is_dropped),
        cmocka_unit_test(poolers_are_refused_unless_allowed),
        cmocka_unit_test(what_libpq_knows_is_kept),
        cmocka_unit_test(a_mode_that_prisma_does_not_obey_is_told),
        cmocka_unit_test(prismas_sslcert_is_the_ca_of_the_server),
        cmocka_unit_test(sslaccept_strict_is_verify_full),
        cmocka_unit_test(pkcs12_is_refused_with_the_way_out),
        cmocka_unit_test(accelerate_and_other_schemes_are_refused),
        cmocka_unit_test(unknown_parameters_are_named_or_ignored),
        cmocka_unit_test(unescaped_passwords_are_refused_with_the_way_out),
        cmocka_unit_test(hosts_and_ports_must_be_some),
        cmocka_unit_test(set_replaces_and_adds),
        cmocka_unit_test(passwords_in_arguments_are_seen),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
