/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/db_url_prisma.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/str.h"

enum meaning {
    KEEP,     /* libpq's own */
    DROP,     /* Prisma's client alone */
    SCHEMA,   /* Prisma: where its tables are */
    POOLER,   /* Prisma: there is a transaction pooler in between */
    ACCEPT,   /* Prisma: is the server's certificate looked at */
    IDENTITY, /* Prisma: a PKCS#12 file */
    SSL,      /* JDBC's, which libpq takes in URLs */
};

struct parameter {
    const char *name;
    enum meaning meaning;
};

/* libpq's list (postgresql.org/docs/18/libpq-connect.html) without what a dump has no use for
 * (replication, sslkeylogfile), and Prisma's. */
static const struct parameter parameters[] = {
    {"host", KEEP},
    {"hostaddr", KEEP},
    {"port", KEEP},
    {"dbname", KEEP},
    {"user", KEEP},
    {"password", KEEP},
    {"passfile", KEEP},
    {"service", KEEP},
    {"servicefile", KEEP},
    {"require_auth", KEEP},
    {"channel_binding", KEEP},
    {"connect_timeout", KEEP},
    {"client_encoding", KEEP},
    {"options", KEEP},
    {"application_name", KEEP},
    {"fallback_application_name", KEEP},
    {"keepalives", KEEP},
    {"keepalives_idle", KEEP},
    {"keepalives_interval", KEEP},
    {"keepalives_count", KEEP},
    {"tcp_user_timeout", KEEP},
    {"gssencmode", KEEP},
    {"krbsrvname", KEEP},
    {"gsslib", KEEP},
    {"gssdelegation", KEEP},
    {"sslmode", KEEP},
    {"sslnegotiation", KEEP},
    {"sslcompression", KEEP},
    {"sslcert", KEEP},
    {"sslkey", KEEP},
    {"sslpassword", KEEP},
    {"sslcertmode", KEEP},
    {"sslrootcert", KEEP},
    {"sslcrl", KEEP},
    {"sslcrldir", KEEP},
    {"sslsni", KEEP},
    {"requirepeer", KEEP},
    {"ssl_min_protocol_version", KEEP},
    {"ssl_max_protocol_version", KEEP},
    {"min_protocol_version", KEEP},
    {"max_protocol_version", KEEP},
    {"target_session_attrs", KEEP},
    {"load_balance_hosts", KEEP},
    {"scram_client_key", KEEP},
    {"scram_server_key", KEEP},
    {"oauth_issuer", KEEP},
    {"oauth_client_id", KEEP},
    {"oauth_client_secret", KEEP},
    {"oauth_scope", KEEP},
    {"ssl", SSL},
    {"schema", SCHEMA},
    {"pgbouncer", POOLER},
    {"sslaccept", ACCEPT},
    {"sslidentity", IDENTITY},
    {"connection_limit", DROP},
    {"pool_timeout", DROP},
    {"socket_timeout", DROP},
    {"statement_cache_size", DROP},
    {"max_connection_lifetime", DROP},
    {"max_idle_connection_lifetime", DROP},
    {"single_use_connections", DROP},
};
static_assert(ARRAY_SIZE(parameters) <= DB_URL_MAX, "a URL with all of them must fit");

#define PEM_HINT "make PEM files of it (openssl pkcs12) and name them with sslcert and sslkey"

static const struct parameter *lookup(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(parameters); i++)
        if (strcmp(parameters[i].name, name) == 0)
            return &parameters[i];
    return NULL;
}

const char *db_url_prisma_name(const char *name)
{
    const struct parameter *known = lookup(name);
    return known ? known->name : NULL;
}

static int refuse(const struct db_url_prisma *p, const char *problem, const char *hint,
                  struct error *e)
{
    (void)error_set(e, ERROR_USAGE, "%s: %s", p->what, problem);
    return hint ? error_hint(e, "%s", hint) : -1;
}

/* -- one parameter -- */

static int put_schema(struct db_url *u, const char *value, struct error *e)
{
    free(u->schema);
    u->schema = NULL;
    if (!*value)
        return 0;
    u->schema = str_copy(value, e);
    return u->schema ? 0 : -1;
}

static int put_pooler(struct db_url_prisma *p, const char *value, struct error *e)
{
    p->u->pooler = strcmp(value, "false") != 0;
    if (!p->u->pooler || p->o->allow_pooler)
        return 0;
    return refuse(p, "pgbouncer: a transaction pooler cannot carry the session of a dump",
                  "give the direct URL of the server (DIRECT_URL), or --allow-pooler", e);
}

static int put_accept(struct db_url_prisma *p, const char *value, struct error *e)
{
    p->accept_seen = true;
    p->accept_strict = strcmp(value, "strict") == 0;
    if (p->accept_strict || strcmp(value, "accept_invalid_certs") == 0)
        return 0;
    return refuse(p, "sslaccept: expected strict or accept_invalid_certs", NULL, e);
}

static int put_ssl(struct db_url_prisma *p, const char *value, struct error *e)
{
    if (strcmp(value, "true") == 0)
        return db_url_set(p->u, "sslmode", "require", e);
    return refuse(p, "ssl: expected true", "write sslmode and one of libpq's values", e);
}

int db_url_prisma_put(struct db_url_prisma *p, const char *name, const char *value,
                      struct error *e)
{
    const struct parameter *known = lookup(name);
    assert(known);
    p->seen = p->seen || (known->meaning != KEEP && known->meaning != SSL);
    switch (known->meaning) {
    case KEEP:
        return db_url_set(p->u, known->name, value, e);
    case SCHEMA:
        return put_schema(p->u, value, e);
    case POOLER:
        return put_pooler(p, value, e);
    case ACCEPT:
        return put_accept(p, value, e);
    case IDENTITY:
        return refuse(p, "sslidentity: libpq cannot read a PKCS#12 file", PEM_HINT, e);
    case SSL:
        return put_ssl(p, value, e);
    case DROP:
        log_debug("%s: parameter %s is dropped: it means nothing to libpq", p->what, name);
        return 0;
    }
    return 0;
}

/* -- all of them -- */

static void rename_keyword(struct db_url *u, const char *old, char *name)
{
    for (size_t i = 0; i < u->count; i++)
        if (strcmp(u->keywords[i], old) == 0) {
            free(u->keywords[i]);
            u->keywords[i] = name;
            return;
        }
}

/* sslcert is the server's CA for Prisma, the client's own certificate for libpq. A key or a CA
 * beside it tells that libpq's is meant: Prisma knows neither parameter. */
static int settle_certificate(const struct db_url_prisma *p, struct error *e)
{
    if (!db_url_get(p->u, "sslcert") || db_url_get(p->u, "sslkey") ||
        db_url_get(p->u, "sslrootcert"))
        return 0;
    if (!p->accept_seen && !p->o->prisma_style)
        return refuse(p,
                      "sslcert: libpq takes it for the client's certificate, Prisma for the CA "
                      "of the server",
                      "write sslrootcert for a CA; beside a client's certificate give sslkey",
                      e);
    char *name = str_copy("sslrootcert", e);
    if (!name)
        return -1;
    rename_keyword(p->u, "sslcert", name);
    return 0;
}

/* The CAs that this machine trusts. libpq knows the word "system" only from 16 on, a file
 * always. */
static const char *system_roots(void)
{
    static const char *const bundles[] = {
        "/etc/ssl/certs/ca-certificates.crt", /* Debian */
        "/etc/pki/tls/certs/ca-bundle.crt",   /* RPM */
    };
    for (size_t i = 0; i < ARRAY_SIZE(bundles); i++)
        if (access(bundles[i], R_OK) == 0)
            return bundles[i];
    return "system";
}

static int settle_strict(const struct db_url_prisma *p, const char *mode, struct error *e)
{
    if (mode && strcmp(mode, "disable") == 0)
        return refuse(p, "sslmode=disable and sslaccept=strict contradict each other", NULL, e);
    if (!db_url_get(p->u, "sslrootcert") &&
        db_url_set(p->u, "sslrootcert", system_roots(), e) < 0)
        return -1;
    return db_url_set(p->u, "sslmode", "verify-full", e);
}

static int settle_mode(const struct db_url_prisma *p, struct error *e)
{
    static const char *const modes[] = {"",        "disable",   "allow",      "prefer",
                                        "require", "verify-ca", "verify-full"};
    const char *mode = db_url_get(p->u, "sslmode");
    size_t i = 0;
    while (mode && i < ARRAY_SIZE(modes) && strcmp(mode, modes[i]) != 0)
        i++;
    if (i == ARRAY_SIZE(modes))
        return refuse(p,
                      "sslmode: expected disable, allow, prefer, require, verify-ca or "
                      "verify-full",
                      "what other programs call no-verify is require here", e);
    if (p->accept_strict)
        return settle_strict(p, mode, e);
    if (mode && p->seen && (strcmp(mode, "allow") == 0 || str_starts(mode, "verify-")))
        log_info("%s: sslmode=%s is obeyed here; Prisma takes it for prefer", p->what, mode);
    return 0;
}

int db_url_prisma_settle(const struct db_url_prisma *p, struct error *e)
{
    /* With a key libpq's meaning is clear: the passphrase of that key. */
    if (db_url_get(p->u, "sslpassword") && !db_url_get(p->u, "sslkey"))
        return refuse(p, "sslpassword: libpq cannot read a PKCS#12 file", PEM_HINT, e);
    if (settle_certificate(p, e) < 0 || settle_mode(p, e) < 0)
        return -1;
    if (db_url_get(p->u, "application_name"))
        return 0;
    return db_url_set(p->u, "application_name", "pgkeep/" PGKEEP_VERSION, e);
}
