/* SPDX-License-Identifier: Apache-2.0 */
/* Every fixture dump into a repository and back, to the byte; the rows and the COPY text of
 * the uncompressed ones as the server gave them. */
#include "tests/support/check.h"

#include <dirent.h>
#include <stdlib.h>

#include <jansson.h>

#include "backends/store_dir.h"
#include "core/base/file.h"
#include "core/base/str.h"
#include "tests/support/repository.h"
#include "tests/support/scratch.h"

#define FOLDER PGKEEP_TEST_FIXTURES "/pgdump"
#define MAX_DUMP (64 * MIB)

struct world {
    char folder[SCRATCH_PATH];
    struct store *store;
    struct repository repository;
    uint64_t sequence;
};

static int setup(void **state)
{
    struct error e = {0};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    scratch_make(w->folder);
    w->store = store_dir_open(w->folder, true, &e);
    assert_non_null(w->store);
    repository_make(&w->repository, w->store);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    repository_done(&w->repository);
    store_close(w->store);
    scratch_remove(w->folder);
    free(w);
    return 0;
}

static void round_trip(struct world *w, const char *path)
{
    struct error e = {0};
    uint8_t id[FORMAT_ID_LEN];
    struct buf original = {0};
    struct buf back = {0};
    if (repository_backup(&w->repository, path, ++w->sequence, id, &e) < 0)
        fail_msg("%s: %s", path, e.text);
    if (repository_restore(&w->repository, id, &back, &e) < 0)
        fail_msg("%s: %s", path, e.text);
    assert_int_equal(file_load(path, MAX_DUMP, &original, &e), 0);
    assert_true(bytes_equal(buf_view(&original), buf_view(&back)));
    buf_done(&original);
    buf_done(&back);
}

static void every_fixture_comes_back_to_the_byte(void **state)
{
    struct world *w = *state;
    DIR *dir = opendir(FOLDER);
    int count = 0;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        char path[1024];
        if (len < 5 || strcmp(entry->d_name + len - 5, ".dump") != 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", FOLDER, entry->d_name);
        round_trip(w, path);
        count++;
    }
    (void)closedir(dir);
    assert_int_equal(count, 32);
}

/* What the .json of a fixture says about a table, and whether it was met. */
struct expectation {
    json_t *tables;
    size_t seen;
};

static int check_table(void *arg, const struct restore_entry *seen, struct error *e)
{
    struct expectation *x = arg;
    size_t i;
    json_t *table;
    (void)e;
    bool is_table = strcmp(seen->entry->desc, "TABLE DATA") == 0;
    if (!is_table)
        return 0;
    json_array_foreach(x->tables, i, table)
    {
        char hex[2 * DIGEST_LEN + 1];
        if (strcmp(json_string_value(json_object_get(table, "schema")), seen->entry->schema) !=
                0 ||
            strcmp(json_string_value(json_object_get(table, "table")), seen->entry->name) != 0)
            continue;
        assert_int_equal(json_integer_value(json_object_get(table, "rows")),
                         (json_int_t)seen->entry->rows);
        x->seen++;
        if (!seen->has_copy_sha256)
            return 0; /* compressed inside: its rows were counted */
        str_hex(hex, seen->copy_sha256, DIGEST_LEN);
        assert_string_equal(json_string_value(json_object_get(table, "copy_sha256")), hex);
        assert_int_equal(json_integer_value(json_object_get(table, "copy_bytes")),
                         (json_int_t)stream_bytes(&seen->entry->payload));
        return 0;
    }
    fail_msg("table %s.%s is not expected", seen->entry->schema, seen->entry->name);
    return 0;
}

static void rows_and_copy_text_are_what_the_server_gave(void **state)
{
    static const char *const names[] = {
        "A-pg15-none-file",
        "A-pg15-none-pipe",
        "A-pg17-none-file",
        "A-pg17-none-pipe",
        "A-pg18-none-file",
        "A-pg18-none-pipe",
        "A-pg18-none-redirect",
        "A-pg18-none-file-statistics",
        "A-pg19-none-file",
        "A-pg19-none-pipe",
        "A-pg18client-pg15server-none-pipe",
        "A-pg15-gzip-file",
        "A-pg17-gzip-pipe",
        "A-pg17-lz4-pipe",
        "A-pg18-zstd-file",
    };
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[1024];
        uint8_t id[FORMAT_ID_LEN];
        struct error e = {0};
        struct manifest m = {0};
        (void)snprintf(path, sizeof path, "%s/%s.dump", FOLDER, names[i]);
        assert_int_equal(repository_backup(&w->repository, path, ++w->sequence, id, &e), 0);
        (void)snprintf(path, sizeof path, "%s/%s.json", FOLDER, names[i]);
        json_t *expected = json_load_file(path, 0, NULL);
        assert_non_null(expected);
        struct expectation x = {.tables = json_object_get(expected, "tables")};
        assert_int_equal(repo_manifest(w->repository.repo, id, true, &m, &e), 0);
        const struct restore_options options = {.repo = w->repository.repo,
                                                .manifest = &m,
                                                .workers = 2,
                                                .check = true,
                                                .copy_sha256 = true,
                                                .on_entry = check_table,
                                                .on_entry_arg = &x};
        struct restore *r = restore_new(&options, &e);
        assert_non_null(r);
        assert_int_equal(restore_member(r, &m.private_part.members[0], &e), 0);
        assert_int_equal(x.seen, json_array_size(x.tables));
        restore_free(r);
        manifest_done(&m);
        json_decref(expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_fixture_comes_back_to_the_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_and_copy_text_are_what_the_server_gave, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
