/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

#define MAX_OPTIONS 96
#define LONG_BASE 1000 /* getopt's answers for long options, above any letter */

void options_list_done(struct options_list *l)
{
    free(l->items);
    *l = (struct options_list){0};
}

static int add_item(struct options_list *l, const char *value, struct error *e)
{
    const char **items = reallocarray(l->items, l->count + 1, sizeof *items);
    if (!items)
        return error_memory(e, "options");
    l->items = items;
    items[l->count++] = value;
    return 0;
}

static int apply(const struct options_spec *spec, void *target, const char *value,
                 const char *shown, struct error *e)
{
    void *place = (char *)target + spec->offset;
    switch (spec->type) {
    case OPTIONS_FLAG:
        *(bool *)place = true;
        return 0;
    case OPTIONS_COUNT:
        *(unsigned *)place += 1;
        return 0;
    case OPTIONS_TEXT:
        *(const char **)place = value;
        return 0;
    case OPTIONS_LIST:
        return add_item(place, value, e);
    case OPTIONS_NUMBER:
        if (str_u64(value, INT64_MAX, place))
            return 0;
        return error_set(e, ERROR_USAGE, "%s: a number is expected", shown);
    default:
        return 0;
    }
}

/* A flag's value in the environment. */
static bool says_yes(const char *value)
{
    return strcmp(value, "1") == 0 || strcmp(value, "true") == 0 || strcmp(value, "yes") == 0 ||
           strcmp(value, "on") == 0;
}

static int from_environment(const struct options_spec *spec, void *target, struct error *e)
{
    char name[64] = "PGKEEP_";
    size_t used = strlen(name);
    if (spec->environment) {
        (void)snprintf(name, sizeof name, "%s", spec->environment);
    } else {
        for (const char *p = spec->name; *p && used + 1 < sizeof name; p++)
            name[used++] = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
        name[used] = '\0';
    }
    const char *value = *name ? getenv(name) : NULL;
    if (!value || !*value)
        return 0;
    if (spec->type == OPTIONS_FLAG && !says_yes(value))
        return 0;
    if (spec->type == OPTIONS_COUNT) {
        uint64_t n;
        if (!str_u64(value, 9, &n))
            return error_set(e, ERROR_USAGE, "%s: a number from 0 to 9 is expected", name);
        *(unsigned *)(void *)((char *)target + spec->offset) = (unsigned)n;
        return 0;
    }
    return apply(spec, target, value, name, e);
}

struct lookup {
    const struct options_spec *spec;
    void *target;
};

int options_parse(const struct options_table *tables, size_t count, int argc, char **argv,
                  int *first, struct error *e)
{
    struct option longs[MAX_OPTIONS + 1] = {{0}};
    struct lookup all[MAX_OPTIONS];
    char letters[2 * MAX_OPTIONS + 2] = ":";
    size_t n = 0;
    size_t used = 1;
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++, n++) {
            const struct options_spec *s = &tables[t].specs[i];
            if (n == MAX_OPTIONS)
                return error_set(e, ERROR_USAGE, "more than %d options", MAX_OPTIONS);
            all[n] = (struct lookup){s, tables[t].target};
            longs[n] = (struct option){s->name, s->argument ? required_argument : no_argument,
                                       NULL, LONG_BASE + (int)n};
            if (s->letter) {
                letters[used++] = s->letter;
                if (s->argument)
                    letters[used++] = ':';
            }
            if (from_environment(s, tables[t].target, e) < 0)
                return -1;
        }
    letters[used] = '\0';
    opterr = 0;
    optind = 0; /* glibc: start anew */
    for (;;) {
        int at = optind ? optind : 1;
        int c = getopt_long(argc, argv, letters, longs, NULL);
        if (c < 0)
            break;
        size_t i = 0;
        if (c >= LONG_BASE)
            i = (size_t)(c - LONG_BASE);
        else
            while (i < n && all[i].spec->letter != c)
                i++;
        if (c == ':')
            return error_set(e, ERROR_USAGE, "%.*s: a value is missing",
                             (int)strcspn(argv[optind - 1], "="), argv[optind - 1]);
        if (c == '?' && optopt != '?') {
            const char *word = optopt > 0 && optopt < LONG_BASE ? NULL : argv[at];
            if (word)
                (void)error_set(e, ERROR_USAGE, "option %.*s is not known or not clear",
                                (int)strcspn(word, "="), word);
            else
                (void)error_set(e, ERROR_USAGE, "option -%c is not known", optopt);
            return error_hint(e, "pgkeep help COMMAND lists the options");
        }
        if (i == n)
            return error_set(e, ERROR_USAGE, "option -%c is not known", c);
        if (apply(all[i].spec, all[i].target, optarg, all[i].spec->name, e) < 0)
            return -1;
    }
    *first = optind;
    return 0;
}

void options_help(const struct options_table *table, FILE *out)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct options_spec *s = &table->specs[i];
        char head[80];
        char letter[8] = "    ";
        if (s->letter)
            (void)snprintf(letter, sizeof letter, "-%c, ", s->letter);
        (void)snprintf(head, sizeof head, "%s--%s%s%s", letter, s->name, s->argument ? " " : "",
                       s->argument ? s->argument : "");
        (void)fprintf(out, "  %-34s %s\n", head, s->help);
    }
}
