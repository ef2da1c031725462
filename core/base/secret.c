/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

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
