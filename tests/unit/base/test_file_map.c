/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/file_map.h"
#include "tests/support/scratch.h"

enum { SIZE = 100000 };

static char folder[SCRATCH_PATH];
static char path[SCRATCH_PATH];
static struct error e;

static int make(void **state)
{
    (void)state;
    uint8_t *data = malloc(SIZE);
    scratch_make(folder);
    scratch_path(path, folder, "it");
    assert_non_null(data);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    assert_done(file_replace(path, bytes_of(data, SIZE), 0600, &e), &e);
    free(data);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    scratch_remove(folder);
    return 0;
}

static void a_map_holds_the_file_and_outlives_its_name(void **state)
{
    (void)state;
    struct bytes map;
    assert_done(file_map_open(path, &map, &e), &e);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(map.len, SIZE);
    assert_done(file_map_ready(map, &e), &e);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(map.data[i], (uint8_t)(i * 7 + i / 256));
    file_map_close(map);
}

static void parts_that_rested_are_still_there(void **state)
{
    (void)state;
    static const size_t edges[] = {0, 1, 4095, 4096, 4097, 70000, SIZE};
    struct bytes map;
    assert_done(file_map_open(path, &map, &e), &e);
    for (size_t a = 0; a < ARRAY_SIZE(edges); a++)
        for (size_t b = a; b < ARRAY_SIZE(edges); b++) {
            struct bytes part = bytes_of(map.data + edges[a], edges[b] - edges[a]);
            assert_done(file_map_ready(part, &e), &e);
            file_map_rest(part);
            for (size_t i = 0; i < SIZE; i += 777)
                assert_int_equal(map.data[i], (uint8_t)(i * 7 + i / 256));
        }
    file_map_close(map);
}

static void a_part_that_the_file_lost_is_told_before_it_is_read(void **state)
{
    (void)state;
    struct bytes map;
    assert_done(file_map_open(path, &map, &e), &e);
    assert_int_equal(truncate(path, 8192), 0);
    assert_done(file_map_ready(bytes_of(map.data, 8192), &e), &e);
    error_clear(&e);
    /* Linux before 5.14 cannot tell. */
    if (file_map_ready(map, &e) < 0)
        assert_int_equal(e.kind, ERROR_IO);
    else
        (void)printf("this system does not tell\n");
    file_map_close(map);
}

static void an_empty_file_is_an_empty_map(void **state)
{
    (void)state;
    struct bytes map;
    assert_int_equal(truncate(path, 0), 0);
    assert_done(file_map_open(path, &map, &e), &e);
    assert_int_equal(map.len, 0);
    assert_done(file_map_ready(map, &e), &e);
    file_map_rest(map);
    file_map_close(map);
}

static void a_scratch_file_is_changed_in_place(void **state)
{
    (void)state;
    void *map;
    int fd = file_temporary(path, &e);
    assert_true(fd >= 0);
    assert_done(file_map_scratch(fd, "scratch", &map, &e), &e);
    assert_null(map);
    assert_done(file_write_full(fd, bytes_text("0123456789"), &e), &e);
    assert_done(file_map_scratch(fd, "scratch", &map, &e), &e);
    assert_int_equal(close(fd), 0);
    uint8_t *bytes = map;
    bytes[3] = 'x';
    assert_memory_equal(bytes, "012x456789", 10);
    file_map_close(bytes_of(map, 10));
}

static void what_is_no_file_is_absent_or_refused(void **state)
{
    (void)state;
    struct bytes map;
    char pipe[SCRATCH_PATH];
    assert_refused(file_map_open(folder, &map, &e), &e, ERROR_IO);
    scratch_path(pipe, folder, "pipe");
    assert_int_equal(file_map_open(pipe, &map, &e), FILE_MAP_ABSENT);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_refused(file_map_open(pipe, &map, &e), &e, ERROR_IO);
    scratch_path(pipe, path, "below");
    assert_refused(file_map_open(pipe, &map, &e), &e, ERROR_IO);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_map_holds_the_file_and_outlives_its_name),
        IN_FOLDER(parts_that_rested_are_still_there),
        IN_FOLDER(a_part_that_the_file_lost_is_told_before_it_is_read),
        IN_FOLDER(an_empty_file_is_an_empty_map),
        IN_FOLDER(a_scratch_file_is_changed_in_place),
        IN_FOLDER(what_is_no_file_is_absent_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
