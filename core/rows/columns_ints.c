/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rows/columns_ints.h"

#include "core/rows/columns_format.h"

#define DELTA 0x80
#define SAMPLES 256

/* Smallest and largest, as signed numbers, of the values and of their differences. */
struct ranges {
    int64_t low, high;
    int64_t step_low, step_high;
};

static struct ranges ranges_of(const uint64_t *v, size_t n)
{
    int64_t first = (int64_t)v[0];
    struct ranges r = {first, first, INT64_MAX, INT64_MIN};
    for (size_t i = 1; i < n; i++) {
        int64_t x = (int64_t)v[i];
        int64_t d = (int64_t)(v[i] - v[i - 1]);
        r.low = x < r.low ? x : r.low;
        r.high = x > r.high ? x : r.high;
        r.step_low = d < r.step_low ? d : r.step_low;
        r.step_high = d > r.step_high ? d : r.step_high;
    }
    return r;
}

static unsigned length(uint64_t x)
{
    return x == 0 ? 0 : 64 - (unsigned)__builtin_clzll(x);
}

/* Are the differences the smaller numbers? Looks at some of them: mean lengths matter, not the
 * longest one. */
static bool prefers_delta(const uint64_t *v, size_t n, const struct ranges *r)
{
    if (n < 2 || r->low == r->high)
        return false;
    if (r->step_low == r->step_high)
        return true;
    size_t stride = n > SAMPLES ? n / SAMPLES : 1;
    size_t plain = 0;
    size_t delta = 0;
    for (size_t i = 1; i < n; i += stride) {
        plain += length(v[i] - (uint64_t)r->low);
        delta += length(v[i] - v[i - 1] - (uint64_t)r->step_low);
    }
    return delta < plain;
}

static uint64_t divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* What divides the distances of all numbers (or differences) from base: soon found to be 1,
 * where it is. */
static uint64_t common_step(const uint64_t *v, size_t n, bool delta, uint64_t base)
{
    uint64_t step = 0;
    for (size_t i = delta; i < n && step != 1; i++) {
        uint64_t x = v[i] - (delta ? v[i - 1] : 0) - base;
        if (step == 0 || x % step != 0)
            step = divisor(x, step);
    }
    return step > 0 ? step : 1;
}

static unsigned bits_for(uint64_t largest)
{
    unsigned bits = length(largest);
    if (bits <= 2)
        return bits;
    return bits <= 4 ? 4 : (bits + 7) / 8 * 8;
}

static void pack(uint8_t *out, const uint64_t *v, size_t n, unsigned bits)
{
    size_t per = 8 / bits;
    for (size_t i = 0; i < n; i += per) {
        unsigned byte = 0;
        for (size_t j = 0; j < per && i + j < n; j++)
            byte |= (unsigned)v[i + j] << j * bits;
        out[i / per] = (uint8_t)byte;
    }
}

static void write_planes(struct columns_sink *s, const uint64_t *v, size_t n, unsigned bits)
{
    for (unsigned shift = 0; shift < bits; shift += 8) {
        uint8_t *out = columns_sink_take(s, n);
        if (!out)
            return;
        for (size_t i = 0; i < n; i++)
            out[i] = (uint8_t)(v[i] >> shift);
        columns_sink_end(s, false);
    }
}

struct columns_ints_plan columns_ints_plan(const uint64_t *v, size_t n)
{
    struct ranges r = ranges_of(v, n);
    struct columns_ints_plan plan = {.delta = prefers_delta(v, n, &r)};
    plan.base = (uint64_t)(plan.delta ? r.step_low : r.low);
    uint64_t largest = (uint64_t)(plan.delta ? r.step_high : r.high) - plan.base;
    plan.step = largest > 1 ? common_step(v, n, plan.delta, plan.base) : 1;
    plan.bits = bits_for(largest / plan.step);
    return plan;
}

/* The numbers as multiples of the step. */
static void reduce(const struct columns_ints_plan *plan, uint64_t *v, size_t n)
{
    if (plan->delta) {
        for (size_t i = n - 1; i > 0; i--)
            v[i] -= v[i - 1] + plan->base;
        v[0] = 0;
    } else {
        for (size_t i = 0; i < n; i++)
            v[i] -= plan->base;
    }
    if (plan->step > 1)
        for (size_t i = 0; i < n; i++)
            v[i] /= plan->step;
}

void columns_ints_write(struct columns_sink *s, const struct columns_ints_plan *plan,
                        uint64_t *v, size_t n)
{
    columns_sink_byte(s, (uint8_t)(plan->bits | (plan->delta ? DELTA : 0)));
    columns_sink_signed(s, plan->base);
    if (plan->bits > 0)
        columns_sink_varint(s, plan->step);
    if (plan->delta)
        columns_sink_signed(s, v[0] - plan->base);
    if (plan->bits == 0)
        return;
    reduce(plan, v, n);
    if (plan->bits >= 8) {
        write_planes(s, v, n, plan->bits);
        return;
    }
    size_t per = 8 / plan->bits;
    uint8_t *out = columns_sink_take(s, (n + per - 1) / per);
    if (out)
        pack(out, v, n, plan->bits);
    columns_sink_end(s, false);
}

void columns_ints_put(struct columns_sink *s, uint64_t *v, size_t n)
{
    struct columns_ints_plan plan = columns_ints_plan(v, n);
    columns_ints_write(s, &plan, v, n);
}

static uint64_t read_signed(struct cursor *in)
{
    uint64_t x = cursor_varint(in);
    return x >> 1 ^ (x & 1 ? UINT64_MAX : 0);
}

void columns_ints_read(struct cursor *in, size_t count, struct columns_ints *out)
{
    uint8_t head = cursor_u8(in);
    unsigned bits = head & (DELTA - 1);
    bool known = bits <= 64 && (bits % 8 == 0 || bits == 1 || bits == 2 || bits == 4);
    in->bad |= !known;
    *out = (struct columns_ints){.count = count, .bits = bits, .delta = head & DELTA};
    out->base = read_signed(in);
    out->step = bits > 0 ? cursor_varint(in) : 1;
    in->bad |= out->step == 0;
    out->last = out->delta ? read_signed(in) : 0;
    size_t size = bits >= 8 || bits == 0 ? bits / 8 * count
                                         : count / (8 / bits) + (count % (8 / bits) != 0);
    out->data = cursor_bytes(in, size).data;
}

static void unpack(const struct columns_ints *s, uint64_t *v, size_t n)
{
    unsigned mask = (1U << s->bits) - 1;
    size_t bit = s->given * s->bits;
    for (size_t i = 0; i < n; i++, bit += s->bits)
        v[i] = (unsigned)s->data[bit / 8] >> bit % 8 & mask;
}

static void join_planes(const struct columns_ints *s, uint64_t *v, size_t n)
{
    const uint8_t *plane = s->data + s->given;
    for (size_t i = 0; i < n; i++)
        v[i] = plane[i];
    for (unsigned shift = 8; shift < s->bits; shift += 8) {
        plane += s->count;
        for (size_t i = 0; i < n; i++)
            v[i] |= (uint64_t)plane[i] << shift;
    }
}

void columns_ints_give(struct columns_ints *s, uint64_t *v, size_t n)
{
    if (s->bits == 0)
        memset(v, 0, n * sizeof *v);
    else if (s->bits < 8)
        unpack(s, v, n);
    else
        join_planes(s, v, n);
    s->given += n;
    if (s->step > 1)
        for (size_t i = 0; i < n; i++)
            v[i] *= s->step;
    if (s->delta) {
        uint64_t last = s->last;
        for (size_t i = 0; i < n; i++)
            v[i] = last += v[i] + s->base;
        s->last = last;
    } else if (s->base != 0) {
        for (size_t i = 0; i < n; i++)
            v[i] += s->base;
    }
}
