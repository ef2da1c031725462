/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/catalog.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "catalog/internal.h"
#include "catalog_schema.h"
#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/base/file.h"
#include "core/base/str.h"

enum { PATIENCE_MS = 60000, APPLICATION = 0x50474b43 };

/* Script n brings a file of version n to version n + 1. */
static const char *const scripts[] = {catalog_schema};

int64_t catalog_version(void)
{
    return (int64_t)ARRAY_SIZE(scripts);
}

void catalog_lock(struct catalog *c)
{
    int refused = pthread_mutex_lock(&c->lock);
    assert(refused == 0);
    (void)refused;
}

void catalog_unlock(struct catalog *c)
{
    (void)pthread_mutex_unlock(&c->lock);
}

void catalog_enter(struct catalog *c)
{
    catalog_lock(c);
    c->visits++;
}

void catalog_leave(struct catalog *c)
{
    c->visits--;
    catalog_unlock(c);
}

int catalog_begin(struct catalog *c, struct error *e)
{
    catalog_lock(c);
    assert(c->visits == 0 && !c->changing);
    /* Immediate: a transaction that turned into a writer half-way could not wait its turn. */
    if (sql_script(c, "BEGIN IMMEDIATE", e) < 0) {
        catalog_unlock(c);
        return -1;
    }
    c->changing = true;
    return 0;
}

static int commit(struct catalog *c, struct error *e)
{
    if (failpoint_hit("catalog commit") < 0)
        return error_system(e, "catalog %s: commit", c->path);
    return sql_script(c, "COMMIT", e);
}

int catalog_end(struct catalog *c, int result, struct error *e)
{
    if (result >= 0 && commit(c, e) < 0)
        result = -1;
    /* After some failures SQLite has rolled back by itself. */
    if (result < 0 && !sqlite3_get_autocommit(c->db))
        (void)sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    c->changing = false;
    catalog_unlock(c);
    return result;
}

const char *catalog_network_name(uint64_t type)
{
    static const struct {
        uint32_t type;
        const char *name;
    } networks[] = {
        {0x6969, "NFS"}, {0x517b, "SMB"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB2"}};
    for (size_t i = 0; i < ARRAY_SIZE(networks); i++)
        if (networks[i].type == type)
            return networks[i].name;
    return NULL;
}

/* The folder of path, made if need be; it must not be on the network: locks and shared memory,
 * which WAL needs, do not hold there. */
static int prepare_folder(const char *path, struct error *e)
{
    int result = -1;
    struct statfs fs;
    const char *network;
    const char *slash = strrchr(path, '/');
    char *folder =
        str_copy_bytes(bytes_of(path, slash == path ? 1 : (size_t)(slash - path)), e);
    if (!folder)
        return -1;
    if (file_make_dirs(folder, 0700, e) < 0)
        goto out;
    if (statfs(folder, &fs) < 0) {
        (void)error_system(e, "%s", folder);
        goto out;
    }
    network = catalog_network_name((uint32_t)fs.f_type);
    if (network) {
        (void)error_set(e, ERROR_USAGE, "catalog %s: lies on a network file system (%s)", path,
                        network);
        (void)error_hint(e, "name a file on a local disk: --catalog FILE");
        goto out;
    }
    result = 0;
out:
    free(folder);
    return result;
}

/* The file with mode 0600 before SQLite sees it, which gives its -wal and -shm the same mode.
 * One that exists is never opened here: closing it would drop the locks that another handle of
 * this process has on it. */
static int prepare_file(const char *path, struct error *e)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        int refused = fchmod(fd, 0600);
        if (refused)
            (void)error_system(e, "catalog %s: mode 0600", path);
        (void)close(fd);
        return refused ? -1 : 0;
    }
    if (errno != EEXIST || stat(path, &st) < 0)
        return error_system(e, "catalog %s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(e, ERROR_USAGE, "catalog %s: not a regular file", path);
    return 0;
}

/* A catalog that others may read, copied here perhaps. Only once it is known to be one: what
 * --catalog names by mistake keeps its mode. */
static int tighten_mode(const char *path, struct error *e)
{
    struct stat st;
    if (stat(path, &st) == 0 && ((st.st_mode & 077) == 0 || chmod(path, 0600) == 0))
        return 0;
    return error_system(e, "catalog %s: mode 0600", path);
}

char *catalog_plain_path(const char *path, struct error *e)
{
    /* SQLite gives "", ":memory:" and "file:" a meaning of their own. */
    return *path == '/' ? str_copy(path, e) : str_format(e, "./%s", path);
}

static int init_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t recursive;
    if (pthread_mutexattr_init(&recursive) != 0)
        return -1;
    int refused = pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    if (refused == 0)
        refused = pthread_mutex_init(lock, &recursive);
    (void)pthread_mutexattr_destroy(&recursive);
    return refused == 0 ? 0 : -1;
}

/* Takes path. */
static struct catalog *handle_new(char *path, struct error *e)
{
    struct catalog *c = calloc(1, sizeof *c);
    if (!c || init_lock(&c->lock) < 0) {
        (void)error_memory(e, "catalog");
        free(path);
        free(c);
        return NULL;
    }
    c->path = path;
    if (sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)) {
        (void)(c->db ? sql_failed(c, e) : error_memory(e, "catalog"));
        goto failed;
    }
    (void)sqlite3_busy_timeout(c->db, PATIENCE_MS);
    (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (sql_script(c, "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;", e) < 0)
        goto failed;
    return c;
failed:
    catalog_close(c);
    return NULL;
}

struct catalog *catalog_open_raw(const char *path, struct error *e)
{
    char *plain = catalog_plain_path(path, e);
    struct catalog *c = plain ? handle_new(plain, e) : NULL;
    if (c && sql_script(c, "PRAGMA query_only = ON", e) < 0) {
        catalog_close(c);
        return NULL;
    }
    return c;
}

/* May this file be touched at all? An empty one is a new catalog. */
static int check_kind(struct catalog *c, int64_t *version, struct error *e)
{
    int64_t application = 0, things = 0;
    /* One transaction: another process may be making the catalog just now. */
    if (sql_script(c, "BEGIN", e) < 0)
        return -1;
    int rc = sql_number(c, "PRAGMA user_version", version, e);
    if (rc == 0)
        rc = sql_number(c, "PRAGMA application_id", &application, e);
    if (rc == 0)
        rc = sql_number(c, "SELECT count(*) FROM sqlite_schema", &things, e);
    if (!sqlite3_get_autocommit(c->db) && sql_script(c, "COMMIT", rc == 0 ? e : NULL) < 0)
        rc = -1;
    if (rc < 0)
        return -1;
    if (application != APPLICATION && (application != 0 || *version != 0 || things > 0))
        return error_set(e, ERROR_USAGE, "%s: a SQLite file, but no catalog", c->path);
    if (*version < 0 || *version > catalog_version())
        return error_set(e, ERROR_UNSUPPORTED,
                         "catalog %s: version %lld, this program knows %lld", c->path,
                         (long long)*version, (long long)catalog_version());
    return 0;
}

static int set_journal(struct catalog *c, struct error *e)
{
    struct sql q = {0};
    int result = sql_open(&q, c, "PRAGMA journal_mode = WAL", e);
    if (result == 0)
        result = sql_step(&q, e);
    if (result == SQL_ROW) {
        const char *mode = sql_text(&q, 0);
        result = mode && strcmp(mode, "wal") == 0
                     ? 0
                     : error_set(e, ERROR_IO, "catalog %s: no write-ahead log here (mode %s)",
                                 c->path, mode ? mode : "unknown");
    }
    sql_close(&q);
    return result;
}

/* Two processes that turn a new file to WAL at once block each other, and SQLite then refuses
 * at once instead of waiting. */
static int keep_a_journal(struct catalog *c, struct error *e)
{
    static const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    struct error why;
    int64_t start = clock_monotonic_ms();
    while (set_journal(c, &why) < 0) {
        if (why.kind != ERROR_BUSY || clock_monotonic_ms() - start >= PATIENCE_MS) {
            if (e)
                *e = why;
            return -1;
        }
        (void)nanosleep(&pause, NULL);
    }
    /* 32 MiB of cache: chunk ids are random, and so are the pages they lie on. */
    return sql_script(c, "PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;", e);
}

/* One step up, unless another process was faster. */
static int migrate_step(struct catalog *c, int64_t from, struct error *e)
{
    int64_t now = 0;
    if (catalog_begin(c, e) < 0)
        return -1;
    int result = sql_number(c, "PRAGMA user_version", &now, e);
    if (result == 0 && now == from)
        result = sql_script(c, scripts[from], e);
    return catalog_end(c, result, e);
}

static int check_repository(struct catalog *c, const uint8_t *repository_id, struct error *e)
{
    uint8_t known[FORMAT_ID_LEN] = {0};
    char want[2 * FORMAT_ID_LEN + 1], found[2 * FORMAT_ID_LEN + 1];
    struct sql q = {0};
    int result = sql_open(&q, c, "SELECT repository_id FROM repository", e);
    if (result == 0)
        result = sql_step(&q, e);
    if (result == SQL_ROW)
        result = sql_blob(&q, 0, known, sizeof known) ? 0 : sql_damaged(c, "repository", e);
    else if (result == 0)
        result = CATALOG_ABSENT;
    sql_close(&q);
    if (result != 0 || memcmp(known, repository_id, sizeof known) == 0)
        return result;
    str_hex(want, repository_id, FORMAT_ID_LEN);
    str_hex(found, known, FORMAT_ID_LEN);
    (void)error_set(e, ERROR_USAGE, "catalog %s: about repository %s, not %s", c->path, found,
                    want);
    return error_hint(e, "each repository has a catalog of its own: --catalog FILE");
}

static int set_repository(struct catalog *c, const uint8_t *repository_id, struct error *e)
{
    struct sql q = {0};
    if (catalog_begin(c, e) < 0)
        return -1;
    int result = sql_open(
        &q, c,
        "INSERT INTO repository (one, repository_id) VALUES (1, ?1) ON CONFLICT DO NOTHING", e);
    if (result == 0) {
        sql_put_blob(&q, repository_id, FORMAT_ID_LEN);
        result = sql_run(&q, e);
    }
    sql_close(&q);
    return catalog_end(c, result, e);
}

static int make_ready(struct catalog *c, const uint8_t *repository_id, struct error *e)
{
    int64_t version = 0;
    if (check_kind(c, &version, e) < 0 || tighten_mode(c->path, e) < 0 ||
        keep_a_journal(c, e) < 0)
        return -1;
    for (; version < catalog_version(); version++)
        if (migrate_step(c, version, e) < 0)
            return -1;
    int result = check_repository(c, repository_id, e);
    if (result == CATALOG_ABSENT) {
        if (set_repository(c, repository_id, e) < 0)
            return -1;
        result = check_repository(c, repository_id, e);
    }
    return result;
}

struct catalog *catalog_open(const char *path, const uint8_t repository_id[FORMAT_ID_LEN],
                             struct error *e)
{
    struct catalog *c = NULL;
    char *plain = catalog_plain_path(path, e);
    if (!plain)
        return NULL;
    if (prepare_folder(plain, e) == 0 && prepare_file(plain, e) == 0) {
        c = handle_new(plain, e);
        plain = NULL;
    }
    free(plain);
    if (c && make_ready(c, repository_id, e) != 0) {
        catalog_close(c);
        return NULL;
    }
    return c;
}

void catalog_close(struct catalog *c)
{
    if (!c)
        return;
    sql_close(&c->lookup);
    sql_close(&c->add_chunk);
    sql_close(&c->find_pack);
    sql_close(&c->add_pack);
    int refused = sqlite3_close(c->db);
    assert(refused == SQLITE_OK);
    (void)refused;
    (void)pthread_mutex_destroy(&c->lock);
    free(c->path);
    free(c);
}

/* Text that means sound: "ok" in the only row, or no row at all. */
static int check_with(struct catalog *c, const char *text, struct error *e)
{
    struct sql q = {0};
    int result = sql_open(&q, c, text, e);
    if (result == 0)
        result = sql_step(&q, e);
    if (result == SQL_ROW) {
        char said[200];
        const char *finding = sql_text(&q, 0);
        str_safe(said, sizeof said, bytes_text(finding ? finding : "?"));
        result = strcmp(said, "ok") == 0 ? 0 : -1;
        if (result < 0) {
            (void)error_set(e, ERROR_CORRUPT, "catalog %s: %s", c->path, said);
            (void)error_hint(e, "pgkeep catalog rebuild");
        }
    }
    sql_close(&q);
    return result;
}

int catalog_check(struct catalog *c, struct error *e)
{
    catalog_lock(c);
    int result = check_with(c, "PRAGMA integrity_check(1)", e);
    if (result == 0)
        result = check_with(c,
                            "SELECT 'table ' || \"table\" || ' refers to a row that is not"
                            " there' FROM pragma_foreign_key_check LIMIT 1",
                            e);
    catalog_unlock(c);
    return result;
}
