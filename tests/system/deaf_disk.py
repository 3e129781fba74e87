"""A file system that takes a request and does not answer it, as a disk or server that has gone does: whoever looks for
`stuck` in it waits in the kernel, and SIGKILL does not end that. It speaks the protocol of /dev/fuse itself."""

import contextlib
import ctypes
import errno
import os
import select
import stat
import struct
import threading

DEVICE = "/dev/fuse"
LOOKUP, FORGET, GETATTR, INIT, INTERRUPT, BATCH_FORGET = 1, 2, 3, 26, 36, 42
REQUEST, ANSWER = struct.Struct("=IIQQIII4x"), struct.Struct("=IiQ")
MS_NOSUID, MS_NODEV, MNT_DETACH = 2, 4, 2
libc = ctypes.CDLL(None, use_errno=True)


def is_possible():
    """Whether this machine has FUSE."""
    try:
        os.close(os.open(DEVICE, os.O_RDWR))
    except OSError:
        return False
    return True


class DeafDisk:
    """Mounted at `path`, a new folder, until close()."""

    def __init__(self, path):
        self.path = path
        self.held = []  # requests that have no answer; guarded by the lock
        self.lock = threading.Lock()
        self.fd = os.open(DEVICE, os.O_RDWR)
        os.mkdir(path)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if libc.mount(b"deaf", path.encode(), b"fuse", MS_NOSUID | MS_NODEV, options) != 0:
            failed = ctypes.get_errno()
            os.close(self.fd)
            raise OSError(failed, os.strerror(failed), path)
        self.wake, self.woken = os.pipe()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def answer(self, request, error=0, body=b""):
        with contextlib.suppress(FileNotFoundError):  # who asked waits no more
            os.write(self.fd, ANSWER.pack(ANSWER.size + len(body), -error, request) + body)

    def serve(self):
        while True:
            ready, _, _ = select.select([self.fd, self.wake], [], [])
            if self.wake in ready:
                return
            try:
                packet = os.read(self.fd, 1 << 20)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                return  # unmounted everywhere
            self.take(packet)

    def take(self, packet):
        _, operation, request, _, _, _, _ = REQUEST.unpack_from(packet)
        if operation in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        if operation == INIT:
            self.answer(request, body=struct.pack("=IIIIHHIIHHI28x", 7, 31, 0, 0, 16, 12, 4096, 1, 0, 0, 0))
        elif operation == GETATTR:
            times = (0,) * 8
            self.answer(request, body=struct.pack("=QI4x6Q10I", 3600, 0, 1, *times, stat.S_IFDIR | 0o755, 2, 0, 0, 0,
                                                  4096, 0))
        elif operation == LOOKUP and packet[REQUEST.size:].rstrip(b"\0") == b"stuck":
            with self.lock:
                self.held.append(request)
        else:
            self.answer(request, errno.ENOENT if operation == LOOKUP else errno.ENOSYS)

    def waiting(self):
        """How many requests it has taken and not answered."""
        with self.lock:
            return len(self.held)

    def release(self):
        """Answers all of them."""
        with self.lock:
            for request in self.held:
                self.answer(request, errno.EIO)
            self.held.clear()

    def close(self):
        """Nobody waits for it any more, wherever it is mounted."""
        if self.fd == -1:
            return
        self.release()
        os.write(self.woken, b"x")
        self.thread.join()
        for fd in (self.fd, self.wake, self.woken):
            os.close(fd)
        self.fd = -1
        libc.umount2(self.path.encode(), MNT_DETACH)
        os.rmdir(self.path)
