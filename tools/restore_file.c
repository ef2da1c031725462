/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/dump/seekable.h"
#include "core/job/restore.h"
#include "tools/render.h"

struct to_file {
    int fd;
    struct seekable *seekable; /* NULL: it is not asked for */
    const char *name;
    uint64_t delivered;
    struct render_progress progress;
};

static int write_file(void *arg, struct bytes b, struct error *e)
{
    struct to_file *f = arg;
    f->delivered += b.len;
    render_progress(&f->progress, f->delivered);
    if (f->seekable && seekable_take(f->seekable, b, e) < 0)
        return -1;
    return file_write_full(f->fd, b, e) < 0 ? error_wrap(e, "%s", f->name) : 0;
}

static int deliver(struct context *c, const struct restore_file_options *o, struct to_file *f,
                   struct error *e)
{
    const struct member *member = &o->m->private_part.members[0];
    const struct restore_options options = {.repo = c->repo,
                                            .manifest = o->m,
                                            .toc = buf_view(&o->choice->toc),
                                            .selection =
                                                o->choice->whole ? NULL : &o->choice->selection,
                                            .workers = context_workers(o->threads),
                                            .write = write_file,
                                            .write_arg = f,
                                            .stop = c->stop};
    f->progress = (struct render_progress){.wanted = context_wants_progress(c),
                                           .what = "restore",
                                           .total = o->choice->whole ? member->length : 0};
    struct restore *r = restore_new(&options, e);
    int rc = r ? restore_member(r, member, e) : -1;
    restore_free(r);
    render_progress_end(&f->progress);
    return rc;
}

/* A device, a pipe: there is nothing to put in its place. */
static int write_through(struct context *c, const struct restore_file_options *o,
                         struct error *e)
{
    struct to_file f = {.name = o->path};
    f.fd = open(o->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (f.fd < 0)
        return error_system(e, "%s", o->path);
    int rc = deliver(c, o, &f, e);
    if (close(f.fd) < 0 && rc == 0)
        rc = error_system(e, "%s", o->path);
    return rc;
}

int restore_file(struct context *c, const struct restore_file_options *o, struct error *e)
{
    struct file_draft draft;
    struct stat st;
    struct to_file f = {.fd = STDOUT_FILENO, .name = "standard output"};
    if (strcmp(o->path, "-") == 0)
        return deliver(c, o, &f, e);
    if (stat(o->path, &st) == 0 && !S_ISREG(st.st_mode))
        return o->seekable ? error_set(e, ERROR_USAGE, "--seekable: %s is no file", o->path)
                           : write_through(c, o, e);
    f.name = o->path;
    f.fd = file_draft_begin(&draft, o->path, 0600, e);
    if (f.fd < 0)
        return -1;
    f.seekable = o->seekable ? seekable_new(e) : NULL;
    int rc = o->seekable && !f.seekable ? -1 : deliver(c, o, &f, e);
    if (rc == 0 && f.seekable)
        rc = seekable_write(f.seekable, f.fd, e);
    seekable_free(f.seekable);
    if (rc == 0)
        return file_draft_commit(&draft, e);
    file_draft_abort(&draft);
    return -1;
}
