"""What seeds come to: one after another here, or shared out over processes."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from simulation.invariants import broken
from simulation.world import NeverQuiet, simulate

CHUNK = 25


def outcome(seed: int) -> list[str]:
    """Return what a seed breaks; what crashes a part of it is raised, and nothing else tried."""
    try:
        return broken(simulate(seed))
    except NeverQuiet as waiting:
        return [f"it never comes to rest: {waiting}"]
    except Exception as crash:
        crash.add_note(f"again with `pytest tests/simulation --seed {seed}`")
        raise


def failing(seeds: Sequence[int], processes: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the seeds that break something, in their order, with what they break."""
    if processes == 1:
        yield from ((seed, wrong) for seed in seeds if (wrong := outcome(seed)))
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), be_quiet) as pool:
        outcomes = zip(seeds, pool.map(outcome, seeds, chunksize=CHUNK), strict=True)
        yield from ((seed, wrong) for seed, wrong in outcomes if wrong)


def be_quiet() -> None:
    """Log nothing: thousands of crashes are part of it."""
    logging.disable(logging.CRITICAL)
