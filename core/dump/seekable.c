/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/seekable.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/dump/dump_reader.h"
#include "core/dump/dump_writer.h"

#define BLOCK_HEAD_LEN (1 + DUMP_WRITER_INT_LEN) /* type, dump id */

/* Of an entry with data. */
struct position {
    uint64_t field; /* where it is told */
    uint64_t block; /* what is told; 0: not met yet */
};

struct seekable {
    struct dump_reader *reader;
    struct position *positions;
    size_t count, cap;
};

struct seekable *seekable_new(struct error *e)
{
    struct seekable *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "positions of data");
        return NULL;
    }
    s->reader = dump_reader_new(NULL, e);
    if (s->reader)
        return s;
    seekable_free(s);
    return NULL;
}

void seekable_free(struct seekable *s)
{
    if (!s)
        return;
    dump_reader_free(s->reader);
    free(s->positions);
    free(s);
}

static int add_field(struct seekable *s, struct error *e)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct position *positions = reallocarray(s->positions, cap, sizeof *positions);
        if (!positions)
            return error_memory(e, "positions of data");
        s->positions = positions;
        s->cap = cap;
    }
    s->positions[s->count++] =
        (struct position){.field = dump_reader_at(s->reader) - DUMP_WRITER_OFFSET_LEN};
    return 0;
}

/* All that in gives; 0, or DUMP_READER_NEED where it goes on. */
static int step_through(struct seekable *s, struct bytes in, bool at_end, struct error *e)
{
    struct dump_event ev = {0};
    int rc = 0;
    while (rc == 0 && ev.type != DUMP_END) {
        rc = dump_reader_step(s->reader, &in, at_end, &ev, e);
        if (rc == DUMP_READER_NEWER)
            return error_set(e, ERROR_INCOMPLETE, "an archive of a version that is not known");
        if (rc == 0 && ev.type == DUMP_ENTRY && ev.entry->has_data)
            rc = add_field(s, e);
        if (rc == 0 && ev.type == DUMP_BLOCK)
            s->positions[ev.data_index].block = dump_reader_at(s->reader) - BLOCK_HEAD_LEN;
    }
    return rc;
}

int seekable_take(struct seekable *s, struct bytes in, struct error *e)
{
    return step_through(s, in, false, e) < 0 ? -1 : 0;
}

int seekable_write(struct seekable *s, int fd, struct error *e)
{
    if (step_through(s, (struct bytes){0}, true, e) < 0)
        return -1;
    for (size_t i = 0; i < s->count; i++) {
        uint8_t field[DUMP_WRITER_OFFSET_LEN];
        dump_writer_offset(field, s->positions[i].block);
        if (lseek(fd, (off_t)s->positions[i].field, SEEK_SET) < 0)
            return error_system(e, "position of data");
        if (file_write_full(fd, bytes_of(field, sizeof field), e) < 0)
            return -1;
    }
    return 0;
}
