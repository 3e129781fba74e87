"""kill -9 of each process in turn loses what docs/architecture.md says, and no more."""

import json
import os
import signal

import harness
from harness import SystemTest, colour_of, wait_for


class Kills(SystemTest):
    accounts = ("anna", "bert")

    def kill(self, name):
        """Kills the one process of this name; returns its pid."""
        pid = self.lodge.pids(name)[-1]
        os.kill(pid, signal.SIGKILL)
        return pid

    def is_new(self, name, old):
        wait_for(f"{name} is back", lambda: any(pid != old for pid in self.lodge.pids(name)))

    def works(self, client, count):
        """A key typed at this client is seen there."""
        client.screen.click(300, 300)
        client.screen.type("w")
        client.sees((255, 255, 255) if count % 2 else (0, 0, 0), 20, 20)

    def test_the_broker(self):
        client = self.desktop_of("anna")
        before = self.state("anna", "active")
        old = self.kill("lodge-broker")
        self.works(client, 1)
        self.is_new("lodge-broker", old)
        after = self.state("anna", "active")
        self.assertEqual(before["id"], after["id"])
        wait_for("the client is known again",
                 lambda: self.lodge.session_of("anna")["client"]["address"] == before["client"]["address"])
        self.works(client, 2)
        self.lodge.done("disconnect", str(after["id"]))
        client.ended()
        self.state("anna", "disconnected")
        self.desktop_of("bert")

    def test_smss(self):
        client = self.desktop_of("anna")
        before = self.state("anna", "active")
        for name in ("lodge-broker", "lodge-rdp", "lodge-rdp-worker"):
            for pid in self.lodge.pids(name):
                self.assertNotEqual(os.readlink(f"/proc/{pid}/fd/2"), self.lodge.log_path)
        self.lodge.smss.kill()
        self.lodge.smss.wait(10)
        self.works(client, 1)
        logged = len(self.lodge.log())
        self.lodge.start()
        bert = self.desktop_of("bert")
        for name in ("lodge-broker", "lodge-rdp-worker"):
            wait_for(f"{name} goes on writing to the log", lambda name=name: f" {name}[" in self.lodge.log()[logged:])
        self.assertEqual(before["id"], self.state("anna", "active")["id"])
        self.assertGreater(self.state("bert", "active")["id"], before["id"])
        self.works(client, 2)
        self.lodge.done("logoff", str(before["id"]))
        client.ended()
        self.no_session("anna")
        bert.sees(colour_of("bert"))

    def test_broker_and_smss_at_once(self):
        client = self.desktop_of("anna")
        before = self.state("anna", "active")
        self.kill("lodge-broker")
        self.lodge.smss.kill()
        self.lodge.smss.wait(10)
        self.lodge.start()
        self.assertEqual(before["id"], self.state("anna", "active")["id"])
        self.works(client, 1)

    def known_again(self, before):
        """The broker knows the client that has the session."""
        wait_for("the client is known again", lambda: self.lodge.session_of("anna") and
                 self.lodge.session_of("anna")["client"]["address"] == before["client"]["address"]
                 and self.lodge.in_state("anna", "active"))

    def test_the_listener_and_then_the_broker(self):
        client = self.desktop_of("anna")
        before = self.state("anna", "active")
        old = self.kill("lodge-rdp")
        self.works(client, 1)
        self.is_new("lodge-rdp", old)
        bert = self.desktop_of("bert")
        # The worker of the dead listener gets a connection to the new broker as well.
        old = self.kill("lodge-broker")
        self.is_new("lodge-broker", old)
        self.known_again(before)
        self.works(client, 2)
        zygotes = len(self.lodge.pids("lodge-rdp-worker"))
        self.lodge.done("disconnect", str(before["id"]))
        client.ended()
        wait_for("the old zygote ends with its last worker",
                 lambda: len(self.lodge.pids("lodge-rdp-worker")) == zygotes - 2)
        bert.sees(colour_of("bert"))

    def test_smss_the_broker_and_then_the_listener_that_owes_a_connection_to_it(self):
        client = self.desktop_of("anna")
        before = self.state("anna", "active")
        worker = self.lodge.pids("lodge-rdp-worker")[-1]
        descriptors = len(os.listdir(f"/proc/{worker}/fd"))
        self.lodge.smss.kill()  # and with it the port
        self.lodge.smss.wait(10)
        self.kill("lodge-broker")
        wait_for("the worker has lost its connection", lambda: len(os.listdir(f"/proc/{worker}/fd")) < descriptors)
        self.kill("lodge-rdp")
        self.lodge.start()
        self.known_again(before)
        self.works(client, 1)

    def test_broker_and_display_agent_at_once(self):
        client = self.desktop_of("anna")
        before = self.state("anna", "active")
        attached = self.lodge.log().count(": attached")
        for name in ("lodge-broker", "lodge-display"):
            self.kill(name)
        self.known_again(before)
        wait_for("the worker is with the new agent", lambda: self.lodge.log().count(": attached") > attached)
        self.works(client, 1)
        self.assertEqual(before["id"], self.state("anna", "active")["id"])
        # Who was sent away is not let in again by that.
        self.lodge.done("disconnect", str(before["id"]))
        client.ended()
        self.kill("lodge-broker")
        self.state("anna", "disconnected")

    def test_a_worker(self):
        client = self.desktop_of("anna", options=["-auto-reconnect"])
        before = self.state("anna", "active")
        self.kill("lodge-rdp-worker")
        client.ended()
        self.state("anna", "disconnected")
        self.desktop_of("anna")
        self.assertEqual(before["id"], self.state("anna", "active")["id"])

    def test_the_display_agent(self):
        client = self.desktop_of("anna")

        def attached():
            return self.lodge.log().count(": attached")
        before = attached()
        old = self.kill("lodge-display")
        self.is_new("lodge-display", old)
        # What is typed while there is no agent is lost.
        wait_for("the worker is with the new agent", lambda: attached() > before)
        self.works(client, 1)

    def test_what_ends_its_session_and_no_other(self):
        for name in ("lodge-logon", "lodge-init", "Xtigervnc"):
            with self.subTest(name=name):
                client = self.desktop_of("anna")
                self.kill(name)
                client.ended()
                self.no_session("anna")


class LeftClients(SystemTest):
    settings = {"Listener_MaxPerAddress": 2}
    accounts = ("anna", "bert", "carl")

    def listener(self):
        told = json.loads(self.lodge.ctl("listener", "list", "--json").stdout or "{}").get("listeners")
        return told[0] if told else {"state": "down", "connections": -1, "refused": -1}

    def counts(self, number):
        wait_for(f"{number} connections are counted", lambda: self.listener()["connections"] == number)

    def test_the_next_listener_counts_those_that_the_last_one_left(self):
        anna = self.desktop_of("anna")
        self.counts(1)
        for _ in range(2):
            old = self.lodge.pids("lodge-rdp")[0]
            os.kill(old, signal.SIGKILL)
            wait_for("the listener is back", lambda old=old: self.listener().get("pid", old) not in (0, old)
                     and self.listener()["state"] == "listening")
            self.counts(1)
        bert = self.desktop_of("bert")
        self.counts(2)
        late = self.client("carl")
        late.ended()
        self.assertIn("its address has as many connections as it may", self.lodge.log())
        self.assertEqual({session["user"] for session in self.lodge.sessions()}, {"anna", "bert"})
        self.lodge.done("disconnect", str(self.lodge.session_of("anna")["id"]))
        anna.ended()
        self.counts(1)
        self.desktop_of("carl")
        bert.sees(colour_of("bert"))


if __name__ == "__main__":
    harness.main()
