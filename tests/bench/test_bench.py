"""Each figure at a tiny scale: the lines are what readers of them count on. No figure itself is judged."""

import os
from typing import get_args

import msgspec
import pytest

from local_stack.bench.figure import Figure, Latency, Name, Outage
from local_stack.bench.run import MEASURES, run_bench

TINY = 0.01

NAMES_OF_LINES = {
    "gateway": ["gateway_requests_per_second_64", "gateway_requests_per_second_256"],
    "deliveries": ["delivery_reports_per_second"],
    "sends": ["sends_per_second"],
    "latency": ["commit_to_send_ms"],
    "swept_latency": ["commit_to_send_swept_ms"],
    "outage": ["broker_outage"],
}


def lines_of(name: Name) -> list[str]:
    shown: list[str] = []
    told: list[str] = []
    assert run_bench(os.environ, [name], TINY, shown.append, told.append) == 0, "\n".join(told)
    return shown


@pytest.mark.parametrize("name", ["gateway", "deliveries", "sends"])
def test_a_rate_stands_beside_its_bound(name: Name):
    figures = [msgspec.json.decode(line, type=Figure) for line in lines_of(name)]
    assert [figure.figure for figure in figures] == NAMES_OF_LINES[name]
    for figure in figures:
        assert figure.value > 0
        assert figure.ratio == round(figure.value / figure.bare, 3)
        assert 0 < figure.aim < 1
        assert figure.detail


@pytest.mark.parametrize("name", ["latency", "swept_latency"])
def test_a_latency_has_its_median_and_its_99th_percentile(name: Name):
    (line,) = lines_of(name)
    latency = msgspec.json.decode(line, type=Latency)
    assert [latency.figure] == NAMES_OF_LINES[name]
    assert latency.samples >= 1
    assert latency.median_ms <= latency.p99_ms


def test_an_outage_of_the_broker_costs_no_callback_and_little_time():
    """Counts are judged at once; the times up to three times, since others use the machine too."""
    for _ in range(3):
        (line,) = lines_of("outage")
        outage = msgspec.json.decode(line, type=Outage)
        assert [outage.figure] == NAMES_OF_LINES["outage"]
        assert (outage.lost, outage.refused, outage.twice, outage.out_of_order) == (0, 0, 0, 0)
        assert outage.spooled > 0
        if outage.ratio < outage.aim:
            return
    raise AssertionError(outage)


def test_every_figure_is_tried_here():
    assert set(MEASURES) == set(get_args(Name)) == set(NAMES_OF_LINES)
