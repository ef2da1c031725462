/* SPDX-License-Identifier: Apache-2.0 */
/* A temporary folder for one test. */
#ifndef SUPPORT_SCRATCH_H
#define SUPPORT_SCRATCH_H

#include "core/base/attr.h"

#define SCRATCH_PATH 256

/* Makes a new empty folder under $TMPDIR or /tmp; ends the test program when it cannot. */
void scratch_make(char folder[SCRATCH_PATH]);
/* Removes it with all that is in it. */
void scratch_remove(const char *folder);
/* folder/name */
void scratch_path(char out[SCRATCH_PATH], const char *folder, const char *name);
/* Number of names in folder, "." and ".." excepted. */
size_t scratch_count(const char *folder);

#endif
