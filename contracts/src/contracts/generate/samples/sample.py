"""What a sample is, and the names, ids and times that the samples share."""

from datetime import UTC, datetime, timedelta

import msgspec

from contracts.envelope import Message


class Sample(msgspec.Struct, frozen=True):
    """A message as an example; `case` tells a second one of the same type from the first."""

    message: Message
    case: str = ""


BROADCAST = "5d0f3c52-8f0e-4b77-9a43-6c1d2e7f9b10"
SESSION = "wa_6f1c2b7ad94e"
GROUP = "120363040000000001@g.us"
OTHER_GROUP = "120363040000000002@g.us"
PERSON = "12025550143@s.whatsapp.net"
READER = "12025550178"
MESSAGE_ID = "3EB0A1B2C3D4E5F6071829"
OTHER_MESSAGE_ID = "3EB0B1B2C3D4E5F607182A"

COMMAND_ID = "c6a1de8e-13b2-4f0c-8a58-0f9e3f1b7d01"
CORRELATION = COMMAND_ID

START = datetime(2026, 2, 15, 10, 0, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """Return the time so many seconds after the campaign was created."""
    return START + timedelta(seconds=seconds)


def milliseconds(seconds: float) -> int:
    """Return the same time as the VPS writes it: epoch milliseconds."""
    return int(after(seconds).timestamp() * 1000)
