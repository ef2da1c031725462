/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/base/str.h"

int secret_random(void *out, size_t len, struct error *e)
{
    uint8_t *p = out;
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_system(e, "random bytes from the kernel");
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

void secret_free_text(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void secret_free_buf(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    buf_done(b);
}

const char **secret_environment(struct error *e)
{
    size_t count = 0;
    size_t kept = 0;
    while (environ[count])
        count++;
    const char **list = calloc(count + 1, sizeof *list);
    if (!list) {
        (void)error_memory(e, "environment");
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        if (!str_starts(environ[i], "PGKEEP_PASSPHRASE") &&
            !str_starts(environ[i], "PGKEEP_RECOVERY_KEY") &&
            !str_starts(environ[i], "PGKEEP_SSH_KEY_PASSPHRASE"))
            list[kept++] = environ[i];
    return list;
}
