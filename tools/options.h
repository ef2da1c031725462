/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line options, described by tables: parsed, taken from the environment, and printed
 * as help from the same rows. */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <stdio.h>

#include "core/base/error.h"

enum options_type {
    OPTIONS_FLAG,   /* bool */
    OPTIONS_COUNT,  /* unsigned, one up each time */
    OPTIONS_TEXT,   /* const char * */
    OPTIONS_LIST,   /* struct options_list */
    OPTIONS_NUMBER, /* uint64_t */
};

struct options_list {
    const char **items; /* the items are argv's or the environment's */
    size_t count;
};
void options_list_done(struct options_list *l);

struct options_spec {
    char letter; /* 0: none */
    const char *name;
    enum options_type type;
    size_t offset;        /* of the target in the struct that is filled */
    const char *argument; /* what help calls the value; NULL for flags and counts */
    const char *help;
    const char *environment; /* NULL: PGKEEP_NAME with dashes as underscores; "": none */
};

struct options_table {
    const struct options_spec *specs;
    size_t count;
    void *target;
};

/* Environment first, then argv (argv[0] is skipped; GNU style: options and arguments in any
 * order, "--" ends them). Arguments are moved behind the options: argv[*first] on. ERROR_USAGE,
 * which never repeats a value. */
MUST_CHECK int options_parse(const struct options_table *tables, size_t count, int argc,
                             char **argv, int *first, struct error *e);

/* The rows as help text. */
void options_help(const struct options_table *table, FILE *out);

#endif
