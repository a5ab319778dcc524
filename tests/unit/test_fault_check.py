"""The proof of the fault suite fails on what must not be: each kind of wrong is fabricated here, one at a time."""

import pytest
from msgspec.structs import replace

from local_stack.fault.check import Findings, compare
from local_stack.fault.evidence import Body, Evidence, Published
from local_stack.simulator.keeping import Denied
from support.evidence import (
    ATTEMPT_ID,
    CAMPAIGN,
    JID,
    MESSAGE_ID,
    SESSION,
    callback,
    entry,
    good,
    published,
    stored,
    with_stored,
)


def only(findings: Findings, name: str) -> list[object]:
    """Return one list of complaints, and check that it is the only one."""
    callbacks, events = ("lost", "stuck", "let_in"), ("missing", "invented", "disordered")
    lists = (*callbacks, "unknown", "strangers", "never", "untrue", "twice", *events)
    assert [each for each in lists if getattr(findings, each)] == [name]
    assert not findings.all_well
    return list(getattr(findings, name))


def test_what_went_well_gives_nothing_to_complain_about() -> None:
    findings = compare(good())
    assert findings.all_well
    assert findings.places == {"applied": 1}


def test_a_callback_that_left_no_trace_is_lost() -> None:
    receipt = callback("read", "rr-1", hook="read-receipt")
    evidence = replace(good(), callbacks=[callback(), receipt])
    assert only(compare(evidence), "lost") == ["rr-1 (read)"]


def test_a_session_status_that_left_no_trace_is_lost() -> None:
    told = callback(identity="ss-1", hook="session-status", body=Body(session_id="probe_1"))
    assert only(compare(replace(good(), callbacks=[told])), "lost") == ["ss-1 ()"]


def test_a_callback_of_an_attempt_that_nobody_knows_is_lost() -> None:
    stray = callback(identity="sc-9", body=Body(event="message_sent", client_ref="a9", message_id="3EB0A9"))
    assert only(compare(replace(good(), callbacks=[stray])), "lost") == ["sc-9 (message_sent)"]


@pytest.mark.parametrize("event", ["read", "delivered", "reaction_add", "message_error", "message_sent"])
def test_a_callback_that_waits_for_a_message_that_is_known_is_stuck(event: str) -> None:
    evidence = replace(good(), callbacks=[callback(event, "x-1")], parked=frozenset({"x-1"}))
    assert only(compare(evidence), "stuck") == [f"x-1 ({event})"]


def test_a_failure_that_was_told_of_a_send_that_was_not_taken_may_be_kept() -> None:
    failed = callback("message_failed", "x-1")
    findings = compare(replace(good(), callbacks=[failed], parked=frozenset({"x-1"})))
    assert findings.all_well
    assert findings.places == {"parked": 1}


def test_a_callback_that_was_taken_without_an_id_is_lost() -> None:
    evidence = replace(good(), callbacks=[callback(), callback(id=None)])
    assert only(compare(evidence), "lost") == ["without an id, 1 (message_sent)"]


def test_a_parked_callback_is_not_lost() -> None:
    about = Body(event="read", message_id="3EB0NOBODYS")
    receipt = callback("read", "rr-1", hook="read-receipt", body=about)
    findings = compare(replace(good(), callbacks=[receipt], parked=frozenset({"rr-1"})))
    assert findings.all_well
    assert findings.places == {"parked": 1}


@pytest.mark.parametrize(
    ("told", "fact"),
    [
        (callback("message_sent", "x"), stored(9, "recipient.sent", attempt=1)),
        (callback("message_failed", "x"), stored(9, "recipient.failed", attempt=1)),
        (callback("message_error", "x"), stored(9, "recipient.errored", attempt=1)),
        (callback("read", "x"), stored(9, "recipient.receipt", kind="read", reader="")),
        (callback("reaction_add", "x"), stored(9, "recipient.reaction", reactor="")),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_what_is_recorded_already_need_not_be_recorded_again(told: object, fact: object) -> None:
    evidence = replace(with_stored(good(), fact), callbacks=[told])
    assert compare(evidence).places == {"known": 1}


def test_a_callback_that_was_refused_is_nobodys_loss() -> None:
    refused = callback("read", "rr-1", answer="503", id=None)
    assert compare(replace(good(), callbacks=[refused])).places == {}


def test_the_same_callback_twice_counts_once() -> None:
    assert compare(replace(good(), callbacks=[callback(), callback()])).places == {"applied": 1}


def test_a_wrong_key_that_was_let_in_is_told() -> None:
    evidence = replace(good(), callbacks=[callback(wrong_key=True)])
    assert only(compare(evidence), "let_in") == ["send-callback"]


def test_a_message_that_was_asked_for_and_is_not_known_is_told() -> None:
    evidence = replace(good(), planned=[(SESSION, JID), (SESSION, "other@g.us")])
    assert only(compare(evidence), "unknown") == [f"other@g.us by {SESSION}"]


def test_a_message_that_is_known_and_was_never_written_is_told() -> None:
    shown = [
        *good().shown,
        replace(good().shown[0], recipient="other@g.us", status="failed", message_id=None),
    ]
    assert only(compare(replace(good(), shown=shown)), "never") == [f"other@g.us by {SESSION}"]


def test_a_message_that_is_shown_as_sent_and_was_not_is_untrue() -> None:
    findings = compare(replace(good(), ledger=[]))
    assert findings.untrue == findings.never == [f"{JID} by {SESSION}"]


@pytest.mark.parametrize("status", ["failed", "unconfirmed", "queued", "processing"])
def test_a_message_that_was_sent_and_is_not_shown_so_is_untrue(status: str) -> None:
    shown = [replace(good().shown[0], status=status)]
    assert only(compare(replace(good(), shown=shown)), "untrue") == [f"{JID} by {SESSION}"]


def test_a_message_that_is_shown_under_an_id_that_was_not_written_is_untrue() -> None:
    shown = [replace(good().shown[0], message_id="3EB0B2")]
    assert only(compare(replace(good(), shown=shown)), "untrue") == [f"{JID} by {SESSION}"]


def test_a_double_send_is_told() -> None:
    evidence = replace(good(), ledger=[entry(), entry(2, sent_at_ms=1_600)])
    (double,) = only(compare(evidence), "twice")
    assert MESSAGE_ID in double.words
    assert JID in double.words


def test_what_whatsapp_refused_reached_nobody_and_may_come_again() -> None:
    ledger = [entry(refused=True, message_id="3EB0A0"), entry(2)]
    assert compare(replace(good(), ledger=ledger)).all_well


@pytest.mark.parametrize("other", [{"session_id": "wa_full_001"}, {"recipient": "other@g.us"}])
def test_a_message_that_nobody_asked_for_is_told(other: dict[str, str]) -> None:
    stray = entry(2, **other)
    evidence = replace(good(), ledger=[entry(), stray])
    assert only(compare(evidence), "strangers") == [f"{stray.recipient} by {stray.session_id}"]


def test_an_event_that_was_not_published_is_missing() -> None:
    assert only(compare(replace(good(), published=good().published[:-1])), "missing") == ["e4"]


def test_an_event_that_only_concerns_us_need_not_be_published() -> None:
    evidence = good()
    more = [*evidence.stored, stored(6, "recipient.private")]
    assert compare(replace(evidence, stored=more)).all_well


def test_an_event_that_the_store_does_not_have_is_invented() -> None:
    invented = Published(id="e99", position=99, broadcast_id=CAMPAIGN)
    evidence = replace(good(), published=[*good().published, invented])
    assert only(compare(evidence), "invented") == ["e99"]


def test_events_out_of_order_are_told_by_their_campaign() -> None:
    first, second, *rest = good().published
    evidence = replace(good(), published=[second, first, *rest])
    assert only(compare(evidence), "disordered") == [CAMPAIGN]


def test_an_event_that_comes_again_later_is_no_disorder() -> None:
    events = good().published
    assert compare(replace(good(), published=[*events, events[0], *events])).all_well


def test_campaigns_may_overtake_each_other() -> None:
    other = stored(6, "recipient.queued", f"recipient-other+{JID}")
    evidence = replace(good(), stored=[*good().stored, other])
    mixed = [*published(other), *evidence.published]
    assert compare(replace(evidence, published=mixed)).all_well


FIRST_LOST = [
    stored(6, "recipient.failed", attempt=1, source="lookup"),
    stored(7, "recipient.started", attempt=2, attempt_id="a2", message_id="3EB0A2", at_ms=3_000),
]
WRITES = [entry(), entry(2, client_ref="a2", message_id="3EB0A2", sent_at_ms=3_500)]


def forgotten(lives_ms: list[int], *more: object, denied_at_ms: int = 2_500) -> Evidence:
    """The VPS wrote a message at 1,500, denied it, and wrote it again at 3,500 under a second attempt."""
    return replace(
        with_stored(good(), *FIRST_LOST, *more),
        ledger=WRITES,
        lives_ms=lives_ms,
        denied=[Denied(denied_at_ms, SESSION, JID)],
    )


def witness(position: int, sent_at_ms: int) -> object:
    """Another message of the same session, known as sent."""
    return stored(
        position, "recipient.sent", f"recipient-{CAMPAIGN}+other@g.us", attempt=1, sent_at_ms=sent_at_ms
    )


def test_a_first_message_that_the_vps_forgot_and_denied_is_excused() -> None:
    findings = compare(forgotten([0, 2_000]))
    assert findings.all_well
    assert [double.first.client_ref for double in findings.excused] == [ATTEMPT_ID]


def test_it_is_not_excused_when_the_vps_was_not_started_anew_in_between() -> None:
    only(compare(forgotten([0, 1_200, 4_000])), "twice")


@pytest.mark.parametrize("denied_at_ms", [1_400, 1_900, 3_600])
def test_it_is_not_excused_when_the_vps_denied_it_before_it_had_forgotten_or_too_late(
    denied_at_ms: int,
) -> None:
    only(compare(forgotten([0, 2_000], denied_at_ms=denied_at_ms)), "twice")


def test_it_is_not_excused_when_the_vps_denied_another_message() -> None:
    evidence = replace(forgotten([0, 2_000]), denied=[Denied(2_500, SESSION, "other@g.us")])
    only(compare(evidence), "twice")


def test_it_is_not_excused_when_the_vps_was_not_asked() -> None:
    evidence = forgotten([0, 2_000])
    events = [
        replace(event, facts=replace(event.facts, source="policy"))
        if event.type == "recipient.failed"
        else event
        for event in evidence.stored
    ]
    only(compare(replace(evidence, stored=events)), "twice")


def test_it_is_not_excused_when_the_session_had_sent_something_before() -> None:
    known_before = replace(good(), stored=[*good().stored, witness(5, 500)])
    evidence = replace(
        with_stored(known_before, *FIRST_LOST),
        ledger=WRITES,
        lives_ms=[0, 2_000],
        denied=[Denied(2_500, SESSION, JID)],
        published=[*known_before.published, *published(witness(5, 500), *FIRST_LOST)],
    )
    only(compare(replace(evidence, publishable=evidence.publishable - {"recipient.sent"})), "twice")


def test_what_was_sent_after_it_is_no_witness() -> None:
    assert compare(forgotten([0, 2_000], witness(8, 3_900))).all_well


def test_an_event_that_was_recorded_while_we_looked_is_not_invented() -> None:
    evidence = good()
    later = Published(id="e99", position=99, session_id="wa_x")
    found = compare(replace(evidence, published=[*evidence.published, later], recorded=frozenset({"e99"})))
    assert found.all_well
