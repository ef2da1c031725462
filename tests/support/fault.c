/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fault.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int fault_run(const char *variable, const char *value, int (*work)(void *), void *arg)
{
    int status;
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        if (setenv(variable, value, 1) < 0)
            _exit(120);
        _exit(work(arg));
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        abort();
    return WEXITSTATUS(status);
}
