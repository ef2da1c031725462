/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/select.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "tools/sync.h"

#define LEAST_PREFIX 4

int select_filter(const struct select_options *o, struct backups_filter *filter,
                  struct error *e)
{
    *filter =
        (struct backups_filter){.source = o->source, .database = o->database, .tag = o->tag};
    if (o->kind && !(filter->kind = manifest_kind_parse(o->kind)))
        return error_set(e, ERROR_USAGE,
                         "--kind: nightly, weekly, pre-deploy or manual is expected");
    if (o->before && !clock_parse(o->before, &filter->before_us))
        return error_set(e, ERROR_USAGE,
                         "--before: a time like \"2026-01-31 12:00\" is expected");
    return 0;
}

/* Keeps the newest rows that were seen, and whether they are of one source. */
struct search {
    uint64_t back; /* how many before the newest */
    uint64_t count;
    struct backups_row found;
    char *source;
    bool several_sources;
};

static int count_row(void *arg, const struct backups_row *row, struct error *e)
{
    struct search *s = arg;
    s->count++;
    if (!row->source)
        return 0;
    if (s->source && strcmp(s->source, row->source) != 0)
        s->several_sources = true;
    if (!s->source && !(s->source = str_copy(row->source, e)))
        return -1;
    return 0;
}

static int take_row(void *arg, const struct backups_row *row, struct error *e)
{
    struct search *s = arg;
    if (s->count-- == s->back + 1)
        return backups_row_copy(row, &s->found, e);
    return 0;
}

/* "latest" or "latest~N". */
static bool is_latest(const char *text, uint64_t *back)
{
    *back = 0;
    if (strcmp(text, "latest") == 0)
        return true;
    return str_starts(text, "latest~") && str_u64(text + strlen("latest~"), 1000000, back);
}

int select_one_source(struct context *c, const struct backups_filter *filter, const char *what,
                      uint64_t *count, struct error *e)
{
    struct search s = {0};
    int rc = backups_visit(c->catalog, filter, count_row, &s, e);
    free(s.source);
    if (rc == 0 && s.several_sources && !filter->source && !filter->database) {
        (void)error_set(e, ERROR_USAGE, "%s: the repository holds several sources", what);
        rc = error_hint(e, "choose with --source NAME; pgkeep list shows them");
    }
    if (count)
        *count = s.count;
    return rc;
}

static int find_latest(struct context *c, const struct backups_filter *filter, uint64_t back,
                       struct backups_row *row, struct error *e)
{
    struct search s = {.back = back};
    int rc = select_one_source(c, filter, "latest", &s.count, e);
    if (rc == 0 && s.count <= back) {
        rc = s.count == 0 ? error_set(e, ERROR_ABSENT, "no backup is like that")
                          : error_set(e, ERROR_ABSENT, "latest~%llu: such backups: %llu",
                                      (unsigned long long)back, (unsigned long long)s.count);
    }
    if (rc == 0)
        rc = backups_visit(c->catalog, filter, take_row, &s, e);
    if (rc == 0)
        *row = s.found;
    return rc;
}

int select_backup(struct context *c, const char *text, const struct select_options *o,
                  struct backups_row *row, struct error *e)
{
    struct backups_filter filter;
    uint64_t back;
    *row = (struct backups_row){0};
    if (select_filter(o, &filter, e) < 0 || context_metadata(c, e) < 0 ||
        context_reading_catalog(c, e) < 0 || sync_backups(c, NULL, e) < 0)
        return -1;
    if (is_latest(text, &back))
        return find_latest(c, &filter, back, row, e);
    size_t len = strlen(text);
    if (len < LEAST_PREFIX || len > 2 * FORMAT_ID_LEN ||
        strspn(text, "0123456789abcdef") != len)
        return error_set(e, ERROR_USAGE,
                         "a backup is meant by at least %d digits of its id, or by latest",
                         LEAST_PREFIX);
    filter.id_prefix = text;
    struct search s = {0};
    int rc = backups_visit(c->catalog, &filter, count_row, &s, e);
    free(s.source);
    if (rc < 0)
        return -1;
    if (s.count > 1)
        return error_set(e, ERROR_USAGE, "%s: %llu backups begin like that", text,
                         (unsigned long long)s.count);
    if (s.count == 0)
        return error_set(e, ERROR_ABSENT, "there is no backup %s", text);
    if (backups_visit(c->catalog, &filter, take_row, &s, e) < 0)
        return -1;
    *row = s.found;
    return 0;
}

int select_manifest(struct context *c, const char *text, const struct select_options *o,
                    struct manifest *m, struct error *e)
{
    struct backups_row row;
    if (select_backup(c, text, o, &row, e) < 0)
        return -1;
    int rc = repo_manifest(c->repo, row.backup_id, true, m, e);
    backups_row_done(&row);
    if (rc == STORE_ABSENT)
        return error_set(e, ERROR_ABSENT, "the backup was forgotten just now");
    if (rc == 0 && !m->is_open) {
        manifest_done(m);
        (void)error_set(e, ERROR_KEY, "no key at hand opens this backup");
        return error_hint(e, "set PGKEEP_PASSPHRASE_FILE or PGKEEP_RECOVERY_KEY_FILE");
    }
    return rc;
}
