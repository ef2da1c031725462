/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/restore_in_place.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/dump/toc_extra.h"
#include "core/dump/toc_replace.h"
#include "core/dump/toc_walk.h"
#include "core/job/restore.h"
#include "tools/database.h"
#include "tools/pg_output.h"
#include "tools/render.h"
#include "tools/restore_properties.h"
#include "tools/restore_roles.h"
#include "tools/restore_run.h"

#define DROP_LARGE_OBJECTS                                                                     \
    "SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata;\n"

struct job {
    struct context *c;
    const struct restore_in_place_options *o;
    struct server *server; /* connected to the database itself */
    struct toc_facts facts;
    struct buf target;         /* the database's own TOC, header in front */
    struct toc_list objects;   /* of it */
    enum toc_stage *stages;    /* of objects */
    struct member_texts drops; /* statements, the first to be run is the last */
    struct buf head;           /* of the archive that pg_restore gets */
    struct render_progress progress;
    uint64_t read;
};

/* ---- before anything is touched ---------------------------------------------------- */

static int check_sessions(const struct job *j, struct error *e)
{
    uint64_t sessions = 0;
    const char *name = server_database(j->server);
    if (j->o->with_sessions)
        return 0;
    if (database_sessions(j->server, name, &sessions, e) < 0)
        return -1;
    if (sessions == 0)
        return 0;
    (void)error_set(e, ERROR_USAGE, "database %s has %llu other sessions", name,
                    (unsigned long long)sessions);
    return error_hint(e, "--with-sessions goes on, and waits for what they have locked");
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

static bool has_large_objects(const struct restore_choice *choice)
{
    for (uint32_t i = 0; i < choice->list.count; i++)
        if (choice->list.entries[i].facts->kind == TOC_KIND_LARGE_OBJECT &&
            toc_select_keeps(&choice->selection, i))
            return true;
    return false;
}

static int find_extra(const struct job *j, struct member_texts *out, struct error *e)
{
    size_t count = 0;
    uint64_t objects = 0;
    const struct restore_choice *choice = j->o->choice;
    bool *extra = calloc((size_t)j->objects.count + 1, sizeof *extra);
    if (!extra)
        return error_memory(e, "objects of a database");
    int rc = toc_extra_find(&j->objects, &choice->list, &choice->selection, extra, &count, e);
    if (rc == 0)
        rc = list_extra(j, extra, out, e);
    free(extra);
    if (rc == 0)
        rc = server_number_of(j->server, "SELECT count(*) FROM pg_largeobject_metadata", NULL,
                              &objects, e);
    if (rc == 0 && objects > 0 && !has_large_objects(choice)) {
        char *text = str_format(e, "%llu LARGE OBJECTS", (unsigned long long)objects);
        rc = text ? member_texts_add(out, text, e) : -1;
        free(text);
    }
    return rc;
}

/* ---- what goes --------------------------------------------------------------------- */

struct dropping {
    struct job *job;
    bool last; /* this time those of the last stage */
};

static int add_drop(void *arg, const struct dump_event *ev, struct error *e)
{
    const struct dropping *d = arg;
    struct job *j = d->job;
    if (ev->type != DUMP_ENTRY || ev->entry->drop.len == 0 ||
        (j->stages[ev->entry->ordinal] == TOC_STAGE_LAST) != d->last ||
        bytes_equal(ev->entry->desc, bytes_text("DATABASE")) ||
        bytes_equal(ev->entry->desc, bytes_text("DATABASE PROPERTIES")))
        return 0;
    char *statement = str_copy_bytes(ev->entry->drop, e);
    int rc = statement ? member_texts_add(&j->drops, statement, e) : -1;
    free(statement);
    return rc;
}

/* From the last entry to the first, as pg_restore would: but event triggers, which could refuse
 * the others, before them, and large objects, which no entry is about, after. */
static int list_drops(struct job *j, struct error *e)
{
    struct dropping d = {.job = j};
    const struct toc_list *l = &j->objects;
    j->stages = calloc((size_t)l->count + 1, sizeof *j->stages);
    if (!j->stages)
        return error_memory(e, "objects of a database");
    toc_stage_assign(l, j->stages);
    int rc = member_texts_add(&j->drops, DROP_LARGE_OBJECTS, e);
    for (int last = 0; rc == 0 && last < 2; last++) {
        d.last = last;
        rc = toc_walk(buf_view(&j->target), add_drop, &d, e);
    }
    return rc;
}

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
                                                .drops = (const char *const *)j->drops.items,
                                                .drop_count = j->drops.count};
    int rc = toc_replace_write(&options, &j->head, e);
    free(stages);
    return rc;
}

/* ---- all of it --------------------------------------------------------------------- */

static int prepare(struct job *j, struct member_texts *extra, struct error *e)
{
    const struct restore_in_place_options *o = j->o;
    const struct restore_roles_options roles = {
        .no_owner = o->no_owner, .no_privileges = o->no_privileges, .create = o->create_roles};
    if (check_sessions(j, e) < 0 || check_subscriptions(j, e) < 0 || check_locks(j, e) < 0 ||
        dump_target(j, e) < 0)
        return -1;
    if (!o->drop_extra) {
        if (find_extra(j, extra, e) < 0)
            return -1;
        if (extra->count > 0)
            return RESTORE_IN_PLACE_EXTRA;
    }
    if (toc_facts_read(buf_view(&o->choice->toc), &o->choice->selection, &j->facts, e) < 0 ||
        list_drops(j, e) < 0 || make_head(j, e) < 0 || read_backup(j, e) < 0)
        return -1;
    return restore_roles_prepare(j->server, &j->facts, &roles, e);
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
    /* Whose it is stays as it is. */
    const struct restore_properties_options properties = {.no_owner = true,
                                                          .no_privileges = o->no_privileges};
    if (restore_run(j->c, &run, e) < 0)
        return error_wrap(e, "database %s is as it was", database);
    if (restore_properties_apply(j->server, database, &j->facts, &properties, e) < 0)
        return -1;
    if (!o->no_analyze && !o->choice->options->schema_only &&
        database_analyze(j->server, database, e) < 0)
        return -1;
    return restore_check_run(j->c, &o->check, j->server, database, e);
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
    free(j.stages);
    member_texts_done(&j.drops);
    return rc;
}
