/* SPDX-License-Identifier: Apache-2.0 */
/* What all requests through libcurl have in common, HTTP and SFTP: limits of bandwidth that the
 * running ones share, the flag that ends them, and a line that stands still. (libcurl's own
 * detection of stalls averages over many seconds and is late.) */
#ifndef BACKENDS_TRANSFER_H
#define BACKENDS_TRANSFER_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "core/repo/store.h"

/* Of a client; zeroed memory has no limits and no flag. o is set while nothing runs. */
struct transfer_limits {
    struct store_options o;
    atomic_uint running;
};

/* Of one request. */
struct transfer {
    struct transfer_limits *of;
    CURL *curl;
    int64_t stall_ms; /* no byte in either direction for so long ends it */
    /* Its own. */
    int64_t moved_ms;
    curl_off_t moved;
    unsigned sharers;
    bool stalled, stopped; /* why it was ended */
};

/* Make libcurl ready, once in a process. */
void transfer_prepare(void);

/* Before the perform of a request, when of, curl and stall_ms are set: sets the limits. */
void transfer_begin(struct transfer *t);
void transfer_end(struct transfer *t);
/* CURLOPT_XFERINFOFUNCTION, with a struct transfer as CURLOPT_XFERINFODATA. */
int transfer_watch(void *transfer, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                   curl_off_t up);
/* Something came that libcurl does not count (headers). */
void transfer_moved(struct transfer *t);

#endif
