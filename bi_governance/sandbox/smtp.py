"""A mail server on loopback (RFC 5321, STARTTLS, AUTH PLAIN) that keeps what it accepted, with faults.

A fault's `match` is searched in `VERB argument`, e.g. `RCPT <ada@acme.example>`. Two moments are no
commands of SMTP: `MESSAGE <recipient>` when the whole text has come in and is not accepted yet, and
`ANSWER <recipient>` when it is accepted but not answered yet. Of the kinds of fault, `status` answers
with that reply code, `drop` hangs up.
"""

from __future__ import annotations

import base64
import binascii
import re
import socketserver
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import TracebackType
from typing import Self

from bi_governance.sandbox.faults import Faults

_IDLE_SECONDS = 20.0
_PATH = re.compile(r"(?i)(?:FROM|TO):(<[^<>\s]*>)")


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message the server took responsibility for: its envelope and its text as it came."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.data, policy=default)


class SmtpSandbox:
    """Serves on a free port of 127.0.0.1 for as long as the `with` block lasts.

    With `certificate` (a PEM file with key and certificate) it offers STARTTLS; with `accounts` (names
    to passwords) it takes mail from those who logged in only. `accepted` and `commands` grow while it
    serves; commands are `VERB argument`, without what AUTH carries.
    """

    def __init__(self, *, certificate: Path | None = None, accounts: Mapping[str, str] | None = None) -> None:
        self.certificate = certificate
        self.accounts = dict(accounts or {})
        self.faults = Faults()
        self.accepted: list[Accepted] = []
        self.commands: list[str] = []
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        """Raises RuntimeError when the server is not running."""
        if self._server is None:
            raise RuntimeError("the mail server is not running; use it in a with block")
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="smtp", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, sandbox: SmtpSandbox) -> None:
        self.sandbox = sandbox
        super().__init__(("127.0.0.1", 0), _Conversation)


class _HungUp(Exception):
    """This conversation is over."""


class _Conversation(socketserver.StreamRequestHandler):
    """One client, from greeting to goodbye."""

    server: _Server
    timeout = _IDLE_SECONDS
    sender: str | None
    recipients: list[str]

    def setup(self) -> None:
        super().setup()
        self.sandbox = self.server.sandbox
        self.encrypted: ssl.SSLSocket | None = None
        self.user: str | None = None
        self._forget()

    def handle(self) -> None:
        try:
            self._reply(220, "loopback ESMTP", about="CONNECT")
            while True:
                verb, argument = self._command()
                self._obey(verb, argument)
        except (_HungUp, OSError):
            return

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            pass  # the client went first
        finally:
            if self.encrypted is not None:
                self.encrypted.close()

    def _command(self) -> tuple[str, str]:
        line = self.rfile.readline(2048)
        if not line:
            raise _HungUp
        verb, _, argument = line.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
        return verb.upper(), argument

    def _obey(self, verb: str, argument: str) -> None:
        path = _PATH.match(argument)
        shown = path[1] if path else ("" if verb == "AUTH" else argument)
        self.sandbox.commands.append(f"{verb} {shown}".strip())
        if self._strikes(f"{verb} {shown}"):
            return
        steps: Mapping[str, Callable[[str], None]] = {
            "EHLO": self._ehlo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda _: self._reply(250, "ok"),
            "QUIT": self._quit,
        }
        if verb in steps:
            steps[verb](shown or argument)
        else:
            self._reply(502, "5.5.1 command not implemented")

    def _ehlo(self, _name: str) -> None:
        features = ["loopback", "8BITMIME"]
        if self._may_encrypt():
            features.append("STARTTLS")
        if self.sandbox.accounts:
            features.append("AUTH PLAIN")
        lines = [f"250-{feature}\r\n" for feature in features[:-1]] + [f"250 {features[-1]}\r\n"]
        self.wfile.write("".join(lines).encode())

    def _may_encrypt(self) -> bool:
        return self.sandbox.certificate is not None and self.encrypted is None

    def _starttls(self, _nothing: str) -> None:
        if not self._may_encrypt():
            self._reply(502, "5.5.1 not offered")
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self.sandbox.certificate))
        self._reply(220, "go ahead")
        self.encrypted = context.wrap_socket(self.connection, server_side=True)
        self.rfile.close()
        self.rfile, self.wfile = self.encrypted.makefile("rb"), self.encrypted.makefile("wb", 0)  # type: ignore[assignment]
        self._forget()

    def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        if mechanism.upper() != "PLAIN":
            self._reply(504, "5.5.4 mechanism not offered")
            return
        try:
            _, name, password = base64.b64decode(initial, validate=True).decode().split("\0")
        except (binascii.Error, ValueError):
            self._reply(501, "5.5.2 cannot decode")
            return
        if self.sandbox.accounts.get(name) != password:
            self._reply(535, "5.7.8 credentials invalid")
            return
        self.user = name
        self._reply(235, "2.7.0 welcome")

    def _mail(self, path: str) -> None:
        if self.sandbox.accounts and self.user is None:
            self._reply(530, "5.7.0 authentication required")
            return
        self._forget()
        self.sender = path.strip("<>")
        self._reply(250, "2.1.0 ok")

    def _rcpt(self, path: str) -> None:
        if self.sender is None or "@" not in path:
            self._reply(503 if self.sender is None else 501, "5.5.1 not now, or no address")
            return
        self.recipients.append(path.strip("<>"))
        self._reply(250, "2.1.5 ok")

    def _data(self, _nothing: str) -> None:
        if not self.recipients:
            self._reply(503, "5.5.1 no valid recipients")
            return
        self._reply(354, "end with a lone dot")
        message = Accepted(self.sender or "", tuple(self.recipients), self._text())
        self._forget()
        about = " ".join(f"<{recipient}>" for recipient in message.recipients)
        if self._strikes(f"MESSAGE {about}"):
            return
        self.sandbox.accepted.append(message)
        if not self._strikes(f"ANSWER {about}"):
            self._reply(250, "2.0.0 queued")

    def _text(self) -> bytes:
        """Everything up to the lone dot, with the doubled dots of RFC 5321, 4.5.2 undone."""
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise _HungUp
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _rset(self, _nothing: str) -> None:
        self._forget()
        self._reply(250, "2.0.0 forgotten")

    def _quit(self, _nothing: str) -> None:
        self._reply(221, "2.0.0 bye")
        raise _HungUp

    def _forget(self) -> None:
        self.sender, self.recipients = None, []

    def _reply(self, code: int, text: str, *, about: str = "") -> None:
        if not about or not self._strikes(about):
            self.wfile.write(f"{code} {text}\r\n".encode())

    def _strikes(self, moment: str) -> bool:
        """Act out a fault of this moment; whether there was one."""
        verb, _, argument = moment.partition(" ")
        for fault in self.sandbox.faults.take(verb, argument):
            if fault.kind == "drop":
                raise _HungUp
            self.wfile.write(f"{fault.status} {fault.body or 'as asked for'}\r\n".encode())
            return True
        return False
