"""Three ways to show a campaign that goes on: a live bar on a terminal, plain lines in a pipe, JSON lines."""

from types import TracebackType
from typing import Protocol, Self

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from dispatcher.cli import display
from dispatcher.cli.answers import Campaign
from dispatcher.cli.rate import in_words

LINE_SECONDS = 5.0
"""A plain line comes this often at the most, and at every change of status."""

COUNTED = ("sent", "delivered", "read", "failed", "unconfirmed", "skipped", "cancelled")


class Look(msgspec.Struct, frozen=True):
    """A campaign at one moment; `answer` is how the API said it, `at` the seconds of a clock that only goes forward."""

    campaign: Campaign
    answer: bytes
    per_second: float
    seconds_left: float | None
    at: float


class Screen(Protocol):
    """Where looks are shown."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    def show(self, look: Look) -> None:
        """Show how the campaign stands."""


def screen_for(*, as_json: bool) -> Screen:
    """Return what fits the one who watches."""
    if as_json:
        return JsonLines()
    return Bar() if display.is_terminal() else Lines()


class _Plain:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""


class JsonLines(_Plain):
    """The API's answer in one line, whenever it differs from the last one."""

    def __init__(self) -> None:
        self._last = b""

    def show(self, look: Look) -> None:
        """Print what is new."""
        if look.answer != self._last:
            self._last = look.answer
            typer.echo(look.answer.decode())


class Lines(_Plain):
    """A line now and then, if there is something new."""

    def __init__(self) -> None:
        self._status = self._line = ""
        self._next_at = 0.0

    def show(self, look: Look) -> None:
        """Print a line, if it is time or the status changed."""
        if look.campaign.status != self._status or look.at >= self._next_at:
            self._status, self._next_at = look.campaign.status, look.at + LINE_SECONDS
            campaign = look.campaign
            settled = f"{campaign.settled}/{campaign.total_recipients}"
            line = f"{campaign.status} {settled}  {', '.join(words_of(look))}".rstrip()
            if line != self._line:
                self._line = line
                typer.echo(line)


class Bar:
    """A bar with counts, rate and time left, which stays when the watch ends."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}"),
            TimeElapsedColumn(),
            console=display.console(),
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, look: Look) -> None:
        """Move the bar."""
        campaign = look.campaign
        if self._task is None:
            self._task = self._progress.add_task("", total=campaign.total_recipients, words="")
        colour = display.COLOURS.get(campaign.status, "default")
        self._progress.update(
            self._task,
            completed=campaign.settled,
            description=f"[{colour}]{display.clean(campaign.status)}[/]",
            words=", ".join(words_of(look)),
        )


def words_of(look: Look) -> list[str]:
    """Return the counts that are not zero, the rate, and the time left."""
    counts = look.campaign.counts
    words = [f"{name} {counts[name]}" for name in COUNTED if counts.get(name)]
    if look.campaign.status == "scheduled" and look.campaign.scheduled_at:
        words.append(f"starts {display.local(look.campaign.scheduled_at):%Y-%m-%d %H:%M}")
    if look.per_second and look.campaign.open:
        words.append(f"{look.per_second:.1f}/s")
    if look.seconds_left and look.campaign.open and look.campaign.status != "paused":
        words.append(f"{in_words(look.seconds_left)} left")
    return words
