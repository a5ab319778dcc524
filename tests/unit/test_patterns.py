"""Words with a form of their own: a line break at their end is no part of any."""

from typing import Any

import msgspec
import pytest

from contracts.commands import CampaignSpec
from dispatcher.api.keys import Label, Name
from dispatcher.api.sessions import HourAndMinute

FORMS = {"22:30": HourAndMinute, "the callers": Label, "dana": Name}


@pytest.mark.parametrize(("word", "form"), FORMS.items())
def test_a_word_is_taken_and_the_same_with_a_line_break_is_not(word: str, form: Any) -> None:
    assert msgspec.convert(word, form) == word
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(f"{word}\n", form)


def test_a_campaigns_session_has_no_line_break_behind_it() -> None:
    spec = {"session_id": "wa_x\n", "message": "Hello", "recipients": []}
    with pytest.raises(msgspec.ValidationError, match="`session_id` ends with a line break"):
        msgspec.json.decode(msgspec.json.encode(spec), type=CampaignSpec)
