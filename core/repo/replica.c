/* SPDX-License-Identifier: Apache-2.0 */
/* The config is put last: until then there is no repository in the new place, and the next run
 * begins with what it finds. */
#include "core/repo/replica.h"

#include "core/base/log.h"
#include "core/base/str.h"
#include "core/repo/names.h"
#include "core/repo/statement.h"

static const uint8_t magic[FORMAT_MAGIC_LEN + 1] = "PGKREPL0";

#define MAX_SMALL (FORMAT_MAX_STATEMENT + 4 * KIB)

int replica_new(uint8_t out[REPLICA_LEN], struct error *e)
{
    memcpy(out, magic, FORMAT_MAGIC_LEN);
    return secret_random(out + FORMAT_MAGIC_LEN, FORMAT_ID_LEN, e);
}

int replica_id(struct store *store, uint8_t id[FORMAT_ID_LEN], struct error *e)
{
    struct buf raw = {0};
    int rc = store_get(store, "replica", 0, REPLICA_LEN + 1, &raw, e);
    if (rc == 0 && (raw.len != REPLICA_LEN || memcmp(raw.data, magic, FORMAT_MAGIC_LEN) != 0))
        rc = error_set(e, ERROR_CORRUPT, "replica: %zu bytes that name no store", raw.len);
    else if (rc == 0)
        memcpy(id, raw.data + FORMAT_MAGIC_LEN, FORMAT_ID_LEN);
    buf_done(&raw);
    return rc;
}

/* ---- objects as they are ----------------------------------------------------------- */

/* Put content under a name; one that is there already was put by somebody who had the same. */
static int put(struct store *to, const char *name, struct bytes content, struct error *e)
{
    return store_put(to, name, content, e) < 0 ? -1 : 0;
}

static int copy_object(struct store *from, struct store *to, const char *name, struct error *e)
{
    struct buf raw = {0};
    int rc = store_get(from, name, 0, MAX_SMALL, &raw, e);
    if (rc == 0 && raw.len == MAX_SMALL)
        rc = error_set(e, ERROR_CORRUPT, "%s: more than %zu bytes", name, raw.len - 1);
    if (rc == 0)
        rc = put(to, name, buf_view(&raw), e);
    buf_done(&raw);
    return rc < 0 ? -1 : 0; /* removed since it was listed: then it is not copied */
}

/* What of a folder `to` lacks: slots, ledger. */
static int copy_folder(struct store *from, struct store *to, const char *prefix,
                       struct error *e)
{
    struct names have = {0};
    struct names want = {0};
    int rc = names_list(&have, to, prefix, e);
    if (rc == 0)
        rc = names_list(&want, from, prefix, e);
    for (size_t i = 0; rc == 0 && i < want.count; i++)
        if (!names_has(&have, names_at(&want, i)))
            rc = copy_object(from, to, names_at(&want, i), e);
    names_done(&have);
    names_done(&want);
    return rc;
}

/* Enrolments whose signature holds: what is damaged must not take the name of what is right. */
static int copy_hosts(const struct repo *from, struct store *to, struct error *e)
{
    struct names have = {0};
    char name[FORMAT_NAME_MAX];
    int rc = names_list(&have, to, "hosts/", e);
    for (size_t i = 0; rc == 0 && i < repo_host_count(from); i++) {
        host_name(name, repo_host(from, i));
        if (!names_has(&have, name))
            rc = copy_object(repo_store(from), to, name, e);
    }
    names_done(&have);
    return rc;
}

/* ---- a new one --------------------------------------------------------------------- */

static int refuse_item(void *arg, const struct store_item *item, struct error *e)
{
    static const char *const small[] = {"keys/", "hosts/", "ledger/"};
    (void)arg;
    if (!repo_name_known(item->name) || strcmp(item->name, "replica") == 0)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(small); i++)
        if (str_starts(item->name, small[i]))
            return 0;
    (void)error_set(e, ERROR_EXISTS, "the store is not empty: %s", item->name);
    return error_hint(e, "choose an empty place for a new replica");
}

/* Small objects that a killed run left, of whichever repository: only those of this one stay.
 */
static int remove_others(struct store *from, struct store *to, const char *prefix,
                         struct error *e)
{
    struct names left = {0};
    struct names ours = {0};
    int rc = names_list(&left, to, prefix, e);
    if (rc == 0 && left.count > 0)
        rc = names_list(&ours, from, prefix, e);
    for (size_t i = 0; rc == 0 && i < left.count; i++)
        if (!names_has(&ours, names_at(&left, i)))
            rc = store_remove(to, names_at(&left, i), e);
    names_done(&left);
    names_done(&ours);
    return rc;
}

static int clear_place(struct store *from, struct store *to, struct error *e)
{
    if (store_list(to, "", refuse_item, NULL, e) < 0 ||
        remove_others(from, to, "keys/", e) < 0 || remove_others(from, to, "hosts/", e) < 0)
        return -1;
    return remove_others(from, to, "ledger/", e);
}

static int give_id(struct store *to, struct error *e)
{
    uint8_t id[FORMAT_ID_LEN];
    uint8_t raw[REPLICA_LEN];
    struct error why = {0};
    int rc = replica_id(to, id, &why);
    if (rc == 0)
        return 0;
    if (rc < 0 && why.kind != ERROR_CORRUPT) {
        *e = why;
        return -1;
    }
    if (rc < 0) {
        log_warning("%s: it gets a new one", why.text);
        if (store_remove(to, "replica", e) < 0)
            return -1;
    }
    return replica_new(raw, e) < 0 ? -1 : put(to, "replica", bytes_of(raw, sizeof raw), e);
}

/* ---- the other repository ---------------------------------------------------------- */

static int refuse_other(const struct repo *from, const uint8_t id[FORMAT_ID_LEN],
                        struct error *e)
{
    char ours[2 * FORMAT_ID_LEN + 1];
    char theirs[2 * FORMAT_ID_LEN + 1];
    str_hex(ours, repo_id(from), FORMAT_ID_LEN);
    str_hex(theirs, id, FORMAT_ID_LEN);
    (void)error_set(e, ERROR_USAGE, "the target is repository %s, the source is repository %s",
                    theirs, ours);
    return error_hint(e, "a replica has the id of its repository; choose an empty place");
}

/* Is there a config, and is it ours? Answers STORE_ABSENT. */
static int compare_config(const struct repo *from, struct bytes ours, struct store *to,
                          struct error *e)
{
    struct buf raw = {0};
    struct statement s;
    int rc = store_get(to, "config", 0, MAX_SMALL, &raw, e);
    if (rc == 0) {
        rc = statement_parse(buf_view(&raw), FORMAT_CONFIG, NULL, &s, e);
        if (rc == 0 && memcmp(s.repository_id, repo_id(from), FORMAT_ID_LEN) != 0)
            rc = refuse_other(from, s.repository_id, e);
        else if (rc == 0 && !bytes_equal(ours, buf_view(&raw)))
            rc = error_set(e, ERROR_CORRUPT, "config is not that of the source");
        if (rc < 0)
            (void)error_wrap(e, "target");
    }
    buf_done(&raw);
    return rc;
}

/* Two ways to one store would make it its own replica. */
static int refuse_same(struct repo *from, struct store *to, struct error *e)
{
    uint8_t ours[FORMAT_ID_LEN];
    uint8_t theirs[FORMAT_ID_LEN];
    char hex[2 * FORMAT_ID_LEN + 1];
    struct error why;
    if (replica_id(repo_store(from), ours, &why) != 0 || replica_id(to, theirs, &why) != 0 ||
        memcmp(ours, theirs, sizeof ours) != 0)
        return 0;
    str_hex(hex, ours, sizeof ours);
    (void)error_set(e, ERROR_USAGE, "source and target are one store: both are replica %s",
                    hex);
    return error_hint(e, "of a clone that was made by other means, delete the object replica");
}

int replica_prepare(struct repo *from, struct store *to, bool *made, struct error *e)
{
    struct store *source = repo_store(from);
    struct buf config = {0};
    *made = false;
    int rc = store_get(source, "config", 0, MAX_SMALL, &config, e);
    if (rc == STORE_ABSENT)
        rc = error_set(e, ERROR_NO_REPOSITORY, "the source has lost its config");
    if (rc == 0)
        rc = compare_config(from, buf_view(&config), to, e);
    *made = rc == STORE_ABSENT;
    if (rc == 0)
        rc = refuse_same(from, to, e);
    else if (*made)
        rc = clear_place(source, to, e);
    if (rc == 0 &&
        (give_id(to, e) < 0 || copy_hosts(from, to, e) < 0 ||
         copy_folder(source, to, "keys/", e) < 0 || copy_folder(source, to, "ledger/", e) < 0 ||
         store_sync(to, e) < 0 ||
         (*made && (put(to, "config", buf_view(&config), e) < 0 || store_sync(to, e) < 0))))
        rc = -1;
    buf_done(&config);
    return rc;
}
