/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/pg_output.h"

#include <stdlib.h>

#include "tools/pg_child.h"
#include "tools/pg_tools.h"

#define MAX_ARGUMENTS 16
#define READ_BYTES (256 * KIB)

struct source *pg_output_start(struct server *s, const char *name, const char *const *arguments,
                               const volatile sig_atomic_t *stop, int *major, struct error *e)
{
    struct pg_child p = {.passfile = -1};
    struct source *source = NULL;
    const char *all[MAX_ARGUMENTS + 5];
    size_t n = 1;
    char *program = NULL;
    char *conninfo = server_conninfo(s, NULL, e);
    int rc = conninfo ? pg_tools_find(name, server_number(s) / 10000, &program, major, e) : -1;
    all[0] = program;
    for (; *arguments && n < MAX_ARGUMENTS; arguments++)
        all[n++] = *arguments;
    all[n++] = "--no-password";
    all[n++] = "-d";
    all[n++] = conninfo;
    all[n] = NULL;
    if (rc == 0)
        rc = pg_child_prepare(&p, s, e);
    if (rc == 0) {
        p.options.argv = all;
        p.options.pipe_out = true;
        source = source_child(&p.options, name, e);
        if (source)
            source_obey(source, stop);
    }
    pg_child_done(&p);
    free(program);
    free(conninfo);
    return source;
}

static int read_all(struct source *source, struct buf *out, struct error *e)
{
    for (size_t got = 1; got > 0; out->len += got) {
        if (out->len > PG_OUTPUT_MAX)
            return error_set(e, ERROR_CHILD, "it prints more than %llu GiB",
                             (unsigned long long)(PG_OUTPUT_MAX / GIB));
        if (buf_reserve(out, out->len + READ_BYTES, e) < 0 ||
            source_read(source, out->data + out->len, READ_BYTES, &got, e) < 0)
            return -1;
    }
    return source_finish(source, e);
}

int pg_output_read(struct server *s, const char *name, const char *const *arguments,
                   const volatile sig_atomic_t *stop, struct buf *out, struct error *e)
{
    struct source *source = pg_output_start(s, name, arguments, stop, NULL, e);
    int rc = source ? read_all(source, out, e) : -1;
    source_free(source);
    /* It is not the dump of a backup that ended early. */
    if (rc < 0 && e->kind == ERROR_INCOMPLETE)
        e->kind = ERROR_CHILD;
    return rc;
}
