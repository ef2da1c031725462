/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: a manifest's head, body, closure and private part, as if signature and seal were
 * right. The first byte chooses which of them the rest is. */
#include <stdlib.h>

#include "core/repo/host.h"
#include "core/repo/manifest.h"
#include "tests/fuzz/choice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_private(struct bytes raw)
{
    struct error e = {0};
    struct buf again = {0};
    struct member_private p = {0};
    struct member_private q = {0};
    if (member_private_read(raw, &p, &e) == 0) {
        /* What was read can be written, and read again. */
        if (member_private_write(&p, &again, &e) < 0 ||
            member_private_read(buf_view(&again), &q, &e) < 0 ||
            q.member_count != p.member_count || q.settings.count != p.settings.count)
            abort();
    }
    member_private_done(&p);
    member_private_done(&q);
    buf_done(&again);
}

static void check_closure(struct bytes raw)
{
    struct error e = {0};
    struct closure c = {0};
    if (closure_read(raw, &c, &e) == 0)
        for (size_t i = 0; i < c.count; i++)
            if (closure_find(&c, c.packs[i].pack_id) != &c.packs[i])
                abort();
    closure_done(&c);
}

static void check_manifest(struct bytes body)
{
    struct error e = {0};
    const struct secret key = {{1}};
    const struct statement st = {.body = body};
    struct manifest m = {0};
    if (manifest_read(&st, body, &m, &e) == 0 && manifest_open(&m, m.host_id, &key, &e) == 0)
        abort(); /* nobody sealed it */
    manifest_done(&m);
}

static void check_statement(struct bytes raw)
{
    struct error e = {0};
    struct statement st;
    struct host h;
    static const uint8_t key[32] = {1};
    static const uint8_t id[FORMAT_ID_LEN];
    for (int type = FORMAT_CONFIG; type <= FORMAT_LEDGER; type++)
        if (statement_parse(raw, (enum format_type)type, NULL, &st, &e) == 0 &&
            statement_check(&st, key, &e) == 0)
            abort();
    if (host_read(raw, "hosts/00", id, key, &h, &e) == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static choice_check *const checks[] = {check_statement, check_manifest, check_private,
                                           check_closure};
    return choice_run(data, size, checks, ARRAY_SIZE(checks));
}
