"""The whole path: a person connects with an ordinary client, works, leaves, comes back, logs off."""

import json
import os

import harness
from harness import SystemTest, colour_of, wait_for


class Path(SystemTest):
    def test_a_session_from_connect_to_logoff(self):
        client = self.desktop_of("anna")
        session = self.state("anna", "active")
        self.assertEqual(session["client"]["width"], 800)
        self.assertTrue(session["lab"])
        self.assertGreater(session["logon_ms"], 0)
        report = wait_for("the desktop's report", lambda: self.lodge.desktop("anna"))
        environment = report["environment"]
        self.assertEqual(environment["USER"], "anna")
        self.assertEqual(environment["HOME"], "/home/anna")
        self.assertEqual(environment["XDG_RUNTIME_DIR"], f"/run/user/{report['uid']}")
        self.assertIn("DBUS_SESSION_BUS_ADDRESS", environment)
        self.assertEqual((report["width"], report["height"]), (800, 600))
        self.assertLess(report["pid"], 200, "pids are the session's own")

        shown = json.loads(self.lodge.done("show", str(session["id"]), "--json"))
        self.assertEqual(shown["user"], "anna")
        self.assertIn("anna", self.lodge.done("list"))

        self.lodge.done("logoff", str(session["id"]))
        client.ended()
        self.no_session("anna")
        self.assertTrue(os.path.exists(self.lodge.home("anna") + "/document"),
                        "the program saved when it was asked to close")
        self.assertLessEqual({21, 23}, {event["id"] for event in self.lodge.events()})

    def test_what_is_typed_arrives_and_is_seen(self):
        client = self.desktop_of("anna")
        client.sees((0, 0, 0), 20, 20)
        client.screen.click(300, 300)
        client.screen.type("a")
        client.sees((255, 255, 255), 20, 20)
        client.screen.type("Zy 9")
        wait_for("the keys", lambda: self.lodge.desktop("anna")["keys"] == ["a", "Shift_L", "Z", "y", " ", "9"]
                 or [key for key in self.lodge.desktop("anna")["keys"] if len(key) == 1] == list("aZy 9"))
        client.screen.click(200, 250, 3)
        client.screen.click(200, 250, 4)
        wait_for("button and wheel", lambda: [[3, 200, 250], [4, 200, 250]]
                 == self.lodge.desktop("anna")["buttons"][-2:])

    def test_a_disconnected_session_is_given_back_at_another_size(self):
        client = self.desktop_of("anna")
        client.screen.click(300, 300)
        client.screen.type("k")
        client.sees((255, 255, 255), 20, 20)
        first = self.state("anna", "active")
        client.kill()
        self.state("anna", "disconnected")
        again = self.desktop_of("anna", size=(1024, 768))
        again.sees((255, 255, 255), 20, 20)
        again.sees(colour_of("anna"), 1010, 750)
        second = self.state("anna", "active")
        self.assertEqual(first["id"], second["id"])
        wait_for("the desktop's new size", lambda: self.lodge.desktop("anna")["width"] == 1024)
        self.assertIn(25, [event["id"] for event in self.lodge.events()])

    def test_the_desktop_follows_the_clients_window(self):
        client = self.desktop_of("anna", options=("/dynamic-resolution",))
        wait_for("the desktop's report", lambda: self.lodge.desktop("anna"))
        for width, height in ((1000, 700), (641, 480), (1024, 768)):
            client.resize(width, height)
            wait_for(f"a desktop of {width}x{height}", lambda: (self.lodge.desktop("anna")["width"],
                     self.lodge.desktop("anna")["height"]) == (width & ~1, height))
            client.is_sized(width & ~1, height)
            client.sees(colour_of("anna"), width - 20, height - 20)
        client.screen.click(300, 300)
        client.screen.type("r")
        wait_for("the key", lambda: self.lodge.desktop("anna")["keys"] == ["r"])
        client.kill()
        self.state("anna", "disconnected")
        self.desktop_of("anna")
        wait_for("the next client's size", lambda: self.lodge.desktop("anna")["width"] == 800)

    def test_a_second_client_takes_the_session_over(self):
        first = self.desktop_of("anna")
        before = self.state("anna", "active")
        second = self.desktop_of("anna")
        first.ended()
        self.assertTrue(first.told("(?i)disconnected.by.other|DISCONNECTED_BY_OTHERCONNECTION"), first.log())
        second.sees(colour_of("anna"))
        self.assertEqual(before["id"], self.state("anna", "active")["id"])

    def test_two_people_beside_each_other(self):
        anna, bert = self.desktop_of("anna"), self.desktop_of("bert")
        a, b = self.state("anna", "active"), self.state("bert", "active")
        self.assertNotEqual(a["id"], b["id"])
        bert.screen.click(300, 300)
        bert.screen.type("b")
        wait_for("bert's key", lambda: "b" in self.lodge.desktop("bert")["keys"])
        self.assertEqual(self.lodge.desktop("anna")["keys"], [])
        self.lodge.done("logoff", str(b["id"]))
        bert.ended()
        self.no_session("bert")
        anna.sees(colour_of("anna"))
        self.state("anna", "active")

    def test_an_administrator_disconnects_a_session(self):
        client = self.desktop_of("anna")
        session = self.state("anna", "active")
        self.lodge.done("disconnect", str(session["id"]))
        client.ended()
        self.state("anna", "disconnected")
        self.desktop_of("anna")

    def test_the_ways_of_graphics(self):
        for options in (["/gfx:RFX"], ["/gfx:progressive:on"], ["-gfx", "/rfx"], ["-gfx", "/bpp:32"],
                        ["-gfx", "/bpp:16"]):
            with self.subTest(options=options):
                client = self.desktop_of("anna", options=options)
                client.kill()
                self.state("anna", "disconnected")


if __name__ == "__main__":
    harness.main()
