/* SPDX-License-Identifier: Apache-2.0 */
/* Which of pg_dump's arguments choose what is dumped. Each is brought to one form,
 * --long=value, and the forms are sorted: they mean the same in any order. */
#include <stdlib.h>

#include "core/base/str.h"
#include "core/repo/member.h"

static const struct {
    const char *name;
    char letter; /* 0: none */
} filters[] = {
    {"schema", 'n'},
    {"exclude-schema", 'N'},
    {"table", 't'},
    {"exclude-table", 'T'},
    {"exclude-table-data", 0},
    {"table-and-children", 0},
    {"exclude-table-and-children", 0},
    {"exclude-table-data-and-children", 0},
    {"extension", 'e'},
    {"exclude-extension", 0},
    {"filter", 0},
};

/* If argument is a filter: its name, and in *value what stands behind it in the same argument
 * (NULL: the next argument is its value). */
static const char *filter_of(const char *argument, const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
        const char *name = filters[i].name;
        size_t len = strlen(name);
        if (str_starts(argument, "--") && strncmp(argument + 2, name, len) == 0) {
            if (argument[2 + len] == '=')
                *value = argument + 2 + len + 1;
            if (*value || argument[2 + len] == '\0')
                return name;
        }
        if (filters[i].letter && argument[0] == '-' && argument[1] == filters[i].letter) {
            *value = argument[2] ? argument + 2 : NULL;
            return name;
        }
    }
    return NULL;
}

/* The filter at argument i of count, in its one form; the caller frees. *next is the argument
 * behind it. NULL with *next set: it is none; NULL with *next 0: no memory. */
static char *take_filter(const char *const *items, size_t count, size_t i, size_t *next,
                         struct error *e)
{
    const char *value;
    const char *name = filter_of(items[i], &value);
    *next = i + 1;
    if (name && !value && i + 1 < count) {
        value = items[i + 1];
        *next = i + 2;
    }
    if (!name || !value)
        return NULL;
    char *form = str_format(e, "--%s=%s", name, value);
    if (!form)
        *next = 0;
    return form;
}

static int compare(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

static int add_lacks(const struct member_private *p, struct buf *out, struct error *e)
{
    uint8_t lacks = 0;
    for (size_t i = 0; i < p->member_count; i++)
        lacks |= p->members[i].lacks;
    if (lacks & MEMBER_LACKS_DEFINITIONS && buf_printf(out, e, "data only\n") < 0)
        return -1;
    return lacks & MEMBER_LACKS_ROWS ? buf_printf(out, e, "schema only\n") : 0;
}

int member_filters(const struct member_private *p, struct buf *out, struct error *e)
{
    const struct member_texts *arguments = &p->dump_arguments;
    char **forms = calloc(arguments->count + 1, sizeof *forms);
    size_t count = 0;
    int rc = 0;
    if (!forms)
        return error_memory(e, "filters of a dump");
    for (size_t i = 0, next; rc == 0 && i < arguments->count; i = next) {
        char *form = take_filter((const char *const *)(const void *)arguments->items,
                                 arguments->count, i, &next, e);
        if (form)
            forms[count++] = form;
        else if (next == 0)
            rc = -1;
    }
    if (count > 0)
        qsort(forms, count, sizeof *forms, compare);
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (i == 0 || strcmp(forms[i], forms[i - 1]) != 0)
            rc = buf_printf(out, e, "%s\n", forms[i]);
    if (rc == 0)
        rc = add_lacks(p, out, e);
    for (size_t i = 0; i < count; i++)
        free(forms[i]);
    free(forms);
    return rc;
}

int member_filters_take(struct member_private *p, const char *const *argv, struct error *e)
{
    size_t count = 0;
    int rc = 0;
    while (argv[count])
        count++;
    for (size_t i = 0, next; rc == 0 && i < count; i = next) {
        char *form = take_filter(argv, count, i, &next, e);
        if (form)
            rc = member_texts_add(&p->dump_arguments, form, e);
        else if (next == 0)
            rc = -1;
        free(form);
    }
    return rc;
}
