/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that print a secret. Their words are cut as a shell cuts them ('…', "…" and \), but
 * no shell runs them; they do not see pgkeep's own secrets (secret_environment), but those of
 * others, such as AWS's, which they may need. Neither
 * their words, but the first, nor what they say on stderr stands in an error: both may be
 * secret. */
#ifndef BASE_COMMAND_H
#define BASE_COMMAND_H

#include <signal.h>

#include "core/base/buf.h"

#define COMMAND_WORDS 64

/* Cut text in place into words, as many as there are and a NULL behind. ERROR_USAGE: more than
 * COMMAND_WORDS, none, a quote that does not end. */
MUST_CHECK int command_words(char *text, const char *words[COMMAND_WORDS + 1], struct error *e);

struct command_options {
    const char *text;                  /* program and arguments */
    size_t most;                       /* bytes that it may print */
    uint64_t most_ms;                  /* time that it has; 0: as long as it takes */
    const volatile sig_atomic_t *stop; /* not 0: it is stopped; may be NULL */
};

/* Reads what it prints to *out, an empty buf, and waits for its end. ERROR_CHILD when it cannot
 * be run or fails, ERROR_BUSY when it is late, ERROR_USAGE for a text that cannot be cut,
 * ERROR_KEY when it prints too much; error_stopped. Also after an error *out is the caller's,
 * to wipe and free with secret_free_buf; no copy of it was left elsewhere. Any thread. */
MUST_CHECK int command_read(const struct command_options *o, struct buf *out, struct error *e);

#endif
