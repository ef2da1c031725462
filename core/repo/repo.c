/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/repo.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/repo/envelope.h"
#include "core/repo/pack.h"
#include "core/repo/slot.h"
#include "core/repo/tlv.h"

#define MAX_SLOTS 8

#define HOSTS_AGAIN_MS 5000

struct repo {
    struct store *store;
    uint8_t id[FORMAT_ID_LEN];
    uint8_t admin_public[32];
    uint8_t domain_id[FORMAT_ID_LEN];
    struct bundle_reader readers[BUNDLE_MAX_READERS];
    size_t reader_count;
    struct host *hosts;
    size_t host_count;
    int64_t hosts_read_ms; /* again, for one that was not there; 0: never */
    bool read_only;        /* features of a newer version that readers need not know */
    bool has_seed;
    struct secret seed;
    bool has_bundle;
    struct bundle bundle;
};

bool repo_name_known(const char *name)
{
    static const char *const roots[] = {
        "config",     "replica", "keys",   "hosts",    "packs",     "backups", "envelopes",
        "tombstones", "marks",   "ledger", "sessions", "condemned", "revoked"};
    size_t len = strcspn(name, "/");
    for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
        if (strlen(roots[i]) == len && memcmp(roots[i], name, len) == 0) {
            if (name[len] == '\0')
                return i < 2;
            const char *rest = name + len + 1;
            return i >= 2 && *rest && strspn(rest, "0123456789abcdef/-") == strlen(rest);
        }
    return false;
}

const uint8_t *repo_id(const struct repo *r)
{
    return r->id;
}

struct store *repo_store(const struct repo *r)
{
    return r->store;
}

bool repo_has_seed(const struct repo *r)
{
    return r->has_seed;
}

const struct bundle *repo_bundle(const struct repo *r)
{
    return r->has_bundle ? &r->bundle : NULL;
}

size_t repo_host_count(const struct repo *r)
{
    return r->host_count;
}

const struct host *repo_host(const struct repo *r, size_t i)
{
    return &r->hosts[i];
}

/* ---- the config -------------------------------------------------------------------- */

static void get_config_reader(struct tlv_reader *t, const struct tlv *v, struct repo *r)
{
    if (v->value.len != 37 || r->reader_count == BUNDLE_MAX_READERS) {
        t->bad = true;
        return;
    }
    struct bundle_reader *reader = &r->readers[r->reader_count++];
    struct cursor c = cursor_of(v->value);
    cursor_copy(&c, reader->public_key, sizeof reader->public_key);
    reader->epoch = cursor_u32(&c);
    reader->scope = cursor_u8(&c);
}

static int read_config(struct repo *r, struct bytes raw, struct error *e)
{
    struct statement s;
    struct tlv v;
    uint8_t masks[24] = {0};
    if (statement_parse(raw, FORMAT_CONFIG, NULL, &s, e) < 0)
        return -1;
    memcpy(r->id, s.repository_id, FORMAT_ID_LEN);
    struct tlv_reader t = tlv_reader_of(s.body);
    while (tlv_next(&t, &v)) {
        if (v.tag == REPO_CONFIG_ADMIN)
            tlv_get_fixed(&t, &v, r->admin_public, sizeof r->admin_public);
        else if (v.tag == REPO_CONFIG_MASKS)
            tlv_get_fixed(&t, &v, masks, sizeof masks);
        else if (v.tag == REPO_CONFIG_READER)
            get_config_reader(&t, &v, r);
        else if (v.tag == REPO_CONFIG_DOMAIN)
            tlv_get_fixed(&t, &v, r->domain_id, FORMAT_ID_LEN);
    }
    if (r->reader_count == 0 || !(t.seen & 1u << REPO_CONFIG_ADMIN) ||
        !(t.seen & 1u << REPO_CONFIG_DOMAIN))
        t.bad = true;
    if (tlv_end(&t, "config", e) < 0 || statement_check(&s, r->admin_public, e) < 0)
        return -1;
    struct cursor c = cursor_of(bytes_of(masks + 8, 16));
    r->read_only = cursor_u64(&c) != 0;
    if (cursor_u64(&c) != 0)
        return error_set(e, ERROR_UNSUPPORTED, "repository needs features of a newer pgkeep");
    return 0;
}

static int visit_host(void *arg, const struct store_item *item, struct error *e)
{
    struct repo *r = arg;
    struct buf raw = {0};
    struct host *hosts = NULL;
    if (!repo_name_known(item->name))
        return 0;
    int rc = store_get(r->store, item->name, 0, FORMAT_MAX_STATEMENT, &raw, e);
    if (rc == 0) {
        hosts = reallocarray(r->hosts, r->host_count + 1, sizeof *hosts);
        if (!hosts) {
            rc = error_memory(e, "enrolments");
        } else {
            struct error why;
            r->hosts = hosts;
            /* One bad enrolment must not close the repository for everybody. */
            if (host_read(buf_view(&raw), item->name, r->id, r->admin_public,
                          &hosts[r->host_count], &why) == 0)
                r->host_count++;
            else
                log_warning("enrolment ignored: %s", why.text);
        }
    }
    buf_done(&raw);
    return rc < 0 ? -1 : 0;
}

struct repo *repo_open(struct store *store, struct error *e)
{
    struct buf raw = {0};
    struct repo *r = calloc(1, sizeof *r);
    int rc = -1;
    if (!r) {
        (void)error_memory(e, "repository");
        return NULL;
    }
    r->store = store;
    rc = store_get(store, "config", 0, FORMAT_MAX_STATEMENT, &raw, e);
    if (rc == STORE_ABSENT) {
        rc = error_set(e, ERROR_NO_REPOSITORY,
                       "there is no repository: object config is absent");
        (void)error_hint(e, "pgkeep init makes one; check the URL if there should be one");
    } else if (rc == 0 && read_config(r, buf_view(&raw), e) < 0) {
        rc = error_wrap(e, "config");
        if (e && e->kind == ERROR_CORRUPT)
            (void)error_hint(e, "does the URL name the repository? Another server, or other "
                                "files, may have answered; a replica has the same config");
    }
    if (rc == 0)
        rc = store_list(store, "hosts/", visit_host, r, e);
    buf_done(&raw);
    if (rc == 0)
        return r;
    repo_free(r);
    return NULL;
}

void repo_free(struct repo *r)
{
    if (!r)
        return;
    secret_wipe(&r->seed);
    bundle_wipe(&r->bundle);
    free(r->hosts);
    free(r);
}

/* ---- keys -------------------------------------------------------------------------- */

int repo_use_seed(struct repo *r, const struct secret *seed, struct error *e)
{
    struct secret key;
    uint8_t admin[32];
    int rc = keyring_admin_key(seed, &key, e);
    if (rc == 0)
        rc = keyring_sign_public(&key, admin, e);
    secret_wipe(&key);
    if (rc < 0)
        return -1;
    if (memcmp(admin, r->admin_public, sizeof admin) != 0)
        return error_set(e, ERROR_KEY, "this recovery code belongs to another repository");
    r->seed = *seed;
    r->has_seed = true;
    return 0;
}

int repo_use_bundle(struct repo *r, const struct bundle *b, struct error *e)
{
    if (memcmp(b->repository_id, r->id, FORMAT_ID_LEN) != 0)
        return error_set(e, ERROR_KEY, "the host bundle belongs to another repository");
    if (memcmp(b->admin_public, r->admin_public, sizeof b->admin_public) != 0)
        return error_set(e, ERROR_KEY,
                         "the repository's admin key is not the one this host has pinned");
    r->bundle = *b;
    r->has_bundle = true;
    return 0;
}

struct slot_search {
    struct repo *repo;
    const char *passphrase;
    unsigned tried;
    bool open;
    struct error why;
};

static int visit_slot(void *arg, const struct store_item *item, struct error *e)
{
    struct slot_search *search = arg;
    struct buf raw = {0};
    struct secret seed;
    if (search->open || search->tried == MAX_SLOTS || !repo_name_known(item->name))
        return 0;
    int rc = store_get(search->repo->store, item->name, 0, 4 * KIB, &raw, e);
    if (rc == 0) {
        struct error why = {0};
        search->open = slot_open(buf_view(&raw), bytes_text(search->passphrase),
                                 search->repo->id, &seed, &why) == 0 &&
                       repo_use_seed(search->repo, &seed, &why) == 0;
        secret_wipe(&seed);
        /* What is no slot costs nothing, and must not keep the real ones from being tried. */
        search->tried += why.kind != ERROR_CORRUPT;
        if (why.kind != ERROR_CORRUPT || search->why.kind == ERROR_NONE)
            search->why = why;
    }
    buf_done(&raw);
    return rc < 0 ? -1 : 0;
}

int repo_use_passphrase(struct repo *r, const char *passphrase, struct error *e)
{
    struct slot_search search = {.repo = r, .passphrase = passphrase};
    if (store_list(r->store, "keys/", visit_slot, &search, e) < 0)
        return -1;
    if (search.open)
        return 0;
    if (search.why.kind == ERROR_NONE) {
        (void)error_set(e, ERROR_KEY, "the repository has no passphrase slot");
        return error_hint(e, "give the recovery code: PGKEEP_RECOVERY_KEY_FILE");
    }
    return error_set(e, search.why.kind == ERROR_CORRUPT ? ERROR_KEY : search.why.kind,
                     "passphrase slot: %s", search.why.text);
}

int repo_domain(const struct repo *r, const uint8_t domain_id[FORMAT_ID_LEN],
                struct keyring_domain *out, struct error *e)
{
    if (r->has_bundle && memcmp(r->bundle.domain.id, domain_id, FORMAT_ID_LEN) == 0) {
        *out = r->bundle.domain;
        return 0;
    }
    if (r->has_seed)
        return keyring_domain(&r->seed, domain_id, out, e);
    return error_set(e, ERROR_KEY, "no key for the domain of this backup");
}

static int make_bundle(struct repo *r, bool keeper, struct bundle *b, struct error *e)
{
    struct secret seed;
    *b = (struct bundle){.flags = FORMAT_HOST_WRITER | (keeper ? FORMAT_HOST_KEEPER : 0),
                         .has_keeper_key = keeper,
                         .reader_count = r->reader_count};
    memcpy(b->repository_id, r->id, FORMAT_ID_LEN);
    memcpy(b->admin_public, r->admin_public, sizeof b->admin_public);
    memcpy(b->readers, r->readers, sizeof b->readers);
    int rc = -1;
    if (secret_random(b->host_id, sizeof b->host_id, e) == 0 &&
        secret_random(seed.key, sizeof seed.key, e) == 0 &&
        statement_signer_init(&b->signer, &seed, e) == 0 &&
        keyring_domain(&r->seed, r->domain_id, &b->domain, e) == 0 &&
        keyring_psk(&r->seed, 0, &b->psk, e) == 0 &&
        (!keeper || secret_random(b->keeper_key.key, SECRET_LEN, e) == 0))
        rc = 0;
    secret_wipe(&seed);
    return rc;
}

static int put_enrolment(struct repo *r, const struct bundle *b, struct error *e)
{
    struct host h = {.flags = b->flags,
                     .valid_from_us = clock_now_us(),
                     .has_reader_key = b->has_keeper_key,
                     .reader_epoch = b->keeper_epoch};
    struct statement_signer admin = {0};
    struct secret key = {0};
    struct buf object = {0};
    char name[FORMAT_NAME_MAX];
    int rc = -1;
    memcpy(h.host_id, b->host_id, FORMAT_ID_LEN);
    memcpy(h.public_key, b->signer.public_key, sizeof h.public_key);
    memcpy(h.domain_id, b->domain.id, FORMAT_ID_LEN);
    struct host *hosts = reallocarray(r->hosts, r->host_count + 1, sizeof *hosts);
    if (!hosts)
        return error_memory(e, "enrolments");
    r->hosts = hosts;
    if ((b->has_keeper_key && envelope_public_key(&b->keeper_key, h.reader_key, e) < 0) ||
        secret_random(h.nonce, sizeof h.nonce, e) < 0 ||
        keyring_admin_key(&r->seed, &key, e) < 0 ||
        statement_signer_init(&admin, &key, e) < 0 ||
        host_write(&h, r->id, &admin, &object, e) < 0)
        goto out;
    host_name(name, &h);
    if (store_put_new(r->store, name, buf_view(&object), e) < 0 || store_sync(r->store, e) < 0)
        goto out;
    r->hosts[r->host_count++] = h;
    rc = 0;
out:
    secret_wipe(&key);
    secret_wipe(&admin.seed);
    buf_done(&object);
    return rc;
}

static int refuse_read_only(const struct repo *r, struct error *e)
{
    if (!r->read_only)
        return 0;
    return error_set(e, ERROR_UNSUPPORTED,
                     "repository has features of a newer pgkeep: this one may only read it");
}

int repo_enrol(struct repo *r, bool keeper, struct bundle *out, struct error *e)
{
    if (refuse_read_only(r, e) < 0)
        return -1;
    if (!r->has_seed)
        return error_set(e, ERROR_KEY, "only a holder of the recovery seed may enrol a host");
    if (make_bundle(r, keeper, out, e) < 0 || put_enrolment(r, out, e) < 0) {
        bundle_wipe(out);
        return error_wrap(e, "enrolment of this host");
    }
    return repo_use_bundle(r, out, e);
}

const struct host *repo_host_by_signer(const struct repo *r,
                                       const uint8_t signer[FORMAT_ID_LEN])
{
    for (size_t i = 0; i < r->host_count; i++) {
        uint8_t id[FORMAT_ID_LEN];
        struct error ignored;
        if (statement_signer_id(r->hosts[i].public_key, id, &ignored) == 0 &&
            memcmp(id, signer, FORMAT_ID_LEN) == 0)
            return &r->hosts[i];
    }
    return NULL;
}

bool repo_host_active(const struct repo *r, const struct host *h)
{
    if (h->flags & FORMAT_HOST_REMOVED)
        return false;
    for (size_t i = 0; i < r->host_count; i++)
        for (size_t k = 0; k < r->hosts[i].replaces_count; k++)
            if (memcmp(r->hosts[i].replaces[k], h->nonce, FORMAT_ID_LEN) == 0)
                return false;
    return true;
}

/* ---- envelopes --------------------------------------------------------------------- */

int repo_wrap(struct repo *r, const uint8_t backup_id[FORMAT_ID_LEN],
              const struct bundle_reader *to, const struct secret *key, struct buf *out,
              struct error *e)
{
    struct envelope_head head = {.scope = to->scope, .epoch = to->epoch};
    if (to->epoch != r->bundle.psk_epoch)
        return error_set(e, ERROR_KEY, "no pre-shared key of epoch %u in the host bundle",
                         to->epoch);
    if (out->len / ENVELOPE_LEN >= FORMAT_MAX_ENVELOPES)
        return error_set(e, ERROR_UNSUPPORTED, "more than %d readers", FORMAT_MAX_ENVELOPES);
    memcpy(head.repository_id, r->id, FORMAT_ID_LEN);
    memcpy(head.backup_id, backup_id, FORMAT_ID_LEN);
    if (buf_reserve(out, ENVELOPE_LEN, e) < 0 ||
        envelope_wrap(&head, to->public_key, &r->bundle.psk, key, out->data + out->len, e) < 0)
        return -1;
    out->len += ENVELOPE_LEN;
    return 0;
}

int repo_seal_keys(struct repo *r, const uint8_t backup_id[FORMAT_ID_LEN],
                   struct secret *content, struct buf *envelopes, struct error *e)
{
    struct secret metadata;
    int rc = -1;
    if (refuse_read_only(r, e) < 0)
        return -1;
    if (!r->has_bundle)
        return error_set(e, ERROR_KEY, "this host is not enrolled in the repository");
    if (secret_random(content->key, SECRET_LEN, e) < 0 ||
        pack_metadata_key(content, &metadata, e) < 0)
        return -1;
    for (size_t i = 0; i < r->bundle.reader_count; i++) {
        const struct bundle_reader *to = &r->bundle.readers[i];
        const struct secret *key = to->scope == FORMAT_SCOPE_CONTENT ? content : &metadata;
        if (repo_wrap(r, backup_id, to, key, envelopes, e) < 0)
            goto out;
    }
    for (size_t i = 0; i < r->host_count; i++) {
        const struct host *h = &r->hosts[i];
        bool reader = h->flags & FORMAT_HOST_READER;
        struct bundle_reader to = {.epoch = h->reader_epoch,
                                   .scope =
                                       reader ? FORMAT_SCOPE_CONTENT : FORMAT_SCOPE_METADATA};
        memcpy(to.public_key, h->reader_key, sizeof to.public_key);
        if (h->has_reader_key && repo_host_active(r, h) &&
            repo_wrap(r, backup_id, &to, reader ? content : &metadata, envelopes, e) < 0)
            goto out;
    }
    rc = 0;
out:
    secret_wipe(&metadata);
    return rc;
}

/* Try one private key on one envelope. True when it opened. */
static bool try_open(struct repo *r, const uint8_t *backup_id, struct bytes raw,
                     const struct secret *private_key, const struct secret *psk,
                     struct repo_keys *out)
{
    struct envelope_head head;
    struct secret key;
    struct error ignored;
    bool opened = false;
    if (envelope_parse(raw, &head, &ignored) < 0 ||
        memcmp(head.repository_id, r->id, FORMAT_ID_LEN) != 0 ||
        memcmp(head.backup_id, backup_id, FORMAT_ID_LEN) != 0 ||
        envelope_open(raw, private_key, psk, &key, &ignored) < 0)
        return false;
    if (head.scope == FORMAT_SCOPE_METADATA) {
        out->metadata = key;
        opened = true;
    } else if (pack_metadata_key(&key, &out->metadata, &ignored) == 0) {
        out->content = key;
        out->has_content = true;
        opened = true;
    }
    secret_wipe(&key);
    return opened;
}

/* This host may have been enrolled after the backup: its envelope is an object then. */
static int open_later_envelope(struct repo *r, const uint8_t backup_id[FORMAT_ID_LEN],
                               struct repo_keys *out, bool *opened, struct error *e)
{
    uint8_t public_key[32];
    uint8_t recipient[FORMAT_ID_LEN];
    char backup[2 * FORMAT_ID_LEN + 1];
    char reader[2 * FORMAT_ID_LEN + 1];
    char name[FORMAT_NAME_MAX];
    struct buf raw = {0};
    if (!r->has_bundle || !r->bundle.has_keeper_key)
        return 0;
    if (envelope_public_key(&r->bundle.keeper_key, public_key, e) < 0 ||
        envelope_recipient_id(public_key, recipient, e) < 0)
        return -1;
    str_hex(backup, backup_id, FORMAT_ID_LEN);
    str_hex(reader, recipient, FORMAT_ID_LEN);
    (void)snprintf(name, sizeof name, "envelopes/%s-%s", backup, reader);
    int rc = store_get(r->store, name, 0, ENVELOPE_LEN, &raw, e);
    if (rc == 0)
        *opened =
            try_open(r, backup_id, buf_view(&raw), &r->bundle.keeper_key, &r->bundle.psk, out);
    buf_done(&raw);
    return rc < 0 ? -1 : 0;
}

int repo_open_keys(struct repo *r, const uint8_t backup_id[FORMAT_ID_LEN],
                   struct bytes envelopes, struct repo_keys *out, struct error *e)
{
    struct secret reader = {0};
    struct secret psk = {0};
    bool opened = false;
    *out = (struct repo_keys){0};
    if (r->has_seed && (keyring_reader_key(&r->seed, 0, &reader, e) < 0 ||
                        keyring_psk(&r->seed, 0, &psk, e) < 0))
        return -1;
    for (size_t at = 0; at + ENVELOPE_LEN <= envelopes.len && !out->has_content;
         at += ENVELOPE_LEN) {
        struct bytes raw = bytes_of(envelopes.data + at, ENVELOPE_LEN);
        if (r->has_seed)
            opened = try_open(r, backup_id, raw, &reader, &psk, out) || opened;
        if (!out->has_content && r->has_bundle && r->bundle.has_keeper_key)
            opened = try_open(r, backup_id, raw, &r->bundle.keeper_key, &r->bundle.psk, out) ||
                     opened;
    }
    secret_wipe(&reader);
    secret_wipe(&psk);
    if (!opened && open_later_envelope(r, backup_id, out, &opened, e) < 0)
        return -1;
    if (opened)
        return 0;
    (void)error_set(e, ERROR_KEY, "no key at hand opens this backup");
    return error_hint(e, "give the passphrase or the recovery code");
}

/* ---- manifests --------------------------------------------------------------------- */

static int open_private(struct repo *r, struct manifest *m, struct error *e)
{
    struct repo_keys keys;
    struct error why;
    if (repo_open_keys(r, m->backup_id, buf_view(&m->envelopes), &keys, &why) < 0) {
        if (why.kind == ERROR_KEY)
            return 0;
        *e = why;
        return -1;
    }
    int rc = manifest_open(m, r->id, &keys.metadata, e);
    explicit_bzero(&keys, sizeof keys);
    return rc;
}

/* A host may have enrolled since the enrolments were read; one who never did is not looked for
 * each time. */
static const struct host *find_signer(struct repo *r, const uint8_t signer[FORMAT_ID_LEN],
                                      struct error *e)
{
    const struct host *h = repo_host_by_signer(r, signer);
    int64_t now = clock_monotonic_ms();
    if (!h && (r->hosts_read_ms == 0 || now - r->hosts_read_ms > HOSTS_AGAIN_MS)) {
        r->hosts_read_ms = now;
        r->host_count = 0;
        if (store_list(r->store, "hosts/", visit_host, r, e) < 0)
            return NULL;
        h = repo_host_by_signer(r, signer);
    }
    if (!h)
        (void)error_set(e, ERROR_CORRUPT, "signed by a host that was never enrolled");
    return h;
}

static int read_manifest(struct repo *r, struct bytes raw,
                         const uint8_t backup_id[FORMAT_ID_LEN], struct manifest *out,
                         struct error *e)
{
    struct statement s;
    if (statement_parse(raw, FORMAT_MANIFEST, r->id, &s, e) < 0)
        return -1;
    const struct host *h = find_signer(r, s.signer, e);
    if (!h)
        return -1;
    if (statement_check(&s, h->public_key, e) < 0 || manifest_read(&s, raw, out, e) < 0)
        return -1;
    if (memcmp(out->backup_id, backup_id, FORMAT_ID_LEN) != 0 ||
        memcmp(out->host_id, h->host_id, FORMAT_ID_LEN) != 0)
        return error_set(e, ERROR_CORRUPT, "holds the manifest of another backup or host");
    return 0;
}

int repo_manifest(struct repo *r, const uint8_t backup_id[FORMAT_ID_LEN], bool want_open,
                  struct manifest *out, struct error *e)
{
    char hex[2 * FORMAT_ID_LEN + 1];
    char name[FORMAT_NAME_MAX];
    struct buf raw = {0};
    str_hex(hex, backup_id, FORMAT_ID_LEN);
    (void)snprintf(name, sizeof name, "backups/%s", hex);
    int rc = store_get(r->store, name, 0, STORE_ALL, &raw, e);
    if (rc != 0)
        goto out;
    rc = read_manifest(r, buf_view(&raw), backup_id, out, e);
    if (rc == 0 && want_open)
        rc = open_private(r, out, e);
    if (rc < 0) {
        manifest_done(out);
        (void)error_wrap(e, "%s", name);
    }
out:
    buf_done(&raw);
    return rc;
}
