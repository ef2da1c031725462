/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: what keys come from: passphrase slots, envelopes, host bundles, recovery codes.
 * scrypt is too slow to be searched: slots are asked for with a wrong repository id. */
#include <stdlib.h>

#include "core/base/digest.h"
#include "core/repo/bundle.h"
#include "core/repo/envelope.h"
#include "core/repo/recovery.h"
#include "core/repo/slot.h"
#include "tests/fuzz/choice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_slot(struct bytes raw)
{
    struct error e = {0};
    struct secret seed;
    uint8_t id[16] = {0};
    if (raw.len >= 32) {
        memcpy(id, raw.data + 16, sizeof id);
        id[0] ^= 1;
    }
    if (slot_open(raw, bytes_text("passphrase"), id, &seed, &e) == 0 || e.kind == ERROR_KEY)
        abort();
}

static void check_envelope(struct bytes raw)
{
    struct error e = {0};
    struct envelope_head head;
    struct secret key;
    const struct secret own = {{9}};
    if (envelope_parse(raw, &head, &e) == 0 && raw.len != ENVELOPE_LEN)
        abort();
    if (envelope_open(raw, &own, &own, &key, &e) == 0)
        abort();
}

/* A bundle whose checksum was put right, or the search would end there. */
static void check_bundle(struct bytes raw)
{
    struct error e = {0};
    struct bundle b;
    struct buf fixed = {0};
    struct buf again = {0};
    uint8_t head[12] = "PGKHOST0";
    uint8_t sum[DIGEST_LEN];
    if (bundle_read(raw, &b, &e) == 0)
        bundle_wipe(&b);
    buf_store_u32(head + 8, (uint32_t)raw.len);
    if (buf_append(&fixed, head, sizeof head, &e) < 0 ||
        buf_append(&fixed, raw.data, raw.len, &e) < 0 ||
        digest_sha256(buf_view(&fixed), sum, &e) < 0 ||
        buf_append(&fixed, sum, sizeof sum, &e) < 0)
        abort();
    if (bundle_read(buf_view(&fixed), &b, &e) == 0) {
        struct bundle same;
        if (bundle_write(&b, &again, &e) < 0 || bundle_read(buf_view(&again), &same, &e) < 0 ||
            memcmp(same.psk.key, b.psk.key, SECRET_LEN) != 0)
            abort();
        bundle_wipe(&b);
    }
    buf_done(&fixed);
    buf_done(&again);
}

static void check_recovery(struct bytes raw)
{
    struct error e = {0};
    struct secret seed;
    struct secret again;
    char code[RECOVERY_SIZE];
    char *text = malloc(raw.len + 1);
    if (!text)
        abort();
    memcpy(text, raw.data, raw.len);
    text[raw.len] = '\0';
    if (recovery_read(text, &seed, &e) == 0 &&
        (recovery_write(&seed, code, sizeof code, &e) < 0 ||
         recovery_read(code, &again, &e) < 0 || memcmp(seed.key, again.key, SECRET_LEN) != 0))
        abort();
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static choice_check *const checks[] = {check_slot, check_envelope, check_bundle,
                                           check_recovery};
    return choice_run(data, size, checks, ARRAY_SIZE(checks));
}
