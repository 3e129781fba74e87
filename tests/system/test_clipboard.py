"""The clipboard between real clients and their sessions: what is copied on one side is pasted on the other, whole, and
only in the direction that is allowed."""

import base64
import contextlib
import hashlib
import io
import json
import os
import random
import select
import socket
import subprocess
import threading
import time
import unittest

import harness
from harness import DEADLINE, SystemTest, wait_for

try:
    from PIL import Image
except ImportError:
    Image = None

WORDS = "Grüße, 世界 😀\nzweite Zeile\n"
OFF, IN, OUT, BOTH = range(4)
MEMBER = "lodgetest5"


class Side:
    """The programs of one display: the client's computer, or the session."""

    def __init__(self, test, words, environment):
        self.test, self.environment = test, environment
        self.words = [*words, "/usr/bin/python3", "-W", "ignore", test.lodge.copy_of(harness.HERE + "/clip.py")]
        self.owner, self.lost = None, 0

    def start(self, *words):
        return subprocess.Popen([*self.words, *words], env=self.environment, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def copy(self, **contents):
        """A program takes the clipboard, or the one that has it takes it anew."""
        if self.owner is None or self.owner.poll() is not None:
            self.owner = self.start("own")
            self.test.addCleanup(self.stop, self.owner)
        named = {name.replace("__", "/").replace("_8", "UTF8_STRING"): base64.b64encode(data).decode()
                 for name, data in contents.items()}
        self.owner.stdin.write(json.dumps(named).encode() + b"\n")
        self.owner.stdin.flush()
        self.await_owned()

    def await_owned(self):
        line = self.owner.stdout.readline()
        while line == b"lost\n":
            self.lost += 1
            line = self.owner.stdout.readline()
        self.test.assertEqual(line, b"owned\n", self.owner.stderr.read() if not line else "it has the clipboard")

    @staticmethod
    def stop(owner):
        owner.kill()
        owner.communicate()

    def run(self, *words):
        return subprocess.run([*self.words, *words], env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=DEADLINE, check=False)

    def offers(self):
        return self.run("targets").stdout.decode().split()

    def paste(self, target="UTF8_STRING"):
        result = self.run("get", target)
        return result.stdout if result.returncode == 0 else None

    def sees(self, data, target="UTF8_STRING"):
        wait_for(f"{target} can be pasted", lambda: self.paste(target) == data)


class Clipboard(SystemTest):
    def client_of(self, user):
        return self.desktop_of(user, options=("+clipboard",))

    def on_client(self, client):
        environment = dict(os.environ, DISPLAY=f":{client.screen.number}")
        environment.pop("XAUTHORITY", None)
        return Side(self, (), environment)

    def in_session(self, user):
        """As a program in the session: in the mount namespace of its display agent, with its display."""
        number = str(self.state(user, "active")["id"])
        for pid in self.lodge.pids("lodge-display"):
            with open(f"/proc/{pid}/environ") as source:
                found = dict(one.split("=", 1) for one in source.read().split("\0") if "=" in one)
            if found["LODGE_SESSION"] == number:
                return Side(self, ("nsenter", "-t", str(pid), "-m", "-r", "env", "-i", "PATH=/usr/bin:/bin",
                                   "DISPLAY=" + found["DISPLAY"], "XAUTHORITY=" + found["XAUTHORITY"]), None)
        raise AssertionError("the session has no agent")

    def both(self, user="anna"):
        client = self.client_of(user)
        session = self.in_session(user)
        wait_for("the program runs", lambda: self.lodge.pids("lodge-clipboard"))
        return client, self.on_client(client), session

    def redirected(self, user):
        shown = json.loads(self.lodge.done("show", str(self.state(user, "active")["id"]), "--json"))
        return [one for one in shown["client"]["redirects"] if one.startswith("clipboard")]

    def set_policy(self, **settings):
        self.lodge.set(**settings)
        self.lodge.done("policy", "reload")

    def tear_down(self):
        log = self.lodge.log()
        super().tear_down()
        for secret in ("Grüße", "zweite Zeile"):
            self.assertNotIn(secret, log)


class Both(Clipboard):
    def test_text_html_and_a_megabyte_both_ways(self):
        _, here, there = self.both()
        large = "".join(random.Random(3).choices("abcdeö\n😀", k=350000))
        large = (large + "x" * (1 << 20))[:1 << 20]
        for source, target in ((here, there), (there, here)):
            source.copy(_8=WORDS.encode())
            target.sees(WORDS.encode())
            source.copy(_8=large.encode())
            wait_for("a megabyte", lambda target=target: hashlib.sha256(target.paste() or b"").digest() ==
                     hashlib.sha256(large.encode()).digest())
            source.copy(_8=b"plain", text__html="<b>fett: ö</b>".encode())
            wait_for("HTML", lambda target=target: "<b>fett: ö</b>".encode() in (target.paste("text/html") or b""))
            target.sees(b"plain")
        self.assertEqual(self.redirected("anna"), ["clipboard in", "clipboard out"])

    @unittest.skipUnless(Image, "python3-pil is not installed")
    def test_an_image_both_ways(self):
        _, here, there = self.both()
        image = Image.new("RGB", (300, 200))
        image.putdata([(x % 256, y, (x * y) % 256) for y in range(200) for x in range(300)])
        bmp = io.BytesIO()
        image.save(bmp, "BMP")
        for source, target, wanted in ((here, there, "image/png"), (there, here, "image/bmp")):
            source.copy(image__bmp=bmp.getvalue())

            def pasted(target=target, wanted=wanted):
                data = target.paste(wanted)
                return data and Image.open(io.BytesIO(data)).convert("RGB").tobytes() == image.tobytes()
            wait_for(wanted, pasted)

    def test_program_and_agent_may_die_and_the_client_may_come_again(self):
        client, here, there = self.both()
        here.copy(_8=b"one")
        there.sees(b"one")
        program = self.lodge.pids("lodge-clipboard")
        os.kill(program[0], 9)
        wait_for("a new one", lambda: self.lodge.pids("lodge-clipboard") not in ([], program))
        there.sees(b"one")
        there.copy(_8=b"two")
        here.sees(b"two")
        known = here.paste("TIMESTAMP")
        agent = self.lodge.pids("lodge-display")
        os.kill(agent[0], 9)
        wait_for("a new agent", lambda: self.lodge.pids("lodge-display") not in ([], agent))
        # What the session has is offered anew; what the client copies while it does not know that, it loses.
        wait_for("the client knows of it", lambda: here.paste("TIMESTAMP") != known)
        wait_for("it can be pasted", lambda: "UTF8_STRING" in here.offers())
        there = self.in_session("anna")
        here.copy(_8=b"three")
        there.sees(b"three")
        there.copy(_8=b"of the session")
        here.sees(b"of the session")
        client.kill()
        self.state("anna", "disconnected")
        wait_for("its program has ended", lambda: not self.lodge.pids("lodge-clipboard"))
        self.assertEqual(there.paste(), b"of the session")
        again = self.on_client(self.client_of("anna"))  # its computer has copied nothing
        again.sees(b"of the session")

    def test_each_session_has_its_own(self):
        _, anna_here, anna = self.both()
        _, bert_here, bert = self.both("bert")
        wait_for("two programs", lambda: len(self.lodge.pids("lodge-clipboard")) == 2)
        anna.copy(_8=b"of anna")
        anna_here.sees(b"of anna")
        self.assertIsNone(bert.paste())
        self.assertIsNone(bert_here.paste())
        bert_here.copy(_8=b"of bert")
        bert.sees(b"of bert")
        self.assertEqual((anna.paste(), anna_here.paste()), (b"of anna", b"of anna"))


class SlowLine:
    """What a client connects to instead of the server: it has so many bytes a second from it, with little in between."""

    def __init__(self, port, rate):
        self.port, self.rate, self.sent = port, rate, 0
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        client, _ = self.listener.accept()
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        server.connect(("127.0.0.1", self.port))
        due = 0
        with contextlib.suppress(OSError), client, server:
            while True:
                rest = due - time.monotonic()
                ready = select.select([client] if rest > 0 else [client, server], [], [], max(rest, 0) or None)[0]
                for one, other in ((client, server), (server, client)):
                    data = one.recv(8192) if one in ready else None
                    if data == b"":
                        return
                    if data:
                        other.sendall(data)
                    if data and one is server:
                        self.sent += len(data)
                        due = max(due, time.monotonic()) + len(data) / self.rate


class OnASlowLine(Clipboard):
    def test_a_large_paste_leaves_pixels_their_turn(self):
        line = SlowLine(self.lodge.port, 1000000)
        self.addCleanup(line.listener.close)
        client = self.desktop_of("anna", options=("+clipboard", f"/v:127.0.0.1:{line.listener.getsockname()[1]}"))
        here, there = self.on_client(client), self.in_session("anna")
        there.copy(_8=b"small")
        here.sees(b"small")
        known = here.paste("TIMESTAMP")
        there.copy(_8=b"x" * (3 << 20))  # six megabytes as the client has it
        wait_for("the client knows of it", lambda: here.paste("TIMESTAMP") != known)
        paste = here.start("get", "UTF8_STRING")
        self.addCleanup(self.stop_paste, paste)
        before, sent = client.screen.pixel(30, 30), line.sent
        wait_for("it is under way", lambda: line.sent > sent + 500000)
        client.screen.key("k")
        wait_for("the key is seen", lambda: client.screen.pixel(30, 30) != before)
        self.assertLess(line.sent - sent, 3 << 20)  # long before the end of the paste
        paste.communicate(timeout=DEADLINE)
        here.sees(b"x" * (3 << 20))  # not by the first: xfreerdp 3.8 to 3.15 answers that with one letter alone

    @staticmethod
    def stop_paste(paste):
        paste.kill()
        paste.communicate()


class Directions(Clipboard):
    """What is forbidden is not seen, after what came later on the allowed way, or by another user, has been."""

    settings = {"Sessions_Clipboard": BOTH}

    def test_only_from_the_client(self):
        self.set_policy(Sessions_Clipboard=IN)
        _, here, there = self.both()
        there.copy(_8=b"of the session")
        here.copy(_8=b"of the client")
        there.sees(b"of the client")
        there.copy(_8=b"of the session again")
        self.assertEqual(there.paste(), b"of the session again")
        self.assertEqual(here.paste(), b"of the client")
        here.copy(_8=b"newer")
        there.sees(b"newer")
        there.copy(_8=b"of the session once more")
        here.copy(_8=b"newest")
        there.sees(b"newest")
        self.assertEqual(here.paste(), b"newest")
        self.assertEqual(here.lost, 0)  # nobody took it meanwhile

    def test_only_to_the_client(self):
        self.set_policy(Sessions_Clipboard=OUT)
        _, here, there = self.both()
        here.copy(_8=b"of the client")
        there.copy(_8=b"of the session")
        here.sees(b"of the session")
        here.copy(_8=b"of the client again")
        self.assertEqual(there.paste(), b"of the session")
        there.copy(_8=b"newer")
        here.sees(b"newer")
        there.copy(_8=b"newest")
        here.sees(b"newest")
        self.assertEqual(there.paste(), b"newest")
        self.assertEqual(there.lost, 0)  # nobody took it meanwhile

    def test_by_group_and_off(self):
        subprocess.run(["userdel", "-r", MEMBER], capture_output=True, check=False)
        subprocess.run(["useradd", "-m", "-U", "-s", "/bin/bash", MEMBER], check=True)
        self.addCleanup(subprocess.run, ["userdel", "-r", MEMBER], capture_output=True, check=False)
        subprocess.run(["chpasswd"], input=f"{MEMBER}:{harness.PASSWORD}\n", text=True, check=True)
        self.lodge.settings[f"Group {MEMBER}", "Clipboard"] = OUT
        self.set_policy(Sessions_Clipboard=OFF)
        off = self.client_of("anna")
        _, here, there = self.both(MEMBER)
        here.copy(_8=b"of the client")
        there.copy(_8=b"of the session")
        here.sees(b"of the session")
        there.copy(_8=b"newer")
        here.sees(b"newer")
        self.assertEqual(there.lost, 0)
        self.assertEqual(len(self.lodge.pids("lodge-clipboard")), 1)
        self.in_session("anna").copy(_8=b"anna's")
        self.assertIsNone(self.on_client(off).paste())
        for user, word in (("anna", []), (MEMBER, ["clipboard out"])):
            self.assertEqual(self.redirected(user), word)


if __name__ == "__main__":
    harness.main()
