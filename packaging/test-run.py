#!/usr/bin/python3
"""`make run` as a person meets it: what it says, that it survives its manager's death, that a second one and a taken
port are refused, and that it ends in order."""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE + "/../tests/system")
import harness  # noqa: E402
from harness import wait_for  # noqa: E402


class Run:
    """One packaging/run.sh in directories under `base`."""

    def __init__(self, base, port):
        self.log_path = tempfile.mktemp(prefix="run-", dir=base)
        environment = dict(os.environ, PORT=str(port), LODGE_RUN_STATE=base + "/state", LODGE_RUN_DIR=base + "/run",
                           LODGE_PROGRAMS=harness.BIN)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([HERE + "/run.sh"], env=environment, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True,
                                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def said(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def says(self, pattern):
        def look():
            found = re.search(pattern, self.said())
            if not found and self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}:\n{self.said()}")
            return found
        return wait_for(f"make run says {pattern}", look)

    def ends(self):
        wait_for("make run ends", lambda: self.process.poll() is not None)
        return self.process.returncode


class RunTest(unittest.TestCase):
    def setUp(self):
        # For its directories, what it knows of its processes, and how it takes apart what is left; run.sh starts it.
        self.server = harness.Lodge()
        self.base, self.port = self.server.base, self.server.port
        self.server.conf = self.base + "/state/lodge.conf"
        self.runs = []
        self.addCleanup(self.tear_down)

    def tear_down(self):
        for run in self.runs:
            harness.end_process(run.process)
        self.server.remove()

    def run_on(self, port):
        self.runs.append(Run(self.base, port))
        return self.runs[-1]

    def smss(self):
        return self.server.pids("lodge-smss")

    def test_life(self):
        run = self.run_on(self.port)
        password = run.says(r"password +(\S+)")[1]
        run.says(rf"xfreerdp3 /v:127\.0\.0\.1:{self.port} /u:demo /p:{password} ")
        run.says(r"SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}\n")
        self.assertEqual(os.stat(self.base + "/state/demo-password").st_mode & 0o777, 0o600)

        second = self.run_on(harness.free_port())
        self.assertNotEqual(second.ends(), 0)
        self.assertIn("another make run", second.said())
        self.assertIsNone(run.process.poll())

        (manager,) = self.smss()
        os.kill(manager, signal.SIGKILL)
        run.says("starting it again")
        wait_for("another manager answers", lambda: self.smss() not in ([], [manager]) and
                 self.server.ctl("ping").returncode == 0)

        run.process.send_signal(signal.SIGINT)
        self.assertEqual(run.ends(), 0, run.said())
        self.assertEqual(self.smss(), [])

        again = self.run_on(self.port)
        self.assertEqual(again.says(r"password +(\S+)")[1], password)
        again.process.send_signal(signal.SIGTERM)
        self.assertEqual(again.ends(), 0, again.said())

    def test_port_taken(self):
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            run = self.run_on(taken.getsockname()[1])
            self.assertNotEqual(run.ends(), 0)
        self.assertIn(str(os.getpid()), run.said())

    def test_port_wrong(self):
        run = self.run_on("70000")
        self.assertNotEqual(run.ends(), 0)
        self.assertIn("1 to 65535", run.said())


if __name__ == "__main__":
    harness.main()
