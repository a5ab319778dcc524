"""All proxies of the system, in a thread of their own: what starts and stops processes must not hold them up."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from local_stack.fault.proxy import Proxy

ANSWER_SECONDS = 10.0


class Proxies:
    """Runs proxies, by the name of their link. Use as a context manager."""

    def __init__(self, proxies: Mapping[str, Proxy]) -> None:
        self._proxies = proxies
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        for proxy in self._proxies.values():
            asyncio.run_coroutine_threadsafe(proxy.start(), self._loop).result(ANSWER_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for proxy in self._proxies.values():
            asyncio.run_coroutine_threadsafe(proxy.stop(), self._loop).result(ANSWER_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_SECONDS)
        self._loop.close()

    def port(self, link: str) -> int:
        """Return where a link's proxy listens."""
        return self._proxies[link].port

    def tell(self, link: str, act: Callable[[Proxy], None]) -> None:
        """Let the proxy of a link do something."""
        self._loop.call_soon_threadsafe(act, self._proxies[link])
