/* SPDX-License-Identifier: Apache-2.0 */
/* What pg_restore of every version lists of its fixtures is what the TOC says. */
#include "tests/support/check.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/dump/toc_list.h"
#include "core/dump/toc_listing.h"

#define PG15 PGKEEP_TEST_FIXTURES "/pgdump/A-pg15-none-file"

struct sample {
    struct buf dump, listing;
};

/* path: with or without .dump */
static void load(const char *path, struct sample *s)
{
    struct error e = {0};
    char name[500];
    int stem = (int)(strlen(path) - (strstr(path, ".dump") ? strlen(".dump") : 0));
    *s = (struct sample){0};
    (void)snprintf(name, sizeof name, "%.*s.dump", stem, path);
    assert_done(file_load(name, 100 * MIB, &s->dump, &e), &e);
    (void)snprintf(name, sizeof name, "%.*s.list", stem, path);
    assert_done(file_load(name, 100 * MIB, &s->listing, &e), &e);
}

static void done(struct sample *s)
{
    buf_done(&s->dump);
    buf_done(&s->listing);
}

static void every_version_lists_what_is_there(void **state)
{
    struct error e = {0};
    glob_t found;
    (void)state;
    assert_int_equal(glob(PGKEEP_TEST_FIXTURES "/pgdump/*.dump", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 32);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct sample s;
        struct toc_list l = {0};
        uint32_t listed;
        load(found.gl_pathv[i], &s);
        assert_done(toc_listing_check(buf_view(&s.dump), buf_view(&s.listing), &listed, &e),
                    &e);
        assert_done(toc_list_read(buf_view(&s.dump), &l, &e), &e);
        assert_int_equal(listed, l.count - 4); /* three settings, and the database */
        toc_list_done(&l);
        done(&s);
    }
    globfree(&found);
}

static int check(const struct sample *s, struct error *e)
{
    uint32_t listed;
    return toc_listing_check(buf_view(&s->dump), buf_view(&s->listing), &listed, e);
}

static void what_is_missing_is_named(void **state)
{
    struct error e = {0};
    struct sample s;
    (void)state;
    load(PG15, &s);
    s.listing.len = 0;
    assert_refused(check(&s, &e), &e, ERROR_DIFFERENT);
    done(&s);
    load(PG15, &s);
    /* The last line is gone. */
    for (s.listing.len--; s.listing.data[s.listing.len - 1] != '\n';)
        s.listing.len--;
    assert_refused(check(&s, &e), &e, ERROR_DIFFERENT);
    assert_non_null(strstr(e.text, "is not listed: "));
    done(&s);
}

static void what_is_too_much_is_named(void **state)
{
    const char *lines[] = {"99999; 0 0 TABLE app t x\n", "8; 2615 26488 SCHEMA - again x\n"};
    struct error e = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct sample s;
        load(PG15, &s);
        assert_done(buf_append(&s.listing, lines[i], strlen(lines[i]), &e), &e);
        assert_refused(check(&s, &e), &e, ERROR_DIFFERENT);
        assert_non_null(strstr(e.text, i == 0 ? "entry 99999" : "listed twice"));
        done(&s);
    }
}

static void archives_have_their_first_reader(void **state)
{
    (void)state;
    assert_int_equal(toc_listing_reader(14), 12);
    assert_int_equal(toc_listing_reader(15), 16);
    assert_int_equal(toc_listing_reader(16), 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_lists_what_is_there),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(what_is_too_much_is_named),
        cmocka_unit_test(archives_have_their_first_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
