/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a whole pack is decoded and compared with the ids of its chunks. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/job/pack_check.h"
#include "tests/support/living.h"

static int keep_name(void *arg, const struct store_item *item, struct error *e)
{
    (void)e;
    (void)snprintf(arg, FORMAT_NAME_MAX, "%s", item->name);
    return 0;
}

/* A pack of a night with some rows. */
static void load_pack(struct living *w, struct buf *pack)
{
    struct error e = {0};
    char name[FORMAT_NAME_MAX] = "";
    struct living_table *t = living_table(3000);
    assert_true(living_night(w, t) > 0);
    free(t);
    assert_done(store_list(w->world.store, "packs/", keep_name, name, &e), &e);
    assert_done(store_get(w->world.store, name, 0, STORE_ALL, pack, &e), &e);
}

static void a_whole_pack_is_good(void **state)
{
    struct living *w = *state;
    struct error e = {0};
    struct buf pack = {0};
    load_pack(w, &pack);
    assert_done(pack_check_content(w->world.repository.repo, buf_view(&pack),
                                   &w->world.repository.bundle.domain.chunk_id, &e),
                &e);
    buf_done(&pack);
}

static void a_changed_bit_anywhere_is_found(void **state)
{
    struct living *w = *state;
    struct buf pack = {0};
    load_pack(w, &pack);
    for (size_t at = 0; at < pack.len; at += at < 300 ? 1 : pack.len / 97) {
        struct error e = {0};
        pack.data[at] ^= 4;
        int rc = pack_check_content(w->world.repository.repo, buf_view(&pack),
                                    &w->world.repository.bundle.domain.chunk_id, &e);
        if (rc == 0)
            fail_msg("byte %zu of %zu was changed", at, pack.len);
        assert_true(e.kind == ERROR_CORRUPT || e.kind == ERROR_KEY ||
                    e.kind == ERROR_UNSUPPORTED);
        pack.data[at] ^= 4;
    }
    buf_done(&pack);
}

static void a_key_of_another_domain_opens_nothing(void **state)
{
    struct living *w = *state;
    struct error e = {0};
    struct buf pack = {0};
    struct secret other = w->world.repository.bundle.domain.chunk_id;
    load_pack(w, &pack);
    other.key[0] ^= 1;
    assert_refused(pack_check_content(w->world.repository.repo, buf_view(&pack), &other, &e),
                   &e, ERROR_CORRUPT);
    buf_done(&pack);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, living_setup, living_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_pack_is_good),
        TEST(a_changed_bit_anywhere_is_found),
        TEST(a_key_of_another_domain_opens_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
