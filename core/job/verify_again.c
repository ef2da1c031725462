/* SPDX-License-Identifier: Apache-2.0 */
/* A job is a stream of a backup. Jobs of all backups stand in one list, the longest first: so
 * the same table's streams come one after the other, and threads that work on them at once help
 * each other with its chunks. What must be decoded row by row (columns put together, long rows,
 * chunks beyond the limit) goes the way of a restore, one stream at a time. */
#include "core/job/verify_again.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/job/restore.h"
#include "core/job/rows_check.h"
#include "core/job/verify_known.h"
#include "core/job/verify_stream.h"

#define BEHIND (UINT32_MAX / 2) /* all entries */

struct job {
    uint32_t backup;
    uint32_t place; /* in the order of a restore; before add_job: to be added to its own */
    const struct stream *stream;
    const struct entry *entry; /* NULL: not of an entry */
    bool is_payload;
    const char *name; /* without entry; NULL: none */
    uint64_t bytes;
};

struct backup {
    struct verify_again_item *item;
    struct fetch *fetch;
    struct entry *entries;
    size_t count, cap;
    uint32_t failed_place;
};

struct verify_again {
    struct verify_again_options o;
    bool has_keys; /* of the domain */
    struct secret chunk_id_key;
    uint8_t row_key[16];
    struct closure packs; /* of all backups that were taken */
    struct verify_kept *kept;
    /* A run. */
    struct backup *backups;
    size_t backup_count;
    struct job *jobs;
    size_t job_count, job_cap;
    uint32_t place;
    pthread_mutex_t lock; /* of what threads change, below */
    size_t next_job;
    bool ended; /* by fatal */
    struct error fatal;
    struct verify_again_counts counts;
    struct verify_known *known;
    pthread_mutex_t slow_lock; /* of the two below */
    struct stream_in *slow;
    const struct backup *slow_of;
};

/* ---- the handle -------------------------------------------------------------------- */

struct verify_again *verify_again_new(const struct verify_again_options *o, struct error *e)
{
    struct verify_again *v = calloc(1, sizeof *v);
    if (!v) {
        (void)error_memory(e, "check of backups");
        return NULL;
    }
    v->o = *o;
    (void)pthread_mutex_init(&v->lock, NULL);
    (void)pthread_mutex_init(&v->slow_lock, NULL);
    v->kept = verify_kept_new(o->path, o->limit, e);
    v->known = v->kept ? verify_known_new(e) : NULL;
    if (v->known)
        return v;
    verify_again_free(v);
    return NULL;
}

static void end_run(struct verify_again *v)
{
    stream_in_free(v->slow);
    v->slow = NULL;
    for (size_t i = 0; i < v->backup_count; i++) {
        struct backup *b = &v->backups[i];
        for (size_t k = 0; k < b->count; k++)
            entry_done(&b->entries[k]);
        free(b->entries);
        fetch_free(b->fetch);
    }
    free(v->backups);
    v->backups = NULL;
    v->backup_count = v->job_count = v->next_job = 0;
}

void verify_again_free(struct verify_again *v)
{
    if (!v)
        return;
    end_run(v);
    free(v->jobs);
    verify_known_free(v->known);
    verify_kept_free(v->kept);
    closure_done(&v->packs);
    secret_wipe(&v->chunk_id_key);
    explicit_bzero(v->row_key, sizeof v->row_key);
    (void)pthread_mutex_destroy(&v->slow_lock);
    (void)pthread_mutex_destroy(&v->lock);
    free(v);
}

struct verify_again_counts verify_again_counts(struct verify_again *v)
{
    struct verify_again_counts counts = v->counts;
    counts.chunks = verify_kept_chunks(v->kept);
    return counts;
}

/* Row hashes and chunk ids are of a domain; the first backup says of which. Answers
 * VERIFY_AGAIN_OTHER. */
static int take_keys(struct verify_again *v, const struct manifest *m, struct error *e)
{
    struct secret chunk_id_key;
    uint8_t row_key[16];
    int rc = restore_keys(v->o.repo, m, &chunk_id_key, row_key, e);
    if (rc == 0 && !v->has_keys) {
        v->has_keys = true;
        v->chunk_id_key = chunk_id_key;
        memcpy(v->row_key, row_key, sizeof row_key);
    } else if (rc == 0 &&
               (!digest_equal(&chunk_id_key, &v->chunk_id_key, sizeof chunk_id_key) ||
                !digest_equal(row_key, v->row_key, sizeof row_key))) {
        rc = VERIFY_AGAIN_OTHER;
    }
    secret_wipe(&chunk_id_key);
    explicit_bzero(row_key, sizeof row_key);
    return rc;
}

int verify_again_takes(struct verify_again *v, const struct manifest *m, struct error *e)
{
    int rc = take_keys(v, m, e);
    for (size_t i = 0; rc == 0 && i < m->closure.count; i++) {
        const struct closure_pack *pack = &m->closure.packs[i];
        const struct closure_pack *seen = closure_find(&v->packs, pack->pack_id);
        if (seen && memcmp(&seen->object, &pack->object, sizeof seen->object) != 0)
            rc = VERIFY_AGAIN_OTHER;
    }
    for (size_t i = 0; rc == 0 && i < m->closure.count; i++)
        rc = closure_add(&v->packs, &m->closure.packs[i], e);
    return rc;
}

/* ---- the list of jobs -------------------------------------------------------------- */

static int add_job(struct verify_again *v, const struct job *job, struct error *e)
{
    if (job->stream->kind == 0)
        return 0;
    if (v->job_count == v->job_cap) {
        size_t cap = v->job_cap ? v->job_cap * 2 : 64;
        struct job *jobs = reallocarray(v->jobs, cap, sizeof *jobs);
        if (!jobs)
            return error_memory(e, "streams to check");
        v->jobs = jobs;
        v->job_cap = cap;
    }
    struct job *j = &v->jobs[v->job_count++];
    *j = *job;
    j->place += v->place++;
    j->bytes = stream_bytes(job->stream);
    return 0;
}

static int add_entry(struct backup *b, struct cursor *c, struct error *e)
{
    if (b->count == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 32;
        struct entry *entries = reallocarray(b->entries, cap, sizeof *entries);
        if (!entries)
            return error_memory(e, "entries");
        b->entries = entries;
        b->cap = cap;
    }
    struct entry *entry = &b->entries[b->count++];
    *entry = (struct entry){0};
    return entry_read(c, entry, e);
}

static int load_entries(struct backup *b, const struct stream *stream, struct error *e)
{
    struct buf table = {0};
    struct stream_in *in = stream_in_new(b->fetch, 1, e);
    int rc = in ? stream_in_load(in, stream, &table, e) : -1;
    struct cursor c = cursor_of(buf_view(&table));
    while (rc == 0 && c.left.len > 0)
        rc = add_entry(b, &c, e);
    stream_in_free(in);
    buf_done(&table);
    return rc;
}

static int add_entry_jobs(struct verify_again *v, struct job j, const struct entry *entry,
                          struct error *e)
{
    j.entry = entry;
    j.is_payload = true;
    j.stream = &entry->payload;
    if (add_job(v, &j, e) < 0)
        return -1;
    j.is_payload = false;
    j.stream = &entry->pieces;
    if (add_job(v, &j, e) < 0)
        return -1;
    j.stream = &entry->objects;
    return add_job(v, &j, e);
}

static int add_member(struct verify_again *v, struct backup *b, const struct member *m,
                      struct error *e)
{
    const uint32_t backup = (uint32_t)(b - v->backups);
    const struct job toc = {.backup = backup, .stream = &m->toc, .name = "TOC"};
    const struct job tail = {.backup = backup, .stream = &m->tail, .place = BEHIND};
    const struct job content = {.backup = backup, .stream = &m->content, .place = BEHIND};
    if (m->kind != FORMAT_MEMBER_DUMP)
        return add_job(v, &content, e);
    return add_job(v, &toc, e) < 0 ? -1 : add_job(v, &tail, e);
}

/* A backup's jobs. Entries of several members come to one array, so jobs point into it only
 * when all are there. */
static int add_backup(struct verify_again *v, struct backup *b, struct error *e)
{
    const struct manifest *m = b->item->manifest;
    struct job j = {.backup = (uint32_t)(b - v->backups)};
    v->place = 0;
    b->fetch = fetch_new(&(struct fetch_options){.repo = v->o.repo,
                                                 .closure = &m->closure,
                                                 .chunk_id_key = &v->chunk_id_key},
                         e);
    if (!b->fetch)
        return -1;
    for (size_t i = 0; i < m->private_part.member_count; i++) {
        const struct member *member = &m->private_part.members[i];
        if (add_member(v, b, member, e) < 0 ||
            (member->kind == FORMAT_MEMBER_DUMP && load_entries(b, &member->table, e) < 0))
            return -1;
    }
    for (size_t i = 0; i < b->count; i++)
        if (add_entry_jobs(v, j, &b->entries[i], e) < 0)
            return -1;
    return 0;
}

static int longest_first(const void *a, const void *b)
{
    const struct job *x = a;
    const struct job *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->backup < y->backup ? -1 : x->backup > y->backup;
}

/* ---- one job ----------------------------------------------------------------------- */

static bool ends_all(const struct error *e)
{
    return e->kind == ERROR_INTERRUPTED || e->kind == ERROR_TERMINATED ||
           e->kind == ERROR_MEMORY;
}

static void job_failed(struct verify_again *v, const struct job *j, const struct error *why)
{
    struct backup *b = &v->backups[j->backup];
    (void)pthread_mutex_lock(&v->lock);
    if (ends_all(why)) {
        v->fatal = v->ended ? v->fatal : *why;
        v->ended = true;
    } else if (!b->item->failed || j->place < b->failed_place) {
        b->item->failed = true;
        b->item->why = *why;
        b->failed_place = j->place;
    }
    (void)pthread_mutex_unlock(&v->lock);
}

static int decode_stream(struct verify_again *v, struct rows_check *check,
                         const struct entry *entry, struct error *e)
{
    struct stream_in_item item;
    uint8_t copy_sha256[DIGEST_LEN];
    int rc = stream_in_begin(v->slow, &entry->payload, e);
    if (rc == 0)
        rc = rows_check_begin(check, e);
    while (rc == 0) {
        int n = v->o.stop ? *v->o.stop : 0;
        rc = n ? error_stopped(e, n) : stream_in_next(v->slow, &item, e);
        if (rc == 0)
            rc = rows_check_add(check, &item, e);
    }
    return rc < 0 ? -1 : rows_check_end(check, entry, copy_sha256, e);
}

/* The way of a restore. One at a time: it has threads and a cache of its own. */
static int slow_rows(struct verify_again *v, const struct backup *b, const struct entry *entry,
                     struct error *e)
{
    struct rows_check *check = rows_check_new(v->row_key, false, e);
    if (!check)
        return -1;
    (void)pthread_mutex_lock(&v->slow_lock);
    if (v->slow_of != b) {
        stream_in_free(v->slow);
        v->slow = NULL;
    }
    v->slow_of = b;
    if (!v->slow)
        v->slow = stream_in_new(b->fetch, v->o.workers, e);
    int rc = v->slow ? decode_stream(v, check, entry, e) : -1;
    if (rc < 0) { /* nothing more may be read of it */
        stream_in_free(v->slow);
        v->slow = NULL;
    }
    (void)pthread_mutex_unlock(&v->slow_lock);
    rows_check_free(check);
    return rc;
}

static void count(struct verify_again *v, uint64_t *n)
{
    (void)pthread_mutex_lock(&v->lock);
    ++*n;
    (void)pthread_mutex_unlock(&v->lock);
}

static int check_stream(struct verify_again *v, struct verify_stream *s, const struct job *j,
                        struct error *e)
{
    const struct backup *b = &v->backups[j->backup];
    const struct verify_stream_from from = {.fetch = b->fetch,
                                            .closure = &b->item->manifest->closure};
    if (j->stream->kind != FORMAT_STREAM_ROWS || !j->is_payload)
        return verify_stream_bytes(s, &from, j->stream, e);
    int rc = verify_stream_rows(s, &from, j->entry, e);
    if (rc >= 0)
        count(v, rc == 0 ? &v->counts.walked : &v->counts.slow);
    return rc == VERIFY_STREAM_SLOW ? slow_rows(v, b, j->entry, e) : rc;
}

static int run_job(struct verify_again *v, struct verify_stream *s, const struct job *j,
                   struct error *e)
{
    const struct closure *closure = &v->backups[j->backup].item->manifest->closure;
    const struct entry *rows =
        j->is_payload && j->stream->kind == FORMAT_STREAM_ROWS ? j->entry : NULL;
    uint8_t key[DIGEST_LEN];
    int rc = verify_known_key(j->stream, rows, key, e);
    if (rc == 0 && verify_known_find(v->known, key, closure)) {
        count(v, &v->counts.shared);
        return 0;
    }
    if (rc == 0)
        rc = check_stream(v, s, j, e);
    if (rc == 0)
        rc = verify_known_add(v->known, key, verify_stream_packs(s), e);
    if (rc == 0)
        return 0;
    if (j->entry) {
        char name[ENTRY_TEXT];
        entry_text(j->entry, name);
        return error_wrap(e, "%s", name);
    }
    return j->name ? error_wrap(e, "%s", j->name) : -1;
}

/* ---- a run ------------------------------------------------------------------------- */

/* The next job that can still change what is said of its backup; NULL: none. */
static const struct job *next_job(struct verify_again *v)
{
    const struct job *found = NULL;
    (void)pthread_mutex_lock(&v->lock);
    while (!found && !v->ended && v->next_job < v->job_count) {
        const struct job *j = &v->jobs[v->next_job++];
        const struct backup *b = &v->backups[j->backup];
        if (!b->item->failed || j->place < b->failed_place)
            found = j;
    }
    (void)pthread_mutex_unlock(&v->lock);
    return found;
}

static void *thread_main(void *arg)
{
    struct verify_again *v = arg;
    struct error e = {0};
    const struct verify_stream_options options = {
        .kept = v->kept, .row_key = v->row_key, .stop = v->o.stop};
    struct verify_stream *s = verify_stream_new(&options, &e);
    const struct job *j;
    if (!s) {
        (void)pthread_mutex_lock(&v->lock);
        v->fatal = e;
        v->ended = true;
        (void)pthread_mutex_unlock(&v->lock);
    }
    while (s && (j = next_job(v)) != NULL)
        if (run_job(v, s, j, &e) < 0)
            job_failed(v, j, &e);
    verify_stream_free(s);
    return NULL;
}

static int run_jobs(struct verify_again *v, struct error *e)
{
    size_t started = 0;
    pthread_t *threads = calloc((size_t)v->o.workers + 1, sizeof *threads);
    if (!threads)
        return error_memory(e, "check of backups");
    for (; started < v->o.workers; started++)
        if (pthread_create(&threads[started], NULL, thread_main, v) != 0)
            break;
    if (started == 0) /* one pair of hands is enough */
        (void)thread_main(v);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    free(threads);
    if (!v->ended)
        return 0;
    *e = v->fatal;
    return -1;
}

static int run(struct verify_again *v, struct verify_again_item *items, size_t n,
               struct error *e)
{
    v->backups = calloc(n + 1, sizeof *v->backups);
    if (!v->backups)
        return error_memory(e, "check of backups");
    v->ended = false;
    v->slow_of = NULL;
    for (; v->backup_count < n; v->backup_count++) {
        struct backup *b = &v->backups[v->backup_count];
        struct error why = {0};
        b->item = &items[v->backup_count];
        b->item->failed = false;
        if (add_backup(v, b, &why) == 0)
            continue;
        /* Behind the TOC alone, which may be damaged too. */
        job_failed(v, &(struct job){.backup = (uint32_t)v->backup_count, .place = 1}, &why);
        if (v->ended) {
            v->backup_count++;
            *e = why;
            return -1;
        }
    }
    qsort(v->jobs, v->job_count, sizeof *v->jobs, longest_first);
    return run_jobs(v, e);
}

int verify_again_run(struct verify_again *v, struct verify_again_item *items, size_t n,
                     struct error *e)
{
    int rc = run(v, items, n, e);
    end_run(v);
    struct verify_again_counts now = verify_again_counts(v);
    log_debug("verify: %llu chunks of rows; %llu streams of rows out of them, %llu decoded on "
              "their own, %llu streams known",
              (unsigned long long)now.chunks, (unsigned long long)now.walked,
              (unsigned long long)now.slow, (unsigned long long)now.shared);
    return rc;
}
