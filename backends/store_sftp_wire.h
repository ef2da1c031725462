/* SPDX-License-Identifier: Apache-2.0 */
/* Single SFTP requests through libcurl: a pool of easy handles, each with a connection of its
 * own that is kept; what came of a request is said in four words (answers below). Any number of
 * threads; each request borrows a handle. */
#ifndef BACKENDS_STORE_SFTP_WIRE_H
#define BACKENDS_STORE_SFTP_WIRE_H

#include "backends/backoff.h"
#include "backends/store_url.h"
#include "core/base/buf.h"

#define STORE_SFTP_ABSENT 1  /* no such file or folder, and the connection was whole */
#define STORE_SFTP_REFUSED 2 /* the server said no; e tells, its connection was whole */
#define STORE_SFTP_CUT 3     /* the connection failed or stalled: fate unknown; e tells */

struct store_sftp_wire;
struct store_options;

enum store_sftp_method {
    STORE_SFTP_LOOK,  /* size and time of a file; of a path with a "/" behind: its time */
    STORE_SFTP_GET,   /* content, or of a path with a "/" behind: the long listing */
    STORE_SFTP_NAMES, /* of a path with a "/" behind: names, a line each */
    STORE_SFTP_PUT,   /* make or replace a file; folders above are made */
};

struct store_sftp_request {
    enum store_sftp_method method;
    const char *path;            /* absolute on the server */
    const char *const *commands; /* quote commands to be done before, NULL at the end */
    struct bytes body;           /* PUT */
    uint64_t offset;             /* GET: from there on */
    size_t len;                  /* GET: so much; SIZE_MAX: all */
    size_t most;                 /* more than this in the answer is ERROR_CORRUPT */
    struct buf *out;             /* GET, NAMES: cleared first; quote commands: their lines */
    bool time;                   /* LOOK: time is wanted (one more round trip) */
};

struct store_sftp_reply {
    uint64_t size;
    int64_t time_s; /* UTC by the server's clock; -1: not told */
};

/* Take from the URL what store_sftp_login_init takes. Nothing is sent yet. NULL with
 * ERROR_USAGE, ERROR_KEY, ERROR_IO, ERROR_MEMORY. */
MUST_CHECK struct store_sftp_wire *store_sftp_wire_new(const struct store_url *u,
                                                       struct error *e);
void store_sftp_wire_free(struct store_sftp_wire *w);

/* See store_configure. */
void store_sftp_wire_configure(struct store_sftp_wire *w, const struct store_options *o);

/* Find a host key type and a user key that the server takes, trying again while it is out of
 * reach; *home is its folder for us, the caller's to free. Once, before all others. ERROR_KEY,
 * ERROR_BUSY. */
MUST_CHECK int store_sftp_wire_connect(struct store_sftp_wire *w, char **home, struct error *e);

/* One attempt. 0 or an answer above; else ERROR_KEY, ERROR_IO (no permission: EACCES; disk
 * full: ENOSPC), ERROR_CORRUPT, ERROR_MEMORY. reply may be NULL. */
MUST_CHECK int store_sftp_wire_once(struct store_sftp_wire *w,
                                    const struct store_sftp_request *r,
                                    struct store_sftp_reply *reply, struct error *e);

/* Attempts until one is not cut, or patience ends: ERROR_BUSY with the last cause. For what may
 * be done twice. */
MUST_CHECK int store_sftp_wire_send(struct store_sftp_wire *w,
                                    const struct store_sftp_request *r,
                                    struct store_sftp_reply *reply, struct error *e);

/* For an operation of several requests, with backoff_wait after those that were cut. */
void store_sftp_wire_begin(struct store_sftp_wire *w, struct backoff *b);

/* For store_sftp_many: a new handle of the way that was found, and sftp://host:port. */
struct store_sftp_handle;
MUST_CHECK struct store_sftp_handle *store_sftp_wire_handle(struct store_sftp_wire *w,
                                                            struct error *e);
const char *store_sftp_wire_base(const struct store_sftp_wire *w);

#endif
