"""The dispatcher's README says what its settings are."""

from pathlib import Path

from dispatcher.settings import described

README = Path(__file__).parents[2] / "services" / "dispatcher" / "README.md"


def test_the_readme_lists_every_setting_with_its_default_and_meaning():
    rows = [
        f"| `{setting.variable}` | {setting.default and f'`{setting.default}`'} | {setting.description} |"
        for setting in described()
    ]
    text = README.read_text()
    assert [row for row in rows if row not in text] == []
    assert text.count("\n| `") - text.split("## Settings")[0].count("\n| `") == len(rows)
