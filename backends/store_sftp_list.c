/* SPDX-License-Identifier: Apache-2.0 */
/* One request a folder: the long listing, which has names and sizes (asking for each file would
 * be four round trips). Its times are the server's local ones; one file's exact time tells the
 * zone. Where a line is no such line (another format, a line end in a name), the names alone
 * are listed too, and those that could be ours and were not in any line are asked for. */
#include "backends/store_sftp_list.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/store_sftp_many.h"
#include "backends/store_sftp_text.h"
#include "core/base/clock.h"
#include "core/base/str.h"

#define MAX_LISTING (64 * MIB) /* of one folder; a line has about 150 bytes */
#define MIN_LINE 32            /* of one that can be read, with its end */
#define AHEAD 32               /* folders that are fetched together, where so many wait */
#define MAX_AHEAD (2 * MIB)    /* of each; a longer one is fetched by itself */
#define MAX_DEPTH 2            /* packs/<hh>/<name> */
#define MAX_FOLDERS 100000
#define MAX_OLD 64 /* temporary files removed by one listing */
#define QUARTER_S 900
#define HOUR_S 3600
#define DAY_S (24 * HOUR_S)

struct store_sftp_list {
    struct store_sftp_wire *wire;
    const char *root;
    pthread_mutex_t lock; /* of zone */
    bool zone_known;
    int64_t zone_s; /* to be added to a time of a listing */
};

struct run {
    struct store_sftp_list *list;
    const char *prefix;
    store_visit *visit;
    void *arg;
    char **folders; /* to be listed, "" is the root; those before `next` are done */
    size_t folder_count;
    size_t next;
    char *old[MAX_OLD]; /* temporary files */
    int64_t old_s[MAX_OLD];
    size_t old_count;
    char *newest;
    int64_t newest_s;
    struct store_sftp_many *many; /* where many folders wait */
};

/* ---- paths --------------------------------------------------------------------------- */

static char *path_of(const struct store_sftp_list *l, const char *name, const char *behind,
                     struct error *e)
{
    const char *root = strcmp(l->root, "/") == 0 ? "" : l->root;
    return str_format(e, "%s%s%s%s", root, *name ? "/" : "", name, behind);
}

static int add_folder(struct run *r, const char *name, struct error *e)
{
    if (r->folder_count == MAX_FOLDERS)
        return error_set(e, ERROR_CORRUPT, "more than %d folders", MAX_FOLDERS);
    char **folders = reallocarray(r->folders, r->folder_count + 1, sizeof *folders);
    if (!folders)
        return error_memory(e, "list of folders");
    r->folders = folders;
    folders[r->folder_count] = str_copy(name, e);
    return folders[r->folder_count] ? (int)(r->folder_count++, 0) : -1;
}

static int depth_of(const char *folder)
{
    int depth = *folder != '\0';
    for (; *folder; folder++)
        depth += *folder == '/';
    return depth;
}

/* ---- things that are found ------------------------------------------------------------- */

/* The exact time of a file tells the zone of the listing's times. */
static int learn_zone(struct store_sftp_list *l, const char *name, int64_t listed_s,
                      struct error *e)
{
    struct store_sftp_reply reply;
    char *path = path_of(l, name, "", e);
    if (!path)
        return -1;
    const struct store_sftp_request look = {
        .method = STORE_SFTP_LOOK, .path = path, .time = true};
    int rc = store_sftp_wire_send(l->wire, &look, &reply, e);
    free(path);
    if (rc != 0 || reply.time_s < 0) /* gone, or not for us: the next one may tell */
        return rc < 0 ? -1 : 0;
    int64_t off = reply.time_s - listed_s;
    int64_t half = off < 0 ? -QUARTER_S / 2 : QUARTER_S / 2;
    int64_t zone = (off - 30 + half) / QUARTER_S * QUARTER_S;
    (void)pthread_mutex_lock(&l->lock);
    l->zone_known = true;
    l->zone_s = zone >= -15 * HOUR_S && zone <= 15 * HOUR_S ? zone : 0;
    (void)pthread_mutex_unlock(&l->lock);
    return 0;
}

static int zone_of(struct store_sftp_list *l, const char *name,
                   const struct store_sftp_line *line, int64_t *zone_s, struct error *e)
{
    (void)pthread_mutex_lock(&l->lock);
    bool known = l->zone_known;
    *zone_s = l->zone_s;
    (void)pthread_mutex_unlock(&l->lock);
    if (known || !line->clock)
        return 0;
    if (learn_zone(l, name, line->time_s, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&l->lock);
    *zone_s = l->zone_s;
    (void)pthread_mutex_unlock(&l->lock);
    return 0;
}

static int note_newest(struct run *r, const char *name, int64_t time_s, struct error *e)
{
    if (r->newest && time_s <= r->newest_s)
        return 0;
    char *copy = str_copy(name, e);
    if (!copy)
        return -1;
    free(r->newest);
    r->newest = copy;
    r->newest_s = time_s;
    return 0;
}

static bool is_temporary(struct bytes name)
{
    size_t mark = strlen(STORE_SFTP_LIST_TEMPORARY);
    if (name.len != mark + STORE_SFTP_LIST_DIGITS ||
        memcmp(name.data, STORE_SFTP_LIST_TEMPORARY, mark) != 0)
        return false;
    for (size_t i = mark; i < name.len; i++)
        if (!memchr("0123456789abcdef", name.data[i], 16))
            return false;
    return true;
}

static int note_temporary(struct run *r, const char *name, int64_t time_s, struct error *e)
{
    if (r->old_count == MAX_OLD)
        return 0;
    r->old[r->old_count] = str_copy(name, e);
    if (!r->old[r->old_count])
        return -1;
    r->old_s[r->old_count++] = time_s;
    return 0;
}

static int visit_file(struct run *r, const char *name, const struct store_sftp_line *line,
                      int64_t zone_s, struct error *e)
{
    const struct store_item item = {
        .name = name, .size = line->size, .modified_us = (line->time_s + zone_s) * 1000000};
    return r->visit(r->arg, &item, e) < 0 ? -1 : 0;
}

/* One line of a folder: visited, noted or walked into. */
static int take_line(struct run *r, const char *folder, const struct store_sftp_line *line,
                     struct error *e)
{
    char name[FILENAME_MAX];
    int64_t zone_s;
    size_t wanted = strlen(r->prefix);
    if (line->name.len >= sizeof name || memchr(line->name.data, '/', line->name.len) ||
        memchr(line->name.data, 0, line->name.len))
        return 0;
    int n = snprintf(name, sizeof name, "%s%s%.*s", folder, *folder ? "/" : "",
                     (int)line->name.len, (const char *)line->name.data);
    if (n < 0 || (size_t)n >= sizeof name)
        return 0;
    if (is_temporary(line->name))
        return line->type == '-' ? note_temporary(r, name, line->time_s, e) : 0;
    size_t both = wanted < (size_t)n ? wanted : (size_t)n;
    if (line->name.data[0] == '.' || memcmp(name, r->prefix, both) != 0)
        return 0;
    if (line->type == 'd')
        return depth_of(name) <= MAX_DEPTH ? add_folder(r, name, e) : 0;
    if (line->type != '-' || both < wanted)
        return 0;
    if (note_newest(r, name, line->time_s, e) < 0 ||
        zone_of(r->list, name, line, &zone_s, e) < 0)
        return -1;
    return visit_file(r, name, line, zone_s, e);
}

/* ---- a folder ---------------------------------------------------------------------------- */

static struct bytes next_line(struct bytes *text)
{
    const uint8_t *end = memchr(text->data, '\n', text->len);
    struct bytes line = bytes_take(text, end ? (size_t)(end - text->data) : text->len);
    if (end)
        (void)bytes_take(text, 1);
    return line;
}

static int compare_names(const void *a, const void *b)
{
    const struct bytes *x = a;
    const struct bytes *y = b;
    size_t both = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->data, y->data, both);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* All lines that can be read; *odd counts the others. Names are put into known, unless NULL. */
static int take_lines(struct run *r, const char *folder, struct bytes text, size_t *odd,
                      struct error *e)
{
    int64_t now_s = clock_now_us() / 1000000;
    int rc = 0;
    *odd = 0;
    while (rc == 0 && text.len > 0) {
        struct store_sftp_line line;
        struct bytes raw = next_line(&text);
        if (store_sftp_text_line(raw, now_s, &line))
            rc = take_line(r, folder, &line, e);
        else
            ++*odd;
    }
    return rc;
}

/* The names of the lines that can be read, sorted: an array that the caller frees. */
static int known_names(struct bytes text, struct bytes **names, size_t *count, struct error *e)
{
    size_t most = text.len / MIN_LINE + 1;
    *count = 0;
    *names = calloc(most, sizeof **names);
    if (!*names)
        return error_memory(e, "listing");
    while (text.len > 0) {
        struct store_sftp_line line;
        if (store_sftp_text_line(next_line(&text), 0, &line) && *count < most)
            (*names)[(*count)++] = line.name;
    }
    qsort(*names, *count, sizeof **names, compare_names);
    return 0;
}

static bool could_be_ours(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!memchr("0123456789abcdefghijklmnopqrstuvwxyz-", name.data[i], 37))
            return false;
    return name.len > 0 && name.len <= 128;
}

/* What no line told: a folder, or a file with its size and time. */
static int ask_for(struct run *r, const char *folder, struct bytes leaf, struct error *e)
{
    struct store_sftp_reply reply;
    struct store_sftp_line line = {.name = leaf, .type = 'd'};
    char *name = str_format(e, "%s%s%.*s", folder, *folder ? "/" : "", (int)leaf.len,
                            (const char *)leaf.data);
    char *path = name ? path_of(r->list, name, "/", e) : NULL;
    struct store_sftp_request look = {.method = STORE_SFTP_LOOK, .path = path, .time = true};
    int rc = path ? store_sftp_wire_send(r->list->wire, &look, &reply, e) : -1;
    if (rc == STORE_SFTP_ABSENT) { /* no folder */
        path[strlen(path) - 1] = '\0';
        line.type = '-';
        rc = store_sftp_wire_send(r->list->wire, &look, &reply, e);
    }
    free(path);
    free(name);
    if (rc != 0)
        return rc == STORE_SFTP_ABSENT ? 0 : -1;
    line.size = reply.size;
    line.time_s = reply.time_s < 0 ? 0 : reply.time_s;
    (void)pthread_mutex_lock(&r->list->lock);
    line.time_s -= r->list->zone_s; /* exact: take_line adds it again */
    (void)pthread_mutex_unlock(&r->list->lock);
    return take_line(r, folder, &line, e);
}

static int ask_for_the_rest(struct run *r, const char *folder, const char *path,
                            struct bytes text, struct error *e)
{
    struct buf all = {0};
    struct bytes *known = NULL;
    size_t count = 0;
    const struct store_sftp_request names = {
        .method = STORE_SFTP_NAMES, .path = path, .most = MAX_LISTING, .out = &all};
    int rc = known_names(text, &known, &count, e);
    if (rc == 0)
        rc = store_sftp_wire_send(r->list->wire, &names, NULL, e);
    struct bytes rest = buf_view(&all);
    while (rc == 0 && rest.len > 0) {
        struct bytes name = next_line(&rest);
        if (could_be_ours(name) && !bsearch(&name, known, count, sizeof *known, compare_names))
            rc = ask_for(r, folder, name, e);
    }
    free(known);
    buf_done(&all);
    return rc == STORE_SFTP_ABSENT ? 0 : rc;
}

static int take_listing(struct run *r, const char *folder, const char *path, struct bytes text,
                        struct error *e)
{
    size_t odd = 0;
    int rc = take_lines(r, folder, text, &odd, e);
    return rc == 0 && odd > 0 ? ask_for_the_rest(r, folder, path, text, e) : rc;
}

static int list_folder(struct run *r, const char *folder, struct error *e)
{
    struct buf text = {0};
    char *path = path_of(r->list, folder, "/", e);
    const struct store_sftp_request list = {.method = STORE_SFTP_GET,
                                            .path = path,
                                            .len = SIZE_MAX,
                                            .most = MAX_LISTING,
                                            .out = &text};
    int rc = path ? store_sftp_wire_send(r->list->wire, &list, NULL, e) : -1;
    if (rc == 0)
        rc = take_listing(r, folder, path, buf_view(&text), e);
    free(path);
    buf_done(&text);
    return rc == STORE_SFTP_REFUSED ? -1 : rc == STORE_SFTP_ABSENT ? 0 : rc;
}

struct ahead {
    struct store_sftp_request requests[AHEAD];
    struct buf texts[AHEAD];
    char *paths[AHEAD];
    bool got[AHEAD];
};

/* Many folders over several connections; what did not come is listed by itself. */
static int list_together(struct run *r, struct ahead *a, struct error *e)
{
    int rc = 0;
    if (!r->many)
        r->many = store_sftp_many_new(r->list->wire, e);
    if (!r->many)
        return -1;
    for (size_t i = 0; i < AHEAD && rc == 0; i++) {
        a->paths[i] = path_of(r->list, r->folders[r->next + i], "/", e);
        a->requests[i] = (struct store_sftp_request){.method = STORE_SFTP_GET,
                                                     .path = a->paths[i],
                                                     .len = SIZE_MAX,
                                                     .most = MAX_AHEAD,
                                                     .out = &a->texts[i]};
        rc = a->paths[i] ? 0 : -1;
    }
    if (rc == 0)
        rc = store_sftp_many_get(r->many, a->requests, AHEAD, a->got, e);
    for (size_t i = 0; i < AHEAD && rc == 0; i++) {
        /* Not kept as a pointer: the array grows while folders are found. */
        const char *folder = r->folders[r->next++];
        rc = a->got[i] ? take_listing(r, folder, a->paths[i], buf_view(&a->texts[i]), e)
                       : list_folder(r, folder, e);
    }
    return rc;
}

static int list_some(struct run *r, struct error *e)
{
    if (r->folder_count - r->next < AHEAD)
        return list_folder(r, r->folders[r->next++], e);
    struct ahead *a = calloc(1, sizeof *a);
    if (!a)
        return error_memory(e, "listing");
    int rc = list_together(r, a, e);
    for (size_t i = 0; i < AHEAD; i++) {
        buf_done(&a->texts[i]);
        free(a->paths[i]);
    }
    free(a);
    return rc;
}

/* ---- temporary files that nobody writes any more ------------------------------------------
 */

static bool exact_time(struct store_sftp_list *l, const char *name, int64_t *time_s)
{
    struct store_sftp_reply reply;
    char *path = path_of(l, name, "", NULL);
    const struct store_sftp_request look = {
        .method = STORE_SFTP_LOOK, .path = path, .time = true};
    int rc = path ? store_sftp_wire_once(l->wire, &look, &reply, NULL) : -1;
    free(path);
    *time_s = rc == 0 ? reply.time_s : -1;
    return *time_s >= 0;
}

static bool remove_one(struct store_sftp_list *l, const char *name)
{
    char *path = path_of(l, name, "", NULL);
    char *command = path ? store_sftp_text_command("rm", false, path, NULL, NULL) : NULL;
    const char *const commands[] = {command, NULL};
    const struct store_sftp_request rm = {
        .method = STORE_SFTP_LOOK, .path = "/", .commands = commands};
    int rc = command ? store_sftp_wire_once(l->wire, &rm, NULL, NULL) : -1;
    free(command);
    free(path);
    return rc == 0;
}

/* The server's clock is at least the time of its newest object, so nothing young is removed.
 * A listing is precise to the minute (and knows no summer time): the exact times decide. */
static void remove_old(struct run *r)
{
    int64_t newest_s = -1;
    for (size_t i = 0; r->newest && i < r->old_count; i++) {
        int64_t old_s;
        if (r->newest_s - r->old_s[i] <= DAY_S)
            continue;
        if (newest_s < 0 && !exact_time(r->list, r->newest, &newest_s))
            return;
        if (!exact_time(r->list, r->old[i], &old_s))
            return;
        if (newest_s - old_s > DAY_S && !remove_one(r->list, r->old[i]))
            return;
    }
}

/* ---- all of it ------------------------------------------------------------------------------
 */

int store_sftp_list_run(struct store_sftp_list *l, const char *prefix, store_visit *visit,
                        void *arg, struct error *e)
{
    struct run r = {.list = l, .prefix = prefix, .visit = visit, .arg = arg};
    char folder[FILENAME_MAX];
    const char *slash = strrchr(prefix, '/');
    size_t len = slash ? (size_t)(slash - prefix) : 0;
    if (len >= sizeof folder)
        return error_set(e, ERROR_USAGE, "prefix of %zu bytes is too long", len);
    memcpy(folder, prefix, len);
    folder[len] = '\0';
    int rc = add_folder(&r, folder, e);
    while (rc == 0 && r.next < r.folder_count)
        rc = list_some(&r, e);
    if (rc == 0)
        remove_old(&r);
    for (size_t i = 0; i < r.folder_count; i++)
        free(r.folders[i]);
    for (size_t i = 0; i < r.old_count; i++)
        free(r.old[i]);
    free(r.folders);
    free(r.newest);
    store_sftp_many_free(r.many);
    return rc;
}

struct store_sftp_list *store_sftp_list_new(struct store_sftp_wire *w, const char *root,
                                            struct error *e)
{
    struct store_sftp_list *l = calloc(1, sizeof *l);
    if (!l) {
        (void)error_memory(e, "listing");
        return NULL;
    }
    l->wire = w;
    l->root = root;
    (void)pthread_mutex_init(&l->lock, NULL);
    return l;
}

void store_sftp_list_free(struct store_sftp_list *l)
{
    if (!l)
        return;
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}
