"""What policy holds, seen by real clients: drain mode, and what happens to sessions that nobody uses."""

import json
import os
import shutil
import signal
import subprocess
import time

import harness
from harness import PASSWORD, SystemTest, colour_of, wait_for


class Policy(SystemTest):
    def event(self, number, reason):
        return wait_for(f"event {number} for {reason}",
                        lambda: next((one for one in self.lodge.events()
                                      if one["id"] == number and one["reason"] == reason), None))


class Drain(Policy):
    def test_no_new_sessions_but_those_that_there_are(self):
        first = self.desktop_of("anna")
        session = self.state("anna", "active")
        self.assertIn("reconnects", self.lodge.done("drain", "reconnects"))
        late = self.client("bert")
        self.assertNotEqual(late.ended(), 0)
        self.assertEqual(self.event(1000, "draining")["user"], "bert")
        self.assertIsNone(self.lodge.session_of("bert"))

        first.kill()
        self.state("anna", "disconnected")
        self.desktop_of("anna")
        self.assertEqual(self.state("anna", "active")["id"], session["id"])

        self.assertEqual(json.loads(self.lodge.done("drain", "--json")), {"drain": "reconnects"})
        self.lodge.done("drain", "off")
        self.desktop_of("bert")
        self.assertEqual(self.lodge.ctl("drain", "sometimes").returncode, 2)

    def test_until_restart(self):
        self.lodge.done("drain", "until-restart")
        self.lodge.stop()
        self.lodge.start()
        self.assertEqual(json.loads(self.lodge.done("drain", "--json")), {"drain": "off"})
        self.lodge.done("drain", "reconnects")
        self.lodge.stop()
        self.lodge.start()
        self.assertEqual(json.loads(self.lodge.done("drain", "--json")), {"drain": "reconnects"})


class Closed(Policy):
    settings = {"Sessions_DenyConnections": 1}

    def test_nobody_comes_in(self):
        client = self.client("anna")
        self.assertNotEqual(client.ended(), 0)
        self.event(1000, "connections-denied")
        self.assertEqual(self.lodge.sessions(), [])


class Disconnected(Policy):
    settings = {"Sessions_MaxDisconnectedSeconds": 2}

    def test_is_logged_off_in_the_end(self):
        client = self.desktop_of("anna")
        client.kill()
        self.state("anna", "disconnected")
        left = time.monotonic()
        self.no_session("anna")
        self.assertGreater(time.monotonic() - left, 1.5)
        self.event(40, "disconnected-limit")
        self.assertEqual(self.event(23, "disconnected-limit")["user"], "anna")

    def test_stays_when_somebody_comes_in_time(self):
        client = self.desktop_of("anna")
        session = self.state("anna", "active")
        client.kill()
        self.state("anna", "disconnected")
        self.desktop_of("anna")
        connected = time.monotonic()
        wait_for("three seconds", lambda: time.monotonic() - connected > 3)
        self.assertEqual(self.state("anna", "active")["id"], session["id"])


class Idle(Policy):
    settings = {"Sessions_MaxIdleSeconds": 6, "Sessions_WarningSeconds": 0}

    def test_is_disconnected_and_the_one_who_types_is_not(self):
        idle = self.desktop_of("anna")
        busy = self.desktop_of("bert")
        busy.screen.click(400, 300)

        connected = time.monotonic()

        def typed_long_enough():
            busy.screen.key("a")
            return time.monotonic() - connected > 10
        wait_for("ten seconds of typing", typed_long_enough)
        self.assertTrue(self.lodge.in_state("bert", "active"))
        self.assertTrue(self.lodge.in_state("anna", "disconnected"))
        self.event(40, "idle-timeout")
        self.assertNotEqual(idle.ended(), 0)
        self.assertTrue(idle.told("(?i)idle|0x0*3"), idle.log())

        # who comes back has the session as it was
        session = self.lodge.session_of("anna")
        self.desktop_of("anna")
        self.assertEqual(self.lodge.session_of("anna")["id"], session["id"])


class Reload(Policy):
    def test_holds_for_a_session_that_there_is(self):
        client = self.desktop_of("anna")
        self.lodge.set(Sessions_MaxDisconnectedSeconds=1, Sessions_MaxSessions=1)
        told = self.lodge.done("policy", "reload")
        self.assertIn("MaxDisconnectedSeconds = 1", told)
        late = self.client("bert")
        self.assertNotEqual(late.ended(), 0)
        self.event(1000, "session-limit")
        self.assertEqual(self.event(1011, "none")["session"], 0)

        self.lodge.set(Sessions_MaxSessions=0)
        os.kill(self.lodge.pids("lodge-broker")[0], signal.SIGHUP)
        wait_for("the refusal of the file", lambda: "the configuration stays as it was" in self.lodge.log())
        self.lodge.set(Sessions_MaxSessions=7)  # for lodgectl: in the server holds what it took last
        self.assertRegex(self.event(1011, "bad-configuration")["detail"],
                         r"lodge.conf:\d+: MaxSessions .*from 1 to 65535")
        shown = {one["key"]: one for one in json.loads(self.lodge.done("policy", "show", "--json"))["policy"]}
        self.assertEqual(shown["MaxSessions"]["value"], "1")
        self.assertRegex(shown["MaxSessions"]["origin"], r"lodge.conf:\d+$")
        client.kill()
        self.no_session("anna")
        self.event(23, "disconnected-limit")


class Asked(Policy):
    settings = {"Sessions_TakeOver": 2}

    def question(self):
        before = self.lodge.log().count("is asked whether to take session")
        client = self.client("anna")
        wait_for("the question", lambda: self.lodge.log().count("is asked whether to take session") > before)
        wait_for("the question on the screen", lambda: len(set(client.screen.image(0, 0, 800, 600))) > 8)
        return client

    def test_takes_over_or_not(self):
        first = self.desktop_of("anna")
        session = self.state("anna", "active")
        second = self.question()
        second.screen.click(790, 590)
        second.screen.type("\n")  # which changes nothing
        self.event(1000, "connected-elsewhere")
        second.screen.type("\n")  # it has been read
        self.assertNotEqual(second.ended(), 0)
        self.assertIsNone(first.process.poll())

        third = self.question()
        third.screen.click(790, 590)
        third.screen.type("\t\n")
        third.sees(colour_of("anna"))
        self.assertNotEqual(first.ended(), 0)
        self.assertEqual(self.state("anna", "active")["id"], session["id"])
        verdict = json.loads(self.lodge.done("policy", "test", "--json", "--user", "anna"))
        self.assertEqual((verdict["verdict"], verdict["session"]), ("ask", session["id"]))


class OfAGroup(Policy):
    """What a section [Group] gives: the sessions of its members have it from the reload on."""
    name = "lodgetest2"

    def setUp(self):
        subprocess.run(["userdel", "-r", self.name], capture_output=True, check=False)
        subprocess.run(["useradd", "-m", "-U", "-s", "/bin/bash", self.name], check=True)
        self.addCleanup(subprocess.run, ["userdel", "-r", self.name], capture_output=True, check=False)
        subprocess.run(["chpasswd"], input=f"{self.name}:{PASSWORD}\n", text=True, check=True)
        super().setUp()

    def weight_of(self, session):
        base = os.path.realpath(self.lodge.run + "/cgroup")
        for path in (f"{base}/session-{session}/cpu.weight",
                     f"{self.lodge.run}/cgroup-cpu/{os.path.basename(base)}.session-{session}/cpu.shares"):
            if os.path.exists(path):
                with open(path) as source:
                    return source.read().strip()
        return None

    def test_desktop_home_and_limits(self):
        section = f"Group {self.name}"
        home, desktop = f"{self.lodge.base}/other/{self.name}", f"{self.lodge.base}/theirs"
        with open(desktop, "w") as script:
            script.write(f'#!/bin/sh\nprintf %s "$HOME" >"$HOME/home-is"\nexec {self.lodge.base}/desktop\n')
        os.chmod(desktop, 0o755)
        for key, value in (("Desktop", desktop), ("Home", f"{self.lodge.base}/other/%u"), ("CpuWeight", 300),
                           ("MaxSessions", 1)):
            self.lodge.settings[section, key] = value
        self.lodge.set()
        self.lodge.done("policy", "reload")
        late = self.client(self.name)
        self.assertIn("(Home)", wait_for("a session without a home fails", lambda: next(
            (one for one in self.lodge.events() if one["id"] == 1003), None))["detail"])
        late.kill()

        os.makedirs(home)
        shutil.chown(home, self.name, self.name)
        self.desktop_of(self.name)
        session = self.state(self.name, "active")
        with open(home + "/home-is") as said:
            self.assertEqual(said.read(), home)
        self.assertIn(self.weight_of(session["id"]), ("300", "3072", None))
        told = json.loads(self.lodge.done("policy", "show", "--json", "--user", self.name))
        self.assertEqual(told["groups"], [self.name])
        values = [(one["key"], one["value"], one.get("used")) for one in told["policy"] if one["section"] == section]
        self.assertIn(("MaxSessions", "1", 1), values)
        self.assertIn(("CpuWeight", "300", None), values)
        self.desktop_of("anna")  # whose desktop is that of [Sessions]


class Hours(Policy):
    def test_end_and_keep_out(self):
        client = self.desktop_of("anna")
        in_two_days = time.strftime("%a", time.localtime(time.time() + 2 * 86400))
        self.lodge.set(Sessions_LogonHours=f"{in_two_days} 08:00-09:00", Sessions_HoursAction=1)
        self.lodge.done("policy", "reload")
        self.state("anna", "disconnected")
        self.assertIn("You may log on again on", self.event(40, "hours-over")["detail"])
        self.assertNotEqual(client.ended(), 0)
        self.assertTrue(client.told("(?i)logon_timeout|0x0*4"), client.log())

        late = self.client("anna")
        self.assertIn("at 08:00", self.event(1000, "logon-hours")["detail"])
        self.assertNotEqual(late.ended(), 0)
        self.assertTrue(late.told("(?i)denied|0x0*7"), late.log())
        self.assertTrue(self.lodge.in_state("anna", "disconnected"))

        def verdict(*options):
            return json.loads(self.lodge.done("policy", "test", "--json", "--user", "anna", *options))
        day = time.strftime("%Y-%m-%d", time.localtime(time.time() + 2 * 86400))
        self.assertEqual(verdict()["reason"], "logon-hours")
        self.assertIn("at 08:00", verdict()["detail"])
        self.assertEqual(verdict("--at", f"{day}T08:30")["verdict"], "reconnect")
        self.assertEqual(verdict("--at", f"{day} 09:00")["reason"], "logon-hours")
        self.assertEqual(self.lodge.ctl("policy", "test", "--user", "anna", "--at", "soon").returncode, 2)

        told = json.loads(self.lodge.done("policy", "show", "--json", "--user", "anna", "--client", "192.0.2.7"))
        values = {one["key"]: one for one in told["policy"]}
        self.assertFalse(told["known"] or told["administrator"] or told["refused"])
        self.assertEqual(values["HoursAction"]["value"], "1")
        self.assertRegex(values["HoursAction"]["origin"], r"lodge.conf:\d+$")
        self.assertEqual(values["MaxSessions"]["used"], 1)
        self.assertEqual(values["MaxSessionsPerUser"]["used"], 1)
        self.assertEqual(values["MaxSessionsPerAddress"]["used"], 0)
        self.assertIn("[Sessions]", self.lodge.done("policy", "show", "--user", "anna"))


class Broken(Policy):
    settings = {"Sessions_BrokenConnection": 2}

    def test_ends_the_session(self):
        client = self.desktop_of("anna")
        client.kill()
        self.no_session("anna")
        self.event(23, "connection-broken")


if __name__ == "__main__":
    harness.main()
