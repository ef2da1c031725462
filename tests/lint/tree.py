# SPDX-License-Identifier: Apache-2.0
"""What the lint scripts share: the files of the tree, C without comments and texts."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCE = ("core/", "backends/", "catalog/", "tools/")


def files():
    """Paths of all files that are, or are about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return sorted(p for p in set(listed.split("\0"))
                  if p and os.path.isfile(os.path.join(ROOT, p)))


def c_files():
    return [p for p in files() if p.endswith((".c", ".h"))]


def text(path):
    with open(os.path.join(ROOT, path), "rb") as f:
        return f.read().decode("utf-8", "replace")


# Comments, texts and characters, in the order in which they begin.
BLANKED = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def code(path):
    """C source with comments and texts blanked; lines keep their numbers."""
    return BLANKED.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text(path))


def line_of(source, offset):
    return source.count("\n", 0, offset) + 1


def finish(complaints):
    """Prints the complaints (path, line, what to do) and ends the script."""
    for path, line, what in sorted(set(complaints)):
        print(f"{path}:{line}: {what}")
    sys.exit(1 if complaints else 0)
