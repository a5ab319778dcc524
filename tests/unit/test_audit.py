"""What the audit of our dependencies says, and when it fails the checks."""

from local_stack.audit import Audited, Hole, Report, judge

KNOWN = Audited("msgspec", "0.22.0")
UNKNOWN = Audited("typer", skip_reason="Dependency not found on PyPI and could not be audited")


def test_a_known_hole_fails_the_checks_and_says_what_to_do():
    holed = Audited("jinja", "1.0", [Hole("PYSEC-1", ["1.1"]), Hole("PYSEC-2")])
    code, words = judge(Report([KNOWN, holed, UNKNOWN]))
    assert code == 1
    assert words == [
        "pip-audit: jinja 1.0 has PYSEC-1; fixed in 1.1",
        "pip-audit: jinja 1.0 has PYSEC-2; fixed in nothing yet",
        "pip-audit: 2 packages audited, 2 known holes, 1 unknown to the index",
    ]


def test_no_hole_is_said_with_how_many_were_looked_at():
    assert judge(Report([KNOWN])) == (0, ["pip-audit: 1 packages audited, 0 known holes"])


def test_an_index_without_advisories_fails_nothing_and_is_told():
    code, words = judge(Report([UNKNOWN, UNKNOWN]))
    assert (code, len(words)) == (0, 1)
    assert "NOT AUDITED" in words[0]
