"""Licences with real clients: who is refused for want of one, told so in four places, and what the books say."""

import json
import os
import shutil
import signal
from unittest import mock

import harness
from harness import BIN, SystemTest, wait_for


class Licences(SystemTest):
    def licences(self):
        return json.loads(self.lodge.done("licence", "list", "--json"))["licences"]

    def pool(self):
        return json.loads(self.lodge.done("licence", "pool", "--json"))

    def is_refused(self, user, **options):
        """Told to the client by error info, to the person in words, and in the events."""
        before = sum(event["reason"] == "no-licence" for event in self.lodge.events())
        late = self.client(user, **options)
        self.assertNotEqual(late.ended(), 0)
        self.assertTrue(late.told("(?i)LICENSE_NO_LICENSE|no.licen[cs]e|0x0*102"), late.log())
        refusals = [event for event in self.lodge.events() if event["reason"] == "no-licence"]
        self.assertEqual((len(refusals), refusals[-1]["user"]), (before + 1, user))
        self.assertIsNone(self.lodge.session_of(user))

    def broker_again(self):
        """The broker is killed; its successor knows of every session."""
        sessions = len(self.lodge.sessions())
        old, = self.lodge.pids("lodge-broker")
        os.kill(old, signal.SIGKILL)
        wait_for("another broker", lambda: self.lodge.pids("lodge-broker") not in ([], [old]))
        wait_for("its sessions", lambda: len(self.lodge.sessions()) == sessions)
        wait_for("its books", lambda: self.pool()["available"])


class Seats(Licences):
    settings = {"Licences_Mode": "concurrent", "Licences_PoolSize": 1, "Licences_GraceDays": 0}

    def test_one_seat(self):
        first = self.desktop_of("anna")
        session = self.state("anna", "active")
        self.is_refused("bert")
        self.broker_again()
        self.is_refused("bert")
        first.kill()
        self.state("anna", "disconnected")
        self.is_refused("bert")
        self.assertEqual([(one["holder"], one["kind"], one["serial"]) for one in self.licences()],
                         [("anna", "seat", session["id"])])
        self.lodge.done("logoff", str(session["id"]))
        self.no_session("anna")
        self.desktop_of("bert")
        self.assertEqual(self.pool()["in_use"], 1)


class SeatsOfTheConnected(Licences):
    settings = dict(Seats.settings, Licences_ReleaseOnDisconnect=1)

    def test_a_seat_is_given_back_and_the_pool_grows(self):
        first = self.desktop_of("anna")
        first.kill()
        self.state("anna", "disconnected")
        self.desktop_of("bert")
        late = self.client("anna")
        self.assertNotEqual(late.ended(), 0)
        self.state("anna", "disconnected")
        self.lodge.set(Licences_PoolSize=2)
        self.lodge.done("policy", "reload")
        self.desktop_of("anna")
        self.assertEqual(self.pool()["in_use"], 2)


class Users(Licences):
    settings = {"Licences_Mode": "per-user", "Licences_PoolSize": 1, "Licences_GraceDays": 0}

    def test_a_licence_stays_its_users(self):
        self.desktop_of("anna")
        session = self.state("anna", "active")
        self.assertEqual([(one["holder"], one["sessions"]) for one in self.licences()], [("anna", 1)])
        refused = self.lodge.ctl("licence", "revoke", "anna")
        self.assertEqual(refused.returncode, 1)
        self.lodge.done("logoff", str(session["id"]))
        self.no_session("anna")
        self.is_refused("bert")
        self.broker_again()
        self.is_refused("bert")
        self.lodge.set(Licences_RevokePercent=100)
        self.lodge.done("policy", "reload")
        self.lodge.done("license", "revoke", "anna")
        self.desktop_of("bert")
        self.assertEqual([(one["holder"], one["state"]) for one in self.licences()],
                         [("anna", "revoked"), ("bert", "valid")])
        self.assertIn("bert", self.lodge.done("licence", "list"))
        day = json.loads(self.lodge.done("licence", "report", "--json"))["days"][-1]
        self.assertEqual((day["pool"], day["peak"]), (1, 1))


class Devices(Licences):
    settings = {"Licences_Mode": "per-device", "Licences_PoolSize": 1, "Licences_GraceDays": 0}

    def comes_and_goes(self, user, device, **options):
        self.desktop_of(user, options=["/client-hostname:" + device], **options).close()
        session = self.state(user, "disconnected")
        self.lodge.done("logoff", str(session["id"]))
        self.no_session(user)

    def test_first_temporary_then_from_the_pool(self):
        self.comes_and_goes("anna", "PC1")
        self.comes_and_goes("bert", "PC2")
        self.assertEqual([(one["holder"], one["kind"]) for one in self.licences()],
                         [("pc1", "temporary"), ("pc2", "temporary")])
        self.comes_and_goes("bert", "PC1")
        self.broker_again()
        self.comes_and_goes("anna", "PC2")
        self.assertEqual([(one["holder"], one["kind"]) for one in self.licences()],
                         [("pc1", "permanent"), ("pc2", "temporary")])

    def test_a_device_is_told_by_its_identifier(self):
        """Real clients: one that says which device it is, whatever its name, and two that do not."""
        with mock.patch.dict(os.environ, LD_PRELOAD=BIN + "/client-device.so", LODGE_TEST_DEVICE="00330-80000-AA123"):
            self.comes_and_goes("anna", "PC1")
            self.comes_and_goes("bert", "RENAMED")
        self.comes_and_goes("anna", "PC1")
        self.comes_and_goes("bert", "PC1", program="xfreerdp" if shutil.which("xfreerdp") else "xfreerdp3")
        self.assertEqual([(one["holder"], one["kind"]) for one in self.licences()],
                         [("00330-80000-aa123", "permanent"), ("pc1", "temporary")])


if __name__ == "__main__":
    harness.main()
