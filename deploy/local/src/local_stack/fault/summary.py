"""The counts of a run, by which it is judged. Pure; `report` puts them into words."""

from collections.abc import Mapping, Sequence

import msgspec

from local_stack.fault.campaigns import is_bare
from local_stack.fault.check import SENT_STATUSES, Findings, is_expected
from local_stack.fault.evidence import Evidence
from local_stack.fault.kinds import Fault
from local_stack.fault.settling import Held
from local_stack.fault.whereabouts import Place


class Struck(msgspec.Struct, frozen=True):
    """A fault that was injected, after how many seconds all was well again (None: not in time), and how many messages
    left meanwhile.
    """

    fault: Fault
    recovery_seconds: float | None
    sent: int


class KindRow(msgspec.Struct, frozen=True):
    """All faults of a kind: how many, the longest recovery, and after how many all was not well for longer than that
    is waited for: the next fault came all the same.
    """

    count: int
    longest_recovery_seconds: float
    late: int


class Sent(msgspec.Struct, frozen=True):
    """Messages of the sessions with one build of the VPS."""

    asked_for: int
    written: int
    shown_as_sent: int
    twice: int
    excused: int
    never: int
    settled_by_operator: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The last line, `FAULT {…}`. `without_sends`: faults during which no message left. `toothless`: those that were
    injected and that nobody felt. `events_expected`: those stored that are published. `full` and `bare`: sessions
    whose VPS has both Idempotency-Key and /message-status, or none.
    """

    ok: bool
    seed: int
    faults: int
    without_sends: int
    toothless: list[str]
    kinds: dict[str, KindRow]
    left_out: dict[str, str]
    callbacks_accepted: int
    callbacks: dict[str, int]
    callbacks_lost: int
    callbacks_stuck: int
    wrong_keys_let_in: int
    full: Sent
    bare: Sent
    unknown: int
    strangers: int
    untrue: int
    events_stored: int
    events_expected: int
    events_published: int
    events_missing: int
    events_invented: int
    campaigns_disordered: int
    verified: bool
    at_rest: str
    ended_by_themselves: dict[str, int]
    seconds: float


def rows_of(struck: Sequence[Struck]) -> dict[str, KindRow]:
    """Count the faults by kind."""
    found: dict[str, KindRow] = {}
    for each in struck:
        before = found.get(each.fault.kind.value, KindRow(0, 0.0, 0))
        found[each.fault.kind.value] = KindRow(
            before.count + 1,
            round(max(before.longest_recovery_seconds, each.recovery_seconds or 0.0), 2),
            before.late + (each.recovery_seconds is None),
        )
    return found


def sent_of(evidence: Evidence, findings: Findings, held: Held, *, bare: bool) -> Sent:
    """Count the messages of the sessions with one build of the VPS."""
    return Sent(
        asked_for=sum(is_bare(session) == bare for session, _ in evidence.planned),
        written=sum(is_bare(entry.session_id) == bare for entry in evidence.ledger if not entry.refused),
        shown_as_sent=sum(
            shown.status in SENT_STATUSES for shown in evidence.shown if is_bare(shown.session_id) == bare
        ),
        twice=sum(is_bare(double.first.session_id) == bare for double in findings.twice),
        excused=sum(is_bare(double.first.session_id) == bare for double in findings.excused),
        never=sum(is_bare(name.rpartition(" ")[2]) == bare for name in findings.never),
        settled_by_operator=held.bare if bare else held.full,
    )


def summarise(
    seed: int,
    struck: Sequence[Struck],
    left_out: Mapping[str, str],
    evidence: Evidence,
    findings: Findings,
    held: Held,
    *,
    toothless: Sequence[str],
    verified: bool,
    at_rest: str,
    ended_by_themselves: Mapping[str, int],
    seconds: float,
) -> Summary:
    """Return all counts."""
    return Summary(
        ok=findings.all_well and verified and not at_rest and not toothless,
        seed=seed,
        faults=len(struck),
        without_sends=sum(not each.sent for each in struck),
        toothless=list(toothless),
        kinds=rows_of(struck),
        left_out=dict(left_out),
        callbacks_accepted=sum(findings.places.values()),
        callbacks={place.value: findings.places.get(place.value, 0) for place in Place},
        callbacks_lost=len(findings.lost),
        callbacks_stuck=len(findings.stuck),
        wrong_keys_let_in=len(findings.let_in),
        full=sent_of(evidence, findings, held, bare=False),
        bare=sent_of(evidence, findings, held, bare=True),
        unknown=len(findings.unknown),
        strangers=len(findings.strangers),
        untrue=len(findings.untrue),
        events_stored=len(evidence.stored),
        events_expected=sum(is_expected(event, evidence) for event in evidence.stored),
        events_published=len({event.id for event in evidence.published}),
        events_missing=len(findings.missing),
        events_invented=len(findings.invented),
        campaigns_disordered=len(findings.disordered),
        verified=verified,
        at_rest=at_rest or "yes",
        ended_by_themselves=dict(ended_by_themselves),
        seconds=round(seconds, 1),
    )
