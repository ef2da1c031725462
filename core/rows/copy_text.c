/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/copy_text.h"

bool copy_text_field(struct bytes *line, struct bytes *field)
{
    const uint8_t *tab = line->len > 0 ? memchr(line->data, '\t', line->len) : NULL;
    *field = bytes_take(line, tab ? (size_t)(tab - line->data) : line->len);
    if (tab)
        (void)bytes_take(line, 1);
    return tab != NULL;
}

bool copy_text_is_null(struct bytes field)
{
    return bytes_equal(field, bytes_text("\\N"));
}

uint8_t copy_text_meant(uint8_t escaped)
{
    static const char letters[] = "bfnrtv";
    static const char meant[] = "\b\f\n\r\t\v";
    const char *at = escaped ? strchr(letters, escaped) : NULL;
    return at ? (uint8_t)meant[at - letters] : escaped;
}

int copy_text_value(struct bytes field, struct buf *out, struct error *e)
{
    while (field.len > 0) {
        const uint8_t *escape = memchr(field.data, '\\', field.len);
        struct bytes plain =
            bytes_take(&field, escape ? (size_t)(escape - field.data) : field.len);
        if (buf_append(out, plain.data, plain.len, e) < 0)
            return -1;
        if (field.len < 2)
            return buf_append(out, field.data, field.len, e);
        if (buf_byte(out, copy_text_meant(field.data[1]), e) < 0)
            return -1;
        (void)bytes_take(&field, 2);
    }
    return 0;
}

/* How many bytes at the front of text are a control character: of ASCII, or U+0080 to U+009F in
 * UTF-8. */
static size_t control(struct bytes text)
{
    uint8_t first = text.data[0];
    if (first == 0xC2 && text.len > 1 && text.data[1] >= 0x80 && text.data[1] < 0xA0)
        return 2;
    return first == 0x7F || (first < 0x20 && first != '\t' && first != '\n');
}

int copy_text_visible(struct bytes line, struct buf *out, struct error *e)
{
    while (line.len > 0) {
        size_t plain = 0;
        size_t ugly = 0;
        while (plain < line.len &&
               (ugly = control(bytes_of(line.data + plain, line.len - plain))) == 0)
            plain++;
        struct bytes part = bytes_take(&line, plain);
        if (buf_append(out, part.data, part.len, e) < 0)
            return -1;
        for (; ugly > 0; ugly--)
            if (buf_printf(out, e, "\\x%02x", *bytes_take(&line, 1).data) < 0)
                return -1;
    }
    return 0;
}
