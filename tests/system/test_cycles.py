"""Sessions made and ended many times leave the host as it was."""

import os

import harness
from harness import Client, Screen, SystemTest, colour_of, wait_for

CYCLES = int(os.environ.get("LODGE_TEST_CYCLES", "200"))
USERS = ("anna", "bert", "carl", "dora")


class Cycles(SystemTest):
    accounts = USERS

    def one_round(self):
        """A session for each user at once, from connect to logoff."""
        clients = [Client(self.lodge, user, screen=screen) for user, screen in zip(USERS, self.screens)]
        try:
            for user, client in zip(USERS, clients):
                client.sees(colour_of(user))
            for session in self.lodge.sessions():
                self.lodge.done("logoff", str(session["id"]))
            for client in clients:
                client.ended()
        finally:
            for client in clients:
                client.close()
        wait_for("every session has ended", lambda: not self.lodge.sessions())

    def test_nothing_is_left(self):
        self.screens = [Screen() for _ in USERS]
        for screen in self.screens:
            self.addCleanup(screen.close)
        self.one_round()
        before = self.lodge.held()
        for _ in range(CYCLES // len(USERS)):
            self.one_round()
        self.assertEqual({}, self.lodge.left_behind(before))


if __name__ == "__main__":
    harness.main()
