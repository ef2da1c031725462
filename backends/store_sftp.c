/* SPDX-License-Identifier: Apache-2.0 */
/* Every attempt of a put has a temporary name of its own: the server may still work at the one
 * before, whose connection broke, and may rename it later. By then all of its bytes are there
 * (the rename is asked for only when the upload was answered), so what can appear under the
 * final name is always whole; and it is looked for before anything is sent again. */
#include "backends/store_sftp.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "backends/store_sftp_list.h"
#include "backends/store_sftp_place.h"
#include "backends/store_sftp_text.h"
#include "backends/store_sftp_wire.h"
#include "core/base/secret.h"
#include "core/base/str.h"

#define MAX_WHOLE (256 * MIB + KIB)
#define MAX_REFUSALS 3 /* of a rename that nothing explains */

enum rename_manner { RENAME_NOT_TRIED, RENAME_KEEPS, RENAME_REPLACES };

struct store_sftp {
    struct store base;
    struct store_sftp_wire *wire;
    struct store_sftp_list *list;
    char *root;           /* absolute on the server, without a "/" behind unless it is "/" */
    char *shown;          /* for messages */
    pthread_mutex_t lock; /* of manner; held while it is found out */
    enum rename_manner manner;
};

static struct store_sftp *self_of(struct store *s)
{
    return (struct store_sftp *)(void *)s;
}

static char *path_of(const struct store_sftp *s, const char *name, struct error *e)
{
    return str_format(e, "%s/%s", strcmp(s->root, "/") == 0 ? "" : s->root, name);
}

/* A new temporary name in the folder of path. */
static char *temporary_of(const char *path, struct error *e)
{
    uint8_t random[STORE_SFTP_LIST_DIGITS / 2];
    char digits[STORE_SFTP_LIST_DIGITS + 1];
    const char *slash = strrchr(path, '/');
    if (secret_random(random, sizeof random, e) < 0)
        return NULL;
    str_hex(digits, random, sizeof random);
    return str_format(e, "%.*s/" STORE_SFTP_LIST_TEMPORARY "%s", (int)(slash - path), path,
                      digits);
}

/* ---- single steps ---------------------------------------------------------------------- */

/* One command without a transfer: the answers of store_sftp_wire_once. */
static int command_once(struct store_sftp *s, const char *command, const char *from,
                        const char *to, struct error *e)
{
    char *text = store_sftp_text_command(command, false, from, to, e);
    const char *const commands[] = {text, NULL};
    const struct store_sftp_request r = {
        .method = STORE_SFTP_LOOK, .path = "/", .commands = commands};
    int rc = text ? store_sftp_wire_once(s->wire, &r, NULL, e) : -1;
    free(text);
    return rc;
}

/* What may fail: temporary files that stay are removed by a later listing. */
static void try_remove(struct store_sftp *s, const char *path)
{
    (void)!command_once(s, "rm", path, NULL, NULL);
}

static int upload_once(struct store_sftp *s, const char *path, struct bytes content,
                       struct error *e)
{
    const struct store_sftp_request r = {
        .method = STORE_SFTP_PUT, .path = path, .body = content};
    return store_sftp_wire_once(s->wire, &r, NULL, e);
}

/* 0: there; STORE_ABSENT. */
static int look(struct store_sftp *s, const char *path, struct store_sftp_reply *reply,
                struct error *e)
{
    const struct store_sftp_request r = {.method = STORE_SFTP_LOOK, .path = path};
    int rc = store_sftp_wire_send(s->wire, &r, reply, e);
    return rc == STORE_SFTP_ABSENT ? STORE_ABSENT : rc == STORE_SFTP_REFUSED ? -1 : rc;
}

/* 0: a folder; STORE_ABSENT: none, or something else. */
static int look_for_folder(struct store_sftp *s, const char *path, struct error *e)
{
    char *with_slash = str_format(e, "%s/", strcmp(path, "/") == 0 ? "" : path);
    if (!with_slash)
        return -1;
    const struct store_sftp_request r = {
        .method = STORE_SFTP_LOOK, .path = with_slash, .time = true};
    int rc = store_sftp_wire_send(s->wire, &r, NULL, e);
    free(with_slash);
    return rc == STORE_SFTP_ABSENT ? STORE_ABSENT : rc == STORE_SFTP_REFUSED ? -1 : rc;
}

static int fetch(struct store_sftp *s, const char *path, size_t most, struct buf *out,
                 struct error *e)
{
    const struct store_sftp_request r = {
        .method = STORE_SFTP_GET, .path = path, .len = SIZE_MAX, .most = most, .out = out};
    int rc = store_sftp_wire_send(s->wire, &r, NULL, e);
    return rc == STORE_SFTP_ABSENT ? STORE_ABSENT : rc == STORE_SFTP_REFUSED ? -1 : rc;
}

/* The free space of the server, if it tells: -1 with ENOSPC when the object cannot fit. */
static int check_space(struct store_sftp *s, size_t len, struct error *e)
{
    struct buf lines = {0};
    uint64_t free_bytes;
    char need[32];
    char have[32];
    int rc = 0;
    char *text = store_sftp_text_command("statvfs", true, s->root, NULL, NULL);
    const char *const commands[] = {text, NULL};
    const struct store_sftp_request r = {.method = STORE_SFTP_LOOK,
                                         .path = "/",
                                         .commands = commands,
                                         .most = 4 * KIB,
                                         .out = &lines};
    if (text && store_sftp_wire_once(s->wire, &r, NULL, NULL) == 0 &&
        store_sftp_text_free(buf_view(&lines), &free_bytes) && free_bytes < len) {
        str_size(need, len);
        str_size(have, free_bytes);
        rc = error_set(e, ERROR_IO, "no space left on the server: %s needed, %s free", need,
                       have);
        if (e)
            e->sys = ENOSPC;
    }
    free(text);
    buf_done(&lines);
    return rc;
}

/* ---- how the server renames -------------------------------------------------------------- */

static int wait_after(int rc, struct backoff *b, struct error *e)
{
    return rc == STORE_SFTP_CUT ? backoff_wait(b, 0, e) : -1;
}

/* Upload to `from`, rename to `to`: 0, STORE_SFTP_REFUSED (the rename), STORE_SFTP_CUT, -1. */
static int publish_once(struct store_sftp *s, const char *from, const char *to,
                        struct bytes content, struct error *e)
{
    int rc = upload_once(s, from, content, e);
    if (rc == 0)
        return command_once(s, "rename", from, to, e);
    if (rc == STORE_SFTP_REFUSED || rc == STORE_SFTP_ABSENT)
        return -1; /* the upload itself: said no */
    return rc;
}

/* One try with files of its own: the second rename onto a name that is taken. */
static int try_renames(struct store_sftp *s, enum rename_manner *manner, struct error *e)
{
    struct buf b = {0};
    char *path = path_of(s, "x", e);
    char *taken = path ? temporary_of(path, e) : NULL;
    char *other = taken ? temporary_of(path, e) : NULL;
    int rc = other ? publish_once(s, other, taken, bytes_text("1"), e) : -1;
    if (rc == STORE_SFTP_REFUSED)
        rc = -1;
    if (rc == 0) {
        rc = publish_once(s, other, taken, bytes_text("2"), e);
        if (rc == STORE_SFTP_REFUSED)
            rc = fetch(s, taken, 1, &b, e);
        else if (rc == 0)
            *manner = RENAME_REPLACES;
        if (rc == 0 && *manner == RENAME_NOT_TRIED)
            *manner =
                bytes_equal(buf_view(&b), bytes_text("1")) ? RENAME_KEEPS : RENAME_REPLACES;
    }
    if (rc == STORE_ABSENT) /* somebody removed it */
        rc = STORE_SFTP_CUT;
    if (other && rc != STORE_SFTP_CUT) {
        try_remove(s, other);
        try_remove(s, taken);
    }
    buf_done(&b);
    free(other);
    free(taken);
    free(path);
    return rc;
}

/* *keeps: renaming onto a name that is taken fails. Found out once. */
static int find_manner(struct store_sftp *s, bool *keeps, struct error *e)
{
    struct backoff b;
    int rc = 0;
    store_sftp_wire_begin(s->wire, &b);
    (void)pthread_mutex_lock(&s->lock);
    while (rc == 0 && s->manner == RENAME_NOT_TRIED) {
        enum rename_manner manner = RENAME_NOT_TRIED;
        rc = try_renames(s, &manner, e);
        if (rc == 0)
            s->manner = manner;
        else if (rc == STORE_SFTP_CUT && check_space(s, 1, e) < 0)
            rc = -1;
        else
            rc = wait_after(rc, &b, e);
    }
    *keeps = s->manner == RENAME_KEEPS;
    (void)pthread_mutex_unlock(&s->lock);
    return rc < 0 ? error_wrap(e, "trying how the server renames") : 0;
}

/* ---- put --------------------------------------------------------------------------------- */

struct putting {
    struct store_sftp *store;
    const char *path;
    struct bytes content;
    bool replaces; /* a rename would replace what is there */
    bool unknown;  /* a rename was asked for, and no answer came */
    bool renamed;  /* the answer came: the temporary name is gone */
    unsigned refusals;
};

/* Is it there, and is it ours? 0: done by an attempt before; STORE_EXISTS; STORE_ABSENT. */
static int look_it_up(struct putting *p, struct error *e)
{
    struct store_sftp_reply reply;
    struct buf b = {0};
    int rc = look(p->store, p->path, &reply, e);
    if (rc != 0)
        return rc;
    if (!p->unknown || reply.size != p->content.len)
        return STORE_EXISTS;
    rc = fetch(p->store, p->path, p->content.len, &b, e);
    if (rc == 0 && !bytes_equal(buf_view(&b), p->content))
        rc = STORE_EXISTS;
    buf_done(&b);
    return rc;
}

/* After a rename that was cut or refused. 0: it was done; STORE_EXISTS; STORE_ABSENT: it was
 * not, and is to be tried again. */
static int settle(struct putting *p, int rc, struct backoff *b, struct error *e)
{
    struct error cause = {0};
    if (e)
        cause = *e;
    if (rc == STORE_SFTP_CUT) {
        p->unknown = true;
        if (backoff_wait(b, 0, e) < 0)
            return -1;
        return look_it_up(p, e);
    }
    rc = look_it_up(p, e);
    if (rc != STORE_ABSENT || ++p->refusals < MAX_REFUSALS)
        return rc;
    if (e) /* nothing explains the refusal */
        *e = cause;
    return -1;
}

/* Where nothing keeps a rename from replacing, the name is looked at as late as can be. As
 * settle. */
static int publish(struct putting *p, const char *temporary, struct backoff *b, struct error *e)
{
    int rc = p->replaces ? look_it_up(p, e) : STORE_ABSENT;
    if (rc != STORE_ABSENT)
        return rc;
    rc = command_once(p->store, "rename", temporary, p->path, e);
    p->renamed = rc == 0;
    return rc > 0 ? settle(p, rc, b, e) : rc;
}

/* STORE_ABSENT: to be tried again. */
static int attempt(struct putting *p, struct backoff *b, struct error *e)
{
    char *temporary = temporary_of(p->path, e);
    if (!temporary)
        return -1;
    int rc = upload_once(p->store, temporary, p->content, e);
    if (rc == 0)
        rc = publish(p, temporary, b, e);
    else if (check_space(p->store, p->content.len, e) < 0 || rc != STORE_SFTP_CUT)
        rc = -1; /* full, or the server does not take the file */
    else
        rc = backoff_wait(b, 0, e) < 0 ? -1 : STORE_ABSENT;
    if (!p->renamed)
        try_remove(p->store, temporary);
    free(temporary);
    return rc;
}

static int put_path(struct store_sftp *s, const char *path, struct bytes content,
                    struct error *e)
{
    struct putting p = {.store = s, .path = path, .content = content};
    struct backoff b;
    bool keeps;
    if (find_manner(s, &keeps, e) < 0)
        return -1;
    p.replaces = !keeps;
    store_sftp_wire_begin(s->wire, &b);
    int rc = p.replaces ? look_it_up(&p, e) : STORE_ABSENT;
    while (rc == STORE_ABSENT)
        rc = attempt(&p, &b, e);
    return rc;
}

static int put(struct store *base, const char *name, struct bytes content, struct error *e)
{
    struct store_sftp *s = self_of(base);
    char *path = path_of(s, name, e);
    int rc = path ? put_path(s, path, content, e) : -1;
    free(path);
    return rc < 0 ? error_wrap(e, "store %s: %s", s->shown, name) : rc;
}

/* ---- the other operations ------------------------------------------------------------------
 */

/* A folder can be opened and has a size, but reading it breaks the connection: that is told
 * apart before anything is tried again. */
static int get_path(struct store_sftp *s, const struct store_sftp_request *r, struct error *e)
{
    struct backoff b;
    bool asked = false;
    store_sftp_wire_begin(s->wire, &b);
    for (;;) {
        int rc = store_sftp_wire_once(s->wire, r, NULL, e);
        if (rc != STORE_SFTP_CUT)
            return rc == STORE_SFTP_ABSENT ? STORE_ABSENT : rc == STORE_SFTP_REFUSED ? -1 : rc;
        if (backoff_wait(&b, 0, e) < 0)
            return -1;
        int folder = asked ? STORE_ABSENT : look_for_folder(s, r->path, e);
        if (folder < 0)
            return -1;
        if (folder == 0)
            return error_set(e, ERROR_CORRUPT, "is no regular file");
        asked = true;
    }
}

static int get(struct store *base, const char *name, uint64_t offset, size_t len,
               struct buf *out, struct error *e)
{
    struct store_sftp *s = self_of(base);
    out->len = 0;
    char *path = path_of(s, name, e);
    const struct store_sftp_request r = {.method = STORE_SFTP_GET,
                                         .path = path,
                                         .offset = offset,
                                         .len = len,
                                         .most = len < MAX_WHOLE ? len : MAX_WHOLE,
                                         .out = out};
    int rc = -1;
    /* No file reaches beyond INT64_MAX. */
    if (path && len > 0 && offset <= INT64_MAX)
        rc = get_path(s, &r, e);
    else if (path)
        rc = look(s, path, NULL, e);
    free(path);
    return rc < 0 ? error_wrap(e, "store %s: %s", s->shown, name) : rc;
}

static int list(struct store *base, const char *prefix, store_visit *visit, void *arg,
                struct error *e)
{
    struct store_sftp *s = self_of(base);
    int rc = store_sftp_list_run(s->list, prefix, visit, arg, e);
    return rc < 0 ? error_wrap(e, "store %s: listing", s->shown) : rc;
}

static int remove_path(struct store_sftp *s, const char *path, struct error *e)
{
    struct backoff b;
    store_sftp_wire_begin(s->wire, &b);
    for (;;) {
        int rc = command_once(s, "rm", path, NULL, e);
        if (rc == 0 || rc == STORE_SFTP_ABSENT)
            return 0;
        if (rc == STORE_SFTP_REFUSED) {
            /* It does not say why: gone is as good as removed. */
            struct error cause = {0};
            if (e)
                cause = *e;
            rc = look(s, path, NULL, e);
            if (rc == STORE_ABSENT)
                return 0;
            if (rc == 0 && e)
                *e = cause;
            return -1;
        }
        if (wait_after(rc, &b, e) < 0)
            return -1;
    }
}

static int remove_object(struct store *base, const char *name, struct error *e)
{
    struct store_sftp *s = self_of(base);
    char *path = path_of(s, name, e);
    int rc = path ? remove_path(s, path, e) : -1;
    free(path);
    return rc < 0 ? error_wrap(e, "store %s: removing %s", s->shown, name) : 0;
}

static int sync_store(struct store *base, struct error *e)
{
    (void)base;
    (void)e;
    return 0;
}

static const char *describe(struct store *base)
{
    struct store_sftp *s = self_of(base);
    (void)pthread_mutex_lock(&s->lock);
    enum rename_manner manner = s->manner;
    (void)pthread_mutex_unlock(&s->lock);
    switch (manner) {
    case RENAME_KEEPS:
        return "SFTP; create-if-absent: yes; durable: left to the server, no fsync";
    case RENAME_REPLACES:
        return "SFTP; create-if-absent: no; durable: left to the server, no fsync";
    case RENAME_NOT_TRIED:
        break;
    }
    return "SFTP; create-if-absent: not tried yet; durable: left to the server, no fsync";
}

static int probe(struct store *base, struct error *e)
{
    bool keeps;
    return find_manner(self_of(base), &keeps, e);
}

static void configure(struct store *base, const struct store_options *o)
{
    store_sftp_wire_configure(self_of(base)->wire, o);
}

static void close_store(struct store *base)
{
    struct store_sftp *s = self_of(base);
    store_sftp_list_free(s->list);
    store_sftp_wire_free(s->wire);
    (void)pthread_mutex_destroy(&s->lock);
    free(s->root);
    free(s->shown);
    free(s);
}

static const struct store_ops ops = {
    .put = put,
    .get = get,
    .list = list,
    .remove = remove_object,
    .sync = sync_store,
    .probe = probe,
    .describe = describe,
    .close = close_store,
    .configure = configure,
    .uploads = 2,
};

/* ---- opening -------------------------------------------------------------------------------
 */

/* Each folder of the root's path; what is there already is refused, which is as well. */
static int make_root(struct store_sftp *s, struct error *e)
{
    struct backoff b;
    store_sftp_wire_begin(s->wire, &b);
    for (size_t at = 1; s->root[at - 1];) {
        size_t end = at + strcspn(s->root + at, "/");
        char *folder = str_copy_bytes(bytes_of(s->root, end), e);
        int rc = folder ? command_once(s, "mkdir", folder, NULL, e) : -1;
        free(folder);
        if (rc == STORE_SFTP_CUT && backoff_wait(&b, 0, e) == 0)
            continue;
        if (rc < 0 || rc == STORE_SFTP_CUT)
            return -1;
        at = end + 1;
    }
    return 0;
}

static int find_root(struct store_sftp *s, bool create, struct error *e)
{
    bool keeps;
    int rc = look_for_folder(s, s->root, e);
    if (rc == STORE_ABSENT && create) {
        if (make_root(s, e) < 0)
            return -1;
        rc = look_for_folder(s, s->root, e);
        if (rc == STORE_ABSENT)
            return error_set(e, ERROR_IO, "the folder cannot be made");
    }
    if (rc == STORE_ABSENT) {
        (void)error_set(e, ERROR_NO_REPOSITORY, "there is no such folder");
        return error_hint(e, "pgkeep init makes a repository");
    }
    return rc == 0 && create ? find_manner(s, &keeps, e) : rc;
}

static int connect_to(struct store_sftp *s, const struct store_sftp_place *place, bool create,
                      struct error *e)
{
    char *home = NULL;
    s->wire = store_sftp_wire_new(&place->url, e);
    if (s->wire && store_sftp_wire_connect(s->wire, &home, e) == 0)
        s->root = store_sftp_place_root(place, home, e);
    free(home);
    s->list = s->root ? store_sftp_list_new(s->wire, s->root, e) : NULL;
    int rc = s->list ? find_root(s, create, e) : -1;
    return rc < 0 ? error_wrap(e, "store %s", s->shown) : 0;
}

struct store *store_sftp_open(const char *url, bool create, struct error *e)
{
    struct store_sftp_place place;
    struct store_sftp *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "store");
        return NULL;
    }
    *s = (struct store_sftp){.base = {.ops = &ops}};
    (void)pthread_mutex_init(&s->lock, NULL);
    int rc = store_sftp_place_parse(url, &place, e);
    if (rc == 0) {
        s->shown = store_sftp_place_text(&place, e);
        rc = s->shown ? connect_to(s, &place, create, e) : -1;
        store_sftp_place_done(&place);
    }
    if (rc == 0)
        return &s->base;
    close_store(&s->base);
    return NULL;
}

char *store_sftp_canonical(const char *url, struct error *e)
{
    struct store_sftp_place place;
    if (store_sftp_place_parse(url, &place, e) < 0)
        return NULL;
    char *text = store_sftp_place_text(&place, e);
    store_sftp_place_done(&place);
    return text;
}
