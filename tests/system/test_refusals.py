"""Who may not come in, and what they are told."""

import subprocess

import harness
from harness import PASSWORD, SystemTest, colour_of, wait_for


class Refusals(SystemTest):
    accounts = ("anna", "bert")

    def refused(self, reason):
        wait_for(f"an event that says {reason}",
                 lambda: any(event["reason"] == reason for event in self.lodge.events()))

    def test_a_wrong_password_and_then_the_right_one(self):
        client = self.client("anna", password="wrong")
        self.refused("bad-credentials")
        self.assertEqual(self.lodge.sessions(), [])
        wait_for("the logon screen", lambda: len(set(client.screen.image(0, 0, 800, 600))) > 8)
        client.screen.click(790, 590)
        client.screen.type(PASSWORD + "\n")
        client.sees(colour_of("anna"))
        for secret in (PASSWORD, "wrong"):
            self.assertNotIn(f'"{secret}"', self.lodge.log())
        self.assertNotIn(PASSWORD, self.lodge.log())

    def test_no_password_shows_the_logon_screen(self):
        client = self.client(None, password=None, options=["/u:", "/p:"])
        wait_for("the logon screen", lambda: len(set(client.screen.image(0, 0, 800, 600))) > 8)
        client.screen.click(790, 590)
        client.screen.type("bert\t" + PASSWORD + "\n")
        client.sees(colour_of("bert"))

    def test_a_logon_screen_does_not_hold_up_the_end(self):
        client = self.client("anna", password="wrong")
        self.refused("bad-credentials")
        wait_for("the logon screen", lambda: len(set(client.screen.image(0, 0, 800, 600))) > 8)
        self.lodge.stop()
        self.assertNotIn("does not stop", self.lodge.log())
        client.ended()

    def test_accounts_that_may_not(self):
        self.lodge.done("account", "lock", "bert")
        cases = (("nobody.here", PASSWORD, "bad-credentials"), ("bert", PASSWORD, "account-locked"),
                 ("n" * 10000, PASSWORD, "bad-name"))
        for user, password, reason in cases:
            with self.subTest(user=user[:20]):
                client = self.client(user, password=password)
                if reason == "bad-name":
                    wait_for("the refusal in the log", lambda: reason in self.lodge.log()
                             or client.process.poll() is not None)
                else:
                    self.refused(reason)
                client.kill()
        self.assertEqual(self.lodge.sessions(), [])
        self.desktop_of("anna")

    def test_a_system_account_through_pam(self):
        name = "lodgetest1"
        subprocess.run(["userdel", "-r", name], capture_output=True, check=False)
        subprocess.run(["useradd", "-m", "-s", "/bin/bash", name], check=True)
        self.addCleanup(subprocess.run, ["userdel", "-r", name], capture_output=True, check=False)
        subprocess.run(["chpasswd"], input=f"{name}:{PASSWORD}\n", text=True, check=True)
        client = self.desktop_of(name)
        session = self.state(name, "active")
        self.assertFalse(session["lab"])
        self.lodge.done("logoff", str(session["id"]))
        client.ended()
        self.no_session(name)
        subprocess.run(["chage", "-E", "1", name], check=True)
        late = self.client(name)
        self.refused("account-expired")
        late.kill()


class Limits(SystemTest):
    settings = {"Sessions_MaxSessions": 1}

    def test_one_session_too_many(self):
        self.desktop_of("anna")
        late = self.client("bert")
        self.assertNotEqual(late.ended(), 0)
        self.assertTrue(late.told("(?i)out.of.memory|denied|0x0*6"), late.log())
        self.assertEqual([one["user"] for one in self.lodge.sessions()], ["anna"])
        self.assertTrue(any(event["reason"] == "session-limit" for event in self.lodge.events()))


if __name__ == "__main__":
    harness.main()
