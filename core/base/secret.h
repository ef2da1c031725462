/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets have a type of their own: it has no text form, is never logged, and is wiped. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <string.h>

#include "core/base/buf.h"

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
/* The same for a buf, all of its room. */
void secret_free_buf(struct buf *b);

/* This process's environment without the variables that secret_find is asked for: for programs
 * that are not ours. The strings are the environment's; the caller frees the list. NULL with
 * ERROR_MEMORY. */
MUST_CHECK const char **secret_environment(struct error *e);

#endif
