"""Placeholders: which a message wants, what fills them, and what is left as it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.template import filling, lacking, placeholders, render

ADA = "972501234567@s.whatsapp.net"


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("Hello", ()),
        ("Hello {{name}}", ("name",)),
        ("{{ name }}, {{city}} and {{name}}", ("name", "city")),
        ("{{First Name}}", ("first name",)),
        ("{{שם}}", ("שם",)),
        ("{{}} {{ }} {name} {{na{me}} {{two\nlines}}", ()),
        ("{{{name}}}", ("name",)),
        ("{{" + "n" * 64 + "}}", ("n" * 64,)),
        ("{{" + "n" * 65 + "}}", ()),
    ],
)
def test_the_names_that_a_message_wants(message: str, names: tuple[str, ...]):
    assert placeholders(message) == names


@pytest.mark.parametrize(
    ("message", "rendered"),
    [
        ("Hello {{name}}!", "Hello Ada!"),
        ("{{ NAME }} of {{city}}", "Ada of Haifa"),
        ("{{}} stays", "{{}} stays"),
        ("{{{name}}}", "{Ada}"),
        ("call {{phone}}, lead {{lead_id}}", "call +972501234567, lead L7"),
    ],
)
def test_a_message_is_filled(message: str, rendered: str):
    assert render(message, filling(ADA, "L7", {"name": "Ada", "city": "Haifa"})) == rendered


def test_what_is_filled_in_is_not_looked_at_again():
    assert render("{{name}}", {"name": "{{city}}", "city": "x"}) == "{{city}}"


def test_a_backslash_in_a_field_stays_one():
    assert render("{{name}}", {"name": r"\1 \g<0>"}) == r"\1 \g<0>"


def test_a_blank_value_is_lacking():
    assert lacking(("name", "city"), {"name": " ", "city": "Haifa"}) == ["name"]


def test_a_group_and_a_hidden_person_have_no_phone():
    assert "phone" not in filling("120363000000000001@g.us", None, None)
    assert "phone" not in filling("12345678901@lid", None, None)


@given(st.text().filter(lambda text: "{{" not in text))
def test_a_message_without_placeholders_stays_as_it_is(message: str):
    assert render(message, {}) == message
