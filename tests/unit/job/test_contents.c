/* SPDX-License-Identifier: Apache-2.0 */
/* What two backups hold, compared: content counts, the order of rows does not. */
#include "tests/support/check.h"

#include <stdlib.h>

#include "core/job/contents.h"
#include "tests/support/living.h"

struct seen {
    size_t objects[4];
    size_t data[4];
    uint64_t rows_before, rows_after;
};

static void on_object(void *arg, enum contents_change change, const struct contents_object *a,
                      const struct contents_object *b)
{
    struct seen *s = arg;
    s->objects[change]++;
    assert_int_equal(!a, change == CONTENTS_ADDED);
    assert_int_equal(!b, change == CONTENTS_REMOVED);
}

static void on_data(void *arg, enum contents_change change, const struct contents_data *a,
                    const struct contents_data *b)
{
    struct seen *s = arg;
    s->data[change]++;
    s->rows_before += a ? a->rows : 0;
    s->rows_after += b ? b->rows : 0;
}

static void load(struct living *w, size_t night, struct contents *out)
{
    struct error e = {0};
    struct manifest m = {0};
    struct repo *repo = w->world.repository.repo;
    assert_done(repo_use_seed(repo, &w->world.repository.seed, &e), &e);
    assert_done(repo_manifest(repo, w->nights[night].id, true, &m, &e), &e);
    assert_true(m.is_open);
    assert_done(contents_load(repo, &m, out, &e), &e);
    manifest_done(&m);
}

static struct seen compare(struct living *w, size_t before, size_t after)
{
    struct contents a = {0};
    struct contents b = {0};
    struct seen s = {0};
    const struct contents_visit visit = {on_object, on_data, &s};
    load(w, before, &a);
    load(w, after, &b);
    contents_compare(&a, &b, &visit);
    contents_done(&a);
    contents_done(&b);
    return s;
}

static void content_counts_and_order_does_not(void **state)
{
    struct living *w = *state;
    struct living_table *t = living_table(3000);
    struct living_table *other = living_table(10);
    struct living_table *both[] = {t, other};
    other->name = "alone";
    other->oid = "16401";
    (void)living_night(w, t);
    living_shuffle(t);
    (void)living_night(w, t);
    t->rows[5].version++;
    (void)living_night(w, t);
    (void)living_nights(w, both, 2);
    struct seen s = compare(w, 0, 1);
    assert_int_equal(s.data[CONTENTS_SAME], 1);
    assert_int_equal(s.rows_before, 3000);
    s = compare(w, 1, 2);
    assert_int_equal(s.data[CONTENTS_CHANGED], 1);
    assert_int_equal(s.data[CONTENTS_SAME], 0);
    s = compare(w, 2, 3);
    assert_int_equal(s.data[CONTENTS_SAME], 1);
    assert_int_equal(s.data[CONTENTS_ADDED], 1);
    assert_int_equal(s.rows_after, 3010);
    s = compare(w, 3, 0);
    assert_int_equal(s.data[CONTENTS_CHANGED], 1);
    assert_int_equal(s.data[CONTENTS_REMOVED], 1);
    free(t);
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(content_counts_and_order_does_not, living_setup,
                                        living_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
