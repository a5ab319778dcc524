"""CSV files of recipients as spreadsheets write them, and how a bad one is named."""

from io import BytesIO

import pytest

from contracts.commands import RecipientSpec
from dispatcher.api.problems import Refusal
from dispatcher.api.recipient_files import recipients
from dispatcher.enrolment import Malformed

ADA = RecipientSpec(phone="0501234567", lead_id="L1", name="Ada", fields={"city": "Haifa"})


def read(text: str, encoding: str = "utf-8") -> list[RecipientSpec | Malformed]:
    return list(recipients(BytesIO(text.encode(encoding))))


@pytest.mark.parametrize(
    "text",
    [
        "phone,lead_id,name,city\n0501234567,L1,Ada,Haifa\n",
        "phone;lead_id;name;city\r\n0501234567;L1;Ada;Haifa",
        "sep=;\r\nphone;lead_id;name;city\r\n0501234567;L1;Ada;Haifa\r\n",
        "phone\tlead_id\tname\tcity\n0501234567\tL1\tAda\tHaifa\n",
        ' Phone ,"LEAD_ID",Name,City\n"0501234567", L1 ,"Ada",Haifa\n\n,,,\n',
        "city,name,lead_id,phone,\nHaifa,Ada,L1,0501234567,\n",
    ],
    ids=["plain", "semicolons", "sep-line", "tabs", "quotes-blanks-and-cases", "other-order-and-empty-title"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_as_spreadsheets_write_it(text: str, encoding: str):
    assert read(text, encoding) == [ADA]


def test_groups_and_phones_may_stand_in_one_file():
    text = "group_jid,phone\n120363000000000001@g.us,\n,0501234567\n"
    assert read(text) == [
        RecipientSpec(group_jid="120363000000000001@g.us"),
        RecipientSpec(phone="0501234567"),
    ]


def test_a_cell_may_hold_delimiters_quotes_and_line_ends():
    [one] = read('phone,note\n0501234567,"a, ""b""\nand c"\n')
    assert isinstance(one, RecipientSpec)
    assert one.fields == {"note": 'a, "b"\nand c'}


def test_cells_that_are_missing_at_the_end_of_a_line_are_empty():
    assert read("phone,name\n0501234567\n") == [RecipientSpec(phone="0501234567")]


def test_a_line_with_more_cells_than_titles_is_named_and_the_others_are_read():
    text = 'phone,name\n0501,"two\nlines"\n0502,b,c\n0503,d\n'
    assert [one for one in read(text) if isinstance(one, Malformed)] == [Malformed(4, "too_many_cells")]
    assert len(read(text)) == 3


def test_a_cell_beyond_the_limit_is_named():
    assert read(f"phone,note\n0501234567,{'x' * 4097}\n") == [Malformed(2, "cell_too_long")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it names nothing"),
        (b"name,city\nAda,Haifa\n", "it names name, city"),
        (b"phone,name,Name\n1,2,3\n", "names a column twice: name"),
        (b'phone,name\n0501234567,a\n0501234567,"open\n', "behind line 2: unexpected end"),
        (b'phone,name\n0501234567,"a"b\n', "behind line 1"),
        ("phone,name\n0501234567,Ada\n".encode("utf-16"), "not UTF-8"),
        (b"phone,name\n0501234567,\xe9\n", "not UTF-8"),
        (b'phone,name\n0501234567,"' + b"x" * 200_000, "field larger than field limit"),
    ],
    ids=[
        "empty",
        "no-address",
        "title-twice",
        "open-quote",
        "text-behind-quote",
        "utf-16",
        "latin-1",
        "huge",
    ],
)
def test_a_file_that_cannot_be_understood_is_refused_with_the_place(content: bytes, says: str):
    with pytest.raises(Refusal) as refused:
        list(recipients(BytesIO(content)))
    assert says in refused.value.problem.detail
    assert refused.value.problem.field == "recipients"
