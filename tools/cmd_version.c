/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "core/base/json.h"
#include "core/repo/format.h"
#include "tools/commands.h"
#include "tools/exit.h"

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    (void)options;
    (void)argv;
    (void)after;
    if (argc > 0)
        return error_set(e, ERROR_USAGE, "version takes no arguments");
    if (!c->json) {
        (void)printf("pgkeep %s (repository format %d, a draft)\n", PGKEEP_VERSION,
                     FORMAT_VERSION);
        return EXIT_DONE;
    }
    struct json *j = json_new_object();
    json_put_text(j, "version", PGKEEP_VERSION);
    json_put_u64(j, "format", FORMAT_VERSION);
    int rc = json_write(j, true, stdout, e);
    (void)putchar('\n');
    json_free(j);
    return rc < 0 ? -1 : EXIT_DONE;
}

const struct command cmd_version = {
    .name = "version",
    .usage = "",
    .summary = "Print the version",
    .run = run,
};
