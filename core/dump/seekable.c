/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/seekable.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/dump/dump_reader.h"
#include "core/dump/dump_writer.h"

#define READ_SIZE MIB
#define BLOCK_HEAD_LEN (1 + DUMP_WRITER_INT_LEN) /* type, dump id */

struct filling {
    int fd;
    struct dump_reader *reader;
    uint64_t *fields; /* where the positions stand, of the entries with data */
    size_t count, cap;
};

static int note_field(struct filling *f, struct error *e)
{
    if (f->count == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 64;
        uint64_t *fields = reallocarray(f->fields, cap, sizeof *fields);
        if (!fields)
            return error_memory(e, "positions");
        f->fields = fields;
        f->cap = cap;
    }
    f->fields[f->count++] = dump_reader_at(f->reader) - DUMP_WRITER_OFFSET_LEN;
    return 0;
}

static int set_position(struct filling *f, uint32_t data_index, struct error *e)
{
    uint8_t field[DUMP_WRITER_OFFSET_LEN];
    dump_writer_offset(field, dump_reader_at(f->reader) - BLOCK_HEAD_LEN);
    if (data_index >= f->count)
        return error_set(e, ERROR_INCOMPLETE, "a block of no entry");
    off_t back = lseek(f->fd, 0, SEEK_CUR);
    if (back < 0 || lseek(f->fd, (off_t)f->fields[data_index], SEEK_SET) < 0)
        return error_system(e, "position of data");
    if (file_write_full(f->fd, bytes_of(field, sizeof field), e) < 0)
        return -1;
    return lseek(f->fd, back, SEEK_SET) == back ? 0 : error_system(e, "position of data");
}

/* All that the input gives; *ended: that was the archive's end. */
static int take(struct filling *f, struct bytes in, bool at_end, bool *ended, struct error *e)
{
    struct dump_event ev = {0};
    int rc = 0;
    while (rc == 0 && ev.type != DUMP_END) {
        rc = dump_reader_step(f->reader, &in, at_end, &ev, e);
        if (rc != 0)
            break;
        if (ev.type == DUMP_ENTRY && ev.entry->has_data)
            rc = note_field(f, e);
        else if (ev.type == DUMP_BLOCK)
            rc = set_position(f, ev.data_index, e);
    }
    *ended = rc == 0;
    if (rc == DUMP_READER_NEWER)
        return error_set(e, ERROR_INCOMPLETE, "an archive of a version that is not known");
    return rc < 0 ? -1 : 0;
}

static int fill(struct filling *f, const volatile sig_atomic_t *stop, uint8_t *buffer,
                struct error *e)
{
    bool ended = false;
    if (lseek(f->fd, 0, SEEK_SET) < 0)
        return error_system(e, "start of the archive");
    while (!ended) {
        size_t got;
        int n = stop ? *stop : 0;
        if (n)
            return error_stopped(e, n);
        if (file_read_some(f->fd, buffer, READ_SIZE, &got, e) < 0 ||
            take(f, bytes_of(buffer, got), got == 0, &ended, e) < 0)
            return -1;
    }
    return 0;
}

int seekable_fill(int fd, const volatile sig_atomic_t *stop, struct error *e)
{
    struct filling f = {.fd = fd, .reader = dump_reader_new(NULL, e)};
    uint8_t *buffer = malloc(READ_SIZE);
    int rc = -1;
    if (!buffer)
        (void)error_memory(e, "buffer of the archive");
    else if (f.reader)
        rc = fill(&f, stop, buffer, e);
    dump_reader_free(f.reader);
    free(f.fields);
    free(buffer);
    return rc;
}
