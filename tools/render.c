/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/render.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"

int render_add(struct render_table *t, const char *cell, struct error *e)
{
    char safe[256];
    str_safe(safe, sizeof safe, bytes_text(cell ? cell : ""));
    char **cells = reallocarray(t->cells, t->cell_count + 1, sizeof *cells);
    if (!cells)
        return error_memory(e, "table");
    t->cells = cells;
    cells[t->cell_count] = str_copy(safe, e);
    if (!cells[t->cell_count])
        return -1;
    t->cell_count++;
    return 0;
}

void render_done(struct render_table *t)
{
    for (size_t i = 0; i < t->cell_count; i++)
        free(t->cells[i]);
    free(t->cells);
    *t = (struct render_table){0};
}

/* Characters, not bytes: continuation bytes of UTF-8 take no place. */
static size_t width_of(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void print_cell(const char *text, size_t width, bool right, bool last, FILE *out)
{
    size_t pad = width - width_of(text);
    if (right)
        (void)fprintf(out, "%*s%s", (int)pad, "", text);
    else
        (void)fprintf(out, "%s%*s", text, last ? 0 : (int)pad, "");
    (void)fputs(last ? "\n" : "  ", out);
}

void render_print(const struct render_table *t, FILE *out)
{
    size_t widths[RENDER_MAX_COLUMNS];
    if (t->column_count == 0)
        return;
    for (size_t c = 0; c < t->column_count; c++)
        widths[c] = width_of(t->columns[c].title);
    for (size_t i = 0; i < t->cell_count; i++) {
        size_t w = width_of(t->cells[i]);
        if (w > widths[i % t->column_count])
            widths[i % t->column_count] = w;
    }
    for (size_t c = 0; c < t->column_count; c++)
        print_cell(t->columns[c].title, widths[c], t->columns[c].right,
                   c + 1 == t->column_count, out);
    for (size_t i = 0; i < t->cell_count; i++) {
        size_t c = i % t->column_count;
        print_cell(t->cells[i], widths[c], t->columns[c].right, c + 1 == t->column_count, out);
    }
}

void render_count(char out[32], uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    size_t used = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
}

void render_duration(char out[32], int64_t ms)
{
    long long s = ms / 1000;
    if (s < 60)
        (void)snprintf(out, 32, "%.1f s", (double)ms / 1000);
    else if (s < 3600)
        (void)snprintf(out, 32, "%lld min %02lld s", s / 60, s % 60);
    else
        (void)snprintf(out, 32, "%lld h %02lld min", s / 3600, s / 60 % 60);
}

void render_progress(struct render_progress *p, uint64_t done)
{
    char size[32];
    char rate[32];
    int64_t now = clock_monotonic_ms();
    if (p->started_ms == 0)
        p->started_ms = now;
    if (!p->wanted || now - p->shown_ms < 200 || now - p->started_ms < 500)
        return;
    p->shown_ms = now;
    p->shown = true;
    uint64_t per_second = done * 1000 / (uint64_t)(now - p->started_ms);
    str_size(size, done);
    str_size(rate, per_second);
    (void)fprintf(stderr, "\r%s  %s  %s/s", p->what, size, rate);
    if (p->total > 0 && done <= p->total) {
        char eta[32];
        uint64_t left_ms = per_second ? (p->total - done) * 1000 / per_second : 0;
        render_duration(eta, (int64_t)left_ms);
        (void)fprintf(stderr, "  %llu%%  ETA %s", (unsigned long long)(done * 100 / p->total),
                      eta);
    }
    (void)fputs("\033[K", stderr);
    (void)fflush(stderr);
}

void render_progress_end(struct render_progress *p)
{
    if (p->shown)
        (void)fputs("\r\033[K", stderr);
    p->shown = false;
}
