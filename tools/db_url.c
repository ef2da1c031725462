/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/db_url.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "tools/env_file.h"

#define MAX_URL (64 * KIB)
#define MAX_ENV_FILE MIB

static const char *const default_names[] = {"DIRECT_URL", "DATABASE_URL"};

/* -- the list -- */

void db_url_done(struct db_url *u)
{
    for (size_t i = 0; i < u->count; i++) {
        free(u->keywords[i]);
        secret_free_text(u->values[i]);
    }
    free(u->schema);
    *u = (struct db_url){0};
}

static size_t place_of(const struct db_url *u, const char *keyword)
{
    size_t i = 0;
    while (i < u->count && strcmp(u->keywords[i], keyword) != 0)
        i++;
    return i;
}

int db_url_set(struct db_url *u, const char *keyword, const char *value, struct error *e)
{
    size_t place = place_of(u, keyword);
    if (place == DB_URL_MAX)
        return error_set(e, ERROR_USAGE, "%s: more than %d connection parameters", keyword,
                         DB_URL_MAX);
    char *copy = str_copy(value, e);
    if (!copy)
        return -1;
    if (place == u->count) {
        u->keywords[place] = str_copy(keyword, e);
        if (!u->keywords[place]) {
            secret_free_text(copy);
            return -1;
        }
        u->count++;
    }
    secret_free_text(u->values[place]);
    u->values[place] = copy;
    return 0;
}

const char *db_url_get(const struct db_url *u, const char *keyword)
{
    size_t place = place_of(u, keyword);
    return place < u->count ? u->values[place] : NULL;
}

/* -- finding it -- */

/* All that is left of fd; reserved at once, so that no copy of a secret stays behind. */
static int load_fd(int fd, struct buf *out, struct error *e)
{
    size_t got = 1;
    if (buf_reserve(out, MAX_URL + 1, e) < 0)
        return -1;
    while (got > 0 && out->len <= MAX_URL) {
        if (file_read_some(fd, out->data + out->len, MAX_URL + 1 - out->len, &got, e) < 0)
            return -1;
        out->len += got;
    }
    if (out->len > MAX_URL)
        return error_set(e, ERROR_USAGE, "more than %zu bytes", MAX_URL);
    return 0;
}

static int load_url_file(const char *path, struct buf *out, struct error *e)
{
    uint64_t fd = STDIN_FILENO;
    if (str_starts(path, "fd:") && !str_u64(path + 3, INT_MAX, &fd))
        return error_set(e, ERROR_USAGE, "expected fd: and the number of a descriptor");
    if (str_starts(path, "fd:") || strcmp(path, "-") == 0)
        return load_fd((int)fd, out, e);
    int answer = file_load_secret(path, MAX_URL, out, e);
    if (answer == FILE_ABSENT)
        return error_set(e, ERROR_USAGE, "there is no such file");
    if (answer < 0 && e && e->kind == ERROR_KEY)
        e->kind = ERROR_USAGE;
    return answer;
}

static int from_file(struct db_url *u, const struct db_url_options *o, struct error *e)
{
    struct buf raw = {0};
    char *text = NULL;
    int result = -1;
    const char *what = strcmp(o->url_file, "-") == 0 ? "URL on stdin" : o->url_file;
    if (load_url_file(o->url_file, &raw, e) < 0) {
        (void)error_wrap(e, "database URL from %s", what);
        goto out;
    }
    if (raw.len > 0 && memchr(raw.data, '\0', raw.len)) {
        (void)error_set(e, ERROR_USAGE, "database URL from %s: it holds a zero byte", what);
        goto out;
    }
    text = str_copy_bytes(buf_view(&raw), e);
    if (text)
        result = db_url_parse(u, text, what, o, e);
out:
    secret_free_text(text);
    secret_free_buf(&raw);
    return result;
}

/* Programs of the dotenv family put the value of another variable for it; we do not, and
 * taking it as it stands would give a password that is wrong without a word. */
static int refuse_reference(const char *value, const char *what, struct error *e)
{
    if (!strstr(value, "${"))
        return 0;
    (void)error_set(e, ERROR_USAGE, "%s: ${NAME} is not replaced in .env files", what);
    return error_hint(e, "write the value out, or load the file with a shell and leave out "
                         "--env-file");
}

/* 0 with *u read, DB_URL_NONE when the file has none of the names. */
static int from_env_file(struct db_url *u, const char *const *names, size_t count,
                         const struct db_url_options *o, struct error *e)
{
    struct buf raw = {0};
    char *value = NULL;
    char *what = NULL;
    int result = file_load(o->env_file, MAX_ENV_FILE, &raw, e);
    if (result == FILE_ABSENT)
        result = error_set(e, ERROR_USAGE, "%s: there is no such file", o->env_file);
    if (result < 0)
        goto out;
    result = DB_URL_NONE;
    for (size_t i = 0; i < count && result == DB_URL_NONE; i++) {
        secret_free_text(value);
        value = NULL;
        int answer = env_file_get(buf_view(&raw), names[i], &value, e);
        if (answer < 0) {
            result = error_wrap(e, "%s", o->env_file);
        } else if (answer == 0 && *value) {
            what = str_format(e, "%s in %s", names[i], o->env_file);
            bool good = what && refuse_reference(value, what, e) == 0;
            result = good ? db_url_parse(u, value, what, o, e) : -1;
        }
    }
out:
    free(what);
    secret_free_text(value);
    secret_free_buf(&raw);
    return result;
}

static int from_environment(struct db_url *u, const char *const *names, size_t count,
                            const struct db_url_options *o, struct error *e)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return db_url_parse(u, value, names[i], o, e);
    }
    return DB_URL_NONE;
}

int db_url_load(struct db_url *u, const struct db_url_options *o, struct error *e)
{
    const char *const *names = o->url_env ? &o->url_env : default_names;
    size_t count = o->url_env ? 1 : ARRAY_SIZE(default_names);
    int result = DB_URL_NONE;
    if (o->url_file)
        return from_file(u, o, e);
    if (o->env_file)
        result = from_env_file(u, names, count, o, e);
    if (result == DB_URL_NONE && (o->url_env || !o->given))
        result = from_environment(u, names, count, o, e);
    if (result == DB_URL_NONE && o->url_env)
        return error_set(e, ERROR_USAGE, "%s: not set, or empty", o->url_env);
    if (result == DB_URL_NONE && o->env_file && !o->given)
        return error_set(e, ERROR_USAGE, "%s: no DIRECT_URL and no DATABASE_URL in it",
                         o->env_file);
    return result;
}

/* -- passwords in argv -- */

/* "user:password@" behind a "://". A password with an unescaped / or ? ends the authority
 * early; what is left then looks like a port that is no number, with an @ further on. */
static bool has_userinfo_password(const char *authority)
{
    size_t len = strcspn(authority, "/?#");
    const char *colon = memchr(authority, ':', len);
    const char *at = memrchr(authority, '@', len);
    if (authority[0] == '[' || !colon || colon[1] == '@')
        return false;
    if (at)
        return colon < at;
    const char *behind = colon + 1 + strspn(colon + 1, "0123456789");
    bool port = behind == authority + len || *behind == ',';
    return !port && strchr(behind, '@');
}

/* "password=x" or "password = 'x'" that begins at text, with something behind the "=". */
static bool is_assignment(const char *text)
{
    text += strlen("password");
    text += strspn(text, " \t");
    if (*text != '=')
        return false;
    text++;
    text += strspn(text, " \t");
    return *text != '\0' && *text != '&';
}

bool db_url_is_secret(const char *argument)
{
    for (const char *p = strstr(argument, "://"); p; p = strstr(p + 3, "://"))
        if (has_userinfo_password(p + 3))
            return true;
    for (const char *p = strcasestr(argument, "password"); p;
         p = strcasestr(p + 1, "password")) {
        /* sslpassword and PGPASSWORD are secrets too; reset_password is somebody's word. */
        const char *start = p;
        if (p - argument >= 3 && strncasecmp(p - 3, "ssl", 3) == 0)
            start -= 3;
        else if (p - argument >= 2 && strncasecmp(p - 2, "pg", 2) == 0)
            start -= 2;
        bool word = start > argument && (isalnum((unsigned char)start[-1]) || start[-1] == '_');
        if (!word && is_assignment(p))
            return true;
    }
    return false;
}
