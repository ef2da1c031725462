/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "catalog/mark_rows.h"
#include "core/repo/marks.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/marking.h"
#include "tools/select.h"

struct release_options {
    struct select_options select;
};

static const struct options_spec specs[] = {
    SELECT_SPECS(struct release_options, select),
};

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
        marking_note(c, "release", m, NULL);
    return rc;
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    const struct release_options *o = options;
    struct manifest m = {0};
    uint64_t count = 0;
    if (argc != 1 || after)
        return error_set(e, ERROR_USAGE, "release: one backup is expected");
    if (context_writer(c, e) < 0 || marks_may(c->repo, MARKS_RELEASE, e) < 0 ||
        select_manifest(c, argv[0], &o->select, &m, e) < 0)
        return -1;
    int rc = release(c, &m, &count, e);
    if (rc == 0)
        rc = marking_say(c, &m, count > 0 ? "released" : "not held", count, e);
    manifest_done(&m);
    return rc < 0 ? -1 : EXIT_DONE;
}

const struct command cmd_release = {
    .name = "release",
    .usage = "ID",
    .summary = "End all holds of a backup",
    .more = "For keepers, such as the host that ran pgkeep init.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct release_options),
    .run = run,
};
