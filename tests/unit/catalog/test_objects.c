/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/catalog/samples.h"

static int lookup(struct catalog *from, unsigned chunk, struct ref *ref,
                  struct closure_pack *pack)
{
    uint8_t id[FORMAT_HASH_LEN] = {0};
    buf_store_u32(id, chunk);
    return objects_lookup(from, id, ref, pack, &e);
}

/* Everything that was said about the chunk comes back. */
static void assert_found(unsigned chunk, unsigned pack_number, uint32_t record)
{
    struct ref ref;
    struct closure_pack pack, want = samples_pack(pack_number);
    struct ref wanted = samples_ref(&want, chunk, record);
    struct buf a = {0}, b = {0};
    assert_done(lookup(c, chunk, &ref, &pack), &e);
    assert_done(ref_write(&a, &wanted, &e), &e);
    assert_done(ref_write(&b, &ref, &e), &e);
    assert_true(bytes_equal(buf_view(&a), buf_view(&b)));
    assert_memory_equal(pack.object.sha256, want.object.sha256, sizeof want.object.sha256);
    assert_memory_equal(pack.object.suffix, want.object.suffix, sizeof want.object.suffix);
    assert_memory_equal(pack.pack_id, want.pack_id, sizeof want.pack_id);
    assert_memory_equal(pack.owner, want.owner, sizeof want.owner);
    assert_int_equal(pack.object.size, want.object.size);
    buf_done(&a);
    buf_done(&b);
}

static void assert_absent(unsigned chunk)
{
    struct ref ref;
    struct closure_pack pack;
    assert_int_equal(lookup(c, chunk, &ref, &pack), CATALOG_ABSENT);
}

static void a_chunk_is_found_as_it_was_recorded(void **state)
{
    (void)state;
    assert_absent(0);
    samples_add_pack(c, 1, 0, 16);
    for (unsigned i = 0; i < 16; i++)
        assert_found(i, 1, i);
    assert_absent(16);
}

static void of_several_packs_the_newest_is_preferred(void **state)
{
    (void)state;
    samples_add_pack(c, 9, 0, 4);
    samples_add_pack(c, 1, 2, 4);
    assert_found(0, 9, 0);
    assert_found(2, 1, 0);
    assert_found(3, 1, 1);
    assert_found(5, 1, 3);
    struct closure_pack pack = samples_pack(1);
    assert_done(objects_drop_pack(c, &pack.object, &e), &e);
    assert_found(2, 9, 2);
    assert_found(3, 9, 3);
    assert_absent(5);
}

static void the_same_pack_again_changes_nothing(void **state)
{
    (void)state;
    samples_add_pack(c, 1, 0, 4);
    samples_add_pack(c, 2, 2, 4);
    samples_add_pack(c, 1, 0, 4);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM pack"), 2);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM chunk"), 8);
    assert_found(2, 2, 0);
}

static void one_content_may_lie_under_two_names(void **state)
{
    (void)state;
    struct closure_pack pack = samples_pack(1);
    struct ref ref = samples_ref(&pack, 1, 0);
    assert_done(objects_add_pack(c, &pack, &ref, 1, &e), &e);
    memset(pack.object.suffix, 99, sizeof pack.object.suffix);
    assert_done(objects_add_pack(c, &pack, &ref, 1, &e), &e);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM chunk"), 2);
    assert_done(objects_drop_pack(c, &pack.object, &e), &e);
    assert_found(1, 1, 0);
}

static void one_name_has_one_content(void **state)
{
    (void)state;
    samples_add_pack(c, 1, 0, 1);
    for (int what = 0; what < 3; what++) {
        struct closure_pack pack = samples_pack(1);
        if (what == 0)
            pack.object.size++;
        else if (what == 1)
            pack.pack_id[0] ^= 1;
        else
            pack.owner[15] ^= 1;
        assert_refused(objects_add_pack(c, &pack, NULL, 0, &e), &e, ERROR_CORRUPT);
    }
    assert_found(0, 1, 0);
}

static void a_chunk_of_another_pack_or_out_of_bounds_spoils_the_whole_pack(void **state)
{
    (void)state;
    struct closure_pack pack = samples_pack(1);
    struct ref refs[2] = {samples_ref(&pack, 1, 0), samples_ref(&pack, 2, 1)};
    refs[1].pack_id[3] ^= 1;
    assert_refused(objects_add_pack(c, &pack, refs, 2, &e), &e, ERROR_CORRUPT);
    refs[1] = samples_ref(&pack, 2, 1);
    refs[1].plain = FORMAT_MAX_CHUNK + 1;
    assert_refused(objects_add_pack(c, &pack, refs, 2, &e), &e, ERROR_CORRUPT);
    assert_absent(1);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM pack"), 0);
}

static void a_row_that_cannot_be_is_damage(void **state)
{
    (void)state;
    struct ref ref;
    struct closure_pack pack;
    samples_add_pack(c, 1, 0, 1);
    assert_done(sql_script(c, "UPDATE chunk SET stored = plain + 1", &e), &e);
    assert_refused(lookup(c, 0, &ref, &pack), &e, ERROR_CORRUPT);
    assert_done(sql_script(c, "UPDATE chunk SET stored = 20, offset = -1", &e), &e);
    assert_refused(lookup(c, 0, &ref, &pack), &e, ERROR_CORRUPT);
    assert_done(sql_script(c, "UPDATE chunk SET offset = 112, kind = 257", &e), &e);
    assert_refused(lookup(c, 0, &ref, &pack), &e, ERROR_CORRUPT);
    assert_done(sql_script(c, "UPDATE chunk SET kind = 1", &e), &e);
    assert_found(0, 1, 0);
    assert_done(sql_script(c,
                           "PRAGMA ignore_check_constraints = ON;"
                           "UPDATE pack SET pack_id = x'01'",
                           &e),
                &e);
    assert_refused(lookup(c, 0, &ref, &pack), &e, ERROR_CORRUPT);
}

static void a_dropped_pack_stays_named_by_the_backup_that_needs_it(void **state)
{
    (void)state;
    struct closure_pack pack = samples_pack(1);
    assert_int_equal(objects_holds(c, &pack.object, &e), 0);
    samples_add_pack(c, 1, 0, 2);
    samples_put(c, 1, "shop");
    assert_int_equal(objects_holds(c, &pack.object, &e), 1);
    assert_done(objects_drop_pack(c, &pack.object, &e), &e);
    assert_int_equal(objects_holds(c, &pack.object, &e), 0);
    assert_absent(0);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM pack WHERE indexed = 0"), 1);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM backup_pack"), 1);
    assert_done(objects_drop_pack(c, &pack.object, &e), &e);
    samples_add_pack(c, 1, 0, 2);
    assert_found(0, 1, 0);
}

struct seen {
    unsigned count;
    uint32_t sizes[8];
    int answer;
};

static int see(void *arg, const struct closure_pack *pack, struct error *why)
{
    struct seen *s = arg;
    (void)why;
    s->sizes[s->count++ % 8] = pack->object.size;
    return s->answer;
}

static void a_visit_shows_the_packs_whose_chunks_are_known(void **state)
{
    (void)state;
    struct seen s = {0};
    samples_put(c, 3, "shop"); /* names packs 1, 2, 3 */
    assert_done(objects_visit(c, see, &s, &e), &e);
    assert_int_equal(s.count, 0);
    samples_add_pack(c, 5, 0, 1);
    samples_add_pack(c, 2, 1, 1);
    assert_done(objects_visit(c, see, &s, &e), &e);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.sizes[0], 1002); /* its number is that of the closure's entry */
    assert_int_equal(s.sizes[1], 1005);
}

static void a_visitor_ends_the_visit_with_its_answer(void **state)
{
    (void)state;
    struct seen s = {.answer = 5};
    samples_add_pack(c, 1, 0, 1);
    samples_add_pack(c, 2, 1, 1);
    assert_int_equal(objects_visit(c, see, &s, &e), 5);
    assert_int_equal(s.count, 1);
    s.answer = -1;
    assert_int_equal(objects_visit(c, see, &s, &e), -1);
    assert_int_equal(s.count, 2);
}

static int look_up_inside(void *arg, const struct closure_pack *pack, struct error *why)
{
    (void)arg;
    (void)pack;
    (void)why;
    assert_found(1, 2, 0);
    return 0;
}

static void a_visitor_may_read_the_catalog(void **state)
{
    (void)state;
    samples_add_pack(c, 1, 0, 1);
    samples_add_pack(c, 2, 1, 1);
    assert_done(objects_visit(c, look_up_inside, NULL, &e), &e);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, samples_make, samples_clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_chunk_is_found_as_it_was_recorded),
        TEST(of_several_packs_the_newest_is_preferred),
        TEST(the_same_pack_again_changes_nothing),
        TEST(one_content_may_lie_under_two_names),
        TEST(one_name_has_one_content),
        TEST(a_chunk_of_another_pack_or_out_of_bounds_spoils_the_whole_pack),
        TEST(a_row_that_cannot_be_is_damage),
        TEST(a_dropped_pack_stays_named_by_the_backup_that_needs_it),
        TEST(a_visit_shows_the_packs_whose_chunks_are_known),
        TEST(a_visitor_ends_the_visit_with_its_answer),
        TEST(a_visitor_may_read_the_catalog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
