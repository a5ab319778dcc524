"""Behaviour: which knobs hold for a message: its recipient's over its session's over the defaults."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from local_stack.simulator.keeping import KeptKnobs
from local_stack.simulator.knobs import Knobs, calmed

Overlay = Mapping[str, object]
"""Some knobs by name, already checked: made by `read_overlay` only."""


def read_overlay(raw: bytes) -> Overlay:
    """Parse a JSON object that sets some knobs. Raises `msgspec.ValidationError` naming a bad one."""
    wanted = msgspec.json.decode(raw or b"{}", type=dict[str, msgspec.Raw])
    checked = msgspec.json.decode(raw or b"{}", type=Knobs)
    return {name: getattr(checked, name) for name in wanted}


class Behaviour:
    """The three levels of knobs, and what they come to for one session and recipient. `changed` is called when a
    knob was turned.
    """

    def __init__(self, defaults: Knobs) -> None:
        self.initial = defaults
        self.changed: Callable[[], None] = _do_nothing
        self.reset()

    def reset(self) -> None:
        """Go back to the knobs of the start."""
        self.defaults = self.initial
        self.sessions: dict[str, Overlay] = {}
        self.recipients: dict[str, Overlay] = {}
        self._resolved: dict[tuple[str, str], Knobs] = {}
        self.changed()

    def set_defaults(self, overlay: Overlay, *, keep: bool) -> None:
        """Turn default knobs; without `keep` the others go back to where they were at the start."""
        start = self.defaults if keep else self.initial
        self.defaults = msgspec.structs.replace(start, **overlay)
        self._turned()

    def set_session(self, session_id: str, overlay: Overlay, *, keep: bool) -> None:
        """Turn a session's knobs; without `keep` its others are cleared. An empty overlay clears all."""
        _lay(self.sessions, session_id, overlay, keep)
        self._turned()

    def set_recipients(self, recipients: Iterable[str], overlay: Overlay, *, keep: bool) -> None:
        """Turn the knobs of recipients (JIDs); without `keep` their others are cleared."""
        for recipient in recipients:
            _lay(self.recipients, recipient, overlay, keep)
        self._turned()

    def clear_recipients(self) -> None:
        """Clear the knobs of all recipients."""
        self.recipients.clear()
        self._turned()

    def of_session(self, session_id: str) -> Knobs:
        """Return the knobs of a session, whoever the recipient."""
        return self.of_message(session_id, "")

    def of_message(self, session_id: str, recipient: str) -> Knobs:
        """Return the knobs for a message of this session to this recipient."""
        session, own = self.sessions.get(session_id), self.recipients.get(recipient)
        if session is None and own is None:
            return self.defaults
        key = (session_id, recipient)
        if key not in self._resolved:
            self._resolved[key] = msgspec.structs.replace(self.defaults, **{**(session or {}), **(own or {})})
        return self._resolved[key]

    def _turned(self) -> None:
        self._resolved.clear()
        self.changed()


def while_misbehaving(knobs: Knobs, attempt: int) -> Knobs:
    """Return the knobs for this attempt (from 1) to a recipient: calm once `only_first` is used up."""
    return calmed(knobs) if 0 < knobs.only_first < attempt else knobs


def kept_knobs(behaviour: Behaviour) -> KeptKnobs:
    """Return all levels as they are kept."""
    return KeptKnobs(
        _raw(behaviour.defaults),
        {session_id: _raw(overlay) for session_id, overlay in behaviour.sessions.items()},
        {recipient: _raw(overlay) for recipient, overlay in behaviour.recipients.items()},
    )


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _do_nothing() -> None:
    pass


def _lay(level: dict[str, Overlay], key: str, overlay: Overlay, keep: bool) -> None:
    merged = {**level.get(key, {}), **overlay} if keep else dict(overlay)
    if merged:
        level[key] = merged
    else:
        level.pop(key, None)
