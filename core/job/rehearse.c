/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job/rehearse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Line ends that pg_dump writes for a table without rows. */
#define UNCOUNTED_EMPTY 8

struct comparing {
    const struct rehearse_options *o;
    struct rehearse_counts *counts;
    int rc;
    struct error *e;
};

static void tell(struct comparing *c, enum rehearse_verdict verdict, const struct bytes name[3],
                 const char *text)
{
    if (verdict == REHEARSE_DIFFERENT)
        c->counts->different++;
    else
        c->counts->not_comparable++;
    c->o->finding(c->o->arg, verdict, name, text);
}

/* ---- objects ----------------------------------------------------------------------- */

static bool is_of_database(const struct contents_object *o)
{
    if (bytes_begins(o->desc, "DATABASE"))
        return true;
    return (bytes_equal(o->desc, bytes_text("ACL")) ||
            bytes_equal(o->desc, bytes_text("COMMENT")) ||
            bytes_equal(o->desc, bytes_text("SECURITY LABEL"))) &&
           bytes_begins(o->name, "DATABASE ");
}

static int by_line(const void *a, const void *b)
{
    const struct bytes *x = a;
    const struct bytes *y = b;
    return bytes_order(*x, *y);
}

/* Lines without the commas at their ends, in order; *count of them. The caller frees. */
static struct bytes *sorted_lines(struct bytes text, size_t *count, struct error *e)
{
    size_t most = 1;
    for (size_t i = 0; i < text.len; i++)
        most += text.data[i] == '\n';
    struct bytes *lines = calloc(most, sizeof *lines);
    if (!lines) {
        (void)error_memory(e, "lines of a definition");
        return NULL;
    }
    for (*count = 0; text.len > 0; ++*count) {
        const uint8_t *lf = memchr(text.data, '\n', text.len);
        struct bytes line = bytes_take(&text, lf ? (size_t)(lf - text.data) : text.len);
        if (lf)
            (void)bytes_take(&text, 1);
        if (line.len > 0 && line.data[line.len - 1] == ',')
            line.len--;
        lines[*count] = line;
    }
    qsort(lines, *count, sizeof *lines, by_line);
    return lines;
}

/* 1: the same lines in another order, commas aside. */
static int same_lines(struct bytes a, struct bytes b, struct error *e)
{
    size_t count_a = 0;
    size_t count_b = 0;
    struct bytes *x = sorted_lines(a, &count_a, e);
    struct bytes *y = x ? sorted_lines(b, &count_b, e) : NULL;
    int rc = !y ? -1 : count_a == count_b;
    for (size_t i = 0; rc == 1 && i < count_a; i++)
        rc = bytes_equal(x[i], y[i]);
    free(x);
    free(y);
    return rc;
}

/* A child lists its inherited columns first when it is made anew. */
static int same_definition(const struct contents_object *a, const struct contents_object *b,
                           struct error *e)
{
    static const char inherits[] = "\nINHERITS (";
    if (bytes_equal(a->definition, b->definition))
        return 1;
    bool child = a->definition.len > 0 && memmem(a->definition.data, a->definition.len,
                                                 inherits, strlen(inherits)) != NULL;
    return child ? same_lines(a->definition, b->definition, e) : 0;
}

/* Other versions have other kinds of entries. */
static void tell_one_sided(struct comparing *c, const struct bytes name[3], const char *text)
{
    tell(c, c->o->same_version ? REHEARSE_DIFFERENT : REHEARSE_NOT_COMPARABLE, name, text);
}

/* The text of a value and the name of an owner are the same in all versions. */
static void compare_definitions(struct comparing *c, const struct contents_object *a,
                                const struct contents_object *b, const struct bytes name[3])
{
    int same = same_definition(a, b, c->e);
    bool value = bytes_equal(a->desc, bytes_text("SEQUENCE SET"));
    c->rc = same < 0 ? -1 : 0;
    if (!bytes_equal(a->owner, b->owner))
        tell(c, REHEARSE_DIFFERENT, name, "has another owner");
    else if (same == 0 && (c->o->same_version || value))
        tell(c, REHEARSE_DIFFERENT, name, "is defined in another way");
    else if (same == 0)
        c->counts->unread++;
    else
        c->counts->objects++;
}

static void one_sided(struct comparing *c, const struct contents_object *o, const char *text)
{
    const struct bytes name[3] = {o->desc, o->schema, o->name};
    if (!is_of_database(o))
        tell_one_sided(c, name, text);
}

static void both_sided(struct comparing *c, const struct contents_object *a,
                       const struct contents_object *b, bool same)
{
    const struct bytes name[3] = {a->desc, a->schema, a->name};
    if (is_of_database(a))
        return;
    if (same)
        c->counts->objects++;
    else
        compare_definitions(c, a, b, name);
}

static void on_object(void *arg, enum contents_change change, const struct contents_object *a,
                      const struct contents_object *b)
{
    struct comparing *c = arg;
    if (c->rc < 0)
        return;
    if (a && b)
        both_sided(c, a, b, change == CONTENTS_SAME);
    else if (a)
        one_sided(c, a, "is not there");
    else if (b)
        one_sided(c, b, "is not in the backup");
}

/* ---- data -------------------------------------------------------------------------- */

static void compare_rows(struct comparing *c, const struct contents_data *a,
                         const struct contents_data *b, const struct bytes name[3])
{
    char text[120];
    if (a->rows != b->rows) {
        (void)snprintf(text, sizeof text, "%llu rows, %llu in the backup",
                       (unsigned long long)b->rows, (unsigned long long)a->rows);
        tell(c, REHEARSE_DIFFERENT, name, text);
    } else if (memcmp(a->sum, b->sum, sizeof a->sum) == 0) {
        c->counts->tables++;
        c->counts->rows += a->rows;
    } else if (c->o->settings_known && c->o->same_version) {
        (void)snprintf(text, sizeof text, "%llu rows, and not the same ones",
                       (unsigned long long)a->rows);
        tell(c, REHEARSE_DIFFERENT, name, text);
    } else {
        (void)snprintf(text, sizeof text,
                       "%llu rows in both, written with settings or by a version that differ",
                       (unsigned long long)a->rows);
        tell(c, REHEARSE_NOT_COMPARABLE, name, text);
    }
}

/* Statements: all that can be said is that there must be rows. */
static void compare_uncounted(struct comparing *c, const struct contents_data *a,
                              const struct contents_data *b, const struct bytes name[3])
{
    if (a->bytes > UNCOUNTED_EMPTY && b->counted && b->rows == 0) {
        tell(c, REHEARSE_DIFFERENT, name, "has no rows");
        return;
    }
    c->counts->uncounted++;
    tell(c, REHEARSE_NOT_COMPARABLE, name, "is not stored as rows");
}

static void compare_bytes(struct comparing *c, const struct contents_data *a,
                          const struct contents_data *b, const struct bytes name[3])
{
    if (bytes_equal(a->desc, bytes_text("TABLE DATA")))
        compare_uncounted(c, a, b, name);
    else if (!a->has_digest || !b->has_digest)
        tell(c, REHEARSE_NOT_COMPARABLE, name, "is compressed in the dump");
    else if (a->bytes != b->bytes || memcmp(a->digest, b->digest, sizeof a->digest) != 0)
        tell(c, REHEARSE_DIFFERENT, name, "has other bytes");
    else
        c->counts->objects++;
}

static void on_data(void *arg, enum contents_change change, const struct contents_data *a,
                    const struct contents_data *b)
{
    struct comparing *c = arg;
    const struct contents_data *d = change == CONTENTS_ADDED ? b : a;
    const struct bytes name[3] = {d->desc, d->schema, d->name};
    bool table = bytes_equal(d->desc, bytes_text("TABLE DATA"));
    if (change == CONTENTS_REMOVED && table)
        tell(c, REHEARSE_DIFFERENT, name, "has no data");
    else if (change == CONTENTS_REMOVED)
        tell_one_sided(c, name, "is not there");
    else if (change == CONTENTS_ADDED && table && !(b->counted && b->rows == 0))
        tell(c, REHEARSE_DIFFERENT, name, "has data that is not in the backup");
    else if (change == CONTENTS_ADDED && !table)
        tell_one_sided(c, name, "is not in the backup");
    else if (change != CONTENTS_ADDED && a->counted && b->counted)
        compare_rows(c, a, b, name);
    else if (change != CONTENTS_ADDED)
        compare_bytes(c, a, b, name);
}

int rehearse_compare(const struct contents *backup, const struct contents *restored,
                     const struct rehearse_options *o, struct rehearse_counts *counts,
                     struct error *e)
{
    struct comparing c = {.o = o, .counts = counts, .e = e};
    const struct contents_visit visit = {on_object, on_data, &c};
    *counts = (struct rehearse_counts){0};
    contents_compare(backup, restored, &visit);
    return c.rc;
}
