/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/secret_find.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/command.h"
#include "core/base/file.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define MOST_SECRET (4 * KIB)
#define UNWATCHED_MS 60000

static int read_file(const char *path, const volatile sig_atomic_t *stop, struct buf *raw,
                     struct error *e)
{
    (void)stop;
    int rc = file_load_secret(path, MOST_SECRET, raw, e);
    return rc == FILE_ABSENT ? error_set(e, ERROR_KEY, "there is no file %s", path) : rc;
}

static int read_command(const char *text, const volatile sig_atomic_t *stop, struct buf *raw,
                        struct error *e)
{
    const struct command_options o = {
        .text = text, .most = MOST_SECRET, .most_ms = stop ? 0 : UNWATCHED_MS, .stop = stop};
    return command_read(&o, raw, e);
}

/* Without one line end. */
static char *text_of(struct bytes raw, struct error *e)
{
    if (raw.len > 0 && raw.data[raw.len - 1] == '\n')
        raw.len--;
    if (raw.len > 0 && raw.data[raw.len - 1] == '\r')
        raw.len--;
    if (raw.len > 0 && memchr(raw.data, 0, raw.len)) {
        (void)error_set(e, ERROR_KEY, "a secret holds a zero byte");
        return NULL;
    }
    return str_copy_bytes(raw, e);
}

int secret_find(const char *name, const volatile sig_atomic_t *stop, char **text,
                struct error *e)
{
    static const struct {
        const char *suffix;
        int (*read)(const char *value, const volatile sig_atomic_t *stop, struct buf *raw,
                    struct error *e);
    } ways[] = {{"_FILE", read_file}, {"_COMMAND", read_command}};
    const char *value = getenv(name);
    if (value && *value) {
        *text = str_copy(value, e);
        return *text ? 0 : -1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        char variable[64];
        struct buf raw = {0};
        (void)snprintf(variable, sizeof variable, "%s%s", name, ways[i].suffix);
        value = getenv(variable);
        if (!value || !*value)
            continue;
        *text = ways[i].read(value, stop, &raw, e) < 0 ? NULL : text_of(buf_view(&raw), e);
        secret_free_buf(&raw);
        return *text ? 0 : error_wrap(e, "%s", variable);
    }
    return SECRET_NONE;
}
