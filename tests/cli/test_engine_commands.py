"""``headwater warmup``, and ``headwater bench`` where its source is not at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from headwater.cli import engine_commands
from headwater.cli.app import app, main
from headwater.sddp.training import compilation


def test_bench_says_where_it_is_to_be_had_when_only_the_package_is_installed(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(engine_commands, "_CHECKOUT", tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("sys.argv", ["headwater", "bench", "case", "--training", "-j", "1,2"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 64
    assert (
        "get the source repository of Headwater and run 'python benchmarks/bench.py' there"
        in capsys.readouterr().err
    )


def test_warmup_leaves_nothing_to_compile():
    result = CliRunner().invoke(app, ["warmup"])
    assert result.exit_code == 0, result.output
    assert "the engine is compiled" in result.output
    assert compilation.is_compiled()


def test_a_run_that_has_to_compile_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compilation, "is_compiled", lambda: False)
    CliRunner().invoke(app, ["init", str(tmp_path / "case")])
    result = CliRunner().invoke(app, ["train", str(tmp_path / "case")])
    assert result.exit_code == 0, result.output
    assert "compiling the engine" in result.output
    quiet = CliRunner().invoke(app, ["train", str(tmp_path / "case"), "--quiet"])
    assert "compiling" not in quiet.output
