/* SPDX-License-Identifier: Apache-2.0 */
/* How a payload was cut into pieces (docs/FORMAT.md 7.3, "Piece rule"): watched while it
 * streams by, written down as one rule where one holds, else as runs. */
#ifndef JOB_PIECES_OUT_H
#define JOB_PIECES_OUT_H

#include "core/job/bytes_out.h"

struct pieces_out {
    struct writer *writer;
    const struct chunker *chunker;
    bool line_run;      /* the run that is open */
    uint32_t run_len;   /* length of its pieces, unless line_run */
    uint64_t run_count; /* 0: none is open */
    bool one_run;       /* no run was closed yet */
    uint32_t fixed;     /* length of all pieces but the last; 0 before the first */
    bool fixed_holds;
    uint32_t last_len;
    struct buf runs;
    struct bytes_out list; /* begun once runs is long */
    struct bytes_out *to;  /* where runs go: list, or the caller's; NULL: nowhere yet */
};

/* to: runs of large objects stand inline in the caller's list; NULL: a list of its own. */
void pieces_out_begin(struct pieces_out *p, struct writer *w, const struct chunker *c,
                      struct bytes_out *to);
/* A piece has ended; is_line: it is exactly one line, or the whole end mark. */
MUST_CHECK int pieces_out_add(struct pieces_out *p, uint32_t len, bool is_line,
                              struct error *e);
/* The payload has ended: which rule, with which n. For rule 3 the list stands in p->list until
 * bytes_out_take. */
MUST_CHECK int pieces_out_end(struct pieces_out *p, uint8_t *rule, uint64_t *n,
                              struct error *e);
/* A large object has ended: write its runs and the 0 behind them to the caller's list. */
MUST_CHECK int pieces_out_end_object(struct pieces_out *p, struct error *e);
void pieces_out_done(struct pieces_out *p);

#endif
