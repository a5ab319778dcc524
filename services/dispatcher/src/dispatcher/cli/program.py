"""The operators' commands, noun by noun."""

import typer

from dispatcher.cli import attention, campaign, dead, group, key, quarantine, recipient, session

GROUPS = (
    campaign.group,
    recipient.group,
    session.group,
    group.group,
    attention.group,
    dead.group,
    quarantine.group,
    key.group,
)


def add_to(cli: typer.Typer) -> None:
    """Add the groups of commands to the program."""
    for each in GROUPS:
        cli.add_typer(each)
