/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/restore.h"
#include "tools/acks.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/inspect.h"
#include "tools/render.h"
#include "tools/select.h"

struct show_options {
    struct select_options select;
    const char *file;
};

static const struct options_spec specs[] = {
    SELECT_SPECS(struct show_options, select),
    {0, "file", OPTIONS_TEXT, offsetof(struct show_options, file), "FILE",
     "look into a dump file instead, and check that it is complete", ""},
};

/* ---- for people -------------------------------------------------------------------- */

static void line(const char *name, const char *value)
{
    char safe[256];
    if (!value)
        return;
    str_safe(safe, sizeof safe, bytes_text(value));
    (void)printf("%-12s %s\n", name, safe);
}

static void size_line(const char *name, uint64_t bytes)
{
    char text[32];
    char exact[32];
    str_size(text, bytes);
    render_count(exact, bytes);
    (void)printf("%-12s %s (%s bytes)\n", name, text, exact);
}

/* What is to be thought of it, and why. */
static void state_for_people(const struct manifest *m, const struct acks *acks)
{
    const struct member_texts *findings = &m->private_part.findings;
    char when[CLOCK_TEXT];
    if (m->flags & FORMAT_FLAG_UNCHECKED)
        line("state", "unchecked: the archive is of a version newer than this program knows");
    if (m->flags & FORMAT_FLAG_SUSPECT)
        line("state", acks->there ? "suspect, and accepted" : "suspect");
    for (size_t i = 0; i < findings->count; i++)
        line("  finding", findings->items[i]);
    if (!acks->there)
        return;
    clock_local(when, acks->at_us);
    line("acked", when);
    line("  reason", acks->reason);
}

static void head_for_people(const struct manifest *m, const struct acks *acks)
{
    const struct member_private *p = &m->private_part;
    char hex[2 * FORMAT_HASH_LEN + 1];
    char when[CLOCK_TEXT];
    str_hex(hex, m->backup_id, FORMAT_ID_LEN);
    line("backup", hex);
    line("source", p->source);
    line("database", p->database);
    line("kind", manifest_kind_name(m->kind));
    clock_local(when, m->started_us);
    line("started", when);
    clock_local(when, m->committed_us);
    line("committed", when);
    line("server", p->server_version);
    line("pg_dump", p->dump_version);
    line("host", p->host_name);
    for (size_t i = 0; i < p->tags.count; i++)
        line("tag", p->tags.items[i]);
    state_for_people(m, acks);
    for (size_t i = 0; i < p->member_count; i++) {
        const struct member *member = &p->members[i];
        line("member", member->name);
        size_line("  size", member->length);
        if (member->has_sha256) {
            str_hex(hex, member->sha256, FORMAT_HASH_LEN);
            line("  sha256", hex);
        }
        (void)printf("  %-10s %llu, %llu of them with data\n", "entries",
                     (unsigned long long)member->toc_entries,
                     (unsigned long long)member->data_entries);
    }
    size_line("stored", p->stored_bytes);
    (void)printf("%-12s %zu\n", "packs", m->closure.count);
}

static int entry_for_people(void *arg, const struct entry *entry, struct error *e)
{
    struct render_table *t = arg;
    char size[32];
    char rows[32];
    str_size(size, stream_bytes(&entry->payload));
    render_count(rows, entry->rows);
    if (render_add(t, entry->schema ? entry->schema : "", e) < 0 ||
        render_add(t, entry->name, e) < 0 || render_add(t, entry->desc, e) < 0 ||
        render_add(t, rows, e) < 0)
        return -1;
    return render_add(t, size, e);
}

/* ---- for machines ------------------------------------------------------------------ */

static void put_time(struct json *j, const char *key, int64_t us)
{
    char when[CLOCK_TEXT];
    clock_rfc3339(when, us);
    json_put_text(j, key, when);
}

static void put_texts(struct json *j, const char *key, const struct member_texts *t)
{
    struct json *list = json_put_list(j, key);
    for (size_t i = 0; i < t->count; i++)
        json_put_text(list, NULL, t->items[i]);
}

static void member_for_machines(struct json *list, const struct member *m)
{
    static const char *const kinds[] = {"", "dump", "globals", "file", "opaque"};
    static const char *const codecs[] = {"none", "gzip", "lz4", "zstd"};
    char hex[2 * FORMAT_HASH_LEN + 1];
    struct json *j = json_put_object(list, NULL);
    json_put_text(j, "kind", kinds[m->kind]);
    json_put_text(j, "name", m->name);
    json_put_u64(j, "bytes", m->length);
    str_hex(hex, m->sha256, FORMAT_HASH_LEN);
    json_put_text(j, "sha256", m->has_sha256 ? hex : NULL);
    json_put_text(j, "compression", codecs[m->codec]);
    json_put_u64(j, "toc_entries", m->toc_entries);
    json_put_u64(j, "data_entries", m->data_entries);
    json_put_u64(j, "rows", m->rows);
    json_put_u64(j, "payload_bytes", m->payload_bytes);
}

static void state_for_machines(struct json *j, const struct manifest *m,
                               const struct acks *acks)
{
    json_put_bool(j, "suspect", m->flags & FORMAT_FLAG_SUSPECT);
    json_put_bool(j, "unchecked", m->flags & FORMAT_FLAG_UNCHECKED);
    put_texts(j, "findings", &m->private_part.findings);
    json_put_bool(j, "acked", acks->there);
    if (!acks->there)
        return;
    put_time(j, "acked_at", acks->at_us);
    json_put_text(j, "acked_reason", acks->reason);
}

static void head_for_machines(struct json *j, const struct manifest *m, const struct acks *acks)
{
    const struct member_private *p = &m->private_part;
    char hex[2 * FORMAT_ID_LEN + 1];
    str_hex(hex, m->backup_id, FORMAT_ID_LEN);
    json_put_text(j, "id", hex);
    json_put_text(j, "source", p->source);
    json_put_text(j, "database", p->database);
    json_put_text(j, "kind", manifest_kind_name(m->kind));
    put_time(j, "started", m->started_us);
    put_time(j, "committed", m->committed_us);
    json_put_text(j, "server_version", p->server_version);
    json_put_u64(j, "server_number", p->server_number);
    (void)snprintf(hex, sizeof hex, "%llu", (unsigned long long)p->system_id);
    json_put_text(j, "system_id", hex);
    json_put_bool(j, "standby", p->standby);
    json_put_text(j, "encoding", p->encoding);
    put_texts(j, "settings", &p->settings);
    json_put_text(j, "pgkeep_version", p->pgkeep_version);
    json_put_text(j, "pg_dump_version", p->dump_version);
    json_put_text(j, "host", p->host_name);
    json_put_u64(j, "sequence", m->sequence);
    put_texts(j, "tags", &p->tags);
    state_for_machines(j, m, acks);
    json_put_u64(j, "stored_bytes", p->stored_bytes);
    json_put_u64(j, "new_chunks", p->new_chunks);
    json_put_u64(j, "packs", m->closure.count);
    struct json *members = json_put_list(j, "members");
    for (size_t i = 0; i < p->member_count; i++)
        member_for_machines(members, &p->members[i]);
}

static int entry_for_machines(void *arg, const struct entry *entry, struct error *e)
{
    char hex[2 * FORMAT_HASH_LEN + 1] = "";
    struct json *j = json_put_object(arg, NULL);
    (void)e;
    if (entry->payload.part_count > 0)
        str_hex(hex, entry->payload.parts[0].digest, FORMAT_HASH_LEN);
    json_put_text(j, "schema", entry->schema);
    json_put_text(j, "name", entry->name);
    json_put_text(j, "entry", entry->desc);
    json_put_u64(j, "rows", entry->rows);
    json_put_u64(j, "bytes", stream_bytes(&entry->payload));
    json_put_text(j, "digest", hex);
    return 0;
}

/* ---- the command ------------------------------------------------------------------- */

static int walk(struct context *c, const struct manifest *m, restore_visit *visit, void *arg,
                struct error *e)
{
    const struct restore_options options = {
        .repo = c->repo, .manifest = m, .workers = 1, .stop = c->stop};
    struct restore *r = restore_new(&options, e);
    int rc = r ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < m->private_part.member_count; i++)
        if (m->private_part.members[i].kind == FORMAT_MEMBER_DUMP)
            rc = restore_entries(r, &m->private_part.members[i], visit, arg, e);
    restore_free(r);
    return rc;
}

static int show(struct context *c, const struct manifest *m, const struct acks *acks,
                struct error *e)
{
    static const struct render_column columns[] = {
        {"SCHEMA", false}, {"NAME", false}, {"ENTRY", false}, {"ROWS", true}, {"SIZE", true}};
    int rc;
    if (c->json) {
        struct json *j = json_new_object();
        head_for_machines(j, m, acks);
        rc = walk(c, m, entry_for_machines, json_put_list(j, "tables"), e);
        if (rc == 0)
            rc = json_write(j, true, stdout, e);
        (void)putchar('\n');
        json_free(j);
        return rc;
    }
    struct render_table t = {.columns = columns, .column_count = ARRAY_SIZE(columns)};
    rc = walk(c, m, entry_for_people, &t, e);
    if (rc == 0) {
        head_for_people(m, acks);
        (void)putchar('\n');
        render_print(&t, stdout);
    }
    render_done(&t);
    return rc;
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    const struct show_options *o = options;
    struct manifest m = {0};
    if (o->file && argc == 0)
        return inspect_file(c, o->file, e) < 0 ? -1 : EXIT_DONE;
    if (argc != 1 || after || o->file)
        return error_set(e, ERROR_USAGE, "show: one backup, or --file FILE, is expected");
    if (select_manifest(c, argv[0], &o->select, &m, e) < 0)
        return -1;
    struct acks acks = {0};
    int rc = acks_find(&acks, c->catalog, m.backup_id, e);
    if (rc == 0)
        rc = show(c, &m, &acks, e);
    acks_done(&acks);
    manifest_done(&m);
    return rc < 0 ? -1 : EXIT_DONE;
}

const struct command cmd_show = {
    .name = "show",
    .usage = "ID | --file FILE",
    .summary = "Everything about one backup, or about a dump file",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct show_options),
    .run = run,
};
