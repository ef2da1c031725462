/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_globals.h"

#include "core/job/restore.h"

static int append(void *arg, struct bytes b, struct error *e)
{
    return buf_append(arg, b.data, b.len, e);
}

int restore_globals_load(struct context *c, const struct manifest *m, struct buf *out,
                         struct error *e)
{
    const struct member_private *p = &m->private_part;
    const struct restore_options options = {.repo = c->repo,
                                            .manifest = m,
                                            .workers = 1,
                                            .check = true,
                                            .write = append,
                                            .write_arg = out,
                                            .stop = c->stop};
    size_t i = 0;
    while (i < p->member_count && p->members[i].kind != FORMAT_MEMBER_GLOBALS)
        i++;
    if (i == p->member_count) {
        (void)error_set(e, ERROR_USAGE, "--globals: no roles were saved with this backup");
        return error_hint(e, "--create-roles makes those that are missing, without login");
    }
    /* At once, so that no copy of what is secret in it stays behind. */
    if (buf_reserve(out, (size_t)p->members[i].length + 1, e) < 0)
        return -1;
    struct restore *r = restore_new(&options, e);
    int rc = r ? restore_member(r, &p->members[i], e) : -1;
    restore_free(r);
    return rc;
}
