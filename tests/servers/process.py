"""A server process of ours: its own group, logging to a file, ended by its id, never outliving the tests."""

import atexit
import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

STOP_SECONDS = 15.0
LOG_TAIL = 4000  # characters of the log shown when a server does not start
LOOPBACK = "127.0.0.1"


class ServerFailed(Exception):
    """A real server could not be started or did not answer; the message ends with the tail of its log."""


class ServerProcess:
    """One running server. ``stop`` is safe to repeat and is also called when the interpreter exits.

    A small shell waits on a pipe from us: when the test process is killed outright, without ``finally`` or
    ``atexit``, the pipe closes and the shell ends the server.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        cwd: Path,
        user: str | None = None,
        pass_fds: Collection[int] = (),
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                pass_fds=pass_fds,
                **identity(user),
                start_new_session=True,
            )
        self.pid = self._process.pid
        # A job in the background of a script hands down that SIGINT is ignored, so SIGTERM follows.
        self._guard = subprocess.Popen(
            ["sh", "-c", f"cat >/dev/null; kill -INT {self.pid}; kill -TERM {self.pid}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        atexit.register(self.stop)

    @property
    def is_running(self) -> bool:
        """Whether the process we started still runs."""
        return self._process.poll() is None

    def wait(self, seconds: float) -> int:
        """The exit status, once the server has ended by itself; else raises subprocess.TimeoutExpired."""
        return self._process.wait(seconds)

    def failed(self, fact: str) -> ServerFailed:
        """The error for a server that did not do what it should, with the tail of its log."""
        tail = self.log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:]
        return ServerFailed(f"{fact}. The end of {self.log}:\n{tail}")

    def stop(self) -> None:
        """End the server and wait for it: asked first, killed with its children after ``STOP_SECONDS``."""
        atexit.unregister(self.stop)
        self._dismiss_guard()
        if not self.is_running:
            return
        self._process.send_signal(signal.SIGINT)  # gunicorn: quick shutdown; PostgreSQL: fast shutdown
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()

    def _dismiss_guard(self) -> None:
        self._guard.kill()
        self._guard.wait()
        if self._guard.stdin is not None:
            self._guard.stdin.close()


class Identity(TypedDict, total=False):
    """The part of Popen's arguments that says as whom to run."""

    user: int
    group: int
    extra_groups: list[int]


def identity(user: str | None) -> Identity:
    """Run as that user, without any group of ours; nothing for None, which is: as ourselves."""
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Deadline:
    """Bounds a wait for a server: ``pause`` sleeps briefly, and fails once time is up or the server died."""

    def __init__(self, process: ServerProcess, seconds: float) -> None:
        self._process = process
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def pause(self) -> None:
        """Wait 20 ms; raises ServerFailed when waiting longer makes no sense."""
        if not self._process.is_running:
            raise self._process.failed("The server ended while starting")
        if time.monotonic() > self._end:
            raise self._process.failed(f"The server was not ready after {self._seconds:g} s")
        time.sleep(0.02)


def listen_on_free_port() -> socket.socket:
    """A listening socket on a free loopback port, to hand to the server: nobody else can take the port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((LOOPBACK, 0))
    listener.listen(64)
    return listener


def free_port() -> int:
    """A port that was free a moment ago, for servers that insist on opening it themselves."""
    with listen_on_free_port() as listener:
        port: int = listener.getsockname()[1]
        return port
