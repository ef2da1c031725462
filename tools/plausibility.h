/* SPDX-License-Identifier: Apache-2.0 */
/* The plausibility gate of a backup: job/plausible asked with what the catalog knows. */
#ifndef TOOLS_PLAUSIBILITY_H
#define TOOLS_PLAUSIBILITY_H

#include "core/base/json.h"
#include "core/job/backup.h"
#include "core/job/plausible.h"
#include "tools/context.h"

struct plausibility_item {
    struct plausible_finding finding; /* its names are owned here */
    char text[PLAUSIBLE_TEXT];
};

/* Zeroed memory is one without findings. */
struct plausibility {
    struct plausibility_item *items;
    size_t count;
    size_t alarms;
};
void plausibility_done(struct plausibility *p);

/* ERROR_USAGE for a pattern that means nothing. */
MUST_CHECK int plausibility_patterns(const struct options_list *patterns, struct error *e);

/* Compare what was taken last with the backups of its source; it is not committed yet. Alarms
 * make the manifest suspect and stand in its private part; every finding is told in the log.
 * patterns: of tables that are volatile. */
MUST_CHECK int plausibility_judge(struct plausibility *p, struct context *c, struct backup *b,
                                  const struct options_list *patterns, struct error *e);

/* "suspect" and "findings", for a summary. */
void plausibility_json(const struct plausibility *p, struct json *j);
/* What a person has to do about an alarm; nothing when there is none. id: of the backup. */
void plausibility_advise(const struct plausibility *p, const uint8_t id[FORMAT_ID_LEN]);

#endif
