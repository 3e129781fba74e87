"""Many sessions, without their processes ([LoadTest] VirtualSessions): limits hold whoever races, a broker that comes
back knows of all of them, and everything says that it is a load test."""
import json
import os
import signal
import subprocess
import unittest

import harness
from harness import wait_for


class Scale(unittest.TestCase):
    SETTINGS = {}

    def setUp(self):
        self.lodge = harness.Lodge(LoadTest_VirtualSessions="yes", Server_LogLevel=1, **self.SETTINGS)
        self.addCleanup(self.lodge.remove)
        self.lodge.start()

    def load(self, *arguments):
        """lodge-load, which ends with 0 only where all was as it should be; the JSON objects that it prints."""
        done = subprocess.run([harness.BIN + "/lodge-load", arguments[0], self.lodge.run + "/ports/lsm.port",
                               *map(str, arguments[1:])], capture_output=True, text=True, timeout=240)
        self.assertEqual(done.returncode, 0, done.stderr + self.lodge.log()[-2000:])
        return [json.loads(line) for line in done.stdout.splitlines()]

    def broker(self):
        pid, = self.lodge.pids("lodge-broker")
        return pid


class Race(Scale):
    SETTINGS = {"Sessions_MaxSessions": 40}

    def test_a_hundred_clients_never_get_past_the_limit(self):
        result, = self.load("hammer", 50, 40)
        self.assertEqual(result["most"], 40)
        self.assertEqual(result["made"], result["ended"])
        self.assertEqual(self.lodge.sessions(), [])
        self.lodge.stop()


class Many(Scale):
    SETTINGS = {"Sessions_MaxSessions": 65535}

    def test_a_broker_that_comes_back_knows_them_all(self):
        self.load("bench", self.broker(), 3000)
        before = {one["id"]: one["user"] for one in self.lodge.sessions()}
        self.assertEqual(len(before), 3000)
        os.kill(self.broker(), signal.SIGKILL)
        wait_for("every session again", lambda: len(self.lodge.sessions()) == 3000)
        self.assertEqual({one["id"]: one["user"] for one in self.lodge.sessions()}, before)
        self.lodge.stop()
        self.assertNotIn("did not take", self.lodge.log())

    def test_everything_says_that_it_is_a_load_test(self):
        self.load("bench", self.broker(), 10)
        self.assertIn("for load tests", self.lodge.log())
        for one in self.lodge.sessions():
            self.assertTrue(one["load_test"])
            self.assertGreater(one["uid"], 2100000000)
        self.assertIn("LOAD TEST", self.lodge.done("list"))
        self.assertIn("LOAD TEST", self.lodge.done("version"))
        self.assertTrue(json.loads(self.lodge.done("version", "--json"))["load_test"])
        health = json.loads(self.lodge.ctl("health", "--json").stdout)
        self.assertIn("warning", [check["state"] for check in health["checks"] if check["check"] == "load-test"])
        for event in self.lodge.events():
            self.assertTrue(event["detail"].startswith("[load test]"), event)
        self.assertEqual(self.lodge.pids("lodge-logon") + self.lodge.pids("lodge-init"), [])
        self.lodge.stop()


if __name__ == "__main__":
    harness.main()
