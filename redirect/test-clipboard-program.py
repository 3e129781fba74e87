#!/usr/bin/python3
"""lodge-clipboard before a real X server: the test plays the worker, and clip.py the session's programs."""

import base64
import hashlib
import io
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/../tests/system")
import harness
from harness import BIN, DEADLINE, Screen, end_process, wait_for

from PIL import Image

OFFER, ASK, DATA, FAIL, FORGET = range(1, 6)
TEXT, HTML, RTF, PNG, DIB, DIBV5, SECRET = (1 << bit for bit in range(7))
PIECE = 65536 - 12
WORDS = "Grüße, 世界 😀\nzweite Zeile\n"
CLIP = [sys.executable, "-W", "ignore", harness.HERE + "/clip.py"]


def client_text(text):
    return text.replace("\n", "\r\n").encode("utf-16-le") + b"\0\0"


def picture(mode="RGB", size=(61, 43)):
    image = Image.new(mode, size)
    for y in range(size[1]):
        for x in range(size[0]):
            image.putpixel((x, y), (x * 4, y * 5, (x * y) % 256, 255 - x)[:len(mode)])
    return image


def as_file(image, kind):
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


class Program(unittest.TestCase):
    bits = 3

    @classmethod
    def setUpClass(cls):
        cls.screen = Screen(640, 480)

    @classmethod
    def tearDownClass(cls):
        cls.screen.close()

    def setUp(self):
        self.environment = dict(os.environ, DISPLAY=f":{self.screen.number}")
        self.environment.pop("XAUTHORITY", None)
        self.processes = []
        self.begin(self.bits)
        self.addCleanup(self.end)

    def begin(self, bits):
        self.worker, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.worker.settimeout(DEADLINE)
        self.log = open(f"/tmp/lodge-test-clipboard-{os.getpid()}.log", "wb+")
        os.unlink(self.log.name)
        self.program = subprocess.Popen([BIN + "/lodge-clipboard", "--redirect", str(bits)], stdin=theirs,
                                        stderr=self.log, env=self.environment)
        theirs.close()
        self.addCleanup(end_process, self.program)

    def end(self):
        for process in self.processes:
            process.stdin.close()
            process.wait(DEADLINE)
            process.stdout.close()
        if self.program.poll() is None:
            self.worker.close()
            self.assertEqual(self.program.wait(DEADLINE), 0)

    def logged(self):
        self.log.seek(0)
        return self.log.read().decode()

    # --- the worker
    def says(self, kind, serial=0, number=0, data=b"", flags=0):
        self.worker.sendall(struct.pack("<BBHII", 1, kind, flags, serial, number) + data)

    def says_data(self, serial, data):
        for at in range(0, max(len(data), 1), PIECE):
            self.says(DATA, serial, len(data), data[at:at + PIECE])

    def told(self, kind):
        packet = self.worker.recv(65536)
        version, got, flags, serial, number = struct.unpack_from("<BBHII", packet)
        self.assertEqual((version, got), (1, kind), f"{self.logged()}")
        return flags, serial, number, packet[12:]

    def told_data(self, serial):
        data = b""
        while True:
            _, of, total, piece = self.told(DATA)
            self.assertEqual(of, serial)
            data += piece
            if len(data) >= total:
                return data

    # --- programs
    def start(self, *words):
        process = subprocess.Popen([*CLIP, *words], env=self.environment, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        self.processes.append(process)
        return process

    def own(self, process=None, **contents):
        line = json.dumps({name: data if data is None else base64.b64encode(data).decode()
                           for name, data in contents["all"].items()})
        process = process or self.start("own")
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"owned\n")
        return process

    def run_clip(self, *words):
        return subprocess.run([*CLIP, *words], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=DEADLINE, check=False)

    def targets(self):
        return self.run_clip("targets").stdout.decode().split()

    def client_has(self, offer):
        self.says(OFFER, number=offer)
        return wait_for("the program has the clipboard", lambda: "TIMESTAMP" in self.targets() and self.targets())

    def pastes(self, target, asked, data):
        """A program pastes while the client has this."""
        paste = self.start("get", target)
        _, serial, number, _ = self.told(ASK)
        self.assertEqual(number, asked)
        self.says_data(serial, data)
        return paste.communicate(timeout=DEADLINE)[0]


class FromClient(Program):
    def tearDown(self):
        self.assertNotIn("Grüße", self.logged())

    def test_text(self):
        targets = self.client_has(TEXT)
        for name in ("TARGETS", "TIMESTAMP", "MULTIPLE", "UTF8_STRING", "STRING", "text/plain;charset=utf-8"):
            self.assertIn(name, targets)
        self.assertNotIn("text/html", targets)
        self.assertNotIn("x-kde-passwordManagerHint", targets)
        self.assertEqual(self.pastes("UTF8_STRING", TEXT, client_text(WORDS)).decode(), WORDS)
        self.assertEqual(self.pastes("STRING", TEXT, client_text(WORDS)),
                         WORDS.encode("latin-1", "replace"))
        self.assertEqual(self.run_clip("get", "text/html").returncode, 1)
        self.assertEqual(self.run_clip("get", "NO_SUCH_TARGET").returncode, 1)

    def test_large_text_goes_in_pieces_to_several_at_once(self):
        text = "".join(random.Random(7).choices("abcö\n😀", k=700000))
        self.client_has(TEXT)
        pastes = [self.start("get", "UTF8_STRING") for _ in range(3)]
        _, serial, _, _ = self.told(ASK)
        self.says_data(serial, client_text(text))
        self.worker.settimeout(0.03)

        def done():  # who came after the data had come has it asked for again
            try:
                _, serial, _, _ = self.told(ASK)
                self.worker.settimeout(DEADLINE)
                self.says_data(serial, client_text(text))
                self.worker.settimeout(0.03)
            except (TimeoutError, BlockingIOError):
                pass
            return False
        for paste in pastes:
            reader = subprocess.Popen(["sha256sum"], stdin=paste.stdout, stdout=subprocess.PIPE)
            wait_for("it has pasted", lambda reader=reader: done() or reader.poll() is not None)
            self.assertEqual(reader.communicate()[0].split()[0].decode(),
                             hashlib.sha256(text.encode()).hexdigest())
        self.worker.settimeout(DEADLINE)

    def test_html_and_rtf(self):
        self.client_has(TEXT | HTML | RTF)
        body = "<html><body><!--StartFragment--><b>Grüße</b><!--EndFragment--></body></html>".encode()
        head = "Version:0.9\r\nStartHTML:{:08}\r\nEndHTML:{:08}\r\nStartFragment:{:08}\r\nEndFragment:{:08}\r\n"
        size = len(head.format(0, 0, 0, 0))
        html = head.format(size, size + len(body), size, size).encode() + body + b"\0"
        pasted = self.pastes("text/html", HTML, html)
        self.assertTrue(pasted.endswith(body))
        self.assertIn(b"charset=utf-8", pasted)
        self.assertEqual(self.pastes("text/rtf", RTF, b"{\\rtf1 x}\0"), b"{\\rtf1 x}")
        paste = self.start("get", "text/html")
        _, serial, _, _ = self.told(ASK)
        self.says_data(serial, b"Version:0.9\r\nStartHTML:9999999\r\n")
        paste.wait(DEADLINE)
        self.assertEqual(paste.returncode, 1)

    def test_images(self):
        self.client_has(DIB)
        for mode in ("RGB", "RGBA"):
            bitmap = as_file(picture(mode), "BMP")
            png = self.pastes("image/png", DIB, bitmap[14:])
            self.assertEqual(png[:4], b"\x89PNG")
            self.assertEqual(Image.open(io.BytesIO(png)).convert(mode).tobytes(), picture(mode).tobytes())
            bmp = self.pastes("image/bmp", DIB, bitmap[14:])
            self.assertEqual(Image.open(io.BytesIO(bmp)).convert("RGB").tobytes(),
                             picture(mode).convert("RGB").tobytes())
        png = as_file(picture(), "PNG")
        self.client_has(PNG | DIB)
        self.assertEqual(self.pastes("image/png", PNG, png), png)
        self.client_has(PNG)
        bmp = self.pastes("image/bmp", PNG, png)
        self.assertEqual(Image.open(io.BytesIO(bmp)).convert("RGB").tobytes(), picture().tobytes())

    def test_multiple_and_failure(self):
        self.client_has(TEXT | HTML)
        pair = self.start("pair", "UTF8_STRING", "NO_SUCH", "TIMESTAMP", "STRING")
        _, serial, number, _ = self.told(ASK)  # one for both that want text
        self.assertEqual(number, TEXT)
        self.says_data(serial, client_text(WORDS))
        found = json.loads(pair.communicate(timeout=DEADLINE)[0])
        self.assertEqual(base64.b64decode(found["UTF8_STRING"]).decode(), WORDS)
        self.assertEqual(base64.b64decode(found["STRING"]), WORDS.encode("latin-1", "replace"))
        self.assertIsNone(found["NO_SUCH"])
        self.assertIsNotNone(found["TIMESTAMP"])
        paste = self.start("get", "UTF8_STRING")
        _, serial, _, _ = self.told(ASK)
        self.says(FAIL, serial)
        paste.wait(DEADLINE)
        self.assertEqual(paste.returncode, 1)

    def test_a_password_is_marked(self):
        self.assertIn("x-kde-passwordManagerHint", self.client_has(TEXT | SECRET))
        self.assertEqual(self.run_clip("get", "x-kde-passwordManagerHint").stdout, b"secret")

    def test_it_gives_the_clipboard_back(self):
        self.client_has(TEXT)
        self.says(OFFER)
        wait_for("nobody has the clipboard", lambda: self.run_clip("targets").returncode == 1)
        self.client_has(TEXT)
        self.own(all={"UTF8_STRING": b"newer"})
        self.assertEqual(self.run_clip("get", "UTF8_STRING").stdout, b"newer")
        self.says(OFFER)
        self.assertEqual(self.run_clip("get", "UTF8_STRING").stdout, b"newer")

    def test_who_pastes_may_stall_or_die(self):
        self.client_has(TEXT)
        stalled = self.start("stall", "UTF8_STRING")
        _, serial, _, _ = self.told(ASK)
        self.says_data(serial, client_text("x" * 400000))
        self.assertEqual(stalled.stdout.readline(), b"begun\n")
        self.assertEqual(self.pastes("UTF8_STRING", TEXT, client_text("still")), b"still")
        stalled.kill()
        self.assertEqual(self.pastes("UTF8_STRING", TEXT, client_text("and on")), b"and on")


class FromSession(Program):
    def test_what_was_there_before(self):
        self.own(all={"UTF8_STRING": b"before", "text/html": b"<i>"})
        flags, _, number, _ = self.told(OFFER)  # the program that setUp began
        self.assertEqual((flags, number), (0, TEXT | HTML))
        first = self.worker
        self.begin(self.bits)
        flags, _, number, _ = self.told(OFFER)
        self.assertEqual((flags, number), (1, TEXT | HTML))
        first.close()

    def test_text_html_rtf(self):
        html = "<b>Grüße</b>"
        owner = self.own(all={"UTF8_STRING": WORDS.encode(), "text/html": html.encode(), "text/rtf": b"{\\rtf1}",
                              "NOT_KNOWN": b"x"})
        self.assertEqual(self.told(OFFER)[2], TEXT | HTML | RTF)
        self.says(ASK, 5, TEXT)
        self.assertEqual(self.told_data(5), client_text(WORDS))
        self.says(ASK, 6, HTML)
        data = self.told_data(6)
        head = dict(line.split(":") for line in data.decode().split("\r\n")[:5])
        self.assertEqual(data[int(head["StartFragment"]):int(head["EndFragment"])].decode(), html)
        self.assertEqual(data[int(head["StartHTML"]):int(head["EndHTML"])] + b"\0", data[int(head["StartHTML"]):])
        self.says(ASK, 7, RTF)
        self.assertEqual(self.told_data(7), b"{\\rtf1}")
        self.says(ASK, 8, PNG)  # it has none
        self.assertEqual(self.told(FAIL)[1], 8)
        self.own(owner, all={"text/html": b"\xff\xfe" + html.encode("utf-16-le")})
        self.assertEqual(self.told(OFFER)[2], HTML)
        self.says(ASK, 9, HTML)
        self.assertIn(html.encode(), self.told_data(9))
        self.own(owner, all={"STRING": "Grüße".encode("latin-1"), "x-kde-passwordManagerHint": b"secret"})
        self.assertEqual(self.told(OFFER)[2], TEXT | SECRET)
        self.says(ASK, 10, TEXT)
        self.assertEqual(self.told_data(10), client_text("Grüße"))
        owner.kill()
        self.assertEqual(self.told(OFFER)[2], 0)

    def test_large_text_comes_in_pieces(self):
        text = "".join(random.Random(8).choices("abcö\n😀", k=700000))
        self.own(all={"UTF8_STRING": text.encode()})
        self.told(OFFER)
        self.says(ASK, 1, TEXT)
        self.assertEqual(self.told_data(1), client_text(text))

    def test_more_than_a_transfer_may_be_is_refused(self):
        self.own(all={"UTF8_STRING": b"x" * (17 << 20), "STRING": b"y"})  # twice as much in UTF-16
        self.told(OFFER)
        self.says(ASK, 1, TEXT)
        self.assertEqual(self.told(FAIL)[1], 1)
        self.assertIn("cannot be made what the client asks for", self.logged())
        self.own(all={"UTF8_STRING": b"small"})
        self.told(OFFER)
        self.says(ASK, 2, TEXT)
        self.assertEqual(self.told_data(2), client_text("small"))

    def test_images(self):
        owner = self.own(all={"image/png": as_file(picture("RGBA"), "PNG")})
        self.assertEqual(self.told(OFFER)[2], PNG | DIB)
        self.says(ASK, 1, PNG)
        self.assertEqual(self.told_data(1), as_file(picture("RGBA"), "PNG"))
        self.own(owner, all={"image/png": as_file(picture(), "PNG")})
        self.told(OFFER)
        for kind in ("PNG", "BMP"):
            if kind == "BMP":
                self.own(owner, all={"image/bmp": as_file(picture(), "BMP")})
                self.assertEqual(self.told(OFFER)[2], DIB)
            self.says(ASK, 2, DIB)
            dib = self.told_data(2)
            bmp = b"BM" + struct.pack("<III", 14 + len(dib), 0, 54) + dib
            self.assertEqual(Image.open(io.BytesIO(bmp)).convert("RGB").tobytes(), picture().tobytes())
        self.own(owner, all={"image/png": b"\x89PNG\r\n\x1a\nbroken", "image/bmp": b"BM"})
        self.told(OFFER)
        self.says(ASK, 3, DIB)
        self.assertEqual(self.told(FAIL)[1], 3)

    def test_an_owner_that_never_answers(self):
        owner = self.own(all={"UTF8_STRING": None})
        self.told(OFFER)
        self.says(ASK, 1, TEXT)
        self.assertEqual(self.told(FAIL)[1], 1)
        self.assertIn("gives no data", self.logged())
        self.own(owner, all={"UTF8_STRING": b"now"})
        self.told(OFFER)
        self.says(ASK, 2, TEXT)
        self.assertEqual(self.told_data(2), client_text("now"))

    def test_it_ends_when_it_is_told_to_or_hears_nonsense(self):
        self.client_has(TEXT)
        self.program.send_signal(signal.SIGTERM)
        self.assertEqual(self.program.wait(DEADLINE), 0)
        for nonsense in (b"", b"x", bytes(12), struct.pack("<BBHII", 1, FORGET, 0, 1, 0),
                         struct.pack("<BBHII", 1, OFFER, 0, 0, 128), struct.pack("<BBHII", 2, OFFER, 0, 0, 1)):
            self.begin(self.bits)
            self.worker.sendall(nonsense)
            self.assertEqual(self.program.wait(DEADLINE), 0)

    def test_idle_it_does_not_wake(self):
        self.own(all={"UTF8_STRING": b"x"})
        self.told(OFFER)
        self.says(ASK, 1, TEXT)
        self.told_data(1)

        seen = [None, None]

        def switches():
            with open(f"/proc/{self.program.pid}/status") as status:
                return [line for line in status if line.startswith("voluntary")]

        def rests():
            seen[:] = seen[1], switches()
            return seen[0] == seen[1] and seen[1]
        before = wait_for("it rests", rests)
        self.run_clip("get", "UTF8_STRING")  # what others do on the same display for a while
        self.run_clip("targets")
        self.assertEqual(switches(), before)


if __name__ == "__main__":
    if not os.path.exists(BIN + "/lodge-clipboard"):
        sys.exit(harness.SKIPPED)
    unittest.main(verbosity=2)
