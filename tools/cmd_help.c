/* SPDX-License-Identifier: Apache-2.0 */
/* Help and man pages from one source: the commands' tables. */
#include "tools/cmd_help.h"

#include <string.h>

#include "tools/commands.h"
#include "tools/exit.h"

void cmd_help_print(const struct command *command, FILE *out)
{
    const struct options_table global = {context_specs, context_spec_count, NULL};
    if (command) {
        const struct options_table own = {command->specs, command->spec_count, NULL};
        (void)fprintf(out, "usage: pgkeep %s %s\n\n%s.\n", command->name, command->usage,
                      command->summary);
        if (command->more)
            (void)fprintf(out, "\n%s", command->more);
        if (own.count > 0)
            (void)fputs("\noptions:\n", out);
        options_help(&own, out);
    } else {
        (void)fputs(
            "usage: pgkeep [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n\n"
            "An archive for PostgreSQL logical dumps: encrypted, deduplicated, verified.\n"
            "\ncommands:\n",
            out);
        for (size_t i = 0; i < commands_count; i++)
            (void)fprintf(out, "  %-10s %s\n", commands_all[i]->name, commands_all[i]->summary);
    }
    (void)fputs("\nglobal options:\n", out);
    options_help(&global, out);
    (void)fputs("\nMost options have an environment variable: --log-file is PGKEEP_LOG_FILE. A "
                "connection\n"
                "takes libpq's own (PGHOST, PGDATABASE and so on).\n"
                "\nexit codes:\n" EXIT_TEXT,
                out);
}

/* Text with what roff would take for its own made plain. */
static void roff(const char *text, FILE *out)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            (void)fputs("\\&", out);
        if (*text == '\\')
            (void)fputs("\\e", out);
        else if (*text == '-')
            (void)fputs("\\-", out);
        else
            (void)fputc(*text, out);
        line_start = *text == '\n';
    }
}

static void man_options(const struct options_spec *specs, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct options_spec *s = &specs[i];
        (void)fputs(".TP\n", out);
        if (s->letter)
            (void)fprintf(out, "\\fB\\-%c\\fR, ", s->letter);
        (void)fputs("\\fB\\-\\-", out);
        roff(s->name, out);
        (void)fputs("\\fR", out);
        if (s->argument)
            (void)fprintf(out, " \\fI%s\\fR", s->argument);
        (void)fputc('\n', out);
        roff(s->help, out);
        (void)fputc('\n', out);
    }
}

void cmd_help_man(const struct command *command, FILE *out)
{
    const char *name = command ? command->name : NULL;
    (void)fprintf(out,
                  ".TH PGKEEP%s%s 1 \"\" \"pgkeep %s\" \"pgkeep\"\n.SH NAME\npgkeep%s%s \\- ",
                  name ? "\\-" : "", name ? name : "", PGKEEP_VERSION, name ? "\\-" : "",
                  name ? name : "");
    roff(command ? command->summary : "archive for PostgreSQL logical dumps", out);
    (void)fputs("\n.SH SYNOPSIS\n.nf\npgkeep ", out);
    roff(command ? command->name : "[GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]", out);
    (void)fputc(' ', out);
    roff(command ? command->usage : "", out);
    (void)fputs("\n.fi\n", out);
    if (command && command->more) {
        (void)fputs(".SH DESCRIPTION\n.nf\n", out);
        roff(command->more, out);
        (void)fputs(".fi\n", out);
    }
    if (command && command->spec_count > 0) {
        (void)fputs(".SH OPTIONS\n", out);
        man_options(command->specs, command->spec_count, out);
    }
    if (!command) {
        (void)fputs(".SH COMMANDS\n", out);
        for (size_t i = 0; i < commands_count; i++) {
            (void)fprintf(out, ".TP\n\\fB%s\\fR\n", commands_all[i]->name);
            roff(commands_all[i]->summary, out);
            (void)fputc('\n', out);
        }
    }
    (void)fputs(".SH GLOBAL OPTIONS\n", out);
    man_options(context_specs, context_spec_count, out);
    (void)fputs(".SH EXIT STATUS\n.nf\n", out);
    roff(EXIT_TEXT, out);
    (void)fputs(".fi\n", out);
}

struct help_options {
    bool man;
};

static const struct options_spec specs[] = {
    {0, "man", OPTIONS_FLAG, offsetof(struct help_options, man), NULL, "as a man page (roff)",
     ""},
};

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    const struct help_options *o = options;
    const struct command *command = NULL;
    (void)c;
    (void)after;
    if (argc > 1)
        return error_set(e, ERROR_USAGE, "help: at most one command");
    if (argc == 1 && !(command = commands_find(argv[0])))
        return error_set(e, ERROR_USAGE, "there is no command of that name");
    (o->man ? cmd_help_man : cmd_help_print)(command, stdout);
    return EXIT_DONE;
}

const struct command cmd_help = {
    .name = "help",
    .usage = "[COMMAND]",
    .summary = "Explain a command",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct help_options),
    .run = run,
};
