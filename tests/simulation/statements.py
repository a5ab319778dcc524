"""What the dispatcher's statements mean to the store in memory: one function for each, found by its text.

SQL that is not here is not known to the simulation, and fails it at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import TextClause

from dispatcher import parking, routing
from dispatcher.domain import recipient_events
from dispatcher.processes import expire_sends, inquiry
from dispatcher.projections import (
    campaign_status,
    concerns,
    group_directory,
    idempotency,
    lookups,
    rebuild,
    recipient_status,
    send_queue,
    session_status,
)
from dispatcher.projections.rows import (
    AttemptRow,
    CampaignRow,
    ConcernRow,
    IdempotencyRow,
    MessageIdRow,
    OpenAttemptRow,
    OutcomeRow,
    ReaderRow,
)
from dispatcher.projections.send_queue import QueueRow
from dispatcher.sending import claim
from dispatcher.store import hearing, lease, postgres, writes
from dispatcher.store.stream_names import key_of
from simulation.store import Meaning, Store

Parameters = dict[str, Any]
Rows = Iterable[Sequence[Any]]

MEANINGS: dict[str, Meaning] = {}
NOTHING: Rows = ()
SENT_STATUSES = ("sent", "delivered", "read")


class Line(msgspec.Struct):
    """A line of `recipient_status`."""

    campaign_id: UUID
    recipient: str
    position: int
    kind: str
    lead_id: str | None
    version: int
    state: msgspec.Raw

    @property
    def status(self) -> str:
        """Where it stands."""
        return _status(self.state).status

    def row(self) -> Sequence[Any]:
        """Return it as `recipient_status.COLUMNS` selects it."""
        return (*(getattr(self, name) for name in self.__struct_fields__[:-1]), bytes(self.state))


class _Status(msgspec.Struct):
    status: str


class Lease(NamedTuple):
    """A line of `session_leases`."""

    session_id: str
    token: int
    holder: str
    expires_at_ms: int


class Parked(msgspec.Struct):
    """A line of `parked_reports`."""

    id: str
    reason: str
    message_id: str | None
    client_ref: str | None
    parked_at_ms: int
    body: msgspec.Raw


class Held(msgspec.Struct):
    """A line of `session_status` or, with a JID, of the groups."""

    session_id: str
    version: int
    state: msgspec.Raw
    group_jid: str = ""


_status = msgspec.json.Decoder(_Status).decode


def rows_of(kind: type[Any]) -> Callable[[Parameters], list[Any]]:
    """Return what reads the one JSON parameter as rows of a kind."""
    decoder = msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
    return lambda parameters: decoder.decode(parameters["rows"])


_lines, _attempts, _opened = rows_of(Line), rows_of(AttemptRow), rows_of(OpenAttemptRow)
_ids, _readers, _keys, _parked = (
    rows_of(MessageIdRow),
    rows_of(ReaderRow),
    rows_of(IdempotencyRow),
    rows_of(Parked),
)
_queued, _held, _events, _dicts = (
    rows_of(QueueRow),
    rows_of(Held),
    rows_of(postgres.Recorded),
    rows_of(dict[str, Any]),
)
_concerned, _outcomes = rows_of(ConcernRow), rows_of(OutcomeRow)
_pairs = rows_of(tuple[UUID, str])
_closed = rows_of(str)
_reader_keys = rows_of(tuple[UUID, str, str, str])
_texts = rows_of(tuple[str, str])
_places = rows_of(tuple[str, str, str | None])


def means(statement: TextClause) -> Callable[[Meaning], Meaning]:
    """Register what a statement means."""

    def register(meaning: Meaning) -> Meaning:
        MEANINGS[statement.text] = meaning
        return meaning

    return register


@means(postgres._NOTIFY)
def _notify(store: Store, given: Parameters) -> Rows:
    store.notify(given["channel"])
    return NOTHING


@means(writes.APPEND)
def _append(store: Store, given: Parameters) -> Rows:
    for event in _events(given):
        if event.version != store.versions.get(event.stream, 0) + 1:
            raise store.violated(f"a stream has each version once: {event.stream} {event.version}")
        store.versions.put(event.stream, event.version)
        store.events.put(len(store.events) + 1, event)
    return NOTHING


@means(recipient_status._LOAD)
def _load_recipients(store: Store, given: Parameters) -> Rows:
    return [line.row() for key in _pairs(given) if (line := store.recipients.get(key))]


@means(recipient_status._INSERT)
def _insert_recipients(store: Store, given: Parameters) -> Rows:
    for line in _lines(given):
        if (line.campaign_id, line.recipient) in store.recipients:
            raise store.violated("a campaign has each recipient once")
        store.recipients.put((line.campaign_id, line.recipient), line)
    return NOTHING


@means(recipient_status._UPDATE)
def _update_recipients(store: Store, given: Parameters) -> Rows:
    for line in _lines(given):
        store.recipients.put((line.campaign_id, line.recipient), line)
    return NOTHING


@means(recipient_status._KNOWN)
def _known(store: Store, given: Parameters) -> Rows:
    return [(jid,) for jid in given["recipients"] if (given["id"], jid) in store.recipients]


_CAMPAIGN = [name.strip() for name in campaign_status.COLUMNS.split(",")]


@means(campaign_status._LOAD)
def _load_campaigns(store: Store, given: Parameters) -> Rows:
    found = (store.campaigns[key] for key in given["ids"] if key in store.campaigns)
    return [[_campaign_column(line, name) for name in _CAMPAIGN] for line in found]


def campaign_row(line: dict[str, Any]) -> CampaignRow:
    """Return a line of `campaign_status` as the dispatcher reads it."""
    return campaign_status.read([_campaign_column(line, name) for name in _CAMPAIGN])


def _campaign_column(line: dict[str, Any], name: str) -> Any:
    if name == "concluded::text":
        return msgspec.json.encode(line["concluded"]) if line["concluded"] else None
    return line[name]


@means(campaign_status._INSERT)
@means(campaign_status._UPDATE)
def _write_campaigns(store: Store, given: Parameters) -> Rows:
    for line in _dicts(given):
        line["campaign_id"] = UUID(line["campaign_id"])
        store.campaigns.put(line["campaign_id"], line)
    return NOTHING


@means(session_status._LOAD)
def _load_sessions(store: Store, given: Parameters) -> Rows:
    found = (store.sessions[key] for key in given["ids"] if key in store.sessions)
    return [(line.session_id, line.version, bytes(line.state)) for line in found]


@means(session_status._WRITE)
def _write_sessions(store: Store, given: Parameters) -> Rows:
    for line in _held(given):
        store.sessions.put(line.session_id, line)
    return NOTHING


@means(group_directory._LOAD)
def _load_groups(store: Store, given: Parameters) -> Rows:
    keys = [(key["session_id"], key["group_jid"]) for key in _dicts(given)]
    return [_group(store.groups[key]) for key in keys if key in store.groups]


def _group(line: Held) -> Sequence[Any]:
    return line.session_id, line.group_jid, line.version, bytes(line.state).decode()


@means(group_directory._WRITE_GROUPS)
def _write_groups(store: Store, given: Parameters) -> Rows:
    for line in _held(given):
        store.groups.put((line.session_id, line.group_jid), line)
    return NOTHING


@means(group_directory._BARRED)
def _barred(store: Store, given: Parameters) -> Rows:
    wanted = [(given["session_id"], jid) for jid in given["jids"]]
    return [(key[1], why) for key in wanted if (why := _refusal(store, key)) is not None]


def _refusal(store: Store, key: tuple[str, str]) -> str | None:
    line = store.groups.get(key)
    state = msgspec.json.decode(line.state) if line else {}
    return str(state.get("refusal", "")) if "refused_at_ms" in state else None


@means(group_directory._LEAVE_PARENTS)
@means(hearing._NOTE)
def _ignore(store: Store, given: Parameters) -> Rows:
    """What nobody reads here."""
    del store, given
    return NOTHING


@means(send_queue._PUT)
def _put_in_queue(store: Store, given: Parameters) -> Rows:
    for line in _queued(given):
        store.queue.put((line.campaign_id, line.recipient), line)
    return NOTHING


@means(send_queue._TAKE)
def _take_from_queue(store: Store, given: Parameters) -> Rows:
    for line in _queued(given):
        store.queue.drop((line.campaign_id, line.recipient))
    return NOTHING


@means(lookups._ATTEMPTS)
def _write_attempts(store: Store, given: Parameters) -> Rows:
    for line in _attempts(given):
        if line.attempt_id in store.attempts:
            raise store.violated("an attempt is written once")
        store.attempts.put(line.attempt_id, line)
    return NOTHING


@means(lookups._CLOSED)
def _close(store: Store, given: Parameters) -> Rows:
    for attempt_id in _closed(given):
        store.open_attempts.drop(attempt_id)
    return NOTHING


@means(lookups._OPENED)
def _open(store: Store, given: Parameters) -> Rows:
    for line in _opened(given):
        known = store.open_attempts.get(line.attempt_id)
        changed = msgspec.structs.replace(known, in_flight=line.in_flight) if known else line
        store.open_attempts.put(line.attempt_id, changed)
    flying = [(line.session_id, line.recipient) for line in store.open_attempts.values() if line.in_flight]
    if len(set(flying)) < len(flying):
        raise store.violated("one attempt is in flight per session and recipient")
    return NOTHING


@means(lookups._MESSAGE_IDS)
def _write_message_ids(store: Store, given: Parameters) -> Rows:
    for line in _ids(given):
        known = store.message_ids.get(line.message_id)
        same = known and (known.campaign_id, known.recipient) == (line.campaign_id, line.recipient)
        if known is None or (same and known.attempt < line.attempt):
            store.message_ids.put(line.message_id, line)
    return NOTHING


@means(lookups._READERS)
def _write_readers(store: Store, given: Parameters) -> Rows:
    for line in _readers(given):
        store.readers.put(line.key, line)
    return NOTHING


@means(lookups._LOAD_READERS)
def _load_readers(store: Store, given: Parameters) -> Rows:
    return [
        msgspec.structs.astuple(store.readers[key]) for key in _reader_keys(given) if key in store.readers
    ]


@means(lookups._OUTCOMES)
def _add_outcomes(store: Store, given: Parameters) -> Rows:
    for line in _outcomes(given):
        key = line.tenant, line.bucket_ms
        known = store.outcomes.get(key)
        sum_of_both = known.outcome.plus(line.outcome) if known else line.outcome
        store.outcomes.put(key, OutcomeRow(*key, sum_of_both))
    return NOTHING


@means(concerns._WRITE)
def _write_concerns(store: Store, given: Parameters) -> Rows:
    for line in _concerned(given):
        store.concerns.put((line.campaign_id, line.recipient), line)
    return NOTHING


@means(concerns._END)
def _end_concerns(store: Store, given: Parameters) -> Rows:
    for key in _pairs(given):
        store.concerns.drop(key)
    return NOTHING


@means(idempotency._WRITE)
def _write_keys(store: Store, given: Parameters) -> Rows:
    for line in _keys(given):
        store.keys.put((line.tenant, line.idempotency_key), line)
    return NOTHING


@means(idempotency._LOAD)
def _load_keys(store: Store, given: Parameters) -> Rows:
    class Named(NamedTuple):
        tenant: str
        idempotency_key: str
        campaign_id: UUID

    found = (store.keys[key] for key in _texts(given) if key in store.keys)
    return [Named(*msgspec.structs.astuple(line)) for line in found]


@means(idempotency._LATELY)
def _lately(store: Store, given: Parameters) -> Rows:
    same = (line for line in store.campaigns.values() if line["fingerprint"] == given["fingerprint"])
    return [
        (line["campaign_id"],)
        for line in same
        if line["tenant"] == given["tenant"]
        and (line["created_at_ms"] > given["since_ms"] or line["stage"] == "accepted")
    ][-1:]


@means(parking._PARK)
def _park(store: Store, given: Parameters) -> Rows:
    for line in _parked(given):
        if line.id not in store.parked:
            store.parked.put(line.id, line)
    return NOTHING


@means(parking._RELEASE)
def _release(store: Store, given: Parameters) -> Rows:
    known = set(given["known"])
    found = [line for line in store.parked.values() if {line.message_id, line.client_ref} & known]
    for line in found:
        store.parked.drop(line.id)
    return [(line.parked_at_ms, bytes(line.body)) for line in found]


@means(lease._ANNOUNCE)
def _announce(store: Store, given: Parameters) -> Rows:
    now_ms, holder = store.now_ms(), given["holder"]
    for dead in [name for name, until in store.replicas.items() if until < now_ms and name != holder]:
        store.replicas.drop(dead)
    store.replicas.put(holder, now_ms + given["lease_ms"])
    return NOTHING


@means(lease._LEAVE)
def _leave(store: Store, given: Parameters) -> Rows:
    store.replicas.drop(given["holder"])
    return NOTHING


@means(lease._TAKE)
def _take_leases(store: Store, given: Parameters) -> Rows:
    now_ms, holder = store.now_ms(), given["holder"]
    wanted = _wanted(store)
    room = max(0, _share(store, wanted, holder) - len(_held_of(store, wanted, holder)))
    free = [one for one in wanted if one not in store.leases or store.leases[one].expires_at_ms < now_ms]
    taken = []
    for session_id in free[:room]:
        known = store.leases.get(session_id)
        token = known.token + 1 if known else 1
        taken.append(Lease(session_id, token, holder, now_ms + given["lease_ms"]))
        store.leases.put(session_id, taken[-1])
    return taken


@means(lease._SURPLUS)
def _surplus(store: Store, given: Parameters) -> Rows:
    wanted, holder = _wanted(store), given["holder"]
    return [(one,) for one in _held_of(store, wanted, holder)[_share(store, wanted, holder) :]]


def _wanted(store: Store) -> list[str]:
    busy = {line["session_id"] for line in store.campaigns.values() if _wants_lease(line)}
    return sorted(busy | {line.session_id for line in store.open_attempts.values() if line.in_flight})


def _wants_lease(line: dict[str, Any]) -> bool:
    flying = line["processing"] + line["unconfirmed"]
    if line["status"] in ("queued", "running"):
        return bool(line["queued"] + flying)
    ending = line["status"] == "cancelled" and line["finished_at_ms"] is None
    return bool(flying) and (line["status"] == "paused" or ending)


def _held_of(store: Store, wanted: list[str], holder: str) -> list[str]:
    return sorted(line.session_id for line in _mine(store, holder) if line.session_id in wanted)


def _share(store: Store, wanted: list[str], holder: str) -> int:
    now_ms = store.now_ms()
    living = {holder, *(name for name, until in store.replicas.items() if until >= now_ms)}
    return ceil(len(wanted) / len(living))


@means(lease._RENEW)
def _renew_leases(store: Store, given: Parameters) -> Rows:
    now_ms = store.now_ms()
    mine = list(_mine(store, given["holder"]))
    for line in mine:
        store.leases.put(line.session_id, line._replace(expires_at_ms=now_ms + given["lease_ms"]))
    return mine


@means(lease._CONFIRM)
def _confirm_leases(store: Store, given: Parameters) -> Rows:
    return [line for line in _mine(store, given["holder"]) if line.session_id in given["sessions"]]


@means(lease._ELSEWHERE)
def _elsewhere(store: Store, given: Parameters) -> Rows:
    now_ms, others = store.now_ms(), (store.leases.get(one) for one in given["sessions"])
    held = (line for line in others if line and line.holder != given["holder"])
    return [(line.session_id,) for line in held if line.expires_at_ms >= now_ms]


@means(lease._GIVE_BACK)
@means(lease._GIVE_ALL_BACK)
def _give_back(store: Store, given: Parameters) -> Rows:
    mine = [line for line in store.leases.values() if line.holder == given["holder"]]
    for line in mine:
        if line.session_id in given.get("sessions", [line.session_id]):
            store.leases.put(line.session_id, line._replace(expires_at_ms=0))
    return NOTHING


def _mine(store: Store, holder: str) -> Iterator[Lease]:
    now_ms = store.now_ms()
    return (line for line in store.leases.values() if line.holder == holder and line.expires_at_ms >= now_ms)


@means(claim._HEADS)
def _heads(store: Store, given: Parameters) -> Rows:
    flying = {(line.session_id, line.recipient) for line in store.open_attempts.values() if line.in_flight}
    heads = []
    for campaign in store.campaigns.values():
        session_id = campaign["session_id"]
        if session_id not in given["sessions"] or campaign["status"] not in ("queued", "running"):
            continue
        waiting = [line for key, line in store.queue.items() if key[0] == campaign["campaign_id"]]
        free = [line for line in waiting if (session_id, line.recipient) not in flying]
        for line in sorted(free, key=lambda line: (line.due_at_ms, line.position))[: given["lanes"]]:
            refusal = _refusal(store, (session_id, line.recipient))
            place = (session_id, line.campaign_id, line.recipient, line.due_at_ms)
            last = _last_start(store, campaign, given)
            heads.append((*place, campaign["priority"], False, refusal, campaign["delay_ms"], *last))
    return heads


def _last_start(store: Store, campaign: dict[str, Any], given: Parameters) -> tuple[int | None, str | None]:
    since_ms = given["now_ms"] - campaign["delay_ms"] * given["widest"]
    lately = [
        (line.started_at_ms, line.attempt_id)
        for line in store.attempts.values()
        if campaign["delay_ms"]
        and (line.session_id, line.campaign_id) == (campaign["session_id"], campaign["campaign_id"])
        and line.started_at_ms > since_ms
    ]
    return max(lately, default=(None, None))


@means(routing._FIND)
def _find(store: Store, given: Parameters) -> Rows:
    attempts = (store.attempts.get(str(reference)) for reference in given["refs"])
    messages = (store.message_ids.get(message_id) for message_id in given["ids"])
    places = {place[:2] for place in _places(given) if place[2] not in store.message_ids}
    here = (line for line in store.open_attempts.values() if (line.session_id, line.recipient) in places)
    failures = (event for event in store.events.values() if event.type == "recipient.failed")
    before = (event for event in failures if event.causation in given["reports"]) if given["reports"] else ()
    return [
        *((0, one.attempt_id, "", one.number, *_line(store, one)) for one in attempts if one),
        *((1, one.message_id, "", one.attempt, *_line(store, one)) for one in messages if one),
        *((2, one.session_id, one.recipient, one.number, *_line(store, one)) for one in here),
        *((3, event.causation, "", *_told_of(store, event)) for event in before),
    ]


def _told_of(store: Store, failure: postgres.Recorded) -> Sequence[Any]:
    told = msgspec.json.decode(failure.data, type=recipient_events.SendFailed)
    return told.attempt, *store.recipients[key_of(failure.stream)].row()


def _line(store: Store, about: AttemptRow | MessageIdRow | OpenAttemptRow) -> Sequence[Any]:
    return store.recipients[about.campaign_id, about.recipient].row()


@means(inquiry._CLAIMS)
def _claims(store: Store, given: Parameters) -> Rows:
    def is_rival(line: AttemptRow | OpenAttemptRow) -> bool:
        here = (line.session_id, line.recipient) == (given["session_id"], given["recipient"])
        return here and (line.campaign_id, line.number) != (given["campaign_id"], given["number"])

    later = (line for line in store.attempts.values() if line.started_at_ms >= given["started_at_ms"])
    is_doubtful = any(map(is_rival, store.open_attempts.values())) or any(map(is_rival, later))
    return [(given["message_id"] in store.message_ids, is_doubtful)]


@means(inquiry._WITNESSES)
def _witnesses(store: Store, given: Parameters) -> Rows:
    earlier = [
        line
        for line in store.attempts.values()
        if line.session_id == given["session_id"]
        and line.started_at_ms < given["before_ms"]
        and line.recipient != given["recipient"]
    ]
    earlier.sort(key=lambda line: -line.started_at_ms)
    lines = [store.recipients[line.campaign_id, line.recipient] for line in earlier[: given["limit"]]]
    return [line.row() for line in lines if line.status in SENT_STATUSES]


@means(expire_sends._OVERDUE)
def _overdue(store: Store, given: Parameters) -> Rows:
    held = {line.session_id for line in store.leases.values() if line.holder == given["holder"]}
    overdue = [
        line
        for line in store.open_attempts.values()
        if line.in_flight and line.deadline_ms <= given["now_ms"] and line.session_id in held
    ]
    overdue.sort(key=lambda line: line.deadline_ms)
    return [
        (line.campaign_id, line.recipient, line.number, line.session_id) for line in overdue[: given["limit"]]
    ]


@means(rebuild._PAGE)
def _page(store: Store, given: Parameters) -> Rows:
    after = given["stream"], given["version"]
    events = sorted(store.events.values(), key=lambda event: (event.stream, event.version))
    behind = [
        event for event in events if (event.stream, event.version) > after and event.stream < given["end"]
    ]
    return [(event.stream, event.version, bytes(event.data)) for event in behind[: given["limit"]]]
