/* SPDX-License-Identifier: Apache-2.0 */
/* fork and exec rather than posix_spawn: only there can a child be told to close all but a few
 * descriptors. Between the two only async-signal-safe calls are made. */
#include "core/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/str.h"

enum { TAIL = 16 * 1024, OUT_PIPE = 1024 * 1024, PATIENCE_MS = 2000, NAP_MS = 10 };

struct child {
    const volatile sig_atomic_t *stop;
    int64_t until_ms; /* 0: no end is set */
    pid_t pid;
    pthread_mutex_t lock; /* pid and reaped: nobody signals a number that was given back */
    bool reaped;
    int status;
    int in_fd, out_fd;
    int err_fd;  /* read by the thread alone while it runs */
    int done_fd; /* eventfd: the child has ended, take what is in the pipe and go */
    pthread_t reader;
    bool reading;
    size_t tail_len;
    char tail[TAIL + 1];
};

/* What the new process needs, made before the fork. */
struct launch {
    const char *path;
    char *const *argv;
    char *const *env;
    int in_fd, out_fd, err_fd, report_fd;
    const struct child_options *o;
    pid_t parent;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* -- finding programs -- */

static bool runnable(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static int find_in(const char *search, const char *name, char **path, struct error *e)
{
    *path = NULL;
    if (strchr(name, '/')) {
        if (!runnable(name))
            return CHILD_ABSENT;
        *path = str_copy(name, e);
        return *path ? 0 : -1;
    }
    for (const char *p = search; p && *name; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL) {
        size_t len = strcspn(p, ":");
        /* An empty or relative entry would run what lies in the current folder. */
        if (p[0] != '/')
            continue;
        char *try = str_format(e, "%.*s/%s", (int)len, p, name);
        if (!try)
            return -1;
        if (runnable(try)) {
            *path = try;
            return 0;
        }
        free(try);
    }
    return CHILD_ABSENT;
}

int child_find(const char *name, char **path, struct error *e)
{
    return find_in(getenv("PATH"), name, path, e);
}

static const char *path_of(const char *const *env)
{
    for (; env && *env; env++)
        if (str_starts(*env, "PATH="))
            return *env + 5;
    return NULL;
}

/* -- stderr -- */

/* Keeps the last TAIL bytes; text comes a line at a time, so moving it is no cost. */
static void keep_tail(struct child *c, const char *text, size_t len)
{
    if (len >= TAIL) {
        text += len - TAIL;
        len = TAIL;
    }
    size_t drop = c->tail_len + len > TAIL ? c->tail_len + len - TAIL : 0;
    memmove(c->tail, c->tail + drop, c->tail_len - drop);
    c->tail_len -= drop;
    memcpy(c->tail + c->tail_len, text, len);
    c->tail_len += len;
}

/* Ends at the end of stderr, or with the child when a grandchild holds stderr open. */
static void *read_errors(void *arg)
{
    struct child *c = arg;
    char chunk[4096];
    bool ended = false;
    struct pollfd fds[2] = {{.fd = c->err_fd, .events = POLLIN},
                            {.fd = c->done_fd, .events = POLLIN}};
    for (;;) {
        if (!ended && poll(fds, 2, -1) < 0 && errno != EINTR)
            break;
        ended = ended || (fds[1].revents & POLLIN);
        ssize_t n = read(c->err_fd, chunk, sizeof chunk);
        if (n > 0)
            keep_tail(c, chunk, (size_t)n);
        else if (n == 0 || (errno != EINTR && errno != EAGAIN) || (ended && errno == EAGAIN))
            break;
    }
    return NULL;
}

static int start_reader(struct child *c, struct error *e)
{
    sigset_t all, old;
    c->done_fd = eventfd(0, EFD_CLOEXEC);
    if (c->done_fd < 0)
        return error_system(e, "eventfd");
    if (fcntl(c->err_fd, F_SETFL, O_NONBLOCK) < 0)
        return error_system(e, "stderr pipe");
    /* Signals are for the threads that expect them. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int refused = pthread_create(&c->reader, NULL, read_errors, c);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (refused) {
        errno = refused;
        return error_system(e, "thread for stderr");
    }
    c->reading = true;
    return 0;
}

static void stop_reader(struct child *c)
{
    if (!c->reading)
        return;
    (void)eventfd_write(c->done_fd, 1);
    (void)pthread_join(c->reader, NULL);
    c->reading = false;
    for (size_t i = 0; i < c->tail_len; i++)
        if (c->tail[i] == '\0')
            c->tail[i] = '?';
    c->tail[c->tail_len] = '\0';
}

const char *child_errors(const struct child *c)
{
    return c->reading ? "" : c->tail;
}

/* -- start -- */

/* To the standard number, away from numbers that a later step would overwrite. */
static bool take_place(int fd, int place)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return high >= 0 && dup2(high, place) == place;
}

/* Who changes his user loses the signal that he asked for: so it comes second. */
static bool take_user(const struct launch *l)
{
    const struct child_user *user = l->o->user;
    if (user && (setgroups(0, NULL) < 0 || setgid(user->gid) < 0 || setuid(user->uid) < 0))
        return false;
    if (l->o->death_signal == 0)
        return true;
    if (prctl(PR_SET_PDEATHSIG, l->o->death_signal) < 0)
        return false;
    if (getppid() == l->parent)
        return true;
    errno = ESRCH; /* it ended meanwhile */
    return false;
}

/* In the new process. Comes back only when something was refused. */
static void become(const struct launch *l)
{
    struct sigaction fresh = {.sa_handler = SIG_DFL};
    sigset_t none;
    (void)setpgid(0, 0);
    for (int sig = 1; sig < NSIG; sig++)
        (void)sigaction(sig, &fresh, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (!take_place(l->in_fd, 0) || !take_place(l->out_fd, 1) || !take_place(l->err_fd, 2))
        return;
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return;
    for (size_t i = 0; i < l->o->keep_count; i++)
        if (fcntl(l->o->keep_fds[i], F_SETFD, 0) < 0)
            return;
    if (!take_user(l))
        return;
    (void)execve(l->path, l->argv, l->env);
}

static int make_pipe(int *read_end, int *write_end, struct error *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_system(e, "pipe");
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

/* fork, and learn from a pipe that closes on exec whether the program runs. report is closed
 * in any case. */
static int launch(struct child *c, const struct launch *l, int report, struct error *e)
{
    int sys = 0;
    int write_end = l->report_fd;
    c->pid = fork();
    if (c->pid == 0) {
        become(l);
        sys = errno;
        ssize_t told = write(l->report_fd, &sys, sizeof sys);
        _exit(told == sizeof sys ? 127 : 126);
    }
    int refused = errno;
    close_fd(&write_end);
    if (c->pid < 0) {
        close_fd(&report);
        errno = refused;
        return error_system(e, "fork");
    }
    /* Also here: whoever kills the group must find it, however slow the child is. */
    (void)setpgid(c->pid, c->pid);
    c->reaped = false;
    ssize_t n;
    do
        n = read(report, &sys, sizeof sys);
    while (n < 0 && errno == EINTR);
    close_fd(&report);
    if (n == 0)
        return 0;
    char why[128];
    return error_set(e, ERROR_CHILD, "%s: cannot be run: %s", l->path,
                     strerror_r(sys, why, sizeof why));
}

/* The three standard ends of the new process; those that are ours to close again are noted in
 * mine. */
static int make_ends(struct child *c, const struct child_options *o, struct launch *l,
                     int mine[3], struct error *e)
{
    bool no_in = !o->pipe_in && o->in_fd < 0;
    bool no_out = !o->pipe_out && o->out_fd <= 0;
    if (make_pipe(&c->err_fd, &mine[2], e) < 0)
        return -1;
    if (o->pipe_in && make_pipe(&mine[0], &c->in_fd, e) < 0)
        return -1;
    if (o->pipe_out && make_pipe(&c->out_fd, &mine[1], e) < 0)
        return -1;
    if (no_in && (mine[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        return error_system(e, "/dev/null");
    if (no_out && (mine[1] = open("/dev/null", O_WRONLY | O_CLOEXEC)) < 0)
        return error_system(e, "/dev/null");
    /* Refused above the user's share of pipe memory; then it is only slower. */
    if (o->pipe_out)
        (void)fcntl(c->out_fd, F_SETPIPE_SZ, OUT_PIPE);
    l->in_fd = mine[0] >= 0 ? mine[0] : o->in_fd;
    l->out_fd = mine[1] >= 0 ? mine[1] : o->out_fd;
    l->err_fd = mine[2];
    return 0;
}

/* execve takes its texts without const for history's sake and does not change them. */
static char *const *for_exec(const char *const *texts)
{
    union {
        const char *const *in;
        char *const *out;
    } u = {.in = texts};
    return u.out;
}

struct child *child_start(const struct child_options *o, struct error *e)
{
    bool ok = false;
    char *path = NULL;
    int mine[3] = {-1, -1, -1};
    int report = -1;
    struct launch l = {.o = o, .parent = getpid(), .report_fd = -1};
    struct child *c = calloc(1, sizeof *c);
    if (!c) {
        (void)error_memory(e, "child");
        return NULL;
    }
    c->in_fd = c->out_fd = c->err_fd = c->done_fd = -1;
    c->reaped = true;
    (void)pthread_mutex_init(&c->lock, NULL);

    int found = find_in(o->env ? path_of(o->env) : getenv("PATH"), o->argv[0], &path, e);
    if (found == CHILD_ABSENT)
        (void)error_set(e, ERROR_CHILD, "%s: no such program", o->argv[0]);
    if (found != 0 || make_ends(c, o, &l, mine, e) < 0 || start_reader(c, e) < 0 ||
        make_pipe(&report, &l.report_fd, e) < 0)
        goto out;
    l.path = path;
    l.argv = for_exec(o->argv);
    l.env = o->env ? for_exec(o->env) : environ;
    ok = launch(c, &l, report, e) == 0;
out:
    for (size_t i = 0; i < ARRAY_SIZE(mine); i++)
        close_fd(&mine[i]);
    free(path);
    if (ok)
        return c;
    child_free(c);
    return NULL;
}

int child_out(const struct child *c)
{
    return c->out_fd;
}

int child_in(const struct child *c)
{
    return c->in_fd;
}

void child_close_in(struct child *c)
{
    close_fd(&c->in_fd);
}

/* -- end -- */

/* Waits without reaping, so that the number stays ours until the lock is held. */
static int await_end(struct child *c)
{
    siginfo_t info;
    int n;
    do
        n = waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT);
    while (n < 0 && errno == EINTR);
    return n;
}

static int reap(struct child *c)
{
    if (c->reaped)
        return 0;
    int n = await_end(c);
    (void)pthread_mutex_lock(&c->lock);
    if (n == 0 && waitpid(c->pid, &c->status, 0) != c->pid)
        n = -1;
    c->reaped = true;
    (void)pthread_mutex_unlock(&c->lock);
    return n;
}

/* True while the child runs; it is not reaped here. */
static bool running(struct child *c)
{
    siginfo_t info = {0};
    (void)pthread_mutex_lock(&c->lock);
    bool runs = !c->reaped &&
                waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
                info.si_pid == 0;
    (void)pthread_mutex_unlock(&c->lock);
    return runs;
}

bool child_has_ended(struct child *c)
{
    return !running(c);
}

void child_obey(struct child *c, const volatile sig_atomic_t *stop)
{
    c->stop = stop;
}

void child_until(struct child *c, int64_t until_ms)
{
    c->until_ms = until_ms;
}

int child_wait(struct child *c, int *status, struct error *e)
{
    const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
    child_close_in(c);
    while ((c->stop || c->until_ms > 0) && running(c)) {
        int n = c->stop ? *c->stop : 0;
        if (n)
            return error_stopped(e, n);
        if (c->until_ms > 0 && clock_monotonic_ms() >= c->until_ms)
            return error_set(e, ERROR_BUSY, "no end in time");
        (void)nanosleep(&nap, NULL);
    }
    int n = reap(c);
    int refused = errno;
    stop_reader(c);
    if (n < 0) {
        errno = refused;
        return error_system(e, "wait for child %ld", (long)c->pid);
    }
    *status = c->status;
    return 0;
}

static bool says_error(struct bytes line)
{
    static const char *const words[] = {"error:", "fatal:", "FATAL:", "PANIC:"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (memmem(line.data, line.len, words[i], strlen(words[i])))
            return true;
    return false;
}

/* The line of text that says what went wrong: the first one with "error:" or "fatal:" in it, as
 * PostgreSQL's programs write before details and consequences, else the last one that says
 * anything. */
static struct bytes telling_line(const char *text)
{
    struct bytes last = {0};
    while (*text) {
        struct bytes line = bytes_of(text, strcspn(text, "\n"));
        text += line.len + (text[line.len] == '\n');
        while (line.len > 0 && strchr("\r \t", line.data[line.len - 1]))
            line.len--;
        if (says_error(line))
            return line;
        if (line.len > 0)
            last = line;
    }
    return last;
}

int child_finish(struct child *c, const char *what, struct error *e)
{
    int status = 0;
    char line[512];
    if (child_wait(c, &status, e) < 0)
        return error_wrap(e, "%s", what);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    str_safe(line, sizeof line, telling_line(child_errors(c)));
    const char *colon = *line ? ": " : "";
    if (WIFEXITED(status))
        return error_set(e, ERROR_CHILD, "%s: exit status %d%s%s", what, WEXITSTATUS(status),
                         colon, line);
    const char *name = sigabbrev_np(WTERMSIG(status));
    return error_set(e, ERROR_CHILD, "%s: ended by signal %d (SIG%s)%s%s", what,
                     WTERMSIG(status), name ? name : "?", colon, line);
}

static void signal_group(struct child *c, int sig)
{
    (void)pthread_mutex_lock(&c->lock);
    if (!c->reaped)
        (void)kill(-c->pid, sig);
    (void)pthread_mutex_unlock(&c->lock);
}

void child_signal(struct child *c, int sig)
{
    (void)pthread_mutex_lock(&c->lock);
    if (!c->reaped)
        (void)kill(c->pid, sig);
    (void)pthread_mutex_unlock(&c->lock);
}

void child_kill(struct child *c)
{
    const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
    int64_t until = clock_monotonic_ms() + PATIENCE_MS;
    signal_group(c, SIGTERM);
    signal_group(c, SIGCONT); /* a stopped process takes no TERM */
    while (running(c) && clock_monotonic_ms() < until)
        (void)nanosleep(&nap, NULL);
    /* Also when the child itself has ended: its group may have members left. */
    signal_group(c, SIGKILL);
    while (running(c))
        (void)nanosleep(&nap, NULL);
}

void child_free(struct child *c)
{
    if (!c)
        return;
    close_fd(&c->in_fd);
    close_fd(&c->out_fd);
    if (!c->reaped) {
        child_kill(c);
        (void)reap(c);
    }
    stop_reader(c);
    close_fd(&c->err_fd);
    close_fd(&c->done_fd);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}
