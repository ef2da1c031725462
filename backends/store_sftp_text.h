/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of SFTP through libcurl: commands that go, listings and answers that come. All that
 * comes is foreign. Pure functions, any thread. */
#ifndef BACKENDS_STORE_SFTP_TEXT_H
#define BACKENDS_STORE_SFTP_TEXT_H

#include "core/base/bytes.h"
#include "core/base/error.h"

/* A quote command with its paths (to may be NULL), quoted; the caller frees it. ignore: the
 * server may refuse it. NULL with ERROR_MEMORY. */
MUST_CHECK char *store_sftp_text_command(const char *command, bool ignore, const char *from,
                                         const char *to, struct error *e);

struct store_sftp_line {
    char type; /* '-' file, 'd' folder, 'l' link, ... */
    uint64_t size;
    int64_t time_s;    /* the server's local time, taken as if it were UTC; cut to a minute or,
                        * where clock is false, to a day */
    bool clock;        /* the line told hour and minute */
    struct bytes name; /* inside the line */
};

/* A line of a long listing, as draft-ietf-secsh-filexfer-02 section 7 and ls -l have it:
 * "-rw-r--r--    1 owner    group      348911 Mar 25 14:29 name". now_s (UTC) tells the year
 * where the line does not. False for anything else. */
MUST_CHECK bool store_sftp_text_line(struct bytes line, int64_t now_s,
                                     struct store_sftp_line *out);

/* Bytes free for us, of an answer to the command statvfs; false when it tells nothing. */
MUST_CHECK bool store_sftp_text_free(struct bytes answer, uint64_t *free_bytes);

#endif
