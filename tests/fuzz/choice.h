/* SPDX-License-Identifier: Apache-2.0 */
/* For targets that have several checks: the first byte of the input chooses which. */
#ifndef FUZZ_CHOICE_H
#define FUZZ_CHOICE_H

#include "core/base/bytes.h"

typedef void choice_check(struct bytes rest);

static inline int choice_run(const uint8_t *data, size_t size, choice_check *const *checks,
                             size_t count)
{
    if (size > 0)
        checks[data[0] % count](bytes_of(data + 1, size - 1));
    return 0;
}

#endif
