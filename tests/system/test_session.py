"""What is known of a real session, and done with it, besides the paths of logon and logoff: lock and unlock, last
input, terminal, environment."""

import contextlib
import json
import os
import shutil
import unittest

import harness
from harness import SystemTest, wait_for

LOCKER = """#!/bin/sh
# Locks nothing: it stays until the file is there.
while [ ! -e "$HOME/unlock" ]; do
    sleep 0.1
done
"""


class Session(SystemTest):
    def setUp(self):
        super().setUp()
        self.locker = self.lodge.base + "/locker"
        with open(self.locker, "w") as out:
            out.write(LOCKER)
        os.chmod(self.locker, 0o755)

    def configure(self, **settings):
        self.lodge.set(**settings)
        self.lodge.done("policy", "reload")

    def shown(self, session):
        return json.loads(self.lodge.done("show", str(session["id"]), "--json"))

    def locked(self, session, locked):
        return wait_for(f"locked: {locked}", lambda: self.shown(session)["locked"] == locked)

    def events(self, name):
        return [one for one in self.lodge.events() if one["event"] == name]

    def test_lock_and_unlock_are_seen_through_a_new_broker_and_agent(self):
        client = self.desktop_of("anna")
        session = self.state("anna", "active")
        self.configure(Sessions_LockCommand="false")
        refused = self.lodge.ctl("lock", str(session["id"]))
        self.assertEqual(refused.returncode, 1)
        self.assertIn("wrong-state", refused.stderr)
        self.assertFalse(self.shown(session)["locked"])
        self.configure(Sessions_LockCommand=self.locker)
        self.lodge.done("lock", str(session["id"]))
        self.assertTrue(self.shown(session)["locked"])
        self.assertIn("active, locked", self.lodge.done("list"))
        self.lodge.done("lock", str(session["id"]))  # it is
        agent = self.lodge.pids("lodge-display")[0]
        os.kill(agent, 9)
        wait_for("a new agent", lambda: self.lodge.pids("lodge-display") not in ([], [agent]))
        broker = self.lodge.pids("lodge-broker")[0]
        os.kill(broker, 9)
        wait_for("a new broker", lambda: self.lodge.pids("lodge-broker") not in ([], [broker]))
        wait_for("it answers", lambda: self.lodge.ctl("ping").returncode == 0)
        self.state("anna", "active")
        self.locked(session, True)
        with open(self.lodge.home("anna") + "/unlock", "w"):
            pass
        self.locked(session, False)
        self.assertEqual({one["session"] for one in self.events("lock") + self.events("unlock")}, {session["id"]})
        self.assertEqual(len(self.events("unlock")), 1)
        self.assertIsNone(client.process.poll())

    @unittest.skipUnless(shutil.which("i3lock"), "i3lock is not installed")
    def test_without_a_command_an_installed_locker_locks_until_the_password_is_typed(self):
        client = self.desktop_of("anna")
        session = self.state("anna", "active")
        self.lodge.done("lock", str(session["id"]))
        client.sees((0x34, 0x50, 0x6b), x=60, y=60)
        client.screen.type("wrong\n")
        wait_for("the locker heard it", lambda: self.named(session, "i3lock"))
        self.assertTrue(self.shown(session)["locked"])

        def unlocked():
            # Once: it takes a password while it still refuses the one before, but none while keys keep coming.
            client.screen.key("Escape")
            client.screen.type(harness.PASSWORD + "\n")
            with contextlib.suppress(AssertionError):
                return wait_for("it is unlocked", lambda: not self.shown(session)["locked"], 10)
        wait_for("a password unlocks it", unlocked)
        client.sees(harness.colour_of("anna"))

    def named(self, session, name):
        processes = json.loads(self.lodge.done("processes", str(session["id"]), "--json"))["processes"]
        return [one for one in processes if one["name"] == name]

    def test_last_input_terminal_client_and_environment(self):
        client = self.desktop_of("anna")
        session = self.state("anna", "active")
        first = self.shown(session)
        report = self.lodge.desktop("anna")["environment"]
        self.assertEqual(first["terminal"], report["DISPLAY"])
        self.assertGreaterEqual(first["input_ms"], session["logon_ms"])
        client.screen.click(400, 300)
        wait_for("the input", lambda: self.shown(session)["input_ms"] > first["input_ms"])
        self.assertLess(self.shown(session)["idle_ms"], 30000)
        wait_for("the platform", lambda: self.shown(session)["client"]["platform"] == "unix")
        variables = dict(one.split("=", 1) for one in json.loads(
            self.lodge.done("environment", str(session["id"]), "--json"))["variables"])
        for name in ("DISPLAY", "HOME", "USER", "XAUTHORITY", "LODGE_SESSION", "XDG_RUNTIME_DIR"):
            self.assertEqual(variables[name], report[name])
        self.assertIn("HOME=/home/anna\n", self.lodge.done("environment", str(session["id"])))

    def test_a_client_is_moved_between_the_sessions_of_its_user_over_one_connection(self):
        self.configure(Sessions_SingleSessionPerUser=0)
        first = self.desktop_of("anna")
        one = self.state("anna", "active")
        second = self.desktop_of("anna")
        two = wait_for("the second session", lambda: next(
            (each for each in self.lodge.sessions() if each["id"] != one["id"] and each["state"] == "active"), None))
        self.lodge.done("tscon", str(two["id"]), "--from", str(one["id"]))
        wait_for("the one who had it has gone", lambda: second.process.poll() is not None)
        wait_for("the first client has the second session", lambda: (
            self.shown(one)["state"], self.shown(two)["state"]) == ("disconnected", "active"))
        key = len(self.lodge.desktop("anna")["keys"])
        wait_for("its keys arrive", lambda: first.screen.type("k") or len(self.lodge.desktop("anna")["keys"]) != key)
        self.assertIsNone(first.process.poll())
        self.lodge.done("connect", str(one["id"]), "--from", str(two["id"]))
        wait_for("and has the first again", lambda: (
            self.shown(one)["state"], self.shown(two)["state"]) == ("active", "disconnected"))
        self.assertIsNone(first.process.poll())
        moved = [each for each in self.lodge.events() if each["reason"] == "moved" and "by uid 0" in each["detail"]]
        self.assertEqual([each["session"] for each in moved], [one["id"], two["id"]])


if __name__ == "__main__":
    harness.main()
