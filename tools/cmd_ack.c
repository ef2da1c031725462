/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/base/str.h"
#include "core/repo/marks.h"
#include "tools/acks.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/marking.h"
#include "tools/select.h"

struct ack_options {
    struct select_options select;
    const char *reason;
};

static const struct options_spec specs[] = {
    SELECT_SPECS(struct ack_options, select),
    {0, "reason", OPTIONS_TEXT, offsetof(struct ack_options, reason), "TEXT",
     "why it is as it should be; sealed, for those who may read the metadata", ""},
};

static int put(struct context *c, const struct manifest *m, const char *reason, struct error *e)
{
    const struct marks_draft draft = {.manifest = m, .type = MARKS_ACK, .text = reason};
    if (marks_put(c->repo, &draft, NULL, e) < 0)
        return -1;
    marking_note(c, "ack", m, reason);
    return 0;
}

static int accept(struct context *c, const struct manifest *m, const char *reason,
                  struct error *e)
{
    struct acks acks = {0};
    if (!(m->flags & (FORMAT_FLAG_SUSPECT | FORMAT_FLAG_UNCHECKED))) {
        char id[2 * FORMAT_ID_LEN + 1];
        str_hex(id, m->backup_id, FORMAT_ID_LEN);
        return error_set(e, ERROR_USAGE,
                         "backup %.8s is not suspect: there is nothing to accept", id);
    }
    int rc = acks_find(&acks, c->catalog, m->backup_id, e);
    bool before = acks.there;
    acks_done(&acks);
    if (rc == 0 && !before)
        rc = put(c, m, reason, e);
    return rc < 0 ? -1
                  : marking_say(c, m, before ? "accepted already" : "accepted", !before, e);
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    const struct ack_options *o = options;
    struct manifest m = {0};
    if (argc != 1 || after)
        return error_set(e, ERROR_USAGE, "ack: one backup is expected");
    if (!o->reason || !*o->reason)
        return error_set(e, ERROR_USAGE, "ack: --reason TEXT is expected");
    if (context_writer(c, e) < 0 || marks_may(c->repo, MARKS_ACK, e) < 0 ||
        select_manifest(c, argv[0], &o->select, &m, e) < 0)
        return -1;
    int rc = accept(c, &m, o->reason, e);
    manifest_done(&m);
    return rc < 0 ? -1 : EXIT_DONE;
}

const struct command cmd_ack = {
    .name = "ack",
    .usage = "ID --reason TEXT",
    .summary = "Accept a backup that is suspect or unchecked",
    .more =
        "For keepers, such as the host that ran pgkeep init. What a backup that was accepted\n"
        "holds is what later ones are compared with; nothing older is. Accepting it again\n"
        "changes nothing.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct ack_options),
    .run = run,
};
