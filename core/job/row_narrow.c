/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/row_narrow.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/file_map.h"
#include "core/job/restore.h"
#include "core/job/row_rehash.h"

struct narrow {
    const struct row_narrow_options *o;
    const struct row_state_table *table;
    struct restore *restore;
    struct row_rehash rehash;
    bool found;
    int fd;
};

static int keep(void *arg, const uint8_t *hashes, size_t count, struct error *e)
{
    const struct narrow *n = arg;
    return file_write_full(n->fd, bytes_of(hashes, count * ROW_STATE_HASH_LEN), e);
}

/* The entry that the state's table was made of: names may have changed hands since. */
static bool is_it(const struct row_state_table *t, const struct entry *entry)
{
    const struct stream *s = &entry->payload;
    return s->kind == FORMAT_STREAM_ROWS && s->part_count == 1 &&
           strcmp(entry->name, t->name) == 0 &&
           strcmp(entry->schema ? entry->schema : "", t->schema) == 0 &&
           memcmp(s->parts[0].digest, t->digest, sizeof t->digest) == 0;
}

static int visit(void *arg, const struct entry *entry, struct error *e)
{
    struct narrow *n = arg;
    if (n->found || !is_it(n->table, entry))
        return 0;
    n->found = true;
    return restore_rows(n->restore, entry, e) < 0 ? -1 : row_rehash_flush(&n->rehash, e);
}

static int read_members(struct narrow *n, const struct manifest *m, struct error *e)
{
    const struct restore_options options = {.repo = n->o->repo,
                                            .manifest = m,
                                            .workers = n->o->workers,
                                            .write = row_rehash_add,
                                            .write_arg = &n->rehash,
                                            .stop = n->o->stop};
    int rc = 0;
    n->restore = restore_new(&options, e);
    if (!n->restore)
        return -1;
    for (uint32_t i = 0; rc == 0 && i < m->private_part.member_count; i++)
        if (m->private_part.members[i].kind == FORMAT_MEMBER_DUMP)
            rc = restore_entries(n->restore, &m->private_part.members[i], visit, n, e);
    restore_free(n->restore);
    if (rc == 0 && n->rehash.rows != n->table->rows)
        return error_set(e, ERROR_CORRUPT, "table %s: %llu rows in the last backup, not %llu",
                         n->table->name, (unsigned long long)n->rehash.rows,
                         (unsigned long long)n->table->rows);
    return rc;
}

static int read_backup(struct narrow *n, struct error *e)
{
    struct manifest m = {0};
    int rc = repo_manifest(n->o->repo, row_state_backup(n->o->state), true, &m, e);
    if (rc == STORE_ABSENT)
        rc = error_set(e, ERROR_ABSENT, "the backup that the row state is of is gone");
    else if (rc == 0 && memcmp(m.digest, row_state_manifest(n->o->state), sizeof m.digest) != 0)
        rc = error_set(e, ERROR_CORRUPT, "the row state is of another manifest");
    else if (rc == 0)
        rc = read_members(n, &m, e);
    manifest_done(&m);
    return rc;
}

int row_narrow(const struct row_narrow_options *o, const struct row_state_table *t,
               const struct projection_shape *shape, struct bytes *hashes, struct error *e)
{
    struct narrow *n = calloc(1, sizeof *n);
    if (!n)
        return error_memory(e, "columns of a table");
    n->o = o;
    n->table = t;
    n->rehash = (struct row_rehash){.key = o->row_key, .shape = shape, .put = keep, .arg = n};
    n->fd = file_temporary(o->folder, e);
    int rc = n->fd >= 0 ? read_backup(n, e) : -1;
    if (rc == 0)
        rc = file_map_descriptor(n->fd, "hashes of rows", hashes, e);
    if (n->fd >= 0)
        (void)close(n->fd);
    row_rehash_done(&n->rehash);
    free(n);
    return rc;
}
