"""What one session may use: a fork bomb and a memory hog in it hurt nobody else, and go with it."""

import os
import re

import harness
from harness import SystemTest, wait_for

TASKS = 150
MEMORY = 400  # MiB

BOMB = """
import os, signal
count = 0
while True:
    try:
        if os.fork() == 0:
            while True:
                signal.pause()
        count += 1
    except OSError:
        with open(os.path.expanduser("~/bomb.new"), "w") as out:
            out.write(str(count))
        os.rename(os.path.expanduser("~/bomb.new"), os.path.expanduser("~/bomb"))
        while True:
            signal.pause()
"""

HOG = """
import os
kept = []
for size in range(32, 1024 + 1, 32):
    kept.append(bytearray(os.urandom(1 << 20)) * 32)
    with open(os.path.expanduser("~/hog"), "w") as out:
        out.write(str(size))
"""

# Together they take all; each alone takes less than the X server has.
CROWD = """
import os, signal
for _ in range(80):
    if os.fork() == 0:
        kept = os.urandom(8 << 20)
        while True:
            signal.pause()
raise SystemExit(0 if os.wait()[1] == signal.SIGKILL else 1)
"""

DESKTOP = """#!/bin/sh
# The test desktop, and whatever comes as an order.
BASE/desktop &
mkfifo "$HOME/orders.new" && mv "$HOME/orders.new" "$HOME/orders"
while read -r order <"$HOME/orders"; do
    /usr/bin/python3 "BASE/$order.py" &
    wait $!
    echo "$?" >"$HOME/$order-status"
done
"""


class Limits(SystemTest):
    accounts = ("anna", "bert")
    start = False

    def setUp(self):
        super().setUp()
        base = self.lodge.base
        for name, text in (("bomb.py", BOMB), ("hog.py", HOG), ("crowd.py", CROWD),
                           ("session", DESKTOP.replace("BASE", base))):
            with open(f"{base}/{name}", "w") as out:
                out.write(text)
            os.chmod(f"{base}/{name}", 0o755)
        self.lodge.set(Sessions_Desktop=base + "/session", Sessions_TasksMax=TASKS, Sessions_MemoryMaxMiB=MEMORY,
                       Sessions_CpuWeight=300)
        for name in self.accounts:
            self.lodge.account(name)
        self.lodge.start()

    def holds(self, controller):
        """As the server says at its start."""
        line = re.search(r"limits of sessions that hold: (.*)", self.lodge.log())
        return controller in line.group(1)

    def order(self, user, what):
        path = self.lodge.home(user) + "/orders"
        wait_for("the session takes orders", lambda: os.path.exists(path))
        with open(path, "w") as orders:
            orders.write(what + "\n")

    def read(self, user, name):
        try:
            with open(f"{self.lodge.home(user)}/{name}") as source:
                return source.read().strip()
        except OSError:
            return ""

    def works(self, client, count):
        client.screen.click(300, 300)
        client.screen.type("w")
        client.sees((255, 255, 255) if count % 2 else (0, 0, 0), 20, 20)

    def left(self):
        """Groups of sessions, wherever they are."""
        found = []
        for controller in ("", "-memory", "-pids", "-cpu"):
            path = f"{self.lodge.run}/cgroup{controller}"
            names = os.listdir(path) if os.path.isdir(path) else []
            found += [name for name in names
                      if "session-" in name and (controller == "" or os.path.basename(self.lodge.base) in name)]
        return found

    def end(self, user):
        session = self.lodge.session_of(user)
        self.lodge.done("logoff", str(session["id"]))
        self.no_session(user)

    def test_a_fork_bomb(self):
        bert = self.desktop_of("bert")
        self.desktop_of("anna")
        self.order("anna", "bomb")
        count = int(wait_for("the bomb meets its bound", lambda: self.read("anna", "bomb")))
        self.assertGreater(count, TASKS // 3)
        self.assertLess(count, TASKS)
        self.works(bert, 1)
        self.end("anna")
        self.desktop_of("anna")
        self.works(bert, 2)
        self.end("anna")
        self.end("bert")
        self.assertEqual(self.left(), [])

    def test_a_weight(self):
        if not self.holds("cpu"):
            self.skipTest("no controller for cpu here")
        self.desktop_of("anna")
        session = f"session-{self.state('anna', 'active')['id']}"
        folder = os.path.basename(os.path.realpath(self.lodge.run + "/cgroup"))
        v1, want = f"{self.lodge.run}/cgroup-cpu/{folder}.{session}", "3072"
        path = v1 + "/cpu.shares"
        if not os.path.exists(v1):
            path, want = f"{self.lodge.run}/cgroup/{session}/cpu.weight", "300"
        with open(path) as source:
            self.assertEqual(source.read().strip(), want)
        with open(os.path.dirname(path) + "/cgroup.procs") as source:
            inside = {int(pid) for pid in source.read().split()}
        for name in ("lodge-init", "Xtigervnc", "lodge-display"):
            self.assertLessEqual(set(self.lodge.pids(name)), inside)

    def test_a_memory_hog(self):
        if not self.holds("memory"):
            self.skipTest("no controller for memory here")
        bert = self.desktop_of("bert")
        self.desktop_of("anna")
        self.order("anna", "hog")
        self.assertEqual(wait_for("the hog is killed", lambda: self.read("anna", "hog-status")), "137")
        self.assertLess(int(self.read("anna", "hog")), MEMORY)
        self.works(bert, 1)
        self.state("anna", "active")

    def test_a_crowd_of_hogs(self):
        if not self.holds("memory"):
            self.skipTest("no controller for memory here")
        self.desktop_of("anna")
        self.order("anna", "crowd")
        self.assertEqual(wait_for("one of them is killed", lambda: self.read("anna", "crowd-status")), "0")
        self.state("anna", "active")

    def test_limits_outlive_smss(self):
        if not self.holds("pids"):
            self.skipTest("no controller for pids here")
        self.desktop_of("anna")
        before = sorted(self.left())
        self.lodge.smss.kill()
        self.lodge.smss.wait(10)
        self.lodge.start()
        self.assertEqual(sorted(self.left()), before)
        self.state("anna", "active")
        self.order("anna", "bomb")
        count = int(wait_for("the bomb meets its bound", lambda: self.read("anna", "bomb")))
        self.assertLess(count, TASKS)
        self.end("anna")
        self.assertEqual(self.left(), [])


if __name__ == "__main__":
    harness.main()
