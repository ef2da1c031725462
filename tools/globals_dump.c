/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/globals_dump.h"

#include <string.h>

#include "core/base/log.h"
#include "tools/globals_sql.h"
#include "tools/pg_output.h"

#define ROOM MIB

int globals_dump(struct server *s, const struct globals_dump_options *o, struct buf *out,
                 struct error *e)
{
    /* Its own choice of a database to connect to may be closed to us. */
    const char *const arguments[] = {"--globals-only", "--database", server_database(s), NULL,
                                     NULL};
    const char *without[ARRAY_SIZE(arguments)] = {arguments[0], arguments[1], arguments[2],
                                                  "--no-role-passwords"};
    /* As a rule it never moves then, so that no copy of what is secret in it stays behind. */
    int rc = buf_reserve(out, ROOM, e);
    if (rc < 0)
        return -1;
    rc = -1;
    if (!o->no_passwords)
        rc = pg_output_read(s, "pg_dumpall", arguments, o->stop, out, e);
    if (rc < 0 && !*o->stop) {
        if (out->len > 0)
            explicit_bzero(out->data, out->len);
        out->len = 0;
        rc = pg_output_read(s, "pg_dumpall", without, o->stop, out, e);
        if (rc == 0 && !o->no_passwords)
            log_info("roles are saved without passwords, which may not be read here");
    }
    if (rc < 0 && e->kind == ERROR_CHILD) {
        if (strstr(e->text, "permission denied"))
            log_info("roles are not saved: %s", e->text);
        else
            log_warning("roles are not saved: %s", e->text);
        return GLOBALS_DUMP_NONE;
    }
    if (rc == 0)
        globals_sql_clean(out);
    return rc;
}
