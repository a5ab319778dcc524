"""The parts of the benchmarks that need no server: figures, turns, work, and the reading of answers."""

import asyncio
import os
import signal
import tempfile

import msgspec
import pytest

from contracts.wire import SendCallback
from local_stack.bench.figure import Figure, MeasurementError, figure_of, latency_of, line_of, scaled
from local_stack.bench.gateway import render_request
from local_stack.bench.load import Round, is_whole, run_round
from local_stack.bench.outage import Posted, outage_of, overtaken
from local_stack.bench.rounds import take_turns
from local_stack.bench.run import INTERRUPTED, MEASURES, run_bench
from local_stack.bench.sends import SESSIONS, work_of

ANSWER = b'HTTP/1.1 202 Accepted\r\ncontent-length: 32\r\n\r\n{"id":"sc-1","status":"accepted"}'[:-1]


def test_the_ratio_is_that_of_the_rates_shown():
    figure = figure_of("sends", 1234.56, 9876.54, 0.4, "why")
    assert figure == Figure("sends", 1234.6, 9876.5, 0.125, 0.4, "why")


def test_a_line_is_one_json_object():
    line = line_of(figure_of("sends", 1, 2, 0.4, "two\nlines"))
    assert "\n" not in line
    assert msgspec.json.decode(line, type=Figure).ratio == 0.5


def test_a_bare_rate_of_nothing_is_no_figure():
    with pytest.raises(MeasurementError):
        figure_of("sends", 1, 0, 0.4, "")


@pytest.mark.parametrize(
    ("samples", "median", "p99"), [([3], 3, 3), (range(1, 101), 50.5, 99), ([2, 1], 1.5, 2)]
)
def test_the_99th_percentile_is_a_sample(samples, median, p99):
    latency = latency_of("soon", list(samples), "")
    assert (latency.median_ms, latency.p99_ms) == (median, p99)


def test_a_scale_leaves_at_least_one():
    assert (scaled(50, 0.001), scaled(50, 0.5)) == (1, 25)


async def test_turns_alternate_and_the_warm_up_does_not_count():
    order: list[str] = []
    values, bares = iter([1000, 1, 9, 5]), iter([1000, 10, 30, 20])

    async def value() -> float:
        order.append("value")
        return next(values)

    async def bare() -> float:
        order.append("bare")
        return next(bares)

    rates = await take_turns("turns", value, bare, 3, lambda _: None)
    assert (rates.value, rates.bare) == (5, 20)
    assert order == ["value", "bare"] * 4


@pytest.mark.parametrize("count", [1, SESSIONS - 1, SESSIONS, 10 * SESSIONS + 7])
def test_the_work_of_a_round_is_all_there_and_shared_out(count):
    work = work_of("round", count)
    groups = [group for mine in work.values() for group in mine]
    assert len(groups) == len(set(groups)) == count
    assert len(work) == min(count, SESSIONS)
    assert all(work.values())


def test_requests_differ_by_their_message():
    bodies = [render_request(number).partition(b"\r\n\r\n")[2] for number in (1, 2)]
    first, second = (msgspec.json.decode(body, type=SendCallback) for body in bodies)
    assert first.message_id != second.message_id
    assert f"Content-Length: {len(bodies[0])}".encode() in render_request(1)


def test_an_answer_is_whole_at_its_last_byte():
    assert [is_whole(ANSWER[:size]) for size in (0, 20, len(ANSWER) - 1, len(ANSWER))] == [False] * 3 + [True]


@pytest.mark.parametrize(
    "answer", [ANSWER.replace(b"202", b"503"), ANSWER.replace(b"accepted", b"duplicate")]
)
async def test_any_other_answer_fails_the_round(answer):
    finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    Round([b"one"], finished).count(answer)
    with pytest.raises(MeasurementError):
        await finished


@pytest.mark.parametrize(("answer", "fails"), [(ANSWER, False), (b"", True)])
async def test_a_round_ends_with_its_last_answer_or_with_a_lost_connection(answer, fails):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000) and answer:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        round_of_ten = run_round("127.0.0.1", port, 2, [b"request"] * 10)
        if fails:
            with pytest.raises(MeasurementError):
                await round_of_ten
        else:
            assert await round_of_ten > 0


def test_a_failed_measurement_is_told_and_the_others_go_on(monkeypatch):
    async def fail(_rig, _scale):
        raise MeasurementError("half of it was lost")

    async def succeed(_rig, _scale):
        return [figure_of("sends", 1, 2, 0.4, "")]

    monkeypatch.setitem(MEASURES, "gateway", fail)
    monkeypatch.setitem(MEASURES, "sends", succeed)
    shown: list[str] = []
    told: list[str] = []
    assert run_bench({}, ["gateway", "sends"], 1, shown.append, told.append) == 1
    assert len(shown) == 1
    assert "gateway: failed: half of it was lost" in told


def test_a_signal_ends_all_and_leaves_nothing_behind(monkeypatch, tmp_path):
    async def be_interrupted(_rig, _scale):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setitem(MEASURES, "gateway", be_interrupted)
    before = signal.getsignal(signal.SIGTERM)
    assert run_bench({}, ["gateway", "sends"], 1, lambda _: None, lambda _: None) == INTERRUPTED
    assert signal.getsignal(signal.SIGTERM) == before
    assert not list(tmp_path.iterdir())


def posted(due: float, answered: float, name: str = "", status: int = 202) -> Posted:
    return Posted(due, answered, status, name)


def test_who_was_answered_before_another_was_sent_must_stand_before_it():
    first, second, beside = posted(0, 1), posted(2, 3), posted(0.5, 2.5)
    assert overtaken([first, beside, second]) == overtaken([beside, first, second]) == 0
    assert overtaken([first, second, beside]) == 0
    assert overtaken([second, first, beside]) == 1


def test_an_outage_counts_what_was_lost_refused_or_doubled():
    all_posted = [posted(0, 0.010, "a"), posted(0, 0.030, "b"), posted(0, 0.020, "c"), posted(0, 1, "", 503)]
    seen = outage_of(all_posted[:1], all_posted[1:2], 7, 60, 1.5, all_posted, ["a", "c", "c"])
    assert (seen.usual_p99_ms, seen.away_p99_ms, seen.ratio) == (10, 30, 3)
    assert (seen.callbacks, seen.spooled, seen.refused, seen.lost, seen.twice) == (4, 7, 1, 1, 1)
