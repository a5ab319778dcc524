"""Collects the evidence: from the simulator's folder, the database, the API, and the NATS stream of events."""

from pathlib import Path
from typing import get_args

import asyncpg
import msgspec

from contracts.envelope import type_of
from contracts.events import Event
from contracts.streams import EVENTS
from local_stack.api_client import ApiClient
from local_stack.demo.plan import jid_of
from local_stack.fault.broker import connected
from local_stack.fault.evidence import Body, Callback, Evidence, Facts, Published, Shown, Stored
from local_stack.nats_reading import read_all
from local_stack.simulator.keeping import Answered, read_answered, read_denied, read_ledger, read_lives
from local_stack.stack_file import StackFile

_EVENTS = """
    SELECT global_position, id::text, stream, type, causation, data::text FROM events ORDER BY global_position
"""
_CAMPAIGNS = "SELECT campaign_id::text, session_id FROM campaign_status ORDER BY 1"

_facts = msgspec.json.Decoder(Facts).decode
_published = msgspec.json.Decoder(Published).decode


async def collect(
    kept: Path, place: StackFile, api: ApiClient, planned: list[tuple[str, str]], probes: list[Callback]
) -> Evidence:
    """Ask everybody. `probes` are the callbacks that we posted ourselves."""
    connection = await asyncpg.connect(place.database_url)
    try:
        events = await connection.fetch(_EVENTS)
        campaigns = await connection.fetch(_CAMPAIGNS)
        parked = await connection.fetch("SELECT id FROM parked_reports UNION ALL SELECT id FROM quarantine")
        published = await _read_published(place.nats_url)
        recorded = await connection.fetch("SELECT id::text FROM events")
    finally:
        await connection.close()
    return Evidence(
        planned=planned,
        shown=[shown for row in campaigns for shown in await _shown(api, *row)],
        ledger=read_ledger(kept),
        lives_ms=[life.began_at_ms for life in read_lives(kept)],
        denied=read_denied(kept),
        callbacks=[*map(_callback, read_answered(kept)), *probes],
        stored=[_stored(row) for row in events],
        parked=frozenset(row[0] for row in parked),
        recorded=frozenset(row[0] for row in recorded),
        published=published,
        publishable=frozenset(type_of(kind) for kind in get_args(Event)),
    )


async def _shown(api: ApiClient, campaign_id: str, session_id: str) -> list[Shown]:
    """Return what the API shows of a campaign."""
    return [
        Shown(
            campaign_id=campaign_id,
            session_id=session_id,
            recipient=jid_of(row.recipient),
            status=row.status,
            message_id=row.message_id,
        )
        for row in await api.recipients(campaign_id)
    ]


def _stored(row: asyncpg.Record) -> Stored:
    position, identity, stream, kind, causation, content = row
    facts = _facts(content) if stream.startswith("recipient-") else Facts()
    return Stored(position=position, id=identity, stream=stream, type=kind, causation=causation, facts=facts)


def _callback(answered: Answered) -> Callback:
    try:
        body = msgspec.json.decode(answered.body, type=Body)
    except msgspec.MsgspecError:
        body = Body()
    return Callback(
        hook=answered.hook,
        answer=answered.answer,
        body=body,
        id=answered.id,
        wrong_key=answered.wrong_key,
    )


async def _read_published(url: str) -> list[Published]:
    """Read the whole NATS stream, in its order. Raises RuntimeError when it does not give all that it has."""
    async with connected(url) as client:
        return [_published(message.data) for message in await read_all(client, EVENTS.name)]
