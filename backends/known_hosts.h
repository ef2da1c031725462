/* SPDX-License-Identifier: Apache-2.0 */
/* Which host keys are trusted: known_hosts files (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT") and
 * SHA-256 pins. Keys are kept as their SHA-256 fingerprint, as ssh-keygen -l shows it; a
 * fingerprint is no secret. One thread at a time. */
#ifndef BACKENDS_KNOWN_HOSTS_H
#define BACKENDS_KNOWN_HOSTS_H

#include "core/base/bytes.h"
#include "core/base/digest.h"
#include "core/base/error.h"

#define KNOWN_HOSTS_ABSENT 1       /* there is no such file */
#define KNOWN_HOSTS_FINGERPRINT 64 /* bytes of a fingerprint in text: "SHA256:" and 43 more */

enum known_hosts_type { /* in the order in which we ask a server for them */
                        KNOWN_HOSTS_ED25519,
                        KNOWN_HOSTS_ECDSA_256,
                        KNOWN_HOSTS_ECDSA_384,
                        KNOWN_HOSTS_ECDSA_521,
                        KNOWN_HOSTS_RSA,
                        KNOWN_HOSTS_TYPES, /* also: a pin, which may be of any type */
};

enum known_hosts_verdict { KNOWN_HOSTS_TRUSTED, KNOWN_HOSTS_UNKNOWN, KNOWN_HOSTS_REVOKED };

struct known_hosts_key {
    enum known_hosts_type type;
    uint8_t sha256[DIGEST_LEN];
    bool revoked;
};

/* Zeroed memory holds no key. */
struct known_hosts {
    struct known_hosts_key *keys;
    size_t count;
    bool authority; /* a @cert-authority line names the host */
};

/* Add what text says about host at port (22: the plain name; else "[host]:port", and the plain
 * name only where text has no line for that, as ssh does). Plain and hashed names, wildcards,
 * negation, @revoked. Lines that mean nothing are skipped, as ssh does. ERROR_MEMORY. */
MUST_CHECK int known_hosts_add(struct known_hosts *k, struct bytes text, const char *host,
                               uint16_t port, struct error *e);
/* The same from a file of at most 16 MiB. Answers KNOWN_HOSTS_ABSENT. ERROR_IO. */
MUST_CHECK int known_hosts_load(struct known_hosts *k, const char *path, const char *host,
                                uint16_t port, struct error *e);
/* Trust the keys of these fingerprints, "SHA256:…" with commas between. ERROR_USAGE. */
MUST_CHECK int known_hosts_pin(struct known_hosts *k, const char *fingerprints,
                               struct error *e);

/* What is known of the key that a server showed (RFC 4253 6.6 encoding). */
enum known_hosts_verdict known_hosts_check(const struct known_hosts *k,
                                           const uint8_t sha256[DIGEST_LEN]);
/* True when a key of that type may be trusted, so that it is worth asking for. */
bool known_hosts_has(const struct known_hosts *k, enum known_hosts_type type);
/* "ssh-ed25519" and so on; the type must be a single one. */
const char *known_hosts_name(enum known_hosts_type type);
/* "SHA256:" and base64 without padding, terminated. */
void known_hosts_fingerprint(char out[KNOWN_HOSTS_FINGERPRINT],
                             const uint8_t sha256[DIGEST_LEN]);

void known_hosts_done(struct known_hosts *k);

#endif
