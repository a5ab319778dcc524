"""Who gets the demo's messages, through which session, and what goes wrong for whom. Pure."""

import random
from collections.abc import Sequence

import msgspec

from contracts.commands import CampaignSpec, RecipientSpec
from local_stack.demo.cases import Case

PHONE_EVERY = 4
"""One recipient in so many is a person, the others are groups."""


class Target(msgspec.Struct, frozen=True):
    """One recipient: its JID, the session that sends to it, and its case."""

    jid: str
    session_id: str
    case: Case


def plan_targets(cases: Sequence[Case], sessions: Sequence[str], draw: random.Random) -> list[Target]:
    """Spread the cases over recipients, in random order, and the recipients evenly over the sessions."""
    dealt = [case for case in cases for _ in range(case.count)]
    draw.shuffle(dealt)
    return [
        Target(jid_of_number(number), sessions[number % len(sessions)], case)
        for number, case in enumerate(dealt)
    ]


def jid_of_number(number: int) -> str:
    """Return a made-up JID."""
    if number % PHONE_EVERY == PHONE_EVERY - 1:
        return f"97250{number:07}@s.whatsapp.net"
    return f"120363{number:012}@g.us"


def campaign_of(session_id: str, targets: Sequence[Target], message: str) -> CampaignSpec:
    """Return the campaign of one session."""
    recipients = [recipient_of(target.jid) for target in targets if target.session_id == session_id]
    return CampaignSpec(session_id=session_id, message=message, recipients=recipients)


def recipient_of(jid: str) -> RecipientSpec:
    """Name a recipient as the API wants it."""
    digits, _, server = jid.partition("@")
    return RecipientSpec(group_jid=jid) if server == "g.us" else RecipientSpec(phone=f"+{digits}")


def jid_of(recipient: str) -> str:
    """Return the JID of a recipient, whether it is named by JID or by phone."""
    return recipient if "@" in recipient else f"{recipient.lstrip('+')}@s.whatsapp.net"
