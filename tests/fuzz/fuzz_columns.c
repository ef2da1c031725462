/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: typed columns. An odd first byte: a text, that is split and must come back; an
 * even one: a text's length, u16, and a body. */
#include <stdlib.h>

#include "core/base/cursor.h"
#include "core/rows/columns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct columns *c, struct bytes text)
{
    struct error e = {0};
    struct buf body = {0};
    int rc = columns_split(c, text, &body, &e);
    if (rc == 0) {
        uint8_t *out = malloc(text.len);
        if (!out || columns_join(c, buf_view(&body), out, text.len, &e) < 0 ||
            memcmp(out, text.data, text.len) != 0)
            abort();
        free(out);
    } else if (rc != COLUMNS_UNFIT) {
        abort();
    }
    buf_done(&body);
}

static void check_body(struct columns *c, struct bytes raw)
{
    struct error e = {0};
    struct cursor in = cursor_of(raw);
    size_t text_len = cursor_u16(&in);
    uint8_t *out = malloc(text_len + 1);
    if (!out)
        abort();
    if (columns_join(c, in.left, out, text_len, &e) < 0 && e.kind != ERROR_CORRUPT)
        abort();
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error e = {0};
    if (size == 0)
        return 0;
    struct columns *c = columns_new(&e);
    if (!c)
        abort();
    if (data[0] % 2 != 0)
        check_text(c, bytes_of(data + 1, size - 1));
    else
        check_body(c, bytes_of(data + 1, size - 1));
    columns_free(c);
    return 0;
}
