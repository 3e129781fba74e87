#!/usr/bin/python3
"""A desktop of the system tests whose program does not want to go, in one of three ways, by its user's name:
anna's window hears nothing, bert's asks a question instead of closing, carl's has left daemons behind."""

import os
import signal

from Xlib import X, display as xdisplay


def deafen():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def daemon():
    """Forks twice, in a session of its own, and ignores what can be ignored."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            deafen()
            while True:
                signal.pause()
        os._exit(0)
    os.wait()


def window(display, protocols):
    made = display.screen().root.create_window(0, 0, 300, 200, 0, display.screen().root_depth)
    made.set_wm_protocols(protocols)
    made.map()
    display.flush()
    return made


def write(name):
    with open(os.path.expanduser("~/" + name), "w") as out:
        out.write(name)


def main():
    user = os.environ["USER"]
    display = xdisplay.Display()
    delete = display.intern_atom("WM_DELETE_WINDOW")
    if user != "carl":
        deafen()
    else:
        daemon()
        daemon()
    windows = [window(display, [] if user == "anna" else [delete])]
    write("ready")
    while True:
        event = display.next_event()
        if event.type == X.ClientMessage and event.data[1][0] == delete:
            if user == "carl":
                break
            windows.append(window(display, [delete]))
            write("asked")


main()
