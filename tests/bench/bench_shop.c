/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the shop (tests/bench/shop) as COPY text, the same on every machine:
 *
 *   bench_shop TABLE FIRST COUNT SEED TIME TENTHS
 *
 * FIRST is the first row's id, TIME its Unix time, TENTHS how large the whole shop is (10: the
 * full size). Prose is a walk over a made-up text: words by a power law, phrases that come
 * back. It is tuned to compress like English: zstd -3 to a quarter, zstd -19 to a sixth. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/str.h"
#include "tests/support/made_dump.h"

#define WORDS 4096
#define TEXT_WORDS 60000
#define DAY 86400.0

struct shop {
    uint64_t random;
    uint64_t tenths;
    double time;
    char word[WORDS][20];
    uint16_t text[TEXT_WORDS]; /* the made-up text */
    uint32_t first[WORDS + 1]; /* a word's places in the text are place[first[word]...] */
    uint32_t place[TEXT_WORDS];
};

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vprintf(fmt, args);
    va_end(args);
    if (len < 0)
        abort();
}

/* -- chance -- */

static uint64_t below(struct shop *s, uint64_t n)
{
    return made_random(&s->random) % n;
}

static double part(struct shop *s)
{
    return (double)(made_random(&s->random) >> 11) * 0x1p-53;
}

/* Small numbers more often, as with customers, products and prices. */
static uint64_t skewed(struct shop *s, uint64_t n)
{
    double u = part(s);
    return (uint64_t)(u * u * u * (double)n);
}

static const char *pick(struct shop *s, const char *const *from, size_t count)
{
    return from[skewed(s, count)];
}

#define PICK(s, from) pick(s, from, ARRAY_SIZE(from))

/* -- prose -- */

static void make_word(struct shop *s, char *out, size_t size, size_t rank)
{
    static const char *const syllables[] = {
        "re", "con", "ti",  "in",   "er",  "al", "ta",  "ment", "pro",  "le", "ver", "de",
        "or", "si",  "com", "an",   "te",  "ra", "per", "li",   "tion", "en", "ma",  "no",
        "ca", "pa",  "ces", "ster", "ber", "mo", "po",  "ful",  "ness", "su", "di",  "ing",
        "ow", "ed",  "ly",  "th",   "us",  "ab", "go",  "wa",   "ne",   "fi", "ter", "um"};
    /* Common words are short. */
    size_t count = rank < 20 ? 1 : rank < 120 ? 2 : 3 + (size_t)below(s, 2);
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(out + len, size - len, "%s",
                                syllables[below(s, ARRAY_SIZE(syllables))]);
    if (below(s, 8) == 0 && rank >= 20)
        (void)snprintf(out + len, size - len, "%c", ",.;,."[below(s, 5)]);
}

/* Every octave of ranks is equally likely: the power law of words (Zipf 1949). */
static uint16_t common_word(struct shop *s)
{
    uint64_t octave = UINT64_C(1) << below(s, 12);
    return (uint16_t)(octave - 1 + below(s, octave));
}

/* New words, or a phrase from further up again (Simon 1955). */
static void make_text(struct shop *s)
{
    for (size_t i = 0; i < TEXT_WORDS;) {
        if (i < 100 || below(s, 2) == 0) {
            s->text[i++] = common_word(s);
            continue;
        }
        size_t from = (size_t)below(s, i - 20);
        size_t count = 2 + (size_t)below(s, 9);
        for (size_t k = 0; k < count && i < TEXT_WORDS; k++)
            s->text[i++] = s->text[from + k];
    }
}

static void find_places(struct shop *s)
{
    uint32_t next[WORDS];
    for (size_t i = 0; i < TEXT_WORDS; i++)
        s->first[s->text[i] + 1]++;
    for (size_t w = 0; w < WORDS; w++) {
        s->first[w + 1] += s->first[w];
        next[w] = s->first[w];
    }
    for (size_t i = 0; i < TEXT_WORDS; i++)
        s->place[next[s->text[i]]++] = (uint32_t)i;
}

static void make_prose(struct shop *s)
{
    s->random = 1;
    for (size_t w = 0; w < WORDS; w++)
        make_word(s, s->word[w], sizeof s->word[w], w);
    make_text(s);
    find_places(s);
}

/* After each word, what came after it at one of its places. */
static void prose(struct shop *s, uint64_t words)
{
    size_t at = (size_t)below(s, TEXT_WORDS);
    for (uint64_t i = 0; i < words; i++) {
        uint16_t word = s->text[at];
        say("%s%s", i ? " " : "", s->word[word]);
        at = s->place[s->first[word] + below(s, s->first[word + 1] - s->first[word])] + 1;
        at %= TEXT_WORDS;
    }
}

static const char *name(struct shop *s)
{
    return s->word[skewed(s, WORDS)];
}

/* -- values -- */

static void uuid(struct shop *s)
{
    uint64_t a = made_random(&s->random);
    uint64_t b = made_random(&s->random);
    say("%08x-%04x-4%03x-%x%03x-%012" PRIx64, (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffff,
        (unsigned)a & 0xfff, 8 + (unsigned)(b >> 62), (unsigned)(b >> 48) & 0xfff,
        b & UINT64_C(0xffffffffffff));
}

static void timestamp(double when)
{
    time_t seconds = (time_t)when;
    struct tm t;
    if (!gmtime_r(&seconds, &t))
        abort();
    say("%04d-%02d-%02d %02d:%02d:%02d.%06d+00", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
        t.tm_hour, t.tm_min, t.tm_sec, (int)((when - (double)seconds) * 1e6));
}

static void base36(char *out, size_t digits, uint64_t value)
{
    for (size_t i = digits; i > 0; i--, value /= 36)
        out[i - 1] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36];
}

/* A key as Prisma makes it: time, counter, machine, chance. */
static void cuid(struct shop *s, uint64_t counter)
{
    char id[] = "cttttttttnnnnk3x9rrrrrrrr";
    base36(id + 1, 8, (uint64_t)(s->time * 1000));
    base36(id + 9, 4, counter);
    base36(id + 17, 8, made_random(&s->random));
    say("%s", id);
}

static void money(struct shop *s, uint64_t least, uint64_t most)
{
    uint64_t whole = least + skewed(s, most);
    say("%" PRIu64 ".%02" PRIu64, whole, below(s, 100));
}

/* -- tables -- */

static void customer(struct shop *s, uint64_t id)
{
    static const char *const first[] = {"Maria", "James",   "Anna",  "Wei",   "Fatima", "John",
                                        "Elena", "Mohamed", "Sofia", "David", "Yuki",   "Lucas",
                                        "Emma",  "Ivan",    "Olga",  "Pedro", "Aisha",  "Noah",
                                        "Mia",   "Liam",    "Zoe",   "Hugo",  "Ines",   "Lars",
                                        "Nora",  "Tom",     "Priya", "Arjun", "Chen",   "Kofi"};
    static const char *const last[] = {
        "Smith",  "Garcia", "Müller",   "Wang",   "Kim",    "Novak",    "Rossi",  "Silva",
        "Jensen", "Brown",  "Martin",   "Khan",   "Singh",  "Dubois",   "Ivanov", "Tanaka",
        "Lopez",  "Meyer",  "Nielsen",  "Okafor", "Santos", "Kowalski", "Costa",  "Popov",
        "Haddad", "Nguyen", "Eriksson", "Moreau", "Ali",    "Weber",    "Petrov", "Fischer"};
    static const char *const host[] = {"gmail.com", "outlook.com", "yahoo.com",   "icloud.com",
                                       "proton.me", "gmx.de",      "example.org", "web.de",
                                       "orange.fr", "company.io"};
    static const char *const city[] = {
        "Berlin", "Paris",  "Madrid", "London", "Warsaw", "Lyon", "Porto", "Milan", "Vienna",
        "Oslo",   "Prague", "Zürich", "Dublin", "Athens", "Riga", "Ghent", "Malmö"};
    const char *given = PICK(s, first);
    const char *family = PICK(s, last);
    s->time += part(s) * 120;
    say("%" PRIu64 "\t", id);
    uuid(s);
    say("\t%c%s%" PRIu64 "@%s\t%s %s\t", tolower(given[0]), family, below(s, 9999),
        PICK(s, host), given, family);
    if (below(s, 3))
        say("+49 %" PRIu64 " %" PRIu64, 100 + below(s, 900), 1000000 + below(s, 9000000));
    else
        say("\\N");
    say("\t{\"zip\": \"%05" PRIu64 "\", \"city\": \"%s\", ", below(s, 99999), PICK(s, city));
    say("\"street\": \"%s %" PRIu64 "\", \"country\": \"DE\"}\t", name(s), 1 + below(s, 200));
    timestamp(s->time);
    say("\t");
    timestamp(s->time + part(s) * 90 * DAY);
    say("\t");
    money(s, 0, 5000);
    say("\t%c\t", below(s, 4) ? 't' : 'f');
    if (below(s, 5))
        say("\\N");
    else
        prose(s, 8 + below(s, 40));
    say("\n");
}

static void product(struct shop *s, uint64_t id)
{
    say("%" PRIu64 "\tSKU-%06" PRIu64 "-%c\t", id, below(s, 1000000), 'A' + (int)below(s, 26));
    prose(s, 2 + below(s, 5));
    say("\t");
    prose(s, 40 + below(s, 80));
    say("\t");
    money(s, 1, 900);
    say("\t{red,green,\"%s\"}\t", s->word[below(s, WORDS)]);
    timestamp(s->time += part(s) * 600);
    say("\n");
}

static void order(struct shop *s, uint64_t id)
{
    static const char *const state[] = {"delivered", "shipped",   "paid",
                                        "pending",   "cancelled", "refunded"};
    static const char *const currency[] = {"EUR", "USD", "GBP", "PLN"};
    s->time += part(s) * 25;
    say("%" PRIu64 "\t", id);
    uuid(s);
    say("\t%" PRIu64 "\t%s\t", 1 + skewed(s, 30000 * s->tenths), PICK(s, state));
    money(s, 5, 800);
    say("\t%s\t", PICK(s, currency));
    timestamp(s->time);
    say("\t");
    timestamp(s->time + part(s) * 5 * DAY);
    if (below(s, 3)) {
        say("\t{\"carrier\": \"%s\", ", below(s, 2) ? "DHL" : "UPS");
        say("\"method\": \"%s\", ", below(s, 3) ? "standard" : "express");
        say("\"weight_g\": %" PRIu64 "}\t", 100 + skewed(s, 9000));
    } else {
        say("\t\\N\t");
    }
    if (below(s, 12))
        say("\\N");
    else
        prose(s, 4 + below(s, 18));
    say("\n");
}

static void order_items(struct shop *s, uint64_t order_id)
{
    uint64_t lines = 1 + skewed(s, 6);
    for (uint64_t line = 1; line <= lines; line++) {
        say("%" PRIu64 "\t%" PRIu64 "\t", order_id, line);
        say("%" PRIu64 "\t", 1 + skewed(s, 2000 * s->tenths));
        say("%" PRIu64 "\t", 1 + skewed(s, 5));
        money(s, 1, 300);
        say("\t%s\n", below(s, 10) ? "0.00" : "5.00");
    }
}

static void event(struct shop *s, uint64_t id)
{
    static const char *const type[] = {"page_view",    "product_view",     "add_to_cart",
                                       "search",       "checkout_started", "login",
                                       "order_placed", "logout",           "password_reset"};
    static const char *const agent[] = {
        "Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0",
        "iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
        "Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0"};
    s->time += part(s) * 28;
    cuid(s, id);
    say("\t");
    uuid(s);
    say("\t%" PRIu64 "\t%s\t", 1 + skewed(s, 30000 * s->tenths), PICK(s, type));
    say("{\"ua\": \"Mozilla/5.0 (%s Safari/537.36\", ", PICK(s, agent));
    say("\"path\": \"/%s", name(s));
    say("/%s\", \"referrer\": %s, ", name(s),
        below(s, 3) ? "null" : "\"https://www.google.com/\"");
    say("\"duration_ms\": %" PRIu64 ", ", skewed(s, 20000));
    say("\"product_id\": %" PRIu64 "}\t", 1 + skewed(s, 2000 * s->tenths));
    uint64_t ip = made_random(&s->random);
    say("%" PRIu64 ".%u.%u.%u\t", 1 + (ip >> 24) % 223, (unsigned)(ip >> 16) & 255,
        (unsigned)(ip >> 8) & 255, (unsigned)ip & 255);
    timestamp(s->time);
    say("\n");
}

static void message(struct shop *s, uint64_t id)
{
    say("%" PRIu64 "\t%" PRIu64 "\t", id, 1 + skewed(s, 30000 * s->tenths));
    prose(s, 3 + below(s, 6));
    say("\t");
    uint64_t paragraphs = 1 + below(s, 4);
    for (uint64_t i = 0; i < paragraphs; i++) {
        say("%s", i ? "\\n\\n" : "");
        prose(s, 20 + below(s, 80));
    }
    say("\t");
    timestamp(s->time += part(s) * 500);
    say("\n");
}

static void attachment(struct shop *s, uint64_t id)
{
    say("%" PRIu64 "\t%" PRIu64 "\tscan_%" PRIu64 ".jpg\t\\\\x", id,
        1 + below(s, 6000 * s->tenths), id);
    uint64_t words = 200 + below(s, 1800);
    for (uint64_t i = 0; i < words; i++)
        say("%04x", (unsigned)made_random(&s->random) & 0xffff);
    say("\n");
}

/* What is made for one id of a table. */
typedef void maker(struct shop *s, uint64_t id);

static maker *maker_of(const char *table)
{
    static const struct {
        const char *name;
        maker *make;
    } tables[] = {{"customers", customer},      {"products", product}, {"orders", order},
                  {"order_items", order_items}, {"events", event},     {"messages", message},
                  {"attachments", attachment}};
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        if (strcmp(tables[i].name, table) == 0)
            return tables[i].make;
    return NULL;
}

int main(int argc, char **argv)
{
    uint64_t number[5] = {0};
    maker *make = argc == 7 ? maker_of(argv[1]) : NULL;
    bool good = make != NULL;
    for (int i = 0; good && i < 5; i++)
        good = str_u64(argv[2 + i], INT64_MAX, &number[i]);
    if (!good) {
        (void)fprintf(stderr, "usage: bench_shop TABLE FIRST COUNT SEED TIME TENTHS\n");
        return 2;
    }
    struct shop *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    make_prose(s);
    s->random = number[2] * 1000003 + (uint64_t)argv[1][0] * 7 + strlen(argv[1]);
    s->time = (double)number[3];
    s->tenths = number[4];
    for (uint64_t i = 0; i < number[1]; i++)
        make(s, number[0] + i);
    free(s);
    return fflush(stdout) == 0 ? 0 : 1;
}
