"""A program on WinPR, which knows nothing of Lodge, sees and ends sessions through the WTSAPI provider."""

import os
import shutil
import subprocess

import harness
from harness import SystemTest

PROVIDER = os.path.join(os.path.dirname(harness.BIN), "lib", "liblodge-wtsapi.so")
ACTIVE, DISCONNECTED = 0, 4
IDTIMEOUT = 32000
ERROR_NOT_FOUND, ERROR_NO_SERVER = 7022, 1722  # ERROR_CTX_WINSTATION_NOT_FOUND, RPC_S_SERVER_UNAVAILABLE


class Provider(SystemTest):
    program, provider = harness.BIN + "/wtsapi-probe", PROVIDER

    def probe(self, *words, user=None):
        environment = dict(os.environ, WTSAPI_LIBRARY=self.provider, LD_LIBRARY_PATH=os.path.dirname(self.provider))
        return subprocess.run([self.program, self.lodge.conf, *map(str, words)], text=True,
                              env=environment, capture_output=True, timeout=60, user=user, check=False)

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
        self.state("anna", "active")

    def test_without_a_server(self):
        self.lodge.stop()
        self.assertIn(f"error {ERROR_NO_SERVER}", self.probe("list").stderr)


if __name__ == "__main__":
    harness.main()
