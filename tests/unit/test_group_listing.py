"""What the VPS lists as groups: every shape of its contract."""

import msgspec
import pytest

from dispatcher.domain.group import Listing
from dispatcher.group_listing import Listed, Unlisted, read_groups

JID = "120363000000000001@g.us"
OLD = "972501234567-1400000000@g.us"
LEGACY = "120363000000000002@g.us"


def read(entries: object, *, wrapped: bool = True) -> Listed | Unlisted:
    return read_groups(200, msgspec.json.encode({"groups": entries} if wrapped else entries))


@pytest.mark.parametrize("wrapped", [True, False], ids=["wrapped", "bare"])
@pytest.mark.parametrize("id_field", ["id", "jid", "groupId"])
@pytest.mark.parametrize("name_field", ["name", "subject"])
@pytest.mark.parametrize(
    "members",
    [
        {"participants": 3},
        {"participants": [{"id": "1"}, {"id": "2"}, "3"]},
        {"participantsCount": 3},
        {"size": 3},
    ],
    ids=["number", "array", "participantsCount", "size"],
)
def test_every_shape_of_an_entry(wrapped: bool, id_field: str, name_field: str, members: dict[str, object]):
    entry = {
        id_field: JID,
        name_field: "Team",
        **members,
        "isAdmin": True,
        "inviteLink": "https://x/y",
        "new": 1,
    }
    found = read([entry], wrapped=wrapped)
    assert found == Listed({JID: Listing("Team", 3, is_admin=True, invite_link="https://x/y")})


def test_a_community_parent_is_told_apart_and_an_announcement_group_is_kept():
    entries = [
        {"id": JID, "name": "Community", "isCommunity": True},
        {"id": OLD, "name": "News", "isCommunityAnnounce": True},
        {"id": LEGACY, "name": "News of both words", "isCommunity": True, "isCommunityAnnounce": True},
    ]
    found = read(entries)
    assert isinstance(found, Listed)
    assert found.parents == {JID}
    assert {jid: listing.is_announce for jid, listing in found.groups.items()} == {OLD: True, LEGACY: True}
    assert found.jids == {JID, OLD, LEGACY}


def test_fields_that_are_missing_or_null_mean_nothing():
    empty = dict.fromkeys(["name", "subject", "participants", "size", "isAdmin", "isCommunity", "inviteLink"])
    assert read([{"id": JID}]) == read([{"id": JID, **empty}]) == Listed({JID: Listing("")})


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"id": None},
        {"id": "972501234567@s.whatsapp.net"},
        {"id": 7},
        {"id": JID, "participants": "many"},
        "x",
        None,
    ],
)
def test_an_entry_that_names_no_group_does_not_spoil_the_others(entry: object):
    assert read([entry, {"id": LEGACY, "name": "ok"}]) == Listed({LEGACY: Listing("ok")}, ignored=1)


def test_a_group_listed_twice_is_one_and_a_parent_among_them_wins():
    found = read([{"id": JID, "name": "a"}, {"id": JID, "name": "b"}, {"id": JID, "isCommunity": True}])
    assert found == Listed({}, frozenset({JID}))


def test_a_name_that_is_no_utf_8_spoils_neither_its_group_nor_the_others():
    body = b'{"groups":[{"id":"%b","name":"Caf\xe9"},{"id":"%b","name":"ok"}]}' % (
        JID.encode(),
        LEGACY.encode(),
    )
    assert read_groups(200, body) == Listed({JID: Listing("Caf\ufffd"), LEGACY: Listing("ok")})


def test_an_empty_list_is_a_list():
    assert read([]) == read([], wrapped=False) == Listed()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, b'{"error":"no"}'),
        (200, b'{"groups":null}'),
        (200, b"null"),
        (200, b"[" * 100_000 + b"]" * 100_000),
        (503, b'{"groups":[]}'),
    ],
)
def test_what_is_no_list_is_not_taken_for_an_empty_one(status: int, body: bytes):
    assert isinstance(read_groups(status, body), Unlisted)


KINDS = [
    # isCommunity, isCommunityAnnounce: what becomes of it
    (True, False, "parent"),
    (True, None, "parent"),
    (True, True, "announces"),
    (False, True, "announces"),
    (None, True, "announces"),
    (False, False, "group"),
    (None, None, "group"),
    (False, None, "group"),
    (None, False, "group"),
]


@pytest.mark.parametrize("jid", [JID, OLD])
@pytest.mark.parametrize(("community", "announce", "kind"), KINDS)
def test_each_pair_of_community_words_makes_of_a_group_what_the_table_says(
    jid: str, community: bool | None, announce: bool | None, kind: str
):
    found = read([{"id": jid, "name": "x", "isCommunity": community, "isCommunityAnnounce": announce}])
    assert isinstance(found, Listed)
    assert (jid in found.parents) == (kind == "parent")
    announces = {group: listing.is_announce for group, listing in found.groups.items()}
    assert announces == ({} if kind == "parent" else {jid: kind == "announces"})
