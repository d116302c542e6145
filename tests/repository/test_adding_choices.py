"""What the page on choices of one's own shows is run as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.case import load_case
from headwater.case.starter import write_starter
from headwater.core.choices import RISK_MEASURES
from headwater.sddp import Policy


@pytest.fixture
def ran(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the examples of the page leave behind; registries are as before after the test."""
    write_starter(tmp_path / "starter", "one-reservoir")
    monkeypatch.chdir(tmp_path)
    text = (root / "docs" / "adding-choices.md").read_text(encoding="utf-8")
    space: dict[str, Any] = {"__name__": "shown"}
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        exec(compile(block, "page", "exec", dont_inherit=True), space)
    yield space
    RISK_MEASURES.remove("towards_worst")


def test_the_examples_run_and_a_case_may_name_what_they_add(ran: dict[str, Any]):
    assert isinstance(ran["policy"], Policy)
    path = Path("starter/stages.json")
    text = re.sub(
        r'"num_scenarios"',
        '"risk_measure": {"type": "towards_worst", "share": 0.2}, "num_scenarios"',
        path.read_text(),
    )
    path.write_text(text)
    measures = {stage.risk for stage in load_case("starter").system.stages}
    assert measures == {ran["TowardsWorst"](0.2)}
