#!/usr/bin/python3
"""A program of a session that has one of each thing that another session is not to reach: test_isolation.py's. What
it has it writes to ~/victim-SESSION.json, and then answers whoever asks for its clipboard."""

import ctypes
import json
import os
import socket
import threading

from Xlib import X, Xatom, display as xdisplay

SESSION = int(os.environ.get("LODGE_SESSION", 0))
NAME = f"lodge-victim-{SESSION}"
KEY = 0x4C440000 + SESSION
SECRET = f"secret of session {SESSION}"
KEY_NUMBERS = {"x86_64": (248, 250), "aarch64": (217, 219)}  # add_key, keyctl
SESSION_KEYRING = -3

libc = ctypes.CDLL(None, use_errno=True)
libc.mq_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]


def call(function, *arguments):
    """A function of the C library by its name; OSError when it returns -1."""
    result = getattr(libc, function)(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), function)
    return result


def add_key():
    """Into the session's keyring; False where the kernel has no keys, or not for this machine."""
    numbers = KEY_NUMBERS.get(os.uname().machine)
    if numbers is None:
        return False
    secret = SECRET.encode()
    return libc.syscall(numbers[0], b"user", NAME.encode(), secret, ctypes.c_size_t(len(secret)), SESSION_KEYRING) > 0


def listen(address):
    listener = socket.socket(socket.AF_UNIX if isinstance(address, bytes) else socket.AF_INET)
    listener.bind(address)
    listener.listen()
    return listener


def make():
    """Returns what is there, by name, and what has to be kept so that it stays."""
    for path in (f"/tmp/{NAME}", f"/dev/shm/{NAME}"):
        with open(path, "w") as out:
            out.write(SECRET)
        os.chmod(path, 0o666)
    call("shmget", KEY, 4096, 0o1666)
    call("semget", KEY, 1, 0o1666)
    call("msgget", KEY, 0o1666)
    call("mq_open", b"/" + NAME.encode(), os.O_CREAT | os.O_RDWR, 0o666, None)
    kept = [listen(b"\0" + NAME.encode()), listen(("127.0.0.1", 0)), os.openpty()]
    os.ttyname(kept[2][1])  # its name leads to it
    facts = {"session": SESSION, "name": NAME, "key": KEY, "secret": SECRET, "keyring": add_key(),
             "loopback": kept[1].getsockname()[1], "terminals": os.stat("/dev/pts").st_dev,
             "bus": os.environ.get("DBUS_SESSION_BUS_ADDRESS", ""), "display": os.environ["DISPLAY"]}
    with open(os.environ["XAUTHORITY"], "rb") as cookies:
        facts["cookies"] = cookies.read().hex()
    threading.Thread(target=serve, args=(kept[0],), daemon=True).start()
    return facts, kept


def serve(listener):
    while True:
        peer, _ = listener.accept()
        peer.sendall(SECRET.encode())
        peer.close()


def answer(display, event):
    utf8 = display.intern_atom("UTF8_STRING")
    event.requestor.change_property(event.property, utf8, 8, SECRET.encode())
    event.requestor.send_event(_notify(event))
    display.flush()


def _notify(event):
    from Xlib.protocol import event as xevent
    return xevent.SelectionNotify(time=event.time, requestor=event.requestor, selection=event.selection,
                                  target=event.target, property=event.property)


def main():
    display = xdisplay.Display()
    window = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
    for selection in (display.intern_atom("CLIPBOARD"), Xatom.PRIMARY):
        window.set_selection_owner(selection, X.CurrentTime)
    display.sync()
    facts, kept = make()
    path = os.path.expanduser(f"~/victim-{SESSION}.json")
    with open(path + ".new", "w") as out:
        json.dump(facts, out)
    os.rename(path + ".new", path)
    while kept:
        event = display.next_event()
        if event.type == X.SelectionRequest:
            answer(display, event)


if __name__ == "__main__":
    main()
