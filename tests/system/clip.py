#!/usr/bin/python3
"""A program with the clipboard of $DISPLAY, for tests.

clip.py own       takes CLIPBOARD with what standard input says: a line of JSON, target -> data in base64, or null for
                  data that is never given. Writes "owned" and serves to the end of standard input. A next line takes
                  it anew. Writes "lost" when another program takes it.
clip.py get NAME  writes the data of that target to standard output; exits with 1 where there is none
clip.py pair A B  the same of two targets at once (MULTIPLE), as JSON: target -> data in base64, or null
clip.py stall N   asks for that target, and takes no piece of it; writes "begun" and stays to the end of standard input
clip.py targets   writes the names of the targets, one a line; exits with 1 where nobody has the clipboard"""

import base64
import json
import select
import sys

from Xlib import X, Xatom, display as xdisplay
from Xlib.protocol import event as xevent

PIECE = 60000
DEADLINE = 60


class Clip:
    def __init__(self):
        self.display = xdisplay.Display()
        self.window = self.display.screen().root.create_window(
            0, 0, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask)
        self.clipboard = self.display.intern_atom("CLIPBOARD")
        self.incr = self.display.intern_atom("INCR")
        self.contents, self.sending = {}, {}

    def atom(self, name):
        return self.display.intern_atom(name)

    def event(self, wanted):
        """The next event for which wanted(event) holds."""
        while True:
            while self.display.pending_events():
                event = self.display.next_event()
                if wanted(event):
                    return event
            if not select.select([self.display], [], [], DEADLINE)[0]:
                sys.exit("no event came")

    def time(self):
        self.window.change_property(self.atom("CLIP_TIME"), Xatom.STRING, 8, b"")
        return self.event(lambda event: event.type == X.PropertyNotify and event.atom == self.atom("CLIP_TIME")).time

    # --- it has the clipboard
    def own(self, line):
        self.contents = {self.atom(name): data and base64.b64decode(data) for name, data in json.loads(line).items()}
        self.window.set_selection_owner(self.clipboard, self.time())
        self.display.sync()
        print("owned", flush=True)

    def answer(self, event, prop):
        event.requestor.send_event(xevent.SelectionNotify(
            time=event.time, requestor=event.requestor, selection=event.selection, target=event.target, property=prop))

    def on_request(self, event):
        prop = event.property or event.target
        if event.target == self.atom("TARGETS"):
            event.requestor.change_property(prop, Xatom.ATOM, 32, [event.target, *self.contents])
        elif event.target not in self.contents:
            prop = X.NONE
        elif self.contents[event.target] is None:
            return
        elif len(self.contents[event.target]) <= PIECE:
            event.requestor.change_property(prop, event.target, 8, self.contents[event.target])
        else:
            data = self.contents[event.target]
            event.requestor.change_attributes(event_mask=X.PropertyChangeMask)
            self.sending[event.requestor.id, prop] = [event.target, data, 0]
            event.requestor.change_property(prop, self.incr, 32, [len(data)])
        self.answer(event, prop)

    def on_property(self, event):
        sent = self.sending.get((event.window.id, event.atom))
        if event.state != X.PropertyDelete or sent is None:
            return
        target, data, at = sent
        event.window.change_property(event.atom, target, 8, data[at:at + PIECE])
        sent[2] += PIECE
        if at >= len(data):
            del self.sending[event.window.id, event.atom]

    def serve(self):
        self.own(sys.stdin.readline())
        while True:
            while self.display.pending_events():
                event = self.display.next_event()
                if event.type == X.SelectionRequest:
                    self.on_request(event)
                elif event.type == X.PropertyNotify:
                    self.on_property(event)
                elif event.type == X.SelectionClear:
                    print("lost", flush=True)
            self.display.flush()
            if self.display.pending_events():
                continue
            if sys.stdin in select.select([self.display, sys.stdin], [], [])[0]:
                line = sys.stdin.readline()
                if not line:
                    return
                self.own(line)

    # --- it pastes
    def convert(self, target, prop="CLIP_DATA"):
        self.window.convert_selection(self.clipboard, self.atom(target), self.atom(prop), self.time())
        return self.event(lambda event: event.type == X.SelectionNotify).property

    def take(self, prop):
        value = self.window.get_full_property(prop, X.AnyPropertyType)
        self.window.delete_property(prop)
        return value

    def data(self, prop):
        value = self.take(prop)
        if value.property_type != self.incr:
            return bytes(value.value)
        whole = b""
        while True:
            self.event(lambda event: event.type == X.PropertyNotify and event.atom == prop
                       and event.state == X.PropertyNewValue)
            piece = self.take(prop)
            if piece is None or not len(piece.value):
                return whole
            whole += bytes(piece.value)

    def get(self, target):
        prop = self.convert(target)
        if not prop:
            sys.exit(1)
        sys.stdout.buffer.write(self.data(prop))

    def pair(self, *targets):
        atoms = []
        for target in targets:
            atoms += [self.atom(target), self.atom("CLIP_" + target)]
        self.window.change_property(self.atom("CLIP_DATA"), self.atom("ATOM_PAIR"), 32, atoms)
        if not self.convert("MULTIPLE"):
            sys.exit(1)
        answer = list(self.take(self.atom("CLIP_DATA")).value)
        found = {}
        for target, prop in zip(targets, answer[1::2]):
            found[target] = base64.b64encode(self.data(prop)).decode() if prop else None
        print(json.dumps(found))

    def stall(self, target):
        prop = self.convert(target)
        print("begun" if prop and self.window.get_full_property(prop, self.incr) else "whole", flush=True)
        sys.stdin.read()

    def targets(self):
        prop = self.convert("TARGETS")
        if not prop:
            sys.exit(1)
        for atom in self.take(prop).value:
            print(self.display.get_atom_name(atom))


if __name__ == "__main__":
    clip = Clip()
    {"own": clip.serve, "get": clip.get, "pair": clip.pair, "stall": clip.stall,
     "targets": clip.targets}[sys.argv[1]](*sys.argv[2:])
