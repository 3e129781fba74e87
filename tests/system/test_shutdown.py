"""Shutdown: a countdown that people see and that outlives the broker, everything ended in order, the machine's own
end last and once; and logoffs of programs that do not want to go."""

import contextlib
import json
import os
import shutil
import signal
import socket
import time

import deaf_disk
import harness
from harness import SystemTest, colour_of, wait_for


class Shutdown(SystemTest):
    def setUp(self):
        super().setUp()
        self.done_path = self.lodge.base + "/done"

    def command(self, word):
        """A command that says whether Lodge was gone when it was run."""
        return f"test -e {self.lodge.run}/ports || echo {word} >> {self.lodge.base}/done"

    def start_with_commands(self):
        self.lodge.stop()
        self.lodge.set(Shutdown_HaltCommand=self.command("halt"), Shutdown_RebootCommand=self.command("reboot"))
        self.lodge.start()

    def status(self):
        return json.loads(self.lodge.done("shutdown", "--status", "--json"))

    def named(self, name):
        return [event for event in self.lodge.events() if event["event"] == name]

    def ended(self):
        """Waits for the end of lodge-smss; what the commands wrote."""
        self.assertEqual(self.lodge.smss.wait(harness.DEADLINE), 0)
        if not os.path.exists(self.done_path):
            return ""
        with open(self.done_path) as done:
            return done.read()

    def test_a_countdown_is_seen_outlives_the_broker_and_is_called_off(self):
        client = self.desktop_of("anna")
        asked = self.lodge.done("shutdown", "--in", "1h", "--message", "to the new disk", "--reason", "move")
        self.assertIn("The server stops in 1h", asked)
        boxes = wait_for("the message in the session", lambda: self.lodge.pids("lodge-message"))
        refused = self.client("bert")
        wait_for("new sessions are not made", lambda: self.named("refused"))
        self.assertEqual(self.named("refused")[0]["reason"], "draining")
        refused.close()
        self.lodge.done("disconnect", str(self.state("anna", "active")["id"]))
        client.ended()
        self.client("anna").sees(colour_of("anna"), 100, 550)  # beside the message
        wait_for("who comes back is told", lambda: set(self.lodge.pids("lodge-message")) - set(boxes))
        before = self.status()
        self.assertEqual((before["phase"], before["action"], before["sessions"]), ("countdown", "stop", 1))
        os.kill(self.lodge.pids("lodge-broker")[0], signal.SIGKILL)
        wait_for("the broker is back", lambda: self.lodge.ctl("ping").returncode == 0)
        after = self.status()
        self.assertLess(abs(after["at_ms"] - before["at_ms"]), 100)
        self.assertEqual((after["phase"], after["reason"], after["message"]), ("countdown", "move", "to the new disk"))
        second = self.lodge.ctl("shutdown", "--halt")
        self.assertEqual(second.returncode, 1)
        self.assertIn("wrong-state", second.stderr)
        self.state("anna", "active")
        boxes = self.lodge.pids("lodge-message")
        self.lodge.done("shutdown", "--abort")
        wait_for("it is told that it was called off", lambda: set(self.lodge.pids("lodge-message")) - set(boxes))
        self.assertEqual(self.status()["phase"], "none")
        self.assertEqual([event["detail"] for event in self.named("shutdown-set")],
                         ["stop in 60 minutes, by uid 0: move"])
        self.assertEqual(len(self.named("shutdown-abort")), 1)
        self.desktop_of("bert")

    def test_everything_ends_in_order_and_the_machine_is_halted_once(self):
        self.start_with_commands()
        client = self.desktop_of("anna")
        self.state("anna", "active")
        said = self.lodge.done("shutdown", "--halt", "--in", "1s", "--wait")
        self.assertIn("Phase sessions", said)
        self.assertTrue(said.endswith("The server has ended.\n"), said)
        self.assertEqual(self.ended(), "halt\n")
        client.ended()
        self.assertEqual([name for name in os.listdir(self.lodge.state + "/db") if "wal" in name], [])
        with open(self.lodge.home("anna") + "/document") as document:
            self.assertEqual(document.read(), "saved\n")
        self.lodge.start()
        self.assertEqual(self.status()["phase"], "none")
        wanted = ["shutdown-set", "shutdown-begin", "logoff", "shutdown-phase", "shutdown-phase", "shutdown-action"]
        found = [event["event"] for event in self.lodge.events() if event["event"] in wanted]
        self.assertEqual(found[found.index("shutdown-set"):], wanted)

    def test_the_service_manager_is_told(self):
        self.lodge.stop()
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.settimeout(harness.DEADLINE)
        manager.bind(self.lodge.base + "/notify")
        os.environ["NOTIFY_SOCKET"] = self.lodge.base + "/notify"
        os.environ["WATCHDOG_USEC"] = "1500000"
        try:
            self.lodge.start()
        finally:
            del os.environ["NOTIFY_SOCKET"]  # other X servers tell whoever asks, too
            del os.environ["WATCHDOG_USEC"]
        self.assertEqual(self.told(manager), b"READY=1")
        self.desktop_of("anna")
        environment = wait_for("the desktop's report", lambda: self.lodge.desktop("anna"))["environment"]
        self.assertNotIn("NOTIFY_SOCKET", environment)
        manager.setblocking(False)
        with self.assertRaises(BlockingIOError):
            self.told(manager)  # nothing but that it works, and of that there is more to come
        manager.settimeout(harness.DEADLINE)
        self.assertEqual(manager.recv(100), b"WATCHDOG=1")
        self.lodge.stop()
        self.assertEqual(self.told(manager), b"STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000")

    @staticmethod
    def told(manager):
        """What it is told next, besides that lodge-smss works."""
        while (text := manager.recv(100)) == b"WATCHDOG=1":
            pass
        return text

    def test_it_comes_to_pass_though_the_broker_is_killed(self):
        self.start_with_commands()
        self.desktop_of("anna")
        for words in (("/s", "/r"), ("/s", "/t"), ("/x",), ("/s", "/t", "soon")):
            self.assertEqual(self.lodge.ctl("shutdown", *words).returncode, 2)
        self.lodge.done("shutdown", "/R", "/t", "2", "/c", "two words")
        os.kill(self.lodge.pids("lodge-broker")[0], signal.SIGKILL)
        self.assertEqual(self.ended(), "reboot\n")


class Listener(SystemTest):
    def listener(self):
        told = json.loads(self.lodge.ctl("listener", "list", "--json").stdout or "{}").get("listeners")
        return told[0] if told else {"state": "not told", "connections": 0}

    def port_is_open(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.lodge.port)) == 0

    def test_a_stopped_listener_keeps_its_clients_and_stays_stopped(self):
        client = self.desktop_of("anna")
        wait_for("its numbers", lambda: self.listener()["connections"] == 1)
        listener = self.listener()
        self.assertEqual((listener["name"], listener["state"], listener["port"], listener["accepted"]),
                         ("rdp", "listening", self.lodge.port, 1))
        self.assertEqual([listener["pid"]], self.lodge.pids("lodge-rdp"))
        self.assertEqual(self.lodge.ctl("listener", "stop", "vnc").returncode, 1)
        self.lodge.done("listener", "stop", "rdp")
        self.assertFalse(self.port_is_open())
        self.assertEqual(self.listener()["state"], "stopped")
        for name in ("lodge-smss", "lodge-rdp"):
            old = self.lodge.pids(name)[0]
            os.kill(old, signal.SIGKILL)
            if name == "lodge-smss":
                self.lodge.smss.wait(10)
                self.lodge.start()
            wait_for(f"a new {name}", lambda name=name, old=old: set(self.lodge.pids(name)) - {old})
            wait_for("the broker knows", lambda: self.listener()["state"] == "stopped")
            self.assertFalse(self.port_is_open(), name)
        self.state("anna", "active")
        self.assertIsNone(client.process.poll())
        self.lodge.done("listener", "start", "rdp")
        wait_for("it listens", lambda: self.listener()["state"] == "listening")
        self.desktop_of("bert")
        told = [(event["event"], event["detail"]) for event in self.lodge.events() if "listener" in event["event"]]
        self.assertEqual(told, [("listener-stop", "rdp, by uid 0"), ("listener-start", "rdp, by uid 0")])

    def test_a_reload_by_the_manager(self):
        self.lodge.set(Sessions_MaxSessions=1)
        self.lodge.smss.send_signal(signal.SIGHUP)
        reloads = wait_for("the event", lambda: [one for one in self.lodge.events() if one["event"] == "reload"])
        self.assertIn("MaxSessions", reloads[0]["detail"])


class Logoff(SystemTest):
    settings = {"Sessions_LogoffSeconds": 3}
    accounts = ("anna", "bert", "carl")

    def procs(self, session):
        with contextlib.suppress(OSError), open(f"{self.lodge.run}/cgroup/session-{session}/cgroup.procs") as procs:
            return [int(line) for line in procs]
        return []

    def named(self, session, name):
        found = []
        for pid in self.procs(session):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as comm:
                if comm.read().strip() == name:
                    found.append(pid)
        return found

    def test_programs_that_do_not_want_to_go(self):
        """One that hears nothing, one that asks a question, one with daemons: none outlives the grace time."""
        desktop = self.lodge.base + "/deaf"
        shutil.copy(harness.HERE + "/deaf.py", desktop)
        self.lodge.stop()
        self.lodge.set(Sessions_Desktop=desktop)
        self.lodge.start()
        sessions = {}
        for user in self.accounts:
            self.client(user)
            sessions[user] = self.state(user, "active")["id"]
            wait_for(f"{user}'s program", lambda user=user: os.path.exists(self.lodge.home(user) + "/ready"))
        daemons = self.named(sessions["carl"], "deaf")
        self.assertEqual(len(daemons), 3)
        began = time.monotonic()
        for user in self.accounts:
            self.lodge.done("logoff", str(sessions[user]))
        for user in self.accounts:
            self.no_session(user)
        self.assertGreater(time.monotonic() - began, 2.5)  # anna and bert have had their time
        self.assertTrue(os.path.exists(self.lodge.home("bert") + "/asked"))
        self.assertFalse(os.path.exists(self.lodge.home("anna") + "/asked"))
        for session in sessions.values():
            self.assertFalse(os.path.exists(f"{self.lodge.run}/cgroup/session-{session}"))
        for pid in daemons:
            self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def with_a_deaf_disk(self):
        """A desktop whose user anna has a program that waits for a disk that does not answer."""
        if not deaf_disk.is_possible():
            self.skipTest("no /dev/fuse here")
        self.lodge.stop()  # sessions have the mounts that lodge-smss has
        disk = deaf_disk.DeafDisk(self.lodge.base + "/disk")
        self.addCleanup(disk.close)
        script = self.lodge.base + "/with-disk"
        with open(script, "w") as out:
            out.write(f"#!/bin/sh\n[ $USER != anna ] || cat {disk.path}/stuck &\nexec {self.lodge.base}/desktop\n")
        os.chmod(script, 0o755)
        self.lodge.set(Sessions_Desktop=script)
        self.lodge.start()
        return disk

    def status_of(self, pid):
        with open(f"/proc/{pid}/status") as status:
            return dict(line.split(":\t", 1) for line in status.read().splitlines())

    def has_sigkill(self, pid):
        status = self.status_of(pid)
        return any(int(status[pending], 16) & 1 << signal.SIGKILL - 1 for pending in ("SigPnd", "ShdPnd"))

    def test_what_cannot_be_killed_is_named_and_holds_up_nobody(self):
        disk = self.with_a_deaf_disk()
        self.desktop_of("anna")
        self.desktop_of("bert")
        anna, bert = self.state("anna", "active")["id"], self.state("bert", "active")["id"]
        wait_for("a program waits for the disk", lambda: disk.waiting() == 1)
        stuck = self.named(anna, "cat")[0]
        self.lodge.done("logoff", str(anna))
        self.lodge.done("logoff", str(bert))
        self.no_session("bert")
        self.state("anna", "down")
        wait_for("it has SIGKILL and does not end", lambda: self.has_sigkill(stuck))
        self.assertEqual(self.status_of(stuck)["State"][0], "D")
        self.desktop_of("carl")
        began = time.monotonic()
        self.lodge.smss.send_signal(signal.SIGTERM)
        wait_for("the shutdown", lambda: "shutdown-begin" in self.lodge.log())
        self.lodge.smss.send_signal(signal.SIGTERM)
        self.assertEqual(self.lodge.smss.wait(harness.DEADLINE), 0)
        self.assertGreater(time.monotonic() - began, 5)
        self.assertEqual((self.status_of(stuck)["State"][0], disk.waiting()), ("D", 1))
        disk.release()
        wait_for("its end", lambda: not os.path.exists(f"/proc/{stuck}"))
        self.lodge.start()
        self.assertFalse(os.path.exists(f"{self.lodge.run}/cgroup/session-{anna}"))
        told = [event for event in self.lodge.events() if event["event"] == "straggler"]
        self.assertEqual([event["session"] for event in told], [anna, anna])
        for event, text in zip(told, ("waits for what cannot be killed", "shutdown goes on without")):
            self.assertIn(text, event["detail"])
            self.assertIn(f"cat {stuck}", event["detail"])

    def test_a_disk_that_answers_again_lets_the_session_go(self):
        disk = self.with_a_deaf_disk()
        self.desktop_of("anna")
        session = self.state("anna", "active")["id"]
        wait_for("a program waits for the disk", lambda: disk.waiting() == 1)
        self.lodge.done("logoff", str(session))
        wait_for("it is named", lambda: "waits for what cannot be killed" in self.lodge.log())
        self.assertEqual(self.lodge.session_of("anna")["state"], "down")
        disk.release()
        self.no_session("anna")
        self.assertFalse(os.path.exists(f"{self.lodge.run}/cgroup/session-{session}"))
        self.assertFalse(os.path.exists(f"{self.lodge.run}/sessions/{session}"))


if __name__ == "__main__":
    harness.main()
