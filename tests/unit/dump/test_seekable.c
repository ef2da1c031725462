/* SPDX-License-Identifier: Apache-2.0 */
/* Positions filled into archives that pg_dump wrote: those of files stay as they are, those of
 * pipes get what our own reader finds. */
#include "tests/support/check.h"

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/dump/dump_reader.h"
#include "core/dump/seekable.h"
#include "tests/support/scratch.h"

#define FOLDER PGKEEP_TEST_FIXTURES "/pgdump/"
#define BLOCK_HEAD 6
#define MOST 4096

static struct error e;

/* A copy of an archive's first len bytes, filled; they come `piece` bytes at a time. 0 or -1.
 */
static int fill(const char *path, size_t len, size_t piece, struct buf *before,
                struct buf *after)
{
    char folder[SCRATCH_PATH];
    char copy[SCRATCH_PATH];
    before->len = after->len = 0;
    assert_done(file_load(path, 64 * MIB, before, &e), &e);
    before->len = len < before->len ? len : before->len;
    scratch_make(folder);
    scratch_path(copy, folder, "dump");
    assert_done(file_replace(copy, buf_view(before), 0600, &e), &e);
    int fd = open(copy, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    struct seekable *s = seekable_new(&e);
    assert_non_null(s);
    struct bytes left = buf_view(before);
    int rc = 0;
    while (rc == 0 && left.len > 0)
        rc = seekable_take(s, bytes_take(&left, piece < left.len ? piece : left.len), &e);
    if (rc == 0)
        rc = seekable_write(s, fd, &e);
    seekable_free(s);
    assert_int_equal(close(fd), 0);
    struct error why = {0};
    assert_done(file_load(copy, 64 * MIB, after, &why), &why);
    scratch_remove(folder);
    return rc;
}

/* What the TOC says is where the blocks are. */
static void assert_positions(const struct buf *archive)
{
    static uint64_t said[MOST];
    struct dump_reader *r = dump_reader_new(NULL, &e);
    struct bytes in = buf_view(archive);
    struct dump_event ev = {0};
    size_t count = 0;
    assert_non_null(r);
    while (ev.type != DUMP_END) {
        assert_done(dump_reader_step(r, &in, true, &ev, &e), &e);
        if (ev.type == DUMP_ENTRY && ev.entry->has_data) {
            assert_true(count < MOST);
            assert_int_equal(ev.entry->offset_state, 2);
            said[count++] = ev.entry->offset;
        }
        if (ev.type == DUMP_BLOCK)
            assert_int_equal(said[ev.data_index], dump_reader_at(r) - BLOCK_HEAD);
    }
    dump_reader_free(r);
}

static void every_fixture_can_be_sought_in(void **state)
{
    struct buf before = {0};
    struct buf after = {0};
    size_t files = 0;
    glob_t found;
    (void)state;
    assert_int_equal(glob(FOLDER "*.dump", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        assert_done(fill(path, SIZE_MAX, i % 2 ? 4093 : SIZE_MAX, &before, &after), &e);
        assert_int_equal(before.len, after.len);
        assert_positions(&after);
        if (strstr(path, "-file.dump")) {
            assert_true(bytes_equal(buf_view(&before), buf_view(&after)));
            files++;
        }
    }
    assert_true(files > 5 && files < found.gl_pathc);
    globfree(&found);
    buf_done(&before);
    buf_done(&after);
}

static void what_is_cut_is_refused(void **state)
{
    struct buf before = {0};
    struct buf after = {0};
    (void)state;
    for (size_t len = 0; len < 30000; len += len < 100 ? 7 : 997) {
        assert_int_equal(fill(FOLDER "A-pg15-none-pipe.dump", len, 1000, &before, &after), -1);
        assert_int_equal(e.kind, ERROR_INCOMPLETE);
        assert_true(bytes_equal(buf_view(&before), buf_view(&after)));
    }
    buf_done(&before);
    buf_done(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fixture_can_be_sought_in),
        cmocka_unit_test(what_is_cut_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
