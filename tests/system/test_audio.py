"""Sound between sessions and real clients. A client plays into a sink of the test's own sound server, in which the
tone that a session plays is then looked for; its microphone is another sink's monitor."""

import array
import contextlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import unittest
import wave

import harness
from harness import PASSWORD, SystemTest, colour_of, end_process, wait_for

RATE = 48000
LEVEL = 10000  # of the tones that are played
SECONDS = 40  # they are that long


def tone(path, frequency, seconds=SECONDS):
    """A file with a tone, in stereo."""
    period = array.array("h")
    for frame in range(RATE):
        period.extend([round(LEVEL * math.sin(2 * math.pi * frequency * frame / RATE))] * 2)
    if sys.byteorder == "big":
        period.byteswap()
    with wave.open(path, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        for _ in range(seconds):
            out.writeframes(period.tobytes())
    os.chmod(path, 0o644)


def level_at(samples, frequency):
    """How loud this frequency is in samples, as an amplitude (Goertzel)."""
    factor = 2 * math.cos(2 * math.pi * frequency / RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    return 2 * math.sqrt(max(0.0, last * last + before * before - factor * last * before)) / max(1, len(samples))


class SoundServer:
    """A sound server for clients, with sinks whose sound is written into files as it is played."""

    def __init__(self, base, sinks):
        self.base = base
        os.mkdir(base, 0o700)
        self.environment = dict(harness.service_environment(), HOME=base, XDG_RUNTIME_DIR=base,
                                DBUS_SESSION_BUS_ADDRESS="disabled:", PULSE_SERVER=f"unix:{base}/pulse/native")
        modules = ["module-native-protocol-unix auth-cookie-enabled=0"]
        modules += [f"module-null-sink sink_name={sink} rate={RATE} channels=2 format=s16le" for sink in sinks]
        self.processes = [subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--realtime=no", "--high-priority=no",
             "--log-level=error", *(word for module in modules for word in ("-L", module))],
            env=self.environment, stdin=subprocess.DEVNULL)]
        wait_for("the client's sound server answers", lambda: self.run("pactl", "info").returncode == 0)
        for sink in sinks:
            with open(self.file(sink), "wb") as out:
                self.processes.append(subprocess.Popen(
                    ["parec", "--raw", f"--rate={RATE}", "--channels=1", "--format=s16le", "--latency-msec=20",
                     "-d", sink + ".monitor"], env=self.environment, stdout=out, stdin=subprocess.DEVNULL))
        for sink in sinks:
            wait_for("the sink is listened to", lambda name=sink: os.path.getsize(self.file(name)) > 0)

    def file(self, sink):
        return f"{self.base}/{sink}.raw"

    def run(self, *command):
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=30)

    def start(self, *command):
        self.processes.append(subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL))

    def close(self):
        for process in reversed(self.processes):
            end_process(process)


def last_samples(path, seconds=0.4):
    samples = array.array("h")
    with contextlib.suppress(OSError), open(path, "rb") as source:
        source.seek(0, os.SEEK_END)
        size = source.tell() // 2 * 2
        source.seek(max(0, size - int(RATE * seconds) * 2))
        samples.frombytes(source.read(min(size, int(RATE * seconds) * 2)) if size else b"")
    if sys.byteorder == "big":
        samples.byteswap()
    return samples if len(samples) == int(RATE * seconds) else array.array("h")


class Audio(SystemTest):
    """The desktop runs what it reads from a FIFO in its home."""

    accounts = ()
    users = ("anna",)
    sinks = ("anna",)
    start = False

    def setUp(self):
        super().setUp()
        desktop, plain = self.lodge.base + "/desktop-with-orders", self.lodge.base + "/desktop"
        with open(desktop, "w") as script:
            script.write('#!/bin/sh\nmkfifo "$HOME/orders"\n(while :; do sh "$HOME/orders"; done) >/dev/null &\n'
                         f'exec {plain}\n')
        os.chmod(desktop, 0o755)
        self.lodge.set(Sessions_Desktop=desktop)
        self.sound = SoundServer(self.lodge.base + "/sound", self.sinks)
        self.addCleanup(self.sound.close)
        self.homes = {user: self.lodge.home(user) for user in self.users}
        for user in self.users:
            self.lodge.account(user)
        self.prepare()
        self.lodge.start()

    def prepare(self):
        """What a test needs before the server starts."""

    def sound_client(self, user, sink=None, sound="sys:pulse"):
        """A client with sound, in the sink of this user's name or another, that sees the desktop of this user."""
        with environment(PULSE_SERVER=self.sound.environment["PULSE_SERVER"], PULSE_SINK=sink or user,
                         PULSE_SOURCE="microphone.monitor"):
            client = self.client(user, options=["/sound:" + sound, "/microphone:sys:pulse"])
        client.sees(colour_of(user))
        return client

    def order(self, user, command):
        """Has the session of this user run a command."""
        path = self.homes[user] + "/orders"
        wait_for("the desktop takes orders", lambda: os.path.exists(path))
        with open(path, "w") as orders:
            orders.write(command + "\n")

    def play(self, user, frequency):
        """Until stop_playing(); a player that finds no sound server yet tries again."""
        path = f"{self.lodge.base}/{frequency}.wav"
        if not os.path.exists(path):
            tone(path, frequency)
        self.order(user, f"until paplay {path} & echo $! >$HOME/playing; wait $!; do sleep 0.1; "
                         "[ -e $HOME/playing ] || break; done &")

    def stop_playing(self, user):
        self.order(user, "kill $(cat $HOME/playing); rm $HOME/playing")

    def after(self, sink, seconds):
        """Waits until the sink has played so much more: its clock is that of the sound."""
        end = os.path.getsize(self.sound.file(sink)) + int(seconds * RATE) * 2
        wait_for("the sink plays on", lambda: os.path.getsize(self.sound.file(sink)) >= end)

    def hears(self, sink, frequency, other=None):
        """Waits until the sink plays this tone, as loud as it was played, and nothing of the other one; by what it
        plays from now on."""
        self.after(sink, 0.5)

        def is_heard():
            samples = last_samples(self.sound.file(sink))
            return 0.8 * LEVEL < level_at(samples, frequency) < 1.2 * LEVEL and \
                (other is None or level_at(samples, other) < 0.02 * LEVEL)
        wait_for(f"{frequency} Hz in the sink of {sink}", is_heard)

    def is_silent(self, sink):
        samples = last_samples(self.sound.file(sink))
        return len(samples) > 0 and max(samples) == min(samples) == 0

    def lodge_audio(self):
        return next(iter(self.lodge.pids("lodge-audio")), None)

    def wakes(self):
        """How often lodge-audio has been on a processor."""
        with open(f"/proc/{self.lodge_audio()}/status") as status:
            return sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)

    def sleeps(self):
        before = self.wakes()
        self.after("anna", 1)
        return self.wakes() == before

    def redirected(self, user):
        session = self.lodge.session_of(user)
        return json.loads(self.lodge.done("show", str(session["id"]), "--json"))["client"]["redirects"]

    def is_redirected(self, user, *words):
        wait_for(f"redirected is {words}", lambda: sorted(
            one for one in self.redirected(user) if one.startswith("audio")) == sorted(words))


@contextlib.contextmanager
def environment(**variables):
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Playback(Audio):
    def test_sound_goes_on(self):
        """Through the death of lodge-audio, and from one client to the next; and when it is over all is quiet."""
        self.sound_client("anna")
        self.play("anna", 440)
        self.hears("anna", 440)
        self.is_redirected("anna", "audio playback")  # and not its microphone
        players = self.lodge.pids("paplay")
        first = self.lodge_audio()
        os.kill(first, signal.SIGKILL)
        wait_for("there is another lodge-audio", lambda: self.lodge_audio() not in (None, first))
        self.hears("anna", 440)

        client = self.sound_client("anna", sound="sys:pulse,rate:44100,channel:2")  # it takes over
        self.assertNotEqual(self.clients[0].ended(), 0)
        self.hears("anna", 440)

        client.close()
        wait_for("nothing is heard where nobody is connected", lambda: self.is_silent("anna"))
        wait_for("lodge-audio has ended", lambda: self.lodge_audio() is None)
        self.sound_client("anna")
        self.hears("anna", 440)
        self.assertEqual(self.lodge.pids("paplay"), players)

        self.stop_playing("anna")
        wait_for("it is silent", lambda: self.is_silent("anna"))
        wait_for("lodge-audio sleeps", self.sleeps)
        self.play("anna", 700)
        self.hears("anna", 700, other=440)

        server = self.lodge.pids("pulseaudio")
        os.kill(server[0], signal.SIGKILL)  # the player tries again until there is another
        wait_for("there is another sound server", lambda: self.lodge.pids("pulseaudio") not in ([], server))
        self.hears("anna", 700, other=440)


class TwoSessions(Audio):
    users = ("anna", "bert")
    sinks = ("anna", "bert")

    def test_they_never_mix(self):
        self.sound_client("anna")
        self.sound_client("bert")
        self.play("anna", 440)
        self.play("bert", 700)
        for _ in range(2):
            self.hears("anna", 440, other=700)
            self.hears("bert", 700, other=440)


class OfAGroup(Audio):
    """Not allowed, but for the members of a group."""
    member = "lodgetest4"
    settings = {"Sessions_AudioPlayback": 0}

    def prepare(self):
        subprocess.run(["userdel", "-r", self.member], capture_output=True, check=False)
        subprocess.run(["useradd", "-m", "-U", "-s", "/bin/bash", self.member], check=True)
        self.addCleanup(subprocess.run, ["userdel", "-r", self.member], capture_output=True, check=False)
        subprocess.run(["chpasswd"], input=f"{self.member}:{PASSWORD}\n", text=True, check=True)
        self.homes[self.member] = "/home/" + self.member
        self.lodge.settings[f"Group {self.member}", "AudioPlayback"] = 1
        self.lodge.set()

    def test_who_may_hear(self):
        self.sound_client("anna")
        self.is_redirected("anna")
        self.after("anna", 1)
        self.assertIsNone(self.lodge_audio())
        self.clients[0].close()
        self.sound_client(self.member, sink="anna")
        self.play(self.member, 440)
        self.hears("anna", 440)


class OtherServers(Audio):
    """Sessions for which less is installed."""
    without = ("pulseaudio",)

    def prepare(self):
        programs = self.lodge.base + "/bin"
        os.mkdir(programs)
        for folder in ("/usr/bin", "/bin"):
            for name in os.listdir(folder):
                if name not in self.without and not os.path.lexists(f"{programs}/{name}"):
                    os.symlink(f"{folder}/{name}", f"{programs}/{name}")
        self.lodge.set(Environment_PATH=programs)


class Pipewire(OtherServers):
    @unittest.skipUnless(all(map(shutil.which, ("pipewire", "wireplumber", "pipewire-pulse"))),
                         "pipewire, wireplumber and pipewire-pulse are not installed")
    def test_sound_and_quiet(self):
        self.sound_client("anna")
        self.play("anna", 440)
        self.hears("anna", 440)
        self.stop_playing("anna")
        wait_for("it is silent", lambda: self.is_silent("anna"))
        wait_for("lodge-audio sleeps", self.sleeps)
        self.play("anna", 700)
        self.hears("anna", 700, other=440)


class NoServer(OtherServers):
    without = ("pulseaudio", "pipewire", "pipewire-pulse", "wireplumber")

    def test_it_is_said_once(self):
        self.sound_client("anna")
        said = "the session has no sound server"
        wait_for("the log says so", lambda: said in self.lodge.log())
        self.is_redirected("anna")
        wait_for("lodge-audio has ended", lambda: not self.lodge.pids("lodge-audio"))
        self.after("anna", 1)
        self.assertEqual(self.lodge.log().count(said), 1)
        self.assertEqual(self.lodge.pids("lodge-audio"), [])


class Capture(Audio):
    settings = {"Sessions_AudioCapture": 1}
    sinks = ("anna", "microphone")

    def records(self):
        """Whether the client has its microphone open."""
        return "freerdp" in self.sound.run("pactl", "list", "source-outputs").stdout.lower()

    def record(self):
        self.order("anna", "until pactl get-source-volume lodge-microphone >/dev/null 2>&1; do sleep 0.1; done\n"
                           "parec -d lodge-microphone --raw --rate=48000 --channels=1 --format=s16le "
                           "--latency-msec=20 >$HOME/recorded & echo $! >$HOME/recorder")

    def records_on(self):
        """Waits until the program in the session has recorded so much that only new sound counts."""
        path = self.homes["anna"] + "/recorded"
        end = os.path.getsize(path) + RATE * 2
        wait_for("the program records on", lambda: os.path.getsize(path) >= end)

    def hears_microphone(self, frequency):
        def is_heard():
            level = level_at(last_samples(self.homes["anna"] + "/recorded"), frequency)
            return 0.7 * LEVEL < level < 1.3 * LEVEL
        wait_for(f"{frequency} Hz from the microphone", is_heard)

    def test_only_while_a_program_records(self):
        tone(self.lodge.base + "/300.wav", 300)
        self.sound.start("paplay", "-d", "microphone", self.lodge.base + "/300.wav")
        self.sound_client("anna")
        self.is_redirected("anna", "audio playback", "audio capture")
        self.assertFalse(self.records())
        for count in range(2):
            self.record()
            wait_for("the client's microphone is open", self.records)
            self.hears_microphone(300)
            if count == 0:  # who records hears on
                first = self.lodge_audio()
                os.kill(first, signal.SIGKILL)
                wait_for("there is another lodge-audio", lambda one=first: self.lodge_audio() not in (None, one))
                self.records_on()
                self.hears_microphone(300)
            self.order("anna", "kill $(cat $HOME/recorder)")
            wait_for("the client's microphone is closed", lambda: not self.records())
            os.unlink(self.homes["anna"] + "/recorded")


if __name__ == "__main__":
    if shutil.which("pulseaudio") is None or shutil.which("parec") is None:
        print("skipped: pulseaudio and pulseaudio-utils are not installed")
        sys.exit(harness.SKIPPED)
    harness.main()
