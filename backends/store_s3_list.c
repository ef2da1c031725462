/* SPDX-License-Identifier: Apache-2.0 */
/* A page is read only when it has come whole, so a retry never visits an object twice. */
#include "backends/store_s3_list.h"

#include <stdlib.h>

#include "backends/s3_xml.h"
#include "backends/store_s3_fault.h"
#include "core/base/str.h"

#define PAGE_OBJECTS "1000"
#define MOST_PAGE (8 * MIB) /* 1000 keys of 3 * 1024 bytes and 4 KiB around each */

#define MOST_PAGES 100000 /* 100 million objects */
#define MOST_EMPTY 100    /* pages in a row: what was removed may leave some */

struct listing {
    struct store_s3_link *link;
    char *prefix; /* in the bucket */
    store_visit *visit;
    void *arg;
    char token[S3_XML_TOKEN];
    unsigned pages, empty;
};

static int visit_object(void *arg, const struct s3_xml_object *object, struct error *e)
{
    const struct listing *l = arg;
    if (!str_starts(object->key, l->prefix))
        return error_set(e, ERROR_CORRUPT, "listing: a key outside of the prefix asked for");
    const char *name = object->key + strlen(l->link->place.prefix);
    if (!*name) /* a folder's mark, as some tools make them */
        return 0;
    struct store_item item = {name, object->size, object->modified_us};
    return l->visit(l->arg, &item, e) < 0 ? -1 : 0;
}

static int fetch_page(struct listing *l, struct http_reply *r, struct error *e)
{
    const struct s3_sign_pair query[] = {
        {"list-type", "2"},
        {"prefix", l->prefix},
        {"encoding-type", "url"},
        {"max-keys", PAGE_OBJECTS},
        {"continuation-token", l->token},
    };
    struct store_s3_call c = {
        .method = "GET",
        .query = query,
        .query_count = ARRAY_SIZE(query) - (l->token[0] ? 0 : 1),
        .most_reply = MOST_PAGE,
    };
    struct store_s3_until u = store_s3_call_until(l->link);
    struct store_s3_fault f = {.place = &l->link->place, .method = "GET", .reply = r};
    if (store_s3_call_send(l->link, &c, &u, r, e) < 0)
        return -1;
    return r->status == 200 ? 0 : store_s3_fault_odd(&f, e);
}

/* 1: there is another page. */
static int list_page(struct listing *l, struct http_reply *r, struct error *e)
{
    struct s3_xml_page page;
    if (fetch_page(l, r, e) < 0 ||
        s3_xml_read_page(buf_view(&r->body), visit_object, l, &page, e) < 0)
        return -1;
    if (!page.truncated)
        return 0;
    if (!page.next[0] || strcmp(page.next, l->token) == 0)
        return error_set(e, ERROR_CORRUPT, "listing: there is more, but not where");
    l->empty = page.objects > 0 ? 0 : l->empty + 1;
    if (++l->pages >= MOST_PAGES || l->empty >= MOST_EMPTY)
        return error_set(e, ERROR_CORRUPT, "listing: no end after %u pages", l->pages);
    memcpy(l->token, page.next, sizeof l->token);
    return 1;
}

int store_s3_list_all(struct store_s3_link *link, const char *prefix, store_visit *visit,
                      void *arg, struct error *e)
{
    struct listing l = {.link = link, .visit = visit, .arg = arg};
    struct http_reply r = {0};
    l.prefix = str_format(e, "%s%s", link->place.prefix, prefix);
    if (!l.prefix)
        return -1;
    int rc;
    do
        rc = list_page(&l, &r, e);
    while (rc == 1);
    http_reply_done(&r);
    free(l.prefix);
    return rc < 0 ? error_wrap(e, "s3://%s/%s", link->place.bucket, link->place.prefix) : 0;
}
