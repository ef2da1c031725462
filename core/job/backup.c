/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/backup.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/dump/dump_reader.h"
#include "core/job/bytes_out.h"
#include "core/job/dump_in.h"
#include "core/job/pack_check.h"
#include "core/job/row_store.h"
#include "core/repo/session.h"

struct backup {
    struct backup_options o;
    struct manifest manifest;
    struct session *session;
    struct pack_keys keys;
    struct buf envelopes;
    struct chunker chunker;
    struct writer *writer;
    struct row_store *rows;
    struct dump_in *dump;
    struct writer_totals totals;
};

static int make_keys(struct backup *b, struct error *e)
{
    const struct bundle *bundle = repo_bundle(b->o.repo);
    struct pack_keys *k = &b->keys;
    memcpy(k->repository_id, repo_id(b->o.repo), FORMAT_ID_LEN);
    memcpy(k->backup_id, b->manifest.backup_id, FORMAT_ID_LEN);
    memcpy(k->domain_id, bundle->domain.id, FORMAT_ID_LEN);
    if (repo_seal_keys(b->o.repo, k->backup_id, &k->content, &b->envelopes, e) < 0 ||
        pack_metadata_key(&k->content, &k->metadata, e) < 0 ||
        keyring_index_key(&bundle->domain.chunk_id, &k->index, e) < 0)
        return -1;
    k->envelopes = buf_view(&b->envelopes);
    return 0;
}

/* The dump is read, and what it came to is being stored. */
static int beat(void *arg, struct error *e)
{
    struct backup *b = arg;
    int signal_number = b->o.stop ? *b->o.stop : 0;
    return signal_number ? error_stopped(e, signal_number) : session_beat(b->session, e);
}

static int start_writer(struct backup *b, struct error *e)
{
    const struct bundle *bundle = repo_bundle(b->o.repo);
    const struct writer_options options = {
        .repo = b->o.repo,
        .session = b->session,
        .keys = &b->keys,
        .domain = &bundle->domain,
        .index = b->o.index,
        .spool = b->o.spool,
        .beat = beat,
        .beat_arg = b,
        .workers = b->o.workers,
        .level = b->o.level,
        .idle_level = b->o.idle_level,
        .later_level = b->o.later_level > 0 ? b->o.later_level : b->o.level,
    };
    if (chunker_init(&b->chunker, &bundle->domain.gear, e) < 0)
        return -1;
    b->writer = writer_new(&options, e);
    return b->writer ? 0 : -1;
}

struct backup *backup_new(const struct backup_options *o, struct error *e)
{
    const struct bundle *bundle = repo_bundle(o->repo);
    struct backup *b = calloc(1, sizeof *b);
    if (!b) {
        (void)error_memory(e, "backup");
        return NULL;
    }
    b->o = *o;
    struct manifest *m = &b->manifest;
    if (!bundle) {
        (void)error_set(e, ERROR_KEY, "this host is not enrolled in the repository");
        goto fail;
    }
    m->started_us = clock_now_us();
    memcpy(m->host_id, bundle->host_id, FORMAT_ID_LEN);
    memcpy(m->domain_id, bundle->domain.id, FORMAT_ID_LEN);
    if (secret_random(m->backup_id, sizeof m->backup_id, e) < 0 || make_keys(b, e) < 0)
        goto fail;
    b->session = session_begin(o->repo, m->backup_id, e);
    if (!b->session || start_writer(b, e) < 0)
        goto fail;
    return b;
fail:
    backup_free(b);
    return NULL;
}

void backup_free(struct backup *b)
{
    if (!b)
        return;
    writer_free(b->writer);
    dump_in_free(b->dump);
    row_store_free(b->rows);
    if (b->session)
        session_end(b->session);
    session_free(b->session);
    manifest_done(&b->manifest);
    buf_done(&b->envelopes);
    explicit_bzero(&b->keys, sizeof b->keys);
    free(b);
}

struct manifest *backup_manifest(struct backup *b)
{
    return &b->manifest;
}

static int tick(void *arg, uint64_t bytes, struct error *e)
{
    struct backup *b = arg;
    if (b->o.progress)
        b->o.progress(b->o.progress_arg, bytes);
    return beat(b, e);
}

/* What the dump's header says goes into the private part, where the caller said nothing. */
static int describe(struct backup *b, const struct dump_header *h, struct error *e)
{
    struct member_private *p = &b->manifest.private_part;
    if (!p->database && !(p->database = str_copy(h->database, e)))
        return -1;
    if (!p->server_version && !(p->server_version = str_copy(h->server_version, e)))
        return -1;
    if (!p->dump_version && !(p->dump_version = str_copy(h->dump_version, e)))
        return -1;
    memcpy(p->dump_time, h->tm, sizeof p->dump_time);
    p->has_dump_time = true;
    return 0;
}

static int begin(void *arg, const struct dump_header *header, struct row_store **store,
                 struct error *e)
{
    struct backup *b = arg;
    if (describe(b, header, e) < 0 || (b->o.begin && b->o.begin(b->o.begin_arg, e) < 0))
        return -1;
    *store = b->rows;
    return 0;
}

int backup_state_id(const struct repo *repo, const char *source, struct row_state_id *id,
                    struct error *e)
{
    const struct keyring_domain *domain = &repo_bundle(repo)->domain;
    memcpy(id->repository_id, repo_id(repo), FORMAT_ID_LEN);
    memcpy(id->domain_id, domain->id, FORMAT_ID_LEN);
    memcpy(id->key, domain->row_key, sizeof id->key);
    return manifest_source_mac(&domain->chunk_id, source, id->source_mac, e);
}

int backup_use_state(struct backup *b, const char *path, struct error *e)
{
    struct row_state_id id;
    row_store_free(b->rows);
    b->rows = NULL;
    const struct row_store_options options = {.repo = b->o.repo,
                                              .path = path,
                                              .id = &id,
                                              .session = b->session,
                                              .index = b->o.index,
                                              .workers = b->o.workers,
                                              .find_reader = b->o.find_reader,
                                              .find_reader_arg = b->o.find_reader_arg,
                                              .stop = b->o.stop};
    if (backup_state_id(b->o.repo, b->manifest.private_part.source, &id, e) == 0)
        b->rows = row_store_new(&options, e);
    explicit_bzero(&id, sizeof id);
    return b->rows ? 0 : -1;
}

/* How long the dump held its snapshot and locks, if a program made it just now. */
static void say_read(struct backup *b, const struct source *source, int64_t took_ms)
{
    char left[32];
    bool live = source_size(source) == 0;
    uint64_t unstored = writer_unstored(b->writer);
    log_info("the dump was read in %.1f s%s", (double)took_ms / 1000,
             live ? ", the age of its snapshot" : "");
    if (unstored > 0) {
        str_size(left, unstored);
        log_info("packs of %s are still to be stored", left);
    }
}

int backup_take(struct backup *b, struct source *source, const char *name, struct error *e)
{
    const struct dump_in_options options = {
        .writer = b->writer,
        .chunker = &b->chunker,
        .row_key = repo_bundle(b->o.repo)->domain.row_key,
        .limits = b->o.limits,
        .begin = begin,
        .begin_arg = b,
        .tick = tick,
        .tick_arg = b,
    };
    struct member_private *p = &b->manifest.private_part;
    bool unchecked;
    int64_t began_ms = clock_monotonic_ms();
    source_obey(source, b->o.stop);
    if (b->dump) {
        /* Nothing of the dump before may be on its way when its streams are freed. */
        if (writer_settle(b->writer, e) < 0)
            return -1;
        dump_in_free(b->dump);
        b->dump = NULL;
    }
    b->dump = dump_in_new(&options, e);
    if (!b->dump || dump_in_read(b->dump, source, e) < 0)
        return -1;
    say_read(b, source, clock_monotonic_ms() - began_ms);
    struct member *m = member_add(p, e);
    if (!m || dump_in_finish(b->dump, m, &unchecked, e) < 0)
        return -1;
    m->name = str_copy(name, e);
    if (!m->name)
        return -1;
    if (unchecked)
        b->manifest.flags |= FORMAT_FLAG_UNCHECKED;
    p->rows += m->rows;
    p->payload_bytes += m->payload_bytes;
    return 0;
}

int backup_take_text(struct backup *b, enum format_member kind, const char *name,
                     struct bytes text, struct error *e)
{
    struct bytes_out content = {0};
    struct member *m = member_add(&b->manifest.private_part, e);
    int rc = m ? bytes_out_begin(&content, b->writer, &b->chunker, FORMAT_KIND_BYTES, e) : -1;
    if (rc == 0)
        rc = bytes_out_add(&content, text, e);
    if (rc == 0)
        rc = bytes_out_end(&content, e);
    if (rc == 0)
        rc = writer_settle(b->writer, e);
    if (rc == 0)
        rc = bytes_out_take(&content, &m->content, e);
    bytes_out_done(&content);
    if (rc < 0)
        return -1;
    m->kind = (uint8_t)kind;
    m->name = str_copy(name, e);
    m->has_sha256 = true;
    m->length = text.len;
    m->payload_bytes = text.len;
    return m->name ? digest_sha256(text, m->sha256, e) : -1;
}

static int verify_packs(struct backup *b, struct error *e)
{
    const struct closure *c = &b->manifest.closure;
    const struct secret *id_key = &repo_bundle(b->o.repo)->domain.chunk_id;
    for (size_t i = 0; i < c->count; i++) {
        if (memcmp(c->packs[i].owner, b->manifest.backup_id, FORMAT_ID_LEN) != 0)
            continue;
        if (b->o.stop && *b->o.stop)
            return error_stopped(e, *b->o.stop);
        if (session_beat(b->session, e) < 0 ||
            pack_check(b->o.repo, &c->packs[i], &b->keys, id_key, e) < 0)
            return -1;
    }
    return 0;
}

int backup_settle(struct backup *b, struct error *e)
{
    struct manifest *m = &b->manifest;
    struct member_private *p = &m->private_part;
    const struct keyring_domain *domain = &repo_bundle(b->o.repo)->domain;
    if (writer_finish(b->writer, &m->closure, &b->totals, e) < 0 ||
        (b->o.verify && verify_packs(b, e) < 0))
        return -1;
    p->stored_bytes = b->totals.stored_bytes;
    p->new_chunks = b->totals.new_chunks;
    p->has_domain_keys = true;
    p->chunk_id_key = domain->chunk_id;
    memcpy(p->row_key, domain->row_key, sizeof p->row_key);
    if (buf_append(&m->envelopes, b->envelopes.data, b->envelopes.len, e) < 0)
        return -1;
    return p->source ? manifest_source_mac(&domain->chunk_id, p->source, m->source_mac, e) : 0;
}

int backup_commit(struct backup *b, struct error *e)
{
    struct manifest *m = &b->manifest;
    struct store *store = repo_store(b->o.repo);
    char hex[2 * FORMAT_ID_LEN + 1];
    char name[FORMAT_NAME_MAX];
    struct buf object = {0};
    str_hex(hex, m->backup_id, FORMAT_ID_LEN);
    (void)snprintf(name, sizeof name, "backups/%s", hex);
    m->committed_us = clock_now_us();
    int rc = manifest_write(m, repo_id(b->o.repo), &b->keys.metadata,
                            &repo_bundle(b->o.repo)->signer, &object, e);
    if (rc == 0)
        rc = store_put_new(store, name, buf_view(&object), e);
    buf_done(&object);
    if (rc < 0 || store_sync(store, e) < 0)
        return -1;
    rc = session_revoked(b->session, e);
    if (rc == SESSION_REVOKED)
        return error_set(e, ERROR_BUSY, "backup %s was revoked by a keeper while it ran", hex);
    if (rc < 0 || session_is_there(b->session, e) < 0)
        return -1;
    m->is_open = true;
    if (b->rows)
        row_store_commit(b->rows, m->backup_id, m->digest, &m->closure);
    log_info("backup %s is in the repository", hex);
    return 0;
}

size_t backup_entry_count(const struct backup *b)
{
    return b->dump ? dump_in_entry_count(b->dump) : 0;
}

const struct entry *backup_entry(const struct backup *b, size_t i)
{
    return dump_in_entry(b->dump, i);
}

const struct writer_totals *backup_totals(const struct backup *b)
{
    return &b->totals;
}
