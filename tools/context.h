/* SPDX-License-Identifier: Apache-2.0 */
/* What a command works with: global options, the repository, its keys, the catalog. */
#ifndef TOOLS_CONTEXT_H
#define TOOLS_CONTEXT_H

#include <signal.h>

#include "catalog/catalog.h"
#include "core/repo/repo.h"
#include "tools/options.h"

struct context {
    /* Global options. */
    const char *repository;
    const char *catalog_path;
    const char *key_file;
    const char *log_file;
    const char *log_format;
    const char *progress;
    const char *color;
    bool json;
    unsigned quiet;
    unsigned verbose;
    bool help;
    bool version;
    /* Bytes a second across a network, 0: no limit; set before the store is opened. */
    uint64_t up_per_second, down_per_second;
    /* What is open; closed by context_done. */
    char *url; /* canonical */
    struct store *store;
    struct repo *repo;
    struct catalog *catalog;
    int catalog_lock; /* shared while the catalog is open; -1 */
    char *passing;    /* a folder for the catalog of this run alone; NULL */
    char *state_folder;
    char *bundle_path;
    const volatile sig_atomic_t *stop;
};

/* A command of the program. */
struct command {
    const char *name;
    const char *usage;   /* what stands behind "pgkeep name" */
    const char *summary; /* one line */
    const char *more;    /* further help; NULL none */
    const struct options_spec *specs;
    size_t spec_count;
    size_t options_size; /* of the struct that specs fill; zeroed before */
    /* argv[0..argc-1] are the arguments; what stands behind "--" is in after, NULL-ended (NULL:
     * no "--"). Answers an exit code, or -1. */
    int (*run)(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e);
};

extern const struct options_spec context_specs[];
extern const size_t context_spec_count;

void context_done(struct context *c);

/* A rate such as 10M (bytes a second); text may be NULL. ERROR_USAGE names the option. */
MUST_CHECK int context_rate(const char *option, const char *text, uint64_t *rate,
                            struct error *e);
/* What a store that was just opened must know of limits and signals. */
void context_tell_store(const struct context *c, struct store *s);
/* The store of --repo. ERROR_USAGE without one. */
MUST_CHECK int context_store(struct context *c, bool create, struct error *e);
/* The repository, and this host's bundle if there is one. */
MUST_CHECK int context_repo(struct context *c, struct error *e);
/* A key that reads content: key file, recovery code, passphrase. ERROR_KEY for a wrong one;
 * CONTEXT_NO_KEY when none was given. */
#define CONTEXT_NO_KEY 1
MUST_CHECK int context_find_reader(struct context *c, struct error *e);
/* The same, without asking a person. */
MUST_CHECK int context_given_reader(struct context *c, struct error *e);
/* As context_find_reader; none is ERROR_KEY too. */
MUST_CHECK int context_reader(struct context *c, struct error *e);
/* A key that reads metadata at least, when there is one without asking; none is no error. */
MUST_CHECK int context_metadata(struct context *c, struct error *e);
/* This host's bundle; a holder of the recovery seed is enrolled if there is none. */
MUST_CHECK int context_writer(struct context *c, struct error *e);
/* Save a bundle where context_repo finds it. */
MUST_CHECK int context_save_bundle(struct context *c, const struct bundle *b, struct error *e);
/* Where the catalog is, and the lock that whoever replaces it takes alone; the caller frees. */
MUST_CHECK char *context_catalog_path(const struct context *c, const char *suffix,
                                      struct error *e);
#define CONTEXT_LOCK ".lock"
/* The catalog, made when absent. Waits while it is made anew. */
MUST_CHECK int context_catalog(struct context *c, struct error *e);

/* The same for a command that only reads: where this host's folder cannot be written
 * (read-only, full, another user's) a catalog that lives as long as the command, and a warning.
 */
MUST_CHECK int context_reading_catalog(struct context *c, struct error *e);

/* Is a progress line wanted? */
bool context_wants_progress(const struct context *c);
/* Worker threads for n asked (0: by the machine). */
unsigned context_workers(uint64_t asked);

#endif
