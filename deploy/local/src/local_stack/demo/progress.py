"""Live progress of the demo's campaigns: bars at a terminal, else a plain line now and then."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from local_stack.api_client import Campaign

PLAIN_EVERY_SECONDS = 2.0

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(bar_width=32),
    TextColumn("{task.completed:>3.0f}/{task.total:.0f}  {task.fields[words]}"),
    TimeElapsedColumn(),
)


class CampaignProgress:
    """Shows campaigns by session. Give it what the API says, as often as you like. `now` is in seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(*COLUMNS, console=console) if console.is_terminal else None
        self._tasks: dict[str, TaskID] = {}
        self._next_line_at = 0.0

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def show(self, campaigns: Mapping[str, Campaign], now: float) -> None:
        """Show how the campaigns stand."""
        if self._bars is not None:
            self._move_bars(self._bars, campaigns)
        elif now >= self._next_line_at:
            self._next_line_at = now + PLAIN_EVERY_SECONDS
            self._console.print(plain_line(campaigns), highlight=False, soft_wrap=True)

    def _move_bars(self, bars: Progress, campaigns: Mapping[str, Campaign]) -> None:
        for session_id, campaign in campaigns.items():
            if session_id not in self._tasks:
                total = campaign.total_recipients
                self._tasks[session_id] = bars.add_task(session_id, total=total, words="")
            bars.update(self._tasks[session_id], completed=settled(campaign), words=words_of(campaign))


def settled(campaign: Campaign) -> int:
    """Return how many recipients have an end."""
    return campaign.sent_count + campaign.failed_count


def words_of(campaign: Campaign) -> str:
    """Return a campaign's counts in words."""
    waiting = campaign.total_recipients - settled(campaign)
    return f"sent {campaign.sent_count}, failed {campaign.failed_count}, waiting {waiting}"


def plain_line(campaigns: Mapping[str, Campaign]) -> str:
    """Return one line for all campaigns."""
    sent = sum(campaign.sent_count for campaign in campaigns.values())
    failed = sum(campaign.failed_count for campaign in campaigns.values())
    each = ", ".join(f"{name} {settled(one)}/{one.total_recipients}" for name, one in campaigns.items())
    return f"sent {sent}, failed {failed} ({each})"
