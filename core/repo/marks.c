/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/marks.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/flow/seal.h"
#include "core/repo/names.h"
#include "core/repo/replica.h"
#include "core/repo/tlv.h"

#define MAX_OBJECT (FORMAT_MAX_STATEMENT + 4 * KIB)
#define TEXT_LABEL "pgkeep/v1/mtext" /* with its terminator */
#define AAD_LEN (sizeof TEXT_LABEL + 3 * FORMAT_ID_LEN + 8)

enum {
    TAG_BACKUP = 1,
    TAG_TYPE,
    TAG_TIME,
    TAG_HOST,
    TAG_REFERS,
    TAG_REPLICA = 10,
    TAG_TEXT,
    TAG_NONCE,
};

static const struct {
    const char *name;
    bool keepers;    /* only theirs count */
    bool of_replica; /* said of one store */
} types[] = {
    [MARKS_HOLD] = {"hold", false, false},
    [MARKS_RELEASE] = {"release", true, false},
    [MARKS_ACK] = {"ack", true, false},
    [MARKS_CONFIRMED] = {"confirmed", false, true},
    [MARKS_VERIFIED] = {"verified", false, true},
    [MARKS_REHEARSED] = {"rehearsed", false, true},
    [MARKS_UNFORGET] = {"unforget", true, true},
    [MARKS_DEPLOY_START] = {"deploy start", false, false},
    [MARKS_DEPLOY_END] = {"deploy end", false, false},
};

void marks_done(struct mark *m)
{
    buf_done(&m->sealed);
    free(m->text);
    *m = (struct mark){0};
}

const char *marks_type_name(uint64_t type)
{
    return type < ARRAY_SIZE(types) ? types[type].name : NULL;
}

void marks_name(char *out, const uint8_t backup_id[FORMAT_ID_LEN],
                const uint8_t nonce[FORMAT_ID_LEN])
{
    char backup[2 * FORMAT_ID_LEN + 1];
    char random[2 * FORMAT_ID_LEN + 1];
    str_hex(backup, backup_id, FORMAT_ID_LEN);
    str_hex(random, nonce, FORMAT_ID_LEN);
    (void)snprintf(out, FORMAT_NAME_MAX, "marks/%s-%s", backup, random);
}

bool marks_name_parse(const char *name, uint8_t backup_id[FORMAT_ID_LEN],
                      uint8_t nonce[FORMAT_ID_LEN])
{
    char expected[FORMAT_NAME_MAX];
    size_t digits = 2 * (size_t)FORMAT_ID_LEN;
    if (!str_starts(name, "marks/") || strlen(name) != strlen("marks/") + 2 * digits + 1 ||
        !str_unhex(backup_id, FORMAT_ID_LEN, name + strlen("marks/")) ||
        !str_unhex(nonce, FORMAT_ID_LEN, name + strlen("marks/") + digits + 1))
        return false;
    marks_name(expected, backup_id, nonce);
    return strcmp(expected, name) == 0;
}

/* ---- who may ----------------------------------------------------------------------- */

/* The enrolment that gives this signer the right to a mark of that type; a key may have
 * several. NULL: *e says what is missing. */
static const struct host *find_right(const struct repo *r, const uint8_t signer[FORMAT_ID_LEN],
                                     enum marks_type type, struct error *e)
{
    bool known = false;
    for (size_t i = 0; i < repo_host_count(r); i++) {
        const struct host *h = repo_host(r, i);
        uint8_t id[FORMAT_ID_LEN];
        if (statement_signer_id(h->public_key, id, e) < 0)
            return NULL;
        if (memcmp(id, signer, sizeof id) != 0)
            continue;
        known = true;
        if (!types[type].keepers || ((h->flags & FORMAT_HOST_KEEPER) && repo_host_active(r, h)))
            return h;
    }
    (void)error_set(e, ERROR_CORRUPT, "signed by a host that %s",
                    known ? "is no keeper" : "was never enrolled");
    return NULL;
}

int marks_may(const struct repo *r, enum marks_type type, struct error *e)
{
    const struct bundle *b = repo_bundle(r);
    uint8_t signer[FORMAT_ID_LEN];
    if (!b)
        return error_set(e, ERROR_KEY, "this host is not enrolled in the repository");
    if (statement_signer_id(b->signer.public_key, signer, e) < 0)
        return -1;
    if (find_right(r, signer, type, e))
        return 0;
    if (e && e->kind == ERROR_CORRUPT) {
        (void)error_set(e, ERROR_KEY, "%s: only a keeper may say so, and this host %s",
                        types[type].name,
                        b->flags & FORMAT_HOST_KEEPER ? "is none any more" : "is a writer");
        (void)error_hint(e, "run it on a host that was enrolled as a keeper, as the one that "
                            "ran pgkeep init is");
    }
    return -1;
}

/* ---- the text ---------------------------------------------------------------------- */

/* The seal of a mark's text, which has a key of its own, and its AAD. */
static struct seal *text_seal(const struct repo *r, const struct mark *m,
                              const struct secret *metadata, uint8_t aad[AAD_LEN],
                              struct error *e)
{
    uint8_t context[2 * FORMAT_ID_LEN];
    uint8_t *p = aad;
    struct secret key;
    struct seal *s = NULL;
    memcpy(p, TEXT_LABEL, sizeof TEXT_LABEL);
    p += sizeof TEXT_LABEL;
    memcpy(p, repo_id(r), FORMAT_ID_LEN);
    memcpy(p + FORMAT_ID_LEN, m->backup_id, FORMAT_ID_LEN);
    memcpy(p + 2 * FORMAT_ID_LEN, m->host_id, FORMAT_ID_LEN);
    buf_store_u64(p + 3 * FORMAT_ID_LEN, m->type);
    memcpy(context, m->backup_id, FORMAT_ID_LEN);
    memcpy(context + FORMAT_ID_LEN, m->nonce, FORMAT_ID_LEN);
    if (digest_expand(metadata, "pgkeep/v1/mark", bytes_of(context, sizeof context), key.key,
                      sizeof key.key, e) == 0)
        s = seal_new(&key, e);
    secret_wipe(&key);
    return s;
}

static int seal_text(struct repo *r, const struct marks_draft *d, struct mark *m,
                     struct error *e)
{
    uint8_t aad[AAD_LEN];
    struct repo_keys keys;
    struct bytes plain = bytes_text(d->text);
    if (plain.len > MARKS_MAX_TEXT)
        return error_set(e, ERROR_USAGE, "text of %zu bytes, at most %zu", plain.len,
                         (size_t)MARKS_MAX_TEXT);
    if (repo_open_keys(r, m->backup_id, buf_view(&d->manifest->envelopes), &keys, e) < 0)
        return -1;
    struct seal *s = text_seal(r, m, &keys.metadata, aad, e);
    explicit_bzero(&keys, sizeof keys);
    int rc = s ? buf_reserve(&m->sealed, plain.len + SEAL_TAG_LEN, e) : -1;
    if (rc == 0)
        rc = seal_block(s, 0, bytes_of(aad, sizeof aad), plain, m->sealed.data, e);
    if (rc == 0) {
        m->sealed.len = plain.len + SEAL_TAG_LEN;
        m->has_text = true;
    }
    seal_free(s);
    return rc;
}

static int unseal_text(struct repo *r, const struct secret *metadata, struct mark *m,
                       struct error *e)
{
    uint8_t aad[AAD_LEN];
    size_t len = m->sealed.len - SEAL_TAG_LEN;
    char *text = malloc(len + 1);
    struct seal *s = NULL;
    int rc = -1;
    if (!text)
        return error_memory(e, "mark");
    s = text_seal(r, m, metadata, aad, e);
    if (!s || seal_open(s, 0, bytes_of(aad, sizeof aad), buf_view(&m->sealed),
                        (uint8_t *)(void *)text, e) < 0)
        goto out;
    if (memchr(text, 0, len)) {
        (void)error_set(e, ERROR_CORRUPT, "the text holds a zero byte");
        goto out;
    }
    text[len] = '\0';
    m->text = text;
    text = NULL;
    rc = 0;
out:
    seal_free(s);
    free(text);
    return rc;
}

int marks_open(struct repo *r, const struct manifest *manifest, struct mark *m, struct error *e)
{
    char name[FORMAT_NAME_MAX];
    struct repo_keys keys;
    struct error why;
    if (!m->has_text || m->text)
        return 0;
    int rc = repo_open_keys(r, m->backup_id, buf_view(&manifest->envelopes), &keys, &why);
    if (rc < 0 && why.kind == ERROR_KEY)
        return 0;
    if (rc < 0) {
        *e = why;
        return -1;
    }
    rc = unseal_text(r, &keys.metadata, m, e);
    explicit_bzero(&keys, sizeof keys);
    marks_name(name, m->backup_id, m->nonce);
    return rc < 0 ? error_wrap(e, "%s", name) : 0;
}

/* ---- writing ----------------------------------------------------------------------- */

static int fill(struct repo *r, const struct marks_draft *d, struct mark *m, struct error *e)
{
    m->type = d->type;
    m->time_us = clock_now_us();
    memcpy(m->backup_id, d->manifest->backup_id, FORMAT_ID_LEN);
    memcpy(m->host_id, repo_bundle(r)->host_id, FORMAT_ID_LEN);
    m->of_replica = d->of_replica || types[d->type].of_replica;
    if (d->refers_to) {
        m->refers = true;
        memcpy(m->refers_to, d->refers_to, FORMAT_ID_LEN);
    }
    if (secret_random(m->nonce, sizeof m->nonce, e) < 0)
        return -1;
    int rc = m->of_replica ? replica_id(repo_store(r), m->replica_id, e) : 0;
    if (rc == STORE_ABSENT)
        rc = error_set(e, ERROR_CORRUPT, "object replica is gone: the store has no id");
    if (rc < 0)
        return -1;
    return d->text ? seal_text(r, d, m, e) : 0;
}

static int write_body(const struct mark *m, struct buf *b, struct error *e)
{
    if (tlv_put(b, TAG_BACKUP, bytes_of(m->backup_id, FORMAT_ID_LEN), e) < 0 ||
        tlv_uint(b, TAG_TYPE, m->type, e) < 0 ||
        tlv_uint(b, TAG_TIME, (uint64_t)m->time_us, e) < 0 ||
        tlv_put(b, TAG_HOST, bytes_of(m->host_id, FORMAT_ID_LEN), e) < 0 ||
        (m->refers && tlv_put(b, TAG_REFERS, bytes_of(m->refers_to, FORMAT_ID_LEN), e) < 0) ||
        (m->of_replica &&
         tlv_put(b, TAG_REPLICA, bytes_of(m->replica_id, FORMAT_ID_LEN), e) < 0) ||
        (m->has_text && tlv_put(b, TAG_TEXT, buf_view(&m->sealed), e) < 0))
        return -1;
    return tlv_put(b, TAG_NONCE, bytes_of(m->nonce, FORMAT_ID_LEN), e);
}

int marks_put(struct repo *r, const struct marks_draft *d, uint8_t nonce[FORMAT_ID_LEN],
              struct error *e)
{
    char name[FORMAT_NAME_MAX];
    struct mark m = {0};
    struct buf body = {0};
    struct buf object = {0};
    int rc = -1;
    if (marks_may(r, d->type, e) < 0 || fill(r, d, &m, e) < 0 || write_body(&m, &body, e) < 0 ||
        statement_write(FORMAT_MARK, repo_id(r), &repo_bundle(r)->signer, buf_view(&body),
                        &object, e) < 0)
        goto out;
    marks_name(name, m.backup_id, m.nonce);
    if (store_put_new(repo_store(r), name, buf_view(&object), e) < 0 ||
        store_sync(repo_store(r), e) < 0)
        goto out;
    if (nonce)
        memcpy(nonce, m.nonce, FORMAT_ID_LEN);
    rc = 0;
out:
    marks_done(&m);
    buf_done(&body);
    buf_done(&object);
    return rc;
}

/* ---- reading ----------------------------------------------------------------------- */

static int get_field(struct tlv_reader *r, const struct tlv *t, struct mark *out,
                     struct error *e)
{
    switch (t->tag) {
    case TAG_BACKUP:
        tlv_get_fixed(r, t, out->backup_id, FORMAT_ID_LEN);
        return 0;
    case TAG_TYPE:
        out->type = (enum marks_type)tlv_get_uint(r, t, UINT32_MAX);
        return 0;
    case TAG_TIME:
        out->time_us = (int64_t)tlv_get_uint(r, t, INT64_MAX);
        return 0;
    case TAG_HOST:
        tlv_get_fixed(r, t, out->host_id, FORMAT_ID_LEN);
        return 0;
    case TAG_REFERS:
        tlv_get_fixed(r, t, out->refers_to, FORMAT_ID_LEN);
        out->refers = true;
        return 0;
    case TAG_REPLICA:
        tlv_get_fixed(r, t, out->replica_id, FORMAT_ID_LEN);
        out->of_replica = true;
        return 0;
    case TAG_NONCE:
        tlv_get_fixed(r, t, out->nonce, FORMAT_ID_LEN);
        return 0;
    case TAG_TEXT:
        tlv_once(r, t);
        if (t->value.len < SEAL_TAG_LEN)
            r->bad = true;
        out->has_text = true;
        return r->bad ? 0 : buf_append(&out->sealed, t->value.data, t->value.len, e);
    default:
        return 0;
    }
}

static int read_body(struct bytes body, struct mark *out, struct error *e)
{
    const uint64_t needed =
        1u << TAG_BACKUP | 1u << TAG_TYPE | 1u << TAG_TIME | 1u << TAG_HOST | 1u << TAG_NONCE;
    struct tlv_reader t = tlv_reader_of(body);
    struct tlv v;
    while (tlv_next(&t, &v))
        if (get_field(&t, &v, out, e) < 0)
            return -1;
    if ((t.seen & needed) != needed)
        t.bad = true;
    return tlv_end(&t, "mark", e);
}

static int check(const struct repo *r, const struct statement *s, const char *name,
                 const struct mark *m, struct error *e)
{
    char expected[FORMAT_NAME_MAX];
    marks_name(expected, m->backup_id, m->nonce);
    if (strcmp(expected, name) != 0)
        return error_set(e, ERROR_CORRUPT, "holds the mark of another name");
    if (!marks_type_name(m->type))
        return error_set(e, ERROR_UNSUPPORTED, "mark of type %u, which is not known",
                         (unsigned)m->type);
    const struct host *h = find_right(r, s->signer, m->type, e);
    if (!h || statement_check(s, h->public_key, e) < 0)
        return -1;
    if (memcmp(h->host_id, m->host_id, FORMAT_ID_LEN) != 0)
        return error_set(e, ERROR_CORRUPT, "signed by another host than it names");
    if (types[m->type].of_replica && !m->of_replica)
        return error_set(e, ERROR_CORRUPT, "mark %s names no replica", types[m->type].name);
    return 0;
}

int marks_read(const struct repo *r, struct bytes raw, const char *name, struct mark *out,
               struct error *e)
{
    struct statement s;
    *out = (struct mark){0};
    if (statement_parse(raw, FORMAT_MARK, repo_id(r), &s, e) == 0 &&
        read_body(s.body, out, e) == 0 && check(r, &s, name, out, e) == 0)
        return 0;
    marks_done(out);
    return -1;
}

int marks_get(struct repo *r, const char *name, const uint8_t replica[FORMAT_ID_LEN],
              struct mark *out, struct error *e)
{
    struct buf raw = {0};
    struct error why;
    int rc = store_get(repo_store(r), name, 0, MAX_OBJECT, &raw, e);
    if (rc == 0 && marks_read(r, buf_view(&raw), name, out, &why) < 0) {
        rc = MARKS_IGNORED;
        if (why.kind == ERROR_CORRUPT || why.kind == ERROR_UNSUPPORTED) {
            log_info("%s is ignored: %s", name, why.text);
        } else {
            *e = why;
            rc = -1;
        }
    } else if (rc == 0 && out->of_replica &&
               memcmp(out->replica_id, replica, FORMAT_ID_LEN) != 0) {
        log_info("%s is ignored: it is about another store", name);
        marks_done(out);
        rc = MARKS_IGNORED;
    }
    buf_done(&raw);
    return rc;
}

int marks_visit(struct repo *r, const uint8_t *backup_id, marks_visitor *visit, void *arg,
                size_t *ignored, struct error *e)
{
    char prefix[FORMAT_NAME_MAX] = "";
    uint8_t replica[FORMAT_ID_LEN] = {0};
    struct names names = {0};
    size_t bad = 0;
    if (backup_id) {
        char hex[2 * FORMAT_ID_LEN + 1];
        str_hex(hex, backup_id, FORMAT_ID_LEN);
        (void)snprintf(prefix, sizeof prefix, "marks/%s-", hex);
    }
    int rc = names_list(&names, repo_store(r), "marks/", e);
    if (rc == 0 && names.count > 0)
        rc = replica_id(repo_store(r), replica, e) < 0 ? -1 : 0;
    for (size_t i = names_from(&names, prefix); rc == 0 && i < names.count; i++) {
        struct mark m;
        if (!str_starts(names_at(&names, i), prefix))
            break;
        rc = marks_get(r, names_at(&names, i), replica, &m, e);
        if (rc == MARKS_IGNORED)
            bad++;
        if (rc > 0) { /* or removed since it was listed */
            rc = 0;
            continue;
        }
        if (rc == 0) {
            rc = visit(arg, &m, e);
            marks_done(&m);
        }
    }
    names_done(&names);
    if (ignored)
        *ignored = bad;
    return rc;
}
