"""What the system tests stand on: a whole Lodge in directories of its own, and real RDP clients on displays of
their own. Nothing here waits a fixed time: wait_for() polls for an event until a deadline."""

import collections
import contextlib
import glob
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from Xlib import X, XK, display as xdisplay, error as xerror
from Xlib.ext import xtest

BIN = os.environ.get("LODGE_BIN", os.path.join(os.path.dirname(__file__), "../../build/release/bin"))
BIN = os.path.realpath(BIN)
HERE = os.path.dirname(os.path.realpath(__file__))
DEADLINE = float(os.environ.get("LODGE_TEST_DEADLINE", "45"))
PASSWORD = "correct horse 7"
SKIPPED = 77


def wait_for(what, condition, deadline=None):
    """Returns the first true value of condition(); fails when there is none within the deadline (seconds)."""
    end = time.monotonic() + (deadline or DEADLINE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not seen within {deadline or DEADLINE:.0f} s: {what}")
        select.select([], [], [], 0.03)


def end_process(process, first=signal.SIGTERM):
    """Ends a process that a test started: politely, then not."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(first)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_display():
    """A display number that nobody has, by file or by abstract name."""
    with open("/proc/net/unix") as table:
        taken = table.read()
    for number in range(300 + os.getpid() % 1000, 9000):
        name = f"/tmp/.X11-unix/X{number}"
        if name not in taken and not os.path.exists(name) and not os.path.exists(f"/tmp/.X{number}-lock"):
            return number
    raise AssertionError("no free display number")


def service_environment():
    """What a service manager gives a service: no home, no terminal, nothing of who runs the tests."""
    kept = ("PATH", "LANG", "TZ", "LD_LIBRARY_PATH", "NOTIFY_SOCKET", "WATCHDOG_USEC")
    return {name: value for name, value in os.environ.items()
            if name in kept or name.startswith(("LODGE_", "ASAN_", "UBSAN_", "LSAN_"))}


def ended(pid):
    """It has exited, whoever has yet to look."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


class Lodge:
    """One server: its configuration, its processes, and lodgectl against it."""

    def __init__(self, **settings):
        self.base = tempfile.mkdtemp(prefix="lodgetest", dir="/var/tmp")
        os.chmod(self.base, 0o755)
        self.run, self.state = self.base + "/run", self.base + "/state"
        os.mkdir(self.state)
        self.port = free_port()
        self.log_path = self.base + "/log"
        self.smss = None
        desktop = self.copy_of(HERE + "/desktop.py", "desktop")
        self.settings = {
            ("Server", "RunDirectory"): self.run, ("Server", "StateDirectory"): self.state,
            ("Server", "LogLevel"): 3,
            ("Listener", "Address"): "127.0.0.1", ("Listener", "Port"): self.port,
            ("Sessions", "Desktop"): desktop, ("Sessions", "LogoffSeconds"): 5,
        }
        self.set(**settings)

    def set(self, **settings):
        """Changes the configuration file: Section_Key=value."""
        for name, value in settings.items():
            self.settings[tuple(name.split("_", 1))] = value
        self.conf = self.base + "/lodge.conf"
        sections = {}
        for (section, key), value in self.settings.items():
            sections.setdefault(section, []).append(f"{key} = {value}\n")
        with open(self.conf, "w") as out:
            for section, lines in sections.items():
                out.write(f"[{section}]\n{''.join(lines)}")

    def start(self, wait=True):
        log = open(self.log_path, "ab")
        self.smss = subprocess.Popen([BIN + "/lodge-smss", "--config", self.conf], stdout=log, stderr=log,
                                     stdin=subprocess.DEVNULL, cwd="/", env=service_environment())
        log.close()
        if wait:
            wait_for("the server answers", self.answers)
            wait_for("the listener is ready", lambda: self.pids("lodge-rdp-worker"))
        return self

    def answers(self):
        if self.smss.poll() is not None:
            raise AssertionError(f"lodge-smss ended with {self.smss.returncode}\n{self.log()}")
        return self.ctl("ping").returncode == 0

    def copy_of(self, path, name=None):
        """A copy that any user may run: what is tested may lie where they cannot go."""
        copy = f"{self.base}/{name or os.path.basename(path)}"
        if not os.path.exists(copy):
            shutil.copy(path, copy)
            os.chmod(copy, 0o755)
        return copy

    def ctl(self, *arguments, stdin=None, timeout=60):
        return subprocess.run([BIN + "/lodgectl", "--config", self.conf, *arguments], input=stdin, text=True,
                              capture_output=True, timeout=timeout)

    def done(self, *arguments, stdin=None):
        """lodgectl, that must succeed; its output."""
        result = self.ctl(*arguments, stdin=stdin)
        if result.returncode != 0:
            raise AssertionError(f"lodgectl {arguments}: {result.returncode} {result.stdout}{result.stderr}")
        return result.stdout

    def account(self, name, *options, password=PASSWORD):
        self.done("account", "add", name, "--password-stdin", *options, stdin=password + "\n")

    def sessions(self):
        result = self.ctl("list", "--json")
        return json.loads(result.stdout)["sessions"] if result.returncode == 0 else []

    def session_of(self, user):
        return next((one for one in self.sessions() if one["user"] == user), None)

    def in_state(self, user, state):
        session = self.session_of(user)
        return session if session and session["state"] == state else None

    def events(self):
        return json.loads(self.done("events", "--json"))["events"]

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def home(self, user):
        return f"{self.state}/homes/{user}"

    def desktop(self, user):
        """What the test desktop of this user wrote of itself, or {}."""
        try:
            with open(self.home(user) + "/desktop.json") as report:
                return json.load(report)
        except (OSError, ValueError):
            return {}

    def pids(self, name):
        """Processes of this server with that program name."""
        found = []
        for path in glob.glob("/proc/[0-9]*"):
            with contextlib.suppress(OSError):
                with open(path + "/cmdline", "rb") as source:
                    words = source.read().decode(errors="replace").split("\0")
                if os.path.basename(words[0]) == name and self.owns(int(path[6:]), words):
                    found.append(int(path[6:]))
        return sorted(found)

    def owns(self, pid, words):
        """By its configuration file or by its cgroup."""
        if self.conf in words:
            return True
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cgroup") as source:
            return os.path.basename(self.base) in source.read()
        return False

    def held(self):
        """What the server holds on this host, counted by kind."""
        found = collections.Counter()
        for name in ("lodge-smss", "lodge-broker", "lodge-rdp", "lodge-rdp-worker", "lodge-logon", "lodge-init",
                     "lodge-display", "Xtigervnc"):
            pids = self.pids(name)
            found["processes " + name] = len(pids)
            if name in ("lodge-smss", "lodge-broker", "lodge-rdp"):
                found["descriptors " + name] = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
        with open("/proc/self/mountinfo") as table:
            found["mounts"] = len(table.readlines())
        with open("/proc/net/unix") as table:
            found["sockets"] = sum(self.base in line for line in table)
        found["cgroups"] = sum(1 for root in ("/sys/fs/cgroup", self.run + "/cgroup")
                               for path, _, _ in os.walk(root) if os.path.basename(self.base) in path)
        found["files"] = len(glob.glob(self.run + "/**", recursive=True))
        for kind in ("msg", "sem", "shm"):
            with open("/proc/sysvipc/" + kind) as table:
                found["System V " + kind] = len(table.readlines())
        for folder in ("/dev/shm", "/dev/mqueue"):
            found["files in " + folder] = len(glob.glob(folder + "/*"))
        return found

    def left_behind(self, before):
        """What the server holds more than held() said before, when that has settled: kind -> before and now."""
        def more():
            now = self.held()
            return {kind: (before[kind], now[kind]) for kind in now if now[kind] > before[kind]}
        with contextlib.suppress(AssertionError):
            wait_for("the host has no more than before", lambda: not more())
        return more()

    def stop(self, expect=True):
        """SIGTERM, an orderly end, and nothing left."""
        if self.smss is not None and self.smss.poll() is None:
            self.smss.send_signal(signal.SIGTERM)
            try:
                self.smss.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.smss.kill()
                raise AssertionError("lodge-smss did not end\n" + self.log()) from None
            if expect and self.smss.returncode != 0:
                raise AssertionError(f"lodge-smss ended with {self.smss.returncode}")
            if expect and "lodge-boot was killed" in self.log():
                raise AssertionError("lodge-boot did not do its work:\n" + self.log())

    def remove(self):
        """After stop(): kills what a failed test left, and takes the directories away."""
        end_process(self.smss)
        for name in ("lodge-smss", "lodge-broker", "lodge-rdp", "lodge-rdp-worker", "lodge-logon", "lodge-init"):
            for pid in self.pids(name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        with open("/proc/self/mountinfo") as table:
            mounts = [line.split()[4] for line in table if line.split()[4].startswith(self.base)]
        for mount in reversed(mounts):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.base, ignore_errors=True)


class Screen:
    """An X display that a client shows itself on."""

    def __init__(self, width=1100, height=850):
        self.number = free_display()
        self.server = subprocess.Popen(
            ["Xvfb", f":{self.number}", "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.display = wait_for("Xvfb is up", self.connect)
        self.root = self.display.screen().root

    def connect(self):
        try:
            return xdisplay.Display(f":{self.number}")
        except (xerror.DisplayConnectionError, ConnectionError, OSError):
            return None

    def pixel(self, x, y):
        image = self.root.get_image(x, y, 1, 1, X.ZPixmap, 0xffffffff)
        return image.data[2], image.data[1], image.data[0]

    def image(self, x, y, width, height):
        return self.root.get_image(x, y, width, height, X.ZPixmap, 0xffffffff).data

    def shows(self, colour, x=400, y=300, tolerance=12):
        return all(abs(a - b) <= tolerance for a, b in zip(self.pixel(x, y), colour))

    def key(self, keysym_name, *modifiers):
        keys = [self.display.keysym_to_keycode(XK.string_to_keysym(name)) for name in (*modifiers, keysym_name)]
        for code in keys:
            xtest.fake_input(self.display, X.KeyPress, code)
        for code in reversed(keys):
            xtest.fake_input(self.display, X.KeyRelease, code)
        self.display.sync()

    def type(self, text):
        names = {" ": "space", "\n": "Return", "\t": "Tab", ".": "period"}
        for character in text:
            if character.isupper():
                self.key(character, "Shift_L")
            else:
                self.key(names.get(character, character))

    def click(self, x, y, button=1):
        xtest.fake_input(self.display, X.MotionNotify, x=x, y=y)
        xtest.fake_input(self.display, X.ButtonPress, button)
        xtest.fake_input(self.display, X.ButtonRelease, button)
        self.display.sync()

    def close(self):
        with contextlib.suppress(Exception):
            self.display.close()
        end_process(self.server)


class Client:
    """A real RDP client. /cert:ignore: the certificate is the test's own."""

    def __init__(self, lodge, user=None, password=PASSWORD, size=(800, 600), options=(), program="xfreerdp3",
                 screen=None):
        self.screen = screen or Screen()
        self.own_screen = screen is None
        self.log_path = tempfile.mktemp(prefix="client-", dir=lodge.base)
        command = [program, f"/v:127.0.0.1:{lodge.port}", "/cert:ignore", "-clipboard",
                   f"/size:{size[0]}x{size[1]}", "/log-level:WARN", *options]
        if user is not None:
            command.append("/u:" + user)
        if password is not None:
            command.append("/p:" + password)
        self.home = tempfile.mkdtemp(prefix="client-home-", dir=lodge.base)
        environment = dict(os.environ, DISPLAY=f":{self.screen.number}", HOME=self.home)
        environment.pop("XAUTHORITY", None)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def sees(self, colour, x=400, y=300, deadline=None):
        def look():
            if self.process.poll() is not None:
                raise AssertionError(f"the client ended with {self.process.returncode}:\n{self.log()}")
            return self.screen.shows(colour, x, y)
        wait_for(f"the colour {colour} on the client's screen (it shows {self.screen.pixel(x, y)})", look,
                 deadline)

    def window(self):
        for window in self.screen.root.query_tree().children:
            if window.get_attributes().map_state == X.IsViewable and window.get_geometry().width > 200:
                return window
        return None

    def resize(self, width, height):
        """Its window changes its size, as a person changes it. The client gives it the desktop's new size once more
        when that comes: who resizes again before that has happened may have it undone (is_sized)."""
        wait_for("the client's window", self.window).configure(width=width, height=height)
        self.screen.display.sync()

    def is_sized(self, width, height):
        def sized():
            geometry = self.window().get_geometry()
            return (geometry.width, geometry.height) == (width, height)
        wait_for(f"a client's window of {width}x{height}", sized)

    def ended(self, deadline=None):
        """Waits for the client's end by itself; its exit status."""
        wait_for("the client ends", lambda: self.process.poll() is not None, deadline)
        return self.process.returncode

    def told(self, error_info):
        """True when the client's log names this error info."""
        return re.search(error_info, self.log()) is not None

    def kill(self):
        """The client vanishes without a word."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def close(self):
        end_process(self.process)
        if self.own_screen:
            self.screen.close()


def colour_of(user):
    """The colour that the test desktop of this user has (desktop.py)."""
    value = sum(user.encode()) * 2654435761 & 0xffffffff
    return tuple(64 + (value >> shift & 0x7f) for shift in (0, 8, 16))


class SystemTest(unittest.TestCase):
    """A test with one server, self.lodge, started before it and taken apart after it."""

    settings = {}
    accounts = ("anna", "bert")
    start = True

    def setUp(self):
        self.lodge = Lodge(**self.settings)
        self.addCleanup(self.tear_down)
        self.clients = []
        if self.start:
            for name in self.accounts:
                self.lodge.account(name)
            self.lodge.start()

    def client(self, *arguments, **options):
        client = Client(self.lodge, *arguments, **options)
        self.clients.append(client)
        return client

    def desktop_of(self, user, **options):
        """A client that sees this user's desktop."""
        client = self.client(user, **options)
        client.sees(colour_of(user))
        return client

    def state(self, user, state):
        return wait_for(f"{user} is {state}", lambda: self.lodge.in_state(user, state))

    def no_session(self, user):
        wait_for(f"{user} has no session", lambda: self.lodge.session_of(user) is None)

    def tear_down(self):
        result = self._outcome.result
        failed = any(test is self for test, _ in result.errors + result.failures)
        for client in self.clients:
            if failed:
                sys.stderr.write(f"--- client {client.log_path}\n{client.log()[-3000:]}\n")
            client.close()
        try:
            self.lodge.stop()
        finally:
            if failed or os.environ.get("LODGE_TEST_LOG"):
                sys.stderr.write(f"--- server\n{self.lodge.log()[-12000:]}\n")
            self.lodge.remove()


def host_can():
    """None, or why system tests cannot run here."""
    if os.getuid() != 0:
        return "system tests need root"
    for program in ("Xvfb", "xfreerdp3", "Xtigervnc"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    probe = subprocess.run(["unshare", "--mount", "--ipc", "--uts", "--pid", "--fork", "mount", "-t", "tmpfs",
                            "none", "/mnt"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        return "this host makes no namespaces or mounts: " + probe.stderr.strip()
    with open("/proc/self/mountinfo") as table:
        mounted = " - cgroup2 " in table.read()
    probe = subprocess.run(["unshare", "--mount", "mount", "-t", "cgroup2", "none", "/mnt"], capture_output=True,
                           text=True, check=False)
    if not mounted and probe.returncode != 0:
        return "this host has no cgroup v2: " + probe.stderr.strip()
    return None


def main():
    problem = host_can()
    if problem:
        print("skipped:", problem)
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
