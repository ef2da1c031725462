/* SPDX-License-Identifier: Apache-2.0 */
/* The postmaster is our child and not pg_ctl's, so that it can be told to end when we do. A
 * lock on a file of the folder says that somebody works there. */
#include "tools/scratch_cluster.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "tools/pg_tools.h"

#define PREFIX "pgkeep-scratch-"
#define NEW_PREFIX "pgkeep-new-" /* until it is locked: no sweep takes it */
#define KEPT_PREFIX "pgkeep-kept-"
#define LOCK "pgkeep.lock"
#define MOST_PATH 80    /* of a socket's 107 bytes its name takes some */
#define START_MS 120000 /* until it answers */
#define NAP_MS 50

/* Nothing of it outlives the run, so nothing need be safe on disk. On the command line: a file
 * in the folder would be written by us and owned by another. */
static const char *const settings[] = {
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "archive_mode=off",
    "max_wal_size=4GB",
    "shared_buffers=128MB",
    "maintenance_work_mem=128MB",
    "max_locks_per_transaction=256",
    "autovacuum=off",
    "logging_collector=off",
};
/* The same for who looks at it, as pg_ctl hands them to a shell. */
#define KEPT_SETTINGS                                                                          \
    "-c listen_addresses= -c port=" SCRATCH_CLUSTER_PORT " -c unix_socket_permissions=0700 "   \
    "-k "
/* Of a path that a shell may see. */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.-"
#define END_MS 60000 /* for a shutdown */

struct scratch_cluster {
    struct context *c;
    char *folder, *data;
    int lock;
    int major;
    bool as_other;
    struct child_user user; /* with as_other */
    char **environment;
    char *postgres;
    struct child *server;
};

const char *scratch_cluster_host(const struct scratch_cluster *s)
{
    return s->folder;
}

int scratch_cluster_major(const struct scratch_cluster *s)
{
    return s->major;
}

/* ---- programs ---------------------------------------------------------------------- */

static struct child_options options_for(const struct scratch_cluster *s,
                                        const char *const *arguments)
{
    return (struct child_options){.argv = arguments,
                                  .env = (const char *const *)s->environment,
                                  .in_fd = -1,
                                  .out_fd = -1,
                                  .user = s->as_other ? &s->user : NULL};
}

static int run(const struct scratch_cluster *s, const char *const *arguments, const char *what,
               struct error *e)
{
    const struct child_options o = options_for(s, arguments);
    struct child *child = child_start(&o, e);
    if (!child)
        return -1;
    child_obey(child, s->c->stop);
    int rc = child_finish(child, what, e);
    child_free(child);
    return rc;
}

/* By the owner of what is in it, whom no link there can lead to what is not his. */
static void remove_folder(const struct scratch_cluster *s, const char *folder)
{
    const char *const arguments[] = {"rm", "-rf", "--one-file-system", "--", folder, NULL};
    struct scratch_cluster patient = *s;
    struct context never = {0}; /* a signal does not end this */
    struct error why;
    patient.c = &never;
    if (run(&patient, arguments, "rm", &why) < 0)
        log_warning("%s stays: %s", folder, why.text);
}

/* ---- a place ----------------------------------------------------------------------- */

/* What a run left behind that was killed: its lock is held by nobody. */
static void sweep(const struct scratch_cluster *s, const char *parent)
{
    DIR *dir = opendir(parent);
    for (struct dirent *d; dir && (d = readdir(dir)) != NULL;) {
        struct error ignored;
        struct stat st;
        if (!str_starts(d->d_name, PREFIX))
            continue;
        char *folder = str_format(&ignored, "%s/%s", parent, d->d_name);
        char *path = folder ? str_format(&ignored, "%s/" LOCK, folder) : NULL;
        bool ours = path && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
                    st.st_uid == geteuid() && lstat(folder, &st) == 0 && S_ISDIR(st.st_mode);
        int lock = ours ? file_lock(path, false, &ignored) : -1;
        if (lock >= 0) {
            log_info("removing what a killed run left: %s", folder);
            remove_folder(s, folder);
            (void)close(lock);
        }
        free(folder);
        free(path);
    }
    if (dir)
        (void)closedir(dir);
}

static int choose_user(struct scratch_cluster *s, struct error *e)
{
    if (geteuid() != 0)
        return 0;
    static const char *const names[] = {"pgkeep", "postgres", "nobody"};
    const struct passwd *user = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(names) && !user; i++)
        user = getpwnam(names[i]);
    if (!user || user->pw_uid == 0)
        return error_set(e, ERROR_CHILD,
                         "PostgreSQL does not run as root, and there is none of the users "
                         "pgkeep, postgres and nobody");
    s->as_other = true;
    s->user = (struct child_user){.uid = user->pw_uid, .gid = user->pw_gid};
    return 0;
}

/* A database takes about as much as its dump, and its indexes more. */
static int check_room(const struct scratch_cluster *s, uint64_t bytes, struct error *e)
{
    char wanted[32];
    char there[32];
    int fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint64_t room = fd >= 0 ? file_room(fd) : UINT64_MAX;
    if (fd >= 0)
        (void)close(fd);
    if (room >= bytes)
        return 0;
    str_size(wanted, bytes);
    str_size(there, room);
    (void)error_set(e, ERROR_CHILD, "%s: no room for a database of about %s, %s are free",
                    s->folder, wanted, there);
    return error_hint(e, "TMPDIR names another folder");
}

/* Locked first, then named so that a sweep looks at it. */
static int lock_folder(struct scratch_cluster *s, const char *parent, struct error *e)
{
    char *path = str_format(e, "%s/" LOCK, s->folder);
    char *name =
        path ? str_format(e, "%s/" PREFIX "%s", parent, s->folder + strlen(s->folder) - 6)
             : NULL;
    s->lock = name ? file_lock(path, true, e) : -1;
    int rc = s->lock >= 0 ? file_rename(s->folder, name, e) : -1;
    free(path);
    if (rc < 0) {
        free(name);
        return -1;
    }
    free(s->folder);
    s->folder = name;
    return 0;
}

static int make_folder(struct scratch_cluster *s, uint64_t bytes, struct error *e)
{
    const char *parent = getenv("TMPDIR");
    if (!parent || *parent != '/')
        parent = "/var/tmp";
    sweep(s, parent);
    s->folder = str_format(e, "%s/" NEW_PREFIX "XXXXXX", parent);
    if (!s->folder)
        return -1;
    if (strlen(s->folder) > MOST_PATH || strspn(parent, PLAIN) != strlen(parent)) {
        (void)error_set(e, ERROR_USAGE,
                        "%s: too long for the socket of a server, or with "
                        "characters other than letters, digits and /_.-",
                        parent);
        free(s->folder);
        s->folder = NULL;
        return error_hint(e, "TMPDIR names another folder");
    }
    if (!mkdtemp(s->folder)) {
        int rc = error_system(e, "%s", s->folder);
        free(s->folder);
        s->folder = NULL;
        return rc;
    }
    if (lock_folder(s, parent, e) < 0)
        return -1;
    if (s->as_other && chown(s->folder, s->user.uid, s->user.gid) < 0)
        return error_system(e, "%s", s->folder);
    s->data = str_format(e, "%s/data", s->folder);
    return s->data ? check_room(s, bytes, e) : -1;
}

/* ---- the server -------------------------------------------------------------------- */

static int make_cluster(struct scratch_cluster *s, int least_major, struct error *e)
{
    char *initdb = NULL;
    int rc = pg_tools_find("initdb", least_major, &initdb, &s->major, e);
    if (rc == 0)
        rc = pg_tools_find("postgres", s->major, &s->postgres, NULL, e);
    if (rc < 0) {
        free(initdb);
        return error_hint(e, "a rehearsal needs a PostgreSQL server on this machine, or "
                             "--db-url-env NAME");
    }
    const char *const arguments[] = {initdb,
                                     "-D",
                                     s->data,
                                     "-U",
                                     SCRATCH_CLUSTER_USER,
                                     "-A",
                                     "trust",
                                     "--no-sync",
                                     "--encoding=UTF8",
                                     "--locale=C",
                                     NULL};
    rc = run(s, arguments, "initdb", e);
    free(initdb);
    return rc;
}

/* Until it answers, or has ended with its words. */
static int await_answer(struct scratch_cluster *s, struct error *e)
{
    const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
    const struct server_options o = {
        .host = s->folder, .port = SCRATCH_CLUSTER_PORT, .user = SCRATCH_CLUSTER_USER};
    int64_t until = clock_monotonic_ms() + START_MS;
    for (;;) {
        struct server *server = server_connect(&o, "postgres", NULL, e);
        server_close(server);
        if (server)
            return 0;
        if (child_has_ended(s->server))
            return child_finish(s->server, "postgres", e) < 0
                       ? -1
                       : error_set(e, ERROR_CHILD, "postgres ended");
        if (*s->c->stop)
            return error_stopped(e, *s->c->stop);
        if (e->kind != ERROR_BUSY || clock_monotonic_ms() >= until)
            return error_wrap(e, "scratch cluster");
        (void)nanosleep(&nap, NULL);
    }
}

static int start_server(struct scratch_cluster *s, struct error *e)
{
    const char *arguments[8 + 2 * ARRAY_SIZE(settings)] = {
        s->postgres, "-D", s->data, "-k", s->folder, "-p", SCRATCH_CLUSTER_PORT};
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        arguments[7 + 2 * i] = "-c";
        arguments[8 + 2 * i] = settings[i];
    }
    struct child_options o = options_for(s, arguments);
    o.death_signal = SIGQUIT; /* at once, without a checkpoint */
    s->server = child_start(&o, e);
    return s->server ? await_answer(s, e) : -1;
}

struct scratch_cluster *scratch_cluster_start(struct context *c, int least_major,
                                              uint64_t bytes, struct error *e)
{
    struct scratch_cluster *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_memory(e, "scratch cluster");
        return NULL;
    }
    s->c = c;
    s->lock = -1;
    if (choose_user(s, e) == 0 && pg_tools_environment(NULL, &s->environment, e) == 0 &&
        make_folder(s, bytes, e) == 0 && make_cluster(s, least_major, e) == 0 &&
        start_server(s, e) == 0)
        return s;
    scratch_cluster_free(s);
    return NULL;
}

/* The postmaster alone, which tells its own: killed, it would leave shared memory behind. */
static void end_server(struct scratch_cluster *s, int sig)
{
    struct error why;
    int status;
    if (!s->server)
        return;
    child_signal(s->server, sig);
    child_obey(s->server, NULL);
    child_until(s->server, clock_monotonic_ms() + END_MS);
    if (child_wait(s->server, &status, &why) < 0)
        log_warning("scratch cluster: %s", why.text);
    child_free(s->server);
    s->server = NULL;
}

static void release(struct scratch_cluster *s)
{
    child_free(s->server);
    if (s->lock >= 0)
        (void)close(s->lock);
    pg_tools_environment_free(s->environment);
    free(s->postgres);
    free(s->folder);
    free(s->data);
    free(s);
}

void scratch_cluster_free(struct scratch_cluster *s)
{
    if (!s)
        return;
    end_server(s, SIGQUIT);
    if (s->folder)
        remove_folder(s, s->folder);
    release(s);
}

/* Under a name that no sweep takes, by a server that is nobody's child. */
int scratch_cluster_keep(struct scratch_cluster *s, char **folder, struct error *e)
{
    char *pg_ctl = NULL;
    char *data = NULL;
    char *log = NULL;
    char *socket = NULL;
    const char *random = s->folder + strlen(s->folder) - 6;
    int parent = (int)(strlen(s->folder) - strlen(PREFIX) - 6);
    *folder = str_format(e, "%.*s" KEPT_PREFIX "%s", parent, s->folder, random);
    int rc = *folder ? pg_tools_find("pg_ctl", s->major, &pg_ctl, NULL, e) : -1;
    end_server(s, SIGINT);
    if (rc == 0)
        rc = file_rename(s->folder, *folder, e);
    data = rc == 0 ? str_format(e, "%s/data", *folder) : NULL;
    log = data ? str_format(e, "%s/log", *folder) : NULL;
    socket = log ? str_format(e, KEPT_SETTINGS "%s", *folder) : NULL;
    const char *const arguments[] = {pg_ctl, "-D", data, "-l",    log, "-o",
                                     socket, "-w", "-s", "start", NULL};
    rc = socket ? run(s, arguments, "pg_ctl", e) : -1;
    free(pg_ctl);
    free(data);
    free(log);
    free(socket);
    release(s);
    return rc;
}
