"""What the attempts of a hostile program in a session stand on; hostile.py runs them.

An attempt gains something when it returns a text. Returning nothing or an OSError is a refusal."""

import os
import socket

from victim import call

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
ATTEMPTS = {}
FACTS = {}  # of the others and the server, from test_isolation.py


def attempt(function):
    ATTEMPTS[function.__name__.replace("_", "-")] = function
    return function


def first(things, reach):
    """What comes of the first of these that can be reached, or the last refusal."""
    refusal = None
    for thing in things:
        try:
            found = reach(thing)
        except OSError as error:
            refusal = error
            continue
        if found:
            return f"{thing}: {found}"
    if refusal is not None:
        raise refusal
    return None


def others_pids():
    return [pid for other in FACTS["others"] for pid in other["pids"]] + FACTS["server_pids"]


def read(path, size=64):
    with open(path, "rb") as source:
        return source.read(size)


def write(path, text):
    with open(path, "w") as out:
        out.write(text)
    return "written"


def connect(address, kind=socket.SOCK_STREAM, family=socket.AF_UNIX):
    with socket.socket(family, kind) as peer:
        peer.settimeout(5)
        peer.connect(address)
    return "connected"


def of_others(path):
    return [path.format(**{**other["made"], **other}) for other in FACTS["others"]]


def enter_user_namespace(more=0):
    """Where the machine allows it: with every right in it."""
    maps = {"setgroups": "deny", "uid_map": f"0 {os.getuid()} 1", "gid_map": f"0 {os.getgid()} 1"}
    call("unshare", CLONE_NEWUSER | CLONE_NEWNS | more)
    for name, text in maps.items():
        try:
            write("/proc/self/" + name, text)
        except OSError as error:
            raise RuntimeError(f"{name} of a namespace of one's own: {error}") from error
