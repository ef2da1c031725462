/* SPDX-License-Identifier: Apache-2.0 */
/* pg_restore lists an archive from its header and TOC and never reads on, so no more is sent.
 */
#include "tools/list_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "core/base/child.h"
#include "core/base/file.h"
#include "core/dump/toc_listing.h"
#include "core/job/restore.h"
#include "tools/pg_tools.h"

#define READ_SIZE (256 * KIB)

static int find_program(const struct manifest *m, const struct member *member, char **path,
                        struct error *e)
{
    const char *version = m->private_part.dump_version;
    int own = pg_tools_major(version);
    /* Behind the magic: major, minor. That it is an archive was looked at when it was stored.
     */
    unsigned minor = member->header.len > 6 ? member->header.data[6] : 0;
    int least = toc_listing_reader(minor);
    if (own > least && pg_tools_find("pg_restore", own, path, NULL, e) == 0)
        return 0;
    if (pg_tools_find("pg_restore", least, path, NULL, e) == 0)
        return 0;
    return error_wrap(e, "not listed: an archive of version 1.%u", minor);
}

static int read_all(struct child *child, struct buf *out, struct error *e)
{
    size_t got = 1;
    while (got > 0) {
        if (buf_reserve(out, READ_SIZE, e) < 0 ||
            file_read_some(child_out(child), out->data + out->len, READ_SIZE, &got, e) < 0)
            return error_wrap(e, "pg_restore --list");
        out->len += got;
    }
    return 0;
}

/* It went away by itself: its own words say why. Exit status 1 is its answer about the archive;
 * but for a version that it does not read, which says nothing about it. */
static int end(struct child *child, struct error *e)
{
    int status = 0;
    if (child_wait(child, &status, e) < 0)
        return -1;
    if (child_finish(child, "pg_restore --list", e) == 0)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && e->kind == ERROR_CHILD &&
        !strstr(child_errors(child), "unsupported version"))
        e->kind = ERROR_DIFFERENT;
    return -1;
}

static int run(struct context *c, const char *program, struct bytes toc, struct buf *listing,
               struct error *e)
{
    const char *const arguments[] = {program, "--list", NULL};
    char **environment = NULL;
    if (pg_tools_environment(NULL, &environment, e) < 0)
        return -1;
    const struct child_options options = {.argv = arguments,
                                          .env = (const char *const *)environment,
                                          .in_fd = -1,
                                          .out_fd = -1,
                                          .pipe_in = true,
                                          .pipe_out = true};
    struct child *child = child_start(&options, e);
    int rc = child ? 0 : -1;
    if (child) {
        child_obey(child, c->stop);
        /* All is taken in before the first line is printed: neither waits for the other. */
        rc = file_write_full(child_in(child), toc, e);
        if (rc < 0 && e->kind == ERROR_IO && e->sys == EPIPE)
            rc = 0;
        child_close_in(child);
        if (rc == 0)
            rc = read_all(child, listing, e);
        if (rc == 0)
            rc = end(child, e);
    }
    child_free(child);
    pg_tools_environment_free(environment);
    return rc;
}

static int check_member(struct context *c, const struct manifest *m, struct restore *r,
                        const struct member *member, struct error *e)
{
    struct buf toc = {0};
    struct buf listing = {0};
    char *program = NULL;
    uint32_t listed;
    int rc = find_program(m, member, &program, e);
    if (rc == 0)
        rc = restore_toc(r, member, &toc, e);
    if (rc == 0)
        rc = run(c, program, buf_view(&toc), &listing, e);
    if (rc == 0 && (rc = toc_listing_check(buf_view(&toc), buf_view(&listing), &listed, e)) < 0)
        rc = error_wrap(e, "pg_restore --list");
    free(program);
    buf_done(&toc);
    buf_done(&listing);
    return rc;
}

int list_check(struct context *c, const struct manifest *m, struct error *e)
{
    const struct member_private *p = &m->private_part;
    const struct restore_options options = {
        .repo = c->repo, .manifest = m, .workers = 1, .stop = c->stop};
    size_t dumps = 0;
    struct restore *r = restore_new(&options, e);
    int rc = r ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < p->member_count; i++) {
        if (p->members[i].kind != FORMAT_MEMBER_DUMP)
            continue;
        dumps++;
        rc = check_member(c, m, r, &p->members[i], e);
    }
    restore_free(r);
    if (rc == 0 && dumps == 0)
        rc = error_set(e, ERROR_UNSUPPORTED, "not listed: no dump of a version that is known");
    return rc;
}
