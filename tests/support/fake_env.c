/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_env.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/file.h"
#include "tests/support/check.h"

void fake_env_begin(struct fake_env *env)
{
    env->count = 0;
    scratch_make(env->folder);
}

void fake_env_done(struct fake_env *env)
{
    scratch_remove(env->folder);
}

const char *fake_env_get(void *arg, const char *name)
{
    const struct fake_env *env = arg;
    for (size_t i = env->count; i > 0; i--)
        if (strcmp(env->set[i - 1].name, name) == 0)
            return *env->set[i - 1].value ? env->set[i - 1].value : NULL;
    return NULL;
}

void fake_env_set(struct fake_env *env, const char *name, const char *format, ...)
{
    va_list args;
    assert_true(env->count < FAKE_ENV_MOST);
    (void)snprintf(env->set[env->count].name, sizeof env->set[0].name, "%s", name);
    va_start(args, format);
    int len = vsnprintf(env->set[env->count].value, sizeof env->set[0].value, format, args);
    va_end(args);
    assert_true(len >= 0 && (size_t)len < sizeof env->set[0].value);
    env->count++;
}

void fake_env_file(struct fake_env *env, const char *name, const char *text)
{
    struct error e = {0};
    char path[SCRATCH_PATH];
    scratch_path(path, env->folder, name);
    assert_done(file_replace(path, bytes_text(text), 0600, &e), &e);
    if (!fake_env_get(env, name))
        fake_env_set(env, name, "%s", path);
}
