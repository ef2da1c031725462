/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: what others say to the SFTP store: lines of a listing, free space, known_hosts
 * files and pins. The first byte chooses. */
#include <stdlib.h>

#include "backends/known_hosts.h"
#include "backends/store_sftp_text.h"
#include "tests/fuzz/choice.h"

#define NOW_S INT64_C(1795000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(struct bytes line)
{
    struct store_sftp_line out;
    if (!store_sftp_text_line(line, NOW_S, &out))
        return;
    if (out.name.len == 0 || out.name.data < line.data ||
        out.name.data + out.name.len != line.data + line.len)
        abort();
}

static void check_free(struct bytes answer)
{
    uint64_t free_bytes;
    (void)!store_sftp_text_free(answer, &free_bytes);
}

static void check_known_hosts(struct bytes text)
{
    struct error e = {0};
    struct known_hosts k = {0};
    if (known_hosts_add(&k, text, "backup.example", 22, &e) < 0 ||
        known_hosts_add(&k, text, "backup.example", 2222, &e) < 0)
        abort();
    for (size_t i = 0; i < k.count; i++)
        if (known_hosts_check(&k, k.keys[i].sha256) == KNOWN_HOSTS_UNKNOWN)
            abort();
    known_hosts_done(&k);
}

static void check_pin(struct bytes raw)
{
    struct error e = {0};
    struct known_hosts k = {0};
    char *text = malloc(raw.len + 1);
    if (!text)
        abort();
    memcpy(text, raw.data, raw.len);
    text[raw.len] = '\0';
    if (known_hosts_pin(&k, text, &e) == 0)
        for (size_t i = 0; i < k.count; i++) {
            char again[KNOWN_HOSTS_FINGERPRINT];
            known_hosts_fingerprint(again, k.keys[i].sha256);
            again[strlen(again) - 1] = '\0'; /* two bits of the last character mean nothing */
            if (!strstr(text, again))
                abort();
        }
    known_hosts_done(&k);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static choice_check *const checks[] = {check_line, check_free, check_known_hosts,
                                           check_pin};
    return choice_run(data, size, checks, ARRAY_SIZE(checks));
}
