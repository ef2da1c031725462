/* SPDX-License-Identifier: Apache-2.0 */
/* Backups that were put together and compared before, checked again: every chunk of all of them
 * is fetched, decrypted and decoded once, the rows' hashes are kept, and each stream's digest
 * is computed out of them. A stream that several backups share is checked once. */
#ifndef JOB_VERIFY_AGAIN_H
#define JOB_VERIFY_AGAIN_H

#include <signal.h>

#include "core/repo/repo.h"

struct verify_again;

#define VERIFY_AGAIN_LIMIT (2 * GIB) /* of row hashes; chunks beyond are decoded per stream */
#define VERIFY_AGAIN_BATCH 16        /* backups that it is worth to check at once */

struct verify_again_options {
    struct repo *repo;
    unsigned workers;
    const char *path; /* a file beside which a nameless one may be made */
    uint64_t limit;   /* VERIFY_AGAIN_LIMIT */
    const volatile sig_atomic_t *stop;
};

/* What o points at is borrowed. */
MUST_CHECK struct verify_again *verify_again_new(const struct verify_again_options *o,
                                                 struct error *e);
void verify_again_free(struct verify_again *v);

/* May a backup be checked beside the others? Answers VERIFY_AGAIN_OTHER when it is of another
 * domain, or one of its pack ids is another pack's in theirs. m is open. */
#define VERIFY_AGAIN_OTHER 1
MUST_CHECK int verify_again_takes(struct verify_again *v, const struct manifest *m,
                                  struct error *e);

struct verify_again_item {
    const struct manifest *manifest; /* it was taken */
    bool failed;
    struct error
        why; /* of the first place in the dump where it is damaged, or not to be read */
};
/* Check backups; what is known of earlier ones serves these. -1 for what ends all checks: a
 * signal, ERROR_MEMORY. One thread. */
MUST_CHECK int verify_again_run(struct verify_again *v, struct verify_again_item *items,
                                size_t count, struct error *e);

struct verify_again_counts {
    uint64_t chunks; /* of rows, that are kept */
    uint64_t walked; /* streams of rows out of what is kept, */
    uint64_t slow;   /* those that were decoded on their own, */
    uint64_t shared; /* and streams of any kind that were checked before */
};
struct verify_again_counts verify_again_counts(struct verify_again *v);

#endif
