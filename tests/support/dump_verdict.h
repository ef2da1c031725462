/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of hostile archives say of them: refused with these words, or taken. */
#ifndef TEST_DUMP_VERDICT_H
#define TEST_DUMP_VERDICT_H

#include "tests/support/archive.h"
#include "tests/support/check.h"
#include "tests/support/dump_walk.h"

/* b must be refused with words in the text, however it is split; b is done. */
static inline void refuse_with(struct buf *b, const struct dump_limits *limits,
                               const char *words)
{
    static const size_t splits[] = {0, 1, 7};
    for (size_t i = 0; i < ARRAY_SIZE(splits); i++) {
        struct error e = {0};
        int rc = dump_walk_quick(buf_view(b), splits[i], limits, &e);
        if (rc != -1 || e.kind != ERROR_INCOMPLETE || !strstr(e.text, words))
            fail_msg("expected \"%s\", found %d: \"%s\"", words, rc, e.text);
    }
    buf_done(b);
}

static inline void refuse(struct buf *b, const char *words)
{
    refuse_with(b, NULL, words);
}

static inline void accept(struct buf *b, uint32_t warnings)
{
    struct error e = {0};
    struct dump_walk w = {0};
    if (dump_walk(&w, buf_view(b), 0, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(w.warnings, warnings);
    assert_true(bytes_equal(buf_view(&w.rebuilt), buf_view(b)));
    dump_walk_done(&w);
    buf_done(b);
}

#endif
