"""From the options of `campaign create` to the request: JSON, or a form whose file is passed on piece by piece."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

import msgspec

from dispatcher.cli.client import Client, path_of
from dispatcher.cli.exits import Exit, Failure

STDIN = Path("-")
PIECE_BYTES = 1 << 16
CREATION_SECONDS = 600.0
"""So long a creation may take: it answers when all recipients are recorded."""

Campaign = dict[str, object]


def create(api: Client, campaign: Campaign, to: Sequence[str], recipients: Path | None) -> bytes:
    """Create a campaign to the recipients of the line, or to those of a file, beside the groups that it chooses; return
    the API's answer.
    """
    slow, path = api.patient(CREATION_SECONDS), path_of("campaigns")
    if not to and recipients is None and "groups" not in campaign:
        raise Failure("nobody to send to: give --to, --recipients, --group or --all-groups", Exit.USAGE)
    if to and recipients is not None:
        raise Failure("give --to or --recipients, not both", Exit.USAGE)
    if recipients is None:
        return slow.post(path, {**campaign, "recipients": [address(text) for text in to]})
    boundary = token_hex(16)
    with opened(recipients) as file:
        form = _form(msgspec.json.encode(campaign), file, boundary)
        return slow.upload(path, form, f"multipart/form-data; boundary={boundary}")


def address(text: str) -> dict[str, str]:
    """Return a recipient as the API wants it: a group's JID, or anything else as a phone."""
    return {"group_jid": text} if text.endswith("@g.us") else {"phone": text}


def groups_of(jids: Sequence[str], *, everyone: bool) -> dict[str, object] | None:
    """Return the groups that a campaign chooses from the session's directory; None for none."""
    if jids and everyone:
        raise Failure("give --group or --all-groups, not both", Exit.USAGE)
    if everyone:
        return {"all": True}
    return {"group_jids": list(jids)} if jids else None


def text_of(message: str | None, path: Path | None) -> str:
    """Return the message: given, or from a file. Raises Failure unless exactly one was given."""
    if message is not None and path is None:
        return message
    if message is None and path is not None:
        with opened(path) as file:
            try:
                return file.read().decode("utf-8-sig").removesuffix("\n")
            except UnicodeDecodeError:
                raise Failure(f"{path} is not UTF-8 text", Exit.USAGE) from None
    raise Failure("give the message with --message or with --message-file", Exit.USAGE)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, `-` for the input; one that cannot be opened is a wrong use."""
    if path == STDIN:
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}", Exit.USAGE) from None
    with file:
        yield file


def _form(campaign: bytes, file: BinaryIO, boundary: str) -> Iterator[bytes]:
    yield _head(boundary, 'name="campaign"', "application/json") + campaign + b"\r\n"
    yield _head(boundary, 'name="recipients"; filename="recipients.csv"', "text/csv")
    while piece := file.read(PIECE_BYTES):
        yield piece
    yield f"\r\n--{boundary}--\r\n".encode()


def _head(boundary: str, disposition: str, content_type: str) -> bytes:
    lines = (
        f"--{boundary}",
        f"Content-Disposition: form-data; {disposition}",
        f"Content-Type: {content_type}",
    )
    return "\r\n".join((*lines, "", "")).encode()
