"""Shadowing with two real clients: an administrator's is shown another session instead of its own, with control or
without, with consent or unasked, until one of the many ends; then it has its own again."""

import json
import os
import signal
import subprocess

import harness
from harness import SystemTest, colour_of, wait_for


class Shadow(SystemTest):
    settings = {"Sessions_Shadow": 2}

    def setUp(self):
        super().setUp()
        before = self.lodge.pids("lodge-rdp-worker")
        self.anna = self.desktop_of("anna")
        self.worker = [pid for pid in self.lodge.pids("lodge-rdp-worker") if pid not in before]
        self.bert = self.desktop_of("bert", size=(1024, 768))
        self.a, self.b = (str(self.state(name, "active")["id"]) for name in ("anna", "bert"))

    def shown(self, session):
        return json.loads(self.lodge.done("show", session, "--json"))

    def events(self, name):
        return [one for one in self.lodge.events() if one["event"] == name]

    def configure(self, value):
        self.lodge.set(Sessions_Shadow=value)
        self.lodge.done("policy", "reload")

    def begin(self, *options):
        said = self.lodge.done("shadow", self.b, "--from", self.a, *options)
        self.anna.sees(colour_of("bert"), 1000, 740)  # outside of what its own session has
        self.assertEqual(self.shown(self.a)["state"], "shadow")
        return said

    def unshadowed(self):
        wait_for("the end in the list", lambda: all(one["shadowed_by"] == 0 for one in self.lodge.sessions()))

    def over(self):
        """Anna's client has its own session, in its own size, and all say so."""
        self.anna.sees(colour_of("anna"))
        self.state("anna", "active")
        self.unshadowed()
        self.assertEqual((self.shown(self.a)["client"]["width"], self.shown(self.a)["shadows"]), (800, 0))
        self.anna.screen.click(400, 300)  # the smaller window has no keyboard while the pointer is outside

    def hotkey(self):
        self.anna.screen.key("KP_Multiply", "Control_L")

    def keys(self, user):
        return self.lodge.desktop(user).get("keys", [])

    def test_both_see_the_same_and_what_of_the_second_counts_is_as_it_was_asked_for(self):
        self.assertIn("with control", self.begin())
        self.assertIn(f"shadow of {self.b}", self.lodge.done("list"))
        self.assertIn(f"active, shadowed by {self.a}", self.lodge.done("list"))
        session = self.shown(self.b)
        self.assertEqual((session["shadowed_by_user"], session["shadowed_with_control"]), ("anna", True))
        self.anna.screen.type("x")
        wait_for("bert's desktop has the key", lambda: self.keys("bert") == ["x"])
        self.anna.sees((255, 255, 255), 30, 30)  # the square that counts keys, on both screens
        self.bert.sees((255, 255, 255), 30, 30)
        self.anna.screen.click(900, 700)
        wait_for("bert's desktop has the click", lambda: self.lodge.desktop("bert")["buttons"] == [[1, 900, 700]])
        self.bert.screen.type("y")
        wait_for("its own client goes on", lambda: self.keys("bert") == ["x", "y"])
        self.hotkey()
        self.over()
        self.anna.screen.type("q")
        wait_for("the own desktop has its keys back", lambda: self.keys("anna") == ["q"])

        self.assertIn("looks on", self.begin("--view"))
        before = self.keys("bert")
        self.anna.screen.type("v")
        self.anna.screen.click(800, 650)
        self.hotkey()
        self.over()
        self.anna.screen.type("r")
        wait_for("the own desktop, and no key of before", lambda: self.keys("anna") == ["q", "r"])
        self.bert.screen.type("z")
        wait_for("nothing came but what bert typed", lambda: self.keys("bert") == before + ["z"])
        self.assertEqual(self.lodge.desktop("bert")["buttons"], [[1, 900, 700]])
        started, stopped = self.events("shadow-start"), self.events("shadow-stop")
        self.assertEqual([one["session"] for one in started + stopped], [int(self.b)] * 4)
        self.assertIn("looking on, unasked", started[-1]["detail"])

    def ask(self, letter, *options):
        """lodgectl shadow from the own session's terminal, and what bert answers to the box."""
        asking = subprocess.Popen([harness.BIN + "/lodgectl", "--config", self.lodge.conf, "shadow", self.b, *options],
                                  env=dict(os.environ, LODGE_SESSION=self.a), text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.addCleanup(harness.end_process, asking)
        wait_for("the box", lambda: not self.bert.screen.shows(colour_of("bert"), 512, 384))
        top = next(y for y in range(100, 384) if not self.bert.screen.shows(colour_of("bert"), 512, y))

        def answered():
            self.bert.screen.click(512, top + 8)  # on no button: it has the keyboard then
            self.bert.screen.type(letter)
            return asking.poll() is not None
        wait_for("an answer", answered)
        return asking.returncode, *asking.communicate()

    def test_the_person_is_asked_and_the_configuration_has_the_first_word(self):
        user = self.shown(self.a)["uid"]
        lodgectl = self.lodge.copy_of(harness.BIN + "/lodgectl")
        refused = subprocess.run([lodgectl, "--config", self.lodge.conf, "shadow", self.b, "--from", self.a],
                                 user=user, group=user, extra_groups=[], text=True, capture_output=True, cwd="/",
                                 check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("forbidden", refused.stderr)
        self.configure(1)
        code, _, problem = self.ask("n")
        self.assertEqual(code, 1)
        self.assertIn("shadow-refused", problem)
        self.assertEqual(self.shown(self.a)["state"], "active")
        code, said, _ = self.ask("y", "--control")
        self.assertEqual(code, 0)
        self.assertIn("with control", said)
        self.anna.sees(colour_of("bert"), 1000, 740)
        self.configure(3)  # to look on is what is left, and this was more
        self.over()
        refused = self.lodge.ctl("shadow", self.b, "--from", self.a, "--control")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("Shadow = 3", refused.stderr)
        self.configure(0)
        self.assertIn("forbidden", self.lodge.ctl("shadow", self.b, "--from", self.a).stderr)
        self.assertEqual(len(self.events("shadow-refused")), 3)
        self.assertEqual(len(self.events("shadow-stop")), 1)

    def test_it_ends_in_every_way_and_the_own_session_is_there(self):
        self.begin()
        self.lodge.done("shadow", self.b, "--stop")
        self.over()
        self.begin()
        self.bert.resize(900, 600)  # no dynamic resolution: the session stays, and what is shown does
        self.anna.sees(colour_of("bert"), 1000, 740)
        agents = self.lodge.pids("lodge-display")
        os.kill(self.agent_of("bert"), signal.SIGKILL)
        self.over()
        wait_for("a new agent", lambda: len(self.lodge.pids("lodge-display")) == 2 and
                 self.lodge.pids("lodge-display") != agents)
        self.bert.sees(colour_of("bert"))
        wait_for("it can be looked at again",
                 lambda: self.lodge.ctl("shadow", self.b, "--from", self.a).returncode == 0)
        self.anna.sees(colour_of("bert"), 1000, 740)
        os.kill(self.lodge.pids("lodge-broker")[0], signal.SIGKILL)
        self.anna.sees(colour_of("anna"))
        wait_for("the broker answers", lambda: self.lodge.ctl("ping").returncode == 0)
        self.over()
        wait_for("the history has the end", lambda: self.events("shadow-stop")[-1]["reason"] == "broker-away")
        self.state("bert", "active")
        self.begin()
        self.bert.kill()
        self.over()
        self.state("bert", "disconnected")
        self.assertEqual(self.lodge.ctl("shadow", self.b, "--from", self.a).returncode, 1)
        self.bert = self.desktop_of("bert", size=(1024, 768))
        self.state("bert", "active")
        self.begin()
        self.lodge.done("logoff", self.b)
        self.over()
        self.no_session("bert")
        self.anna.screen.type("k")
        wait_for("nothing is lost", lambda: self.keys("anna") == ["k"])

    def agent_of(self, user):
        uid = self.lodge.session_of(user)["uid"]
        return next(pid for pid in self.lodge.pids("lodge-display") if os.stat(f"/proc/{pid}").st_uid == uid)

    def test_the_one_who_looks_goes_and_the_other_goes_on(self):
        self.begin()
        for pid in self.worker:
            os.kill(pid, signal.SIGKILL)
        self.state("anna", "disconnected")
        self.unshadowed()
        self.bert.screen.type("b")
        wait_for("bert's desktop goes on", lambda: self.keys("bert") == ["b"])
        self.anna = self.desktop_of("anna")
        self.begin("--view")
        self.lodge.done("disconnect", self.a)
        self.anna.ended()
        self.state("anna", "disconnected")
        self.unshadowed()
        self.assertEqual(len(self.events("shadow-stop")), 2)
        self.assertEqual(self.shown(self.b)["state"], "active")


if __name__ == "__main__":
    harness.main()
