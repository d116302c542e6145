"""Every code that validation can report has a test that provokes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headwater.case import code_table

TABLE_ROW = re.compile(r"""^\s*\(?\s*"(HW\d{3})",""", re.MULTILINE)
ASSERTED = re.compile(r"^\s*assert .*HW\d{3}.*$|^.*\.code == \"HW\d{3}\".*$", re.MULTILINE)


@pytest.fixture(scope="module")
def provoked() -> set[str]:
    """Codes that stand in a table of broken cases or in an assertion of the tests beside this
    one.
    """
    found: set[str] = set()
    for path in Path(__file__).parent.glob("test_findings_*.py"):
        text = path.read_text(encoding="utf-8")
        found.update(TABLE_ROW.findall(text))
        found.update(
            code for line in ASSERTED.findall(text) for code in re.findall(r'"(HW\d{3})"', line)
        )
    for name in ("test_case_spellings.py", "test_features.py"):
        path = Path(__file__).with_name(name)
        found.update(re.findall(r'"(HW\d{3})"', path.read_text(encoding="utf-8")))
    return found


def test_every_code_is_provoked_by_a_test(provoked):
    codes = {entry.code for entry in code_table()}
    assert len(codes) > 80
    assert codes - provoked == set()


def test_no_test_waits_for_a_code_that_does_not_exist(provoked):
    assert provoked - {entry.code for entry in code_table()} == set()
