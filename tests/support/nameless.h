/* SPDX-License-Identifier: Apache-2.0 */
/* Files without a name that a process holds open, found by /proc. */
#ifndef SUPPORT_NAMELESS_H
#define SUPPORT_NAMELESS_H

#include <sys/types.h>

/* A descriptor of this process's own (for reading and writing, closed by the caller) for the
 * first file without a name that pid holds open in folder; -1: there is none. */
int nameless_open(pid_t pid, const char *folder);

#endif
