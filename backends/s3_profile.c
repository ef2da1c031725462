/* SPDX-License-Identifier: Apache-2.0 */
/* The files are read here and not by a library for INI files: the one at hand cuts lines at
 * 200 bytes without a word, and session tokens are longer. What AWS's tools read is what
 * Python's configparser makes of it: the later of two settings counts, a line that stands
 * further in than the one before belongs to that one. A key is taken from one file whole. */
#include "backends/s3_profile.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#include "backends/s3_process.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define MAX_FILE MIB

/* What one file says of the profile, of what is looked for. */
struct settings {
    bool found;
    char *id, *secret, *token, *process, *region;
    char *role; /* name of a setting that asks for another identity than the key's */
    char *sso;  /* name of one that asks for a login */
};

/* Where the reader of a file is. */
struct place {
    const char *profile;
    bool is_config;
    bool inside;   /* the profile's section */
    bool follows;  /* a setting of this section came before, ... */
    size_t indent; /* ... this far in */
};

static void settings_done(struct settings *s)
{
    free(s->id);
    secret_free_text(s->secret);
    secret_free_text(s->token);
    secret_free_text(s->process); /* its words may be secret */
    free(s->region);
    free(s->role);
    free(s->sso);
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

/* ---- lines --------------------------------------------------------------------------- */

/* "[profile x]" of the config file, "[x]" of the other one and for default. */
static bool is_section(struct bytes line, const struct place *p)
{
    struct bytes name = bytes_of(line.data + 1, line.len - 1);
    const uint8_t *end = memchr(name.data, ']', name.len);
    name = trimmed(bytes_of(name.data, end ? (size_t)(end - name.data) : name.len));
    if (p->is_config && name.len > 8 && memcmp(name.data, "profile", 7) == 0 &&
        is_blank(name.data[7]))
        name = trimmed(bytes_of(name.data + 8, name.len - 8));
    else if (p->is_config && strcmp(p->profile, "default") != 0)
        return false;
    if (p->is_config && name.len > 1 && name.data[0] == '"' && name.data[name.len - 1] == '"')
        name = bytes_of(name.data + 1, name.len - 2);
    return bytes_equal(name, bytes_text(p->profile));
}

static bool is_name(struct bytes name, const char *wanted)
{
    return name.len == strlen(wanted) &&
           strncasecmp((const char *)name.data, wanted, name.len) == 0;
}

static bool is_one_of(struct bytes name, const char *const *wanted)
{
    while (*wanted && !is_name(name, *wanted))
        wanted++;
    return *wanted;
}

static int keep(char **to, struct bytes value, struct error *e)
{
    secret_free_text(*to);
    *to = NULL;
    if (value.len > 0)
        *to = str_copy_bytes(value, e);
    return value.len > 0 && !*to ? -1 : 0;
}

static int set(struct settings *s, struct bytes name, struct bytes value, struct error *e)
{
    static const char *const role[] = {"role_arn", "source_profile", "credential_source",
                                       "web_identity_token_file", NULL};
    static const char *const sso[] = {"sso_session",   "sso_start_url", "sso_account_id",
                                      "sso_role_name", "login_session", NULL};
    const struct {
        const char *name;
        char **to;
    } known[] = {{"aws_access_key_id", &s->id},
                 {"aws_secret_access_key", &s->secret},
                 {"aws_session_token", &s->token},
                 {"credential_process", &s->process},
                 {"region", &s->region}};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (is_name(name, known[i].name))
            return keep(known[i].to, value, e);
    if (is_one_of(name, role))
        return keep(&s->role, name, e);
    return is_one_of(name, sso) ? keep(&s->sso, name, e) : 0;
}

static int read_line(struct settings *s, struct place *p, struct bytes line, struct error *e)
{
    struct bytes text = trimmed(line);
    size_t indent = 0;
    while (indent < line.len && is_blank(line.data[indent]))
        indent++;
    if (text.len == 0 || text.data[0] == '#' || text.data[0] == ';' ||
        (p->follows && indent > p->indent))
        return 0;
    if (text.data[0] == '[') {
        p->inside = is_section(text, p);
        p->follows = false;
        s->found = s->found || p->inside;
        return 0;
    }
    p->follows = true;
    p->indent = indent;
    const uint8_t *equals = memchr(text.data, '=', text.len);
    if (!p->inside || !equals)
        return 0;
    size_t at = (size_t)(equals - text.data);
    return set(s, trimmed(bytes_of(text.data, at)),
               trimmed(bytes_of(equals + 1, text.len - at - 1)), e);
}

static int read_lines(struct settings *s, struct place *p, struct bytes text, struct error *e)
{
    if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
        (void)bytes_take(&text, 3);
    while (text.len > 0) {
        const uint8_t *lf = memchr(text.data, '\n', text.len);
        struct bytes line = bytes_take(&text, lf ? (size_t)(lf - text.data) : text.len);
        if (lf)
            (void)bytes_take(&text, 1);
        if (read_line(s, p, line, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- files --------------------------------------------------------------------------- */

static void warn(const char *path, const struct settings *s, bool *warned)
{
    struct stat st;
    if ((!s->secret && !s->token) || (warned && *warned) || stat(path, &st) < 0 ||
        !(st.st_mode & (S_IRGRP | S_IROTH)))
        return;
    log_warning("%s holds keys and may be read by others (mode %03o): chmod 600", path,
                (unsigned)st.st_mode & 0777);
    if (warned)
        *warned = true;
}

static int read_file(const struct s3_profile_options *o, bool is_config, struct settings *s,
                     struct error *e)
{
    const char *path = is_config ? o->config : o->credentials;
    struct place p = {.profile = o->name ? o->name : "default", .is_config = is_config};
    struct buf raw = {0};
    if (!path)
        return 0;
    int rc = file_load(path, MAX_FILE, &raw, e);
    if (rc == 0)
        rc = read_lines(s, &p, buf_view(&raw), e);
    if (rc == 0)
        warn(path, s, o->warned);
    secret_free_buf(&raw);
    return rc < 0 ? -1 : 0;
}

/* ---- what is asked ------------------------------------------------------------------- */

struct both {
    struct settings credentials, config;
};

static void both_done(struct both *b)
{
    settings_done(&b->credentials);
    settings_done(&b->config);
}

static int both_read(struct both *b, const struct s3_profile_options *o, struct error *e)
{
    *b = (struct both){0};
    if (read_file(o, false, &b->credentials, e) == 0 && read_file(o, true, &b->config, e) == 0)
        return b->credentials.found || b->config.found ? 0 : S3_PROFILE_ABSENT;
    both_done(b);
    return -1;
}

static int refuse(const char *setting, struct error *e)
{
    (void)error_set(e, ERROR_USAGE, "%s is not supported", setting);
    return error_hint(e,
                      "let a program that knows it print the key, in a profile of its own: "
                      "credential_process = aws configure export-credentials --profile NAME");
}

static int static_key(const struct settings *s, struct s3_key *out, struct error *e)
{
    if (!s->id || !s->secret)
        return error_set(e, ERROR_USAGE, "%s without %s",
                         s->id ? "aws_access_key_id" : "aws_secret_access_key",
                         s->id ? "aws_secret_access_key" : "aws_access_key_id");
    return s3_key_set(out, s->id, s->secret, s->token, e);
}

/* Keys of the credentials file, then a program, then keys of the config file. */
static int key_of(const struct both *b, const struct s3_profile_options *o, struct s3_key *out,
                  struct error *e)
{
    const char *process = b->credentials.process ? b->credentials.process : b->config.process;
    const char *role = b->credentials.role ? b->credentials.role : b->config.role;
    const char *sso = b->credentials.sso ? b->credentials.sso : b->config.sso;
    const struct s3_process_options run = {
        .command = process, .most_ms = o->process_ms, .stop = o->stop};
    /* Before the keys beside it: those are of another identity than was asked for. A login
     * may have been given a program for tools that do not know it. */
    if (role || (sso && !process))
        return refuse(role ? role : sso, e);
    if (b->credentials.id || b->credentials.secret)
        return static_key(&b->credentials, out, e);
    if (process)
        return s3_process_key(&run, out, e);
    if (b->config.id || b->config.secret)
        return static_key(&b->config, out, e);
    return S3_PROFILE_KEYLESS;
}

int s3_profile_key(const struct s3_profile_options *o, struct s3_key *out, struct error *e)
{
    struct both b;
    int rc = both_read(&b, o, e);
    if (rc != 0)
        return rc;
    rc = key_of(&b, o, out, e);
    both_done(&b);
    return rc < 0 ? error_wrap(e, "profile %s", o->name ? o->name : "default") : rc;
}

int s3_profile_region(const struct s3_profile_options *o, char **region, struct error *e)
{
    struct both b;
    int rc = both_read(&b, o, e);
    if (rc != 0)
        return rc;
    struct settings *s = b.credentials.region ? &b.credentials : &b.config;
    *region = s->region;
    s->region = NULL;
    both_done(&b);
    return *region ? 0 : S3_PROFILE_KEYLESS;
}
