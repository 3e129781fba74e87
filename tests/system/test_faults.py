"""What the host may lack or get wrong, and what Lodge says then."""

import os
import socket
import subprocess

import harness
from harness import Lodge, SystemTest, colour_of, end_process, wait_for


# `openssl req -x509` takes dates from OpenSSL 3.4 on only; `openssl ca` has always taken them.
AUTHORITY = """[ca]
default_ca = own
[own]
database = {base}/index
new_certs_dir = {base}
serial = {base}/serial
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"openssl {arguments}: {done.stderr}")


def expired_certificate(folder):
    """Makes a self-signed certificate that has expired, and its key; their paths."""
    os.mkdir(folder)
    certificate, key, request, conf = (f"{folder}/{name}" for name in ("cert.pem", "key.pem", "request.pem", "ca.conf"))
    with open(conf, "w") as out:
        out.write(AUTHORITY.format(base=folder))
    open(folder + "/index", "w").close()
    openssl("req", "-new", "-batch", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lodge", "-keyout", key,
            "-out", request)
    openssl("ca", "-batch", "-selfsign", "-notext", "-config", conf, "-create_serial", "-keyfile", key, "-in", request,
            "-startdate", "20200101000000Z", "-enddate", "20200201000000Z", "-out", certificate)
    return certificate, key


class Faults(SystemTest):
    accounts = ("anna",)
    start = False

    def started(self, **settings):
        self.lodge.set(**settings)
        for name in self.accounts:
            self.lodge.account(name)
        self.lodge.start()

    def says(self, text):
        wait_for(f'the log says "{text}"', lambda: text in self.lodge.log())

    def test_a_certificate_that_is_missing(self):
        self.lodge.set(Listener_Certificate="/nonexistent/cert.pem", Listener_PrivateKey="/nonexistent/key.pem")
        self.lodge.start(wait=False)
        self.says("/nonexistent/cert.pem")

    def test_a_certificate_that_is_no_certificate(self):
        path = self.lodge.base + "/garbage.pem"
        with open(path, "w") as out:
            out.write("this is no certificate\n")
        self.lodge.set(Listener_Certificate=path, Listener_PrivateKey=path)
        self.lodge.start(wait=False)
        self.says(path)

    def test_a_certificate_that_has_expired_is_told_and_used(self):
        certificate, key = expired_certificate(self.lodge.base + "/old")
        self.started(Listener_Certificate=certificate, Listener_PrivateKey=key)
        self.says("expired")
        self.desktop_of("anna")

    def test_a_port_in_use(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", self.lodge.port))
            other.listen()
            self.lodge.start(wait=False)
            wait_for("lodge-smss gives up", lambda: self.lodge.smss.poll() is not None)
        self.assertNotEqual(self.lodge.smss.returncode, 0)
        self.assertIn(str(self.lodge.port), self.lodge.log())
        self.assertIn(str(os.getpid()), self.lodge.log())

    def test_a_state_directory_that_is_full(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", self.lodge.state], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.lodge.state], check=False)
        self.started()
        filler = os.open(self.lodge.state + "/filler", os.O_CREAT | os.O_WRONLY)
        try:
            while True:
                os.write(filler, bytes(4096))
        except OSError:
            os.close(filler)
        # a home that is there already: what is tested is the disk, not the making of a home on it
        client = self.client("anna")
        wait_for("the person is let in or told", lambda: client.screen.shows(colour_of("anna"))
                 or client.process.poll() is not None or "No space" in self.lodge.log())
        self.assertEqual(self.lodge.ctl("ping").returncode, 0)

    def test_a_state_directory_that_is_read_only(self):
        for name in self.accounts:
            self.lodge.account(name, "--throwaway")
        self.lodge.start()
        self.lodge.stop()
        subprocess.run(["mount", "--bind", self.lodge.state, self.lodge.state], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.lodge.state], check=False)
        subprocess.run(["mount", "-o", "remount,bind,ro", self.lodge.state], check=True)
        self.lodge.start()
        self.desktop_of("anna")

    def test_a_desktop_that_does_not_exist(self):
        self.started(Sessions_Desktop="/nonexistent/desktop-program")
        client = self.client("anna")
        client.ended()
        wait_for("the event", lambda: any(event["reason"] == "desktop-failed" for event in self.lodge.events()))
        self.assertTrue(any("/nonexistent/desktop-program" in event["detail"] for event in self.lodge.events()))
        self.no_session("anna")

    def test_an_x_server_that_does_not_start(self):
        self.started(Sessions_XServer="Xorg")
        broken = self.lodge.base + "/xorg.conf.d"
        os.mkdir(broken)
        # Xorg exists, but what it needs does not: its driver folder is hidden
        drivers = "/usr/lib/xorg/modules"
        if os.path.isdir(drivers):
            subprocess.run(["mount", "-t", "tmpfs", "none", drivers], check=True)
            self.addCleanup(subprocess.run, ["umount", "-l", drivers], check=False)
        client = self.client("anna")
        client.ended()
        wait_for("the event", lambda: any(event["reason"] == "display-failed" for event in self.lodge.events()))
        self.no_session("anna")


class TwoServers(SystemTest):
    accounts = ("anna",)

    def test_a_second_smss_with_the_same_run_directory_is_refused(self):
        second = subprocess.Popen([harness.BIN + "/lodge-smss", "--config", self.lodge.conf],
                                  stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.addCleanup(end_process, second)
        _, said = second.communicate(timeout=harness.DEADLINE)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(self.lodge.run.encode(), said)
        self.desktop_of("anna")

    def test_two_servers_beside_each_other(self):
        other = Lodge()
        try:
            other.account("bert")
            other.start()
            self.desktop_of("anna")
            self.assertEqual(other.sessions(), [])
        finally:
            other.stop()
            other.remove()


if __name__ == "__main__":
    harness.main()
