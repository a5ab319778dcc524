"""Callbacks as the VPS writes them (the wire contract), for tests that decide themselves what comes and when."""

import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from local_stack.simulator.client import SimulatorClient


class Message(msgspec.Struct, frozen=True):
    """A message as callbacks name it."""

    session_id: str
    jid: str
    message_id: str | None

    def sent(self, at_ms: int) -> "Callback":
        """It was written to the socket."""
        return self._send_callback("message_sent", None, at_ms)

    def failed(self, error: str, at_ms: int) -> "Callback":
        """It was not written to the socket."""
        return self._send_callback("message_failed", error, at_ms)

    def refused(self, code: int, words: str) -> "Callback":
        """WhatsApp refused it: an error ack."""
        body = {"event": "message_error", "errorCode": code, "errorMessage": words}
        return Callback("message-error", body | self._named)

    def receipt(self, event: str, reader: str, at_ms: int) -> "Callback":
        """A reader got it (`delivered`) or read it (`read`)."""
        body = {"event": event, "readerPhone": reader, "timestamp": iso(at_ms)}
        return Callback("read-receipt", body | self._named)

    def reaction(self, event: str, reactor: str, at_ms: int) -> "Callback":
        """A reader reacted (`reaction_add`) or took it back (`reaction_remove`)."""
        body = {"event": event, "reactorPhone": reactor, "emoji": "👍", "timestamp": iso(at_ms)}
        return Callback("reaction", body | self._named)

    @property
    def _named(self) -> dict[str, Any]:
        return {"sessionId": self.session_id, "groupJid": self.jid, "messageId": self.message_id}

    def _send_callback(self, event: str, error: str | None, at_ms: int) -> "Callback":
        status = "failed" if error else "sent"
        body = {"event": event, "status": status, "error": error, "timestamp": at_ms}
        return Callback("send-callback", body | self._named)


class Callback(msgspec.Struct, frozen=True):
    """One callback: its hook, and its body."""

    hook: str
    body: dict[str, Any]


async def tell(vps: SimulatorClient, *callbacks: Callback) -> None:
    """Let the VPS tell the gateway, one after the other; each must be taken."""
    for callback in callbacks:
        answer = await vps.send_callback(callback.hook, callback.body)
        assert answer.answer == "202", (callback, answer)


def now_ms() -> int:
    """The time as the VPS's clock shows it, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def iso(at_ms: int) -> str:
    """A time as receipts carry it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
