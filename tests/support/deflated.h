/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed streams as pg_dump writes them, for tests. */
#ifndef TEST_DEFLATED_H
#define TEST_DEFLATED_H

#include "core/base/buf.h"
#include "core/dump/dump_reader.h"

/* One stream of codec over plain; the caller's to free with buf_done. Ends the program when
 * the codec refuses. */
struct buf deflated(enum dump_codec codec, struct bytes plain);
/* A zstd frame that wants a window of 2^log bytes. */
struct buf deflated_zstd_window(struct bytes plain, int log);
/* A zstd frame of blocks that each repeat one byte len times (RFC 8878, 3.1.1.2; at most
 * 128 KiB), four bytes a block: the tightest there is. */
struct buf deflated_zstd_runs(const uint32_t *len, size_t count);

#endif
