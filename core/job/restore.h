/* SPDX-License-Identifier: Apache-2.0 */
/* The journey back: a member of a backup put together again, byte for byte. Verifying walks
 * the same way with nobody at its end (one code path for both). */
#ifndef JOB_RESTORE_H
#define JOB_RESTORE_H

#include <signal.h>

#include "core/base/digest.h"
#include "core/dump/toc_select.h"
#include "core/job/fetch.h"
#include "core/repo/entry.h"
#include "core/repo/repo.h"

/* An entry of a dump, as it passes by. */
struct restore_entry {
    const struct entry *entry;
    uint32_t place;                  /* in file order, from 0 */
    bool has_copy_sha256;            /* rows, checked, and it was asked for */
    uint8_t copy_sha256[DIGEST_LEN]; /* of the COPY text */
};

struct restore_options {
    struct repo *repo;
    const struct manifest *manifest; /* open */
    unsigned workers;
    /* Where the bytes go; NULL: nowhere. A negative answer ends the restore. */
    int (*write)(void *arg, struct bytes b, struct error *e);
    void *write_arg;
    /* A dump: these TOC entries and their data alone, as an archive of its own; NULL: all, to
     * the byte. Its digests are checked then, since there is no SHA-256 of it. */
    const struct toc_select *selection;
    /* With selection: header and TOC in front of the data in place of its own (toc_replace). */
    struct bytes head;
    /* Header and TOC as restore_toc gave them, for who has read them: they are not read again.
     * Empty: they are. */
    struct bytes toc;
    bool without_data; /* with selection: header and TOC alone */
    bool check;        /* recompute row hashes, digests, content hashes, chunk ids */
    bool copy_sha256;  /* with check: also that of every table's COPY text */
    /* After each data block; may be NULL. */
    int (*on_entry)(void *arg, const struct restore_entry *entry, struct error *e);
    void *on_entry_arg;
    const volatile sig_atomic_t *stop;
};

struct restore;

/* Everything in o is borrowed. Starts the threads. ERROR_KEY. */
MUST_CHECK struct restore *restore_new(const struct restore_options *o, struct error *e);
void restore_free(struct restore *r);
/* What reads the chunks for it; its parent's. */
struct fetch *restore_fetch(struct restore *r);

/* Deliver one member; with a selection only a dump's (ERROR_UNSUPPORTED). ERROR_DIFFERENT when
 * the SHA-256 of what was delivered is not that of what was stored; ERROR_CORRUPT for damage
 * met on the way. */
MUST_CHECK int restore_member(struct restore *r, const struct member *m, struct error *e);

/* The TOC of a dump, header in front; appended to out. */
MUST_CHECK int restore_toc(struct restore *r, const struct member *m, struct buf *out,
                           struct error *e);
/* Every item of the entry table, in file order. */
typedef int restore_visit(void *arg, const struct entry *entry, struct error *e);
MUST_CHECK int restore_entries(struct restore *r, const struct member *m, restore_visit *visit,
                               void *arg, struct error *e);
/* COPY text of one table without end mark, through o.write. ERROR_CORRUPT. */
MUST_CHECK int restore_rows(struct restore *r, const struct entry *entry, struct error *e);

/* The keys of an open manifest's domain: of chunk ids and of row hashes; the caller wipes them.
 * ERROR_KEY. */
MUST_CHECK int restore_keys(struct repo *repo, const struct manifest *m,
                            struct secret *chunk_id_key, uint8_t row_key[16], struct error *e);

#endif
