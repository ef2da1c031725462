/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/ssh_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/ssh_relay.h"

#define MAX_OPTIONS 16

/* libssh2 1.10 loses a session whose server is silent at the end, and a key that it refused.
 * Whole stacks tell that a block of OpenSSL's is its, and not ours. */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}

const char *__lsan_default_suppressions(void)
{
    return "leak:libssh2.so\nleak:libcurl.so\n";
}

static void die(const char *what)
{
    (void)fprintf(stderr, "ssh_server: %s: %s\n", what, strerror(errno));
    abort();
}

/* Runs bash with these arguments, in folder unless NULL; its exit status. */
static int run_bash(char *const *argv, const char *folder)
{
    int status;
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        if (!folder || chdir(folder) == 0)
            (void)execvp("bash", argv);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            die("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Runs tests/servers/sshd; its exit status. */
static int script(const char *const *arguments)
{
    char path[] = PGKEEP_TEST_FIXTURES "/../servers/sshd";
    char shell[] = "bash";
    char *argv[MAX_OPTIONS + 3] = {shell, path};
    char copies[MAX_OPTIONS][SCRATCH_PATH];
    for (size_t i = 0; arguments[i] && i < MAX_OPTIONS; i++) {
        (void)snprintf(copies[i], sizeof copies[i], "%s", arguments[i]);
        argv[i + 2] = copies[i];
    }
    return run_bash(argv, NULL);
}

void ssh_server_shell(const struct ssh_server *s, const char *command)
{
    char shell[] = "bash";
    char option[] = "-ec";
    char text[2000];
    char *argv[] = {shell, option, text, NULL};
    (void)snprintf(text, sizeof text, "%s", command);
    if (run_bash(argv, s->dir) != 0) {
        (void)fprintf(stderr, "ssh_server: failed: %s\n", command);
        abort();
    }
}

bool ssh_server_start(struct ssh_server *s, const char *const *options)
{
    char port[8];
    const char *arguments[MAX_OPTIONS] = {"start", s->dir, port};
    const char *needed = getenv("PGKEEP_REQUIRE_SERVERS");
    scratch_make(s->dir);
    scratch_path(s->files, s->dir, "files");
    s->port = ssh_relay_free_port();
    (void)snprintf(port, sizeof port, "%u", (unsigned)s->port);
    for (size_t i = 0; options && options[i] && i < MAX_OPTIONS - 4; i++)
        arguments[3 + i] = options[i];
    int status = script(arguments);
    if (status == 0)
        return true;
    scratch_remove(s->dir);
    s->port = 0;
    if (status != 77 || (needed && strcmp(needed, "1") == 0)) {
        (void)fprintf(stderr, "ssh_server: tests/servers/sshd start: exit status %d\n", status);
        abort();
    }
    (void)fprintf(stderr, "skipped: there is no sshd here\n");
    return false;
}

void ssh_server_cut(const struct ssh_server *s)
{
    const char *const arguments[] = {"cut", s->dir, NULL};
    (void)script(arguments);
}

void ssh_server_stop(struct ssh_server *s)
{
    const char *const arguments[] = {"stop", s->dir, NULL};
    (void)script(arguments);
    scratch_remove(s->dir);
}
