/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with the headers that it wants before it, and the checks every test writes. */
#ifndef SUPPORT_CHECK_H
#define SUPPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/error.h"

/* expression answers 0; otherwise its error is shown. */
#define assert_done(expression, e)                                                             \
    do {                                                                                       \
        (e)->text[0] = '\0';                                                                   \
        int answer_ = (expression);                                                            \
        if (answer_ != 0)                                                                      \
            fail_msg("%s: %d: %s", #expression, answer_, (e)->text);                           \
    } while (0)

/* expression fails with this kind of error. */
#define assert_refused(expression, e, wanted)                                                  \
    do {                                                                                       \
        error_clear(e);                                                                        \
        assert_int_equal((expression), -1);                                                    \
        if ((e)->kind != (wanted))                                                             \
            fail_msg("%s: kind %d, not %d: %s", #expression, (int)(e)->kind, (int)(wanted),    \
                     (e)->text);                                                               \
    } while (0)

#endif
