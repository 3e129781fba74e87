"""Logoff asks a desktop as desktops are asked: first its session manager (XSMP), then the windows that are left."""

import os
import shutil
import time
import unittest

import harness
from harness import SystemTest, wait_for

GRACE = 6


class Logoff(SystemTest):
    settings = {"Sessions_LogoffSeconds": GRACE}
    accounts = ("anna",)

    def setUp(self):
        super().setUp()
        for name in ("xsmp-manager", "xsmp-client"):
            shutil.copy(f"{harness.BIN}/{name}", self.lodge.base)

    def home(self, name):
        """What is in that file of anna's home."""
        try:
            with open(f"{self.lodge.home('anna')}/{name}") as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def log_on(self, script):
        """A session with this script as its desktop; BASE is the folder of the test's programs."""
        self.lodge.set(Sessions_Desktop=self.lodge.base + "/session")
        with open(self.lodge.base + "/session", "w") as out:
            out.write("#!/bin/sh\n" + script.replace("BASE", self.lodge.base))
        os.chmod(self.lodge.base + "/session", 0o755)
        self.lodge.done("policy", "reload")
        self.desktop_of("anna")
        return self.state("anna", "active")

    def log_off(self, session):
        """Its logoff, and how long that took in seconds."""
        begun = time.monotonic()
        self.lodge.done("logoff", str(session["id"]))
        self.no_session("anna")
        return time.monotonic() - begun

    def answers(self):
        return [one["detail"] for one in self.lodge.events() if one["event"] == "desktop-asked"]

    def managed(self, mode):
        session = self.log_on(f"exec BASE/xsmp-manager {mode} sh -c 'BASE/xsmp-client ~/saved & exec BASE/desktop'\n")
        wait_for("the program knows its session manager", lambda: self.home("saved") == ["runs"])
        return session

    def test_the_session_manager_ends_it_and_its_programs_save(self):
        session = self.managed("end")
        self.log_off(session)
        self.assertEqual(self.home("saved"), ["runs", "saved", "ends"])
        self.assertEqual(self.home("document"), ["saved"])  # no client of the manager: by its window
        self.assertEqual(len(self.answers()), 1)
        self.assertIn("has ended it", self.answers()[0])

    def test_windows_are_closed_when_the_session_manager_calls_it_off(self):
        session = self.managed("refuse")
        self.log_off(session)
        self.assertEqual(self.home("saved"), ["runs", "saved"])
        self.assertEqual(self.home("document"), ["saved"])
        self.assertIn("has called it off", self.answers()[0])

    def test_a_session_manager_that_does_not_answer_costs_no_more_than_the_grace_time(self):
        session = self.managed("mute")
        manager = self.pid_of(session, "xsmp-manager")
        took = self.log_off(session)
        self.assertEqual(self.home("saved"), ["runs"])
        self.assertEqual(self.home("document"), ["saved"])
        self.assertIn("does not answer in time", self.answers()[0])
        self.assertGreaterEqual(took, GRACE / 3)
        self.assertLess(took, GRACE + 5)
        self.assertFalse(os.path.exists(f"/proc/{manager}"))

    def pid_of(self, session, name):
        group = f"{self.lodge.run}/cgroup/session-{session['id']}/cgroup.procs"
        with open(group) as processes:
            for pid in processes.read().split():
                with open(f"/proc/{pid}/comm") as comm:
                    if comm.read().strip() == name[:15]:
                        return int(pid)
        raise AssertionError(f"no {name} in the session")

    def test_a_session_manager_that_is_stopped_and_deaf_programs_cost_the_grace_time(self):
        session = self.log_on("exec BASE/xsmp-manager end sh -c 'BASE/xsmp-client ~/saved & "
                              "trap \"\" TERM HUP; BASE/desktop; while true; do sleep 1; done'\n")
        wait_for("the program knows its session manager", lambda: self.home("saved") == ["runs"])
        os.kill(self.pid_of(session, "xsmp-manager"), 19)
        took = self.log_off(session)
        self.assertEqual(self.home("document"), ["saved"])
        self.assertIn("does not answer in time", self.answers()[0])
        self.assertGreaterEqual(took, GRACE - 1)
        self.assertLess(took, GRACE + 5)

    def test_one_that_cannot_be_reached_and_one_that_is_not_there(self):
        session = self.log_on("export SESSION_MANAGER=local/$(hostname):/tmp/nobody\nexec BASE/desktop\n")
        self.log_off(session)
        self.assertEqual(self.home("document"), ["saved"])
        self.assertIn("lets nobody in", self.answers()[0])
        os.remove(self.lodge.home("anna") + "/document")
        session = self.log_on("export SESSION_MANAGER=tcp/localhost:1\nexec BASE/desktop\n")  # not of this machine
        self.log_off(session)
        self.assertEqual(self.home("document"), ["saved"])
        self.assertEqual(len(self.answers()), 1)

    @unittest.skipUnless(shutil.which("xfce4-session") and shutil.which("dbus-run-session"), "no xfce4-session here")
    def test_xfce_ends_its_session_without_a_question(self):
        session = self.log_on("mkdir -p ~/.config/autostart\n"
                              "printf '[Desktop Entry]\\nType=Application\\nName=saver\\n"
                              "Exec=BASE/xsmp-client %s/saved\\n' \"$HOME\" > ~/.config/autostart/saver.desktop\n"
                              "BASE/desktop &\nexec dbus-run-session xfce4-session\n")
        wait_for("the program knows its session manager", lambda: self.home("saved") == ["runs"])
        self.log_off(session)
        self.assertEqual(self.home("saved"), ["runs", "saved", "ends"])
        self.assertIn("has ended it", self.answers()[0])


if __name__ == "__main__":
    harness.main()
