#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy that does harm, for the tests: between an S3 client and a server by plain HTTP, or,
with --tcp, between any two.

    proxy.py DIR PORT HOST:PORT [--tcp] [--delay MS]

DIR/rules says what goes wrong, one line a rule; it is read anew for each request (--tcp: each
connection), and a file that changed begins to count at zero. Replace it by renaming.

    METHOD TARGET KIND[=ARGUMENT] COUNT[@PASS]

METHOD and TARGET are regular expressions that are searched in the method and in path?query of
the request ("CONNECT" and "tcp" with --tcp). COUNT is how many of the requests that match go
wrong: a number, `always`, or 1/N for every Nth; the first PASS of them are let through. The
first rule that has its turn is carried out. Kinds of HTTP, with what the server did:

    cut-before          connection reset after the head of the request     nothing
    cut-mid             ... in the middle of its body                      nothing
    cut-after           ... after its body                                 nothing
    503=SECONDS         any status with a body of S3's kind, and maybe     nothing
                        Retry-After
    ok-error            200 with an <Error> in its body                    nothing
    redirect=URL        307 to there                                       nothing
    stall=SECONDS       no answer, at last a reset                         nothing
    flip-up             one bit of the body is another                     what it makes of it
    reply-lost          connection reset instead of the reply              all
    truncated           the reply ends early, in order                     all
    cut-reply           the reply ends early, connection reset             all
    stall-reply=SECONDS half of the reply, then nothing                    all
    flip-down           one bit of the body of the reply is another        all
    etag                another ETag                                       all

Kinds of --tcp, BYTES of that direction having passed: refuse, cut-up=BYTES, cut-down=BYTES,
stall-up=BYTES, stall-down=BYTES.

DIR/events gets a line for each request when it ends: KIND or "-", method, target, status,
bytes of the body up, bytes of the body down; for a connection KIND or "-", CONNECT, tcp, 0,
bytes up, bytes down. --delay: that long each way."""

import argparse
import asyncio
import os
import re
import socket
import struct
import sys

PIECE = 256 * 1024
CODES = {400: "RequestTimeout", 403: "AccessDenied", 404: "NoSuchKey",
         429: "TooManyRequests", 500: "InternalError", 501: "NotImplemented",
         502: "BadGateway", 503: "SlowDown", 504: "GatewayTimeout"}
HTTP_KINDS = re.compile(r"(cut-(before|mid|after|reply)|ok-error|redirect|stall(-reply)?|etag|"
                        r"flip-(up|down)|reply-lost|truncated|[345]\d\d)$")
TCP_KINDS = re.compile(r"(refuse|(cut|stall)-(up|down))$")
LONG = 3600.0


class Cut(Exception):
    """The client's connection is to be reset."""


class Rule:
    def __init__(self, line, kinds):
        method, target, kind, count = line.split()
        self.method, self.target = re.compile(method), re.compile(target)
        self.kind, _, self.argument = kind.partition("=")
        if not kinds.match(self.kind):
            raise ValueError(f"no such fault: {self.kind}")
        count, _, skip = count.partition("@")
        self.skip = int(skip or 0)
        self.every = int(count[2:]) if count.startswith("1/") else 1
        self.left = LONG if count == "always" or self.every > 1 else int(count)
        self.seen = 0

    def turn(self, method, target):
        if not (self.method.search(method) and self.target.search(target)):
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.seen - self.skip) % self.every or not self.left:
            return False
        self.left -= 1
        return True

    def give_back(self):
        """There was nothing to spoil in that one: another will do."""
        self.left += 1
        self.seen -= self.every == 1

    def number(self, otherwise):
        return float(self.argument or otherwise)


class Rules:
    def __init__(self, folder, kinds):
        self.path, self.kinds = os.path.join(folder, "rules"), kinds
        self.stamp, self.rules = None, []

    def choose(self, method, target):
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return None
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp != self.stamp:
            self.stamp = stamp
            with open(self.path) as f:
                lines = [line.strip() for line in f]
            self.rules = [Rule(line, self.kinds) for line in lines if line and line[0] != "#"]
        return next((r for r in self.rules if r.turn(method, target)), None)


class Proxy:
    def __init__(self, options):
        self.folder = options.folder
        self.host, port = options.upstream.rsplit(":", 1)
        self.port, self.delay = int(port), options.delay / 1000
        self.rules = Rules(options.folder, TCP_KINDS if options.tcp else HTTP_KINDS)

    def note(self, *fields):
        # Opened each time, so that whoever counts may empty it or move it away.
        with open(os.path.join(self.folder, "events"), "a") as f:
            f.write(" ".join(str(field) for field in fields) + "\n")

    async def upstream(self):
        return await asyncio.open_connection(self.host, self.port, limit=1 << 20)


def reset(writer):
    """The other side gets ECONNRESET, not the end of the stream."""
    try:
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    writer.transport.abort()


# ---- HTTP ----


class Head:
    """Start line and headers of a request or a reply."""

    def __init__(self, raw):
        first, *lines = raw[:-4].decode("latin-1").split("\r\n")
        self.first = first
        self.headers = [tuple(p.strip() for p in line.split(":", 1)) for line in lines]

    def get(self, name, otherwise=None):
        return next((v for n, v in self.headers if n.lower() == name), otherwise)

    def without(self, *names):
        self.headers = [(n, v) for n, v in self.headers if n.lower() not in names]

    def raw(self):
        lines = [self.first] + [f"{n}: {v}" for n, v in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def flipped(body):
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 0x10]) + body[middle + 1:]


def made_reply(status, code, headers=()):
    body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
            f"<Message>made by the fault proxy</Message><RequestId>0</RequestId></Error>")
    lines = [f"HTTP/1.1 {status} {code}", "Content-Type: application/xml",
             f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n", body.encode()


class Exchange:
    """The requests of one connection, one after the other."""

    def __init__(self, proxy, reader, writer):
        self.proxy, self.reader, self.writer = proxy, reader, writer
        self.server = None

    async def run(self):
        try:
            while await self.one():
                pass
        except Cut:
            reset(self.writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.writer.close()
            if self.server:
                self.server[1].close()

    async def one(self):
        try:
            head = Head(await self.reader.readuntil(b"\r\n\r\n"))
        except asyncio.IncompleteReadError:
            return False
        method, target, _ = head.first.split(" ", 2)
        rule = self.proxy.rules.choose(method, target)
        self.fields = [rule.kind if rule else "-", method, target, 0, 0, 0]
        self.rule = rule
        try:
            return await self.serve(method, head, rule.kind if rule else "")
        finally:
            self.proxy.note(*self.fields)

    async def serve(self, method, head, kind):
        if kind == "cut-before":
            raise Cut
        body = await self.request_body(head, kind)
        await asyncio.sleep(2 * self.proxy.delay)
        if kind == "cut-after":
            raise Cut
        if kind == "stall":
            await self.stall()
            raise Cut
        made = self.without_server(kind)
        if made:
            return await self.answer(method, *made)
        if kind == "flip-up":
            body = flipped(body) if body else self.nothing_to_spoil(body)
        reply, content = await self.ask(method, head, body)
        await self.spoil(kind, reply, content)
        return await self.answer(method, reply.raw(), content)

    async def stall(self):
        """Until the time is over or the client gives up."""
        try:
            await asyncio.wait_for(self.reader.read(1), self.rule.number(LONG))
        except asyncio.TimeoutError:
            pass

    def nothing_to_spoil(self, body):
        self.rule.give_back()
        self.fields[0] = "-"
        return body

    async def request_body(self, head, kind):
        length = int(head.get("content-length", "0"))
        if head.get("expect"):
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await self.writer.drain()
        body = bytearray()
        wanted = length // 2 if kind == "cut-mid" else length
        while len(body) < wanted:
            piece = await self.reader.read(min(PIECE, wanted - len(body)))
            if not piece:
                raise ConnectionError
            body += piece
            self.fields[4] = len(body)
        if kind == "cut-mid":
            raise Cut
        return bytes(body)

    def without_server(self, kind):
        """A reply of our own, or None."""
        if kind == "ok-error":
            return made_reply(200, "InternalError")
        if kind == "redirect":
            to = self.rule.argument or "http://127.0.0.1:1/elsewhere"
            return made_reply(307, "TemporaryRedirect", [f"Location: {to}"])
        if kind.isdigit():
            after = [f"Retry-After: {self.rule.argument}"] if self.rule.argument else []
            return made_reply(int(kind), CODES.get(int(kind), "Unknown"), after)
        return None

    async def ask(self, method, head, body):
        head.without("expect", "connection")
        for attempt in (1, 2):
            if not self.server:
                self.server = await self.proxy.upstream()
            try:
                self.server[1].write(head.raw() + body)
                await self.server[1].drain()
                return await self.reply(method)
            except (asyncio.IncompleteReadError, ConnectionError):
                # A connection that was kept may have been closed by the server meanwhile.
                self.server[1].close()
                self.server = None
                if attempt == 2:
                    raise Cut from None

    async def reply(self, method):
        reader = self.server[0]
        while True:
            head = Head(await reader.readuntil(b"\r\n\r\n"))
            status = int(head.first.split(" ")[1])
            if status != 100:
                break
        body = b""
        if method != "HEAD" and status not in (204, 304):
            if head.get("transfer-encoding", "").lower() == "chunked":
                body = await self.chunks(reader)
                head.without("transfer-encoding")
                head.headers.append(("Content-Length", str(len(body))))
            else:
                body = await reader.readexactly(int(head.get("content-length", "0")))
        if head.get("connection", "").lower() == "close":
            self.server[1].close()
            self.server = None
        return head, body

    @staticmethod
    async def chunks(reader):
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
        while (await reader.readline()).strip():
            pass
        return body

    async def spoil(self, kind, reply, body):
        """What happens on the way back; changes reply, or ends the connection."""
        self.fields[3] = int(reply.first.split(" ")[1])
        if kind == "reply-lost":
            raise Cut
        if kind == "etag":
            reply.without("etag")
            reply.headers.append(("ETag", '"00000000000000000000000000000bad"'))
        if kind in ("truncated", "cut-reply", "stall-reply"):
            head = reply.raw()
            half = head + body[:len(body) // 2] if body else head[:len(head) // 2]
            self.writer.write(half)
            await self.writer.drain()
            if kind == "stall-reply":
                await self.stall()
            if kind == "truncated":
                raise ConnectionError
            # What was written has to leave before the reset overtakes it.
            await asyncio.sleep(0.05)
            raise Cut

    async def answer(self, method, head, body):
        if self.fields[0] == "flip-down":
            body = flipped(body) if body else self.nothing_to_spoil(body)
        if method == "HEAD":
            body = b""
        self.fields[3] = int(head.split(b" ", 2)[1])
        self.fields[5] = len(body)
        self.writer.write(head + body)
        await self.writer.drain()
        return True


# ---- TCP ----


class Tunnel:
    def __init__(self, proxy, reader, writer):
        self.proxy, self.reader, self.writer = proxy, reader, writer
        self.passed = {"up": 0, "down": 0}
        self.stalled = False
        self.done = "-"  # the fault, once it has happened
        self.rule = proxy.rules.choose("CONNECT", "tcp")

    async def run(self):
        kind = self.rule.kind if self.rule else "-"
        server = None
        try:
            if kind == "refuse":
                self.done = kind
                raise Cut
            server = await self.proxy.upstream()
            up, down = asyncio.Queue(maxsize=256), asyncio.Queue(maxsize=256)
            tasks = [asyncio.ensure_future(task) for task in (
                self.receive(self.reader, up), self.send("up", up, server[1]),
                self.receive(server[0], down), self.send("down", down, self.writer))]
            done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for other in others:
                other.cancel()
            for task in done:
                task.result()
        except (Cut, ConnectionError):
            reset(self.writer)
            if server:
                reset(server[1])
        finally:
            self.writer.close()
            if server:
                server[1].close()
            passed = self.passed
            self.proxy.note(self.done, "CONNECT", "tcp", 0, passed["up"], passed["down"])

    async def receive(self, reader, queue):
        """Each piece may leave a delay after it came, however many are on the way."""
        clock = asyncio.get_running_loop().time
        piece = b"?"
        while piece:
            piece = await reader.read(PIECE)
            if self.stalled and not piece:
                raise Cut
            await queue.put((clock() + self.proxy.delay, piece))
        # The end of the connection comes when the last piece has been sent.
        await asyncio.sleep(LONG)

    async def send(self, name, queue, writer):
        clock = asyncio.get_running_loop().time
        kind = self.rule.kind if self.rule and self.rule.kind.endswith("-" + name) else ""
        limit = int(self.rule.argument or 0) if kind else sys.maxsize
        while True:
            when, piece = await queue.get()
            await asyncio.sleep(max(0.0, when - clock()))
            if not piece:
                return
            some = piece[:limit - self.passed[name]]
            writer.write(some)
            await writer.drain()
            self.passed[name] += len(some)
            if len(some) < len(piece):
                self.done = kind
                if kind.startswith("stall"):
                    self.stalled = True
                    await asyncio.sleep(LONG)
                raise Cut


async def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("port", type=int)
    parser.add_argument("upstream")
    parser.add_argument("--tcp", action="store_true")
    parser.add_argument("--delay", type=float, default=0, metavar="MS")
    options = parser.parse_args()
    proxy = Proxy(options)

    async def serve(reader, writer):
        await (Tunnel if options.tcp else Exchange)(proxy, reader, writer).run()

    server = await asyncio.start_server(serve, "127.0.0.1", options.port, limit=1 << 20)
    with open(os.path.join(options.folder, "listening"), "w"):
        pass
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
