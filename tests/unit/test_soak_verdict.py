"""The verdict of the soak: it tells what grows, and is not fooled by the warm-up or by one odd sample."""

import itertools

import pytest

from local_stack.simulator.ledger import Entry
from local_stack.soak.load import callbacks_about
from local_stack.soak.samples import Sample, Use
from local_stack.soak.verdict import SPARE_DESCRIPTORS, TooShortError, complaints, growth_of

SECONDS = 100.0
MIB = 1 << 20


def samples(memory: list[float], descriptors: list[int] | None = None) -> list[Sample]:
    """One part, by MiB and descriptors, in equal steps over the whole time."""
    counts = descriptors or [10] * len(memory)
    step = SECONDS / len(memory)
    return [
        Sample(number * step, {"gateway": Use(round(mib * MIB), count)}, 0)
        for number, (mib, count) in enumerate(zip(memory, counts, strict=True))
    ]


def judged(
    memory: list[float],
    descriptors: list[int] | None = None,
    lag: int = 0,
    refused: int = 0,
    posted: int = 1000,
) -> list[str]:
    growth = growth_of(samples(memory, descriptors), SECONDS)
    return complaints(growth, 5.0, lag, refused, posted, wanted=1000.0)


def test_what_stays_as_it_is_gives_nothing_to_complain_about() -> None:
    assert judged([100.0] * 20) == []


def test_what_grows_in_the_warm_up_alone_is_flat() -> None:
    assert judged([50.0 + number * 5 for number in range(11)] + [105.0] * 9) == []


def test_memory_that_keeps_growing_is_told() -> None:
    assert judged([100.0 + number * 5 for number in range(20)]) == ["gateway: memory grew by 11.9 %"]


def test_one_odd_sample_does_not_decide() -> None:
    assert judged([100.0] * 18 + [300.0] + [100.0]) == []


def test_descriptors_that_keep_growing_are_told() -> None:
    growing = [10 + 2 * number for number in range(20)]
    assert judged([100.0] * 20, growing) == ["gateway: descriptors grew from 37 to 45"]
    assert judged([100.0] * 20, [10] * 16 + [10 + SPARE_DESCRIPTORS] * 4) == []
    assert judged([100.0] * 20, [720] * 15 + [780] * 5) == []
    assert judged([100.0] * 20, [720] * 15 + [800] * 5) != []


def test_what_waits_at_the_end_and_what_was_refused_is_told() -> None:
    assert judged([100.0] * 20, lag=3, refused=2) == [
        "3 messages and events still wait at the end",
        "2 callbacks were not answered 202",
    ]


def test_a_load_that_was_held_up_is_told() -> None:
    assert judged([100.0] * 20, posted=950) == []
    assert judged([100.0] * 20, posted=949) == ["949 callbacks could be posted in the time of 1000"]


def test_too_few_samples_are_no_verdict() -> None:
    with pytest.raises(TooShortError):
        growth_of(samples([100.0] * 6), SECONDS)


def test_the_load_gives_new_readers_for_ever_and_repeats_between() -> None:
    sent = [
        Entry(
            number=number,
            recipient=f"{number}@g.us",
            session_id="wa_x",
            message_id=f"3EB0{number}",
            client_ref=None,
            idempotency_key=None,
            sent_at_ms=1,
            text="",
            text_digest="",
        )
        for number in range(2)
    ]
    told = [(hook, body) for hook, body in itertools.islice(callbacks_about(sent), 80)]
    receipts = [str(sorted(body.items())) for hook, body in told if hook == "read-receipt"]
    assert {hook for hook, _ in told} == {"read-receipt", "reaction", "session-status"}
    assert len(set(receipts)) == len(receipts) - 10
