"""A program on WinPR, which knows nothing of Lodge, sees and ends sessions through the WTSAPI provider."""

import os
import select
import shutil
import subprocess

import harness
from harness import SystemTest, wait_for

PROVIDER = os.path.join(os.path.dirname(harness.BIN), "lib", "liblodge-wtsapi.so")
ACTIVE, DISCONNECTED = 0, 4
IDTIMEOUT = 32000
EVENTS = CREATE, DELETE, CONNECT, DISCONNECT, LOGON, LOGOFF = 1, 2, 8, 16, 32, 64
ERROR_NOT_FOUND, ERROR_NO_SERVER = 7022, 1722  # ERROR_CTX_WINSTATION_NOT_FOUND, RPC_S_SERVER_UNAVAILABLE
ERROR_DENIED, ERROR_PARAMETER, ERROR_STATE = 5, 87, 5023  # ERROR_INVALID_STATE
LOCKED, UNLOCKED = 0, 1


class Provider(SystemTest):
    program, provider = harness.BIN + "/wtsapi-probe", PROVIDER

    def probe(self, *words, user=None):
        environment = dict(os.environ, WTSAPI_LIBRARY=self.provider, LD_LIBRARY_PATH=os.path.dirname(self.provider),
                           LODGE_CONFIG=self.lodge.conf)
        return subprocess.run([self.program, self.lodge.conf, *map(str, words)], text=True,
                              env=environment, capture_output=True, timeout=60, user=user, check=False)

    def begin(self, *words):
        environment = dict(os.environ, WTSAPI_LIBRARY=self.provider)
        return subprocess.Popen([self.program, self.lodge.conf, *map(str, words)], env=environment,
                                stdout=subprocess.PIPE)

    def said(self, *words):
        result = self.probe(*words)
        self.assertEqual((result.returncode, result.stderr), (0, ""), words)
        return result.stdout

    def test_a_session_from_its_list_to_its_logoff(self):
        self.assertEqual(self.said("list"), "")
        client = self.desktop_of("anna")
        session = self.state("anna", "active")
        number = session["id"]
        self.assertEqual(self.said("list"), f"{number} {ACTIVE} anna RDP-Tcp#{number}\n")
        self.assertEqual(self.said("user", number), "anna\n")
        self.assertEqual(self.said("client", number), session["client"]["name"] + "\n")

        self.assertEqual(self.said("message", number), f"{IDTIMEOUT}\n")

        self.said("disconnect", number)  # and waits until it is done
        self.assertEqual(self.said("state", number), f"{DISCONNECTED}\n")
        client.ended()
        self.assertEqual(self.said("list"), f"{number} {DISCONNECTED} anna \n")
        self.assertNotEqual(self.probe("disconnect", number).returncode, 0)

        self.said("logoff", number)  # likewise
        self.assertEqual(self.said("list"), "")
        self.assertIsNone(self.lodge.session_of("anna"))
        self.assertIn(f"error {ERROR_NOT_FOUND}", self.probe("user", number).stderr)
        self.assertIn(f"error {ERROR_NOT_FOUND}", self.probe("logoff", number).stderr)

    def processes(self, *session):
        lines = [line.split(" ", 3) for line in self.said("processes", *session).splitlines()]
        return {name: (int(session), int(pid), int(memory)) for session, pid, memory, name in lines}

    def configure(self, **settings):
        self.lodge.set(**settings)
        self.lodge.done("policy", "reload")

    def info(self, session):
        return tuple(map(int, self.said("info", session).split()))

    def test_last_input_lock_and_processes(self):
        client = self.desktop_of("anna")
        number = self.state("anna", "active")["id"]
        lock, first, _ = self.info(number)
        self.assertEqual(lock, UNLOCKED)
        client.screen.click(400, 300)
        wait_for("the input", lambda: self.info(number)[1] > first)
        self.assertLess(int(self.said("idle", number)), 60000)
        wait_for("the client's traffic", lambda: self.info(number)[2] > 0)

        # What locks it is a process of the session, whose end unlocks it.
        self.configure(Sessions_LockCommand="sleep 100000")
        self.lodge.done("lock", str(number))
        self.assertEqual(self.info(number)[0], LOCKED)
        processes = self.processes()
        self.assertLessEqual({"lodge-init", "lodge-display", "Xtigervnc", "sleep"}, set(processes))
        self.assertEqual({session for session, _, _ in processes.values()}, {number})
        self.assertGreater(processes["Xtigervnc"][2], 1 << 20)
        self.assertEqual(set(self.processes(number)), set(processes))
        self.said("terminate", processes["sleep"][1])
        wait_for("it is unlocked", lambda: self.info(number)[0] == UNLOCKED)
        wait_for("the process is gone", lambda: "sleep" not in self.processes(number))

        self.assertIn(f"error {ERROR_DENIED}", self.probe("terminate", processes["lodge-init"][1]).stderr)
        self.assertIn(f"error {ERROR_PARAMETER}", self.probe("terminate", os.getpid()).stderr)
        self.assertIn(f"error {ERROR_NOT_FOUND}", self.probe("processes", number + 1000).stderr)
        self.assertIsNone(client.process.poll())

    def test_a_client_is_connected_to_another_session(self):
        client = self.desktop_of("anna")
        one = self.state("anna", "active")["id"]
        self.said("disconnect", one)
        client.ended()
        client = self.desktop_of("bert")
        two = self.state("bert", "active")["id"]
        self.assertIn(f"error {ERROR_STATE}", self.probe("connect", two, one).stderr)  # nobody is connected to that
        self.said("connect", one, two)  # and waits until it is done
        self.assertEqual((self.said("state", one), self.said("state", two)), (f"{ACTIVE}\n", f"{DISCONNECTED}\n"))
        client.sees(harness.colour_of("anna"))

    def test_the_listener(self):
        self.configure(Sessions_MaxIdleSeconds="90")
        self.assertEqual(self.said("listener"), f"RDP-Tcp {self.lodge.port} 1 90000\n")
        self.lodge.done("listener", "stop", "rdp")
        self.assertEqual(self.said("listener"), f"RDP-Tcp {self.lodge.port} 0 90000\n")

    def test_what_happens(self):
        watch = self.begin("events", 1000)
        self.addCleanup(harness.end_process, watch)
        seen, unread = set(), b""

        def happens(*flags):
            nonlocal unread
            while select.select([watch.stdout], [], [], 0)[0]:
                got = os.read(watch.stdout.fileno(), 65536)
                self.assertTrue(got, "the program that waits ended")
                *lines, unread = (unread + got).split(b"\n")
                for line in lines:
                    seen.update(flag for flag in EVENTS if int(line) & flag)
            return seen.issuperset(flags)

        def logged_off():
            # Nobody sees from outside whether it waits already, so sessions come and go until it has seen one.
            client = self.desktop_of("anna")
            self.said("logoff", self.state("anna", "active")["id"])
            client.ended()
            return happens(LOGOFF)

        wait_for("a session that ends", logged_off)
        wait_for("nothing is left of it", lambda: happens(DELETE))
        seen.clear()
        self.desktop_of("bert")
        wait_for("a new session with a client", lambda: happens(CREATE, CONNECT, LOGON))
        self.said("disconnect", self.state("bert", "active")["id"])
        wait_for("its client goes", lambda: happens(DISCONNECT))

    def test_another_user_sees_nothing_of_it(self):
        self.desktop_of("anna")
        number = self.state("anna", "active")["id"]
        there = self.lodge.base + "/there"  # which that user can reach
        os.mkdir(there, 0o755)
        for path in (self.program, self.provider, os.path.dirname(PROVIDER) + "/liblodge.so.0"):
            shutil.copy(path, there)
        self.program, self.provider = there + "/wtsapi-probe", there + "/liblodge-wtsapi.so"
        result = self.probe("list", user="nobody")
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
        self.assertIn(f"error {ERROR_NOT_FOUND}", self.probe("logoff", number, user="nobody").stderr)
        pid = self.processes(number)["desktop"][1]
        self.assertEqual(self.probe("processes", user="nobody").stdout, "")
        self.assertIn(f"error {ERROR_NOT_FOUND}", self.probe("processes", number, user="nobody").stderr)
        self.assertIn(f"error {ERROR_PARAMETER}", self.probe("terminate", pid, user="nobody").stderr)
        self.state("anna", "active")

    def test_without_a_server(self):
        self.lodge.stop()
        self.assertIn(f"error {ERROR_NO_SERVER}", self.probe("list").stderr)


if __name__ == "__main__":
    harness.main()
