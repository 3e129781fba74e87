"""Drives of real clients in their sessions: what a person does with files there, who may, and that nothing hangs when
one of the processes in between dies."""

import contextlib
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

import harness
from harness import DEADLINE, SystemTest, wait_for

MEMBER = "lodgedrives"
NAMES = ("plain.txt", "Größe – überall.txt", "emoji 😀🎉.txt", "日本語", "a b  c", "x" * 120)


def digest(path):
    with open(path, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
            hashlib.sha256(source.read()).hexdigest()


class Inside:
    """Programs in a user's session: in the mount namespace of its display agent, as the user."""

    def __init__(self, test, user):
        number = test.state(user, "active")["id"]
        agent = wait_for("the agent", lambda: next(
            (pid for pid in test.lodge.pids("lodge-display")
             if self.environment(pid).get("LODGE_SESSION") == str(number)), None))
        home = self.environment(agent)["HOME"]
        with open(f"/proc/{agent}/status") as source:
            uid, gid = (line.split()[1] for line in source if line.startswith(("Uid:", "Gid:")))
        self.drives = home + "/Drives"
        self.share = self.drives + "/share"
        self.agent = agent
        self.words = ("nsenter", "-t", str(agent), "-m", "-r", "setpriv", f"--reuid={uid}", f"--regid={gid}",
                      "--clear-groups", "env", "-i", "PATH=/usr/bin:/bin", "HOME=" + home, "LANG=C.UTF-8",
                      "/usr/bin/python3", "-W", "ignore", "-c")
        self.test = test

    @staticmethod
    def environment(pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ") as source:
            return dict(one.split("=", 1) for one in source.read().split("\0") if "=" in one)
        return {}

    def start(self, script, *arguments):
        script = "import errno, hashlib, json, os, shutil, stat, sys\nos.chdir('/')\n" + script
        return subprocess.Popen([*self.words, script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def run(self, script, *arguments):
        """A script in the session, with its arguments in sys.argv[1:]; what it prints, as JSON."""
        process = self.start(script, *arguments)
        output, errors = process.communicate(timeout=DEADLINE)
        if process.returncode != 0:
            raise AssertionError(f"{script}: {process.returncode} {output}{errors}")
        return json.loads(output) if output else None

    def names(self, path=None):
        return self.run("""
try: print(json.dumps(sorted(os.listdir(sys.argv[1]))))
except OSError as error: print(json.dumps(error.errno))""", path or self.share)

    def sees_share(self):
        wait_for("the drive is in the session", lambda: self.names(self.drives) == ["share"])
        return self


class Drives(SystemTest):
    def setUp(self):
        super().setUp()
        self.folder = self.lodge.base + "/share"
        os.mkdir(self.folder)

    def client_of(self, user, folder=None):
        return self.desktop_of(user, options=(f"/drive:share,{folder or self.folder}",))

    def inside(self, user="anna"):
        self.client_of(user)
        return Inside(self, user).sees_share()

    def put(self, name, data):
        with open(os.path.join(self.folder, name), "wb") as out:
            out.write(data)

    def got(self, name):
        with open(os.path.join(self.folder, name), "rb") as source:
            return source.read()


class Files(Drives):
    def test_files(self):
        there = self.inside()
        for part in (self.names_modes_and_many_files, self.a_large_file_both_ways, self.what_a_person_does):
            with self.subTest(part.__name__):
                for name in os.listdir(self.folder):
                    path = os.path.join(self.folder, name)
                    shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
                wait_for("the folder is empty", lambda: there.names() == [])
                part(there)

    def what_a_person_does(self, there):
        self.put("from-client", b"hello from the client\n")
        there.run("""
share = sys.argv[1]
assert open(share + "/from-client").read() == "hello from the client\\n"
with open(share + "/made", "w") as out: out.write("one\\n")
with open(share + "/made", "a") as out: out.write("two\\n")
assert open(share + "/made").read() == "one\\ntwo\\n"
os.truncate(share + "/made", 4)
assert os.stat(share + "/made").st_size == 4
with open(share + "/made", "r+") as out: out.seek(2); out.write("E")
os.rename(share + "/made", share + "/renamed")
with open(share + "/other", "w") as out: out.write("other")
os.replace(share + "/other", share + "/replaced")
with open(share + "/other", "w") as out: out.write("newer")
os.replace(share + "/other", share + "/replaced")
os.makedirs(share + "/a/b/c")
with open(share + "/a/b/c/deep", "wb") as out: out.write(b"x" * 100000)
os.rename(share + "/a/b", share + "/moved")
try: os.rmdir(share + "/moved"); assert False
except OSError as error: assert error.errno == errno.ENOTEMPTY, error
os.rmdir(share + "/a")
os.remove(share + "/from-client")
with open(share + "/copied", "w") as out: out.write("short")
with open(share + "/copied", "w") as out: out.write("s")
os.utime(share + "/renamed", (1000000000, 1234567890))
assert os.stat(share + "/renamed").st_mtime == 1234567890
try: os.stat(share + "/nothing"); assert False
except FileNotFoundError: pass
try: os.open(share + "/replaced", os.O_CREAT | os.O_EXCL); assert False
except FileExistsError: pass
space = os.statvfs(share)
assert space.f_blocks > space.f_bavail > 0, space
with open(share + "/sparse", "wb") as out: out.seek(5 << 30); out.write(b"end")
with open(share + "/sparse", "rb") as source: source.seek(5 << 30); assert source.read() == b"end"
""", there.share)
        self.assertEqual(self.got("renamed"), b"onE\n")
        self.assertEqual(self.got("replaced"), b"newer")
        self.assertEqual(self.got("copied"), b"s")
        self.assertEqual(self.got("moved/c/deep"), b"x" * 100000)
        self.assertEqual(os.stat(self.folder + "/renamed").st_mtime, 1234567890)
        self.assertEqual(os.stat(self.folder + "/sparse").st_size, (5 << 30) + 3)
        self.assertEqual(sorted(os.listdir(self.folder)), ["copied", "moved", "renamed", "replaced", "sparse"])

    def names_modes_and_many_files(self, there):
        for name in NAMES:
            self.put(name, name.encode())
        self.put("read-only", b"fixed")
        os.chmod(self.folder + "/read-only", 0o444)
        os.mkdir(self.folder + "/many")
        for number in range(2000):
            self.put(f"many/file {number:04}", b"." * number)
        self.assertEqual(there.names(), sorted([*NAMES, "many", "read-only"]))
        refused = there.run("""
share, names = sys.argv[1], json.loads(sys.argv[2])
for name in names:
    assert open(share + "/" + name).read() == name, name
    with open(share + "/new " + name, "w") as out: out.write(name)
assert stat.S_IMODE(os.stat(share + "/read-only").st_mode) == 0o444
try: open(share + "/read-only", "w"); assert False
except PermissionError: pass
os.chmod(share + "/read-only", 0o644)
with open(share + "/read-only", "a") as out: out.write(" now")
os.chmod(share + "/read-only", 0o400)
assert stat.S_IMODE(os.stat(share + "/read-only").st_mode) == 0o444
sizes = {one.name: one.stat().st_size for one in os.scandir(share + "/many")}
assert sizes == {"file %04d" % number: number for number in range(2000)}, len(sizes)
refused = {}
for name in ("a\\\\b", "a:b", "what?", "*", "a<b", "a|b", "dot.", "space ", "NUL", "com1.txt", "\\x01", "x" * 256):
    try: open(share + "/" + name, "w"); refused[name] = 0
    except OSError as error: refused[name] = error.errno
print(json.dumps(refused))""", there.share, json.dumps(NAMES))
        self.assertEqual({name: error for name, error in refused.items() if error not in (22, 36)}, {})
        for name in NAMES:
            self.assertEqual(self.got("new " + name), name.encode())
        self.assertEqual(self.got("read-only"), b"fixed now")
        self.assertEqual(os.stat(self.folder + "/read-only").st_mode & 0o222, 0)

    def a_large_file_both_ways(self, there):
        self.put("large", os.urandom(64 << 20))
        there.run("shutil.copyfile(sys.argv[1] + '/large', sys.argv[1] + '/back')", there.share)
        self.assertEqual(digest(self.folder + "/large"), digest(self.folder + "/back"))


class Allowed(Drives):
    def redirected(self, user):
        session = json.loads(self.lodge.done("show", str(self.state(user, "active")["id"]), "--json"))
        return "drives" in json.dumps(session.get("client", session))

    def test_by_group(self):
        subprocess.run(["userdel", "-r", MEMBER], capture_output=True, check=False)
        subprocess.run(["useradd", "-m", "-U", "-s", "/bin/bash", MEMBER], check=True)
        self.addCleanup(subprocess.run, ["userdel", "-r", MEMBER], capture_output=True, check=False)
        subprocess.run(["chpasswd"], input=f"{MEMBER}:{harness.PASSWORD}\n", text=True, check=True)
        self.lodge.settings[f"Group {MEMBER}", "Drives"] = 1
        self.lodge.set(Sessions_Drives=0)
        self.lodge.done("policy", "reload")
        self.client_of("anna")
        self.client_of(MEMBER)
        Inside(self, MEMBER).sees_share()
        wait_for("it is shown", lambda: self.redirected(MEMBER))
        there = Inside(self, "anna")
        self.assertEqual(there.run("print(json.dumps(os.path.exists(sys.argv[1])))", there.drives), False)
        self.assertEqual(len(self.lodge.pids("lodge-drives")), 1)
        self.assertFalse(self.redirected("anna"))

    def test_two_sessions_never_see_each_others_drives(self):
        os.mkdir(self.lodge.base + "/berts")
        with open(self.lodge.base + "/berts/berts-file", "w"):
            pass
        self.put("annas-file", b"")
        anna = self.inside()
        self.client_of("bert", self.lodge.base + "/berts")
        bert = Inside(self, "bert").sees_share()
        self.assertEqual(anna.names(), ["annas-file"])
        self.assertEqual(bert.names(), ["berts-file"])
        for place, mounts in (("self", 0), (anna.agent, 1), (bert.agent, 1)):
            with open(f"/proc/{place}/mountinfo") as table:
                self.assertEqual(table.read().count("lodge-drives"), mounts, "mounts are the session's own")


class Ends(Drives):
    """A reader and a writer are under way, and waiting, when something dies: they end with errors, soon."""

    READER = """
fd = os.open(sys.argv[1], os.O_RDONLY)
print("begun", flush=True)
try:
    while True:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.lseek(fd, 0, 0)
        while os.read(fd, 1 << 20): pass
except OSError as error: print(error.errno)"""
    WRITER = """
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
print("begun", flush=True)
try:
    while True: os.pwrite(fd, b"x" * (1 << 20), 0)
except OSError as error: print(error.errno)"""

    def under_way(self, there):
        self.put("read", b"y" * (8 << 20))
        programs = [there.start(self.READER, there.share + "/read"), there.start(self.WRITER, there.share + "/written")]
        for program in programs:
            self.addCleanup(program.communicate)
            self.addCleanup(program.kill)
            self.assertEqual(program.stdout.readline(), "begun\n")
        return programs

    def end_with_errors(self, programs):
        for program in programs:
            output, errors = program.communicate(timeout=10)
            self.assertRegex(output, r"^\d+\n$", errors)

    def killed(self, name):
        there = self.inside()
        programs = self.under_way(there)
        victims = self.lodge.pids(name)
        if name == "lodge-rdp-worker":
            victims = victims[1:]  # the first is their zygote
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        self.end_with_errors(programs)
        return there

    def test_the_program_killed_a_client_that_is_silent_and_a_logoff(self):
        there = self.killed("lodge-drives").sees_share()
        self.assertIn("read", there.names())
        self.a_client_that_says_nothing(there)
        self.the_program_is_asked_to_end(there)
        there.sees_share()
        self.under_way(there)
        self.lodge.done("logoff", str(self.state("anna", "active")["id"]))
        self.no_session("anna")
        self.assertEqual(self.lodge.pids("lodge-drives"), [])

    def a_client_that_says_nothing(self, there):
        """Who is to be killed is not kept."""
        os.kill(self.clients[-1].process.pid, signal.SIGSTOP)
        program = there.start("print('begun', flush=True)\nos.listdir(sys.argv[1])", there.share)
        self.addCleanup(program.communicate)
        self.assertEqual(program.stdout.readline(), "begun\n")
        program.kill()
        program.wait(10)
        os.kill(self.clients[-1].process.pid, signal.SIGCONT)
        wait_for("files are seen again", lambda: "read" in there.names())

    def the_program_is_asked_to_end(self, there):
        """As at a logoff: a file that is open can be written to its end."""
        program = there.start("""
out = open(sys.argv[1], "w")
print("begun", flush=True)
sys.stdin.readline()
out.write("to the end")
out.close()
print("done")""", there.share + "/last")
        self.assertEqual(program.stdout.readline(), "begun\n")
        victim, = self.lodge.pids("lodge-drives")
        os.kill(victim, signal.SIGTERM)
        self.assertEqual(program.communicate("now\n", timeout=10)[0], "done\n")
        wait_for("it has ended", lambda: victim not in self.lodge.pids("lodge-drives"))
        self.assertEqual(self.got("last"), b"to the end")

    def test_the_agent_killed(self):
        self.killed("lodge-display")
        there = wait_for("the new agent", lambda: self.agent_of("anna"))
        there.sees_share()

    def agent_of(self, user):
        with contextlib.suppress(AssertionError, StopIteration):
            return Inside(self, user)
        return None

    def test_the_worker_killed_and_another_client(self):
        there = self.killed("lodge-rdp-worker")
        self.clients[-1].kill()
        self.state("anna", "disconnected")
        wait_for("the mount has gone", lambda: there.names(there.drives) == [])
        self.client_of("anna")
        there.sees_share()
        self.assertIn("read", there.names())


class Reasons(Drives):
    def test_a_folder_that_is_in_use(self):
        self.desktop_of("anna")
        there = Inside(self, "anna")
        there.run("os.mkdir(sys.argv[1]); open(sys.argv[1] + '/own', 'w')", there.drives)
        self.clients[-1].kill()
        self.client_of("anna")
        self.assertEqual(there.names(there.drives), ["own"])
        wait_for("the other folder", lambda: there.names(there.drives + " (client)") == ["share"])


class PlayedWorker(unittest.TestCase):
    """lodge-drives by itself, in a mount namespace of its own, with a worker and a client that the test plays."""

    ADD, ANSWER, CREATE, DIRECTORY = 1, 3, 0, 12

    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="lodgedrives", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.home, True)
        self.worker, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(self.worker.close)
        with its:
            self.program = subprocess.Popen(
                [shutil.which("unshare"), "-m", harness.BIN + "/lodge-drives", "--redirect", "4"], stdin=its, stderr=subprocess.PIPE,
                env={"HOME": self.home, "PATH": self.path(), "XDG_RUNTIME_DIR": self.home})
        self.addCleanup(self.finish, self.program)
        self.worker.settimeout(DEADLINE)
        self.worker.send(struct.pack("<BI8s", self.ADD, 1, b"C:"))

    def path(self):
        return os.environ["PATH"]

    def inside(self, *words):
        process = subprocess.Popen(["nsenter", "-t", str(self.program.pid), "-m", "-r", *words], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self.finish, process)
        return process

    @staticmethod
    def finish(process):
        with process:
            process.kill()

    def mounted(self):
        def look():
            with open(f"/proc/{self.program.pid}/mountinfo") as table:
                return self.home + "/Drives " in table.read()
        wait_for("it is mounted", look)

    def answer(self, tag, status, body=b""):
        self.worker.send(struct.pack("<BII", self.ANSWER, tag, status) + body)

    def request(self):
        packet = self.worker.recv(65536)
        _, tag, _, _, major, _ = struct.unpack_from("<BIIIII", packet)
        return tag, major

    @staticmethod
    def entry(name):
        head = struct.pack("<IIQQQQQQII", 0, 0, *[116444736000000000] * 4, 5, 5, 0x80, len(name))
        body = head + struct.pack("<IB", 0, 0) + bytes(24) + name
        return struct.pack("<I", len(body)) + body

    def answers(self, entries, process):
        """Plays a client with one folder that has these entries, until the process ends."""
        entries = list(entries)
        while process.poll() is None:
            if not select.select([self.worker], [], [], 0.05)[0]:
                continue
            tag, major = self.request()
            if major == self.CREATE:
                self.answer(tag, 0, struct.pack("<IB", 7, 1))
            elif major == self.DIRECTORY:
                self.answer(tag, 0, self.entry(entries.pop(0))) if entries else self.answer(tag, 0x80000006, bytes(5))
            elif major == 5:  # of the drive itself
                self.answer(tag, 0, struct.pack("<IQQQQI", 36, 0, 0, 0, 0, 0x10))
            else:
                self.answer(tag, 0, bytes(5))


class Played(PlayedWorker):
    def test_hostile_names_lead_nowhere(self):
        self.mounted()
        bad = ["..", ".", "", "../x", "a/b", "a\\b", "/etc/passwd", "nul\0", "\n", "x" * 300]
        entries = [name.encode("utf-16le") for name in [*bad, "good", "ö😀"]]
        entries += [b"\x3d\xd8", b"\x00\xdea\0", b"a\0\x3d\xd8"]  # halves of what is beyond 16 bits
        listing = self.inside("ls", "-A", self.home + "/Drives/C")
        self.answers(entries, listing)
        self.assertEqual(listing.communicate()[0].split(), ["good", "ö😀"])

    def test_malformed_answers_are_errors(self):
        self.mounted()
        listing = self.inside("ls", self.home + "/Drives/C")
        while listing.poll() is None:
            if select.select([self.worker], [], [], 0.05)[0]:
                tag, major = self.request()
                self.answer(tag + 1000, 0, b"x" * 60000)
                self.answer(tag, 0, struct.pack("<IB", 7, 1) if major == self.CREATE else b"\xff" * 50)
        self.assertIn("Input/output error", listing.communicate()[0])

    def test_the_worker_goes_while_a_program_waits(self):
        self.mounted()
        listing = self.inside("ls", self.home + "/Drives/C")
        self.request()
        self.worker.close()
        self.assertIn("Input/output error", listing.communicate(timeout=10)[0])
        self.assertEqual(self.program.wait(10), 0)
        self.assertEqual(os.listdir(self.home + "/Drives"), [])

    def test_a_killed_program_leaves_no_mount(self):
        self.mounted()
        witness = self.inside("sleep", "600")
        table = f"/proc/{witness.pid}/mountinfo"

        def mounted():
            with open(table) as source:
                return self.home + "/Drives " in source.read()
        wait_for("it is in the namespace", mounted)
        self.program.kill()
        wait_for("the mount has gone", lambda: not mounted())


class PlayedWithoutFuse(PlayedWorker):
    def path(self):
        return "/var/empty"

    def test_one_line_and_it_waits(self):
        self.worker.send(struct.pack("<BI8s", self.ADD, 2, b"D:"))
        lines = [self.program.stderr.readline().decode() for _ in range(3)]
        self.assertEqual(sum("fusermount3 (package fuse3) is not installed" in line for line in lines), 1)
        self.assertIsNone(self.program.poll())
        self.worker.close()
        self.assertEqual(self.program.wait(10), 0)
        self.assertEqual(self.program.stderr.read(), b"")
        self.assertEqual(os.listdir(self.home), ["lodge-drives.lock"])


def main():
    fuse = None
    with contextlib.suppress(OSError):
        fuse = os.open("/dev/fuse", os.O_RDWR)
        os.close(fuse)
    if fuse is None or shutil.which("fusermount3") is None:
        print("skipped: /dev/fuse cannot be opened here, or there is no fusermount3 (package fuse3)")
        sys.exit(1 if os.environ.get("LODGE_NEEDS_FUSE") else harness.SKIPPED)
    harness.main()


if __name__ == "__main__":
    main()
