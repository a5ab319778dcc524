"""A VPS that knows what it did: a ledger of what really left, and all the ways to be told otherwise, or nothing."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec

from contracts.delivery import (
    MessageDelivered,
    MessageErrored,
    MessageFailed,
    MessageRead,
    MessageSent,
    Report,
)
from contracts.wire import MessageStatusRequest, SendRequest
from dispatcher.answers import (
    Accepted,
    Answer,
    Found,
    NoLookup,
    NotFound,
    NotTaken,
    Rejected,
    Remembered,
    Unknown,
    Unreachable,
)
from simulation.broker import Broker


class Build(msgspec.Struct, frozen=True):
    """What this VPS can do at all: builds differ."""

    echoes_reference: bool = True
    keeps_message_ids: bool = True
    looks_up: bool = True
    idempotent: bool = False
    answers_with_id: bool = False
    seconds_only: bool = False


class VpsFaults(msgspec.Struct, frozen=True):
    """How often each thing happens to a message; `slow_seconds` is how long a slow one takes at the most."""

    refused: float = 0.0
    rejected: float = 0.0
    answer_lost: float = 0.0
    request_lost: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 0.0
    forgotten: float = 0.0
    failed: float = 0.0
    error_acked: float = 0.0
    callback_lost: float = 0.0
    receipt: float = 0.0
    unreachable: float = 0.0


CALM = VpsFaults()
CODES = (420, 421, 428, 479, 479, 999)


class Job(msgspec.Struct):
    """A message that was taken. `left_at_ms`: it really left. `refused`: by WhatsApp, after that. `denied_at_ms`: when
    the VPS first said that it had not left, when it had, or when it still was to (`denied_early`).
    """

    session_id: str
    recipient: str
    reference: str
    message_id: str
    pending: bool = True
    left_at_ms: int | None = None
    refused: bool = False
    denied_at_ms: int | None = None
    denied_early: bool = False


class Vps:
    """Takes messages, and tells of them by callbacks through the broker."""

    def __init__(
        self, build: Build, faults: VpsFaults, broker: Broker, random: Random, epoch_ms: int, skew_ms: int
    ) -> None:
        self.build = build
        self.faults = faults
        self.jobs: list[Job] = []
        self.restarts = 0
        self._broker = broker
        self._random = random
        self._epoch_ms = epoch_ms + skew_ms
        self._memory: dict[tuple[str, str], Job] = {}
        self._keys: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def quiet(self) -> bool:
        """Nothing is still to leave, or to be told."""
        return not self._tasks

    def now_ms(self) -> int:
        """Return the VPS's own time."""
        return self._epoch_ms + round(asyncio.get_running_loop().time() * 1000)

    def restart(self) -> None:
        """Forget all: what was remembered, and what was taken and has not left."""
        self.restarts += 1
        self._memory.clear()
        self._keys.clear()
        for job in self.jobs:
            job.pending = False

    async def send(self, request: SendRequest, idempotency_key: str) -> Answer:
        """Take a message, or not; the answer may be lost either way."""
        await self._pause(0.1)
        if self._happens(self.faults.refused):
            return NotTaken("the session is not connected")
        if self._happens(self.faults.rejected):
            return Rejected("rejected by the VPS", "no such group")
        if self._happens(self.faults.request_lost):
            await self._pause(5)
            return Unknown("the connection broke")
        job = self._take(request, idempotency_key)
        await self._pause(0.1)
        if self._happens(self.faults.answer_lost):
            await self._pause(5)
            return Unknown("the VPS did not answer in time")
        return Accepted(job.message_id if self.build.answers_with_id and job.left_at_ms else None)

    async def look_up(self, request: MessageStatusRequest) -> Remembered:
        """Tell the last message that left to a recipient, as far as it is remembered."""
        await self._pause(0.1)
        if not self.build.looks_up:
            return NoLookup()
        if self._happens(self.faults.unreachable):
            return Unreachable("the VPS answered 503")
        place = (request.session_id, request.group_jid)
        remembered = self._memory.get(place)
        for job in self.jobs:
            here = (job.session_id, job.recipient) == place
            forgotten = job.left_at_ms is not None and remembered is None
            if here and (job.pending or forgotten):
                job.denied_at_ms = self.now_ms() if job.denied_at_ms is None else job.denied_at_ms
                job.denied_early |= job.pending
        if remembered is None or remembered.left_at_ms is None:
            return NotFound()
        left_at_ms = remembered.left_at_ms
        at = left_at_ms // 1000 if self.build.seconds_only else left_at_ms
        return Found(remembered.message_id, at)

    def _take(self, request: SendRequest, idempotency_key: str) -> Job:
        known = self._keys.get(idempotency_key)
        if known and self.build.idempotent:
            return known
        own = f"VPS{len(self.jobs):05}"
        message_id = request.message_id if self.build.keeps_message_ids and request.message_id else own
        job = Job(request.session_id, request.phone, request.client_ref or "", message_id)
        self.jobs.append(job)
        self._keys[idempotency_key] = job
        if self._happens(self.faults.forgotten):
            job.pending = False
            return job
        if self.build.answers_with_id and not self._happens(self.faults.slow):
            self._leave(job)
        self._spawn(self._carry_out(job))
        return job

    async def _carry_out(self, job: Job) -> None:
        await self._pause(self.faults.slow_seconds if self._happens(self.faults.slow) else 1.0)
        if job.left_at_ms is None:
            if not job.pending:
                return
            if self._happens(self.faults.failed):
                job.pending = False
                self._tell(MessageFailed(error="socket closed", **self._about(job, "failed")))
                return
            self._leave(job)
        self._tell(MessageSent(**self._about(job, "sent")))
        await self._pause(2.0)
        if self._happens(self.faults.error_acked):
            job.refused = True
            code = self._random.choice(CODES)
            self._tell(MessageErrored(error_code=code, error_message="no", **self._about(job, "errored")))
        elif self._happens(self.faults.receipt):
            await self._read(job)

    async def _read(self, job: Job) -> None:
        for reader in ("111", "222"):
            self._tell(MessageDelivered(reader=reader, **self._about(job, f"delivered-{reader}")))
            await self._pause(1.0)
        self._tell(MessageRead(reader="111", **self._about(job, "read")))

    def _leave(self, job: Job) -> None:
        job.pending = False
        job.left_at_ms = self.now_ms()
        self._memory[job.session_id, job.recipient] = job

    def _about(self, job: Job, kind: str) -> dict[str, Any]:
        seconds = self.now_ms() / 1000
        at = datetime.fromtimestamp(int(seconds) if self.build.seconds_only else seconds, UTC)
        identity = f"{kind}-{job.message_id}-{job.reference}-{self.now_ms()}"
        failed_without_id = kind == "failed" and not self.build.keeps_message_ids
        return {
            "id": identity,
            "time": at,
            "correlation": identity,
            "at": at,
            "session_id": job.session_id,
            "recipient": job.recipient,
            "message_id": None if failed_without_id else job.message_id,
            "client_ref": job.reference if self.build.echoes_reference else None,
        }

    def _tell(self, report: Report) -> None:
        if not self._happens(self.faults.callback_lost):
            self._broker.publish(report)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pause(self, most_seconds: float) -> None:
        await asyncio.sleep(self._random.random() * most_seconds)

    def _happens(self, part: float) -> bool:
        return self._random.random() < part
