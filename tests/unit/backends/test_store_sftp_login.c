/* SPDX-License-Identifier: Apache-2.0 */
/* Host keys and user keys of the SFTP store against a real OpenSSH server, which has an
 * ed25519 and an ecdsa host key. */
#include "tests/support/check.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/known_hosts.h"
#include "backends/store_sftp.h"
#include "core/base/buf.h"
#include "core/base/file.h"
#include "core/base/str.h"
#include "tests/support/ssh_server.h"

#define SECRET "correct horse"

static struct ssh_server server;
static bool there;
static char prints[2][KNOWN_HOSTS_FINGERPRINT]; /* of its ed25519 and ecdsa keys */
static struct error e;

static void shell(const char *command)
{
    ssh_server_shell(&server, command);
}

static void load(const char *name, struct buf *b)
{
    char path[SCRATCH_PATH];
    scratch_path(path, server.dir, name);
    assert_done(file_load(path, 64 * KIB, b, &e), &e);
}

static void read_prints(void)
{
    static const char *const keys[] = {"host_ed25519.pub", "host_ecdsa.pub"};
    for (size_t i = 0; i < 2; i++) {
        struct known_hosts k = {0};
        struct buf b = {0};
        struct buf line = {0};
        load(keys[i], &b);
        assert_done(buf_printf(&line, &e, "h %.*s", (int)b.len, (const char *)b.data), &e);
        assert_done(known_hosts_add(&k, buf_view(&line), "h", 22, &e), &e);
        assert_int_equal(k.count, 1);
        known_hosts_fingerprint(prints[i], k.keys[0].sha256);
        known_hosts_done(&k);
        buf_done(&b);
        buf_done(&line);
    }
}

static int start(void **state)
{
    (void)state;
    (void)unsetenv("SSH_AUTH_SOCK");
    (void)setenv("HOME", "/nonexistent", 1);
    (void)setenv("PGKEEP_STORE_PATIENCE", "10", 1);
    there = ssh_server_start(&server, NULL);
    if (!there)
        return 0;
    read_prints();
    shell("grep ed25519 known_hosts >kh_ed; grep ecdsa known_hosts >kh_ec;"
          "ssh-keygen -q -t ed25519 -N '' -f stranger;"
          "ssh-keygen -q -t ecdsa -N '' -f stranger_ec;"
          "ssh-keygen -q -t rsa -b 2048 -N '' -f rsa;"
          "cat client_ed25519 >locked; cp client_ed25519.pub locked.pub; chmod 600 locked;"
          "ssh-keygen -q -p -P '' -N '" SECRET "' -f locked");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (there)
        ssh_server_stop(&server);
    return 0;
}

/* Opens the store with these parameters, in which "$D" is the server's folder. */
static struct store *open_with(const char *parameters)
{
    char url[3000];
    if (!there)
        skip();
    int n = snprintf(url, sizeof url, "sftp://127.0.0.1:%u%s?", (unsigned)server.port,
                     server.files);
    for (const char *p = parameters; *p; p++) {
        if (p[0] == '$' && p[1] == 'D')
            n += snprintf(url + n, sizeof url - (size_t)n, "%s", server.dir), p++;
        else
            n += snprintf(url + n, sizeof url - (size_t)n, "%c", *p);
    }
    error_clear(&e);
    return store_sftp_open(url, false, &e);
}

static void assert_opens(const char *parameters)
{
    struct store *s = open_with(parameters);
    if (!s)
        fail_msg("%s: %s", parameters, e.text);
    store_close(s);
}

/* Refused as ERROR_KEY, with these words in the text, and with a hint. */
static void assert_no_key(const char *parameters, const char *words)
{
    struct store *s = open_with(parameters);
    assert_null(s);
    if (e.kind != ERROR_KEY || !strstr(e.text, words) || !strstr(e.text, "hint: "))
        fail_msg("%s: kind %d: %s", parameters, (int)e.kind, e.text);
    assert_null(strstr(e.text, SECRET));
}

#define KEY "key-file=$D/client_ed25519&"

/* ---- host keys --------------------------------------------------------------------------- */

static void a_host_that_is_known_by_one_type_of_key_is_found(void **state)
{
    (void)state;
    assert_opens(KEY "known-hosts=$D/known_hosts");
    assert_opens(KEY "known-hosts=$D/known_hosts_hashed");
    assert_opens(KEY "known-hosts=$D/kh_ed");
    assert_opens(KEY "known-hosts=$D/kh_ec");
}

/* As ssh-keyscan prints them: libcurl by itself asks for the type of the first line. */
static void a_line_with_an_rsa_key_does_no_harm(void **state)
{
    (void)state;
    if (!there)
        skip();
    shell("{ echo \"[127.0.0.1]:* $(cut -d' ' -f1,2 rsa.pub)\"; cat kh_ed; } >kh_rsa_ed");
    assert_opens(KEY "known-hosts=$D/kh_rsa_ed");
    shell("sed 's/ .*//' kh_ed | tr -d '\\n' >kh_rsa; echo \" $(cut -d' ' -f1,2 rsa.pub)\" "
          ">>kh_rsa; cat kh_rsa kh_ed >kh_rsa_ed");
    assert_opens(KEY "known-hosts=$D/kh_rsa_ed");
    assert_no_key(KEY "known-hosts=$D/kh_rsa", "RSA key only");
    assert_non_null(strstr(e.text, "ssh-keyscan"));
}

static void another_key_is_told_with_both_fingerprints(void **state)
{
    (void)state;
    if (!there)
        skip();
    shell("sed 's/ .*//' kh_ed | tr -d '\\n' >kh_wrong; echo \" $(cut -d' ' -f1,2 "
          "stranger.pub)\" >>kh_wrong");
    assert_no_key(KEY "known-hosts=$D/kh_wrong", "expected SHA256:");
    assert_non_null(strstr(e.text, prints[0]));
    assert_non_null(strstr(e.text, "(ssh-ed25519)"));
    assert_non_null(strstr(e.text, "kh_wrong"));
}

static void a_host_that_is_not_known_is_told_with_its_fingerprint(void **state)
{
    (void)state;
    if (!there)
        skip();
    shell("sed 's/127.0.0.1/127.0.0.2/' known_hosts >kh_other; : >kh_empty;"
          "{ echo -n '@cert-authority * '; cut -d' ' -f1,2 stranger.pub; } >kh_ca");
    assert_no_key(KEY "known-hosts=$D/kh_other", "found host key SHA256:");
    assert_true(strstr(e.text, prints[0]) || strstr(e.text, prints[1]));
    assert_no_key(KEY "known-hosts=$D/kh_empty", "found host key SHA256:");
    assert_no_key(KEY "known-hosts=$D/kh_ca", "certificate");
    /* No known_hosts anywhere is no reason to trust. */
    assert_no_key(KEY, "found host key SHA256:");
    assert_null(open_with(KEY "known-hosts=$D/none"));
    assert_int_equal(e.kind, ERROR_USAGE);
}

static void a_revoked_key_is_refused(void **state)
{
    (void)state;
    if (!there)
        skip();
    shell("{ cat kh_ed; echo \"@revoked * $(cut -d' ' -f1,2 host_ed25519.pub)\"; } >kh_rev;"
          "{ cat kh_ec; echo \"@revoked * $(cut -d' ' -f1,2 host_ecdsa.pub)\"; } >>kh_rev");
    assert_no_key(KEY "known-hosts=$D/kh_rev", "@revoked");
}

static void a_pin_replaces_known_hosts(void **state)
{
    char parameters[400];
    (void)state;
    if (!there)
        skip();
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(parameters, sizeof parameters, KEY "host-key=%s", prints[i]);
        assert_opens(parameters);
    }
    (void)snprintf(parameters, sizeof parameters,
                   KEY "known-hosts=$D/none&host-key=SHA256:%043d,%s", 0, prints[1]);
    assert_opens(parameters);
    (void)snprintf(parameters, sizeof parameters,
                   KEY "known-hosts=$D/known_hosts&host-key=SHA256:%043d", 0);
    assert_no_key(parameters, "expected SHA256:");
    assert_true(strstr(e.text, prints[0]) || strstr(e.text, prints[1]));
    assert_null(open_with(KEY "host-key=SHA256:short"));
    assert_int_equal(e.kind, ERROR_USAGE);
}

/* ---- user keys ----------------------------------------------------------------------------
 */

#define KNOWN "&known-hosts=$D/known_hosts"

static void a_key_file_opens(void **state)
{
    (void)state;
    assert_opens("key-file=$D/client_ed25519" KNOWN);
    assert_opens("key-file=$D/client_ecdsa" KNOWN);
}

static void a_key_that_the_server_does_not_know_is_refused_at_once(void **state)
{
    struct timespec from;
    struct timespec to;
    (void)state;
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    assert_no_key("key-file=$D/stranger" KNOWN, "refused: tried ");
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true(to.tv_sec - from.tv_sec < 5);
    assert_null(open_with("key-file=$D/none" KNOWN));
    assert_int_equal(e.kind, ERROR_KEY);
}

static void keys_that_cannot_work_are_told_before_anything_is_sent(void **state)
{
    (void)state;
    if (!there)
        skip();
    assert_no_key("key-file=$D/rsa" KNOWN, "RSA user keys need libssh2 >= 1.11");
    assert_non_null(strstr(e.text, "ed25519"));
    shell("cp client_ed25519 readable; chmod 640 readable");
    assert_no_key("key-file=$D/readable" KNOWN, "others can read it");
    assert_no_key("known-hosts=$D/known_hosts", "no SSH key");
}

static void a_passphrase_comes_from_the_environment_or_a_file(void **state)
{
    char path[SCRATCH_PATH];
    (void)state;
    if (!there)
        skip();
    assert_no_key("key-file=$D/locked" KNOWN, "has a passphrase");
    (void)setenv("PGKEEP_SSH_KEY_PASSPHRASE", SECRET, 1);
    assert_opens("key-file=$D/locked" KNOWN);
    (void)setenv("PGKEEP_SSH_KEY_PASSPHRASE", SECRET "x", 1);
    assert_no_key("key-file=$D/locked" KNOWN, "refused");
    (void)unsetenv("PGKEEP_SSH_KEY_PASSPHRASE");
    scratch_path(path, server.dir, "passphrase");
    (void)setenv("PGKEEP_SSH_KEY_PASSPHRASE_FILE", path, 1);
    assert_null(open_with("key-file=$D/locked" KNOWN));
    assert_int_equal(e.kind, ERROR_KEY);
    assert_done(file_replace(path, bytes_text(SECRET "\n"), 0600, &e), &e);
    assert_opens("key-file=$D/locked" KNOWN);
    (void)unsetenv("PGKEEP_SSH_KEY_PASSPHRASE_FILE");
}

static void the_usual_keys_and_known_hosts_of_the_home_are_found(void **state)
{
    (void)state;
    if (!there)
        skip();
    shell("mkdir -m 700 -p .ssh; cp known_hosts .ssh/; cp stranger .ssh/id_ed25519;"
          "cp client_ecdsa .ssh/id_ecdsa");
    (void)setenv("HOME", server.dir, 1);
    assert_opens("");
    shell("rm .ssh/id_ecdsa");
    assert_no_key("", "refused");
    (void)setenv("HOME", "/nonexistent", 1);
}

static pid_t start_agent(const char *keys)
{
    char command[300];
    char path[SCRATCH_PATH];
    scratch_path(path, server.dir, "agent");
    (void)unlink(path);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)execlp("ssh-agent", "ssh-agent", "-D", "-a", path, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && access(path, F_OK) != 0; i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    (void)setenv("SSH_AUTH_SOCK", path, 1);
    (void)snprintf(command, sizeof command, "ssh-add -q %s", keys);
    shell(command);
    return pid;
}

static void stop_agent(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    (void)unsetenv("SSH_AUTH_SOCK");
}

static void the_agent_is_asked_first_and_the_file_after_it(void **state)
{
    (void)state;
    if (!there)
        skip();
    pid_t agent = start_agent("stranger stranger_ec client_ed25519");
    assert_opens("known-hosts=$D/known_hosts");
    assert_opens("key-file=$D/locked" KNOWN);
    assert_opens("key-file=$D/rsa" KNOWN);
    stop_agent(agent);
    agent = start_agent("stranger");
    assert_opens("key-file=$D/client_ecdsa" KNOWN);
    assert_no_key("known-hosts=$D/known_hosts", "refused: tried ssh-agent");
    stop_agent(agent);
    /* A socket that nobody answers at is no agent. */
    (void)setenv("SSH_AUTH_SOCK", "/nonexistent", 1);
    assert_opens("key-file=$D/client_ecdsa" KNOWN);
    (void)unsetenv("SSH_AUTH_SOCK");
}

/* ---- URLs -----------------------------------------------------------------------------------
 */

static void a_place_has_one_canonical_text(void **state)
{
    static const struct {
        const char *url, *want;
    } cases[] = {
        {"sftp://u@Host.Example/a/b", "sftp://u@host.example/a/b"},
        {"SFTP://u@host:22//a/./b", NULL},
        {"sftp://u@host:22//a//b/", "sftp://u@host/a/b"},
        {"sftp://u@host:2222?key-file=/k", "sftp://u@host:2222/"},
        {"sftp://u@host/~/", "sftp://u@host/~"},
        {"sftp://u@host/~/a%20b", "sftp://u@host/~/a%20b"},
        {"sftp://u%40d@[FE80::1]:2/", "sftp://u%40d@[fe80::1]:2/"},
        {"sftp://u@host/../a", NULL},
        {"sftp://u@host/a/..", NULL},
        {"sftp://u@host/~other/a", NULL},
        {"sftp://u:hunter2@host/", NULL},
        {"sftp:///a", NULL},
        {"s3://host/a", NULL},
        {"sftp://u@host/a?port=1", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        error_clear(&e);
        char *text = store_sftp_canonical(cases[i].url, &e);
        if (!cases[i].want) {
            assert_null(text);
            assert_int_equal(e.kind, ERROR_USAGE);
            assert_null(strstr(e.text, "hunter2"));
        } else {
            assert_non_null(text);
            assert_string_equal(text, cases[i].want);
        }
        free(text);
    }
    char *text = store_sftp_canonical("sftp://host/a", &e);
    assert_non_null(text);
    assert_true(str_starts(text, "sftp://") && strstr(text, "@host/a"));
    free(text);
}

static void the_home_folder_is_the_servers(void **state)
{
    char url[1000];
    (void)state;
    if (!there)
        skip();
    (void)snprintf(url, sizeof url,
                   "sftp://127.0.0.1:%u/~/?key-file=%s/client_ed25519&known-hosts=%s/"
                   "known_hosts",
                   (unsigned)server.port, server.dir, server.dir);
    struct store *s = store_sftp_open(url, false, &e);
    if (!s)
        fail_msg("%s", e.text);
    store_close(s);
    (void)snprintf(url, sizeof url,
                   "sftp://127.0.0.1:%u/~/pgkeep-no-such-folder?key-file=%s/"
                   "client_ed25519&known-hosts=%s/known_hosts",
                   (unsigned)server.port, server.dir, server.dir);
    assert_null(store_sftp_open(url, false, &e));
    assert_int_equal(e.kind, ERROR_NO_REPOSITORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_that_is_known_by_one_type_of_key_is_found),
        cmocka_unit_test(a_line_with_an_rsa_key_does_no_harm),
        cmocka_unit_test(another_key_is_told_with_both_fingerprints),
        cmocka_unit_test(a_host_that_is_not_known_is_told_with_its_fingerprint),
        cmocka_unit_test(a_revoked_key_is_refused),
        cmocka_unit_test(a_pin_replaces_known_hosts),
        cmocka_unit_test(a_key_file_opens),
        cmocka_unit_test(a_key_that_the_server_does_not_know_is_refused_at_once),
        cmocka_unit_test(keys_that_cannot_work_are_told_before_anything_is_sent),
        cmocka_unit_test(a_passphrase_comes_from_the_environment_or_a_file),
        cmocka_unit_test(the_usual_keys_and_known_hosts_of_the_home_are_found),
        cmocka_unit_test(the_agent_is_asked_first_and_the_file_after_it),
        cmocka_unit_test(a_place_has_one_canonical_text),
        cmocka_unit_test(the_home_folder_is_the_servers),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
