"""Where free ports come from."""

import pytest

from local_stack.children import StartError
from local_stack.ports import HIGHEST, LOWEST, ports_of


def test_ports_come_from_the_range_that_is_named_each_once():
    ports = ports_of({"LOCAL_PORTS": "20000-20009"})
    drawn = {ports.next_port() for _ in range(4)}
    assert len(drawn) == 4
    assert drawn <= set(range(20_000, 20_010))


def test_without_a_range_they_lie_below_those_of_outgoing_connections():
    assert LOWEST <= ports_of({}).next_port() <= HIGHEST


def test_a_range_that_is_used_up_is_told():
    ports = ports_of({"LOCAL_PORTS": "20010-20010"})
    ports.next_port()
    with pytest.raises(OSError, match="20010 and 20010"):
        ports.next_port()


@pytest.mark.parametrize("text", ["20000", "b-c", "20009-20000", "0-9", "1-70000", "-5"])
def test_a_range_that_is_none_is_named(text: str):
    with pytest.raises(StartError, match="LOCAL_PORTS"):
        ports_of({"LOCAL_PORTS": text})
