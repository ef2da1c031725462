/* SPDX-License-Identifier: Apache-2.0 */
/* The files are read here and not by a library for INI files: the one at hand cuts lines at
 * 200 bytes without a word, and session tokens are longer. */
#include "backends/s3_profile.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/child.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define MAX_FILE MIB
#define MAX_WORDS 32

/* What a profile says, of what is looked for. */
struct settings {
    char *id, *secret, *token, *process, *region;
    char *unknown; /* a way to get a key that is not ours */
};

static void settings_done(struct settings *s)
{
    free(s->id);
    secret_free_text(s->secret);
    secret_free_text(s->token);
    free(s->process);
    free(s->region);
    free(s->unknown);
    *s = (struct settings){0};
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes trimmed(struct bytes b)
{
    while (b.len > 0 && is_blank(b.data[0]))
        (void)bytes_take(&b, 1);
    while (b.len > 0 && is_blank(b.data[b.len - 1]))
        b.len--;
    return b;
}

/* "[profile x]" of the config file, "[x]" of the other one and for default. */
static bool is_section(struct bytes line, const char *profile, bool is_config)
{
    struct bytes name = trimmed(bytes_of(line.data + 1, line.len - 1));
    if (name.len > 0 && name.data[name.len - 1] == ']')
        name = trimmed(bytes_of(name.data, name.len - 1));
    if (is_config && name.len > 8 && memcmp(name.data, "profile", 7) == 0 &&
        is_blank(name.data[7]))
        name = trimmed(bytes_of(name.data + 8, name.len - 8));
    else if (is_config && strcmp(profile, "default") != 0)
        return false;
    return bytes_equal(name, bytes_text(profile));
}

/* What stands first wins: the credentials file is read first. */
static int keep(char **to, struct bytes value, struct error *e)
{
    if (!*to && value.len > 0)
        *to = str_copy_bytes(value, e);
    return !*to && value.len > 0 ? -1 : 0;
}

static int set(struct settings *s, struct bytes name, struct bytes value, struct error *e)
{
    static const char *const unknown[] = {"role_arn", "sso_session", "sso_start_url",
                                          "source_profile", "web_identity_token_file"};
    const struct {
        const char *name;
        char **to;
    } known[] = {{"aws_access_key_id", &s->id},
                 {"aws_secret_access_key", &s->secret},
                 {"aws_session_token", &s->token},
                 {"credential_process", &s->process},
                 {"region", &s->region}};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (bytes_equal(name, bytes_text(known[i].name)))
            return keep(known[i].to, value, e);
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        if (bytes_equal(name, bytes_text(unknown[i])))
            return keep(&s->unknown, name, e);
    return 0;
}

static int read_lines(struct bytes text, const char *profile, bool is_config,
                      struct settings *s, struct error *e)
{
    bool inside = false;
    while (text.len > 0) {
        const uint8_t *lf = memchr(text.data, '\n', text.len);
        struct bytes line = bytes_take(&text, lf ? (size_t)(lf - text.data) : text.len);
        if (lf)
            (void)bytes_take(&text, 1);
        /* Lines that begin with a blank belong to a setting with settings of its own. */
        if (line.len == 0 || is_blank(line.data[0]) || line.data[0] == '#' ||
            line.data[0] == ';')
            continue;
        if (line.data[0] == '[') {
            inside = is_section(line, profile, is_config);
            continue;
        }
        const uint8_t *equals = memchr(line.data, '=', line.len);
        if (!inside || !equals)
            continue;
        size_t at = (size_t)(equals - line.data);
        struct bytes value = trimmed(bytes_of(equals + 1, line.len - at - 1));
        if (set(s, trimmed(bytes_of(line.data, at)), value, e) < 0)
            return -1;
    }
    return 0;
}

static int read_file(const char *path, const char *profile, bool is_config, struct settings *s,
                     struct error *e)
{
    struct buf raw = {0};
    struct stat st;
    if (!path)
        return 0;
    int rc = file_load(path, MAX_FILE, &raw, e);
    if (rc == 0)
        rc = read_lines(buf_view(&raw), profile, is_config, s, e);
    if (rc == 0 && s->secret && !is_config && stat(path, &st) == 0 && st.st_mode & 077)
        log_warning("%s holds keys and may be read by others (mode %03o)", path,
                    (unsigned)st.st_mode & 0777);
    if (raw.data)
        explicit_bzero(raw.data, raw.cap);
    buf_done(&raw);
    return rc < 0 ? -1 : 0;
}

static int read_both(const struct s3_profile_options *o, struct settings *s, struct error *e)
{
    const char *profile = o->name ? o->name : "default";
    if (read_file(o->credentials, profile, false, s, e) < 0 ||
        read_file(o->config, profile, true, s, e) < 0) {
        settings_done(s);
        return -1;
    }
    return 0;
}

/* ---- credential_process -------------------------------------------------------------- */

static int read_child(struct child *c, struct buf *out, struct error *e)
{
    size_t got = 1;
    if (buf_reserve(out, 4 * S3_KEY_MAX + 1, e) < 0) /* at once: no copy stays behind */
        return -1;
    while (got > 0) {
        size_t room = 4 * S3_KEY_MAX + 1 - out->len;
        if (room == 0)
            return error_set(e, ERROR_KEY, "the answer is too long");
        if (file_read_some(child_out(c), out->data + out->len, room, &got, e) < 0)
            return -1;
        out->len += got;
    }
    return 0;
}

/* Words are cut at blanks, without a shell. */
static int run_process(const char *command, struct s3_key *out, struct error *e)
{
    char *words[MAX_WORDS + 1] = {NULL};
    size_t count = 0;
    char *rest = NULL;
    struct buf raw = {0};
    char *copy = str_copy(command, e);
    if (!copy)
        return -1;
    for (char *w = strtok_r(copy, " \t", &rest); w && count < MAX_WORDS;
         w = strtok_r(NULL, " \t", &rest))
        words[count++] = w;
    const struct child_options o = {
        .argv = (const char *const *)words, .in_fd = -1, .pipe_out = true};
    struct child *c = child_start(&o, e);
    int rc = c ? read_child(c, &raw, e) : -1;
    if (rc == 0)
        rc = child_finish(c, words[0], e);
    child_free(c);
    if (rc == 0)
        rc = s3_key_read(out, buf_view(&raw), "SessionToken", "credential_process", e);
    else
        (void)error_wrap(e, "credential_process");
    if (raw.data)
        explicit_bzero(raw.data, raw.cap);
    buf_done(&raw);
    free(copy);
    return rc;
}

/* ---- what is asked ------------------------------------------------------------------- */

static int key_of(const struct settings *s, const char *profile, struct s3_key *out,
                  struct error *e)
{
    if (!s->id != !s->secret) {
        (void)error_set(e, ERROR_USAGE, "profile %s: %s without %s", profile,
                        s->id ? "aws_access_key_id" : "aws_secret_access_key",
                        s->id ? "aws_secret_access_key" : "aws_access_key_id");
        return -1;
    }
    if (s->id)
        return s3_key_set(out, s->id, s->secret, s->token, e) < 0
                   ? error_wrap(e, "profile %s", profile)
                   : 0;
    if (s->process)
        return run_process(s->process, out, e);
    if (!s->unknown)
        return S3_PROFILE_ABSENT;
    (void)error_set(e, ERROR_USAGE, "profile %s: %s is not supported", profile, s->unknown);
    return error_hint(e, "let a program that knows it print the key: credential_process = aws "
                         "configure export-credentials --profile NAME");
}

int s3_profile_key(const struct s3_profile_options *o, struct s3_key *out, struct error *e)
{
    struct settings s = {0};
    if (read_both(o, &s, e) < 0)
        return -1;
    int rc = key_of(&s, o->name ? o->name : "default", out, e);
    settings_done(&s);
    return rc;
}

int s3_profile_region(const struct s3_profile_options *o, char **region, struct error *e)
{
    struct settings s = {0};
    if (read_both(o, &s, e) < 0)
        return -1;
    *region = s.region;
    s.region = NULL;
    settings_done(&s);
    return *region ? 0 : S3_PROFILE_ABSENT;
}
