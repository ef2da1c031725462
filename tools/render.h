/* SPDX-License-Identifier: Apache-2.0 */
/* For people: tables whose columns line up, numbers with separators, durations. */
#ifndef TOOLS_RENDER_H
#define TOOLS_RENDER_H

#include <stdio.h>

#include "core/base/error.h"

#define RENDER_MAX_COLUMNS 16

struct render_column {
    const char *title;
    bool right; /* numbers */
};

/* Cells are copied, control characters made visible. */
struct render_table {
    const struct render_column *columns;
    size_t column_count;
    char **cells;
    size_t cell_count;
};

MUST_CHECK int render_add(struct render_table *t, const char *cell, struct error *e);
void render_print(const struct render_table *t, FILE *out);
void render_done(struct render_table *t);

/* 1,234,567; out has 32 bytes. */
void render_count(char out[32], uint64_t n);
/* 12.3 s, 4 min 05 s, 2 h 07 min; out has 32 bytes. */
void render_duration(char out[32], int64_t ms);

/* A progress line on stderr, at most five times a second. Zeroed memory is a new one. */
struct render_progress {
    bool wanted;
    const char *what;
    uint64_t total; /* 0: unknown */
    int64_t started_ms, shown_ms;
    bool shown;
};
void render_progress(struct render_progress *p, uint64_t done);
/* Take the line away. */
void render_progress_end(struct render_progress *p);

#endif
