/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sequence.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog/backups.h"
#include "core/base/cursor.h"
#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "tools/sync.h"

/* The last sequence of this host and the digest of its manifest, kept beside the catalog: a
 * repository that lost manifests must not make us give a number out twice. */
#define SEQUENCE_LEN (8 + DIGEST_LEN)

static int last_sequence(const char *path, uint64_t *last, uint8_t digest[DIGEST_LEN],
                         struct error *e)
{
    struct buf raw = {0};
    int rc = file_load(path, SEQUENCE_LEN, &raw, e);
    if (rc == 0 && raw.len == SEQUENCE_LEN) {
        struct cursor c = cursor_of(buf_view(&raw));
        uint64_t kept = cursor_u64(&c);
        if (kept > *last) {
            *last = kept;
            cursor_copy(&c, digest, DIGEST_LEN);
        }
    }
    buf_done(&raw);
    return rc < 0 ? -1 : 0;
}

static void keep_sequence(const char *path, const struct manifest *m)
{
    uint8_t raw[SEQUENCE_LEN];
    struct error why;
    buf_store_u64(raw, m->sequence);
    memcpy(raw + 8, m->digest, DIGEST_LEN);
    if (file_replace(path, bytes_of(raw, sizeof raw), 0600, &why) < 0)
        log_warning("%s", why.text);
}

/* Under the lock of this host's sequences. */
static int commit_next(struct context *c, struct backup *b, const char *path, struct error *e)
{
    struct manifest *m = backup_manifest(b);
    uint64_t last = 0;
    if (sync_backups(c, NULL, e) < 0 ||
        backups_head(c->catalog, m->host_id, &last, m->previous, e) < 0 ||
        last_sequence(path, &last, m->previous, e) < 0)
        return -1;
    m->has_previous = last > 0;
    m->sequence = last + 1;
    if (backup_commit(b, e) < 0)
        return -1;
    keep_sequence(path, m);
    return 0;
}

int sequence_commit(struct context *c, struct backup *b, struct error *e)
{
    char host[2 * FORMAT_ID_LEN + 1];
    str_hex(host, backup_manifest(b)->host_id, FORMAT_ID_LEN);
    char *lock_path = str_format(e, "%s/sequence.lock", c->state_folder);
    char *path = lock_path ? str_format(e, "%s/%s.sequence", c->state_folder, host) : NULL;
    int lock = path ? file_lock(lock_path, true, e) : -1;
    int rc = lock >= 0 ? commit_next(c, b, path, e) : -1;
    if (lock >= 0)
        (void)close(lock);
    free(lock_path);
    free(path);
    return rc;
}
