/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/s3_process.h"

#include "core/base/command.h"
#include "core/base/secret.h"

#define WHAT "credential_process"
#define MOST_MS 60000

int s3_process_key(const struct s3_process_options *o, struct s3_key *out, struct error *e)
{
    const struct command_options run = {.text = o->command,
                                        .most = S3_KEY_ANSWER,
                                        .most_ms = o->most_ms ? o->most_ms : MOST_MS,
                                        .stop = o->stop};
    const struct s3_key_form form = {
        .what = WHAT, .token_name = "SessionToken", .has_version = true};
    struct buf raw = {0};
    int rc = command_read(&run, &raw, e);
    rc = rc < 0 ? error_wrap(e, WHAT) : s3_key_read(out, buf_view(&raw), &form, e);
    secret_free_buf(&raw);
    return rc;
}
