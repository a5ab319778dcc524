"""Callbacks: what waits to be told to the gateway. Delivers it in time, and tries again as real senders do."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from local_stack.simulator.callback_log import CallbackLog, CallbacksReport, Try, comes_again, verdict
from local_stack.simulator.gateway import Gateway
from local_stack.simulator.keeping import Keeping
from local_stack.simulator.settings import Settings

WRONG_KEY = "a-key-that-nobody-gave-out"
LONGEST_RETRY_S = 30.0


class Letter(msgspec.Struct, frozen=True, gc=False):
    """One callback ready to go, `leaves_ms` after its chain began."""

    hook: str
    body: bytes
    leaves_ms: int = 0


class Chain:
    """Callbacks that go out one after the other: those of one message."""

    def __init__(self, letters: Sequence[Letter], began: float, *, wrong_key: bool) -> None:
        self.letters = letters
        self.began = began
        self.wrong_key = wrong_key
        self.position = 0
        self.tries = 0
        self._tried = asyncio.Event()

    @property
    def letter(self) -> Letter:
        """The callback that is next."""
        return self.letters[self.position]

    @property
    def left(self) -> int:
        """How many callbacks have not gone out yet."""
        return len(self.letters) - self.position

    def mark_tried(self) -> None:
        """Let whoever waits for the first try go on."""
        self._tried.set()

    async def first_try(self) -> None:
        """Wait until the first callback was tried once, whatever came of it, or was dropped."""
        await self._tried.wait()


class CallbackQueue:
    """Delivers chains through a few workers. What is not in `_chains` any more is never sent."""

    def __init__(
        self, settings: Settings, gateway: Gateway, clock_ms: Callable[[], int], keeping: Keeping
    ) -> None:
        self.settings = settings
        self.gateway = gateway
        self._keeping = keeping
        self.log = CallbackLog(settings.callbacks_kept)
        self._clock_ms = clock_ms
        self._chains: set[Chain] = set()
        self._held: list[Chain] = []
        self._ready: asyncio.Queue[Chain] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the workers."""
        self._workers = [asyncio.create_task(self._work()) for _ in range(self.settings.callback_connections)]

    async def stop(self) -> None:
        """Stop at once; what is queued is lost, as when the VPS dies."""
        self.forget()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    def send(self, letters: Sequence[Letter], *, wrong_key: bool = False, now: bool = False) -> Chain | None:
        """Queue callbacks that belong together. `now` sends the first without its delay.

        Returns None, and counts them, when there is no gateway to send to.
        """
        if self.gateway.target.gateway_url is None:
            self.log.counts["unaddressed"] += len(letters)
            return None
        began = asyncio.get_running_loop().time() - (letters[0].leaves_ms / 1000 if now else 0)
        chain = Chain(letters, began, wrong_key=wrong_key)
        self._chains.add(chain)
        self._schedule_next(chain)
        return chain

    def hold(self, letters: Sequence[Letter], *, wrong_key: bool, burst_size: int) -> None:
        """Hold callbacks back until the burst is released, or until `burst_size` (if any) are held."""
        at_once = [Letter(letter.hook, letter.body) for letter in letters]
        self._held.append(Chain(at_once, 0.0, wrong_key=wrong_key))
        if 0 < burst_size <= len(self._held):
            self.release_burst()

    def release_burst(self) -> int:
        """Send all that is held, at once. Returns how many callbacks."""
        released, held, self._held = self.held(), self._held, []
        for chain in held:
            self.send(chain.letters, wrong_key=chain.wrong_key)
        return released

    def forget(self) -> int:
        """Drop all that is queued or held, as a restart does. Returns how many callbacks."""
        forgotten = self.queued() + self.held()
        for chain in self._chains:
            chain.mark_tried()
        self._chains.clear()
        self._held.clear()
        return forgotten

    def queued(self) -> int:
        """Return how many callbacks wait or are under way; those held for a burst are not among them."""
        return sum(chain.left for chain in self._chains)

    def held(self) -> int:
        """Return how many callbacks are held for a burst."""
        return sum(chain.left for chain in self._held)

    def keep_answer(self, hook: str, body: bytes, answer: str, said: bytes, *, wrong_key: bool) -> int:
        """Keep how the gateway answered, beyond the life of the process; return the time."""
        at_ms = self._clock_ms()
        self._keeping.write_answer(at_ms, hook, body, answer, said, wrong_key=wrong_key)
        return at_ms

    def report(self, limit: int) -> CallbacksReport:
        """Report the counts and the latest `limit` tries."""
        return self.log.report(limit, queued=self.queued(), held=self.held())

    async def _work(self) -> None:
        while True:
            chain = await self._ready.get()
            if chain in self._chains:
                await self._deliver(chain)

    async def _deliver(self, chain: Chain) -> None:
        answer = await self._try(chain)
        if chain not in self._chains:
            return
        if comes_again(answer) and chain.tries < self.settings.callback_tries:
            self.log.counts["retried"] += 1
            wait_s = self.settings.callback_retry_ms / 1000 * 2 ** (chain.tries - 1)
            self._schedule(chain, min(wait_s, LONGEST_RETRY_S))
        else:
            self.log.counts[verdict(answer)] += 1
            self._advance(chain)

    async def _try(self, chain: Chain) -> str:
        letter = chain.letter
        key = WRONG_KEY if chain.wrong_key else self.gateway.target.webhook_key
        answer, said = await self.gateway.post(letter.hook, letter.body, key)
        at_ms = self.keep_answer(letter.hook, letter.body, answer, said, wrong_key=chain.wrong_key)
        chain.tries += 1
        tried = Try(
            at_ms=at_ms,
            hook=letter.hook,
            body=msgspec.Raw(letter.body),
            answer=answer,
            wrong_key=chain.wrong_key,
            attempt=chain.tries,
        )
        self.log.record(tried)
        chain.mark_tried()
        return answer

    def _advance(self, chain: Chain) -> None:
        chain.position += 1
        chain.tries = 0
        if chain.left:
            self._schedule_next(chain)
        else:
            self._chains.discard(chain)

    def _schedule_next(self, chain: Chain) -> None:
        due = chain.began + chain.letter.leaves_ms / 1000
        self._schedule(chain, due - asyncio.get_running_loop().time())

    def _schedule(self, chain: Chain, wait_s: float) -> None:
        if wait_s <= 0:
            self._ready.put_nowait(chain)
        else:
            asyncio.get_running_loop().call_later(wait_s, self._ready.put_nowait, chain)
