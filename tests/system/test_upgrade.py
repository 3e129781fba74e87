"""Upgrade in place: new programs take over with every session and client; broken ones do not."""

import glob
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from Xlib import X, display as xdisplay

import harness
from harness import SystemTest, colour_of, wait_for

# The end stays: the linker lets "0" be the end of a longer string.
OLD, NEW = b"0.1.0", b"0.9.0"


class Viewer(threading.Thread):
    """Types at a client and looks at it all the time: `bad` says what went wrong."""

    def __init__(self, client, colour):
        super().__init__()
        self.client, self.colour, self.over, self.bad, self.keys = client, colour, threading.Event(), None, 0
        self.start()

    def pixel(self, display, x, y):
        image = display.screen().root.get_image(x, y, 1, 1, X.ZPixmap, 0xffffffff)
        return image.data[2], image.data[1], image.data[0]

    def run(self):
        display = xdisplay.Display(f":{self.client.screen.number}")
        while not self.over.is_set() and self.bad is None:
            self.client.screen.type("w")
            self.keys += 1
            wanted = (255, 255, 255) if self.keys % 2 else (0, 0, 0)
            end = time.monotonic() + harness.DEADLINE
            while self.bad is None:
                desk = self.pixel(display, 400, 300)
                if any(abs(a - b) > 12 for a, b in zip(desk, self.colour)):
                    self.bad = f"the desktop shows {desk}"
                if all(abs(a - b) <= 12 for a, b in zip(self.pixel(display, 20, 20), wanted)):
                    break
                if time.monotonic() > end:
                    self.bad = f"key {self.keys} was not seen"
                self.over.wait(0.01)
        display.close()

    def stop(self):
        self.over.set()
        self.join()
        return self.bad


class Upgrade(SystemTest):
    def setUp(self):
        self.programs = tempfile.mkdtemp(prefix="lodgetest-bin", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.programs)
        os.chmod(self.programs, 0o755)
        for path in glob.glob(self.built + "/lodge*"):
            shutil.copy2(path, self.programs)
        harness.BIN = self.programs
        super().setUp()
        self.client_of_anna = self.desktop_of("anna")
        self.id = self.state("anna", "active")["id"]

    @classmethod
    def setUpClass(cls):
        cls.built = harness.BIN

    @classmethod
    def tearDownClass(cls):
        harness.BIN = cls.built

    def install(self, name, data):
        """As a package manager does: beside it, and renamed."""
        path = f"{self.programs}/{name}"
        with open(path + ".new", "wb") as out:
            out.write(data)
        os.chmod(path + ".new", 0o755)
        os.rename(path + ".new", path)

    def install_new(self, *names):
        for name in names or [os.path.basename(path) for path in glob.glob(self.built + "/lodge*")]:
            with open(f"{self.built}/{name}", "rb") as source:
                self.install(name, source.read().replace(OLD, NEW))

    def install_broken(self, name):
        """It says its version, and then does not start."""
        self.install(name, f"""#!/bin/sh
case "$*" in
*--version) echo {name} {NEW.decode()} ;;
*--check) ;;
*) echo broken >&2; exit 1 ;;
esac
""".encode())

    def is_new(self, pid, name):
        """True when the process runs what lies there now."""
        return os.path.samefile(f"/proc/{pid}/exe", f"{self.programs}/{name}")

    def pids(self):
        return {name: self.lodge.pids(name) for name in
                ("lodge-smss", "lodge-broker", "lodge-rdp", "lodge-logon", "lodge-init", "lodge-display", "Xtigervnc")}

    def events(self, name):
        """The details of the events of this name; brokers come and go meanwhile."""
        result = self.lodge.ctl("events", "--json", "-n", "200")
        events = json.loads(result.stdout)["events"] if result.returncode == 0 else []
        return [event["detail"] for event in events if event["event"] == name]

    def event(self, name, words):
        wait_for(f'event {name} with "{words}"', lambda: any(words in detail for detail in self.events(name)))

    def works(self):
        """The client that was there is known, and everybody can come."""
        self.assertEqual(self.id, self.state("anna", "active")["id"])
        bert = self.desktop_of("bert")
        self.assertGreater(self.state("bert", "active")["id"], self.id)
        bert.close()
        self.lodge.done("disconnect", str(self.id))
        self.client_of_anna.ended()

    def test_new_programs_take_over(self):
        viewer = Viewer(self.client_of_anna, colour_of("anna"))
        self.addCleanup(viewer.stop)
        before = self.pids()
        self.install_new()
        answer = json.loads(self.lodge.done("upgrade", "--json"))
        self.assertTrue(answer["upgraded"])
        self.assertEqual(answer["version"], NEW.decode())
        self.event("upgrade-started", "from version 0.1.0 to 0.9.0, by uid 0")
        self.event("upgraded", "from version 0.1.0 to 0.9.0")
        self.assertEqual(json.loads(self.lodge.done("version", "--json"))["server"], NEW.decode())
        after = self.pids()
        for name in ("lodge-broker", "lodge-rdp"):
            self.assertNotEqual(before[name], after[name])
            self.assertTrue(self.is_new(after[name][-1], name))
        for name in ("lodge-smss", "lodge-logon", "lodge-init", "lodge-display", "Xtigervnc"):
            self.assertEqual(before[name], after[name], name)
        self.assertTrue(self.is_new(self.lodge.smss.pid, "lodge-smss"))
        # Its listener has gone, and its broker once more.
        os.kill(after["lodge-broker"][0], signal.SIGKILL)
        wait_for("another broker", lambda: self.lodge.pids("lodge-broker") not in ([], after["lodge-broker"]))
        keys = viewer.keys
        wait_for("the client works on", lambda: viewer.bad or viewer.keys > keys + 3)
        self.assertIsNone(viewer.stop())
        self.assertGreater(viewer.keys, 10)
        self.works()

    def test_once_more_by_signal(self):
        for count in (1, 2):
            self.lodge.smss.send_signal(signal.SIGUSR2)
            wait_for("the upgrade is over", lambda count=count: len(self.events("upgraded")) == count)
        self.works()

    def test_what_is_not_in_order_is_refused(self):
        before = self.pids()
        self.install_new("lodge-smss")
        refused = self.lodge.ctl("upgrade")
        self.assertEqual(refused.returncode, 1, refused)
        self.assertIn("but version 0.9.0 is needed", refused.stdout + refused.stderr)
        self.install("lodge-smss", b"#!/bin/sh\nexit 3\n")
        refused = self.lodge.ctl("upgrade")
        self.assertEqual(refused.returncode, 1, refused)
        self.event("upgrade-refused", "exited with status 3")
        self.assertEqual(before, self.pids())
        self.works()

    def test_a_service_that_does_not_start_goes_back(self):
        old = {name: os.stat(f"{self.programs}/{name}").st_ino for name in ("lodge-broker", "lodge-rdp")}
        self.install_new()
        for name in old:
            self.install_broken(name)
        failed = self.lodge.ctl("upgrade")
        self.assertEqual(failed.returncode, 1, failed)
        self.event("upgrade-rolled-back", "the new program of the broker exited with status 1")
        self.event("upgrade-failed", "2 of 2 services run the old program")
        for name, inode in old.items():
            self.assertEqual(os.stat(f"/proc/{self.lodge.pids(name)[-1]}/exe").st_ino, inode)
        self.assertTrue(self.is_new(self.lodge.smss.pid, "lodge-smss"))
        self.works()

    def test_a_listener_that_goes_back_takes_its_workers_program_along(self):
        old = {name: os.stat(f"{self.programs}/{name}").st_ino for name in ("lodge-rdp", "lodge-rdp-worker")}
        self.install_new()
        self.install_broken("lodge-rdp-worker")  # so that the new lodge-rdp has no zygote
        failed = self.lodge.ctl("upgrade")
        self.assertEqual(failed.returncode, 1, failed)
        self.event("upgrade-rolled-back", "the new program of the listener exited with status 1")
        self.event("upgrade-failed", "1 of 2 services run the old program")

        def all_old():
            for name, inode in old.items():
                for pid in self.lodge.pids(name):
                    self.assertEqual(os.stat(f"/proc/{pid}/exe").st_ino, inode, name)
        all_old()
        self.desktop_of("bert").close()
        # It is old in its next life too, and can be upgraded from.
        listener = self.lodge.pids("lodge-rdp")[-1]
        os.kill(listener, signal.SIGKILL)
        wait_for("another listener", lambda: set(self.lodge.pids("lodge-rdp")) - {listener})
        self.desktop_of("bert").close()
        all_old()
        self.install_new("lodge-rdp-worker")
        self.lodge.done("upgrade")
        self.event("upgraded", "from version 0.9.0 to 0.9.0")
        self.assertTrue(self.is_new(self.lodge.pids("lodge-rdp")[-1], "lodge-rdp"))
        self.desktop_of("bert").close()
        zygote = max(self.lodge.pids("lodge-rdp-worker"), key=lambda pid: os.stat(f"/proc/{pid}").st_ctime)
        self.assertTrue(self.is_new(zygote, "lodge-rdp-worker"))
        self.works()

    def test_root_goes_back_to_no_program_of_a_services_own_user(self):
        # As if the service had been taken over and had put its own in their places.
        user = pwd.getpwnam("lodge-rdp")
        old = {os.stat(f"{self.programs}/{name}").st_ino for name in ("lodge-rdp", "lodge-rdp-worker")}
        for name in ("lodge-rdp", "lodge-rdp-worker"):
            os.chown(f"{self.programs}/{name}", user.pw_uid, user.pw_gid)
        before = set(self.lodge.pids("lodge-rdp"))
        self.install_new()
        self.install_broken("lodge-rdp")
        with subprocess.Popen([self.programs + "/lodgectl", "--config", self.lodge.conf, "upgrade"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as upgrade:
            try:
                wait_for("the end of the old listener", lambda: not before & set(self.lodge.pids("lodge-rdp")))
                for place in ("exe", "fd/4"):
                    wait_for(place, lambda words=f"/{place} is no program of this server": words in self.lodge.log())
                wait_for("another try", lambda: self.lodge.log().count("listener, process") >= 2)
                for pid in self.lodge.pids("lodge-rdp"):
                    self.assertNotIn(os.stat(f"/proc/{pid}/exe").st_ino, old)
                self.install_new("lodge-rdp")
                said = upgrade.communicate(timeout=2 * harness.DEADLINE)[0]
                self.assertEqual(upgrade.returncode, 0, said)
            finally:
                upgrade.kill()
        self.event("upgraded", "from version 0.1.0 to 0.9.0")
        self.works()

    def test_a_new_lodge_smss_that_cannot_start_gives_back(self):
        # What the program does that finds it cannot start: it becomes the one before it, which fails as well here.
        self.install_new("lodge-smss")
        with open(f"{self.built}/lodge-smss", "rb") as previous:
            failed = subprocess.run([f"{self.programs}/lodge-smss", "--config", self.lodge.base + "/none", "--previous-fd",
                                     str(previous.fileno())], pass_fds=[previous.fileno()], capture_output=True,
                                    text=True, check=False, timeout=harness.DEADLINE)
        said = [line for line in failed.stderr.splitlines() if "/none:" in line or "goes back" in line]
        self.assertEqual([" goes back to the old one" in line for line in said], [False, True, False], failed)
        self.assertIn("version 0.9.0, cannot start", said[1])
        # And what the one before it does then.
        self.install("lodge-smss", b"""#!/bin/sh
case "$*" in *--check) echo "can take over, version 7" >&2; exit 0 ;; esac
exec "/proc/self/fd/$8" --config "$2" --display-fd "$4" --upgrade-failed 7
""")
        before = self.pids()
        failed = self.lodge.ctl("upgrade")
        self.assertEqual(failed.returncode, 1, failed)
        self.event("upgrade-failed", "lodge-smss version 7 could not start; version 0.1.0 goes on")
        after = self.pids()
        self.assertIsNone(self.lodge.smss.poll())
        del before["lodge-smss"], after["lodge-smss"]  # it has another name by now
        self.assertEqual(before, after)
        self.works()


if __name__ == "__main__":
    harness.main()
