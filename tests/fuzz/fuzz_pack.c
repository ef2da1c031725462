/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: what of a pack is read before anything vouches for it: its head, its footer, and
 * where that says the index is. */
#include <stdlib.h>

#include "core/repo/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int visit(void *arg, const struct ref *ref, struct error *e)
{
    (void)arg;
    (void)e;
    if (!ref_allowed(ref))
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct secret key = {{1, 2, 3}};
    struct bytes raw = bytes_of(data, size);
    struct pack_head head;
    struct error e = {0};
    struct ref_object object;
    if (pack_head_read(raw, &head, &e) == 0) {
        if (head.len > size || head.envelopes.len % ENVELOPE_LEN != 0)
            abort();
        struct pack_reader *r = pack_reader_new(&head, &key, &key, &e);
        pack_reader_free(r);
    } else if (e.kind == ERROR_NONE) {
        abort();
    }
    error_clear(&e);
    if (pack_index(raw, &key, visit, NULL, &e) < 0 && e.kind == ERROR_NONE)
        abort();
    if (size > 0 && size < FORMAT_NAME_MAX) {
        char name[FORMAT_NAME_MAX] = {0};
        memcpy(name, data, size);
        if (ref_pack_parse(name, &object)) {
            char back[FORMAT_NAME_MAX];
            ref_pack_name(back, &object);
            if (strcmp(name, back) != 0)
                abort();
        }
    }
    return 0;
}
