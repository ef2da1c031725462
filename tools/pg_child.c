/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/pg_child.h"

#include <unistd.h>

#include "tools/pg_tools.h"

int pg_child_prepare(struct pg_child *p, const struct server *s, struct error *e)
{
    char path[PG_TOOLS_PASSFILE];
    /* Killed, we must not leave one behind that commits what nobody waits for. */
    *p = (struct pg_child){.passfile = -1,
                           .options = {.in_fd = -1, .out_fd = -1, .death_signal = SIGTERM}};
    const char *password = server_password(s);
    if (password) {
        p->passfile = pg_tools_passfile(password, e);
        if (p->passfile < 0)
            return -1;
        pg_tools_passfile_path(path, p->passfile);
    }
    if (pg_tools_environment(password ? path : NULL, &p->environment, e) < 0) {
        pg_child_done(p);
        return -1;
    }
    p->options.env = (const char *const *)p->environment;
    p->options.keep_fds = &p->passfile;
    p->options.keep_count = password ? 1 : 0;
    return 0;
}

void pg_child_done(struct pg_child *p)
{
    pg_tools_environment_free(p->environment);
    if (p->passfile >= 0)
        (void)close(p->passfile);
    *p = (struct pg_child){.passfile = -1};
}
