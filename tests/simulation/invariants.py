"""What must hold when a simulated world has come to rest, whatever went wrong in it."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from contracts import delivery
from dispatcher.domain.attempt import Attempt
from dispatcher.domain.recipient import Recipient
from dispatcher.domain.status import SUCCEEDED, Status
from dispatcher.projections import rebuild
from dispatcher.store.stream_names import Key, of_recipient
from simulation.statements import campaign_row
from simulation.store import Connection
from simulation.virtual_time import run_virtually
from simulation.vps import Job
from simulation.world import World

_state = msgspec.json.Decoder(Recipient).decode


def broken(world: World) -> list[str]:
    """Return, in words, what does not hold."""
    return [
        *world.store.violations,
        *_totals(world),
        *_projections(world),
        *_leases(world),
        *_rebuilt(world),
        *_truth(world),
    ]


def _totals(world: World) -> Iterator[str]:
    """A campaign's totals are its recipients, and it is finished exactly when none is open."""
    for campaign_id, line in world.store.campaigns.items():
        statuses = Counter(state.status for key, state in states(world) if key[0] == campaign_id)
        row = campaign_row(line)
        told = {status: count for status in Status if (count := getattr(row.tally, status.value))}
        if told != statuses:
            yield f"campaign {campaign_id} tells {told}, its recipients are {dict(statuses)}"
        if row.tally.total != row.campaign.recipients:
            yield f"campaign {campaign_id} has {row.tally.total} of {row.campaign.recipients} recipients"
        if (row.campaign.finished_at_ms is None) != bool(row.tally.open):
            yield f"campaign {campaign_id} is {row.campaign.status} with {row.tally.open} open"


def _projections(world: World) -> Iterator[str]:
    """The queue holds what is queued, the open attempts are those that are open, and no report waits in vain."""
    store = world.store
    queued = {key for key, state in states(world) if state.status is Status.QUEUED}
    if queued != set(store.queue):
        yield f"the queue holds {set(store.queue)}, queued are {queued}"
    open_now = {attempt.id for _, state in states(world) for attempt in state.attempts if attempt.open}
    if open_now != set(store.open_attempts):
        yield f"open attempts {open_now}, told {set(store.open_attempts)}"
    for line in store.parked.values():
        if line.reason == "not_yet_known" and {line.message_id, line.client_ref} & _known_ids(world):
            yield f"report {line.id} waits, although what it waits for is known"
    if not world.broker.quiet:
        yield "a report was neither applied nor parked"


def _known_ids(world: World) -> set[str | None]:
    return {*world.store.message_ids, *world.store.attempts}


def _leases(world: World) -> Iterator[str]:
    """Who was told to stop has given back everything, and counts no more."""
    stopped = {replica.sender.holder for replica in world.replicas}
    held = [
        line.session_id
        for line in world.store.leases.values()
        if line.expires_at_ms and line.holder in stopped
    ]
    if held or world.store.replicas:
        yield f"leases of {held} were not given back, and {list(world.store.replicas)} count as living"


def _rebuilt(world: World) -> Iterator[str]:
    """All events, folded again, make the same rows."""

    async def fold() -> Any:
        connection, all_at_once = Connection(world.store), len(world.store.events) + 1
        async for chunk in rebuild.fold(connection, page=all_at_once):  # type: ignore[arg-type]
            return chunk.changes
        raise AssertionError("nothing to fold")

    changes = run_virtually(fold())
    for key, state in states(world):
        if changes.recipients[key].state != state:
            yield f"{key[1]} is {state}, its events make {changes.recipients[key].state}"
    for campaign_id, line in world.store.campaigns.items():
        if changes.campaigns[campaign_id] != campaign_row(line):
            yield f"campaign {campaign_id} differs from what its events make"
    store = world.store
    standing = {key: row for key, row in changes.concerns.items() if row is not None}
    for name, told, folded in (
        ("attempts", store.attempts, changes.attempts),
        ("message ids", store.message_ids, changes.message_ids),
        ("readers", store.readers, changes.readers),
        ("concerns", store.concerns, standing),
        ("outcomes", store.outcomes, changes.outcomes),
    ):
        if told != folded:
            yield f"{name} are {told}, the events make {folded}"


def _truth(world: World) -> Iterator[str]:
    """Every recipient's status is true against the VPS's ledger."""
    jobs: dict[str, list[Job]] = {}
    for job in world.vps.jobs:
        jobs.setdefault(job.reference, []).append(job)
    told = _told(world)
    for key, state in states(world):
        mine = [job for attempt in state.attempts for job in jobs.get(attempt.id, [])]
        if state.status in SUCCEEDED and _is_mistaken(world, key):
            continue
        for wrong in (*_twice(world, key, mine), *_untrue(world, state, mine, told)):
            yield f"{key[1]} of {key[0]} ({state.status}): {wrong}"


def _is_mistaken(world: World, key: Key) -> bool:
    """Tell whether a look-up, or a callback that names nobody, may be of another campaign's message to the same
    recipient: one that a VPS with ids of its own denied while it was still in its queue, and sent all the same.

    Nothing tells that message from ours then: its id is nobody's, and its time is after our attempt. The README asks
    that the VPS keeps a message for less than the deadline, which alone excludes it; here it may keep it for longer.
    """
    place = world.store.campaigns[key[0]]["session_id"], key[1]
    early = {(job.session_id, job.recipient) for job in world.vps.jobs if job.denied_early and job.left_at_ms}
    return not world.scenario.build.keeps_message_ids and place in early


def _twice(world: World, key: Key, jobs: list[Job]) -> Iterator[str]:
    """A message leaves once; again only where the VPS had said that it had not left, or the policy resends."""
    left = sorted((job for job in jobs if job.left_at_ms is not None and not job.refused), key=_left_at_ms)
    excused = sum(_was_denied_before(first, second) for first, second in pairwise(left))
    if not world.scenario.build.idempotent or world.vps.restarts:
        excused += _resends(world, key)
    if len(left) > 1 + excused:
        yield f"left {len(left)} times"


def _left_at_ms(job: Job) -> int:
    return job.left_at_ms or 0


def _was_denied_before(first: Job, second: Job) -> bool:
    """Tell whether the VPS had denied one of two when the second left."""
    denials = [job.denied_at_ms for job in (first, second) if job.denied_at_ms is not None]
    return any(at_ms <= _left_at_ms(second) for at_ms in denials)


def _resends(world: World, key: Key) -> int:
    stream, mark = of_recipient(key), b'"source":"policy"'
    return sum(event.stream == stream and mark in bytes(event.data) for event in world.store.events.values())


def _untrue(world: World, state: Recipient, jobs: list[Job], told: set[tuple[str, str]]) -> Iterator[str]:
    left = [job for job in jobs if job.left_at_ms is not None]
    standing = [job for job in left if not job.refused]
    confirmed = [job for job in standing if ("sent", job.reference) in told]
    if state.status in SUCCEEDED and not left:
        yield "nothing left"
    if state.status in (Status.PROCESSING, Status.QUEUED):
        yield "it still waits"
    if state.status is Status.UNCONFIRMED and not all(attempt.held for attempt in _undecided(state)):
        yield "it is unconfirmed, and nobody looks"
    if not _is_told_whose(world):
        return
    if confirmed and state.status not in SUCCEEDED:
        yield "it left, and we were told so"
    if state.status in SUCCEEDED and not standing and all(("errored", job.reference) in told for job in left):
        yield "WhatsApp refused it, and we were told so"
    if state.status is Status.FAILED and standing and not _may_fail_wrongly(state, standing):
        yield "it left, and nobody said that it had not"
    readers = {reference for kind, reference in told if kind.startswith("delivered")}
    if state.delivered_count and not readers & {job.reference for job in left}:
        yield "it is delivered, and nobody said so"


def _undecided(state: Recipient) -> list[Attempt]:
    return [attempt for attempt in state.attempts[-1:] if attempt.open]


def _may_fail_wrongly(state: Recipient, standing: list[Job]) -> bool:
    """Tell whether somebody's word stands between what left and what we believe: the VPS's, or the policy's."""
    by_policy = any(attempt.failure and attempt.failure.source == "policy" for attempt in state.attempts)
    return by_policy or all(job.denied_at_ms is not None for job in standing)


def _is_told_whose(world: World) -> bool:
    """Tell whether this VPS says of every callback whose it is."""
    return world.scenario.build.echoes_reference or world.scenario.build.keeps_message_ids


KINDS = {
    delivery.MessageSent: "sent",
    delivery.MessageFailed: "failed",
    delivery.MessageErrored: "errored",
    delivery.MessageDelivered: "delivered",
    delivery.MessageRead: "read",
}


def _told(world: World) -> set[tuple[str, str]]:
    """Return what the VPS told: the kind, and the reference of the message, whether or not it stood on the wire."""
    references = {job.message_id: job.reference for job in world.vps.jobs}
    return {
        (
            KINDS[type(report)],
            report.client_ref or references.get(getattr(report, "message_id", None) or "", ""),
        )
        for report in world.broker.published.values()
    }


def states(world: World) -> list[tuple[Key, Recipient]]:
    """Return every recipient's state."""
    return [(key, _state(line.state)) for key, line in world.store.recipients.items()]
