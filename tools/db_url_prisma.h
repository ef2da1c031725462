/* SPDX-License-Identifier: Apache-2.0 */
/* What the parameters of a database URL mean: libpq's stay, Prisma's are translated. Some of
 * that depends on others, so it is settled when all are known. */
#ifndef TOOLS_DB_URL_PRISMA_H
#define TOOLS_DB_URL_PRISMA_H

#include "core/base/error.h"
#include "tools/db_url.h"

/* u, what and o are borrowed; the rest begins as zeros. */
struct db_url_prisma {
    struct db_url *u;
    const char *what; /* where the URL comes from, for messages */
    const struct db_url_options *o;
    bool seen;          /* a parameter was there that only Prisma knows */
    bool accept_seen;   /* sslaccept was there … */
    bool accept_strict; /* … and asked to look at the server's certificate */
};

/* name as a text that lives for ever when it is a parameter that we know, else NULL. */
const char *db_url_prisma_name(const char *name);

/* Put a parameter that we know, decoded, into p->u. ERROR_USAGE where it cannot be used. */
MUST_CHECK int db_url_prisma_put(struct db_url_prisma *p, const char *name, const char *value,
                                 struct error *e);

/* Nothing follows: give the certificates their libpq meaning and fill in what is not there.
 * ERROR_USAGE for parameters that contradict each other or leave a doubt. */
MUST_CHECK int db_url_prisma_settle(const struct db_url_prisma *p, struct error *e);

#endif
