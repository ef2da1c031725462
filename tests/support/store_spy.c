/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_spy.h"

#include <stdlib.h>

#include "core/base/str.h"

static struct store_spy *self_of(struct store_proxy *p)
{
    return (struct store_spy *)(void *)p;
}

/* Is it the call that the hook waits for? */
static int note(struct store_proxy *p, struct store_call *call, struct error *e)
{
    struct store_spy *s = self_of(p);
    (void)e;
    (void)pthread_mutex_lock(&s->lock);
    size_t at = s->log.len;
    const char *blank = call->name[0] ? " " : "";
    if (buf_printf(&s->log, NULL, "%s%s%s\n", call->what, blank, call->name) < 0 ||
        buf_byte(&s->log, 0, NULL) < 0)
        abort();
    s->log.len--;
    call->mark = s->trigger && str_starts((const char *)s->log.data + at, s->trigger);
    if (call->mark)
        s->trigger = NULL;
    (void)pthread_mutex_unlock(&s->lock);
    return 0;
}

static int answer(struct store_proxy *p, const struct store_call *call, int rc, struct error *e)
{
    struct store_spy *s = self_of(p);
    (void)e;
    if (strcmp(call->what, "get") == 0) {
        (void)pthread_mutex_lock(&s->lock);
        s->got_bytes += call->content.len;
        (void)pthread_mutex_unlock(&s->lock);
    }
    if (call->mark)
        s->hook(s->hook_arg);
    return rc;
}

void store_spy_init(struct store_spy *s, struct store *inner)
{
    *s = (struct store_spy){.proxy = {.before = note, .after = answer}};
    store_proxy_init(&s->proxy, inner);
    (void)pthread_mutex_init(&s->lock, NULL);
}

void store_spy_done(struct store_spy *s)
{
    (void)pthread_mutex_destroy(&s->lock);
    buf_done(&s->log);
}
