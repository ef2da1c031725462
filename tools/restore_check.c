/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/command.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "tools/pg_child.h"
#include "tools/pg_output.h"
#include "tools/pg_tools.h"

static int run_child(struct context *c, const struct child_options *o, const char *what,
                     struct error *e)
{
    struct child *child = child_start(o, e);
    if (!child)
        return -1;
    child_obey(child, c->stop);
    int rc = child_finish(child, what, e);
    child_free(child);
    return rc;
}

/* What psql printed goes on to whoever looks; a line that is nothing but f is a statement that
 * gave false. */
static int judge_output(const char *file, struct bytes out, struct error *e)
{
    unsigned line = 0;
    (void)fwrite(out.data, 1, out.len, stderr);
    while (out.len > 0) {
        const uint8_t *lf = memchr(out.data, '\n', out.len);
        struct bytes text = bytes_take(&out, lf ? (size_t)(lf - out.data) + 1 : out.len);
        line++;
        if (bytes_equal(text, bytes_text("f\n")) || bytes_equal(text, bytes_text("f")))
            return error_set(e, ERROR_CHILD, "--smoke %s: line %u of what it gives is false",
                             file, line);
    }
    return 0;
}

static int run_smoke(struct context *c, const char *file, struct server *s,
                     const char *database, struct error *e)
{
    const char *const arguments[] = {"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                                     "-f", file, NULL};
    struct buf out = {0};
    struct server *inside = server_reconnect(s, database, e);
    int rc = inside ? pg_output_read(inside, "psql", arguments, c->stop, &out, e) : -1;
    if (rc < 0 && inside)
        (void)error_wrap(e, "--smoke");
    if (rc == 0)
        rc = judge_output(file, buf_view(&out), e);
    server_close(inside);
    buf_done(&out);
    return rc;
}

/* ---- the hook ---------------------------------------------------------------------- */

static bool is_of_a_database(const char *variable)
{
    static const char *const names[] = {"DATABASE_URL=", "DIRECT_URL="};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_starts(variable, names[i]))
            return true;
    return str_starts(variable, "PG") && !str_starts(variable, "PGKEEP_");
}

static int put_escaped(struct buf *b, const char *text, struct error *e)
{
    for (; *text; text++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                     (*text >= '0' && *text <= '9') || strchr("-._~", *text);
        if ((plain ? buf_byte(b, (uint8_t)*text, e)
                   : buf_printf(b, e, "%%%02X", (unsigned)(unsigned char)*text)) < 0)
            return -1;
    }
    return 0;
}

/* A socket's folder stands in the parameters, where every reader of such URLs finds it. */
static int put_url(struct member_texts *environment, const struct server *s,
                   const struct server_place *at, const char *database, struct error *e)
{
    /* What the connection must be like; the first one is always set. */
    static const char *const kept[] = {"sslmode", "sslrootcert", "sslcert", "sslkey"};
    struct buf url = {0};
    bool socket = at->host[0] == '/';
    int rc = buf_printf(&url, e, "DATABASE_URL=postgresql://");
    if (rc == 0)
        rc = put_escaped(&url, at->user, e);
    if (rc == 0)
        rc = buf_printf(&url, e, strchr(at->host, ':') ? "@[%s]:%s/" : "@%s:%s/",
                        socket ? "localhost" : at->host, at->port);
    if (rc == 0)
        rc = put_escaped(&url, database, e);
    if (rc == 0 && socket)
        rc = buf_printf(&url, e, "?host=");
    if (rc == 0 && socket)
        rc = put_escaped(&url, at->host, e);
    for (size_t i = 0; rc == 0 && !socket && i < ARRAY_SIZE(kept); i++) {
        char *value = server_parameter(s, kept[i], e);
        if (value)
            rc = buf_printf(&url, e, "%c%s=", i == 0 ? '?' : '&', kept[i]);
        if (value && rc == 0)
            rc = put_escaped(&url, value, e);
        free(value);
    }
    if (rc == 0)
        rc = buf_byte(&url, 0, e);
    if (rc == 0)
        rc = member_texts_add(environment, (const char *)url.data, e);
    buf_done(&url);
    return rc;
}

static int put_variable(struct member_texts *environment, const char *name, const char *value,
                        struct error *e)
{
    char *text = value ? str_format(e, "%s=%s", name, value) : NULL;
    int rc = !value ? 0 : text ? member_texts_add(environment, text, e) : -1;
    free(text);
    return rc;
}

/* passfile: NULL without a password. */
static int make_environment(struct server *s, const char *database, const char *passfile,
                            struct member_texts *environment, struct error *e)
{
    const struct server_place at = server_place(s);
    const char **ours = secret_environment(e);
    int rc = ours ? 0 : -1;
    for (const char **p = ours; rc == 0 && *p; p++)
        if (!is_of_a_database(*p))
            rc = member_texts_add(environment, *p, e);
    free(ours);
    if (rc < 0 || put_variable(environment, "PGHOST", at.host, e) < 0 ||
        put_variable(environment, "PGPORT", at.port, e) < 0 ||
        put_variable(environment, "PGUSER", at.user, e) < 0 ||
        put_variable(environment, "PGDATABASE", database, e) < 0 ||
        put_variable(environment, "PGPASSFILE", passfile, e) < 0)
        return -1;
    return put_url(environment, s, &at, database, e);
}

static int run_hook(struct context *c, const char *hook, struct server *s, const char *database,
                    struct error *e)
{
    const char *words[COMMAND_WORDS + 1];
    struct member_texts environment = {0};
    struct pg_child p = {.passfile = -1};
    char passfile[PG_TOOLS_PASSFILE];
    char *text = str_copy(hook, e);
    int rc = text ? command_words(text, words, e) : -1;
    if (rc == 0)
        rc = pg_child_prepare(&p, s, e);
    if (rc == 0 && p.passfile >= 0)
        pg_tools_passfile_path(passfile, p.passfile);
    if (rc == 0)
        rc = make_environment(s, database, p.passfile >= 0 ? passfile : NULL, &environment, e);
    char **list = rc == 0 ? calloc(environment.count + 1, sizeof *list) : NULL;
    if (rc == 0 && !list)
        rc = error_memory(e, "environment");
    if (list) {
        memcpy(list, environment.items, environment.count * sizeof *list);
        p.options.argv = words;
        p.options.env = (const char *const *)list;
        p.options.out_fd = STDERR_FILENO;
        rc = run_child(c, &p.options, "--hook", e);
    }
    pg_child_done(&p);
    free(list);
    member_texts_done(&environment);
    free(text);
    return rc;
}

int restore_check_run(struct context *c, const struct restore_check *check,
                      struct server *server, const char *database, struct error *e)
{
    if (check->smoke && run_smoke(c, check->smoke, server, database, e) < 0)
        return -1;
    return check->hook ? run_hook(c, check->hook, server, database, e) : 0;
}

int restore_check_usable(const struct restore_check *check, struct error *e)
{
    const char *words[COMMAND_WORDS + 1];
    if (check->smoke && access(check->smoke, R_OK) < 0)
        return error_system(e, "--smoke %s", check->smoke);
    char *text = check->hook ? str_copy(check->hook, e) : NULL;
    int rc = !check->hook ? 0 : text ? command_words(text, words, e) : -1;
    free(text);
    return rc < 0 ? error_wrap(e, "--hook") : 0;
}
