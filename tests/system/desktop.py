#!/usr/bin/python3
"""The desktop of the system tests: one window over the whole screen in the user's colour, a square that changes
with each key, and a report of what it saw in ~/desktop.json. Asked to close, it saves a document first."""

import json
import os
import sys

from Xlib import X, XK, display as xdisplay


def colour_of(user):
    value = sum(user.encode()) * 2654435761 & 0xffffffff
    return tuple(64 + (value >> shift & 0x7f) for shift in (0, 8, 16))


def pixel(colour):
    return colour[0] << 16 | colour[1] << 8 | colour[2]


class Desktop:
    def __init__(self):
        self.display = xdisplay.Display()
        self.screen = self.display.screen()
        root = self.screen.root
        root.change_attributes(event_mask=X.StructureNotifyMask)
        size = root.get_geometry()
        self.window = root.create_window(
            0, 0, size.width, size.height, 0, self.screen.root_depth, X.InputOutput, X.CopyFromParent,
            background_pixel=pixel(colour_of(os.environ["USER"])), override_redirect=0,
            event_mask=X.ExposureMask | X.KeyPressMask | X.ButtonPressMask | X.StructureNotifyMask)
        self.protocols = self.display.intern_atom("WM_PROTOCOLS")
        self.delete = self.display.intern_atom("WM_DELETE_WINDOW")
        self.window.set_wm_protocols([self.delete])
        self.window.map()
        self.context = self.window.create_gc()
        self.report = {"environment": dict(os.environ), "pid": os.getpid(), "uid": os.getuid(), "keys": [],
                       "buttons": [], "width": size.width, "height": size.height,
                       "processes": sum(name.isdigit() for name in os.listdir("/proc")),
                       "tmp": sorted(os.listdir("/tmp")), "cwd": os.getcwd()}
        self.write()

    def write(self):
        path = os.path.expanduser("~/desktop.json")
        with open(path + ".new", "w") as out:
            json.dump(self.report, out)
        os.rename(path + ".new", path)

    def square(self):
        """Its colour counts the keys: it changes with each."""
        count = len(self.report["keys"])
        self.context.change(foreground=0xffffff if count % 2 else 0x000000)
        self.window.fill_rectangle(self.context, 0, 0, 64, 64)
        self.display.flush()

    def key(self, event):
        keysym = self.display.keycode_to_keysym(event.detail, 1 if event.state & X.ShiftMask else 0)
        self.report["keys"].append(self.display.lookup_string(keysym) or XK.keysym_to_string(keysym) or str(keysym))
        self.square()
        self.write()

    def serve(self):
        while True:
            event = self.display.next_event()
            if event.type == X.KeyPress:
                self.key(event)
            elif event.type == X.ButtonPress:
                self.report["buttons"].append([event.detail, event.root_x, event.root_y])
                self.write()
            elif event.type == X.ConfigureNotify and event.window == self.screen.root:
                self.window.configure(width=event.width, height=event.height)
                self.report["width"], self.report["height"] = event.width, event.height
                self.write()
            elif event.type == X.MapNotify:
                self.window.set_input_focus(X.RevertToParent, X.CurrentTime)
            elif event.type == X.Expose:
                self.square()
            elif event.type == X.ClientMessage and event.data[1][0] == self.delete:
                with open(os.path.expanduser("~/document"), "w") as document:
                    document.write("saved\n")
                return


if __name__ == "__main__":
    Desktop().serve()
    sys.exit(0)
