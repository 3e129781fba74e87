"""Clients that mean no good: nothing they do keeps a good one out."""

import os
import random
import socket
import subprocess
import sys

import harness
from harness import SystemTest, wait_for

# As the front end's user: has many descriptors be on their way until it is told to end.
ON_THEIR_WAY = """
import socket, sys
left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
socket.send_fds(left, [b"x"], [0] * 200)
print(flush=True)
sys.stdin.read()
"""
CONNECT = bytes.fromhex("030000130ee000000000000100080003000000")  # X.224 connection request, TLS or NLA


class Hostile(SystemTest):
    settings = {"Listener_LogonSeconds": 20, "Listener_MaxUnauthenticated": 60}
    accounts = ("anna",)

    def connect(self):
        peer = socket.create_connection(("127.0.0.1", self.lodge.port), timeout=10)
        self.addCleanup(peer.close)
        return peer

    def test_idle_connections_keep_nobody_out(self):
        idle = [self.connect() for _ in range(200)]
        for peer in idle[::2]:
            peer.sendall(CONNECT)
        self.desktop_of("anna")
        self.state("anna", "active")

        def all_closed():
            for peer in idle:
                peer.setblocking(False)
                try:
                    while peer.recv(4096):
                        pass
                except BlockingIOError:
                    return False
                except OSError:
                    pass
            return True
        wait_for("idle connections are closed after the logon time", all_closed, 60)

    def test_descriptors_of_others_on_their_way_are_waited_for(self):
        """The kernel bounds them for the front end's workers together: a crowd of clients refuses nobody."""
        others = subprocess.Popen([sys.executable, "-c", ON_THEIR_WAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  user="lodge-rdp", group="lodge-rdp", extra_groups=[])
        self.addCleanup(others.communicate)
        others.stdout.readline()
        client = self.client("anna")
        wait_for("its worker waits", lambda: "too many descriptors are on their way" in self.lodge.log())
        self.assertIsNone(client.process.poll())
        others.communicate()
        client.sees(harness.colour_of("anna"))

    def test_garbage_ends_only_itself(self):
        source = random.Random(7)
        for number in range(60):
            peer = self.connect()
            data = source.randbytes(source.randrange(1, 400))
            if number % 3 == 1:
                data = CONNECT[:source.randrange(1, len(CONNECT))]
            elif number % 3 == 2:
                data = CONNECT + data
            try:
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        self.desktop_of("anna")
        wait_for("the workers of the others are gone", lambda: len(self.lodge.pids("lodge-rdp-worker")) <= 2, 60)

    def test_a_client_that_stops_reading(self):
        client = self.desktop_of("anna")
        os.kill(client.process.pid, 19)
        try:
            second = self.desktop_of("anna")
            second.screen.click(300, 300)
            second.screen.type("x")
            second.sees((255, 255, 255), 20, 20)
        finally:
            os.kill(client.process.pid, 18)


if __name__ == "__main__":
    harness.main()
