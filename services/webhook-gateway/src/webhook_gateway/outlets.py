"""The outlets: the way of messages to each NATS stream, by group commit, and over the spool where there is one."""

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from uuid import uuid4

from contracts.streams import DEAD, DELIVERIES, NatsStream
from webhook_gateway.batches import ATTEMPTS_IN_TIME, Batches
from webhook_gateway.broker import Broker
from webhook_gateway.counters import Gauge
from webhook_gateway.publisher import Publisher, Store
from webhook_gateway.recent import Recent
from webhook_gateway.settings import Settings
from webhook_gateway.spool import Spool
from webhook_gateway.spool_file import SpoolFile
from webhook_gateway.spool_queue import SpoolQueue
from webhook_gateway.stopping import end

log = logging.getLogger(__name__)

MIB = 1 << 20
ANSWER_SECONDS = 10.0
"""How long NATS' answer is waited for where the spool lets no sender wait for it: as long as the server keeps a batch
that is not whole. Asking anew earlier would make a slow server slower.
"""


def now_ms() -> int:
    """Return the time as epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Outlets:
    """Publishers of delivery reports and of quarantined callbacks. `file` is the open spool, if there is one."""

    def __init__(self, settings: Settings, broker: Broker, file: SpoolFile | None) -> None:
        self._settings = settings
        self._broker = broker
        self._file = file
        self._thread: Executor = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._patience_seconds = settings.publish_timeout_s / ATTEMPTS_IN_TIME
        attempt_seconds = ANSWER_SECONDS if file else self._patience_seconds
        self._batches = Batches(broker, attempt_seconds, new_batch_id=lambda: uuid4().hex)
        self.spools: list[Spool] = []
        self.deliveries = self._publisher(DELIVERIES)
        self.quarantine = self._publisher(DEAD)
        self._draining = [
            asyncio.create_task(spool.run(), name=f"spool {spool.queue.name}") for spool in self.spools
        ]

    @property
    def alive(self) -> bool:
        """Whether the spools are still being brought to their streams."""
        return not any(task.done() for task in self._draining)

    @property
    def held(self) -> int:
        """How many messages wait on the disk."""
        return sum(spool.held for spool in self.spools)

    @property
    def refused(self) -> int:
        """How many messages were put aside on the disk, because NATS refuses them for good."""
        return sum(spool.queue.refused for spool in self.spools)

    @property
    def can_hold(self) -> bool:
        """Whether there is a spool, and it took what it was given last."""
        return bool(self.spools) and all(spool.queue.writable for spool in self.spools)

    async def finish(self) -> None:
        """Take nothing new, and return once all is stored: in the stream if the broker is there, else on the disk."""
        await asyncio.gather(self.deliveries.drain(), self.quarantine.drain())
        if self._broker.connected:
            await asyncio.gather(*(spool.until_empty() for spool in self.spools))

    async def close(self) -> None:
        """Stop the spools, and close their file; what it holds is for the next start."""
        for task in self._draining:
            await end(task)
        self._thread.shutdown()
        if self._file:
            log.info("spool closed", extra={"messages": self.held})
            self._file.close()

    def gauges(self) -> Sequence[Gauge]:
        """Return the figures of the way out."""
        batches, since = self._batches, [s.queue.since_ms for s in self.spools if s.held and s.queue.since_ms]
        pending = self.deliveries.pending + self.quarantine.pending
        age = max(0, now_ms() - min(since)) / 1000 if since else 0
        kept, drained = (sum(getattr(s, name) for s in self.spools) for name in ("kept", "drained"))
        return (
            Gauge(
                "gateway_broker_connected", "1 while there is a connection to NATS.", self._broker.connected
            ),
            Gauge("gateway_pending_messages", "Messages that wait to be stored.", pending),
            Gauge(
                "gateway_batches_stored_total", "Atomic batches that were stored.", batches.stored, "counter"
            ),
            Gauge(
                "gateway_batches_refused_total",
                "Atomic batches that NATS refused.",
                batches.refused,
                "counter",
            ),
            Gauge("gateway_spool_refused_messages", "Messages put aside: NATS refuses them.", self.refused),
            Gauge("gateway_spool_messages", "Messages on the disk that wait for NATS.", self.held),
            Gauge("gateway_spool_bytes", "What they take.", self._file.used_bytes if self._file else 0),
            Gauge("gateway_spool_age_seconds", "How long the oldest of them waits.", age),
            Gauge("gateway_spool_writable", "0 when the spool is full or fails.", self.can_hold),
            Gauge("gateway_spool_kept_total", "Messages that went to the disk.", kept, "counter"),
            Gauge(
                "gateway_spool_drained_total", "Messages that went from the disk to NATS.", drained, "counter"
            ),
        )

    def _publisher(self, stream: NatsStream) -> Publisher:
        """Return the publisher for one NATS stream: a group may not be spread over two."""
        max_group = self._settings.batch_max if stream.atomic_batches else 1
        return Publisher(
            self._store(stream, max_group),
            seconds=self._settings.publish_timeout_s,
            max_group=max_group,
            recent=Recent(stream.dedup_seconds),
            now=asyncio.get_running_loop().time,
        )

    def _store(self, stream: NatsStream, max_group: int) -> Store:
        if self._file is None:
            return self._batches.store
        queue = SpoolQueue(stream.name, self._file, self._thread)
        patience_seconds = min(self._settings.spool_after_s, self._patience_seconds)
        spool = Spool(self._batches, queue, max_group, patience_seconds)
        self.spools.append(spool)
        return spool.store
