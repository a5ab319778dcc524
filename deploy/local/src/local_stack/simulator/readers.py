"""Readers: who gets, reads and reacts to a message, and through which sessions we hear of it. Pure."""

import msgspec

from local_stack.simulator.dice import Dice
from local_stack.simulator.knobs import Knobs


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """One receipt or reaction, `after_ms` after message_sent, told by a session (None: the sending one)."""

    event: str
    reader: str
    after_ms: int
    session_id: str | None = None
    emoji: str | None = None


def receipts_of(knobs: Knobs, dice: Dice, recipient: str, *, group: bool) -> list[Receipt]:
    """Return all receipts and reactions of a message, each also through the other sessions in the group."""
    people = _people(knobs, dice, recipient, group=group)
    own = [receipt for at, person in enumerate(people) for receipt in _of_reader(knobs, dice, at, person)]
    return [
        msgspec.structs.replace(receipt, session_id=session_id)
        for receipt in own
        for session_id in (None, *knobs.receipt_sessions)
    ]


def _people(knobs: Knobs, dice: Dice, recipient: str, *, group: bool) -> tuple[str, ...]:
    if not group:
        return (recipient.partition("@")[0],)
    if knobs.readers:
        return knobs.readers
    most = max(knobs.delivered_readers, knobs.read_readers, knobs.reactors)
    return tuple(f"91{int(dice.digest(f'reader{at}').hex(), 16) % 10**10:010d}" for at in range(most))


def _of_reader(knobs: Knobs, dice: Dice, at: int, person: str) -> list[Receipt]:
    """Return what one reader does, in order: gets it, reads it, reacts, takes the reaction back."""
    delivered_ms = dice.between(f"delivered{at}", knobs.receipt_min_ms, knobs.receipt_max_ms)
    read_ms = delivered_ms + dice.between(f"read{at}", knobs.receipt_min_ms, knobs.receipt_max_ms)
    reader = _shown(knobs, dice, at, person)
    receipts = []
    if at < knobs.delivered_readers:
        receipts.append(Receipt("delivered", reader, delivered_ms))
    if at < knobs.read_readers:
        receipts.append(Receipt("read", reader, read_ms))
    if at < knobs.reactors:
        receipts.append(Receipt("reaction_add", reader, read_ms + 1, emoji=knobs.emoji))
        if dice.hits(f"reaction_removed{at}", knobs.reaction_removed):
            receipts.append(Receipt("reaction_remove", reader, read_ms + 2))
    return receipts


def _shown(knobs: Knobs, dice: Dice, at: int, person: str) -> str:
    """Return the reader as the VPS shows it: as digits, as LID digits, or not at all."""
    if dice.hits(f"empty_reader{at}", knobs.empty_reader):
        return ""
    if dice.hits(f"lid_reader{at}", knobs.lid_reader):
        return f"{int(dice.digest(f'lid{at}').hex(), 16) % 10**15:015d}"
    return person
