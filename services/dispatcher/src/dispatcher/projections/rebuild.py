"""Fold all events again, stream by stream, in chunks of bounded size."""

from collections.abc import AsyncIterator, Collection, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatcher.domain import campaign, dismissal, group, recipient_events, session
from dispatcher.projections.changes import Changes
from dispatcher.store.stream_names import CommandKey, GroupKey, ItemKey, QuarantineKey, key_of

PAGE = 5000
"""So many events are read at a time, and whole streams of about so many are folded, where nobody waits."""

_PAGE = text("""
    SELECT stream, version, data::text FROM events WHERE (stream, version) > (:stream, :version) AND stream < :end
    ORDER BY stream, version LIMIT :limit
""")

_campaign = msgspec.json.Decoder(campaign.Event).decode
_recipient = msgspec.json.Decoder(recipient_events.Event).decode
_group = msgspec.json.Decoder(group.Event).decode
_dismissal = msgspec.json.Decoder(dismissal.Dismissed).decode
_session = msgspec.json.Decoder(session.Event).decode


class Chunk(msgspec.Struct, frozen=True):
    """A part of the fold: the rows of whole streams. Campaigns come with the last chunk, when their totals are in."""

    events: int
    changes: Changes


Span = tuple[str, str]
"""A run of streams by their names: from the first one on, up to the second one."""

EVERYTHING: Span = ("", "~")


def spans_of(campaigns: Collection[UUID]) -> list[Span]:
    """Return where the streams of these campaigns and of their recipients lie; every campaign before its recipients."""
    return [
        *((f"campaign-{campaign_id}", f"campaign-{campaign_id}!") for campaign_id in campaigns),
        *((f"recipient-{campaign_id}+", f"recipient-{campaign_id},") for campaign_id in campaigns),
    ]


async def fold(
    connection: AsyncConnection, spans: Sequence[Span] = (EVERYTHING,), page: int = PAGE
) -> AsyncIterator[Chunk]:
    """Fold the streams of these spans that this transaction sees, by default all; campaigns come before recipients,
    so they are known in time. A chunk ends with the first stream that brings it to `page` events: it holds as many
    rows at the most, whether many recipients make them or many readers of one.
    """
    changes, place, count = Changes(), ("", 0), 0
    async for events in _pages(connection, spans, page):
        for stream, version, data in events:
            if stream != place[0] and count >= page:
                following = _next(changes)
                yield Chunk(count, changes)
                changes, count = following, 0
            _apply(changes, stream, data)
            place, count = (stream, version), count + 1
    changes.add_up()
    changes.campaigns_before = dict.fromkeys(changes.campaigns)
    yield Chunk(count, changes)


async def _pages(
    connection: AsyncConnection, spans: Sequence[Span], size: int
) -> AsyncIterator[list[tuple[str, int, str]]]:
    for start, end in spans:
        place = (start, 0)
        while page := await _read(connection, place, end, size):
            yield page
            place = page[-1][:2]


async def _read(
    connection: AsyncConnection, after: tuple[str, int], end: str, size: int
) -> list[tuple[str, int, str]]:
    parameters = {"stream": after[0], "version": after[1], "end": end, "limit": size}
    return [(stream, version, data) for stream, version, data in await connection.execute(_PAGE, parameters)]


def _apply(changes: Changes, stream: str, data: str) -> None:
    key = key_of(stream)
    if isinstance(key, UUID):
        changes.apply_to_campaign(key, _campaign(data))
    elif isinstance(key, str):
        changes.apply_to_session(key, _session(data))
    elif isinstance(key, GroupKey):
        changes.apply_to_group(key, _group(data))
    elif isinstance(key, ItemKey):
        changes.apply_dismissal(_dismissal(data))
    elif isinstance(key, CommandKey | QuarantineKey):
        return  # an answer, or a redrive, changes no row
    else:
        changes.apply_to_recipient(key, _recipient(data))


def _next(done: Changes) -> Changes:
    """Return empty changes that know the campaigns and carry their differences on; `done` leaves them to these."""
    following = Changes()
    following.campaigns, following.differences = done.campaigns, done.differences
    done.campaigns_before = {}
    return following
