/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_in_place.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/dump/toc_extra.h"
#include "core/dump/toc_replace.h"
#include "core/job/restore.h"
#include "tools/database.h"
#include "tools/in_place.h"
#include "tools/pg_output.h"
#include "tools/render.h"
#include "tools/restore_properties.h"
#include "tools/restore_roles.h"
#include "tools/restore_run.h"

struct job {
    struct context *c;
    const struct restore_in_place_options *o;
    struct server *server; /* connected to the database itself */
    struct toc_facts facts;
    struct buf target;       /* the database's own TOC, header in front */
    struct toc_list objects; /* of it */
    struct in_place_drops drops;
    struct buf head; /* of the archive that pg_restore gets */
    struct render_progress progress;
    uint64_t read;
};

/* ---- before anything is touched ---------------------------------------------------- */

static int check_sessions(const struct job *j, struct error *e)
{
    return j->o->with_sessions
               ? 0
               : database_refuse_sessions(
                     j->server, server_database(j->server),
                     "--with-sessions goes on, and waits for what they have locked", e);
}

/* A slot is at the publisher: to drop it is no part of a transaction. */
static int check_subscriptions(const struct job *j, struct error *e)
{
    uint64_t count = 0;
    struct error why = {0};
    if (j->o->choice->by_name ||
        server_number_of(j->server,
                         "SELECT count(*) FROM pg_subscription JOIN pg_database d"
                         " ON d.oid = subdbid WHERE datname = current_database()"
                         " AND subslotname IS NOT NULL",
                         NULL, &count, &why) < 0 ||
        count == 0)
        return 0;
    (void)error_set(e, ERROR_SERVER,
                    "database %s has %llu subscriptions with a replication slot, which no "
                    "transaction can drop",
                    server_database(j->server), (unsigned long long)count);
    return error_hint(e, "ALTER SUBSCRIPTION … DISABLE, then SET (slot_name = NONE); or "
                         "--into-new DB --swap");
}

/* Every relation is locked until the end, those that go and those that come. */
static int check_locks(const struct job *j, struct error *e)
{
    const struct toc_list *l = &j->o->choice->list;
    uint64_t room = 0;
    uint64_t there = 0;
    uint64_t needed = 0;
    if (server_number_of(j->server,
                         "SELECT current_setting('max_locks_per_transaction')::int8 *"
                         " (current_setting('max_connections')::int8 +"
                         " current_setting('max_prepared_transactions')::int8)",
                         NULL, &room, e) < 0 ||
        server_number_of(j->server,
                         "SELECT (SELECT count(*) FROM pg_class WHERE oid >= 16384) +"
                         " (SELECT count(*) FROM pg_largeobject_metadata)",
                         NULL, &there, e) < 0)
        return -1;
    for (uint32_t i = 0; i < l->count; i++) {
        struct bytes desc = toc_list_desc(l, i);
        if (toc_select_keeps(&j->o->choice->selection, i) &&
            ((l->entries[i].facts->flags & TOC_KIND_RELATION) ||
             l->entries[i].facts->kind == TOC_KIND_LARGE_OBJECT ||
             bytes_equal(desc, bytes_text("INDEX")) ||
             bytes_equal(desc, bytes_text("CONSTRAINT"))))
            needed++;
    }
    needed += there;
    if (needed <= room)
        return 0;
    (void)error_set(e, ERROR_SERVER,
                    "one transaction needs about %llu locks, and the server has room for %llu",
                    (unsigned long long)needed, (unsigned long long)room);
    return error_hint(e, "raise max_locks_per_transaction, or --into-new DB --swap");
}

static int on_read(void *arg, struct bytes b, struct error *e)
{
    struct job *j = arg;
    (void)e;
    j->read += b.len;
    render_progress(&j->progress, j->read);
    return 0;
}

/* All that will be restored is read, decoded and compared with its digests, to nowhere. */
static int read_backup(struct job *j, struct error *e)
{
    const struct restore_in_place_options *o = j->o;
    const struct member *member = &o->m->private_part.members[0];
    const struct restore_options options = {.repo = j->c->repo,
                                            .manifest = o->m,
                                            .selection =
                                                o->choice->whole ? NULL : &o->choice->selection,
                                            .toc = buf_view(&o->choice->toc),
                                            .check = true,
                                            .workers = context_workers(o->threads),
                                            .write = on_read,
                                            .write_arg = j,
                                            .stop = j->c->stop};
    j->progress = (struct render_progress){.wanted = context_wants_progress(j->c),
                                           .what = "read",
                                           .total = o->choice->whole ? member->length : 0};
    struct restore *r = restore_new(&options, e);
    int rc = r ? restore_member(r, member, e) : -1;
    restore_free(r);
    render_progress_end(&j->progress);
    return rc;
}

/* ---- what is there ----------------------------------------------------------------- */

/* Definitions of the database, and how to drop them, as pg_dump knows them. */
static int dump_target(struct job *j, struct error *e)
{
    const char *const arguments[] = {"-Fc", "-Z0", "--schema-only", "--lock-wait-timeout=60000",
                                     NULL};
    if (pg_output_read(j->server, "pg_dump", arguments, j->c->stop, &j->target, e) < 0)
        return -1;
    return toc_list_read(buf_view(&j->target), &j->objects, e);
}

static int list_extra(const struct job *j, const bool *extra, struct member_texts *out,
                      struct error *e)
{
    for (uint32_t i = 0; i < j->objects.count; i++) {
        char text[TOC_LIST_TEXT];
        if (!extra[i])
            continue;
        toc_list_text(&j->objects, i, text);
        if (member_texts_add(out, text, e) < 0)
            return -1;
    }
    return 0;
}

static int find_extra(const struct job *j, struct member_texts *out, struct error *e)
{
    size_t count = 0;
    const struct restore_choice *choice = j->o->choice;
    bool *extra = calloc((size_t)j->objects.count + 1, sizeof *extra);
    if (!extra)
        return error_memory(e, "objects of a database");
    int rc = toc_extra_find(&j->objects, &choice->list, &choice->selection, extra, &count, e);
    if (rc == 0)
        rc = list_extra(j, extra, out, e);
    free(extra);
    return rc < 0 ? -1 : in_place_lost(j->server, choice, out, e);
}

/* ---- what goes --------------------------------------------------------------------- */

static int make_head(struct job *j, struct error *e)
{
    const struct restore_choice *choice = j->o->choice;
    enum toc_stage *stages = calloc((size_t)choice->list.count + 1, sizeof *stages);
    if (!stages)
        return error_memory(e, "entries of a restore");
    toc_stage_assign(&choice->list, stages);
    const struct toc_replace_options options = {.toc = buf_view(&choice->toc),
                                                .selection = &choice->selection,
                                                .stages = stages,
                                                .drops = j->drops.items,
                                                .drop_count = j->drops.count,
                                                .no_owner = j->o->no_owner};
    int rc = toc_replace_write(&options, &j->head, e);
    free(stages);
    return rc;
}

/* ---- all of it --------------------------------------------------------------------- */

/* What is in the way, and what is there. */
static int look(struct job *j, struct member_texts *extra, struct error *e)
{
    toc_list_done(&j->objects);
    j->target.len = 0;
    if (check_sessions(j, e) < 0 || check_subscriptions(j, e) < 0 || check_locks(j, e) < 0 ||
        dump_target(j, e) < 0)
        return -1;
    if (!j->o->drop_extra && find_extra(j, extra, e) < 0)
        return -1;
    return extra->count > 0 ? RESTORE_IN_PLACE_EXTRA : 0;
}

static int prepare(struct job *j, struct member_texts *extra, struct error *e)
{
    const struct restore_in_place_options *o = j->o;
    const struct restore_roles_options roles = {.no_owner = o->no_owner,
                                                .no_privileges = o->no_privileges,
                                                .globals = o->globals,
                                                .create = o->create_roles};
    int rc = look(j, extra, e);
    if (rc == 0)
        rc = read_backup(j, e);
    /* Reading may have taken an hour: what is there now goes. */
    if (rc == 0)
        rc = look(j, extra, e);
    if (rc != 0)
        return rc;
    if (toc_facts_read(buf_view(&o->choice->toc), &o->choice->selection, &j->facts, e) < 0 ||
        in_place_list_drops(j->server, buf_view(&j->target), &j->objects, &j->drops, e) < 0 ||
        make_head(j, e) < 0)
        return -1;
    return restore_roles_prepare(j->server, &j->facts, &roles, e);
}

/* The backup is in the database, whatever becomes of this. */
static int complete(struct job *j, const char *database, struct error *e)
{
    const struct restore_in_place_options *o = j->o;
    /* Whose it is stays as it is. */
    const struct restore_properties_options properties = {.no_owner = true,
                                                          .no_privileges = o->no_privileges};
    if (restore_properties_apply(j->server, database, &j->facts, &properties, e) < 0)
        return -1;
    if (!o->no_analyze && !o->choice->options->schema_only &&
        database_analyze(j->server, database, j->c->stop, e) < 0)
        return -1;
    return restore_check_run(j->c, &o->check, j->server, database, e);
}

static int replace(struct job *j, struct error *e)
{
    const struct restore_in_place_options *o = j->o;
    const char *database = server_database(j->server);
    const struct restore_run_options run = {.m = o->m,
                                            .choice = o->choice,
                                            .server = j->server,
                                            .database = database,
                                            .role = o->role,
                                            .no_owner = o->no_owner,
                                            .no_privileges = o->no_privileges,
                                            .replace = buf_view(&j->head),
                                            .jobs = 1,
                                            .threads = o->threads};
    if (restore_run(j->c, &run, e) < 0)
        return error_wrap(e, "database %s is as it was", database);
    if (complete(j, database, e) < 0)
        return error_wrap(e, "database %s holds the backup now, but", database);
    return 0;
}

int restore_in_place(struct context *c, const struct restore_in_place_options *o,
                     char **database, struct member_texts *extra, struct error *e)
{
    struct job j = {.c = c, .o = o};
    int rc = -1;
    *database = NULL;
    j.server = server_connect(&o->server, NULL, NULL, e);
    if (j.server)
        *database = str_copy(server_database(j.server), e);
    if (*database)
        rc = prepare(&j, extra, e);
    if (rc == 0)
        rc = replace(&j, e);
    server_close(j.server);
    toc_facts_done(&j.facts);
    toc_list_done(&j.objects);
    buf_done(&j.target);
    buf_done(&j.head);
    in_place_drops_done(&j.drops);
    return rc;
}
