/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets have a type of their own: it has no text form, is never logged, and is wiped. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <string.h>

#include "core/base/attr.h"
#include "core/base/error.h"

#define SECRET_LEN 32

struct secret {
    uint8_t key[SECRET_LEN];
};

static inline void secret_wipe(struct secret *s)
{
    explicit_bzero(s, sizeof *s);
}

/* Fresh random bytes from the kernel (getrandom(2)). ERROR_IO. */
MUST_CHECK int secret_random(void *out, size_t len, struct error *e);

/* Wipe and free a terminated text that is secret (passphrase); NULL is fine. */
void secret_free_text(char *text);

#endif
