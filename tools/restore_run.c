/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/job/restore_jobs.h"
#include "core/job/restore_split.h"
#include "tools/pg_child.h"
#include "tools/pg_tools.h"
#include "tools/render.h"

#define MAX_ARGUMENTS 24
#define FD_PATH 32

struct run {
    struct context *c;
    const struct restore_run_options *o;
    const struct member *member;
    char *program;
    char *conninfo;
    struct render_progress progress;
    uint64_t delivered;
    uint64_t
        wanted; /* bytes that pg_restore reads: a second TOC behind the data is not of them */
};

/* A pg_restore and what goes to it. */
struct feed {
    struct run *run;
    struct child *child;
    bool partial; /* of this archive it need not read all */
};

static void fd_path(char out[FD_PATH], int fd)
{
    (void)snprintf(out, FD_PATH, "/proc/self/fd/%d", fd);
}

/* ---- one process ------------------------------------------------------------------- */

/* An archive that can be opened by name, and of its entries those that are to be restored. */
struct named {
    int archive, list;
};

/* named: instead of standard input, several jobs at a time; NULL none. */
static struct child *start(struct run *r, const struct named *named, struct error *e)
{
    const struct restore_run_options *o = r->o;
    const char *arguments[MAX_ARGUMENTS] = {r->program, "--exit-on-error", "--no-password",
                                            "-d", r->conninfo};
    size_t n = 5;
    char jobs[16];
    char archive[FD_PATH];
    char list[FD_PATH];
    int keep[3];
    struct pg_child p;
    struct child *child = NULL;
    if (o->no_owner)
        arguments[n++] = "--no-owner";
    if (o->no_privileges)
        arguments[n++] = "--no-privileges";
    if (o->no_tablespaces)
        arguments[n++] = "--no-tablespaces";
    if (o->role) {
        arguments[n++] = "--role";
        arguments[n++] = o->role;
    }
    if (o->replace.len > 0) {
        arguments[n++] = "--clean";
        arguments[n++] = "--if-exists";
        arguments[n++] = "--single-transaction";
    }
    if (named) {
        (void)snprintf(jobs, sizeof jobs, "%u", o->jobs);
        fd_path(archive, named->archive);
        fd_path(list, named->list);
        const char *const more[] = {"--jobs", jobs, "--use-list", list, archive};
        memcpy(arguments + n, more, sizeof more);
    }
    if (pg_child_prepare(&p, o->server, e) < 0)
        return NULL;
    if (named) {
        keep[0] = named->archive;
        keep[1] = named->list;
        keep[2] = p.passfile;
        p.options.keep_fds = keep;
        p.options.keep_count += 2;
    }
    p.options.argv = arguments;
    p.options.pipe_in = !named;
    child = child_start(&p.options, e);
    if (child)
        child_obey(child, r->c->stop);
    pg_child_done(&p);
    return child;
}

static int write_child(void *arg, struct bytes b, struct error *e)
{
    const struct feed *f = arg;
    if (file_write_full(child_in(f->child), b, e) < 0)
        return error_wrap(e, "pg_restore");
    return 0;
}

/* When pg_restore went away its own words say why; ours would only say that it did. */
static int finish_child(void *arg, bool failed, struct error *e)
{
    const struct feed *f = arg;
    struct error why = {0};
    if (failed && !(e->kind == ERROR_IO && e->sys == EPIPE)) {
        child_kill(f->child);
        return -1;
    }
    if (child_finish(f->child, "pg_restore", failed ? &why : e) == 0) {
        /* Done before it had read all: without data it need not. */
        if (!failed || f->partial)
            return 0;
        return error_set(e, ERROR_CHILD, "pg_restore ended before it had read the whole dump");
    }
    if (failed)
        *e = why;
    child_kill(f->child); /* it still runs when a signal ended the wait */
    return -1;
}

static void cancel_child(void *arg)
{
    const struct feed *f = arg;
    child_kill(f->child);
}

static int write_counted(void *arg, struct bytes b, struct error *e)
{
    const struct feed *f = arg;
    struct run *r = f->run;
    uint64_t left = r->delivered < r->wanted ? r->wanted - r->delivered : 0;
    struct bytes part = bytes_of(b.data, b.len < left ? b.len : (size_t)left);
    if (part.len > 0 && write_child(arg, part, e) < 0)
        return -1;
    r->delivered += b.len;
    render_progress(&r->progress, r->delivered);
    return 0;
}

static int deliver(struct run *r, const struct toc_select *selection,
                   int (*write)(void *arg, struct bytes b, struct error *e), void *arg,
                   struct error *e)
{
    const struct restore_options options = {.repo = r->c->repo,
                                            .manifest = r->o->m,
                                            .toc = buf_view(&r->o->choice->toc),
                                            .selection = selection,
                                            .head = r->o->replace,
                                            .workers = context_workers(r->o->threads),
                                            .write = write,
                                            .write_arg = arg,
                                            .stop = r->c->stop};
    struct restore *restore = restore_new(&options, e);
    int rc = restore ? restore_member(restore, r->member, e) : -1;
    restore_free(restore);
    return rc;
}

/* partial: pg_restore need not read all of it. */
static int run_one(struct run *r, const struct toc_select *selection, bool partial,
                   struct error *e)
{
    struct feed f = {.run = r, .partial = partial, .child = start(r, NULL, e)};
    if (!f.child)
        return -1;
    r->delivered = 0;
    r->wanted = selection ? UINT64_MAX : r->member->length - stream_bytes(&r->member->tail);
    bool failed = deliver(r, selection, write_counted, &f, e) < 0;
    int rc = finish_child(&f, failed, e);
    child_free(f.child);
    return rc;
}

/* ---- several ----------------------------------------------------------------------- */

static void tick(void *arg, uint64_t bytes)
{
    struct run *r = arg;
    render_progress(&r->progress, r->delivered + bytes);
}

/* The rows: every part has a pg_restore of its own. */
static int run_data(struct run *r, const struct restore_split *split, struct error *e)
{
    const struct restore_options options = {.repo = r->c->repo,
                                            .manifest = r->o->m,
                                            .toc = buf_view(&r->o->choice->toc),
                                            .workers = context_workers(r->o->threads),
                                            .stop = r->c->stop};
    struct restore_jobs_part parts[RESTORE_RUN_JOBS_MAX];
    struct feed feeds[RESTORE_RUN_JOBS_MAX];
    unsigned started = 0;
    for (; started < split->data_count; started++) {
        struct feed *f = &feeds[started];
        *f = (struct feed){.run = r, .child = start(r, NULL, e)};
        if (!f->child)
            break;
        parts[started] = (struct restore_jobs_part){.selection = &split->data[started],
                                                    .write = write_child,
                                                    .finish = finish_child,
                                                    .cancel = cancel_child,
                                                    .arg = f};
    }
    const struct restore_jobs_options jobs = {
        .restore = &options, .parts = parts, .count = started, .tick = tick, .tick_arg = r};
    int rc = started == split->data_count ? restore_jobs_run(&jobs, r->member, e) : -1;
    for (unsigned i = 0; i < started; i++)
        child_free(feeds[i].child);
    return rc;
}

static int write_memory(void *arg, struct bytes b, struct error *e)
{
    const int *fd = arg;
    return file_write_full(*fd, b, e);
}

/* The whole TOC without data. */
static int write_archive(struct run *r, const struct toc_select *selection, int fd,
                         struct error *e)
{
    const struct restore_options options = {.repo = r->c->repo,
                                            .manifest = r->o->m,
                                            .toc = buf_view(&r->o->choice->toc),
                                            .selection = selection,
                                            .without_data = true,
                                            .workers = 1,
                                            .write = write_memory,
                                            .write_arg = &fd,
                                            .stop = r->c->stop};
    struct restore *restore = restore_new(&options, e);
    int rc = restore ? restore_member(restore, r->member, e) : -1;
    restore_free(restore);
    return rc;
}

/* As pg_restore reads it: a dump id a line. */
static int write_list(const struct run *r, const struct toc_select *selection, int fd,
                      struct error *e)
{
    const struct toc_list *l = &r->o->choice->list;
    struct buf lines = {0};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < l->count; i++)
        if (toc_select_keeps(selection, i) && l->entries[i].facts->kind != TOC_KIND_SETTING)
            rc = buf_printf(&lines, e, "%u;\n", l->entries[i].dump_id);
    if (rc == 0)
        rc = file_write_full(fd, buf_view(&lines), e);
    buf_done(&lines);
    return rc;
}

/* Indexes, constraints, triggers, grants, by pg_restore's own jobs, which it has only for an
 * archive that it can open by name. All entries are in it, since it takes from the tables, and
 * from what depends on them, which two statements would lock each other out. */
static int run_finish(struct run *r, const struct restore_split *split, struct error *e)
{
    struct feed f = {.run = r};
    struct named named = {.archive = file_memfd("pgkeep-toc", (struct bytes){0}, e),
                          .list = -1};
    int rc = -1;
    if (named.archive >= 0)
        named.list = file_memfd("pgkeep-list", (struct bytes){0}, e);
    if (named.list >= 0 && write_archive(r, &split->all, named.archive, e) == 0 &&
        write_list(r, &split->finish, named.list, e) == 0)
        f.child = start(r, &named, e);
    if (f.child)
        rc = finish_child(&f, false, e);
    child_free(f.child);
    if (named.archive >= 0)
        (void)close(named.archive);
    if (named.list >= 0)
        (void)close(named.list);
    return rc;
}

static int split_it(struct run *r, struct restore_split *split, struct error *e)
{
    const struct restore_options options = {.repo = r->c->repo,
                                            .manifest = r->o->m,
                                            .toc = buf_view(&r->o->choice->toc),
                                            .workers = 1,
                                            .stop = r->c->stop};
    const struct restore_split_what what = {.member = r->member,
                                            .list = &r->o->choice->list,
                                            .selection = &r->o->choice->selection,
                                            .jobs = r->o->jobs};
    struct restore *restore = restore_new(&options, e);
    int rc = restore ? restore_split_make(restore, &what, split, e) : -1;
    restore_free(restore);
    return rc;
}

static int run_several(struct run *r, const struct restore_split *split, struct error *e)
{
    int64_t start = clock_monotonic_ms();
    r->progress.total = split->payload_bytes;
    if (run_one(r, &split->define, true, e) < 0)
        return -1;
    int64_t defined = clock_monotonic_ms();
    r->delivered = 0;
    if (run_data(r, split, e) < 0)
        return -1;
    int64_t filled = clock_monotonic_ms();
    if (run_finish(r, split, e) < 0)
        return -1;
    log_info("definitions took %.1f s, rows %.1f s, indexes and the rest %.1f s",
             (double)(defined - start) / 1000, (double)(filled - defined) / 1000,
             (double)(clock_monotonic_ms() - filled) / 1000);
    return 0;
}

/* The whole dump as it was stored, where that can be: its SHA-256 is checked too. */
static int run_single(struct run *r, const struct restore_split *split, struct error *e)
{
    const struct restore_choice *choice = r->o->choice;
    bool part = !choice->whole || split->has_last;
    r->progress.total = choice->whole ? r->member->length : 0;
    return run_one(r, part ? &split->define : NULL, choice->options->schema_only, e);
}

static int run_all(struct run *r, struct error *e)
{
    const struct restore_choice *choice = r->o->choice;
    struct restore_split split = {0};
    if (r->o->replace.len > 0)
        return run_one(r, &choice->selection, choice->options->schema_only, e);
    int rc = split_it(r, &split, e);
    if (rc == 0)
        rc = r->o->jobs > 1 ? run_several(r, &split, e) : run_single(r, &split, e);
    if (rc == 0 && split.has_last)
        rc = run_one(r, &split.last, true, e);
    restore_split_done(&split);
    return rc;
}

/* ---- all of it --------------------------------------------------------------------- */

/* pg_restore reads older archives, never newer ones; the server's major is the least. */
static int find_program(struct run *r, struct error *e)
{
    const char *version = r->o->m->private_part.dump_version;
    int server = server_number(r->o->server) / 10000;
    int dump = pg_tools_major(version);
    return pg_tools_find("pg_restore", dump > server ? dump : server, &r->program, NULL, e);
}

int restore_run(struct context *c, const struct restore_run_options *o, struct error *e)
{
    struct run r = {
        .c = c,
        .o = o,
        .member = &o->m->private_part.members[0],
        .progress = {.wanted = context_wants_progress(c), .what = "restore"},
    };
    r.conninfo = server_conninfo(o->server, o->database, e);
    int rc = r.conninfo ? find_program(&r, e) : -1;
    if (rc == 0)
        rc = run_all(&r, e);
    render_progress_end(&r.progress);
    free(r.program);
    free(r.conninfo);
    return rc;
}
