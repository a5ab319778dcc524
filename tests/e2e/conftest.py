"""A running system for the modules, one at a time, and the parts' logs beside a failure."""

from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from support.servers import Databases
from support.system import System, running_system

LOG_LINES = 40


class Systems:
    """The system that runs now: kept for the next module that wants the same settings, else ended for another."""

    def __init__(self, folders: pytest.TempPathFactory, databases: Databases) -> None:
        self._folders = folders
        self._databases = databases
        self._settings: dict[str, str] = {}
        self._running: System | None = None
        self._stack = AsyncExitStack()

    async def get(self, settings: dict[str, str]) -> System:
        """Return a running system with these settings of the dispatcher."""
        kept = self._running
        if kept is None or settings != self._settings or not kept.is_whole:
            await self.end()
            running = running_system(self._folders.mktemp("system"), self._databases, **settings)
            kept = await self._stack.enter_async_context(running)
            self._running, self._settings = kept, settings
        return kept

    async def end(self) -> None:
        """End the one that runs, if any."""
        self._running = None
        await self._stack.aclose()


@pytest_asyncio.fixture(scope="session")
async def systems(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> AsyncIterator[Systems]:
    """Where the modules' systems come from."""
    made = Systems(tmp_path_factory, databases)
    yield made
    await made.end()


@pytest_asyncio.fixture(scope="module")
async def system(request: pytest.FixtureRequest, systems: Systems) -> AsyncIterator[System]:
    """The module's system. `SETTINGS` of the module, if there, are the dispatcher's settings. One that was `ALONE`
    leaves nothing behind, and finds nothing.
    """
    alone = getattr(request.module, "ALONE", False)
    if alone:
        await systems.end()
    yield await systems.get(getattr(request.module, "SETTINGS", {}))
    if alone:
        await systems.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of each part's log beside a failure."""
    report = yield
    running = getattr(item, "funcargs", {}).get("system")
    if report.failed and isinstance(running, System):
        report.sections += [
            (f"log of the {name}", child.last_lines(LOG_LINES)) for name, child in running.children.items()
        ]
    return report
