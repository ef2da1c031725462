/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/repo/marks.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/marking.h"
#include "tools/select.h"

struct hold_options {
    struct select_options select;
    const char *reason;
    const char *until;
};

#define AT(member) offsetof(struct hold_options, member)
static const struct options_spec specs[] = {
    SELECT_SPECS(struct hold_options, select),
    {0, "reason", OPTIONS_TEXT, AT(reason), "TEXT",
     "why; sealed, for those who may read the metadata", ""},
    {0, "until", OPTIONS_TEXT, AT(until), "TIME", "until then (for ever)", ""},
};

/* docs/FORMAT.md 3.6: a line with the time, or an empty one, and the reason. */
static int put_hold(struct context *c, const struct manifest *m, const struct hold_options *o,
                    int64_t until_us, struct error *e)
{
    char until[CLOCK_TEXT] = "";
    if (o->until)
        clock_rfc3339(until, until_us);
    char *text = str_format(e, "%s\n%s", until, o->reason);
    const struct marks_draft draft = {.manifest = m, .type = MARKS_HOLD, .text = text};
    int rc = text ? marks_put(c->repo, &draft, NULL, e) : -1;
    if (rc == 0)
        marking_note(c, "hold", m, o->reason);
    free(text);
    return rc;
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    const struct hold_options *o = options;
    struct manifest m = {0};
    int64_t until_us = 0;
    if (argc != 1 || after)
        return error_set(e, ERROR_USAGE, "hold: one backup is expected");
    if (!o->reason || !*o->reason)
        return error_set(e, ERROR_USAGE, "hold: --reason TEXT is expected");
    if (o->until && !clock_parse(o->until, &until_us))
        return error_set(e, ERROR_USAGE, "--until: a time such as 2027-01-31 is expected");
    if (o->until && until_us <= clock_now_us())
        return error_set(e, ERROR_USAGE, "--until: that time is past");
    if (context_writer(c, e) < 0 || marks_may(c->repo, MARKS_HOLD, e) < 0 ||
        select_manifest(c, argv[0], &o->select, &m, e) < 0)
        return -1;
    int rc = put_hold(c, &m, o, until_us, e);
    if (rc == 0)
        rc = marking_say(c, &m, "held", 1, e);
    manifest_done(&m);
    return rc < 0 ? -1 : EXIT_DONE;
}

const struct command cmd_hold = {
    .name = "hold",
    .usage = "ID --reason TEXT [--until TIME]",
    .summary = "Keep a backup whatever the retention says",
    .more =
        "The hold stands in the repository, for every host; pgkeep release ends it. Nothing\n"
        "is ever deleted today: retention is on its way and will heed holds.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct hold_options),
    .run = run,
};
