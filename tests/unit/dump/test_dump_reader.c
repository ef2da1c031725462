/* SPDX-License-Identifier: Apache-2.0 */
/* The reader against real archives: what tests/fixtures/pgdump says of each must be found,
 * whatever the split of the input; and no prefix of one may pass for a whole. */
#include <stdlib.h>

#include <glob.h>
#include <jansson.h>

#include "core/base/str.h"
#include "tests/support/check.h"
#include "tests/support/dump_walk.h"

#define FOLDER PGKEEP_TEST_FIXTURES "/pgdump/"
#define FIXTURES 32

struct fixture {
    char path[400];
    struct buf archive;
    json_t *facts;
};

static struct fixture load(const char *path)
{
    struct fixture f = {0};
    (void)snprintf(f.path, sizeof f.path, "%s", path);
    f.archive = dump_walk_load(path);
    char facts[400];
    (void)snprintf(facts, sizeof facts, "%.*s.json", (int)(strlen(path) - strlen(".dump")),
                   path);
    f.facts = json_load_file(facts, 0, NULL);
    assert_non_null(f.facts);
    return f;
}

static void unload(struct fixture *f)
{
    buf_done(&f->archive);
    json_decref(f->facts);
}

static void for_all(void (*check)(struct fixture *))
{
    glob_t found;
    assert_int_equal(glob(FOLDER "*.dump", 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, FIXTURES);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct fixture f = load(found.gl_pathv[i]);
        check(&f);
        unload(&f);
    }
    globfree(&found);
}

static uint64_t number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    assert_true(json_is_integer(v));
    return (uint64_t)json_integer_value(v);
}

static const char *text(const json_t *o, const char *key)
{
    const char *v = json_string_value(json_object_get(o, key));
    assert_non_null(v);
    return v;
}

static void walk(const struct fixture *f, struct dump_walk *w, size_t split)
{
    struct error e = {0};
    *w = (struct dump_walk){0};
    if (dump_walk(w, buf_view(&f->archive), split, &e) != 0)
        fail_msg("%s: %s", f->path, e.text);
}

static enum dump_codec codec_of(const char *path)
{
    if (strstr(path, "-none-"))
        return DUMP_CODEC_NONE;
    if (strstr(path, "-lz4-"))
        return DUMP_CODEC_LZ4;
    return strstr(path, "-zstd-") ? DUMP_CODEC_ZSTD : DUMP_CODEC_GZIP;
}

static void check_header(struct fixture *f)
{
    struct dump_walk w;
    walk(f, &w, 0);
    char version[32];
    (void)snprintf(version, sizeof version, "%u.%u.%u", w.header.major, w.header.minor,
                   w.header.rev);
    assert_string_equal(version, text(f->facts, "archive_version"));
    assert_int_equal(w.header.codec, codec_of(f->path));
    assert_int_equal(w.header.level, strstr(f->path, "pg15-default") ? -1
                                     : strstr(f->path, "pg15-gzip")  ? 6
                                                                     : 0);
    /* "pg_dump 18" and "18.6 (Debian 18.6-3)": the first two digits must agree. */
    assert_memory_equal(w.dump_version, text(f->facts, "made_by") + strlen("pg_dump "), 2);
    assert_memory_equal(w.server_version, text(f->facts, "server"), 2);
    assert_true(strlen(w.database) > 0);
    assert_true(w.header.tm[5] >= 125 && w.header.tm[4] <= 11 && w.header.tm[3] >= 1);
    dump_walk_done(&w);
}

static void header_facts_are_read(void **state)
{
    (void)state;
    for_all(check_header);
}

static void check_structure(struct fixture *f)
{
    struct dump_walk w;
    walk(f, &w, 0);
    assert_int_equal(w.entries, number(f->facts, "toc_entries"));
    assert_int_equal(w.toc_start, number(f->facts, "toc_start"));
    assert_int_equal(w.data_start, number(f->facts, "data_start"));
    assert_int_equal(w.data_end, number(f->facts, "data_end"));
    assert_int_equal(w.tail_bytes, number(f->facts, "trailing_bytes"));
    assert_int_equal(w.pieces, number(f->facts, "pieces"));
    assert_int_equal(w.blocks, w.data_entries);
    assert_int_equal(w.warnings, 0);
    dump_walk_done(&w);
}

static void positions_and_counts_are_found(void **state)
{
    (void)state;
    for_all(check_structure);
}

static void check_stream(const struct dump_walk_stream *s, const json_t *fact, const char *key)
{
    char hex[2 * DIGEST_LEN + 1];
    str_hex(hex, s->sha256, sizeof s->sha256);
    assert_int_equal(s->dump_id, number(fact, "dump_id"));
    assert_string_equal(hex, text(fact, key));
}

static void check_payloads(struct fixture *f)
{
    struct dump_walk w;
    walk(f, &w, 0);
    const json_t *tables = json_object_get(f->facts, "tables");
    const json_t *objects = json_object_get(f->facts, "large_objects");
    size_t table = 0;
    size_t object = 0;
    for (size_t i = 0; i < w.stream_count; i++) {
        const struct dump_walk_stream *s = &w.streams[i];
        if (s->oid == 0) {
            const json_t *fact = json_array_get(tables, table++);
            check_stream(s, fact, "payload_sha256");
            assert_int_equal(s->plain_bytes, number(fact, "copy_bytes") + 5);
        } else {
            const json_t *fact = json_array_get(objects, object++);
            check_stream(s, fact, "sha256");
            assert_int_equal(s->plain_bytes, number(fact, "bytes"));
            assert_int_equal(s->oid, number(fact, "oid"));
        }
    }
    assert_int_equal(table, json_array_size(tables));
    assert_int_equal(object, json_array_size(objects));
    dump_walk_done(&w);
}

static void payloads_hash_to_what_the_server_gave(void **state)
{
    (void)state;
    for_all(check_payloads);
}

static void check_identity(struct fixture *f)
{
    struct dump_walk w;
    walk(f, &w, 0);
    assert_int_equal(w.rebuilt.len, f->archive.len);
    assert_memory_equal(w.rebuilt.data, f->archive.data, f->archive.len);
    dump_walk_done(&w);
}

static void raw_events_and_the_writer_give_the_archive_back(void **state)
{
    (void)state;
    for_all(check_identity);
}

static void check_splits(struct fixture *f)
{
    static const size_t splits[] = {1, 7, 4096};
    struct dump_walk whole;
    walk(f, &whole, 0);
    for (size_t i = 0; i < ARRAY_SIZE(splits); i++) {
        struct dump_walk w;
        walk(f, &w, splits[i]);
        assert_int_equal(w.log.len, whole.log.len);
        assert_memory_equal(w.log.data, whole.log.data, whole.log.len);
        assert_true(bytes_equal(buf_view(&w.rebuilt), buf_view(&whole.rebuilt)));
        dump_walk_done(&w);
    }
    dump_walk_done(&whole);
}

static void any_split_gives_the_same_events(void **state)
{
    (void)state;
    for_all(check_splits);
}

static void expect_cut(const struct fixture *f, size_t at, size_t split)
{
    struct error e = {0};
    char words[40];
    int rc = dump_walk_quick(bytes_of(f->archive.data, at), split, NULL, &e);
    if (at == f->archive.len || at == number(f->facts, "data_end")) {
        if (rc != 0)
            fail_msg("%s: valid end at %zu: %s", f->path, at, e.text);
        return;
    }
    (void)snprintf(words, sizeof words, "cut at byte %zu", at);
    const char *found = strstr(e.text, words);
    if (rc != -1 || e.kind != ERROR_INCOMPLETE || !found || found[strlen(words)] == '0')
        fail_msg("%s: cut at %zu: answer %d, \"%s\"", f->path, at, rc, e.text);
}

static void cut_everywhere(const char *name)
{
    struct fixture f = load(name);
    for (size_t at = 0; at <= f.archive.len; at++)
        expect_cut(&f, at, 0);
    unload(&f);
}

static void a_schema_dump_cut_anywhere_is_incomplete(void **state)
{
    (void)state;
    cut_everywhere(FOLDER "A-pg18-none-file-schemaonly.dump");
}

static void a_data_dump_cut_anywhere_is_incomplete(void **state)
{
    (void)state;
    cut_everywhere(FOLDER "A-pg17-zstd-pipe-dataonly.dump");
}

static void check_random_cuts(struct fixture *f)
{
    uint32_t random = (uint32_t)f->archive.len;
    for (int i = 0; i < 60; i++) {
        random = random * 1664525 + 1013904223;
        expect_cut(f, random % f->archive.len, i % 4 == 0 ? 7 : 0);
    }
    expect_cut(f, f->archive.len - 1, 0);
    expect_cut(f, (size_t)number(f->facts, "data_end"), 0);
}

static void every_fixture_cut_at_random_is_incomplete(void **state)
{
    (void)state;
    for_all(check_random_cuts);
}

static void a_cut_at_any_structure_boundary_is_incomplete(void **state)
{
    (void)state;
    static const char *const names[] = {
        FOLDER "A-pg15-none-file.dump", FOLDER "A-pg18-none-redirect.dump",
        FOLDER "A-pg18-gzip-redirect-statistics.dump", FOLDER "A-pg19-none-pipe.dump",
        FOLDER "A-pg17-lz4-pipe.dump"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct fixture f = load(names[i]);
        struct dump_walk w;
        walk(&f, &w, 0);
        for (size_t m = 0; m < w.mark_count; m++) {
            expect_cut(&f, (size_t)w.marks[m] - 1, 0);
            expect_cut(&f, (size_t)w.marks[m], 0);
        }
        dump_walk_done(&w);
        unload(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_facts_are_read),
        cmocka_unit_test(positions_and_counts_are_found),
        cmocka_unit_test(payloads_hash_to_what_the_server_gave),
        cmocka_unit_test(raw_events_and_the_writer_give_the_archive_back),
        cmocka_unit_test(any_split_gives_the_same_events),
        cmocka_unit_test(a_schema_dump_cut_anywhere_is_incomplete),
        cmocka_unit_test(a_data_dump_cut_anywhere_is_incomplete),
        cmocka_unit_test(every_fixture_cut_at_random_is_incomplete),
        cmocka_unit_test(a_cut_at_any_structure_boundary_is_incomplete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
