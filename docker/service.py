"""Keeps a service running: started again when it ends, stopped when that does not help.

    python3 -I -S service.py NAME PORT MEMORY COMMAND …

What stops it: three ends within a minute of their start, exit code 0 (a user has shut it down) or 78 (EX_CONFIG of
sysexits.h: to start again would not help). Then its last line answers every request to PORT, with status 503 and the
header X-Service-Stopped, so that a browser, `./invoke up` and labs learn the reason, until the container is started
again. MEMORY: the setting of the container's memory limit.
"""

import ctypes
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

EARLY = 60.0
"""Seconds after its start: a service that ends in them is likely to do so again."""
ENDS = 3
"""Early ends, one after the other, that stop a service."""
SHUT_DOWN, REFUSED, KILLED = 0, 78, -signal.SIGKILL
HEADER = "X-Service-Stopped"


class Service:
    """A program that gets the container's SIGTERM and SIGINT, and is not started again then.

    Attributes:
        last: the last line that it has printed.
    """

    def __init__(self, command: list[str]) -> None:
        self.command, self.last = command, ""
        self._child: subprocess.Popen[bytes] | None = None
        self._ending = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, number: int, _: object) -> None:
        self._ending = True
        if self._child is not None:
            self._child.send_signal(number)

    def run(self) -> int:
        """Run it once, with its output passed on. Returns its exit code; ends with it after a signal."""
        self._child = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        reader = threading.Thread(target=self._pass_on, args=(self._child.stdout,))
        reader.start()
        if self._ending:
            self._child.terminate()
        code = self._child.returncode = wait(self._child.pid)
        end_orphans()
        reader.join()
        if self._ending:
            sys.exit(128 - code if code < 0 else code)
        return code

    def _pass_on(self, output: IO[bytes]) -> None:
        for line in output:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            self.last = line.decode(errors="replace").strip() or self.last


def adopt_orphans() -> None:
    """Let what a process of this one's leaves behind be its own child (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def wait(pid: int) -> int:
    """Return the exit code of a child once it has ended; adopted ones are reaped meanwhile."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def end_orphans() -> None:
    """End all that a service has left: kernels of a JupyterLab that was killed, each in a session of its own."""
    while children := [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and parent(entry.name) == os.getpid()
    ]:
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def parent(pid: str) -> int:
    """Return the process id of the parent (proc_pid_stat(5)); 0 of one that has ended."""
    try:
        return int(
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
        )
    except OSError:
        return 0


def out_of_memory() -> bool:
    """Return whether the kernel has ended a process of this container for its memory, by the count that it keeps."""
    for file in ("memory.events", "memory/memory.oom_control"):  # of version 2 and 1
        path = Path("/sys/fs/cgroup", file)
        if path.exists():
            counts = dict(line.split() for line in path.read_text(encoding="utf-8").splitlines())
            return int(counts.get("oom_kill", 0)) > 0
    return False


def keep(name: str, memory: str, command: list[str]) -> str:
    """Run the service, again where it ends. Returns the reason why it is stopped."""
    adopt_orphans()
    service, early = Service(command), 0
    while True:
        begun = time.monotonic()
        code = service.run()
        if code == REFUSED:
            return service.last
        if code == SHUT_DOWN:
            return f"{name} was shut down: ./invoke up starts it again"
        reason = service.last
        if code == KILLED and out_of_memory():
            reason = f"out of memory; set a larger {memory} in .env, then ./invoke up"
        early = early + 1 if time.monotonic() - begun < EARLY else 0
        if early == ENDS:
            return f"{name} was stopped, as it ended {ENDS} times within a minute of its start: {reason}"
        print(f"{name} ended (exit code {code}: {reason}) and is started again", flush=True)


class Refusal(socketserver.StreamRequestHandler):
    """Refuses one HTTP request, whatever it asks."""

    timeout = 10.0
    line = ""

    def handle(self) -> None:
        """Answer with the reason, and let the client end."""
        with suppress(OSError):
            while self.rfile.readline().strip():
                pass
            body = f"{self.line}\n".encode()
            fields = ("Content-Type: text/plain; charset=utf-8", f"Content-Length: {len(body)}", f"{HEADER}: yes")
            self.wfile.write("\r\n".join(["HTTP/1.0 503 Service Unavailable", *fields, "", ""]).encode() + body)
            self.connection.shutdown(socket.SHUT_WR)
            while self.connection.recv(1 << 16):
                pass


class Server(socketserver.ThreadingTCPServer):
    """Listens in the place of the service."""

    allow_reuse_address = True
    daemon_threads = True


def answer(port: int, line: str) -> None:
    """Answer every request with `line` until SIGTERM."""

    def end(*_: object) -> None:
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    print(line, flush=True)
    Refusal.line = line
    with Server(("0.0.0.0", port), Refusal) as server:
        server.serve_forever()


if __name__ == "__main__":
    answer(int(sys.argv[2]), keep(sys.argv[1], sys.argv[3], sys.argv[4:]))
