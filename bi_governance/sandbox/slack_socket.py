"""Socket Mode's other end: a WebSocket server (RFC 6455) that sends envelopes and waits for their receipts.

What is sent follows docs.slack.dev, "Using Socket Mode": `hello`, then envelopes with an `envelope_id` that
the client has to send back.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_MAX_HEAD = 16_384


@dataclass(slots=True)
class _Line:
    """One open connection."""

    peer: socket.socket
    sending: threading.Lock = field(default_factory=threading.Lock)

    def send(self, opcode: int, data: bytes) -> None:
        """One unfragmented, unmasked frame, as servers send them."""
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, size)
        elif size < 65_536:
            head = struct.pack("!BBH", 0x80 | opcode, 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, size)
        with self.sending:
            self.peer.sendall(head + data)

    def read(self) -> tuple[int, bytes]:
        """One frame; EOFError when the peer hung up, ValueError when it breaks the protocol."""
        first, second = self._exactly(2)
        if not second & 0x80:
            raise ValueError("a client must mask what it sends")
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._exactly(8))
        mask, data = self._exactly(4), self._exactly(size)
        return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.peer.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data


class SocketServer:
    """Serves Socket Mode on loopback for as long as the `with` block lasts; connections need a ticket."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._tickets: set[str] = set()
        self._lines: list[_Line] = []
        self._receipts: dict[str, Any] = {}
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._start(self._accept, self._listener)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listener is not None:
            # Closing alone does not wake a thread that waits in accept.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.hang_up()
        for thread in self._threads:
            thread.join(5)

    def issue(self) -> str:
        """An address for one connection; RuntimeError when the server is not running."""
        if self._listener is None:
            raise RuntimeError("Socket Mode is off; use the server in a with block")
        ticket = uuid4().hex
        with self._changed:
            self._tickets.add(ticket)
        return f"ws://127.0.0.1:{self._listener.getsockname()[1]}/link/?ticket={ticket}"

    def send(self, kind: str, payload: Mapping[str, Any], seconds: float = 10) -> Any:
        """Send an envelope and wait for its receipt; what came with that. TimeoutError without one."""
        envelope = uuid4().hex
        body = {"envelope_id": envelope, "type": kind, "payload": payload, "accepts_response_payload": True}
        with self._changed:
            if not self._changed.wait_for(lambda: self._lines, seconds):
                raise TimeoutError("no client is connected")
            line = self._lines[-1]
        line.send(_TEXT, json.dumps(body).encode())
        with self._changed:
            if not self._changed.wait_for(lambda: envelope in self._receipts, seconds):
                raise TimeoutError(f"the envelope {kind} was not acknowledged")
            return self._receipts[envelope]

    def hang_up(self) -> None:
        """Close every connection; clients come back for another one."""
        with self._changed:
            lines, self._lines = self._lines, []
        for line in lines:
            try:
                line.send(_CLOSE, struct.pack("!H", 1000))
                line.peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster

    def refresh(self, seconds: float = 10) -> None:
        """Ask the client for a new connection, as Slack does every few hours; TimeoutError without one."""
        with self._changed:
            old = self._lines[-1]
        old.send(_TEXT, json.dumps({"type": "disconnect", "reason": "refresh_requested"}).encode())
        with self._changed:
            if not self._changed.wait_for(lambda: self._lines and self._lines[-1] is not old, seconds):
                raise TimeoutError("the client did not come back")

    def _start(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, name="socket-mode", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return  # closed
            self._start(self._serve, _Line(peer))

    def _serve(self, line: _Line) -> None:
        try:
            if not self._shake_hands(line.peer):
                return
            line.send(_TEXT, json.dumps({"type": "hello", "num_connections": 1}).encode())
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
            self._listen(line)
        except (OSError, EOFError, ValueError):
            return
        finally:
            with self._changed:
                if line in self._lines:
                    self._lines.remove(line)
            line.peer.close()

    def _shake_hands(self, peer: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            part = peer.recv(1024)
            if not part or len(head) > _MAX_HEAD:
                return False
            head += part
        request, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        ticket = request.split(" ")[1].rpartition("ticket=")[2]
        key = headers.get("sec-websocket-key", "")
        with self._changed:
            is_known = ticket in self._tickets
            self._tickets.discard(ticket)
        if not (is_known and key and headers.get("upgrade", "").lower() == "websocket"):
            peer.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return False
        accept = base64.b64encode(hashlib.sha1(f"{key}{_MAGIC}".encode()).digest()).decode()  # noqa: S324
        answer = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
        peer.sendall("\r\n".join((*answer, f"Sec-WebSocket-Accept: {accept}", "", "")).encode())
        return True

    def _listen(self, line: _Line) -> None:
        while True:
            opcode, data = line.read()
            if opcode == _PING:
                line.send(_PONG, data)
            elif opcode == _CLOSE:
                return
            elif opcode == _TEXT:
                receipt = json.loads(data)
                with self._changed:
                    self._receipts[receipt["envelope_id"]] = receipt.get("payload")
                    self._changed.notify_all()
