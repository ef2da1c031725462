/* SPDX-License-Identifier: Apache-2.0 */
/* What an S3 server can do, found out with an object that no repository can hold
 * (probe-<random>), which is removed again. */
#ifndef BACKENDS_STORE_S3_PROBE_H
#define BACKENDS_STORE_S3_PROBE_H

#include "backends/store_s3_call.h"

/* Fills l->conditional. ERROR_UNSUPPORTED when an object that was put is not seen by the next
 * get and list, or the storage class or the object lock of the URL is not to be had; and what
 * any request may answer. Keys that may not remove are fine: the object stays then. */
MUST_CHECK int store_s3_probe_run(struct store_s3_link *l, struct error *e);

#endif
