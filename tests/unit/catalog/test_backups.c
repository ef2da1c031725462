/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/catalog/samples.h"

/* The sequences that a visit shows, as text: "1 2 3 ". */
static int note_sequence(void *arg, const struct backups_row *row, struct error *why)
{
    char *text = arg;
    size_t used = strlen(text);
    (void)why;
    (void)snprintf(text + used, 200 - used, "%llu ", (unsigned long long)row->sequence);
    return 0;
}

static void assert_visit(const struct backups_filter *f, const char *want)
{
    char text[200] = "";
    assert_done(backups_visit(c, f, note_sequence, text, &e), &e);
    assert_string_equal(text, want);
}

static int keep_row(void *arg, const struct backups_row *row, struct error *why)
{
    struct backups_row *kept = arg;
    backups_row_done(kept);
    return backups_row_copy(row, kept, why);
}

static void everything_that_a_list_shows_comes_back(void **state)
{
    (void)state;
    struct backups_row row = {0};
    struct manifest m = samples_manifest(2);
    samples_put(c, 2, "shop");
    assert_done(backups_visit(c, NULL, keep_row, &row, &e), &e);
    assert_memory_equal(row.backup_id, m.backup_id, sizeof m.backup_id);
    assert_memory_equal(row.host_id, m.host_id, sizeof m.host_id);
    assert_memory_equal(row.digest, m.digest, sizeof m.digest);
    assert_int_equal(row.sequence, 2);
    assert_string_equal(row.source, "shop");
    assert_string_equal(row.database, "shop");
    assert_string_equal(row.server_version, "15.18 (Debian)");
    assert_string_equal(row.host_name, "db1");
    assert_int_equal(row.kind, MANIFEST_NIGHTLY);
    assert_int_equal(row.flags, 0);
    assert_int_equal(row.started_us, 1500000);
    assert_int_equal(row.committed_us, 2000000);
    assert_int_equal(row.rows, 100);
    assert_int_equal(row.payload_bytes, 4000);
    assert_int_equal(row.stored_bytes, 300);
    assert_int_equal(row.dump_bytes, 5000);
    assert_int_equal(row.table_count, 2);
    assert_string_equal(row.state, "committed");
    assert_int_equal(row.state_us, 2000000);
    assert_true(row.is_open);
    assert_string_equal(row.tags, "nightly,env=prod");
    backups_row_done(&row);
    manifest_done(&m);
}

static void what_was_not_opened_is_unknown_and_all_flags_survive(void **state)
{
    (void)state;
    struct backups_row row = {0};
    struct manifest m = samples_manifest(1);
    m.flags = UINT64_MAX;
    m.kind = 200;
    assert_done(backups_put(c, &m, NULL, 0, &e), &e);
    assert_done(backups_visit(c, NULL, keep_row, &row, &e), &e);
    assert_false(row.is_open);
    assert_null(row.source);
    assert_null(row.tags);
    assert_int_equal(row.rows, 0);
    assert_true(row.flags == UINT64_MAX);
    assert_int_equal(row.kind, 200);
    backups_row_done(&row);
    manifest_done(&m);
}

static int64_t rows_in_all(struct catalog *from)
{
    return samples_number(from, "SELECT (SELECT count(*) FROM backup) * 1000000"
                                " + (SELECT count(*) FROM backup_private) * 100000"
                                " + (SELECT count(*) FROM backup_tag) * 10000"
                                " + (SELECT count(*) FROM backup_member) * 1000"
                                " + (SELECT count(*) FROM backup_pack) * 100"
                                " + (SELECT count(*) FROM backup_table) * 10"
                                " + (SELECT count(*) FROM table_state)"
                                " + (SELECT count(*) FROM pack) * 10000000");
}

static void the_same_backup_again_gives_the_same_rows(void **state)
{
    (void)state;
    struct manifest closed = samples_manifest(2);
    samples_put(c, 2, "shop");
    assert_int_equal(rows_in_all(c), 21121222);
    samples_put(c, 2, "shop");
    assert_int_equal(rows_in_all(c), 21121222);
    /* Someone without the keys knows less, and takes nothing away. */
    assert_done(backups_put(c, &closed, NULL, 0, &e), &e);
    assert_int_equal(rows_in_all(c), 21121222);
    manifest_done(&closed);
}

static void a_closed_backup_is_filled_up_when_it_is_opened(void **state)
{
    (void)state;
    struct manifest closed = samples_manifest(2);
    assert_done(backups_put(c, &closed, NULL, 0, &e), &e);
    assert_int_equal(rows_in_all(c), 21000200);
    samples_put(c, 2, "shop");
    assert_int_equal(rows_in_all(c), 21121222);
    manifest_done(&closed);
}

static void a_table_that_did_not_change_is_stored_once(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 5; n++)
        samples_put(c, n, "shop");
    assert_int_equal(samples_number(c, "SELECT count(*) FROM backup_table"), 10);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM table_state"), 6);
}

static void a_table_state_is_named_by_all_that_is_said_of_it(void **state)
{
    (void)state;
    struct manifest m = samples_opened(1, "shop");
    struct backups_table tables[9];
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        tables[i] = samples_table("t", 1);
    tables[1].schema = "other";
    tables[2].name = "u";
    tables[3].desc = "BLOBS";
    tables[4].rows++;
    tables[5].bytes++;
    tables[6].digest[31] = 1;
    tables[7].content[23] = 1;
    tables[8].is_rows = false;
    assert_done(backups_put(c, &m, tables, ARRAY_SIZE(tables), &e), &e);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM table_state"), 9);
    manifest_done(&m);
}

static void new_tables_replace_the_old_and_leave_nothing_behind(void **state)
{
    (void)state;
    struct manifest m = samples_opened(1, "shop");
    struct backups_table tables[] = {samples_table("a", 1), samples_table("b", 2),
                                     samples_table("c", 3)};
    assert_done(backups_put(c, &m, tables, 3, &e), &e);
    tables[0].name = "z";
    assert_done(backups_put(c, &m, tables, 2, &e), &e);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM backup_table"), 2);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM table_state"), 2);
    assert_int_equal(
        samples_number(c, "SELECT count(*) FROM table_state WHERE name IN ('z', 'b')"), 2);
    manifest_done(&m);
}

static int note_table(void *arg, const struct backups_table *t, struct error *why)
{
    char *text = arg;
    size_t used = strlen(text);
    (void)why;
    (void)snprintf(text + used, 200 - used, "%s.%s %s %llu %llu %d %d %d\n", t->schema, t->name,
                   t->desc, (unsigned long long)t->rows, (unsigned long long)t->bytes,
                   t->digest[0], t->content[23], t->is_rows);
    return 0;
}

static void tables_come_back_in_the_order_of_the_dump(void **state)
{
    (void)state;
    char text[200] = "";
    struct manifest m = samples_opened(1, "shop");
    struct backups_table tables[] = {samples_table("z", 3), samples_table("a", 3),
                                     samples_table("z", 3)};
    tables[1].schema = "";
    tables[1].desc = "BLOBS";
    tables[1].is_rows = false;
    tables[1].content[23] = 9;
    assert_done(backups_put(c, &m, tables, 3, &e), &e);
    assert_done(backups_tables(c, m.backup_id, note_table, text, &e), &e);
    assert_string_equal(text, "public.z TABLE DATA 3 120 3 0 1\n"
                              ".a BLOBS 3 120 3 9 0\n"
                              "public.z TABLE DATA 3 120 3 0 1\n");
    manifest_done(&m);
}

static int sum_sizes(void *arg, const struct closure_pack *pack, struct error *why)
{
    (void)why;
    *(uint64_t *)arg += pack->object.size;
    return 0;
}

static void a_removed_backup_takes_along_what_only_it_needed(void **state)
{
    (void)state;
    uint64_t sizes = 0;
    struct manifest m = samples_manifest(3);
    samples_add_pack(c, 3, 0, 2);
    samples_put(c, 1, "shop");
    samples_put(c, 2, "shop");
    samples_put(c, 3, "shop");
    assert_done(backups_packs(c, m.backup_id, sum_sizes, &sizes, &e), &e);
    assert_int_equal(sizes, 1001 + 1002 + 1003);
    assert_int_equal(backups_have(c, m.backup_id, &e), 1);
    assert_done(backups_remove(c, m.backup_id, &e), &e);
    assert_int_equal(backups_have(c, m.backup_id, &e), 0);
    assert_visit(NULL, "1 2 ");
    assert_int_equal(samples_number(c, "SELECT count(*) FROM table_state"), 3);
    /* Pack 3 is in the store still: the collector says when it is gone. */
    assert_int_equal(samples_number(c, "SELECT count(*) FROM pack"), 3);
    memset(m.backup_id, 2, sizeof m.backup_id);
    assert_done(backups_remove(c, m.backup_id, &e), &e);
    assert_int_equal(samples_number(c, "SELECT count(*) FROM pack"), 2);
    assert_done(backups_remove(c, m.backup_id, &e), &e);
    memset(m.backup_id, 1, sizeof m.backup_id);
    assert_done(backups_remove(c, m.backup_id, &e), &e);
    assert_int_equal(rows_in_all(c), 10000000);
    assert_done(catalog_check(c, &e), &e);
    manifest_done(&m);
}

static void another_manifest_under_the_same_id_is_damage(void **state)
{
    (void)state;
    struct manifest m = samples_opened(1, "shop");
    samples_put(c, 1, "shop");
    m.digest[0] ^= 1;
    assert_refused(backups_put(c, &m, NULL, 0, &e), &e, ERROR_CORRUPT);
    manifest_done(&m);
}

static void amounts_that_cannot_be_are_refused_whole(void **state)
{
    (void)state;
    struct manifest m = samples_opened(1, "shop");
    m.private_part.members[0].length = UINT64_MAX;
    assert_refused(backups_put(c, &m, NULL, 0, &e), &e, ERROR_CORRUPT);
    assert_int_equal(backups_have(c, m.backup_id, &e), 0);
    m.private_part.members[0].length = INT64_MAX;
    for (int i = 0; i < 2; i++) {
        struct member *more = member_add(&m.private_part, &e);
        assert_non_null(more);
        more->length = INT64_MAX; /* each can be, their sum cannot */
        assert_refused(backups_put(c, &m, NULL, 0, &e), &e, ERROR_CORRUPT);
    }
    m.private_part.members[0].length = 0;
    m.private_part.members[1].length = 0;
    m.sequence = (uint64_t)INT64_MAX + 1;
    assert_refused(backups_put(c, &m, NULL, 0, &e), &e, ERROR_CORRUPT);
    m.sequence = INT64_MAX;
    assert_done(backups_put(c, &m, NULL, 0, &e), &e);
    manifest_done(&m);
}

static void backups_come_oldest_first_then_by_id(void **state)
{
    (void)state;
    struct manifest m = samples_manifest(9);
    samples_put(c, 3, "shop");
    samples_put(c, 1, "shop");
    samples_put(c, 2, "shop");
    m.committed_us = 1000000;
    assert_done(backups_put(c, &m, NULL, 0, &e), &e);
    assert_visit(NULL, "1 9 2 3 ");
    manifest_done(&m);
}

static void each_filter_narrows(void **state)
{
    (void)state;
    struct manifest m = samples_opened(4, "crm");
    samples_put(c, 1, "shop");
    samples_put(c, 2, "crm");
    samples_put(c, 3, "shop");
    m.kind = MANIFEST_MANUAL;
    (void)snprintf(m.private_part.database, 5, "cust");
    samples_tag(&m, "release=1.2");
    samples_tag(&m, "env=prod2");
    samples_tag(&m, "x=1=2");
    samples_tag(&m, "a%b");
    assert_done(backups_put(c, &m, NULL, 0, &e), &e);
    assert_visit(&(struct backups_filter){.source = "shop"}, "1 3 ");
    assert_visit(&(struct backups_filter){.source = "crm"}, "2 4 ");
    assert_visit(&(struct backups_filter){.source = "none"}, "");
    assert_visit(&(struct backups_filter){.database = "cust"}, "4 ");
    assert_visit(&(struct backups_filter){.kind = MANIFEST_MANUAL}, "4 ");
    assert_visit(&(struct backups_filter){.kind = MANIFEST_NIGHTLY}, "1 2 3 ");
    assert_visit(&(struct backups_filter){.before_us = 3000000}, "1 2 ");
    assert_visit(&(struct backups_filter){.before_us = 3000001}, "1 2 3 ");
    assert_visit(&(struct backups_filter){.tag = "release"}, "4 ");
    assert_visit(&(struct backups_filter){.tag = "release=1.2"}, "4 ");
    assert_visit(&(struct backups_filter){.tag = "release=1"}, "");
    assert_visit(&(struct backups_filter){.tag = "rel"}, "");
    assert_visit(&(struct backups_filter){.tag = "x=1"}, "");
    assert_visit(&(struct backups_filter){.tag = "x=1=2"}, "4 ");
    assert_visit(&(struct backups_filter){.tag = "env=prod"}, "1 2 3 4 ");
    assert_visit(&(struct backups_filter){.tag = "nightly"}, "1 2 3 4 ");
    assert_visit(&(struct backups_filter){.tag = "a%b"}, "4 ");
    assert_visit(&(struct backups_filter){.tag = "%"}, "");
    assert_visit(&(struct backups_filter){.tag = "release", .source = "shop"}, "");
    assert_visit(&(struct backups_filter){.source = "' OR 1 = 1 --"}, "");
    manifest_done(&m);
}

static void a_prefix_of_the_id_finds_it_to_the_half_byte(void **state)
{
    (void)state;
    struct manifest m = samples_manifest(1);
    for (unsigned i = 0; i < 3; i++) {
        static const uint8_t starts[3][2] = {{0xab, 0xc0}, {0xab, 0xcf}, {0xab, 0xd0}};
        memcpy(m.backup_id, starts[i], 2);
        m.committed_us = (int64_t)(m.sequence = i + 1);
        m.digest[0] = (uint8_t)i;
        assert_done(backups_put(c, &m, NULL, 0, &e), &e);
    }
    assert_visit(&(struct backups_filter){.id_prefix = ""}, "1 2 3 ");
    assert_visit(&(struct backups_filter){.id_prefix = "ab"}, "1 2 3 ");
    assert_visit(&(struct backups_filter){.id_prefix = "abc"}, "1 2 ");
    assert_visit(&(struct backups_filter){.id_prefix = "ABCf"}, "2 ");
    assert_visit(&(struct backups_filter){.id_prefix = "abd02"}, "");
    assert_visit(&(struct backups_filter){.id_prefix = "abd001"}, "3 ");
    assert_visit(&(struct backups_filter){.id_prefix = "abcf0101010101010101010101010101"},
                 "2 ");
    assert_refused(
        backups_visit(c, &(struct backups_filter){.id_prefix = "abxy"}, NULL, NULL, &e), &e,
        ERROR_USAGE);
    assert_refused(
        backups_visit(
            c, &(struct backups_filter){.id_prefix = "abcf01010101010101010101010101010"}, NULL,
            NULL, &e),
        &e, ERROR_USAGE);
    manifest_done(&m);
}

static void the_head_is_the_highest_sequence_of_the_host(void **state)
{
    (void)state;
    uint64_t sequence = 0;
    uint8_t digest[FORMAT_HASH_LEN];
    struct manifest m = samples_manifest(9);
    assert_int_equal(backups_head(c, m.host_id, &sequence, digest, &e), CATALOG_ABSENT);
    samples_put(c, 3, "shop");
    samples_put(c, 1, "shop");
    m.host_id[0] = 8;
    assert_done(backups_put(c, &m, NULL, 0, &e), &e);
    m.host_id[0] = 7;
    assert_done(backups_head(c, m.host_id, &sequence, digest, &e), &e);
    assert_int_equal(sequence, 3);
    assert_int_equal(digest[0], 103);
    manifest_done(&m);
}

static int note_id(void *arg, const uint8_t id[FORMAT_ID_LEN], struct error *why)
{
    uint8_t *seen = arg;
    (void)why;
    seen[++seen[0]] = id[15];
    return 0;
}

static void all_ids_are_shown(void **state)
{
    (void)state;
    uint8_t seen[8] = {0};
    samples_put(c, 3, "shop");
    samples_put(c, 1, "shop");
    assert_done(backups_ids(c, note_id, seen, &e), &e);
    assert_int_equal(seen[0], 2);
    assert_int_equal(seen[1], 1);
    assert_int_equal(seen[2], 3);
}

static int ask_inside(void *arg, const struct backups_row *row, struct error *why)
{
    char text[200] = "";
    if (backups_tables(c, row->backup_id, note_table, text, why) != 0)
        return -1;
    *(size_t *)arg += strlen(text) > 0;
    return 0;
}

static void a_visitor_may_ask_for_the_tables(void **state)
{
    (void)state;
    size_t with_tables = 0;
    samples_put(c, 1, "shop");
    samples_put(c, 2, "shop");
    assert_done(backups_visit(c, NULL, ask_inside, &with_tables, &e), &e);
    assert_int_equal(with_tables, 2);
}

static void the_views_speak_to_people(void **state)
{
    (void)state;
    char text[200];
    samples_put(c, 1, "shop");
    samples_put(c, 2, "shop");
    samples_put(c, 3, "shop");
    samples_text(c,
                 "SELECT backup_id || ' ' || source || ' ' || kind || ' ' || started_at || ' '"
                 " || committed_at || ' ' || seconds || ' ' || system_id || ' ' || tables ||"
                 " ' ' || tags || ' ' || state FROM v_backups WHERE sequence = 2",
                 text);
    assert_string_equal(text, "02020202020202020202020202020202 shop nightly"
                              " 1970-01-01T00:00:01Z 1970-01-01T00:00:02Z 0.5"
                              " 18446744073709551614 2 nightly,env=prod committed");
    samples_text(c,
                 "SELECT group_concat(rows) FROM (SELECT rows FROM v_tables WHERE name ="
                 " 'grows' ORDER BY committed_at)",
                 text);
    assert_string_equal(text, "1,2,3");
    samples_text(c,
                 "SELECT packs || ' ' || bytes || ' ' || made_packs || ' ' || made_bytes || ' '"
                 " || only_packs || ' ' || only_bytes FROM v_storage ORDER BY committed_at DESC"
                 " LIMIT 1",
                 text);
    assert_string_equal(text, "3 3006 1 1003 1 1003");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, samples_make, samples_clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_that_a_list_shows_comes_back),
        TEST(what_was_not_opened_is_unknown_and_all_flags_survive),
        TEST(the_same_backup_again_gives_the_same_rows),
        TEST(a_closed_backup_is_filled_up_when_it_is_opened),
        TEST(a_table_that_did_not_change_is_stored_once),
        TEST(a_table_state_is_named_by_all_that_is_said_of_it),
        TEST(new_tables_replace_the_old_and_leave_nothing_behind),
        TEST(tables_come_back_in_the_order_of_the_dump),
        TEST(a_removed_backup_takes_along_what_only_it_needed),
        TEST(another_manifest_under_the_same_id_is_damage),
        TEST(amounts_that_cannot_be_are_refused_whole),
        TEST(backups_come_oldest_first_then_by_id),
        TEST(each_filter_narrows),
        TEST(a_prefix_of_the_id_finds_it_to_the_half_byte),
        TEST(the_head_is_the_highest_sequence_of_the_host),
        TEST(all_ids_are_shown),
        TEST(a_visitor_may_ask_for_the_tables),
        TEST(the_views_speak_to_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
