"""The publisher's queue: who shares a group, who is a repeat, who is told that nothing was stored."""

import asyncio

import pytest

from webhook_gateway.batches import NotStoredError, Outcome, Outgoing
from webhook_gateway.publisher import Publisher
from webhook_gateway.recent import Recent


class Stream:
    """Stands for the NATS stream: keeps the groups that it was given, and answers when it is let go."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.open = asyncio.Event()
        self.outcome: Outcome | None = "accepted"
        self.fault: Exception | None = None

    async def store(self, group, _deadline):
        self.groups.append([message.id for message in group])
        await self.open.wait()
        if self.fault:
            raise self.fault
        return [self.outcome] * len(group)


class Clock:
    now = 100.0


def publisher_to(stream: Stream, clock: type[Clock] = Clock, max_group: int = 3) -> Publisher:
    return Publisher(stream.store, seconds=5, max_group=max_group, recent=Recent(600), now=lambda: clock.now)


def message(name: str, size: int = 1, mark: bytes = b"") -> Outgoing:
    return Outgoing(name, "wa.delivery.message.sent", b"x" * size, mark)


async def started(*publishing) -> list[asyncio.Task]:
    tasks = [asyncio.create_task(each) for each in publishing]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_what_comes_while_a_group_is_on_its_way_gathers_up_to_the_limit():
    stream = Stream()
    publisher = publisher_to(stream)
    first = await started(publisher.publish(message("a")))
    some = await started(*(publisher.publish(message(name)) for name in "bc"))
    assert stream.groups == [["a"]]
    more = await started(*(publisher.publish(message(name)) for name in "defgh"))
    assert stream.groups == [["a"], ["b", "c", "d"]]
    assert publisher.pending == 8
    stream.open.set()
    assert await asyncio.gather(*first, *some, *more) == ["accepted"] * 8
    assert stream.groups == [["a"], ["b", "c", "d"], ["e", "f", "g"], ["h"]]
    assert publisher.pending == 0


async def test_a_repeat_waits_for_the_first_and_is_a_duplicate():
    stream = Stream()
    publisher = publisher_to(stream)
    tasks = await started(*(publisher.publish(message("a")) for _ in range(3)))
    stream.open.set()
    assert await asyncio.gather(*tasks) == ["accepted", "duplicate", "duplicate"]
    assert stream.groups == [["a"]]


async def test_another_message_of_the_same_id_is_a_conflict_while_the_first_waits_and_after():
    stream = Stream()
    publisher = publisher_to(stream)
    tasks = await started(*(publisher.publish(message("a", mark=mark)) for mark in (b"1", b"2", b"1")))
    stream.open.set()
    assert await asyncio.gather(*tasks) == ["accepted", "conflict", "duplicate"]
    assert await publisher.publish(message("a", mark=b"1")) == "duplicate"
    assert await publisher.publish(message("a", mark=b"2")) == "conflict"
    assert stream.groups == [["a"]]


async def test_what_was_lately_stored_is_a_duplicate_without_asking_until_the_broker_forgets_it():
    stream = Stream()
    stream.open.set()

    class Moving(Clock):
        pass

    publisher = publisher_to(stream, Moving)
    assert await publisher.publish(message("a")) == "accepted"
    Moving.now += 599
    assert await publisher.publish(message("a")) == "duplicate"
    Moving.now += 2
    assert await publisher.publish(message("a")) == "accepted"
    assert stream.groups == [["a"], ["a"]]


async def test_who_was_not_stored_is_told_so_and_may_come_again():
    stream = Stream()
    stream.outcome = None
    stream.open.set()
    publisher = publisher_to(stream)
    with pytest.raises(NotStoredError):
        await publisher.publish(message("a"))
    stream.outcome = "accepted"
    assert await publisher.publish(message("a")) == "accepted"


async def test_a_fault_while_storing_answers_all_who_wait_and_the_next_is_served():
    stream = Stream()
    stream.fault = RuntimeError("broken")
    publisher = publisher_to(stream)
    tasks = await started(*(publisher.publish(message(name)) for name in "ab"))
    stream.open.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [NotStoredError, NotStoredError]
    stream.fault = None
    assert await publisher.publish(message("c")) == "accepted"


async def test_more_than_the_memory_may_hold_is_refused_at_once():
    stream = Stream()
    publisher = publisher_to(stream)
    big = 16 << 20
    tasks = await started(*(publisher.publish(message(name, big)) for name in "abcd"))
    more = await started(*(publisher.publish(message(name, big)) for name in "efgh"))
    with pytest.raises(NotStoredError):
        await publisher.publish(message("z", big))
    stream.open.set()
    answers = await asyncio.gather(*tasks, *more, return_exceptions=True)
    assert "accepted" in answers


async def test_after_a_drain_nothing_waits_and_nothing_new_is_taken():
    stream = Stream()
    publisher = publisher_to(stream)
    tasks = await started(publisher.publish(message("a")))
    draining = asyncio.create_task(publisher.drain())
    await asyncio.sleep(0)
    with pytest.raises(NotStoredError):
        await publisher.publish(message("b"))
    stream.open.set()
    await draining
    assert await asyncio.gather(*tasks) == ["accepted"]
    assert publisher.pending == 0


def test_only_so_many_stored_ids_are_remembered(monkeypatch):
    monkeypatch.setattr("webhook_gateway.recent.MAX_RECENT", 2)
    recent = Recent(10)
    for name in "abac":
        recent.remember(name, b"m", 0)
    assert [recent.mark_of(name, 1) for name in "abc"] == [b"m", None, b"m"]
    assert recent.mark_of("a", 10) is None
