#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Another S3 client than pgkeep, for the tests: it puts, shows and spoils objects.

    s3.py URL make-bucket [--lock]      s3.py URL put KEY <content
    s3.py URL get KEY [VERSION]         s3.py URL remove KEY
    s3.py URL list [PREFIX]             prints "SIZE KEY" of each object, keys quoted as in URLs
    s3.py URL head KEY                  prints the headers

URL is a repository URL, s3://BUCKET/PREFIX?endpoint=http://...; a KEY is below its PREFIX, in
bytes, where %XX may stand for any. The keys come from AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY. Standard library only; path-style requests."""

import datetime
import hashlib
import hmac
import http.client
import os
import ssl
import sys
import urllib.parse
import xml.etree.ElementTree as tree


def quoted(raw, safe=""):
    return urllib.parse.quote(raw, safe="-_.~" + safe)


class Client:
    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        options = dict(urllib.parse.parse_qsl(parts.query))
        self.bucket = parts.netloc
        self.prefix = urllib.parse.unquote_to_bytes(parts.path.strip("/"))
        self.region = options.get("region", "us-east-1")
        self.endpoint = urllib.parse.urlsplit(options["endpoint"])
        self.authority = options.get("ca-file")

    def connect(self):
        if self.endpoint.scheme == "http":
            return http.client.HTTPConnection(self.endpoint.netloc, timeout=60)
        context = ssl.create_default_context(cafile=self.authority)
        return http.client.HTTPSConnection(self.endpoint.netloc, timeout=60, context=context)

    def key(self, name):
        raw = urllib.parse.unquote_to_bytes(name)
        return self.prefix + b"/" + raw if self.prefix else raw

    def signed(self, method, path, query, headers, body):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        headers = dict(headers, **{"host": self.endpoint.netloc, "x-amz-date": now,
                                   "x-amz-content-sha256": digest})
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        request = "\n".join([method, path, query, lines, names, digest])
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope,
                          hashlib.sha256(request.encode()).hexdigest()])
        key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}")
        return headers

    def send(self, method, key=b"", query=(), headers=(), body=b""):
        path = f"/{quoted(self.bucket)}" + (f"/{quoted(key, '/')}" if key else "")
        query = "&".join(sorted(f"{quoted(k)}={quoted(v)}" for k, v in dict(query).items()))
        connection = self.connect()
        connection.request(method, path + ("?" + query if query else ""), body=body,
                           headers=self.signed(method, path, query, dict(headers), body))
        reply = connection.getresponse()
        content = reply.read()
        if reply.status >= 300:
            sys.exit(f"{method} {path}: {reply.status} {content.decode(errors='replace')}")
        return reply, content

    def list(self, prefix):
        """Yields (size, quoted key below the prefix of the URL)."""
        start = {}
        skip = len(self.prefix) + 1 if self.prefix else 0
        while True:
            query = {"list-type": "2", "encoding-type": "url",
                     "prefix": self.key(prefix).decode("utf-8", "surrogateescape"), **start}
            page = tree.fromstring(self.send("GET", query=query)[1])
            space = page.tag[:page.tag.index("}") + 1]
            for item in page.iter(space + "Contents"):
                key = urllib.parse.unquote_to_bytes(item.findtext(space + "Key"))
                yield int(item.findtext(space + "Size")), quoted(key[skip:], "/")
            token = page.findtext(space + "NextContinuationToken")
            if not token:
                return
            start = {"continuation-token": token}


def main(url, verb, *arguments):
    client = Client(url)
    key = client.key(arguments[0]) if arguments else b""
    if verb == "make-bucket":
        lock = {"x-amz-bucket-object-lock-enabled": "true"} if "--lock" in arguments else {}
        client.send("PUT", headers=lock)
    elif verb == "put":
        client.send("PUT", key, body=sys.stdin.buffer.read())
    elif verb == "get":
        version = {"versionId": arguments[1]} if len(arguments) > 1 else {}
        sys.stdout.buffer.write(client.send("GET", key, version)[1])
    elif verb == "head":
        for name, value in client.send("HEAD", key)[0].getheaders():
            print(f"{name.lower()}: {value}")
    elif verb == "remove":
        client.send("DELETE", key)
    elif verb == "list":
        for size, name in client.list(arguments[0] if arguments else ""):
            print(size, name)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
