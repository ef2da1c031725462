/* SPDX-License-Identifier: Apache-2.0 */
/* Which part of a dump a restore is about: options to a selection of its TOC. */
#ifndef TOOLS_RESTORE_CHOICE_H
#define TOOLS_RESTORE_CHOICE_H

#include "core/dump/toc_select.h"
#include "tools/context.h"

struct restore_choice_options {
    struct options_list tables, schemas;
    bool large_objects, schema_only, data_only;
};

struct restore_choice {
    struct buf toc; /* header and TOC as they are stored */
    struct toc_list list;
    struct toc_select selection;
    bool by_name; /* tables or schemas were asked for */
    bool whole;   /* nothing is left out: the dump to the byte */
    const struct restore_choice_options *options;
};

/* Is a part of the dump asked for? */
bool restore_choice_wanted(const struct restore_choice_options *o);

/* Of the manifest's first member; o is borrowed for the choice's life. ERROR_USAGE names what
 * is not in the backup, ERROR_UNSUPPORTED when the member is no dump. Call restore_choice_done
 * in every case. */
MUST_CHECK int restore_choice_make(struct context *c, const struct manifest *m,
                                   const struct restore_choice_options *o,
                                   struct restore_choice *choice, struct error *e);
void restore_choice_done(struct restore_choice *choice);

/* What a person should know of it, a line each: a name that several tables have, foreign keys
 * and large objects that are left out. */
typedef void restore_choice_note(void *arg, const char *text);
MUST_CHECK int restore_choice_notes(const struct restore_choice *choice,
                                    restore_choice_note *note, void *arg, struct error *e);

#endif
