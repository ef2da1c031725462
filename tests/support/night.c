/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/night.h"

#include "core/base/file.h"
#include "core/base/str.h"
#include "tests/support/check.h"
#include "tests/support/store_memory.h"

void night_world_make(struct night_world *w)
{
    struct error e = {0};
    scratch_make(w->folder);
    scratch_path(w->state, w->folder, "state");
    w->store = store_memory_new(&e);
    assert_non_null(w->store);
    repository_make(&w->repository, w->store);
    w->index = memory_index_new();
}

void night_world_done(struct night_world *w)
{
    memory_index_free(w->index);
    repository_done(&w->repository);
    store_close(w->store);
    scratch_remove(w->folder);
}

struct storing {
    struct backup *backup;
    const char *path;
};

static int begin(void *arg, struct error *e)
{
    struct storing *s = arg;
    struct manifest *m = backup_manifest(s->backup);
    m->private_part.source = str_copy("source", e);
    if (!m->private_part.source)
        return -1;
    return s->path ? backup_use_state(s->backup, s->path, e) : 0;
}

static int commit(struct backup *b, struct night *out, struct error *e)
{
    struct manifest *m = backup_manifest(b);
    m->kind = MANIFEST_NIGHTLY;
    m->sequence = 1;
    if (!m->private_part.source && !(m->private_part.source = str_copy("source", e)))
        return -1;
    if (backup_settle(b, e) < 0 || backup_commit(b, e) < 0)
        return -1;
    memcpy(out->id, m->backup_id, FORMAT_ID_LEN);
    out->totals = *backup_totals(b);
    for (size_t i = 0; i < m->closure.count; i++)
        if (closure_add(&out->closure, &m->closure.packs[i], e) < 0)
            return -1;
    return 0;
}

static int find_reader(void *arg, struct error *e)
{
    (void)e;
    return repo_has_seed(arg) ? 0 : 1;
}

int night_store_rows(struct repository *r, struct bytes dump, const struct night_rows *rows,
                     struct night *out, struct error *e)
{
    struct storing s = {.path = rows->path};
    const struct backup_options options = {.repo = r->repo,
                                           .index = rows->index,
                                           .workers = 2,
                                           .level = 3,
                                           .limits = rows->limits,
                                           .find_reader = rows->reader ? find_reader : NULL,
                                           .find_reader_arg = r->repo,
                                           .begin = begin,
                                           .begin_arg = &s};
    int fd = file_memfd("dump", dump, e);
    struct source *source = fd >= 0 ? source_fd(fd, "made dump", e) : NULL;
    s.backup = source ? backup_new(&options, e) : NULL;
    int rc = s.backup ? backup_take(s.backup, source, "dump", e) : -1;
    *out = (struct night){0};
    if (rc == 0)
        rc = commit(s.backup, out, e);
    backup_free(s.backup);
    source_free(source);
    if (rc < 0)
        night_done(out);
    return rc;
}

int night_store(struct repository *r, struct bytes dump, const struct chunk_index *index,
                struct night *out, struct error *e)
{
    const struct night_rows rows = {.index = index};
    return night_store_rows(r, dump, &rows, out, e);
}

void night_done(struct night *n)
{
    closure_done(&n->closure);
    *n = (struct night){0};
}

/* What is still to come of the dump that is expected. */
static int expect(void *arg, struct bytes b, struct error *e)
{
    struct bytes *left = arg;
    if (b.len > left->len)
        return error_set(e, ERROR_DIFFERENT, "night: more bytes than were stored");
    if (!bytes_equal(bytes_take(left, b.len), b))
        return error_set(e, ERROR_DIFFERENT, "night: other bytes than were stored");
    return 0;
}

static int compare(struct repository *r, const struct manifest *m, struct bytes dump,
                   struct error *e)
{
    struct bytes left = dump;
    const struct restore_options options = {.repo = r->repo,
                                            .manifest = m,
                                            .workers = 2,
                                            .write = expect,
                                            .write_arg = &left,
                                            .check = true};
    struct restore *restore = restore_new(&options, e);
    int rc = restore ? restore_member(restore, &m->private_part.members[0], e) : -1;
    restore_free(restore);
    return rc == 0 && left.len > 0
               ? error_set(e, ERROR_DIFFERENT, "night: fewer bytes than were stored")
               : rc;
}

int night_compare(struct repository *r, const uint8_t *id, struct bytes dump, struct error *e)
{
    struct manifest m = {0};
    int rc = repo_manifest(r->repo, id, true, &m, e);
    if (rc == STORE_ABSENT)
        return error_set(e, ERROR_ABSENT, "no such backup");
    if (rc == 0)
        rc = compare(r, &m, dump, e);
    manifest_done(&m);
    return rc;
}

int night_open(struct repository *out, const struct repository *made, struct store *store,
               struct error *e)
{
    *out = (struct repository){.store = store, .seed = made->seed, .bundle = made->bundle};
    out->repo = repo_open(store, e);
    if (out->repo && repo_use_seed(out->repo, &made->seed, e) == 0 &&
        repo_use_bundle(out->repo, &made->bundle, e) == 0)
        return 0;
    repo_free(out->repo);
    out->repo = NULL;
    return -1;
}

struct all {
    struct repository *repository;
    struct bytes dump;
    size_t count;
};

static int visit(void *arg, const struct store_item *item, struct error *e)
{
    struct all *all = arg;
    uint8_t id[FORMAT_ID_LEN];
    if (!repo_name_known(item->name))
        return 0;
    if (!str_unhex(id, sizeof id, item->name + strlen("backups/")))
        return error_set(e, ERROR_CORRUPT, "%s: no manifest's name", item->name);
    all->count++;
    return night_compare(all->repository, id, all->dump, e);
}

int night_compare_all(struct repository *r, struct bytes dump, size_t *count, struct error *e)
{
    struct all all = {.repository = r, .dump = dump};
    int rc = store_list(repo_store(r->repo), "backups/", visit, &all, e);
    *count = all.count;
    return rc;
}
