"""What runs in a real session is listed, weighed and ended, by those who may."""

import json
import os
import pty
import select
import shutil
import signal
import subprocess

import harness
from harness import BIN, SystemTest, wait_for


class Processes(SystemTest):
    def processes(self, session):
        return json.loads(self.lodge.done("processes", str(session), "--json"))["processes"]

    def named(self, session, name):
        return [one for one in self.processes(session) if one["name"] == name]

    def test_processes_are_listed_and_ended_but_not_what_the_session_runs_on(self):
        self.desktop_of("anna")
        session = self.state("anna", "active")
        listed = wait_for("the desktop", lambda: self.named(session["id"], "desktop"))[0]
        report = self.lodge.desktop("anna")
        self.assertEqual(listed["inside"], report["pid"])
        self.assertEqual((listed["uid"], listed["user"]), (report["uid"], "anna"))
        self.assertIn("desktop", listed["command"])
        self.assertGreater(listed["memory"], 1 << 20)
        self.assertLess(abs(listed["started_ms"] - session["logon_ms"]), 60000)
        table = self.lodge.done("query", "process", "anna")
        self.assertIn("lodge-init", table)
        for name in ("lodge-init", "lodge-display", "Xtigervnc"):
            pid = self.named(session["id"], name)[0]["pid"]
            refused = self.lodge.ctl("kill", str(session["id"]), str(pid), "--force")
            self.assertEqual(refused.returncode, 1, name)
            self.assertIn("forbidden", refused.stderr)
        refused = self.lodge.ctl("kill", str(session["id"]), str(os.getpid()))
        self.assertIn("no-such-process", refused.stderr)
        self.lodge.done("tskill", str(session["id"]), str(listed["pid"]), "--force")
        self.no_session("anna")
        event = next(one for one in self.lodge.events() if one["event"] == "process-terminated")
        self.assertEqual((event["session"], event["user"]), (session["id"], "anna"))
        self.assertRegex(event["detail"], rf"^desktop, process {listed['pid']}, ended by uid 0$")

    def test_a_program_with_a_name_of_lodges_is_ended_as_any(self):
        """What the session runs on is known by its file, not by what a program calls itself."""
        named = self.lodge.base + "/lodge-display"
        shutil.copy("/bin/sleep", named)
        script = self.lodge.base + "/with-another"
        with open(script, "w") as out:  # whose parent ends becomes lodge-init's child, as the real one is
            out.write(f"#!/bin/sh\n(setsid {named} 600 &)\nexec {self.lodge.base}/desktop\n")
        os.chmod(script, 0o755)
        self.lodge.set(Sessions_Desktop=script)
        self.lodge.done("policy", "reload")
        self.desktop_of("anna")
        session = self.state("anna", "active")["id"]

        def orphans():
            init = self.named(session, "lodge-init")[0]["pid"]
            found = [one["pid"] for one in self.named(session, "lodge-display") if "600" in one["command"]]
            return [pid for pid in found if self.parent(pid) == init]
        orphan = wait_for("the other program", orphans)[0]
        self.lodge.done("kill", str(session), str(orphan))
        wait_for("its end", lambda: not os.path.exists(f"/proc/{orphan}"))
        self.state("anna", "active")

    def parent(self, pid):
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[1])

    def test_top_tells_what_sessions_use(self):
        client = self.desktop_of("anna")
        session = self.state("anna", "active")

        def used():
            sessions = json.loads(self.lodge.done("top", "--json"))["sessions"]
            return next((one for one in sessions if one["id"] == session["id"] and one["frames"] > 0), None)
        use = wait_for("the client's traffic", used)
        self.assertGreater(use["memory"], 4 << 20)
        self.assertGreaterEqual(use["tasks"], 4)
        self.assertGreater(use["cpu_ms"], 0)
        self.assertGreater(use["sent"], 1000)
        self.assertGreater(use["received"], 500)
        self.assertGreater(use["pixels"], use["coded"])
        self.assertGreater(use["rtt_us"], 0)
        self.assertIn("anna", self.lodge.done("top", "--once"))
        client.kill()
        self.state("anna", "disconnected")
        self.assertIsNone(used())

    def test_top_is_live_on_a_terminal_and_leaves_it_as_it_was(self):
        self.desktop_of("anna")
        for end in (b"q", signal.SIGINT):
            ours, theirs = pty.openpty()
            before = subprocess.run(["stty", "-a"], stdin=theirs, capture_output=True, check=True).stdout
            process = subprocess.Popen([BIN + "/lodgectl", "--config", self.lodge.conf, "top"], stdin=theirs,
                                       stdout=theirs, stderr=theirs, env=dict(os.environ, TERM="xterm"))
            self.addCleanup(harness.end_process, process)
            seen = b""

            def shows(what):
                nonlocal seen
                if select.select([ours], [], [], 0)[0]:
                    seen += os.read(ours, 65536)
                return what in seen
            wait_for("the table", lambda: shows(b"anna"))
            seen = b""
            wait_for("the next table", lambda: shows(b"anna"))
            if isinstance(end, bytes):
                os.write(ours, end)
            else:
                process.send_signal(end)
            wait_for("its end", lambda: process.poll() is not None)
            wait_for("the screen as it was", lambda: shows(b"\033[?1049l"))
            self.assertEqual(process.returncode, 0)
            after = subprocess.run(["stty", "-a"], stdin=theirs, capture_output=True, check=True).stdout
            self.assertEqual(before, after)
            os.close(ours)
            os.close(theirs)


if __name__ == "__main__":
    harness.main()
