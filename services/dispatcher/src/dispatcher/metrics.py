"""What a Prometheus server may read at `/metrics`: how the parts of this process fare. Nothing of any tenant."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dispatcher.processes.verify_store import Findings
from dispatcher.supervision import Health


class Parts(Collector):
    """Reads the parts when asked; they know nothing of this."""

    def __init__(
        self,
        health: Health,
        loops: Mapping[str, object],
        findings: Callable[[], Findings],
        passed_over: Callable[[], int],
    ) -> None:
        self._health = health
        self._loops = loops
        self._findings = findings
        self._passed_over = passed_over

    def collect(self) -> Iterator[Metric]:
        """Return what is known now."""
        crashes = CounterMetricFamily(
            "dispatcher_loop_crashes", "how often a loop crashed and was started again", labels=["loop"]
        )
        down = GaugeMetricFamily(
            "dispatcher_loop_down", "1 while a loop rests after a crash", labels=["loop"]
        )
        for name in self._loops:
            crashes.add_metric([name], self._health.crashes.get(name, 0))
            down.add_metric([name], name in self._health.down)
        yield from (crashes, down)
        yield CounterMetricFamily(
            "dispatcher_relay_passed_over",
            "events that could not be rendered, or were too large for NATS; always 0",
            self._passed_over(),
        )
        findings = self._findings()
        yield CounterMetricFamily(
            "dispatcher_store_checks", "how often the rows were compared with the events", findings.checks
        )
        yield GaugeMetricFamily(
            "dispatcher_store_check_rows", "rows compared by the last check", findings.rows
        )
        if findings.found is not None:
            yield GaugeMetricFamily(
                "dispatcher_store_check_found",
                "what the last check found: broken rules, and rows unlike their events; always 0",
                findings.found,
            )


def renderer(parts: Parts) -> Callable[[], bytes]:
    """Return what renders the metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(parts)
    return lambda: generate_latest(registry)
