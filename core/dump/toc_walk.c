/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dump/toc_walk.h"

static int step(struct dump_reader *reader, struct bytes *toc, struct dump_event *ev,
                struct error *e)
{
    int rc = dump_reader_step(reader, toc, false, ev, e);
    if (rc > 0)
        return error_set(e, ERROR_CORRUPT, "the stored TOC is cut");
    if (rc < 0 && e && e->kind == ERROR_INCOMPLETE)
        e->kind = ERROR_CORRUPT;
    return rc;
}

int toc_walk(struct bytes toc, toc_walk_visit *visit, void *arg, struct error *e)
{
    struct dump_reader *reader = dump_reader_new(NULL, e);
    struct dump_event ev = {0};
    int rc = reader ? step(reader, &toc, &ev, e) : -1;
    while (rc == 0 && ev.type != DUMP_TOC_END) {
        rc = visit(arg, &ev, e);
        if (rc == 0)
            rc = step(reader, &toc, &ev, e);
    }
    dump_reader_free(reader);
    return rc;
}
