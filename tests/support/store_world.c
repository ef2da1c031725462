/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/backends.h"
#include "core/base/child.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "tests/support/store_memory.h"

#define MAX_TESTS 32
#define S3_CLIENT PGKEEP_TEST_FIXTURES "/../servers/s3.py"

/* What the stores are asked about; the servers' lists name those that must be "yes". */
static const char *const caps[] = {"create-if-absent"};

struct kind {
    const char *name;
    const char *url_variable, *caps_variable, *folder_variable;
    const char *script; /* of tests/servers */
};

static const struct kind kinds[STORE_WORLD_KINDS] = {
    [STORE_WORLD_MEMORY] = {"memory", NULL, NULL, NULL, NULL},
    [STORE_WORLD_FOLDER] = {"directory", NULL, NULL, NULL, NULL},
    [STORE_WORLD_S3] = {"s3", "PGKEEP_TEST_S3_URL", "PGKEEP_TEST_S3_CAPS", NULL, "ceph"},
    [STORE_WORLD_SFTP] = {"sftp", "PGKEEP_TEST_SFTP_URL", "PGKEEP_TEST_SFTP_CAPS",
                          "PGKEEP_TEST_SFTP_FOLDER", "sshd"},
};

/* url with text put behind its path, before its parameters. */
static char *url_with(const char *url, const char *text)
{
    struct error e = {0};
    size_t path = strcspn(url, "?");
    char *out = str_format(&e, "%.*s%s%s", (int)path, url, text, url + path);
    assert_non_null(out);
    return out;
}

/* ---- set-up ------------------------------------------------------------------------ */

static void open_place(struct store_world *w)
{
    struct error e = {0};
    w->store = backends_open(w->url, true, &e);
    if (!w->store)
        fail_msg("%s: %s", w->url, e.text);
}

static void setup_folder(struct store_world *w)
{
    char folder[SCRATCH_PATH];
    struct error e = {0};
    scratch_make(folder);
    /* One level more, so that places beside it leave with it. */
    scratch_path(w->folder, folder, "a");
    w->url = str_copy(w->folder, &e);
    assert_non_null(w->url);
    open_place(w);
}

static void setup_server(struct store_world *w)
{
    const struct kind *k = &kinds[w->kind];
    const char *base = k->folder_variable ? getenv(k->folder_variable) : NULL;
    struct error e = {0};
    uint8_t number[8];
    char place[2 + 2 * sizeof number] = "/";
    assert_done(secret_random(number, sizeof number, &e), &e);
    str_hex(place + 1, number, sizeof number);
    if (base)
        scratch_path(w->folder, base, place + 1);
    w->url = url_with(getenv(k->url_variable), place);
    open_place(w);
}

static int setup(void **state, enum store_world_kind kind)
{
    struct error e = {0};
    struct store_world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->kind = kind;
    *state = w;
    if (kind == STORE_WORLD_FOLDER)
        setup_folder(w);
    else if (kind != STORE_WORLD_MEMORY)
        setup_server(w);
    else
        w->store = store_memory_new(&e);
    assert_non_null(w->store);
    return 0;
}

static int setup_memory(void **state)
{
    return setup(state, STORE_WORLD_MEMORY);
}

static int setup_directory(void **state)
{
    return setup(state, STORE_WORLD_FOLDER);
}

static int setup_s3(void **state)
{
    return setup(state, STORE_WORLD_S3);
}

static int setup_sftp(void **state)
{
    return setup(state, STORE_WORLD_SFTP);
}

static int teardown(void **state)
{
    struct store_world *w = *state;
    store_close(w->store);
    if (w->kind == STORE_WORLD_FOLDER) {
        *strrchr(w->folder, '/') = '\0';
        scratch_remove(w->folder);
    } else if (w->folder[0]) {
        scratch_remove(w->folder);
    }
    free(w->url);
    free(w);
    return 0;
}

/* ---- running ----------------------------------------------------------------------- */

static void the_test_servers_are_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < STORE_WORLD_KINDS; i++)
        if (kinds[i].script && !getenv(kinds[i].url_variable))
            fail_msg("%s is not set: see tests/servers/%s", kinds[i].url_variable,
                     kinds[i].script);
}

static bool usable(enum store_world_kind kind, bool required)
{
    const struct kind *k = &kinds[kind];
    if (!k->script || getenv(k->url_variable))
        return true;
    if (!required)
        print_message("[  SKIPPED ] %s: %s is not set: see tests/servers/%s\n", k->name,
                      k->url_variable, k->script);
    return false;
}

int store_world_run(const struct CMUnitTest *tests, size_t count)
{
    static int (*const setups[])(void **) = {setup_memory, setup_directory, setup_s3,
                                             setup_sftp};
    static char names[STORE_WORLD_KINDS * MAX_TESTS][96];
    struct CMUnitTest all[STORE_WORLD_KINDS * MAX_TESTS + 1];
    const char *require = getenv("PGKEEP_REQUIRE_SERVERS");
    bool required = require && strcmp(require, "1") == 0;
    size_t n = 0;
    assert_true(count <= MAX_TESTS);
    for (size_t kind = 0; kind < STORE_WORLD_KINDS; kind++) {
        if (!usable((enum store_world_kind)kind, required))
            continue;
        for (size_t i = 0; i < count; i++) {
            (void)snprintf(names[n], sizeof names[n], "%s: %s", kinds[kind].name,
                           tests[i].name);
            all[n] =
                (struct CMUnitTest){names[n], tests[i].test_func, setups[kind], teardown, NULL};
            n++;
        }
    }
    if (required)
        all[n++] = (struct CMUnitTest)cmocka_unit_test(the_test_servers_are_there);
    return _cmocka_run_group_tests("stores", all, n, NULL, NULL);
}

/* ---- for the tests ----------------------------------------------------------------- */

struct store *store_world_again(const struct store_world *w, const char *suffix)
{
    struct error e = {0};
    if (!w->url)
        return NULL;
    char *url = url_with(w->url, suffix);
    struct store *s = backends_open(url, *suffix != '\0', &e);
    if (!s)
        fail_msg("%s: %s", url, e.text);
    free(url);
    return s;
}

/* "name: yes" in what the store says of itself. */
static bool says_yes(const struct store_world *w, const char *name)
{
    struct error e = {0};
    char *words = str_format(&e, "%s: yes", name);
    assert_non_null(words);
    bool found = strstr(store_describe(w->store), words) != NULL;
    free(words);
    return found;
}

bool store_world_exclusive(const struct store_world *w)
{
    return w->kind == STORE_WORLD_MEMORY || w->kind == STORE_WORLD_FOLDER ||
           says_yes(w, "create-if-absent");
}

void store_world_check_caps(const struct store_world *w)
{
    const char *variable = kinds[w->kind].caps_variable;
    const char *list = variable ? getenv(variable) : "create-if-absent";
    if (w->kind == STORE_WORLD_MEMORY)
        return;
    assert_non_null(list);
    for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
        bool expected = strstr(list, caps[i]) != NULL;
        if (says_yes(w, caps[i]) != expected)
            fail_msg("%s: expected %s: %s, found \"%s\"", kinds[w->kind].name, caps[i],
                     expected ? "yes" : "no", store_describe(w->store));
    }
}

static void write_file(const char *folder, const char *name, struct bytes content)
{
    char path[SCRATCH_PATH];
    scratch_path(path, folder, name);
    for (char *slash = path + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            fail_msg("%s: %s", path, strerror(errno));
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    assert_int_equal(write(fd, content.data, content.len), content.len);
    (void)close(fd);
}

/* The name as s3.py wants it: every byte in hex. */
static char *quoted(const char *name)
{
    struct error e = {0};
    struct buf b = {0};
    for (const char *c = name; *c; c++)
        assert_int_equal(buf_printf(&b, &e, "%%%02x", (unsigned)(uint8_t)*c), 0);
    assert_int_equal(buf_byte(&b, 0, &e), 0);
    return (char *)b.data;
}

static bool upload(const struct store_world *w, const char *name, struct bytes content)
{
    struct error e = {0};
    char *key = quoted(name);
    const char *argv[] = {"/usr/bin/python3", S3_CLIENT, w->url, "put", key, NULL};
    struct child_options o = {.argv = argv, .pipe_in = true, .out_fd = -1};
    struct child *c = child_start(&o, &e);
    int status;
    if (!c)
        fail_msg("%s", e.text);
    assert_int_equal(write(child_in(c), content.data, content.len), content.len);
    child_close_in(c);
    assert_done(child_wait(c, &status, &e), &e);
    bool refused = strstr(child_errors(c), "InvalidObjectName") != NULL ||
                   strstr(child_errors(c), "InvalidURI") != NULL;
    if (status != 0 && !refused)
        fail_msg("%s", child_errors(c));
    child_free(c);
    free(key);
    return status == 0;
}

bool store_world_foreign(const struct store_world *w, const char *name, struct bytes content)
{
    struct error e = {0};
    if (w->kind == STORE_WORLD_S3)
        return upload(w, name, content);
    if (w->folder[0])
        write_file(w->folder, name, content);
    else
        assert_done(store_put(w->store, name, content, &e), &e);
    return true;
}
