/* SPDX-License-Identifier: Apache-2.0 */
/* What a dump says about its database itself: owner, settings, grants, comment. pg_restore
 * gives that only to a database of the dump's own name; here the name does not matter. */
#ifndef TOOLS_RESTORE_PROPERTIES_H
#define TOOLS_RESTORE_PROPERTIES_H

#include "tools/toc_facts.h"

struct restore_properties_options {
    bool no_owner, no_privileges;
};

/* s is connected to another database, or to this one. A statement that is refused (a setting
 * for superusers) is a warning; of the owner it is ERROR_SERVER. */
MUST_CHECK int restore_properties_apply(struct server *s, const char *database,
                                        const struct toc_facts *facts,
                                        const struct restore_properties_options *o,
                                        struct error *e);

#endif
