/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/repository.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/str.h"
#include "core/repo/repo_create.h"

static void must(int rc, const struct error *e)
{
    if (rc == 0)
        return;
    (void)fprintf(stderr, "repository: %s\n", e->text);
    abort();
}

void repository_make(struct repository *r, struct store *store)
{
    struct error e = {0};
    *r = (struct repository){.store = store};
    must(secret_random(r->seed.key, sizeof r->seed.key, &e), &e);
    must(repo_create(store, NULL, &r->seed, &e), &e);
    r->repo = repo_open(store, &e);
    must(r->repo ? 0 : -1, &e);
    must(repo_use_seed(r->repo, &r->seed, &e), &e);
    must(repo_enrol(r->repo, true, &r->bundle, &e), &e);
}

void repository_done(struct repository *r)
{
    repo_free(r->repo);
    bundle_wipe(&r->bundle);
    secret_wipe(&r->seed);
}

int repository_backup_fd(struct repository *r, int fd, uint64_t sequence, uint8_t *id,
                         struct error *e)
{
    const struct backup_options options = {.repo = r->repo, .workers = 2, .level = 3};
    struct source *source = source_fd(fd, "test dump", e);
    struct backup *b = source ? backup_new(&options, e) : NULL;
    int rc = b ? backup_take(b, source, "dump", e) : -1;
    if (rc == 0) {
        struct manifest *m = backup_manifest(b);
        m->kind = MANIFEST_MANUAL;
        m->sequence = sequence;
        m->private_part.source = str_copy("test", e);
        rc = m->private_part.source ? backup_settle(b, e) : -1;
        if (rc == 0)
            rc = backup_commit(b, e);
        if (rc == 0 && id)
            memcpy(id, m->backup_id, FORMAT_ID_LEN);
    }
    backup_free(b);
    source_free(source);
    return rc;
}

int repository_backup(struct repository *r, const char *path, uint64_t sequence, uint8_t *id,
                      struct error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? error_system(e, "%s", path) : repository_backup_fd(r, fd, sequence, id, e);
}

static int append(void *arg, struct bytes b, struct error *e)
{
    return buf_append(arg, b.data, b.len, e);
}

int repository_restore(struct repository *r, const uint8_t *id, struct buf *out,
                       struct error *e)
{
    struct manifest m = {0};
    struct restore *restore = NULL;
    int rc = repo_manifest(r->repo, id, true, &m, e);
    if (rc == STORE_ABSENT)
        return error_set(e, ERROR_ABSENT, "no such backup");
    if (rc == 0) {
        const struct restore_options options = {.repo = r->repo,
                                                .manifest = &m,
                                                .workers = 2,
                                                .write = append,
                                                .write_arg = out,
                                                .check = true};
        restore = restore_new(&options, e);
        rc = restore ? restore_member(restore, &m.private_part.members[0], e) : -1;
    }
    restore_free(restore);
    manifest_done(&m);
    return rc;
}
