/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "tests/support/scratch.h"

static char folder[SCRATCH_PATH];
static char path[SCRATCH_PATH];
static struct error e;

static int make(void **state)
{
    (void)state;
    scratch_make(folder);
    scratch_path(path, folder, "it");
    return 0;
}

static int clear(void **state)
{
    (void)state;
    scratch_remove(folder);
    return 0;
}

static void assert_holds(const char *name, const char *want)
{
    struct buf b = {0};
    assert_done(file_load(name, 1000000, &b, &e), &e);
    assert_true(bytes_equal(buf_view(&b), bytes_text(want)));
    buf_done(&b);
}

static mode_t mode_of(const char *name)
{
    struct stat st;
    assert_int_equal(lstat(name, &st), 0);
    return st.st_mode & 07777;
}

static void *drain(void *arg)
{
    static uint8_t chunk[1000];
    size_t got, sum = 0;
    do {
        if (file_read_some(*(int *)arg, chunk, sizeof chunk, &got, NULL) < 0)
            return NULL;
        sum += got;
    } while (got > 0);
    return (void *)sum;
}

static void a_long_write_passes_a_pipe_whole(void **state)
{
    (void)state;
    enum { SIZE = 3000001 };
    int ends[2];
    pthread_t reader;
    void *sum = NULL;
    uint8_t *data = calloc(1, SIZE);
    assert_non_null(data);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&reader, NULL, drain, &ends[0]), 0);
    assert_done(file_write_full(ends[1], bytes_of(data, SIZE), &e), &e);
    (void)close(ends[1]);
    (void)pthread_join(reader, &sum);
    assert_int_equal((size_t)sum, SIZE);
    (void)close(ends[0]);
    free(data);
}

static void reads_and_writes_on_a_closed_descriptor_are_refused(void **state)
{
    (void)state;
    size_t got = 9;
    char c;
    assert_refused(file_write_full(-1, bytes_text("x"), &e), &e, ERROR_IO);
    assert_int_equal(e.sys, EBADF);
    assert_refused(file_read_some(-1, &c, 1, &got, &e), &e, ERROR_IO);
    assert_int_equal(got, 0);
    assert_refused(file_read_at(-1, 0, &c, 1, &got, &e), &e, ERROR_IO);
    assert_refused(file_sync_dir(-1, &e), &e, ERROR_IO);
}

static void read_at_gives_less_only_at_the_end(void **state)
{
    (void)state;
    char out[8] = {0};
    size_t got;
    assert_done(file_replace(path, bytes_text("0123456789"), 0600, &e), &e);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_done(file_read_at(fd, 2, out, 4, &got, &e), &e);
    assert_int_equal(got, 4);
    assert_memory_equal(out, "2345", 4);
    assert_done(file_read_at(fd, 7, out, 8, &got, &e), &e);
    assert_int_equal(got, 3);
    assert_memory_equal(out, "789", 3);
    assert_done(file_read_at(fd, 10, out, 8, &got, &e), &e);
    assert_int_equal(got, 0);
    assert_refused(file_read_at(fd, UINT64_MAX, out, 8, &got, &e), &e, ERROR_IO);
    assert_refused(file_read_at(fd, INT64_MAX, out, 8, &got, &e), &e, ERROR_IO);
    (void)close(fd);
}

static void load_answers_absent_and_replaces_what_was_there(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_done(buf_append(&b, "old", 3, &e), &e);
    assert_int_equal(file_load(path, 100, &b, &e), FILE_ABSENT);
    assert_int_equal(b.len, 0);
    assert_done(file_replace(path, bytes_text("new text"), 0600, &e), &e);
    assert_done(file_load(path, 100, &b, &e), &e);
    assert_true(bytes_equal(buf_view(&b), bytes_text("new text")));
    buf_done(&b);
}

static void load_takes_just_the_limit_and_refuses_more(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_done(file_replace(path, bytes_text("12345"), 0600, &e), &e);
    assert_done(file_load(path, 5, &b, &e), &e);
    assert_int_equal(b.len, 5);
    assert_refused(file_load(path, 4, &b, &e), &e, ERROR_IO);
    assert_int_equal(e.sys, EFBIG);
    assert_int_equal(b.len, 0);
    assert_refused(file_load("/dev/zero", 100000, &b, &e), &e, ERROR_IO);
    assert_refused(file_load(folder, 100, &b, &e), &e, ERROR_IO);
    assert_int_equal(e.sys, EISDIR);
    buf_done(&b);
}

static void load_reads_files_that_do_not_say_their_size(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_done(file_load("/proc/self/status", 1000000, &b, &e), &e);
    assert_true(b.len > 100);
    buf_done(&b);
}

static void assert_rule(const char *words)
{
    struct buf b = {0};
    assert_refused(file_load_secret(path, 100, &b, &e), &e, ERROR_KEY);
    if (!strstr(e.text, words))
        fail_msg("\"%s\" does not say \"%s\"", e.text, words);
    assert_int_equal(b.len, 0);
    buf_done(&b);
}

static void a_secret_in_a_private_file_is_read(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(file_load_secret(path, 100, &b, &e), FILE_ABSENT);
    assert_done(file_replace(path, bytes_text("hunter2"), 0600, &e), &e);
    assert_done(file_load_secret(path, 100, &b, &e), &e);
    assert_true(bytes_equal(buf_view(&b), bytes_text("hunter2")));
    assert_done(file_load_secret(path, 7, &b, &e), &e);
    assert_refused(file_load_secret(path, 6, &b, &e), &e, ERROR_IO);
    assert_int_equal(b.len, 0);
    for (size_t i = 0; i < b.cap; i++)
        assert_int_equal(b.data[i], 0);
    buf_done(&b);
}

static void a_secret_that_others_can_reach_is_refused_with_the_rule(void **state)
{
    (void)state;
    char other[SCRATCH_PATH];
    scratch_path(other, folder, "other");
    assert_done(file_replace(path, bytes_text("x"), 0640, &e), &e);
    assert_rule("no rights");
    assert_non_null(strstr(e.text, "\nhint: chmod 600 "));
    assert_done(file_replace(path, bytes_text("x"), 0602, &e), &e);
    assert_rule("no rights");
    assert_done(file_replace(path, bytes_text("x"), 0600, &e), &e);
    assert_int_equal(link(path, other), 0);
    assert_rule("one name");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(other, path), 0);
    assert_rule("symbolic link");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_rule("regular file");
}

static void a_secret_of_another_user_is_refused(void **state)
{
    (void)state;
    /* Only root can give a file away. */
    if (geteuid() != 0)
        skip();
    assert_done(file_replace(path, bytes_text("x"), 0600, &e), &e);
    assert_int_equal(chown(path, 1, 1), 0);
    assert_rule("belong to this user");
}

static void replace_keeps_no_temporary_file_and_sets_the_mode(void **state)
{
    (void)state;
    mode_t old = umask(077);
    assert_done(file_replace(path, bytes_text("one"), 0644, &e), &e);
    (void)umask(old);
    assert_int_equal(mode_of(path), 0644);
    assert_done(file_replace(path, bytes_text("two"), 0600, &e), &e);
    assert_holds(path, "two");
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(scratch_count(folder), 1);
}

static void replace_works_in_the_current_folder(void **state)
{
    (void)state;
    char *old = getcwd(NULL, 0);
    assert_int_equal(chdir(folder), 0);
    int result = file_replace("it", bytes_text("here"), 0600, &e);
    assert_int_equal(chdir(old), 0);
    free(old);
    assert_int_equal(result, 0);
    assert_holds(path, "here");
}

static void replace_in_a_folder_that_is_not_there_is_refused(void **state)
{
    (void)state;
    char lost[SCRATCH_PATH];
    scratch_path(lost, folder, "no/such");
    assert_refused(file_replace(lost, bytes_text("x"), 0600, &e), &e, ERROR_IO);
    assert_int_equal(e.sys, ENOENT);
    /* A folder cannot be replaced by a file, and the attempt leaves nothing behind. */
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(file_replace(path, bytes_text("x"), 0600, &e), &e, ERROR_IO);
    assert_int_equal(scratch_count(folder), 1);
}

static void create_never_overwrites(void **state)
{
    (void)state;
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_done(file_create_at(dir, "it", bytes_text("first"), 0640, &e), &e);
    assert_int_equal(file_create_at(dir, "it", bytes_text("second"), 0600, &e), FILE_EXISTS);
    assert_holds(path, "first");
    assert_int_equal(mode_of(path), 0640);
    assert_done(file_sync_dir(dir, &e), &e);
    assert_int_equal(scratch_count(folder), 1);
    (void)close(dir);
}

static void a_dangling_link_is_a_taken_name(void **state)
{
    (void)state;
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_int_equal(file_create_at(dir, "it", bytes_text("x"), 0600, &e), FILE_EXISTS);
    assert_int_equal(scratch_count(folder), 1);
    (void)close(dir);
}

struct racer {
    int dir;
    char letter;
    int result;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    char content[10000];
    memset(content, r->letter, sizeof content);
    r->result = file_create_at(r->dir, "it", bytes_of(content, sizeof content), 0600, NULL);
    return NULL;
}

static void of_many_creators_one_wins_and_its_content_stands(void **state)
{
    (void)state;
    enum { RACERS = 8 };
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    struct buf b = {0};
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.dir = dir, .letter = (char)('a' + i)};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    char winner = 0;
    for (int i = 0; i < RACERS; i++) {
        (void)pthread_join(threads[i], NULL);
        if (racers[i].result == 0) {
            assert_int_equal(winner, 0);
            winner = racers[i].letter;
        } else {
            assert_int_equal(racers[i].result, FILE_EXISTS);
        }
    }
    assert_done(file_load(path, 100000, &b, &e), &e);
    assert_int_equal(b.len, 10000);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.data[i], winner);
    buf_done(&b);
    (void)close(dir);
}

static void all_lacking_folders_are_made(void **state)
{
    (void)state;
    struct stat st;
    char deep[SCRATCH_PATH];
    scratch_path(deep, folder, "a//b/c/d///");
    assert_done(file_make_dirs(deep, 0750, &e), &e);
    assert_done(file_make_dirs(deep, 0750, &e), &e);
    assert_int_equal(stat(deep, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_done(file_make_dirs("/", 0700, &e), &e);
}

static void a_file_in_the_way_of_folders_is_an_error(void **state)
{
    (void)state;
    char below[SCRATCH_PATH];
    scratch_path(below, folder, "it/below");
    assert_done(file_replace(path, bytes_text("x"), 0600, &e), &e);
    assert_refused(file_make_dirs(path, 0700, &e), &e, ERROR_IO);
    assert_int_equal(e.sys, EEXIST);
    assert_refused(file_make_dirs(below, 0700, &e), &e, ERROR_IO);
    assert_refused(file_make_dirs("", 0700, &e), &e, ERROR_IO);
}

static void a_memory_file_is_read_from_its_start_and_outlives_exec(void **state)
{
    (void)state;
    char out[16];
    size_t got;
    struct stat st;
    int fd = file_memfd("pgpass", bytes_text("secret line"), &e);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_done(file_read_some(fd, out, sizeof out, &got, &e), &e);
    assert_int_equal(got, 11);
    assert_memory_equal(out, "secret line", 11);
    (void)close(fd);
}

static void a_lock_is_held_by_one_until_it_is_closed(void **state)
{
    (void)state;
    int first = file_lock(path, false, &e);
    assert_true(first >= 0);
    assert_int_equal(mode_of(path), 0600);
    assert_refused(file_lock(path, false, &e), &e, ERROR_BUSY);
    (void)close(first);
    int second = file_lock(path, false, &e);
    assert_true(second >= 0);
    (void)close(second);
}

static void *let_go(void *arg)
{
    (void)usleep(50000);
    (void)close(*(int *)arg);
    return NULL;
}

static void waiting_for_a_lock_ends_when_it_is_let_go(void **state)
{
    (void)state;
    pthread_t thread;
    int first = file_lock(path, true, &e);
    assert_true(first >= 0);
    assert_int_equal(pthread_create(&thread, NULL, let_go, &first), 0);
    int second = file_lock(path, true, &e);
    assert_true(second >= 0);
    (void)pthread_join(thread, NULL);
    (void)close(second);
}

static void a_temporary_file_has_no_name_and_holds_what_is_written(void **state)
{
    (void)state;
    char out[8];
    size_t got;
    struct stat st;
    int fd = file_temporary(path, &e);
    assert_true(fd >= 0);
    assert_int_equal(scratch_count(folder), 0);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_done(file_write_full(fd, bytes_text("abcdef"), &e), &e);
    file_write_behind(fd, 0, 6);
    file_write_behind(fd, UINT64_MAX, UINT64_MAX);
    assert_done(file_read_at(fd, 2, out, sizeof out, &got, &e), &e);
    assert_int_equal(got, 4);
    assert_memory_equal(out, "cdef", 4);
    (void)close(fd);
    char deep[SCRATCH_PATH];
    scratch_path(deep, folder, "no/it");
    assert_refused(file_temporary(deep, &e), &e, ERROR_IO);
}

static void what_is_punched_takes_no_room(void **state)
{
    (void)state;
    static char block[256 * 1024];
    char out[2];
    size_t got;
    struct stat before;
    struct stat after;
    memset(block, 'x', sizeof block);
    int fd = file_temporary(path, &e);
    assert_true(fd >= 0);
    assert_done(file_write_full(fd, bytes_of(block, sizeof block), &e), &e);
    assert_int_equal(fstat(fd, &before), 0);
    file_punch(fd, 65536, 131072);
    file_punch(fd, UINT64_MAX, UINT64_MAX);
    file_punch(fd, 0, 0);
    assert_int_equal(fstat(fd, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    assert_true(after.st_blocks <= before.st_blocks - 131072 / 512);
    assert_done(file_read_at(fd, 65535, out, 2, &got, &e), &e);
    assert_memory_equal(out, "x\0", 2);
    assert_done(file_read_at(fd, 65536 + 131071, out, 2, &got, &e), &e);
    assert_memory_equal(out, "\0x", 2);
    assert_true(file_room(fd) > 0 && file_room(fd) < UINT64_MAX);
    (void)close(fd);
    assert_true(file_room(-1) == UINT64_MAX);
}

static void a_sweep_removes_dead_drafts_of_this_file_alone(void **state)
{
    (void)state;
    struct file_draft d;
    char name[SCRATCH_PATH];
    assert_done(file_replace(path, bytes_text("content"), 0600, &e), &e);
    assert_true(file_draft_begin(&d, path, 0600, &e) >= 0);
    scratch_path(name, folder, "it2.tmp-abcdef");
    assert_done(file_replace(name, bytes_text("x"), 0600, &e), &e);
    scratch_path(name, folder, "it.tmp-folder");
    assert_int_equal(mkdir(name, 0700), 0);
    assert_int_equal(scratch_count(folder), 4);
    file_draft_sweep(path);
    assert_int_equal(scratch_count(folder), 3);
    assert_int_equal(access(d.temporary, F_OK), -1);
    assert_holds(path, "content");
    file_draft_abort(&d);
    scratch_path(name, folder, "no/it");
    file_draft_sweep(name);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_write_passes_a_pipe_whole),
        cmocka_unit_test(reads_and_writes_on_a_closed_descriptor_are_refused),
        IN_FOLDER(read_at_gives_less_only_at_the_end),
        IN_FOLDER(load_answers_absent_and_replaces_what_was_there),
        IN_FOLDER(load_takes_just_the_limit_and_refuses_more),
        IN_FOLDER(load_reads_files_that_do_not_say_their_size),
        IN_FOLDER(a_secret_in_a_private_file_is_read),
        IN_FOLDER(a_secret_that_others_can_reach_is_refused_with_the_rule),
        IN_FOLDER(a_secret_of_another_user_is_refused),
        IN_FOLDER(replace_keeps_no_temporary_file_and_sets_the_mode),
        IN_FOLDER(replace_works_in_the_current_folder),
        IN_FOLDER(replace_in_a_folder_that_is_not_there_is_refused),
        IN_FOLDER(a_temporary_file_has_no_name_and_holds_what_is_written),
        IN_FOLDER(what_is_punched_takes_no_room),
        IN_FOLDER(a_sweep_removes_dead_drafts_of_this_file_alone),
        IN_FOLDER(create_never_overwrites),
        IN_FOLDER(a_dangling_link_is_a_taken_name),
        IN_FOLDER(of_many_creators_one_wins_and_its_content_stands),
        IN_FOLDER(all_lacking_folders_are_made),
        IN_FOLDER(a_file_in_the_way_of_folders_is_an_error),
        IN_FOLDER(a_memory_file_is_read_from_its_start_and_outlives_exec),
        IN_FOLDER(a_lock_is_held_by_one_until_it_is_closed),
        IN_FOLDER(waiting_for_a_lock_ends_when_it_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
