/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the repository format, one place for all: docs/FORMAT.md. */
#ifndef REPO_FORMAT_H
#define REPO_FORMAT_H

#include "core/base/attr.h"

#define FORMAT_VERSION 0
#define FORMAT_ID_LEN 16
#define FORMAT_HASH_LEN 32
#define FORMAT_MAGIC_LEN 8

enum format_suite { FORMAT_SUITE_SEALED = 1, FORMAT_SUITE_PLAIN = 2 };

/* Statement types (1.2). */
enum format_type {
    FORMAT_CONFIG = 1,
    FORMAT_ENROLMENT = 2,
    FORMAT_MANIFEST = 3,
    FORMAT_MARK = 4,
    FORMAT_TOMBSTONE = 5,
    FORMAT_SESSION = 6,
    FORMAT_CONDEMNED = 7,
    FORMAT_REVOKED = 8,
    FORMAT_LEDGER = 9,
};

/* Chunk kinds and codecs (5.1). */
enum format_kind {
    FORMAT_KIND_ROWS = 1,
    FORMAT_KIND_BYTES = 2,
    FORMAT_KIND_RECIPE = 3,
    FORMAT_KIND_META = 4,
};
enum format_codec { FORMAT_CODEC_RAW = 0, FORMAT_CODEC_ZSTD = 1, FORMAT_CODEC_COLUMNS = 16 };

static inline bool format_kind_is_metadata(uint8_t kind)
{
    return kind == FORMAT_KIND_RECIPE || kind == FORMAT_KIND_META;
}

enum format_scope { FORMAT_SCOPE_CONTENT = 1, FORMAT_SCOPE_METADATA = 2 };
enum format_stream { FORMAT_STREAM_ROWS = 1, FORMAT_STREAM_BYTES = 2 };
enum format_member {
    FORMAT_MEMBER_DUMP = 1,
    FORMAT_MEMBER_GLOBALS = 2,
    FORMAT_MEMBER_FILE = 3,
    FORMAT_MEMBER_OPAQUE = 4,
};
enum format_pieces { FORMAT_PIECES_LINE = 1, FORMAT_PIECES_FIXED = 2, FORMAT_PIECES_LIST = 3 };

/* Enrolment flags (3.4). */
#define FORMAT_HOST_WRITER 1u
#define FORMAT_HOST_KEEPER 2u
#define FORMAT_HOST_EPHEMERAL 4u
#define FORMAT_HOST_READER 8u
#define FORMAT_HOST_AUDITOR 16u
#define FORMAT_HOST_REMOVED 32u

/* Manifest flags (7). */
#define FORMAT_FLAG_SUSPECT 1u
#define FORMAT_FLAG_DURING_MIGRATION 2u
#define FORMAT_FLAG_IMPORTED 4u
#define FORMAT_FLAG_UNCHECKED 8u
#define FORMAT_FLAG_ASSEMBLED 16u

/* Limits: checked before anything is allocated. */
#define FORMAT_MAX_PACK (64 * MIB)
#define FORMAT_PACK_TARGET (16 * MIB)
#define FORMAT_MAX_RECORDS (1u << 20)
#define FORMAT_MAX_CHUNK (8 * MIB)
#define FORMAT_MAX_MANIFEST (256 * MIB)
#define FORMAT_MAX_CONDEMNED (16 * MIB)
#define FORMAT_MAX_STATEMENT (1 * MIB)
#define FORMAT_MAX_ENVELOPES 64
/* A row of 1 GiB, PostgreSQL's limit, in chunks of 16 KiB is half of that. */
#define FORMAT_MAX_RECIPE_CHUNKS 131072
#define FORMAT_LONG_ROW (4 * MIB)

/* The suffix of a pack's name and its whole length: "packs/hh/" 64 "-" 8. */
#define FORMAT_SUFFIX_LEN 4
#define FORMAT_NAME_MAX 96

#endif
