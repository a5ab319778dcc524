"""The stack's settings: what the environment decides, and what each service is told."""

import msgspec
import pytest

from local_stack.environments import dispatcher_environment, gateway_environment, simulator_environment
from local_stack.keys import Keys, effective_keys, first_key, keep_keys
from local_stack.places import choose_places, http_url
from local_stack.settings import Settings, SettingsError, read_settings
from local_stack.stack_file import StackFile, read_stack_file, remove_stack_file, write_stack_file

STACK = StackFile(
    gateway_url="http://127.0.0.1:1",
    api_url="http://127.0.0.1:2",
    vps_url="http://127.0.0.1:3",
    nats_url="nats://127.0.0.1:4",
    database_url="postgresql://u:p@127.0.0.1:5/postgres",
    webhook_api_key="hook",
    api_key="operator",
    vps_api_key="vps",
    pids={"gateway": 7},
)
KEPT = Keys(webhook_api_key="kept-hook", api_key="kept-api", vps_api_key="kept-vps")


def test_an_empty_environment_chooses_everything():
    settings = read_settings({})
    assert settings == Settings()
    assert settings.data_dir.name == ".local"


def test_an_empty_variable_is_not_set():
    assert read_settings({"NATS_URL": ""}).nats_url is None


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1"])
def test_a_port_that_is_none_is_refused_by_name(value):
    with pytest.raises(SettingsError, match="GATEWAY_PORT"):
        read_settings({"GATEWAY_PORT": value})


def test_a_given_vps_needs_its_key():
    with pytest.raises(SettingsError, match="VPS_API_KEY"):
        read_settings({"VPS_URL": "http://vps"})


def test_given_ports_are_taken_and_the_others_chosen():
    ports = iter(range(1001, 1100))
    places = choose_places(read_settings({"API_PORT": "8081"}), lambda: next(ports))
    assert places.api_port == 8081
    assert len({places.gateway_port, places.vps_port, places.nats_port, places.nats_monitor_port}) == 4


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("10.1.2.3", "http://10.1.2.3:80"),
        ("::1", "http://[::1]:80"),
    ],
)
def test_a_server_that_listens_everywhere_is_reached_on_loopback(host, url):
    assert http_url(host, 80) == url


@pytest.mark.parametrize(
    ("listed", "key"),
    [(None, None), ("", None), ("one", "one"), ("one, two", "one"), ("tenant:one,two", "one")],
)
def test_clients_use_the_first_key_of_a_list(listed, key):
    assert first_key(listed) == key


def test_given_keys_beat_the_kept_ones():
    settings = Settings(webhook_api_keys="acme:given,other", vps_api_key="given-vps")
    used = effective_keys(KEPT, settings)
    assert (used.webhook_api_key, used.api_key, used.vps_api_key) == ("given", "kept-api", "given-vps")


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path):
    made = iter(["a", "b", "c", "d", "e", "f"])
    path = tmp_path / "keys.json"
    first = keep_keys(path, lambda: next(made))
    assert keep_keys(path, lambda: next(made)) == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_stack_file_is_only_for_its_owner_and_can_be_removed_twice(tmp_path):
    write_stack_file(tmp_path, STACK)
    assert read_stack_file(tmp_path) == STACK
    assert (tmp_path / "stack.json").stat().st_mode & 0o777 == 0o600
    remove_stack_file(tmp_path)
    remove_stack_file(tmp_path)
    assert read_stack_file(tmp_path) is None


def test_the_stack_file_leaves_no_draft_beside_it(tmp_path):
    write_stack_file(tmp_path, STACK)
    write_stack_file(tmp_path, STACK)
    assert [path.name for path in tmp_path.iterdir()] == ["stack.json"]


def test_a_variable_of_the_user_reaches_the_dispatcher():
    told = dispatcher_environment({"SEND_GAP_MS": "50"}, Settings(), STACK, 8081)
    assert told["SEND_GAP_MS"] == "50"
    assert told["API_PORT"] == "8081"
    assert told["DATABASE_URL"] == STACK.database_url


def test_the_dispatcher_is_told_where_our_nats_shows_its_state_and_else_what_the_user_says():
    ours = msgspec.structs.replace(STACK, nats_monitor_url="http://127.0.0.1:6")
    given = {"NATS_MONITOR_URL": "http://theirs:8222"}
    told = [dispatcher_environment(given, Settings(), stack, 1) for stack in (ours, STACK)]
    assert [each["NATS_MONITOR_URL"] for each in told] == ["http://127.0.0.1:6", "http://theirs:8222"]
    assert "NATS_MONITOR_URL" not in dispatcher_environment({}, Settings(), STACK, 1)


def test_a_service_gets_all_given_keys_not_only_the_first():
    settings = Settings(webhook_api_keys="one,two", api_keys="three,four")
    assert gateway_environment({}, settings, STACK, 1)["WEBHOOK_API_KEYS"] == "one,two"
    assert dispatcher_environment({}, settings, STACK, 1)["API_KEYS"] == "three,four"


def test_a_file_of_keys_does_not_stand_beside_the_keys():
    told = gateway_environment({"WEBHOOK_API_KEYS_FILE": "/keys"}, Settings(), STACK, 1)
    assert "WEBHOOK_API_KEYS_FILE" not in told


def test_the_simulator_calls_the_gateway_back_with_its_key():
    told = simulator_environment({}, STACK, 9)
    assert told["VPS_SIM_GATEWAY_URL"] == STACK.gateway_url
    assert told["VPS_SIM_WEBHOOK_KEY"] == "hook"
    assert told["VPS_SIM_API_KEY"] == "vps"
