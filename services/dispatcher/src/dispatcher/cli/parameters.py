"""Arguments and options that several commands take."""

import getpass
from enum import StrEnum
from typing import Annotated

import typer


class Priority(StrEnum):
    """How urgent a campaign is."""

    HIGH = "high"
    NORMAL = "normal"


class MediaType(StrEnum):
    """What a file is."""

    IMAGE = "image"
    VIDEO = "video"
    DOCUMENT = "document"


CampaignId = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The campaign's broadcast_id.")]
RecipientId = Annotated[str, typer.Argument(metavar="RECIPIENT", help="A phone number or a JID.")]
SessionId = Annotated[str, typer.Argument(metavar="SESSION", help="The WhatsApp session.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")]
After = Annotated[str | None, typer.Option(metavar="CURSOR", help="Go on behind this place of the list.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Why = Annotated[str | None, typer.Option(metavar="TEXT", help="The reason; it is recorded.")]
By = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", envvar="OPERATOR", help="Who decides; it is recorded.", show_default="your user name"
    ),
]


def who(by: str | None) -> str:
    """Return who decides: as given, else the user of this machine."""
    try:
        return by or getpass.getuser()
    except (OSError, KeyError):
        return "command line"
