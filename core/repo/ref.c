/* SPDX-License-Identifier: Apache-2.0 */
#include "core/repo/ref.h"

#include <stdio.h>

#include "core/base/str.h"
#include "core/flow/seal.h"

int ref_write(struct buf *b, const struct ref *ref, struct error *e)
{
    if (buf_append(b, ref->chunk_id, sizeof ref->chunk_id, e) < 0 ||
        buf_append(b, ref->pack_id, sizeof ref->pack_id, e) < 0 ||
        buf_u32(b, ref->record, e) < 0 || buf_u32(b, ref->offset, e) < 0 ||
        buf_u32(b, ref->stored, e) < 0 || buf_u32(b, ref->plain, e) < 0 ||
        buf_byte(b, ref->codec, e) < 0 || buf_byte(b, ref->kind, e) < 0)
        return -1;
    return buf_u16(b, 0, e);
}

bool ref_read(struct cursor *c, struct ref *ref)
{
    cursor_copy(c, ref->chunk_id, sizeof ref->chunk_id);
    cursor_copy(c, ref->pack_id, sizeof ref->pack_id);
    ref->record = cursor_u32(c);
    ref->offset = cursor_u32(c);
    ref->stored = cursor_u32(c);
    ref->plain = cursor_u32(c);
    ref->codec = cursor_u8(c);
    ref->kind = cursor_u8(c);
    (void)cursor_u16(c);
    return !c->bad && ref_allowed(ref);
}

bool ref_allowed(const struct ref *ref)
{
    if (ref->plain == 0 || ref->plain > FORMAT_MAX_CHUNK || ref->stored == 0 ||
        ref->stored > ref->plain || ref->record >= FORMAT_MAX_RECORDS)
        return false;
    if (ref->codec == FORMAT_CODEC_RAW && ref->stored != ref->plain)
        return false;
    if (ref->codec == FORMAT_CODEC_COLUMNS && ref->kind != FORMAT_KIND_ROWS)
        return false;
    return ref->kind >= FORMAT_KIND_ROWS && ref->kind <= FORMAT_KIND_META &&
           (uint64_t)ref->offset + ref->stored + SEAL_TAG_LEN <= FORMAT_MAX_PACK;
}

void ref_pack_name(char *out, const struct ref_object *object)
{
    char sha[2 * FORMAT_HASH_LEN + 1];
    char suffix[2 * FORMAT_SUFFIX_LEN + 1];
    str_hex(sha, object->sha256, sizeof object->sha256);
    str_hex(suffix, object->suffix, sizeof object->suffix);
    (void)snprintf(out, FORMAT_NAME_MAX, "packs/%.2s/%s-%s", sha, sha, suffix);
}

bool ref_pack_parse(const char *name, struct ref_object *object)
{
    char sha[2 * FORMAT_HASH_LEN + 1];
    if (strlen(name) != 9 + 64 + 1 + 8 || !str_starts(name, "packs/") || name[8] != '/' ||
        name[73] != '-')
        return false;
    memcpy(sha, name + 9, 64);
    sha[64] = '\0';
    *object = (struct ref_object){0};
    return memcmp(name + 6, sha, 2) == 0 && str_unhex(object->sha256, FORMAT_HASH_LEN, sha) &&
           str_unhex(object->suffix, FORMAT_SUFFIX_LEN, name + 74);
}
