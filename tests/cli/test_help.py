"""What help says, and the earlier names of options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from headwater.cli.app import _run, app
from headwater_bench.command import app as bench_app


def commands(group: Any, name: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for word, one in getattr(group, "commands", {}).items():
        yield (*name, word), one
        yield from commands(one, (*name, word))


ALL = {
    **dict(commands(typer.main.get_command(app))),
    ("bench",): typer.main.get_command(bench_app),
}


@pytest.fixture
def call(capsys, monkeypatch):
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("NO_COLOR", "1")

    def called(*words: object) -> tuple[int, str, str]:
        code = _run(lambda: app([str(word) for word in words], standalone_mode=False))
        return code, *capsys.readouterr()

    return called


@pytest.mark.parametrize("name", ALL, ids=" ".join)
def test_help_shows_every_default_that_is_told(name: tuple[str, ...], call) -> None:
    told = [
        re.search(r"\[default: [^\]]*\]", parameter.help.replace("\\[", "["))
        for parameter in ALL[name].params
        if getattr(parameter, "help", None) and "default: " in parameter.help
    ]
    code, out, _ = call(*name, "--help")
    assert code == 0
    assert [one[0] for one in told if one is None or one[0] not in out] == []


def test_some_commands_tell_defaults_that_they_find_later() -> None:
    told = [
        p for one in ALL.values() for p in one.params if "[default: " in str(getattr(p, "help", ""))
    ]
    assert len(told) > 15


def test_commands_stand_in_groups(call) -> None:
    _, out, _ = call("--help")
    groups = re.findall(r"─ ([A-Z][a-z ]+) ─", out)
    assert groups == [
        "Options", "Cases", "Planning", "Results", "Inflows and scenarios",
        "Linear programs and engine",
    ]  # fmt: skip
    for name in ALL:
        if len(name) == 1:
            assert re.search(rf"^│ {name[0]} ", out, re.MULTILINE), name


def test_where_to_write_is_called_the_same_everywhere() -> None:
    spellings = {
        parameter.opts[0]: tuple(parameter.opts)
        for one in ALL.values()
        for parameter in one.params
        if parameter.opts[0] in ("--out", "--output")
    }
    assert spellings == {"--output": ("--output", "-o")}


@pytest.mark.parametrize("spelling", [("--out", "{}"), ("--out={}",)])
def test_the_earlier_name_is_understood_with_a_warning(
    spelling: tuple[str, ...], tmp_path: Path, call
) -> None:
    words = [word.format(tmp_path / "schemas") for word in spelling]
    code, _, err = call("schema", *words)
    assert code == 0
    assert (tmp_path / "schemas" / "config.schema.json").is_file()
    assert err.count("warning: --out is called --output now") == 1
