"""The proof: what the gateway took, what the VPS sent, what is recorded and what was published, id by id. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec

from local_stack.fault.evidence import Evidence, Published, Shown, Stored
from local_stack.fault.excuses import Double, judge
from local_stack.fault.whereabouts import Place, Whereabouts
from local_stack.simulator.ledger import Entry

SENT_STATUSES = frozenset({"sent", "delivered", "read"})


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What is not as it must be. `excused` is no fault: it was never promised.

    `lost`: callbacks answered 202 of which nothing is left, or that bear no id. `stuck`: kept for later although their
    message is known. `let_in`: callbacks with a wrong key that were taken. `unknown`: messages asked for of which
    nothing is known. `strangers`: written, and not asked for. `never`: known, and never written. `untrue`: shown as
    sent but never written, or written but not shown as sent, or by an id that was not written. `missing`, `invented`,
    `disordered`: events that were not published, published ones that the store does not have, campaigns out of order.
    """

    places: dict[str, int]
    lost: list[str]
    stuck: list[str]
    let_in: list[str]
    unknown: list[str]
    strangers: list[str]
    never: list[str]
    untrue: list[str]
    twice: list[Double]
    excused: list[Double]
    missing: list[str]
    invented: list[str]
    disordered: list[str]

    @property
    def all_well(self) -> bool:
        """Whether there is nothing to complain about."""
        callbacks = (self.lost, self.stuck, self.let_in)
        messages = (self.unknown, self.strangers, self.never, self.untrue, self.twice)
        return not any((*callbacks, *messages, self.missing, self.invented, self.disordered))


def compare(evidence: Evidence) -> Findings:
    """Compare all that is remembered."""
    places = find_callbacks(evidence)
    writes = _writes(evidence.ledger)
    known = {(shown.session_id, shown.recipient): shown for shown in evidence.shown}
    doubles = [double for entries in writes.values() for double in _doubles(entries, evidence)]
    expected = [event for event in evidence.stored if is_expected(event, evidence)]
    published = first_of_each(evidence.published)
    return Findings(
        places=dict(Counter(place.value for _, place in places)),
        lost=[name for name, place in places if place is Place.LOST],
        stuck=[name for name, place in places if place is Place.STUCK],
        let_in=[each.hook for each in evidence.callbacks if each.wrong_key and each.answer.startswith("2")],
        unknown=[_name(place) for place in evidence.planned if place not in known],
        strangers=[_name(place) for place in writes.keys() - set(evidence.planned)],
        never=[_name(place) for place in known if place not in writes],
        untrue=[_name(place) for place, row in known.items() if not _is_true(row, writes.get(place, []))],
        twice=[double for double in doubles if not double.excused],
        excused=[double for double in doubles if double.excused],
        missing=sorted({event.id for event in expected} - published.keys()),
        invented=sorted(published.keys() - {event.id for event in evidence.stored} - evidence.recorded),
        disordered=list(_disordered(published.values())),
    )


def find_callbacks(evidence: Evidence) -> list[tuple[str, Place]]:
    """Name the callbacks that were answered 202, each once, and say where they are. What bears no id is lost."""
    whereabouts = Whereabouts(evidence)
    taken = {
        each.id or f"without an id, {number}": each
        for number, each in enumerate(evidence.callbacks)
        if each.answer.startswith("2")
    }
    return [
        (f"{name} ({each.body.event})", whereabouts.find(each) if each.id else Place.LOST)
        for name, each in taken.items()
    ]


def is_expected(event: Stored, evidence: Evidence) -> bool:
    """Tell whether an event must have been published."""
    return event.type in evidence.publishable


def first_of_each(published: Sequence[Published]) -> dict[str, Published]:
    """Return each event once, where it came first: delivery is at least once."""
    found: dict[str, Published] = {}
    for event in published:
        found.setdefault(event.id, event)
    return found


def _disordered(published: Iterable[Published]) -> Iterator[str]:
    last: dict[str, int] = {}
    wrong: set[str] = set()
    for event in published:
        if event.position <= last.get(event.about, 0) and event.about not in wrong:
            wrong.add(event.about)
            yield event.about
        last[event.about] = event.position


def _writes(ledger: Sequence[Entry]) -> dict[tuple[str, str], list[Entry]]:
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in ledger:
        if not entry.refused:
            found.setdefault((entry.session_id, entry.recipient), []).append(entry)
    return found


def _doubles(entries: Sequence[Entry], evidence: Evidence) -> Iterator[Double]:
    for first, second in pairwise(entries):
        yield judge(first, second, evidence)


def _is_true(shown: Shown, writes: Sequence[Entry]) -> bool:
    if shown.status not in SENT_STATUSES:
        return not writes
    return shown.message_id in [entry.message_id for entry in writes]


def _name(place: tuple[str, str]) -> str:
    session_id, recipient = place
    return f"{recipient} by {session_id}"
