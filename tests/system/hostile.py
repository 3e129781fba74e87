#!/usr/bin/python3
"""A hostile program inside a session: tries everything that is not to work from there, each attempt in a process of
its own, and writes a line "NAME: gained|refused|broken, what" for each to ~/attempts-SESSION. What it knows of the
others (more than it could) is in ~/facts-SESSION.json, from test_isolation.py."""

import contextlib
import errno
import importlib
import json
import os
import signal
import sys
import traceback

from hostile_base import ATTEMPTS, FACTS
from victim import SESSION

def run_one(name):
    """In a process of its own, that an attempt may ruin."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            found = ATTEMPTS[name]()
            said = f"gained, {found}" if found else "refused, nothing there"
        except OSError as error:
            said = f"refused, {errno.errorcode.get(error.errno, error.errno)} {error.filename or ''}"
        except Exception:  # pylint: disable=broad-except
            said = "broken, " + traceback.format_exc().replace("\n", " | ")
        os.write(writing, said[:2000].encode(errors="replace"))
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as source:
        said = source.read().decode(errors="replace")
    os.waitpid(child, 0)
    return said or "broken, it died"


def note_inherited():
    FACTS["inherited"] = []
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one of the list itself is closed by now
            if int(fd) > 2:
                FACTS["inherited"].append(f"{fd}: {os.readlink('/proc/self/fd/' + fd)}")


def main():
    if sys.argv[1:] == ["--kill-all"]:
        os.kill(-1, signal.SIGKILL)
    note_inherited()
    for module in ("hostile_others", "hostile_rights"):
        importlib.import_module(module)
    signal.alarm(120)
    with open(os.path.expanduser(f"~/facts-{SESSION}.json")) as source:
        FACTS.update(json.load(source))
    path = os.path.expanduser(f"~/attempts-{SESSION}")
    with open(path + ".new", "w") as out:
        for name in sys.argv[1:] or ATTEMPTS:
            out.write(f"{name}: {run_one(name)}\n".replace("\0", "@"))
            out.flush()
    os.rename(path + ".new", path)


if __name__ == "__main__":
    main()
