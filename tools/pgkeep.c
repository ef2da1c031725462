/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "tools/cmd_help.h"
#include "tools/commands.h"
#include "tools/db_url.h"
#include "tools/exit.h"

static volatile sig_atomic_t stop_signal;

/* The first signal asks for a clean end; a second one does not wait for it. */
static void on_signal(int n)
{
    if (stop_signal)
        _exit(128 + n);
    stop_signal = n == SIGHUP ? SIGTERM : n;
}

/* Signals end work cleanly; keys must not end up in a core file or a file others can read. */
static void harden(void)
{
    const struct sigaction stop = {.sa_handler = on_signal};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction hangup;
    const struct rlimit no_core = {0, 0};
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigaction(SIGXFSZ, &ignore, NULL); /* a limit of file sizes is an error, EFBIG */
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
        (void)sigaction(SIGHUP, &stop, NULL); /* not under nohup */
    (void)umask(077);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)prctl(PR_SET_DUMPABLE, 0);
}

/* Line by line: what names and servers put into a message must not reach the terminal raw. */
static void print_safely(const char *prefix, const char *text)
{
    char line[2048];
    (void)fputs(prefix, stderr);
    for (;;) {
        size_t len = strcspn(text, "\n");
        str_safe(line, sizeof line, bytes_of(text, len));
        (void)fprintf(stderr, "%s\n", line);
        if (text[len] == '\0')
            return;
        text += len + 1;
    }
}

static int report(const struct context *c, const struct error *e)
{
    int code = (int)exit_of(e->kind);
    if (e->sys == EPIPE) /* who read our output has seen enough */
        return code;
    if (!c->json) {
        print_safely("pgkeep: ", e->text);
        return code;
    }
    struct error ignored;
    struct json *j = json_new_object();
    json_put_text(j, "message_type", "error");
    json_put_u64(j, "exit_code", (uint64_t)code);
    json_put_text(j, "message", e->text);
    if (json_write(j, false, stderr, &ignored) < 0)
        (void)fputs(e->text, stderr);
    (void)fputc('\n', stderr);
    json_free(j);
    return code;
}

static int refuse_secrets(int argc, char **argv, struct error *e)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (db_url_is_secret(argv[i])) {
            (void)error_set(
                e, ERROR_USAGE,
                "argument %d holds a password: other users of this machine can read "
                "it",
                i);
            return error_hint(e, "a database's URL goes into a variable for --db-url-env or a "
                                 "file for --db-url-file; a repository's has no password: "
                                 "keys come from where docs/S3.md and docs/SFTP.md say");
        }
    return 0;
}

/* Place of the command's name in argv: the first word that is no global option, nor the value
 * of one. 0 when there is none. */
static int find_command(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (word[0] != '-' || word[1] == '\0')
            return i;
        for (size_t k = 0; k < context_spec_count; k++) {
            const struct options_spec *s = &context_specs[k];
            bool named = word[1] == '-' ? strcmp(word + 2, s->name) == 0
                                        : word[1] == s->letter && word[2] == '\0';
            if (s->argument && named)
                i++;
        }
    }
    return 0;
}

static int open_log(const struct context *c, struct error *e)
{
    static const enum log_level levels[] = {LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG};
    unsigned loud = c->verbose > 2 ? 2 : c->verbose;
    const struct log_options options = {
        .level = c->quiet > 1 ? LOG_LEVEL_ERROR : levels[loud],
        .json = c->log_format && strcmp(c->log_format, "json") == 0,
        .to_stderr = true,
        .path = c->log_file,
    };
    if (c->log_format && strcmp(c->log_format, "json") != 0 &&
        strcmp(c->log_format, "text") != 0)
        return error_set(e, ERROR_USAGE, "--log-format: text or json is expected");
    return log_open(&options, e);
}

/* What stands behind "--", NULL-ended; argc is cut there. */
static char **cut_after(int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++)
        if (strcmp(argv[i], "--") == 0) {
            *argc = i;
            return &argv[i + 1];
        }
    return NULL;
}

static int run(struct context *c, const struct command *command, int argc, char **argv,
               struct error *e)
{
    void *options = calloc(1, command->options_size + 1);
    char **after = cut_after(&argc, argv);
    int first;
    int rc = options ? 0 : error_memory(e, "options");
    const struct options_table tables[] = {
        {context_specs, context_spec_count, c},
        {command->specs, command->spec_count, options},
    };
    if (rc == 0)
        rc = options_parse(tables, ARRAY_SIZE(tables), argc, argv, &first, e);
    if (rc == 0)
        rc = open_log(c, e);
    if (rc == 0 && c->help)
        cmd_help_print(command, stdout);
    else if (rc == 0 && c->version)
        rc = cmd_version.run(c, NULL, 0, NULL, NULL, e);
    else if (rc == 0)
        rc = command->run(c, options, argc - first, argv + first, after, e);
    for (size_t i = 0; options && i < command->spec_count; i++)
        if (command->specs[i].type == OPTIONS_LIST)
            options_list_done(
                (struct options_list *)(void *)((char *)options + command->specs[i].offset));
    free(options);
    return rc;
}

/* Large buffers walk from thread to thread here. With an arena a thread, and a threshold for
 * mmap that grows with what is freed, glibc keeps about twice the memory that is in use. */
static void bound_heap(void)
{
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, 256 * KIB);
    (void)mallopt(M_TRIM_THRESHOLD, 1 * MIB);
}

int main(int argc, char **argv)
{
    struct context c = {.stop = &stop_signal, .catalog_lock = -1};
    struct error e = {0};
    harden();
    bound_heap();
    int rc = refuse_secrets(argc, argv, &e);
    int at = rc == 0 ? find_command(argc, argv) : 0;
    const struct command *command = at ? commands_find(argv[at]) : NULL;
    if (rc == 0 && at && !command) {
        char word[64];
        str_safe(word, sizeof word, bytes_text(argv[at]));
        rc = error_set(&e, ERROR_USAGE, "%s is no command", word);
        (void)error_hint(&e, "pgkeep help lists the commands");
    } else if (rc == 0 && command) {
        /* The command's name leaves; its options and the global ones may stand anywhere. */
        memmove(&argv[at], &argv[at + 1], (size_t)(argc - at) * sizeof *argv);
        rc = run(&c, command, argc - 1, argv, &e);
    } else if (rc == 0) {
        int first;
        const struct options_table table = {context_specs, context_spec_count, &c};
        rc = options_parse(&table, 1, argc, argv, &first, &e);
        if (rc == 0 && c.version) {
            rc = cmd_version.run(&c, NULL, 0, NULL, NULL, &e);
        } else if (rc == 0) {
            cmd_help_print(NULL, c.help ? stdout : stderr);
            rc = c.help ? EXIT_DONE : EXIT_USAGE;
        }
    }
    if (rc < 0)
        rc = report(&c, &e);
    context_done(&c);
    if (fflush(stdout) != 0 && rc == EXIT_DONE) {
        (void)fputs("pgkeep: standard output could not be written\n", stderr);
        rc = EXIT_FAILED;
    }
    log_close();
    return rc;
}
