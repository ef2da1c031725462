/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks and recipes put into packs one by one, sound or not, for what reads them. Everything
 * that must work here ends the program when it does not. */
#ifndef SUPPORT_CHUNK_MAKER_H
#define SUPPORT_CHUNK_MAKER_H

#include "core/job/fetch.h"
#include "core/repo/pack.h"
#include "core/repo/recipe.h"
#include "core/repo/stream.h"
#include "tests/support/repository.h"

struct chunk_maker {
    struct repository repository;
    struct pack_keys keys;
    struct buf envelopes;
    struct pack *pack;      /* the one that is filled */
    struct closure closure; /* the packs that were sealed */
    struct compress *compress;
    struct columns *columns;
    struct digest_hmac *hmac;
    struct buf body, stored;
    bool wrong_ids; /* name chunks wrongly from here on */
};

/* A new repository on the store, which stays the caller's. */
void chunk_maker_init(struct chunk_maker *m, struct store *store);
void chunk_maker_done(struct chunk_maker *m);
/* One chunk into the pack that is filled. A codec that does not make it smaller: stored raw. */
struct ref chunk_maker_put(struct chunk_maker *m, enum format_kind kind,
                           enum format_codec codec, struct bytes plain);
/* The same with bytes that are stored as they are, whatever the reference says. */
void chunk_maker_put_stored(struct chunk_maker *m, struct ref *ref, struct bytes stored);
struct ref chunk_maker_recipe(struct chunk_maker *m, const struct recipe *r);
/* A stream of one part; the recipes are copied. For stream_done. */
struct stream chunk_maker_stream(enum format_stream kind, const struct ref *recipes,
                                 uint32_t count);
/* Store the pack and begin another. */
void chunk_maker_seal(struct chunk_maker *m);
/* Reads what was sealed so far; for fetch_free. */
struct fetch *chunk_maker_fetch(struct chunk_maker *m);

#endif
