"""Attempts to reach the display, the files, the processes and the sockets of others."""

import array
import ctypes
import os
import resource
import signal
import socket
import struct

from hostile_base import FACTS, attempt, connect, enter_user_namespace, first, of_others, others_pids, read
from victim import KEY_NUMBERS, call, libc

PTRACE_ATTACH = 16
SYS_PIDFD_GETFD = 438


# ------------------------------------------------------------------ display
@attempt
def x_abstract_socket():
    return first([f"\0/tmp/.X11-unix/X{other['made']['display'][1:]}" for other in FACTS["others"]], connect)


@attempt
def x_socket_file():
    return first([f"/proc/{pid}/root/tmp/.X11-unix/X0" for pid in others_pids()], connect)


@attempt
def x_cookie_file():
    return first(of_others(FACTS["run"] + "/sessions/{session}/Xauthority"), read)


@attempt
def x_others_cookie():
    """Their cookies do not open the display that can be reached, which is one's own."""
    from Xlib import display, error
    for other in FACTS["others"]:
        path = f"/tmp/cookies-{other['session']}"
        with open(path, "wb") as out:
            out.write(bytes.fromhex(other["made"]["cookies"]))
        os.environ["XAUTHORITY"] = path
        try:
            display.Display()
            return f"the display of session {other['session']}"
        except (error.DisplayError, OSError):
            pass
    return None


@attempt
def x_guessed_cookie():
    from Xlib import display, error
    for guess in (b"\0" * 16, bytes(range(16)), b"MIT-MAGIC-COOKIE"):
        with open("/tmp/guess", "wb") as out:
            fields = (b"", os.environ["DISPLAY"][1:].encode(), b"MIT-MAGIC-COOKIE-1", guess)
            out.write(b"\xff\xff" + b"".join(struct.pack(">H", len(field)) + field for field in fields))
        os.environ["XAUTHORITY"] = "/tmp/guess"
        try:
            display.Display()
            return "a display without its cookie"
        except (error.DisplayError, OSError):
            pass
    return None


@attempt
def x_over_tcp():
    return first([("127.0.0.1", 6000 + n) for n in range(3)], lambda at: connect(at, family=socket.AF_INET))


@attempt
def clipboard():
    """The selections of the display that can be reached: somebody has set them, elsewhere."""
    from Xlib import X, Xatom, display
    here = display.Display()
    window = here.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
    for selection in (here.intern_atom("CLIPBOARD"), Xatom.PRIMARY):
        window.convert_selection(selection, here.intern_atom("UTF8_STRING"), Xatom.STRING, X.CurrentTime)
        event = here.next_event()
        while event.type != X.SelectionNotify:
            event = here.next_event()
        if event.property != X.NONE:
            return str(window.get_full_property(Xatom.STRING, X.AnyPropertyType).value)
    return None


@attempt
def winstation_port():
    return first(of_others(FACTS["run"] + "/winstation/{session}.port"),
                 lambda path: connect(path, socket.SOCK_SEQPACKET))


# ------------------------------------------------------------------ files and IPC
@attempt
def tmp():
    return first(of_others("/tmp/{name}"), read)


@attempt
def dev_shm():
    return first(of_others("/dev/shm/{name}"), read)


@attempt
def posix_queue():
    return first(of_others("/{name}"), lambda name: call("mq_open", name.encode(), os.O_RDWR, 0, None) and "opened")


@attempt
def sysv_ipc():
    keys = [other["made"]["key"] for other in FACTS["others"]]
    return (first(keys, lambda key: f"shm {call('shmget', key, 0, 0)}") or
            first(keys, lambda key: f"sem {call('semget', key, 0, 0)}") or
            first(keys, lambda key: f"msg {call('msgget', key, 0)}"))


@attempt
def sysv_ipc_list():
    lines = [line for kind in ("shm", "sem", "msg") for line in open("/proc/sysvipc/" + kind).readlines()[1:]]
    keys = [str(other["made"]["key"]) for other in FACTS["others"]]
    return "listed" if any(line.split()[0] in keys for line in lines) else None


@attempt
def object_directory():
    return first(of_others(FACTS["run"] + "/sessions/{session}"), lambda path: os.listdir(path) or "listed")


@attempt
def runtime_directory():
    return first([f"/run/user/{other['uid']}" for other in FACTS["others"] if other["uid"] != os.getuid()], os.listdir)


@attempt
def home():
    theirs = [f"/home/{other['user']}" for other in FACTS["others"] if other["uid"] != os.getuid()]
    return first(theirs + [FACTS["state"] + "/homes"], os.listdir)


@attempt
def terminals():
    """A terminal of that name may be there: one's own."""
    here = os.stat("/dev/pts").st_dev
    if here in [FACTS["terminals"]] + [other["made"]["terminals"] for other in FACTS["others"]]:
        return "theirs"
    return first(os.listdir("/dev/pts"), lambda name: os.stat("/dev/pts/" + name).st_dev != here and "another's")


@attempt
def terminals_exhausted():
    kept, most = [], resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    try:
        while len(kept) < 2000:
            kept.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return None if len(kept) <= 512 else f"{len(kept)} terminals"
    return f"{len(kept)} terminals, and more to come"


@attempt
def hard_link_of_a_secret():
    return first(["/etc/shadow", FACTS["state"] + "/rdp-key.pem"],
                 lambda path: os.link(path, os.path.expanduser("~/linked")) or "linked")


# ------------------------------------------------------------------ processes
@attempt
def processes_list():
    names = [program(pid) for pid in os.listdir("/proc") if pid.isdigit()]
    return ", ".join(name for name in names if name in ("lodge-smss", "lodge-broker", "lodge-logon")) or None


@attempt
def processes_signal():
    return first(others_pids(), lambda pid: os.kill(pid, 0) or "reached")


@attempt
def processes_ptrace():
    return first(others_pids(), lambda pid: call("ptrace", PTRACE_ATTACH, pid, None, None) == 0 and "traced")


@attempt
def processes_memory():
    here = ctypes.create_string_buffer(8)
    parts = (ctypes.c_size_t * 2)(ctypes.addressof(here), 8)
    there = (ctypes.c_size_t * 2)(0x400000, 8)
    size = ctypes.c_size_t
    counts = (parts, size(1), there, size(1), size(0))
    return first(others_pids(), lambda pid: call("process_vm_readv", pid, *counts) > 0 and "read")


@attempt
def processes_pidfd():
    return first(others_pids(), lambda pid: f"descriptor {os.pidfd_open(pid)}")


@attempt
def processes_proc():
    names = ("environ", "mem", "maps", "cmdline", "status", "fd", "root", "cwd", "exe", "ns/mnt", "ns/ipc")
    return first([f"/proc/{pid}/{name}" for pid in others_pids() for name in names],
                 lambda path: os.lstat(path) and "there")


# ------------------------------------------------------------------ lodge-init, which has descriptors of root's
@attempt
def init_ptrace():
    return call("ptrace", PTRACE_ATTACH, FACTS["init"], None, None) == 0 and "traced"


@attempt
def init_proc():
    names = ("environ", "mem", "maps", "fd/2", "root/etc", "cwd/etc", "exe")
    return first([f"/proc/{FACTS['init']}/{name}" for name in names],
                 lambda path: os.readlink(path) if os.path.islink(path) else read(path) or "read")


@attempt
def init_descriptors():
    pidfd = os.pidfd_open(FACTS["init"])
    return first(range(0, 120), lambda fd: call("syscall", SYS_PIDFD_GETFD, pidfd, fd, 0) >= 0 and "taken")


@attempt
def init_namespaces():
    return first([f"/proc/{FACTS['init']}/ns/{name}" for name in ("mnt", "ipc", "uts", "pid", "user", "cgroup")],
                 lambda path: call("setns", os.open(path, os.O_RDONLY), 0) == 0 and "joined")


@attempt
def init_killed():
    """As the first of its namespace it does not even stop. Without one it is the user's to end: not tried."""
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGABRT, signal.SIGHUP, signal.SIGINT):
        os.kill(1, number)
    os.stat("/proc/1")
    return None


# ------------------------------------------------------------------ what came along
@attempt
def descriptors_inherited():
    return ", ".join(FACTS["inherited"]) or None


@attempt
def descriptors_standard():
    allowed = ("/dev/null", os.path.expanduser("~/.xsession-errors"))
    found = [os.readlink(f"/proc/self/fd/{fd}") for fd in range(3)]
    return f"{found}" if any(at not in allowed for at in found) else None


@attempt
def terminal_controlling():
    return os.open("/dev/tty", os.O_RDWR) and "opened"


@attempt
def terminal_input_pushed():
    return first(range(3), lambda fd: push(fd) and "pushed")


def push(fd):
    import fcntl
    import termios
    return fcntl.ioctl(fd, termios.TIOCSTI, b"x") is not None


@attempt
def environment():
    found = [name for name in os.environ if name.startswith(("LODGE_ISOLATION", "NOTIFY_SOCKET", "LISTEN_", "LD_"))]
    return ", ".join(found) or None


@attempt
def keyring():
    numbers = KEY_NUMBERS.get(os.uname().machine)
    names = [FACTS["server_key"]] + [other["made"]["name"] for other in FACTS["others"]]
    for name in names if numbers else []:
        # KEYCTL_SEARCH in the session's keyring
        if libc.syscall(numbers[1], 10, -3, b"user", name.encode(), 0) > 0:
            return name
    return None


# ------------------------------------------------------------------ sockets that no file system divides
def reach_abstract(name):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(5)
        peer.connect("\0" + name)
        return "connected"


@attempt
def abstract_socket():
    return first(of_others("{name}"), reach_abstract)


@attempt
def abstract_socket_of_the_host():
    return first([FACTS["host_abstract"]], reach_abstract)


@attempt
def abstract_socket_from_user_namespace():
    enter_user_namespace()
    return first(of_others("{name}"), reach_abstract)


@attempt
def session_bus():
    return first([other["made"]["bus"] for other in FACTS["others"]], reach_bus)


def reach_bus(address):
    for part in address.split(";"):
        kind, _, rest = part.partition(":")
        values = dict(pair.split("=", 1) for pair in rest.split(",") if "=" in pair)
        if kind == "unix" and ("path" in values or "abstract" in values):
            return connect(values.get("path") or "\0" + values["abstract"])
    return None


@attempt
def loopback():
    return first([other["made"]["loopback"] for other in FACTS["others"]],
                 lambda port: connect(("127.0.0.1", port), family=socket.AF_INET))


# ------------------------------------------------------------------ what a user may do to their own session
@attempt
def own_agent_channel():
    """The display agent is the user's process, and its channels are theirs to write into."""
    agent = next(int(pid) for pid in os.listdir("/proc") if pid.isdigit() and program(pid) == "lodge-display")
    pidfd = os.pidfd_open(agent)
    taken = []
    for fd in range(3, 16):
        try:
            taken.append(call("syscall", SYS_PIDFD_GETFD, pidfd, fd, 0))
        except OSError as error:
            refusal = error
    if not taken:
        raise refusal
    for fd in taken:
        try:
            peer = socket.socket(fileno=fd)
            peer.settimeout(2)
            peer.sendmsg([os.urandom(1000)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1]))])
        except OSError:
            continue
    return "its channels"


def program(pid):
    try:
        return read(f"/proc/{pid}/comm").decode().strip()
    except OSError:
        return ""
