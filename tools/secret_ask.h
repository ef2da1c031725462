/* SPDX-License-Identifier: Apache-2.0 */
/* Passphrases that are asked for on the terminal. */
#ifndef TOOLS_SECRET_ASK_H
#define TOOLS_SECRET_ASK_H

#include "core/base/secret_find.h"

/* Ask on the terminal, without echo; repeat: twice, both must agree. SECRET_NONE when there
 * is no terminal. */
MUST_CHECK int secret_ask(const char *prompt, bool repeat, char **text, struct error *e);

#endif
