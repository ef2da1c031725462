/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: what others say to the S3 store: pages and errors of a server, keys as roles and
 * programs answer them, profiles of AWS's tools. The first byte chooses. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/s3_key.h"
#include "backends/s3_profile.h"
#include "backends/s3_xml.h"
#include "tests/fuzz/choice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count(void *arg, const struct s3_xml_object *object, struct error *e)
{
    uint64_t *seen = arg;
    size_t len = strlen(object->key);
    (void)e;
    if (len == 0 || len >= S3_XML_NAME)
        abort();
    ++*seen;
    return 0;
}

static void check_page(struct bytes xml)
{
    struct error e = {0};
    struct s3_xml_page page;
    uint64_t seen = 0;
    if (s3_xml_read_page(xml, count, &seen, &page, &e) == 0 && seen != page.objects)
        abort();
}

static void check_error(struct bytes xml)
{
    struct s3_xml_error out;
    if (!s3_xml_read_error(xml, &out))
        return;
    /* What is shown to people holds nothing that moves their terminal. */
    for (const char *at = out.message; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            abort();
}

static void check_key(struct bytes text)
{
    static const struct s3_key_form forms[] = {
        {.what = "role", .token_name = "Token"},
        {.what = "process", .token_name = "SessionToken", .has_version = true}};
    for (size_t i = 0; i < 2; i++) {
        struct error e = {0};
        struct s3_key key = {0};
        if (s3_key_read(&key, text, &forms[i], &e) == 0 && (!key.id || !key.secret))
            abort();
        s3_key_done(&key);
    }
}

/* The region only: a key may come from a program that the file names. */
static void check_profile(struct bytes text)
{
    struct error e = {0};
    char path[64];
    char *region = NULL;
    int fd = memfd_create("config", 0);
    if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len)
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const struct s3_profile_options o = {.name = "night", .config = path, .credentials = path};
    if (s3_profile_region(&o, &region, &e) == 0 && !region)
        abort();
    free(region);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static choice_check *const checks[] = {check_page, check_error, check_key, check_profile};
    return choice_run(data, size, checks, ARRAY_SIZE(checks));
}
