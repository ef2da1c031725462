/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: two COPY statements and a row, each ended by a NUL byte: what is split must be
 * joined. */
#include <stdlib.h>

#include "core/rows/projection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What stands before the next NUL byte. */
static struct bytes next(struct bytes *input)
{
    const uint8_t *end = input->len > 0 ? memchr(input->data, 0, input->len) : NULL;
    struct bytes part = bytes_take(input, end ? (size_t)(end - input->data) : input->len);
    if (end)
        (void)bytes_take(input, 1);
    return part;
}

static void check_row(const struct projection_shape *s, struct bytes row)
{
    struct error e = {0};
    struct buf old = {0};
    struct buf added = {0};
    struct buf joined = {0};
    int rc = projection_split(s, row, &old, &added, &e);
    if (rc == 0) {
        const struct bytes rows[] = {buf_view(&old), buf_view(&added)};
        /* Without all of the old row there is nothing to join it from. */
        if (s->lost_count == 0 &&
            (projection_join(s->columns, s->new_count, rows, s->added_count > 0 ? 2 : 1,
                             &joined, &e) < 0 ||
             !bytes_equal(buf_view(&joined), row)))
            abort();
    } else if (rc != PROJECTION_LOST) {
        abort();
    }
    rc = projection_narrow(s, row, &old, &e);
    if (rc != 0 && rc != PROJECTION_LOST)
        abort();
    /* The row itself may have any number of fields. */
    const struct bytes rows[] = {row, row};
    joined.len = 0;
    if (projection_join(s->columns, s->new_count, rows, 2, &joined, &e) < 0 && joined.len > 0)
        abort();
    buf_done(&old);
    buf_done(&added);
    buf_done(&joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error e = {0};
    struct bytes input = bytes_of(data, size);
    struct bytes old = next(&input);
    struct bytes new = next(&input);
    struct projection_shape s = {0};
    int rc = projection_match(old, new, &s, &e);
    if (rc < 0)
        abort();
    if (rc == 0)
        check_row(&s, input);
    projection_shape_done(&s);
    return 0;
}
