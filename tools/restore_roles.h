/* SPDX-License-Identifier: Apache-2.0 */
/* Roles that a restore needs: no dump has them in it. */
#ifndef TOOLS_RESTORE_ROLES_H
#define TOOLS_RESTORE_ROLES_H

#include "tools/server.h"
#include "tools/toc_facts.h"

struct restore_roles_options {
    bool no_owner, no_privileges; /* of these roles none is needed */
    struct bytes globals;         /* a script of the roles that were (restore_globals): those
                                   * that are missing are made as it says; empty: none */
    bool create;                  /* make those that are missing still, without login */
    bool superusers;              /* of these those superusers whose objects want one */
};

/* Before anything else is written. ERROR_SERVER names all that are missing, or the one that
 * could not be made. */
MUST_CHECK int restore_roles_prepare(struct server *s, const struct toc_facts *facts,
                                     const struct restore_roles_options *o, struct error *e);

#endif
