"""What lodge-smss does before it serves: each step tells what came of it, and a failed one has its answer."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import time

import harness
from harness import SystemTest, wait_for


class Boot(SystemTest):
    """The server is started by each test, which says with what."""

    accounts = ()
    start = False

    def boot(self):
        return json.loads(self.lodge.done("boot", "--json"))

    def step(self, name):
        return next(step for step in self.boot()["steps"] if step["name"] == name)

    def run_to_the_end(self):
        """A start that is refused: its exit status."""
        self.lodge.start(wait=False)
        return self.lodge.smss.wait(harness.DEADLINE)

    def is_accepting(self):
        return wait_for("logons are accepted", lambda: self.lodge.ctl("boot").returncode == 0 and
                        self.boot()["accepting"] and self.boot())

    def details(self, name):
        result = self.lodge.done("events", "--json", "-n", "200", "--event", name)
        return [event["detail"] for event in json.loads(result)["events"]]

    def sees(self, name, word):
        wait_for(f"event {name}: {word}", lambda: any(word in detail for detail in self.details(name)))


class Steps(Boot):
    def test_time_and_pictures(self):
        self.lodge.start()
        self.is_accepting()
        self.lodge.stop()
        self.assertIn("logons are accepted after", self.lodge.done("boot"))  # with nothing running
        self.lodge.start()
        boot = self.is_accepting()
        names = [step["name"] for step in boot["steps"]]
        self.assertEqual(names, ["users", "folders", "lock", "cgroups", "sm.port", "display", "IDs", "Environment",
                                 "DosDevices", "CrashRecords", "PendingFileRename", "BootExecute", "PagingFiles",
                                 "SubSystems", "broker", "listener"])
        self.assertFalse(boot["degraded"])
        print(f"\naccepting logons after {boot['ready_us'] / 1000:.1f} ms")
        # On two processors that others use, too; the number for a quiet machine is 300 ms.
        self.assertLess(boot["ready_us"], 3_000_000)
        self.assertIn("<svg ", self.lodge.done("boot", "--svg"))
        self.assertEqual(os.stat(self.lodge.run + "/boot").st_mode & 0o777, 0o644)
        self.sees("boot", "logons are accepted after")
        for name in names[7:14]:
            self.sees("boot-step", name + ": ")

    def test_a_failed_frame_is_told(self):
        self.lodge.set(Server_BrokerUser="nobody-of-that-name")
        self.assertEqual(self.run_to_the_end(), 1)
        boot = self.boot()
        self.assertTrue(boot["stopped"])
        self.assertEqual([(step["name"], step["result"]) for step in boot["steps"]], [("users", "stopped")])

    def test_a_second_server_leaves_the_file_alone(self):
        self.lodge.start()
        before = self.is_accepting()
        second = subprocess.run([harness.BIN + "/lodge-smss", "--config", self.lodge.conf], capture_output=True,
                                text=True, timeout=harness.DEADLINE, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertEqual(self.boot(), before)

    def test_a_refused_variable(self):
        self.lodge.set(Environment_LD_PRELOAD="/tmp/x.so")
        self.assertEqual(self.run_to_the_end(), 1)
        self.assertIn("LD_PRELOAD is refused", self.lodge.log())


class Sections(Boot):
    accounts = ("anna",)
    start = True
    settings = {"Environment_COMPANY": "Example", "Environment_SHARE": "/srv/%COMPANY%", "Environment_LANG": "C.UTF-8",
                "DosDevices_COM1": "/dev/null", "DosDevices_LPT1": "COM1", "DosDevices_ROUND": "CIRCLE",
                "DosDevices_CIRCLE": "ROUND", "DosDevices_NOWHERE": "/dev/there-is-none"}

    def test_variables_and_devices(self):
        boot = self.is_accepting()
        self.assertTrue(boot["degraded"])
        detail = self.step("DosDevices")["detail"]
        for word in ("ROUND goes round in a circle", "CIRCLE goes round", "NOWHERE leads nowhere"):
            self.assertIn(word, detail)
        self.sees("boot-step-failed", "DosDevices: failed, degraded")
        self.sees("boot", "degraded")
        folder = self.lodge.run + "/devices"
        self.assertEqual(sorted(os.listdir(folder)), ["COM1", "LPT1", "NOWHERE"])
        self.assertEqual(os.path.realpath(folder + "/LPT1"), "/dev/null")
        with open(f"/proc/{self.lodge.pids('lodge-broker')[0]}/environ") as environment:
            self.assertIn("SHARE=/srv/Example", environment.read().split("\0"))
        self.desktop_of("anna")
        report = wait_for("the desktop's report", lambda: self.lodge.desktop("anna"))
        self.assertEqual(report["environment"]["SHARE"], "/srv/Example")
        self.assertNotIn("LODGE_VARIABLES", report["environment"])
        own = f"/proc/{self.host_pid()}/root" + report["environment"]["LODGE_DEVICES"]
        self.assertEqual(sorted(os.listdir(own)), ["COM1", "LPT1", "NOWHERE"])
        self.assertTrue(os.readlink(own + "/LPT1").endswith("/devices/LPT1"))
        self.assertEqual(os.stat(own + "/LPT1").st_rdev, os.stat("/dev/null").st_rdev)
        # The user's own name takes its place, in this session alone.
        uid = report["uid"]
        subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={os.stat(own).st_gid}", "--clear-groups", "sh", "-c",
                        f"ln -sf /dev/zero {own}/COM1"], check=True)
        self.assertEqual(os.stat(own + "/COM1").st_rdev, os.stat("/dev/zero").st_rdev)
        self.assertEqual(os.path.realpath(folder + "/COM1"), "/dev/null")
        # Lodge's own folder is not the user's.
        result = subprocess.run(["setpriv", f"--reuid={uid}", "--clear-groups", "sh", "-c",
                                 f"ln -sf /dev/zero {folder}/COM1"], capture_output=True, check=False)
        self.assertNotEqual(result.returncode, 0)

    def host_pid(self):
        """The X server of the one session, seen from the host."""
        return self.lodge.pids("Xtigervnc")[0]


class Renames(Boot):
    def put(self, name, text):
        with open(f"{self.lodge.state}/{name}", "w") as out:
            out.write(text)

    def get(self, name):
        with contextlib.suppress(FileNotFoundError), open(f"{self.lodge.state}/{name}") as source:
            return source.read()
        return None

    def pend(self, *words):
        return self.lodge.done("pend", *words)

    def test_at_boot(self):
        state = self.lodge.state
        self.put("new", "new")
        self.put("old", "old")
        self.put("waste", "")
        self.pend("rename", state + "/new", state + "/old")
        self.pend("delete", state + "/waste")
        self.pend("delete", state + "/missing")
        self.pend("rename", state + "/old", state + "/older")
        number = json.loads(self.pend("list", "--json"))["operations"][3]["number"]
        self.pend("cancel", str(number))
        for words in (("delete", "/etc/passwd"), ("rename", state + "/a", "/etc/x"), ("delete", state + "/../x"),
                      ("cancel", "99")):
            self.assertEqual(self.lodge.ctl("pend", *words).returncode, 1, words)
        self.lodge.start()
        self.assertEqual(self.get("old"), "new")
        self.assertIsNone(self.get("new"))
        self.assertIsNone(self.get("waste"))
        self.assertEqual(json.loads(self.pend("list", "--json"))["operations"], [])
        self.assertEqual(self.step("PendingFileRename")["result"], "degraded")
        self.sees("pending-file", f"rename {state}/new to {state}/old")
        self.sees("pending-file-failed", f"{state}/missing: No such file")

    def test_stop(self):
        state = self.lodge.state
        self.put("a", "a")
        self.pend("delete", state + "/missing")
        self.pend("delete", state + "/a")
        self.lodge.set(Boot_OnPendingFileRename="stop")
        self.assertEqual(self.run_to_the_end(), 1)
        self.assertTrue(self.boot()["stopped"])
        self.assertEqual(len(json.loads(self.pend("list", "--json"))["operations"]), 2)
        self.assertEqual(self.get("a"), "a")
        self.pend("cancel", "all")
        self.lodge.start()
        self.assertFalse(self.is_accepting()["degraded"])


class Execute(Boot):
    def test_answers(self):
        mark = self.lodge.base + "/mark"
        self.lodge.set(BootExecute_first=f"echo out of $LODGE_STATE; echo x >> {mark}",
                       BootExecute_second=f"grep -q x {mark} && sleep 600 & exit 4")
        self.lodge.start()
        self.assertTrue(self.is_accepting()["degraded"])
        self.assertEqual(self.step("BootExecute")["detail"], "second ended with status 4")
        self.sees("boot-execute", f"out of {self.lodge.state}")
        self.sees("boot-execute-failed", "second ended with status 4")
        self.lodge.stop()
        self.lodge.set(Boot_OnBootExecute="stop")
        self.assertEqual(self.run_to_the_end(), 1)
        self.assertTrue(self.boot()["stopped"])
        self.lodge.set(Boot_OnBootExecute="ignore", Boot_BootExecuteSeconds=1, BootExecute_second="sleep 600")
        self.lodge.start()
        self.assertFalse(self.is_accepting()["degraded"])
        self.assertEqual(self.step("BootExecute")["result"], "ignored")

    def test_ended_while_it_boots(self):
        self.lodge.set(BootExecute_long=f"touch {self.lodge.base}/begun; sleep 600 & sleep 600",
                       Boot_BootExecuteSeconds=600)
        self.lodge.start(wait=False)
        wait_for("the command runs", lambda: os.path.exists(self.lodge.base + "/begun"))
        self.lodge.smss.send_signal(signal.SIGTERM)
        self.assertEqual(self.lodge.smss.wait(harness.DEADLINE), 0)
        self.assertEqual(self.lodge.pids("sleep"), [])


class Check(Boot):
    """The command that ships: the check of the database, and the sweep."""

    def test_database(self):
        self.lodge.set(BootExecute_autocheck='"$LODGE_PROGRAMS/lodge-boot-check"')
        self.lodge.start()
        self.is_accepting()
        self.sees("boot-execute", "autocheck ended with status 0")
        self.lodge.stop()
        database, left = self.lodge.state + "/db/lodge.db", self.lodge.state + "/something.new"
        owners = {os.stat(self.lodge.state + "/db/" + name).st_uid for name in os.listdir(self.lodge.state + "/db")}
        self.assertEqual(owners, {os.stat(self.lodge.state + "/db").st_uid})
        with open(left, "w"):
            os.utime(left, (0, 0))
        self.lodge.start()
        self.is_accepting()
        self.assertFalse(os.path.exists(left))
        self.assertIn("autocheck: swept 1 files", self.lodge.log())
        self.sees("boot-execute", f"{database} is sound")
        self.lodge.stop()
        with open(database, "r+b") as file:  # the second page and those behind it
            size = file.seek(0, os.SEEK_END)
            file.seek(4096)
            file.write(b"\xa5" * (size - 4096))
        self.lodge.set(Boot_OnBootExecute="stop")
        self.assertEqual(self.run_to_the_end(), 1)
        self.assertIn("autocheck ended with status 1", self.step("BootExecute")["detail"])


class SubSystems(Boot):
    def define(self, name, command, **keys):
        """The section is written with its subsystem's name, which Lodge.set() cannot have in an argument's."""
        for key, value in {"Command": command, **keys}.items():
            self.lodge.settings[(f"SubSystem {name}", key)] = value

    def list(self):
        return json.loads(self.lodge.done("subsystem", "list", "--json"))["subsystems"]

    def one(self, name):
        return next((one for one in self.list() if one["name"] == name), {})

    def in_state(self, name, state):
        return wait_for(f"{name} is {state}", lambda: self.one(name).get("state") == state and self.one(name))

    def alive(self, pid):
        return os.path.exists(f"/proc/{pid}")

    def test_life(self):
        order = self.lodge.base + "/order"
        with open(order, "w"):
            os.chmod(order, 0o666)
        self.define("last", f"echo last >> {order}; exec sleep 600", Order=200)
        self.define("first", f"echo first $COMPANY $(id -un) >> {order}; echo said >&2; trap 'echo end >> {order}; exit' "
                    "TERM; echo >&3; while :; do sleep 600 & wait; done", Order=1, User="lodge", Ready="yes")
        self.lodge.set(SubSystems_Required="last first", Environment_COMPANY="Example")
        self.lodge.start()
        self.assertFalse(self.is_accepting()["degraded"])
        self.assertEqual(self.step("SubSystems")["detail"], "2 subsystems")
        with open(order) as said:
            self.assertEqual(said.read(), "first Example lodge\nlast\n")
        self.assertEqual([one["name"] for one in self.list()], ["first", "last"])
        first = self.in_state("first", "ready")
        self.assertEqual(os.stat(f"/proc/{first['pid']}").st_uid, os.stat(self.lodge.state + "/db").st_uid)
        with open(f"/proc/{first['pid']}/cgroup") as group:
            self.assertIn("/subsystem-first", group.read())
        self.assertIn("subsystem first: said", self.lodge.log())
        # One that dies is started again, with nothing of the old one left.
        last = self.in_state("last", "ready")["pid"]
        os.kill(last, signal.SIGKILL)
        wait_for("last is back", lambda: self.one("last")["state"] == "ready" and self.one("last")["pid"] != last)
        self.sees("service-exit", f"subsystem last, process {last}, was killed by signal 9")
        # A lodge-smss that comes back starts them anew.
        pids = [one["pid"] for one in self.list()]
        self.lodge.smss.kill()
        self.lodge.smss.wait()
        self.lodge.start()
        wait_for("both are back", lambda: all(one["state"] == "ready" and one["pid"] not in pids
                                              for one in self.list()) and len(self.list()) == 2)
        wait_for("the old ones are gone", lambda: not any(map(self.alive, pids)))
        pids = [one["pid"] for one in self.list()]
        self.lodge.stop()
        self.assertFalse(any(map(self.alive, pids)))
        with open(order) as said:
            self.assertEqual(said.read().splitlines()[-1], "end")
        self.assertFalse(os.path.exists(self.lodge.run + "/subsystems"))

    def test_deferred(self):
        count, gate = self.lodge.base + "/count", self.lodge.base + "/gate"
        os.mkfifo(gate)
        self.define("spool", f"echo x >> {count}; read word < {gate}; echo >&3; exec sleep 600", Ready="yes")
        self.define("broken", "exit 7", Restarts=0, Ready="yes")
        self.define("late", "trap 'echo >&3; exit' TERM; while :; do sleep 600 & wait; done", Ready="yes")
        self.lodge.set(SubSystems_Optional="spool broken late")
        self.lodge.start()
        self.is_accepting()
        self.assertEqual(self.one("spool")["state"], "down")
        askers = [subprocess.Popen([harness.BIN + "/lodgectl", "--config", self.lodge.conf, "subsystem", "load", name],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                  for name in ("spool", "SPOOL", "spool")]
        self.in_state("spool", "starting")
        self.assertEqual([asker.poll() for asker in askers], [None] * 3)
        with open(gate, "w") as out:
            out.write("go\n")
        for asker in askers:
            self.assertEqual(asker.wait(harness.DEADLINE), 0, asker.communicate())
            asker.stdout.close()
        pid = self.in_state("spool", "ready")["pid"]
        self.lodge.done("subsystem", "load", "spool")
        self.assertEqual(self.one("spool")["pid"], pid)
        with open(count) as lines:
            self.assertEqual(lines.read(), "x\n")
        for name, word in (("missing", "no-such-subsystem"), ("broken", "exited with status 7")):
            refused = self.lodge.ctl("subsystem", "load", name)
            self.assertEqual(refused.returncode, 1, refused)
            self.assertIn(word, refused.stderr)
        with subprocess.Popen([harness.BIN + "/lodgectl", "--config", self.lodge.conf, "subsystem", "load", "late"],
                              stderr=subprocess.DEVNULL):
            self.in_state("late", "starting")
            self.lodge.stop()
        self.assertFalse(self.alive(pid))
        # What says that it is ready when it is asked to end is not taken for that, nor started again.
        self.assertNotIn("subsystem late: is ready", self.lodge.log())

    def test_in_sessions(self):
        for name in ("anna", "bert"):
            self.lodge.account(name)
        self.define("helper", "[ $USER = anna ] || exit 7; echo hello >&2; echo >&3; exec sleep 600",
                    When="session", Ready="yes", Restarts=1)
        self.lodge.set(SubSystems_Required="helper")
        self.lodge.start()
        self.assertFalse(self.is_accepting()["degraded"])
        self.assertEqual(self.step("SubSystems")["result"], "none")  # of session 0
        self.desktop_of("anna")
        session = self.state("anna", "active")["id"]
        helper, = self.lodge.pids("sleep")
        display, = self.lodge.pids("lodge-display")
        self.assertEqual(os.stat(f"/proc/{helper}").st_uid, os.stat(f"/proc/{display}").st_uid)
        with open(f"/proc/{helper}/environ") as source:
            environment = source.read().split("\0")
        self.assertIn(f"LODGE_SESSION={session}", environment)
        self.assertTrue(any(variable.startswith("DISPLAY=:") for variable in environment), environment)
        self.assertIn("subsystem helper: hello", self.lodge.log())
        os.kill(helper, signal.SIGKILL)
        self.sees("subsystem-exit", "helper was killed by signal 9")
        again, = wait_for("helper is back", lambda: [pid for pid in self.lodge.pids("sleep") if pid != helper])
        self.lodge.done("logoff", str(session))
        self.no_session("anna")
        self.assertFalse(self.alive(again))
        self.assertEqual(len(self.details("subsystem-exit")), 1)
        # The required one that fails ends the session before there is a desktop, and says why.
        self.client("bert")
        self.sees("session-failed", "The subsystem helper ended 2 times within 60 s; the last time it exited with status 7")
        self.no_session("bert")

    def test_failures(self):
        self.define("broken", "exit 7", Restarts=1)
        self.define("strange", "sleep 600", User="nobody-of-that-name")
        self.lodge.set(SubSystems_Required="broken strange missing")
        self.lodge.start()
        self.assertTrue(self.is_accepting()["degraded"])
        self.sees("service-failed", "subsystem broken ended 2 times within 60 s: it is left as it is")
        self.assertEqual(self.one("broken")["state"], "failed")
        self.lodge.stop()
        self.lodge.set(Boot_OnSubSystems="stop")
        self.assertEqual(self.run_to_the_end(), 1)
        self.assertTrue(self.boot()["stopped"])
        self.lodge.set(Boot_OnSubSystems="ignore", SubSystems_Required="critical")
        self.define("critical", f"[ -e {self.lodge.base}/end ] || exec sleep 600", Restarts=0, Critical="yes")
        self.lodge.set()
        self.lodge.start()
        self.is_accepting()
        with open(self.lodge.base + "/end", "w"):
            os.kill(self.in_state("critical", "ready")["pid"], signal.SIGKILL)
        self.assertEqual(self.lodge.smss.wait(harness.DEADLINE), 3)

    def test_ended_while_one_is_not_ready(self):
        self.define("silent", f"touch {self.lodge.base}/begun; exec sleep 600", Ready="yes")
        self.lodge.set(SubSystems_Required="silent")
        self.lodge.start(wait=False)
        wait_for("it runs", lambda: os.path.exists(self.lodge.base + "/begun"))
        began = time.monotonic()
        self.lodge.smss.send_signal(signal.SIGTERM)
        self.assertEqual(self.lodge.smss.wait(harness.DEADLINE), 0)
        self.assertLess(time.monotonic() - began, 15)  # it has half a minute to say that it is ready
        self.assertEqual(self.lodge.pids("sleep"), [])


class Crashes(Boot):
    def test_unclean_end(self):
        self.lodge.start()
        self.is_accepting()
        self.assertIn("the first run", self.step("CrashRecords")["detail"])
        # lodge-smss alone, and it comes back.
        self.lodge.smss.kill()
        self.lodge.smss.wait()
        self.lodge.start()
        self.sees("crash-record", "lodge-smss ended, and what it had started goes on")
        # All of it.
        killed = [pid for name in ("lodge-smss", "lodge-broker", "lodge-rdp", "lodge-rdp-worker")
                  for pid in self.lodge.pids(name)]
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.lodge.smss.wait()
        wait_for("nothing is left", lambda: all(harness.ended(pid) for pid in killed) and
                 not self.lodge.pids("lodge-rdp-worker"))
        self.lodge.start()
        self.is_accepting()
        self.sees("crash-record", "was not shut down: its processes were killed")
        self.lodge.stop()
        self.lodge.start()
        self.is_accepting()
        self.assertIn("the run before was shut down", self.step("CrashRecords")["detail"])


class Paging(Boot):
    """What this host allows of it."""

    def host_swaps(self):
        """True when swapping to a file works here: tried with one of the test's own."""
        path = self.lodge.base + "/probe"
        with open(path, "wb") as out:
            os.fchmod(out.fileno(), 0o600)
            os.posix_fallocate(out.fileno(), 0, 1 << 20)
        if subprocess.run(["mkswap", path], capture_output=True, check=False).returncode != 0:
            return False
        libc = ctypes.CDLL(None, use_errno=True)
        works = libc.swapon(path.encode(), 0) == 0
        if works:
            libc.swapoff(path.encode())
        os.unlink(path)
        return works

    def test_paging(self):
        good, bad = self.lodge.base + "/page", self.lodge.base + "/mine"
        with open(bad, "w") as out:
            out.write("mine")
        os.chmod(bad, 0o600)
        works = self.host_swaps()
        self.lodge.set(MemoryManagement_PagingFiles=f"{good} 1 4, {bad} 1 4, {good}-huge 16000000 16000000")
        self.lodge.start()
        self.is_accepting()
        self.assertEqual(self.step("PagingFiles")["result"], "ignored")
        self.sees("paging-file-failed", f"{bad}: is there, and is no swap file; it is left as it is")
        self.sees("paging-file-failed", f"{good}-huge: the file system has too little room for it")
        with open("/proc/swaps") as swaps:
            self.assertEqual(good in swaps.read(), works)
        self.assertEqual(os.path.exists(good), works)
        if works:
            self.assertEqual((os.stat(good).st_mode & 0o7777, os.stat(good).st_size), (0o600, 4 << 20))
        else:
            self.sees("paging-file-failed", f"{good}: cannot be swapped to here")
        self.lodge.stop()
        self.assertFalse(os.path.exists(good))
        with open("/proc/swaps") as swaps:
            self.assertNotIn(good, swaps.read())
        with open(bad) as source:
            self.assertEqual(source.read(), "mine")


if __name__ == "__main__":
    harness.main()
