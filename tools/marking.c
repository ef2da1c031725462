/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/marking.h"

#include <stdio.h>

#include "catalog/runs.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "tools/sync_marks.h"

void marking_note(struct context *c, const char *what, const struct manifest *m,
                  const char *text)
{
    struct error why;
    if (sync_marks(c, true, &why) < 0 ||
        runs_event(c->catalog, what, m->backup_id, text, &why) < 0)
        log_warning("catalog: %s", why.text);
}

int marking_say(const struct context *c, const struct manifest *m, const char *words,
                uint64_t count, struct error *e)
{
    char id[2 * FORMAT_ID_LEN + 1];
    str_hex(id, m->backup_id, FORMAT_ID_LEN);
    if (c->json) {
        struct json *j = json_new_object();
        json_put_text(j, "message_type", "summary");
        json_put_text(j, "id", id);
        json_put_text(j, "result", words);
        json_put_u64(j, "marks", count);
        int rc = json_write(j, false, stdout, e);
        (void)putchar('\n');
        json_free(j);
        return rc;
    }
    if (!c->quiet)
        (void)printf("backup %.8s is %s\n", id, words);
    return 0;
}
