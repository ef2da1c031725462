/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a piece of a test in a process of its own with failpoints set (base/failpoint): the
 * environment of failpoints is read once, so the test program itself must not pass any. */
#ifndef SUPPORT_FAULT_H
#define SUPPORT_FAULT_H

#include "core/base/attr.h"

#define FAULT_CRASHED 137

/* variable=value is put into the environment of a fork, which calls work(arg) and exits with
 * what it returns (0 to 100). Answers the exit status. */
int fault_run(const char *variable, const char *value, int (*work)(void *), void *arg);

#endif
