/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/row_cache.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/job/backup.h"
#include "core/job/row_rebuild.h"
#include "tools/select.h"

static int refuse_second(const char *source, struct error *e)
{
    char name[128];
    if (e->kind != ERROR_BUSY)
        return -1;
    str_safe(name, sizeof name, bytes_text(source));
    (void)error_set(e, ERROR_BUSY, "a backup of %s is running already", name);
    return error_hint(e, "wait for it to end, or give this one another --name");
}

int row_cache_claim(struct row_cache *r, struct context *c, const char *source, struct error *e)
{
    struct row_state_id id;
    char hex[2 * FORMAT_HASH_LEN + 1];
    if (r->lock >= 0)
        return 0;
    int rc = backup_state_id(c->repo, source, &id, e);
    str_hex(hex, id.source_mac, sizeof id.source_mac);
    explicit_bzero(&id, sizeof id);
    if (rc < 0)
        return -1;
    char *lock_path = str_format(e, "%s/%.32s.lock", c->state_folder, hex);
    r->path = lock_path ? str_format(e, "%s/%.32s.rows", c->state_folder, hex) : NULL;
    if (r->path)
        r->lock = file_lock(lock_path, false, e);
    free(lock_path);
    return r->lock >= 0 ? 0 : refuse_second(source, e);
}

void row_cache_done(struct row_cache *r)
{
    free(r->path);
    if (r->lock >= 0)
        (void)close(r->lock);
    *r = (struct row_cache){.lock = -1};
}

/* The newest backup of the source that the catalog knows. */
struct newest {
    bool found;
    uint8_t id[FORMAT_ID_LEN];
    uint8_t manifest[FORMAT_HASH_LEN];
};

static int note_newest(void *arg, const struct backups_row *row, struct error *e)
{
    struct newest *n = arg;
    (void)e;
    n->found = true;
    memcpy(n->id, row->backup_id, sizeof n->id);
    memcpy(n->manifest, row->digest, sizeof n->manifest);
    return 0;
}

static int see_id(void *arg, const uint8_t backup_id[FORMAT_ID_LEN], struct error *e)
{
    (void)backup_id;
    (void)e;
    *(bool *)arg = true;
    return 0;
}

/* Is the state that is there one of the newest backup? */
static bool is_current(const char *path, const struct row_state_id *id, const struct newest *n)
{
    struct row_state *s = NULL;
    struct error why;
    if (row_state_open(path, id, &s, &why) != 0)
        return false;
    bool current =
        !n->found || (memcmp(n->id, row_state_backup(s), sizeof n->id) == 0 &&
                      memcmp(n->manifest, row_state_manifest(s), sizeof n->manifest) == 0);
    row_state_close(s);
    return current;
}

static int rebuild(struct row_cache *r, struct context *c, const char *source,
                   const struct row_state_id *id, unsigned workers, struct error *e)
{
    const struct select_options only = {.source = source};
    struct manifest m = {0};
    int rc = context_given_reader(c, e);
    if (rc == CONTEXT_NO_KEY) {
        log_info("there is no current row state, and no key that reads to make one: more than "
                 "the changes may be stored");
        return 0;
    }
    if (rc == 0)
        rc = select_manifest(c, "latest", &only, &m, e);
    if (rc == 0) {
        const struct row_rebuild_options options = {
            .repo = c->repo, .manifest = &m, .workers = workers, .stop = c->stop};
        log_info("the row state is made anew from the newest backup");
        rc = row_rebuild(&options, r->path, id, e);
    }
    manifest_done(&m);
    if (rc == 0 || e->kind == ERROR_ABSENT || e->kind == ERROR_INTERRUPTED)
        return rc < 0 && e->kind == ERROR_INTERRUPTED ? -1 : 0;
    log_warning("the row state cannot be made anew, so more may be stored: %s", e->text);
    return 0;
}

int row_cache_refresh(struct row_cache *r, struct context *c, const char *source,
                      unsigned workers, struct error *e)
{
    struct row_state_id id;
    struct newest newest = {0};
    const struct backups_filter only = {.source = source};
    bool any = false;
    if (backups_ids(c->catalog, see_id, &any, e) < 0)
        return -1;
    if (!any)
        return 0;
    int rc = backup_state_id(c->repo, source, &id, e);
    if (rc == 0)
        rc = backups_visit(c->catalog, &only, note_newest, &newest, e);
    if (rc == 0 && !is_current(r->path, &id, &newest))
        rc = rebuild(r, c, source, &id, workers, e);
    explicit_bzero(&id, sizeof id);
    return rc;
}
