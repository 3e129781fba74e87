"""Hung and dying processes are found, replaced where that can be, and disturb nobody else."""

import os
import signal
import threading

from Xlib import X, display as xdisplay

import harness
from harness import SystemTest, colour_of, wait_for


class Supervision(SystemTest):
    """anna's session is the one that suffers, bert's client looks on."""

    accounts = ("anna", "bert")
    settings = {"Supervision_HangSeconds": 1}

    def setUp(self):
        super().setUp()
        self.bert = self.desktop_of("bert")
        self.bert_id = self.state("bert", "active")["id"]

    def process(self, name, session=None):
        """The one process of this name, of this session."""
        found = self.lodge.pids(name)
        if session is not None:
            found = [pid for pid in found if self.session_of(pid) == session]
        self.assertEqual(len(found), 1, f"{name} {found}")
        return found[0]

    def session_of(self, pid):
        """By the cgroup: the number, or None. lodge-logon is in its child's."""
        group = self.read(pid, "cgroup")
        if "/session-" in group:
            return int(group.rsplit("/session-", 1)[1].split()[0])
        children = self.read(pid, f"task/{pid}/children").split()
        return self.session_of(int(children[0])) if children else None

    @staticmethod
    def read(pid, name):
        try:
            with open(f"/proc/{pid}/{name}") as source:
                return source.read()
        except OSError:
            return ""

    def stop(self, name, session=None):
        """Hangs it; returns its pid."""
        pid = self.process(name, session)
        os.kill(pid, signal.SIGSTOP)
        return pid

    def event(self, name, *words):
        """The event with these words in its detail has been told."""
        def look():
            result = self.lodge.ctl("events", "--json", "-n", "200")
            return result.returncode == 0 and all(any(
                event["event"] == name and word in event["detail"] for event in harness.json.loads(
                    result.stdout)["events"]) for word in words)
        wait_for(f"event {name} with {words}", look)

    def is_replaced(self, name, old, session=None):
        def look():
            found = [pid for pid in self.lodge.pids(name) if session is None or self.session_of(pid) == session]
            return old not in found and found
        wait_for(f"{name} is back", look)

    def bert_is_undisturbed(self):
        self.assertEqual(self.bert_id, self.state("bert", "active")["id"])
        before = len(self.lodge.desktop("bert")["keys"])
        self.bert.screen.click(300, 300)
        self.bert.screen.type("b")
        wait_for("bert's key arrives", lambda: len(self.lodge.desktop("bert")["keys"]) > before)
        self.bert.sees(colour_of("bert"))


class Hangs(Supervision):
    def test_services(self):
        broker = self.stop("lodge-broker")
        self.is_replaced("lodge-broker", broker)
        self.event("hung", f"broker, process {broker}, is stopped")
        self.event("service-exit", f"broker, process {broker}, was killed by signal 9 (Killed) after ")
        listener = self.stop("lodge-rdp")
        self.is_replaced("lodge-rdp", listener)
        self.event("hung", f"listener, process {listener}, is stopped")
        self.desktop_of("anna")
        self.bert_is_undisturbed()

    def test_the_zygote(self):
        zygote = next(pid for pid in self.lodge.pids("lodge-rdp-worker")
                      if self.read(pid, f"task/{pid}/children"))
        listener = self.process("lodge-rdp")
        os.kill(zygote, signal.SIGSTOP)
        self.is_replaced("lodge-rdp", listener)
        wait_for("the hung zygote is gone", lambda: zygote not in self.lodge.pids("lodge-rdp-worker"))
        self.desktop_of("anna")
        self.bert_is_undisturbed()

    def test_the_agent(self):
        client = self.desktop_of("anna")
        session = self.state("anna", "active")["id"]
        attached = self.lodge.log().count(": attached")
        agent = self.stop("lodge-display", session)
        self.is_replaced("lodge-display", agent, session)
        self.event("hung", "lodge-display is stopped")
        self.event("agent-exit", "lodge-display was killed by signal 9")
        wait_for("the worker is with the new agent", lambda: self.lodge.log().count(": attached") > attached)
        client.screen.click(300, 300)
        client.screen.type("w")
        client.sees((255, 255, 255), 20, 20)
        self.assertEqual(session, self.state("anna", "active")["id"])
        self.bert_is_undisturbed()

    def test_what_a_session_cannot_be_without(self):
        for name in ("Xtigervnc", "lodge-init", "lodge-logon"):
            with self.subTest(name=name):
                client = self.desktop_of("anna")
                self.stop(name, self.state("anna", "active")["id"])
                self.no_session("anna")
                client.close()
                self.event("hung", f"{name}")
        self.event("x-server-exit", "Xtigervnc was killed by signal 9")
        self.assertTrue(any("had not answered for 1 s" in event["detail"] and event["reason"] == "session-died"
                            for event in self.lodge.events()))
        self.bert_is_undisturbed()


class Watcher(threading.Thread):
    """Looks at a client's screen all the time: `bad` is what it saw when that was not the colour."""

    def __init__(self, client, colour):
        super().__init__()
        self.client, self.colour, self.over, self.bad, self.looks = client, colour, threading.Event(), None, 0
        self.start()

    def run(self):
        display = xdisplay.Display(f":{self.client.screen.number}")
        while not self.over.wait(0.02):
            image = display.screen().root.get_image(400, 300, 1, 1, X.ZPixmap, 0xffffffff)
            seen = image.data[2], image.data[1], image.data[0]
            self.looks += 1
            if any(abs(a - b) > 12 for a, b in zip(seen, self.colour)):
                self.bad = seen
        display.close()

    def stop(self):
        self.over.set()
        self.join()
        return self.bad


class CrashLoops(Supervision):
    def test_of_one_session_disturb_no_other(self):
        bert = Watcher(self.bert, colour_of("bert"))
        self.addCleanup(bert.stop)
        for _ in range(4):
            client = self.desktop_of("anna")
            os.kill(self.process("Xtigervnc", self.state("anna", "active")["id"]), signal.SIGKILL)
            self.no_session("anna")
            client.close()
        client = self.desktop_of("anna")
        session = self.state("anna", "active")["id"]
        killed = set()
        # Without back-off it would be over after six.
        while self.lodge.in_state("anna", "active"):
            for pid in self.lodge.pids("lodge-display"):
                if pid not in killed and self.session_of(pid) == session:
                    killed.add(pid)
                    os.kill(pid, signal.SIGKILL)
        client.ended()
        self.no_session("anna")
        self.assertGreaterEqual(len(killed), 4)
        self.event("logoff", "The display agent ended")
        self.assertTrue(any(event["reason"] == "display-failed" for event in self.lodge.events()))
        self.assertIsNone(bert.stop())
        self.assertGreater(bert.looks, 50)
        self.bert_is_undisturbed()


class ServiceFailure(Supervision):
    settings = {"Supervision_ServiceRestarts": 2, "Sessions_LogoffSeconds": 1}

    def kill(self, name, times):
        for _ in range(times):
            pid = self.process(name)
            os.kill(pid, signal.SIGKILL)
            self.is_replaced(name, pid)

    def test_follows(self):
        self.kill("lodge-broker", 3)
        self.event("service-failed", "broker ended 3 times within 60 s: it is started on and on")
        self.bert_is_undisturbed()


class ServiceFailureReboot(ServiceFailure):
    settings = dict(ServiceFailure.settings, Supervision_ServiceFailure=3)

    def setUp(self):
        self.folder = harness.tempfile.mkdtemp(prefix="lodgetest-reboot", dir="/var/tmp")
        self.addCleanup(harness.shutil.rmtree, self.folder)
        self.settings = dict(self.settings, Shutdown_RebootCommand=f"touch {self.folder}/rebooted")
        super().setUp()

    def test_follows(self):
        self.kill("lodge-rdp", 2)
        os.kill(self.process("lodge-rdp"), signal.SIGKILL)
        self.bert.ended()
        wait_for("lodge-smss ends", lambda: self.lodge.smss.poll() is not None)
        self.assertEqual(self.lodge.smss.returncode, 3)
        self.assertTrue(os.path.exists(self.folder + "/rebooted"))
        self.assertEqual(self.lodge.pids("lodge-init"), [])
        self.lodge.start()
        self.event("service-failed", "listener ended 3 times within 60 s: the machine is restarted")
        self.assertTrue(any(event["event"] == "logoff" and event["reason"] == "shutdown"
                            for event in self.lodge.events()))


if __name__ == "__main__":
    harness.main()
