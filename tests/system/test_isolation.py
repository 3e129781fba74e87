"""What a hostile program in a session reaches of others: nothing. hostile.py is that program; docs/architecture.md has
a table of its attempts."""

import contextlib
import ctypes
import glob
import json
import os
import re
import shutil
import socket
import sys
import unittest

import harness
from harness import HERE, SystemTest, wait_for
from victim import KEY_NUMBERS, libc

DESKTOP = """#!/bin/sh
# The test desktop, and whatever comes as an order.
BASE/desktop &
orders=$HOME/orders-$LODGE_SESSION
mkfifo "$orders.new" && mv "$orders.new" "$orders"
while true; do
    # Opened while the last writer still is there, it has no line.
    if read -r order <"$orders"; then
        /usr/bin/python3 BASE/$order &
    fi
done
"""

# The kernel's own bound on abstract sockets: LANDLOCK_CREATE_RULESET_VERSION tells whether there is one.
SCOPES = 6
# These are a user's own, or the machine's.
SHARED = {"loopback", "set-user-id-programs-of-the-machine"}
EITHER = {"own-agent-channel"}  # as the machine bounds ptrace
SEEN = {"processes-pidfd", "processes-proc", "processes-list"}
BY_LANDLOCK = {"abstract-socket", "abstract-socket-of-the-host", "abstract-socket-from-user-namespace"}
SECRET = "LODGE_ISOLATION_SECRET"


def landlock():
    return libc.syscall(444, None, ctypes.c_size_t(0), 1)


def number_inside(pid):
    """The number that a process has in its own pid namespace."""
    with open(f"/proc/{pid}/status") as status:
        return next(line.split()[-1] for line in status if line.startswith("NSpid:"))


class Isolated(SystemTest):
    accounts = ("anna", "bert")
    settings = {"Sessions_SingleSessionPerUser": 0, "Sessions_TasksMax": 500}
    start = False

    def setUp(self):
        super().setUp()
        base = self.lodge.base
        for path in glob.glob(HERE + "/hostile*.py") + [HERE + "/victim.py"]:
            shutil.copy(path, base)
        with open(base + "/session", "w") as out:
            out.write(DESKTOP.replace("BASE", base))
        os.chmod(base + "/session", 0o755)
        self.lodge.set(Sessions_Desktop=base + "/session")
        for name in self.accounts:
            self.lodge.account(name)
        os.environ[SECRET] = "what only the server is to know"
        self.addCleanup(os.environ.pop, SECRET)
        self.lodge.start()

    def session(self, user):
        """A new session: its number."""
        before = {one["id"] for one in self.lodge.sessions()}
        self.desktop_of(user)
        return wait_for(f"a session of {user}", lambda: next(
            (one["id"] for one in self.lodge.sessions()
             if one["user"] == user and one["state"] == "active" and one["id"] not in before), None))

    def order(self, user, session, what):
        path = f"{self.lodge.home(user)}/orders-{session}"
        wait_for("the session takes orders", lambda: os.path.exists(path))
        with open(path, "w") as orders:
            orders.write(what + "\n")

    def text(self, user, name):
        path = f"{self.lodge.home(user)}/{name}"
        try:
            wait_for(name, lambda: os.path.exists(path), 2 * harness.DEADLINE)
        except AssertionError as missing:
            said = [str(missing)]
            for what in (".xsession-errors", name + ".new"):
                with contextlib.suppress(OSError), open(f"{self.lodge.home(user)}/{what}") as source:
                    said.append(source.read())
            raise AssertionError("\n".join(said)) from None
        with open(path) as source:
            return source.read()

    def victim(self, user, session):
        self.order(user, session, "victim.py")
        made = json.loads(self.text(user, f"victim-{session}.json"))
        pids = [int(pid) for pid in self.pids_of(session)]
        uid = os.stat(self.lodge.home(user)).st_uid
        return {"user": user, "session": session, "uid": uid, "pids": pids, "made": made}

    def pids_of(self, session):
        with open(f"{self.lodge.run}/cgroup/session-{session}/cgroup.procs") as processes:
            return processes.read().split()

    def init_of(self, session):
        """The number of its lodge-init, as the session sees it."""
        init = next(pid for pid in self.lodge.pids("lodge-init") if str(pid) in self.pids_of(session))
        return int(number_inside(init))

    def facts(self, others):
        name = f"lodge-isolation-{os.getpid()}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("\0" + name)
        listener.listen()
        self.addCleanup(listener.close)
        numbers = KEY_NUMBERS.get(os.uname().machine)
        if numbers:
            libc.syscall(numbers[0], b"user", name.encode(), b"secret", ctypes.c_size_t(6), -3)
        victim = others[0]["session"]
        pid = str(others[0]["pids"][-1])
        return {"run": self.lodge.run, "state": self.lodge.state, "conf": self.lodge.conf, "others": others,
                "host_abstract": name, "server_key": name, "terminals": os.stat("/dev/pts").st_dev,
                "server_pids": [self.lodge.smss.pid] + [pid for program in
                                                        ("lodge-broker", "lodge-rdp", "lodge-rdp-worker", "lodge-logon")
                                                        for pid in self.lodge.pids(program)],
                "commands": [["logoff", str(victim)], ["disconnect", str(victim)], ["reset", str(victim)],
                             ["msg", str(victim), "text"], ["end", str(victim), pid], ["ps", str(victim)],
                             ["drain", "on"], ["reload"], ["licence", "list"], ["events"], ["account", "list"],
                             ["policy", "test", "--user", "bert"]]}

    def attempts(self, user, session, others, *names):
        facts = dict(self.facts(others), init=self.init_of(session))
        with open(f"{self.lodge.home(user)}/facts-{session}.json", "w") as out:
            json.dump(facts, out)
        self.order(user, session, " ".join(("hostile.py", *names)))
        lines = self.text(user, f"attempts-{session}").splitlines()
        return dict(line.split(": ", 1) for line in lines)

    def check(self, results, shared):
        """Each attempt is refused, but those that are to gain something."""
        if os.environ.get("LODGE_TEST_LOG"):
            sys.stderr.write("".join(f"{name}: {said}\n" for name, said in results.items()))
        shared = shared if landlock() >= SCOPES else shared | BY_LANDLOCK
        unexpected = [f"{name}: {said}" for name, said in results.items()
                      if name not in EITHER and not said.startswith("gained" if name in shared else "refused")]
        self.assertEqual(unexpected, [], "\n".join(unexpected))
        self.assertGreater(len(results), 60)

    def check_others(self, others):
        """They are where they were."""
        alive = {one["id"]: one["state"] for one in self.lodge.sessions()}
        for other in others:
            self.assertEqual(alive[other["session"]], "active")
            self.assertLessEqual({str(pid) for pid in other["pids"]}, set(self.pids_of(other["session"])))

    def test_a_hostile_program_reaches_nothing_of_others(self):
        bert, second, hostile = self.session("bert"), self.session("anna"), self.session("anna")
        others = [self.victim("bert", bert), self.victim("anna", second)]
        self.check(self.attempts("anna", hostile, others), SHARED)
        self.check_others(others)
        # Killing all that it can ends itself. Its object directory, full of names, goes with it.
        self.order("anna", hostile, "hostile.py --kill-all")
        wait_for("the hostile session is over", lambda: hostile not in {one["id"] for one in self.lodge.sessions()})
        self.assertFalse(os.path.exists(f"{self.lodge.run}/sessions/{hostile}"))
        self.check_others(others)


class IsolatedByUser(Isolated):
    """Without pid namespaces the processes of other users can be seen, and nothing more."""

    settings = dict(Isolated.settings, Sessions_PidNamespace=0)

    def test_a_hostile_program_reaches_nothing_of_others(self):
        bert, hostile = self.session("bert"), self.session("anna")
        others = [self.victim("bert", bert)]
        self.check(self.attempts("anna", hostile, others), SHARED | SEEN)
        self.check_others(others)


@unittest.skipUnless(os.path.exists(HERE + "/../../docs/architecture.md"), "the documents are not here")
class Documents(unittest.TestCase):
    def test_the_table_has_every_attempt(self):
        with open(HERE + "/../../docs/architecture.md") as source:
            section = source.read().split("## Isolation", 1)[1].split("\n## ", 1)[0]
        made = set()
        for path in glob.glob(HERE + "/hostile_*.py"):
            with open(path) as source:
                made |= {name.replace("_", "-") for name in re.findall(r"@attempt\ndef (\w+)", source.read())}
        rows = [row.split("|")[-2] for row in section.splitlines() if row.startswith("|")]
        told = {name for cell in rows for name in re.findall(r"`([a-z-]+)`", cell)}
        self.assertEqual(made, told)


if __name__ == "__main__":
    harness.main()
