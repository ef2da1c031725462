/* SPDX-License-Identifier: Apache-2.0 */
/* A relay before a server of this machine, which breaks connections at a chosen moment. */
#ifndef SUPPORT_SSH_RELAY_H
#define SUPPORT_SSH_RELAY_H

#include "core/base/attr.h"

/* A free port of 127.0.0.1. */
uint16_t ssh_relay_free_port(void);

struct ssh_relay;

/* Passes connections on to that port of 127.0.0.1; a thread. */
struct ssh_relay *ssh_relay_start(uint16_t target);
uint16_t ssh_relay_port(const struct ssh_relay *r);
/* The count-th piece that the server sends from now on (1: the next) is lost, and its
 * connection is closed; once. 0: never. */
void ssh_relay_lose(struct ssh_relay *r, unsigned count);
/* The next byte that a client sends is not passed on: its connection is closed; once. */
void ssh_relay_cut_next(struct ssh_relay *r);
/* Pieces that servers sent since ssh_relay_lose or the start. */
unsigned ssh_relay_pieces(struct ssh_relay *r);
/* True when what was asked for has happened. */
bool ssh_relay_happened(struct ssh_relay *r);
/* Nothing passes any more, and nothing is closed; new connections are taken. */
void ssh_relay_stall(struct ssh_relay *r, bool stalled);
void ssh_relay_stop(struct ssh_relay *r);

#endif
