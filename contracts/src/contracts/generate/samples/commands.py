"""Samples of commands."""

from typing import TypedDict

from contracts.commands import (
    CampaignSpec,
    CancelCampaign,
    ConfirmCampaign,
    CreateCampaign,
    GroupChoice,
    PauseCampaign,
    RecipientSpec,
    ResumeCampaign,
    RetryCampaign,
    VerifyCampaign,
)
from contracts.envelope import Instant
from contracts.generate.samples.sample import (
    BROADCAST,
    COMMAND_ID,
    CORRELATION,
    GROUP,
    OTHER_GROUP,
    SESSION,
    START,
    Sample,
    after,
)

_RECIPIENTS = [
    RecipientSpec(group_jid=GROUP, lead_id="lead-1"),
    RecipientSpec(group_jid=OTHER_GROUP),
    RecipientSpec(phone="+12025550143", lead_id="lead-3"),
]


class Shared(TypedDict):
    """The fields that every command about a campaign has."""

    id: str
    time: Instant
    correlation: str
    broadcast_id: str
    by: str


def _shared(number: int) -> Shared:
    identity = f"c6a1de8e-13b2-4f0c-8a58-0f9e3f1b7e{number:02d}"
    return {
        "id": identity,
        "time": after(60 + number),
        "correlation": identity,
        "broadcast_id": BROADCAST,
        "by": "dana",
    }


_STEERING = (
    Sample(PauseCampaign(**_shared(1), why="wrong picture")),
    Sample(ResumeCampaign(**_shared(2))),
    Sample(CancelCampaign(**_shared(3), why="wrong picture")),
    Sample(RetryCampaign(**_shared(4), include_unconfirmed=True)),
    Sample(RetryCampaign(**_shared(5), recipients=[GROUP, "+12025550143"]), case="some"),
    Sample(VerifyCampaign(**_shared(6))),
    Sample(ConfirmCampaign(**_shared(7), outcome="sent", recipients=[GROUP], why="seen on the phone")),
)

SAMPLES = (
    *_STEERING,
    Sample(
        CreateCampaign(
            id=COMMAND_ID,
            time=START,
            correlation=CORRELATION,
            broadcast_id=BROADCAST,
            campaign=CampaignSpec(
                session_id=SESSION, message="The doors open at nine.", recipients=_RECIPIENTS
            ),
        )
    ),
    Sample(
        CreateCampaign(
            id="c6a1de8e-13b2-4f0c-8a58-0f9e3f1b7d02",
            time=START,
            tenant="acme",
            correlation="c6a1de8e-13b2-4f0c-8a58-0f9e3f1b7d02",
            broadcast_id="5d0f3c52-8f0e-4b77-9a43-6c1d2e7f9b11",
            campaign=CampaignSpec(
                session_id=SESSION,
                message="The plan of the hall",
                recipients=_RECIPIENTS[:1],
                media_url="https://media.example.com/hall.png",
                media_type="image",
                priority="high",
                delay_seconds=2.5,
            ),
        ),
        case="with-media",
    ),
    Sample(
        CreateCampaign(
            id="0b6e2f63-52d4-4c1e-9b6c-8a3f1f0f5c77",
            time=START,
            tenant="acme",
            correlation="0b6e2f63-52d4-4c1e-9b6c-8a3f1f0f5c77",
            broadcast_id="e4b7a0d1-7c8f-4a55-b3f9-2d1c6e5f8a90",
            campaign=CampaignSpec(
                session_id=SESSION,
                message="Hello {{name}}, the doors in {{city}} open at nine.",
                recipients=[
                    RecipientSpec(
                        phone="+12025550143", lead_id="lead-3", name="Ada", fields={"city": "Haifa"}
                    )
                ],
                idempotency_key="doors-haifa-2026-02",
            ),
        ),
        case="with-placeholders",
    ),
    Sample(
        CreateCampaign(
            id="7d1f3a90-41c6-4a0e-9a53-2b8f6c0d1e22",
            time=START,
            correlation="7d1f3a90-41c6-4a0e-9a53-2b8f6c0d1e22",
            broadcast_id="a2c9e6f4-0b3d-4f7a-8d15-9e4b7c2f6a31",
            campaign=CampaignSpec(
                session_id=SESSION, message="Hello {{name}}", recipients=[], groups=GroupChoice(all=True)
            ),
        ),
        case="to-groups",
    ),
)
