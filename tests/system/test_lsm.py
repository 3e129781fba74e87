"""What happens to real sessions is told, in order, and can be waited for; the person is shown messages."""

import json
import os
import signal
import subprocess

import harness
from harness import BIN, SystemTest, wait_for


class Lsm(SystemTest):
    def follow(self):
        """lodgectl watch --json, and the list that its notices go into when read() is called."""
        log = self.lodge.base + "/watch.log"
        with open(log, "wb") as out:
            process = subprocess.Popen([BIN + "/lodgectl", "--config", self.lodge.conf, "watch", "--json"],
                                       stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.addCleanup(harness.end_process, process)
        wait_for("the subscription", lambda: self.counter("connections") >= 2)

        def read():
            with open(log) as source:
                return [json.loads(line) for line in source.read().splitlines() if line.endswith("}")]
        return read

    def counter(self, name):
        return json.loads(self.lodge.done("counters", "--json"))[name]

    def test_a_session_is_followed_from_its_beginning_to_its_end(self):
        read = self.follow()
        waiting = subprocess.Popen([BIN + "/lodgectl", "--config", self.lodge.conf, "wait", "anna"],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(harness.end_process, waiting)
        client = self.desktop_of("anna")
        said, _ = waiting.communicate(timeout=harness.DEADLINE)
        session = self.state("anna", "active")
        self.assertEqual(said, f"Session {session['id']} is active.\n")
        self.lodge.done("disconnect", str(session["id"]))
        client.ended()
        self.lodge.done("wait", str(session["id"]), "--state", "disconnected")
        again = self.desktop_of("anna")
        self.lodge.done("logoff", str(session["id"]))
        self.lodge.done("wait", str(session["id"]), "--state", "gone")
        again.ended()
        self.client("anna", password="wrong")
        notices = wait_for("the refusal", lambda: next((all_of for all_of in [read()] if all_of and all_of[-1]["notice"] == "refuse"), None))
        kinds = [notice["notice"] for notice in notices]
        # a client that is let go because the session ends may be told, too
        lifelike = [notice["notice"] for notice in notices if notice["notice"] not in ("start", "connect")
                    and not (notice["notice"] == "disconnect" and notice["state"] == "down")]
        self.assertEqual(lifelike, ["create", "logon", "disconnect", "reconnect", "logoff", "terminate", "refuse"],
                         kinds)
        self.assertEqual(sorted(kinds[2:4]), ["connect", "start"], kinds)
        self.assertEqual([notice["sequence"] for notice in notices], list(range(1, len(notices) + 1)))
        self.assertEqual({notice["session"] for notice in notices[:-1]}, {session["id"]})
        self.assertEqual({notice["user"] for notice in notices[:-1]}, {"anna"})
        self.assertEqual(notices[-1]["reason"], "bad-credentials")
        self.assertEqual((self.counter("logons"), self.counter("reconnects"), self.counter("refusals")), (1, 1, 1))

    def checks(self):
        """What health says, by check, and the exit status."""
        result = self.lodge.ctl("health", "--json")
        health = json.loads(result.stdout)
        self.assertEqual(result.returncode, ["ok", "warning", "failed"].index(health["state"]), health)
        return {check["check"]: check for check in health["checks"]}

    def test_health_is_well_and_is_again_after_the_listener_died(self):
        wait_for("the listener is ready", lambda: self.checks()["listener"]["state"] == "ok")
        checks = self.checks()
        for name in ("storage", "events", "smss", "listener", "logons", "clock", "certificate", "load-test"):
            self.assertEqual(checks[name]["state"], "ok", checks)
        listener = self.lodge.pids("lodge-rdp")[0]
        os.kill(listener, signal.SIGKILL)
        wait_for("its end is an event", lambda: json.loads(self.lodge.done(
            "events", "--json", "--event", "service-exit", "--since", "1h"))["events"])
        wait_for("the listener is back", lambda: self.checks()["listener"]["state"] == "ok")
        self.assertIn("There are no events.", self.lodge.done("events", "--until", "1h"))

    def test_a_message_is_shown_and_its_answer_comes_back(self):
        client = self.desktop_of("anna")
        self.state("anna", "active")
        said = self.lodge.done("msg", "anna", "nobody", "answers", "this", "--wait", "--timeout", "1")
        self.assertEqual(said, "timeout\n")
        client.kill()
        session = self.state("anna", "disconnected")
        refused = self.lodge.ctl("msg", str(session["id"]), "hello")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("wrong-state", refused.stderr)

    def test_a_reset_ends_a_session_at_once(self):
        self.desktop_of("anna")
        self.desktop_of("bert")
        session = self.state("anna", "active")
        listed = json.loads(self.lodge.done("list", "--json", "--user", "bert", "--state", "active"))["sessions"]
        self.assertEqual([one["user"] for one in listed], ["bert"])
        listed = json.loads(self.lodge.done("list", "--json", "--sort", "user", "--descending"))["sessions"]
        self.assertEqual([one["user"] for one in listed], ["bert", "anna"])
        self.lodge.done("reset", str(session["id"]))
        self.no_session("anna")
        self.state("bert", "active")


if __name__ == "__main__":
    harness.main()
