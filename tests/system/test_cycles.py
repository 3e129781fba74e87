"""Sessions made and ended many times leave the host as it was."""

import collections
import glob
import os

import harness
from harness import Client, Screen, SystemTest, colour_of, wait_for

CYCLES = int(os.environ.get("LODGE_TEST_CYCLES", "200"))
USERS = ("anna", "bert", "carl", "dora")


class Cycles(SystemTest):
    accounts = USERS

    def counts(self):
        """What the server holds on this host."""
        found = collections.Counter()
        for name in ("lodge-smss", "lodge-broker", "lodge-rdp", "lodge-rdp-worker", "lodge-logon", "lodge-init",
                     "lodge-display", "Xtigervnc"):
            pids = self.lodge.pids(name)
            found["processes " + name] = len(pids)
            if name in ("lodge-smss", "lodge-broker", "lodge-rdp"):
                found["descriptors " + name] = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
        with open("/proc/self/mountinfo") as table:
            found["mounts"] = len(table.readlines())
        with open("/proc/net/unix") as table:
            found["sockets"] = sum(self.lodge.base in line for line in table)
        found["cgroups"] = sum(1 for root in ("/sys/fs/cgroup", self.lodge.run + "/cgroup")
                               for path, _, _ in os.walk(root) if os.path.basename(self.lodge.base) in path)
        found["files"] = len(glob.glob(self.lodge.run + "/**", recursive=True))
        return found

    def one_round(self):
        """A session for each user at once, from connect to logoff."""
        clients = [Client(self.lodge, user, screen=screen) for user, screen in zip(USERS, self.screens)]
        try:
            for user, client in zip(USERS, clients):
                client.sees(colour_of(user))
            for session in self.lodge.sessions():
                self.lodge.done("logoff", str(session["id"]))
            for client in clients:
                client.ended()
        finally:
            for client in clients:
                client.close()
        wait_for("every session has ended", lambda: not self.lodge.sessions())

    def settled(self, want):
        def same():
            now = self.counts()
            return now == want
        try:
            wait_for("the host is as before", same)
        except AssertionError:
            self.assertEqual(dict(want), dict(self.counts()))

    def test_nothing_is_left(self):
        self.screens = [Screen() for _ in USERS]
        for screen in self.screens:
            self.addCleanup(screen.close)
        self.one_round()
        before = self.counts()
        for _ in range(CYCLES // len(USERS)):
            self.one_round()
        self.settled(before)


if __name__ == "__main__":
    harness.main()
