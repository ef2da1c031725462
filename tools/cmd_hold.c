/* SPDX-License-Identifier: Apache-2.0 */
/* hold and release: a backup that no retention may drop, and the end of that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/mark_rows.h"
#include "catalog/runs.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/repo/marks.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/select.h"
#include "tools/sync_marks.h"

struct hold_options {
    struct select_options select;
    const char *reason;
    const char *until;
};

#define AT(member) offsetof(struct hold_options, member)
static const struct options_spec hold_specs[] = {
    SELECT_SPECS(struct hold_options, select),
    {0, "reason", OPTIONS_TEXT, AT(reason), "TEXT",
     "why; sealed, for those who may read the metadata", ""},
    {0, "until", OPTIONS_TEXT, AT(until), "TIME", "until then (for ever)", ""},
};
static const struct options_spec release_specs[] = {
    SELECT_SPECS(struct hold_options, select),
};

static int say(const struct context *c, const struct manifest *m, const char *words,
               uint64_t count, struct error *e)
{
    char id[2 * FORMAT_ID_LEN + 1];
    str_hex(id, m->backup_id, FORMAT_ID_LEN);
    if (c->json) {
        struct json *j = json_new_object();
        json_put_text(j, "message_type", "summary");
        json_put_text(j, "id", id);
        json_put_text(j, "result", words);
        json_put_u64(j, "marks", count);
        int rc = json_write(j, false, stdout, e);
        (void)putchar('\n');
        json_free(j);
        return rc;
    }
    if (!c->quiet)
        (void)printf("backup %.8s is %s\n", id, words);
    return 0;
}

/* The repository has it: a catalog that cannot keep up learns of it the next time. */
static void note(struct context *c, const char *what, const struct manifest *m,
                 const char *text)
{
    struct error why;
    if (sync_marks(c, true, &why) < 0 ||
        runs_event(c->catalog, what, m->backup_id, text, &why) < 0)
        log_warning("catalog: %s", why.text);
}

/* ---- hold -------------------------------------------------------------------------- */

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
        note(c, "hold", m, o->reason);
    free(text);
    return rc;
}

static int run_hold(struct context *c, const void *options, int argc, char **argv, char **after,
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
        rc = say(c, &m, "held", 1, e);
    manifest_done(&m);
    return rc < 0 ? -1 : EXIT_DONE;
}

/* ---- release ----------------------------------------------------------------------- */

/* Holds of a backup, and which of them were released. */
struct holds {
    uint8_t (*held)[FORMAT_ID_LEN];
    size_t held_count;
    uint8_t (*released)[FORMAT_ID_LEN];
    size_t released_count;
};

static int add(uint8_t (**ids)[FORMAT_ID_LEN], size_t *count, const uint8_t *id,
               struct error *e)
{
    uint8_t(*more)[FORMAT_ID_LEN] = reallocarray(*ids, *count + 1, sizeof **ids);
    if (!more)
        return error_memory(e, "holds of a backup");
    memcpy(more[(*count)++], id, FORMAT_ID_LEN);
    *ids = more;
    return 0;
}

static int visit(void *arg, const struct mark_rows_row *row, struct error *e)
{
    struct holds *h = arg;
    if (row->type == MARKS_HOLD)
        return add(&h->held, &h->held_count, row->nonce, e);
    if (row->type == MARKS_RELEASE && row->refers)
        return add(&h->released, &h->released_count, row->refers_to, e);
    return 0;
}

static bool is_released(const struct holds *h, const uint8_t *id)
{
    for (size_t i = 0; i < h->released_count; i++)
        if (memcmp(h->released[i], id, FORMAT_ID_LEN) == 0)
            return true;
    return false;
}

/* Every hold has a release of its own: one that is made meanwhile stays. */
static int release(struct context *c, const struct manifest *m, uint64_t *count,
                   struct error *e)
{
    struct holds h = {0};
    int rc = mark_rows_visit(c->catalog, m->backup_id, visit, &h, e);
    for (size_t i = 0; rc == 0 && i < h.held_count; i++) {
        const struct marks_draft draft = {
            .manifest = m, .type = MARKS_RELEASE, .refers_to = h.held[i]};
        if (is_released(&h, h.held[i]))
            continue;
        rc = marks_put(c->repo, &draft, NULL, e);
        *count += rc == 0;
    }
    free(h.held);
    free(h.released);
    if (*count > 0)
        note(c, "release", m, NULL);
    return rc;
}

static int run_release(struct context *c, const void *options, int argc, char **argv,
                       char **after, struct error *e)
{
    const struct hold_options *o = options;
    struct manifest m = {0};
    uint64_t count = 0;
    if (argc != 1 || after)
        return error_set(e, ERROR_USAGE, "release: one backup is expected");
    if (context_writer(c, e) < 0 || marks_may(c->repo, MARKS_RELEASE, e) < 0 ||
        select_manifest(c, argv[0], &o->select, &m, e) < 0)
        return -1;
    int rc = release(c, &m, &count, e);
    if (rc == 0)
        rc = say(c, &m, count > 0 ? "released" : "not held", count, e);
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
    .specs = hold_specs,
    .spec_count = ARRAY_SIZE(hold_specs),
    .options_size = sizeof(struct hold_options),
    .run = run_hold,
};

const struct command cmd_release = {
    .name = "release",
    .usage = "ID",
    .summary = "End all holds of a backup",
    .more = "For keepers, such as the host that ran pgkeep init.\n",
    .specs = release_specs,
    .spec_count = ARRAY_SIZE(release_specs),
    .options_size = sizeof(struct hold_options),
    .run = run_release,
};
