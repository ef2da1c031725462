/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/secret.h"
#include "core/base/str.h"
#include "core/repo/recovery.h"
#include "core/repo/repo_create.h"
#include "tools/commands.h"
#include "tools/exit.h"
#include "tools/paths.h"
#include "tools/secret_ask.h"

struct init_options {
    bool no_slot;
    const char *recovery_file;
};

#define AT(member) offsetof(struct init_options, member)
static const struct options_spec specs[] = {
    {0, "no-slot", OPTIONS_FLAG, AT(no_slot), NULL,
     "no passphrase: only the recovery code opens the repository", NULL},
    {0, "recovery-file", OPTIONS_TEXT, AT(recovery_file), "FILE",
     "write the recovery code here (0600) instead of showing it", NULL},
};

/* How the recovery code will leave must be clear before anything is made. */
static int check_way_out(const struct init_options *o, struct error *e)
{
    if (o->recovery_file) {
        if (access(o->recovery_file, F_OK) == 0)
            return error_set(e, ERROR_EXISTS, "--recovery-file: %s is there already",
                             o->recovery_file);
        return 0;
    }
    if (isatty(STDOUT_FILENO))
        return 0;
    (void)error_set(e, ERROR_USAGE,
                    "the recovery code can be shown on a terminal only, and there is none");
    return error_hint(e, "--recovery-file FILE keeps it in a file of your choice; move it off "
                         "this machine");
}

static int find_passphrase(const struct context *c, const struct init_options *o,
                           char **passphrase, struct error *e)
{
    if (o->no_slot)
        return 0;
    int rc = secret_find("PGKEEP_PASSPHRASE", c->stop, passphrase, e);
    if (rc == SECRET_NONE)
        rc = secret_ask("new passphrase", true, passphrase, e);
    if (rc == 0 && **passphrase == '\0')
        rc = error_set(e, ERROR_USAGE, "the passphrase is empty");
    if (rc != SECRET_NONE)
        return rc;
    (void)error_set(e, ERROR_USAGE, "no passphrase was given");
    return error_hint(e, "set PGKEEP_PASSPHRASE_FILE, or use --no-slot for a repository that "
                         "only the recovery code opens");
}

static int hand_out_code(const struct init_options *o, const char *code, struct error *e)
{
    if (o->recovery_file)
        return file_replace(o->recovery_file, bytes_text(code), 0600, e);
    (void)printf("\nRECOVERY CODE. Write it down and keep it away from this machine: without\n"
                 "it, a lost passphrase is a lost archive.\n\n%s\n",
                 code);
    return fflush(stdout) == 0 ? 0 : error_system(e, "showing the recovery code");
}

static int say(const struct context *c, const struct init_options *o, struct error *e)
{
    char id[2 * FORMAT_ID_LEN + 1];
    str_hex(id, repo_id(c->repo), FORMAT_ID_LEN);
    if (c->json) {
        struct json *j = json_new_object();
        json_put_text(j, "message_type", "summary");
        json_put_text(j, "repository_id", id);
        json_put_text(j, "url", c->url);
        json_put_text(j, "host_bundle", c->bundle_path);
        json_put_text(j, "recovery_file", o->recovery_file);
        json_put_text(j, "store", store_describe(c->store));
        int rc = json_write(j, false, stdout, e);
        (void)putchar('\n');
        json_free(j);
        return rc;
    }
    if (c->quiet)
        return 0;
    (void)printf("made repository %s at %s (%s)\n", id, c->url, store_describe(c->store));
    (void)printf("this host may write; its keys are in %s\n", c->bundle_path);
    if (o->recovery_file)
        (void)printf("the recovery code is in %s: move it off this machine\n",
                     o->recovery_file);
    return 0;
}

static int run(struct context *c, const void *options, int argc, char **argv, char **after,
               struct error *e)
{
    const struct init_options *o = options;
    char *passphrase = NULL;
    char code[RECOVERY_SIZE] = "";
    struct secret seed = {0};
    struct bundle bundle = {0};
    int rc = -1;
    (void)argv;
    if (argc > 0 || after)
        return error_set(e, ERROR_USAGE, "init takes no arguments");
    /* Nobody is asked for a passphrase that is of no use. */
    if (check_way_out(o, e) < 0 || context_store(c, true, e) < 0 ||
        repo_create_check(c->store, e) < 0 || find_passphrase(c, o, &passphrase, e) < 0 ||
        secret_random(seed.key, sizeof seed.key, e) < 0 ||
        recovery_write(&seed, code, sizeof code, e) < 0)
        goto out;
    /* The code first: a repository without its code is a trap, a code without its repository
     * is only paper. */
    if (hand_out_code(o, code, e) < 0)
        goto out;
    if (repo_create(c->store, passphrase, &seed, e) < 0) {
        (void)error_wrap(e, "no repository was made, its recovery code is void");
        goto out;
    }
    if (context_repo(c, e) < 0 || repo_use_seed(c->repo, &seed, e) < 0 ||
        repo_enrol(c->repo, true, &bundle, e) < 0 || context_save_bundle(c, &bundle, e) < 0 ||
        say(c, o, e) < 0)
        goto out;
    rc = EXIT_DONE;
out:
    secret_free_text(passphrase);
    explicit_bzero(code, sizeof code);
    secret_wipe(&seed);
    bundle_wipe(&bundle);
    return rc;
}

const struct command cmd_init = {
    .name = "init",
    .usage = "-r URL [--no-slot] [--recovery-file FILE]",
    .summary = "Make a new repository and enrol this host",
    .more = "The passphrase comes from PGKEEP_PASSPHRASE, PGKEEP_PASSPHRASE_FILE,\n"
            "PGKEEP_PASSPHRASE_COMMAND or the terminal.\n",
    .specs = specs,
    .spec_count = ARRAY_SIZE(specs),
    .options_size = sizeof(struct init_options),
    .run = run,
};
