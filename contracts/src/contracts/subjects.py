"""NATS subjects: `wa.<kind>.<noun>.<verb>[.<token>]`. Never a phone number or a JID in one."""

import re

from contracts.envelope import Message, type_of

COMMANDS = "wa.command.>"
DELIVERIES = "wa.delivery.>"
EVENTS = "wa.event.>"
DEAD = "wa.dead.>"
MAX_DELIVERIES = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"
"""Where the server says that it skips a message from now on: so often was it delivered in vain."""


def of_command(command: type[Message] | Message) -> str:
    """Return the subject of a command, as `wa.command.campaign.create`."""
    return f"wa.command.{type_of(command)}"


def of_delivery(report: type[Message] | Message) -> str:
    """Return the subject of a delivery report, as `wa.delivery.message.sent`."""
    return f"wa.delivery.{type_of(report)}"


def of_event(event: type[Message] | Message, token: str) -> str:
    """Return the subject of a published event, as `wa.event.recipient.sent.<broadcast_id>`; the token of events of
    sessions and groups is that of their session.
    """
    return f"wa.event.{type_of(event)}.{token}"


def token_of_session(session_id: str) -> str:
    """Return a session's id as one token: every byte that is no letter, digit, `_` or `-` is written `=XX`."""
    return re.sub(
        r"[^A-Za-z0-9_-]", lambda found: "".join(f"={byte:02X}" for byte in found[0].encode()), session_id
    )


def of_dead(message: type[Message] | Message) -> str:
    """Return the subject of a dead message, as `wa.dead.callback.quarantined`."""
    return f"wa.dead.{type_of(message)}"
