"""Counters: what happened, by hook and outcome, and their text for Prometheus."""

from collections import Counter
from collections.abc import Iterable

import msgspec


class Gauge(msgspec.Struct, frozen=True):
    """A figure at this moment: its metric name, what it says, its value."""

    name: str
    says: str
    value: float
    kind: str = "gauge"


class KeyUse(msgspec.Struct):
    """How often a key was used since the start, and when last (epoch seconds, 0: never)."""

    tenant: str
    fingerprint: str
    requests: int = 0
    last_used_s: float = 0.0


class Counters:
    """How many callbacks had which outcome since the start.

    Outcomes: accepted, duplicate, unknown (an event word that is new to us; also counted as accepted or
    duplicate), conflict, quarantined, unauthorised, unsigned, too_slow, rate_limited, not_stored.
    """

    def __init__(self) -> None:
        self._callbacks: Counter[tuple[str, str]] = Counter()
        self._keys: dict[tuple[str, str], KeyUse] = {}

    def know_key(self, tenant: str, fingerprint: str) -> KeyUse:
        """Return the count of a key, which is shown from now on: one that nobody uses any more can be taken away."""
        return self._keys.setdefault((tenant, fingerprint), KeyUse(tenant, fingerprint))

    def count(self, hook: str, outcome: str) -> None:
        """Count one callback."""
        self._callbacks[hook, outcome] += 1

    def of(self, hook: str, outcome: str) -> int:
        """Return how many callbacks of a hook had an outcome."""
        return self._callbacks[hook, outcome]

    def lines(self) -> Iterable[str]:
        """Return the counters in Prometheus' text format."""
        yield "# HELP gateway_callbacks_total Callbacks by hook and outcome."
        yield "# TYPE gateway_callbacks_total counter"
        for (hook, outcome), number in sorted(self._callbacks.items()):
            yield f'gateway_callbacks_total{{hook="{hook}",outcome="{outcome}"}} {number}'
        yield from self._key_lines()

    def _key_lines(self) -> Iterable[str]:
        yield "# HELP gateway_key_requests_total Requests by key; a key is named by its SHA-256's first digits."
        yield "# TYPE gateway_key_requests_total counter"
        for each in self._keys.values():
            labels = f'tenant="{each.tenant}",key="{each.fingerprint}"'
            yield f"gateway_key_requests_total{{{labels}}} {each.requests}"
        yield "# HELP gateway_key_last_used_timestamp_seconds When a key was used last; 0: not since the start."
        yield "# TYPE gateway_key_last_used_timestamp_seconds gauge"
        for each in self._keys.values():
            labels = f'tenant="{each.tenant}",key="{each.fingerprint}"'
            yield f"gateway_key_last_used_timestamp_seconds{{{labels}}} {each.last_used_s:.3f}"


def exposition(counters: Counters, gauges: Iterable[Gauge]) -> str:
    """Return all figures in Prometheus' text format."""
    lines = list(counters.lines())
    for gauge in gauges:
        lines += [
            f"# HELP {gauge.name} {gauge.says}",
            f"# TYPE {gauge.name} {gauge.kind}",
            f"{gauge.name} {gauge.value:g}",
        ]
    return "\n".join(lines) + "\n"
