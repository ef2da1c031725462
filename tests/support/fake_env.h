/* SPDX-License-Identifier: Apache-2.0 */
/* An environment for one test, instead of the process's own, with a folder for the files that
 * its variables name. */
#ifndef SUPPORT_FAKE_ENV_H
#define SUPPORT_FAKE_ENV_H

#include "core/base/attr.h"
#include "tests/support/scratch.h"

#define FAKE_ENV_MOST 12

/* Zeroed memory holds nothing. */
struct fake_env {
    char folder[SCRATCH_PATH];
    struct {
        char name[64];
        char value[2 * SCRATCH_PATH];
    } set[FAKE_ENV_MOST];
    size_t count;
};

void fake_env_begin(struct fake_env *env);
void fake_env_done(struct fake_env *env);
/* As getenv; but what is set to "" is not there. arg: a struct fake_env. */
const char *fake_env_get(void *arg, const char *name);
/* What was set before under that name counts no more. */
void fake_env_set(struct fake_env *env, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* text becomes a file of folder under the variable's name, which names its path then unless it
 * names something already. */
void fake_env_file(struct fake_env *env, const char *name, const char *text);

#endif
