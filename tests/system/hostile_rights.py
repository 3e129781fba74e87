"""Attempts to reach the server, to get more rights, and to take all there is."""

import errno
import os
import resource
import signal
import socket
import stat
import subprocess

from hostile_base import FACTS, CLONE_NEWPID, attempt, connect, enter_user_namespace, first, read, write
from hostile_others import PTRACE_ATTACH, init_descriptors
from victim import SESSION, call, libc

HARMLESS = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "fuse", "tun", "vsock", "userfaultfd", "udmabuf",
            "rfkill", "kvm", "vfio")  # devices that distributions let everybody write to
CLONE_NEWCGROUP = 0x02000000
MS_BIND, MNT_DETACH, MS_REMOUNT = 4096, 2, 32


# ------------------------------------------------------------------ the server
@attempt
def database():
    return first([FACTS["state"] + "/db", FACTS["state"] + "/db/lodge.db"], lambda p: open_any(p) and "opened")


def open_any(path):
    os.close(os.open(path, os.O_RDONLY))
    return True


@attempt
def accounts():
    return first([FACTS["state"] + "/accounts", FACTS["state"] + "/rdp-key.pem", "/etc/shadow"], read)


@attempt
def run_files():
    names = ("next-id", "display", "lock", "broker.log", "listener.log", "winstation/secret", "winstation")
    return first([f"{FACTS['run']}/{name}" for name in names],
                 lambda path: os.open(path, os.O_RDONLY | os.O_NONBLOCK) and "opened")


@attempt
def run_directories_written():
    for folder, names, _ in os.walk(FACTS["run"]):
        own = f"{FACTS['run']}/sessions/{SESSION}"
        names[:] = [name for name in names if f"{folder}/{name}" != own]
        if os.access(folder, os.W_OK):
            return folder
    return None


@attempt
def sm_port():
    return connect(FACTS["run"] + "/ports/sm.port", socket.SOCK_SEQPACKET)


@attempt
def lsm_port_garbage():
    """Nothing but the end of the connection comes of it."""
    for garbage in (b"\0" * 4000, os.urandom(4000), b"\xff\xff\xff\xff", b"\x01"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
            peer.settimeout(10)
            peer.connect(FACTS["run"] + "/ports/lsm.port")
            socket.send_fds(peer, [garbage], [0, 1, 2])
            if peer.recv(4000) != b"":
                return "an answer"
    return None


@attempt
def lsm_port_methods():
    for command in FACTS["commands"]:
        result = subprocess.run([FACTS["run"] + "/programs/lodgectl", "--config", FACTS["conf"], *command],
                                capture_output=True, text=True, timeout=30, check=False)
        if result.returncode == 0:
            return f"{command}: {result.stdout}"
    return None


# ------------------------------------------------------------------ more rights
@attempt
def capabilities():
    fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
    found = [name for name in ("CapEff", "CapPrm", "CapInh", "CapAmb") if int(fields[name], 16) != 0]
    return ", ".join(found) or None


@attempt
def become_another():
    return first([os.setuid, os.setgid, os.seteuid], lambda become: become(0) or "root") or first(
        [0], lambda gid: os.setgroups([gid]) or "a group")


@attempt
def set_user_id_programs_of_ones_own():
    """A program made in a place of the session's own gives nobody its owner's rights."""
    for folder in ("/tmp", "/dev/shm", f"/run/user/{os.getuid()}", f"{FACTS['run']}/sessions/{SESSION}",
                   os.path.expanduser("~")):
        if not os.statvfs(folder).f_flag & os.ST_NOSUID:
            return folder
    return None


@attempt
def set_user_id_programs_of_the_machine():
    """These are to work: passwd reads what only root may read, and tells a user of their own."""
    result = subprocess.run(["passwd", "-S"], capture_output=True, text=True, timeout=10, check=False)
    return result.stdout.strip() if result.returncode == 0 else None


@attempt
def mounts():
    calls = ([("mount", b"none", b"/tmp", b"tmpfs", 0, None), ("mount", b"/", b"/tmp", None, MS_BIND, None),
              ("mount", None, b"/tmp", None, MS_REMOUNT, None), ("umount2", b"/tmp", MNT_DETACH),
              ("umount2", (FACTS["run"] + "/winstation").encode(), MNT_DETACH), ("umount2", b"/proc", MNT_DETACH),
              ("chroot", b"/tmp")])
    return first(calls, lambda one: call(*one) == 0 and "done")


@attempt
def devices():
    """What anybody may read on the machine, a session may: but not write, and no disk, memory or screen."""
    found = []
    for folder, _, names in os.walk("/dev"):
        for name in names:
            path = f"{folder}/{name}"
            status = os.lstat(path)
            writable = stat.S_ISCHR(status.st_mode) and os.access(path, os.W_OK) and status.st_uid != os.getuid()
            if stat.S_ISBLK(status.st_mode) and os.access(path, os.R_OK):
                found.append(path)
            elif writable and name not in HARMLESS:
                found.append(path)
    return ", ".join(found) or None


@attempt
def device_made():
    return first([os.path.expanduser("~/disk"), "/tmp/disk"],
                 lambda path: os.mknod(path, 0o600 | stat.S_IFBLK, 0x0700) or "made")


@attempt
def kernel_settings():
    return first(["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory",
                  "/proc/sysrq-trigger", "/sys/kernel/mm/ksm/run", "/sys/power/state"], lambda path: write(path, "1"))


@attempt
def core_file():
    """A core file is the user's, and lies in the session's own places. The kernel's pattern is the machine's."""
    os.chdir("/tmp")
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    os.waitpid(child, 0)
    for name in os.listdir("/tmp"):
        status = os.lstat("/tmp/" + name)
        if name.startswith("core") and (status.st_mode & 0o077 or status.st_uid != os.getuid()):
            return name
    return None


# ------------------------------------------------------------------ control groups
def groups():
    """Directories of groups: the server's and the sessions', in each hierarchy, and those above."""
    found = []
    for name in ("cgroup", "cgroup-memory", "cgroup-pids", "cgroup-cpu"):
        top = os.path.realpath(f"{FACTS['run']}/{name}")
        if os.path.isdir(top):
            found += [top, os.path.dirname(top)]
            found += [f"{top}/{at}" for at in os.listdir(top) if os.path.isdir(f"{top}/{at}")]
    return found


@attempt
def cgroup_left():
    return first([path + "/cgroup.procs" for path in groups()], lambda path: write(path, str(os.getpid())))


@attempt
def cgroup_limits():
    names = ("pids.max", "memory.max", "memory.limit_in_bytes", "cpu.shares", "cpu.weight", "cgroup.subtree_control")
    return first([f"{path}/{name}" for path in groups() for name in names], lambda path: write(path, "max"))


@attempt
def cgroup_killed():
    return first([f"{path}/{name}" for path in groups() for name in ("cgroup.kill", "cgroup.freeze")],
                 lambda path: write(path, "1"))


@attempt
def cgroup_made():
    return first([path + "/mine" for path in groups()], lambda path: os.mkdir(path) or "made")


# ------------------------------------------------------------------ user namespaces
@attempt
def user_namespace_unmount():
    """What lies below the session's own places does not come to light."""
    enter_user_namespace()
    places = ["/tmp", "/dev/shm", "/proc", "/dev/pts", "/home", "/run/user", FACTS["run"] + "/winstation"]
    found = first(places, lambda at: call("umount2", at.encode(), MNT_DETACH) == 0 and "unmounted")
    return found


@attempt
def user_namespace_bind():
    enter_user_namespace()
    call("mount", b"/", b"/tmp", None, MS_BIND, None)  # not recursive: without what covers it
    return first([f"/tmp{FACTS['run']}/winstation", "/tmp/tmp"], lambda at: os.listdir(at) and "uncovered")


@attempt
def user_namespace_proc():
    enter_user_namespace(CLONE_NEWPID)
    child = os.fork()
    if child == 0:
        shown = 0
        try:
            call("mount", b"proc", b"/proc", b"proc", 0, None)
            shown = sum(name.isdigit() for name in os.listdir("/proc"))
        finally:
            os._exit(shown if shown < 100 else 100)
    _, status = os.waitpid(child, 0)
    return f"{os.WEXITSTATUS(status)} processes" if os.WEXITSTATUS(status) > 1 else None


@attempt
def user_namespace_init():
    enter_user_namespace()
    return first([FACTS["init"]], lambda pid: call("ptrace", PTRACE_ATTACH, pid, None, None) == 0 and "traced") or \
        init_descriptors()


@attempt
def user_namespace_cgroup():
    paths = groups()
    enter_user_namespace(CLONE_NEWCGROUP)
    mounted = [b"cgroup2"] if libc.mount(b"none", b"/tmp", b"cgroup2", 0, None) == 0 else []
    return first([f"{path}/cgroup.procs" for path in paths + (["/tmp"] if mounted else [])],
                 lambda path: write(path, str(os.getpid())))


@attempt
def user_namespace_device():
    enter_user_namespace()
    call("mount", b"none", b"/tmp", b"tmpfs", 0, None)
    return os.mknod("/tmp/disk", 0o600 | stat.S_IFBLK, 0x0700) or "made"


# ------------------------------------------------------------------ taking all there is
@attempt
def space():
    bounds = {"/tmp": 1 << 30, "/dev/shm": 1 << 30, f"/run/user/{os.getuid()}": 256 << 20,
              f"{FACTS['run']}/sessions/{SESSION}": 16 << 20}
    for folder, most in bounds.items():
        fd = os.open(folder + "/full", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(fd, 0, most + (1 << 20))
            return folder
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.unlink(folder + "/full")
    return None


@attempt
def names():
    """An object directory full of names, deep and long: for whoever has to remove it."""
    os.chdir(f"{FACTS['run']}/sessions/{SESSION}")
    made = 0
    try:
        for number in range(100000):
            os.mkdir("d" * 255)
            os.chdir("d" * 255)
            os.symlink("/etc/passwd", "link")
            made = number
    except OSError:
        pass
    return f"{made} folders" if made > 1000 else None


@attempt
def files_opened():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        while True:
            os.open("/dev/null", os.O_RDONLY)
    except OSError as error:
        return "all of the machine's" if error.errno == errno.ENFILE else None
