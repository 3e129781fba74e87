"""Many sessions outlive the death of lodge-smss, the broker and the listener, alone and together; after a loss of
power nothing is left of them, and the history is complete."""

import importlib.machinery
import importlib.util
import os
import select
import signal
import socket
import subprocess

import harness
from harness import SystemTest, colour_of, wait_for

BENCH = os.path.join(harness.HERE, "../bench/bench-smss")
loader = importlib.machinery.SourceFileLoader("bench_smss", BENCH)
bench = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_smss", loader))
loader.exec_module(bench)


def memory_mib():
    with open("/proc/meminfo") as source:
        return next(int(line.split()[1]) // 1024 for line in source if line.startswith("MemAvailable"))


class Recovery(SystemTest):
    accounts = ("anna", "bert")
    many = 50 if memory_mib() > 6000 else 20

    def setUp(self):
        super().setUp()
        if self.many < 50:
            print(f"{self.many} sessions, as memory is short")
        desktop = self.lodge.base + "/desktop"
        os.rename(desktop, desktop + ".py")
        with open(desktop, "w") as out:
            out.write(f"#!/bin/sh\ncase $USER in many*) exec sleep 100000 ;; *) exec {desktop}.py ;; esac\n")
        os.chmod(desktop, 0o755)
        self.client_of_anna = self.desktop_of("anna")
        self.logons = []
        self.addCleanup(lambda: [logon.close() for logon in self.logons])
        self.users = [f"many{number}" for number in range(self.many)]
        for user in self.users:
            self.lodge.account(user, "--throwaway")

    def open_many(self):
        for first in range(0, self.many, 10):
            group = [bench.Logon(self.lodge, user) for user in self.users[first:first + 10]]
            self.logons += group
            for logon in group:
                logon.wait()

    def group(self, session):
        return os.path.realpath(self.lodge.run + "/cgroup") + f"/session-{session}"

    def processes(self):
        """Those of each session, by its number."""
        found = {}
        for session in self.lodge.sessions():
            with open(self.group(session["id"]) + "/cgroup.procs") as procs:
                found[session["id"]] = (session["user"], session["state"], frozenset(procs.read().split()))
        return found

    def is_undisturbed(self, before):
        wait_for("every session is known as it was", lambda: self.processes() == before)
        for logon in self.logons:  # its channel is open: there is nothing to read, or something, but no end
            if select.select([logon.channel], [], [], 0)[0]:
                self.assertTrue(logon.channel.recv(65536, socket.MSG_PEEK), f"{logon.user}'s channel has ended")
        self.assertIsNone(self.client_of_anna.process.poll())
        self.client_of_anna.sees(colour_of("anna"))

    def kill(self, *names):
        """All of them at once, and waits for the new ones."""
        old = {name: self.lodge.pids(name) for name in names}
        for pids in old.values():
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        if "lodge-smss" in names:
            self.lodge.smss.wait(10)
            self.lodge.start()
        for name, pids in old.items():
            wait_for(f"{name} is back", lambda name=name, pids=pids: set(self.lodge.pids(name)) - set(pids))

    def test_nothing_is_lost_by_deaths(self):
        self.open_many()
        wait_for("every desktop is there", lambda: all(
            state == "active" and any(self.name(pid) in ("sleep", "desktop.py") for pid in processes)
            for _, state, processes in self.processes().values()))
        before = self.processes()
        self.assertEqual(len(before), self.many + 1)
        for names in (("lodge-smss",), ("lodge-broker",), ("lodge-rdp",), ("lodge-broker", "lodge-smss")):
            with self.subTest(names=names):
                self.kill(*names)
                self.is_undisturbed(before)
        # IDs and the account of what happens go on.
        bert = self.desktop_of("bert")
        self.assertGreater(self.state("bert", "active")["id"], max(before))
        victim = self.lodge.session_of("many0")["id"]
        logon = next(pid for pid in self.lodge.pids("lodge-logon")
                     if self.children(pid) & before[victim][2])
        os.kill(logon, signal.SIGKILL)
        self.no_session("many0")
        wait_for("the events of its end", lambda: {"logon-exit", "logoff"} <= {
            event["event"] for event in self.lodge.events() if event["session"] == victim})
        self.assertTrue(any(event["event"] == "recovered" and f"{self.many + 1} go on" in event["detail"]
                            for event in self.lodge.events()))
        bert.sees(colour_of("bert"))

    @staticmethod
    def name(pid):
        try:
            with open(f"/proc/{pid}/comm") as source:
                return source.read().strip()
        except OSError:
            return ""

    @staticmethod
    def children(pid):
        try:
            with open(f"/proc/{pid}/task/{pid}/children") as source:
                return set(source.read().split())
        except OSError:
            return set()

    def test_the_power_goes(self):
        self.many, self.users = 3, self.users[:3]
        self.open_many()
        ids = [session["id"] for session in self.lodge.sessions()]
        base = os.path.realpath(self.lodge.run + "/cgroup")
        self.lodge.smss.kill()
        with open(base + "/cgroup.kill", "w") as out:
            out.write("1")
        self.lodge.smss.wait(10)
        wait_for("nothing is left", lambda: "populated 0" in open(base + "/cgroup.events").read())
        self.lodge.start()
        wait_for("the history has the ends", lambda: {event["session"] for event in self.lodge.events() if (
            event["event"], event["reason"]) == ("logoff", "session-died")} == set(ids))
        self.assertEqual(self.lodge.sessions(), [])
        wait_for("what was left is gone", lambda: not any(
            os.listdir(f"{self.lodge.run}/{folder}") for folder in ("sessions", "winstation")))
        self.assertEqual([name for name in os.listdir(base) if name.startswith("session-")], [])
        mounts = subprocess.run(["findmnt", "-rno", "TARGET"], capture_output=True, text=True, check=True).stdout
        self.assertNotIn(self.lodge.base + "/state", mounts)
        self.assertFalse(any(os.path.exists(self.lodge.home(user)) for user in self.users))
        # Once is enough.
        count = len([event for event in self.lodge.events() if event["event"] == "logoff"])
        self.lodge.stop()
        self.lodge.start()
        self.desktop_of("bert")
        self.assertEqual(count, len([event for event in self.lodge.events() if event["event"] == "logoff"]))
        self.assertGreater(self.state("bert", "active")["id"], max(ids))


if __name__ == "__main__":
    harness.main()
