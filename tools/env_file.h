/* SPDX-License-Identifier: Apache-2.0 */
/* .env files, as the dotenv family of programs reads them: NAME=VALUE lines, `export ` in
 * front, one pair of quotes (", ' or `, also over several lines), # comments. Escapes and
 * ${NAME} are left as they are. */
#ifndef TOOLS_ENV_FILE_H
#define TOOLS_ENV_FILE_H

#include "core/base/bytes.h"
#include "core/base/error.h"

#define ENV_FILE_ABSENT 1 /* there is no such name in the file */

/* The value of name in text, where the last of several counts: a copy to be given to
 * secret_free_text. Answers ENV_FILE_ABSENT. ERROR_USAGE for a value with a NUL byte. */
MUST_CHECK int env_file_get(struct bytes text, const char *name, char **value, struct error *e);

#endif
