"""The commands that write, describe and rewrite cases, as a person uses them."""

from __future__ import annotations

import json

import pytest

import headwater as hw
from case_builder import tiny_case
from headwater.case import TEMPLATES
from headwater.cli.app import _run, app


@pytest.fixture
def command(capsys, monkeypatch):
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)

    def call(*arguments):
        capsys.readouterr()
        code = _run(lambda: app([str(a) for a in arguments], standalone_mode=False))
        return code, *capsys.readouterr()

    return call


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_starter_case_trains(command, tmp_path, template):
    code, out, _ = command("init", tmp_path / "new", "--template", template)
    assert code == 0
    assert "README.md" in out
    file = tmp_path / "new" / "config.json"
    config = json.loads(file.read_text())
    config["training"]["stopping_rules"] = [{"type": "iteration_limit", "limit": 2}]
    file.write_text(json.dumps(config))
    code, _, err = command("train", tmp_path / "new", "--quiet", "--threads", 1)
    assert (code, err) == (0, "")
    metadata = hw.load_results(tmp_path / "new" / "output").training_metadata
    assert metadata["iterations"]["completed"] == 2
    assert metadata["lower_bound"]["value"] > 0


@pytest.mark.versions
def test_the_templates_are_listed(command):
    code, out, _ = command("init", "--list")
    assert code == 0
    assert [line.split(":")[0] for line in out.splitlines()] == list(TEMPLATES)


def test_an_unknown_template_and_a_full_directory_are_refused(command, tmp_path):
    assert command("init", tmp_path / "new", "--template", "huge")[0] == 64
    tiny_case(tmp_path / "full").write()
    code, _, err = command("init", tmp_path / "full")
    assert code == 64
    assert "not an empty directory" in err
    assert command("init", tmp_path / "full", "--force")[0] == 0


def test_init_without_a_directory_is_wrong_usage(command):
    assert command("init")[0] == 64


@pytest.mark.versions
def test_describe_shows_the_system(command, tmp_path):
    code, out, _ = command("describe", tiny_case(tmp_path / "tiny").write())
    assert code == 0
    for text in (
        "case tiny",
        "hydro plants",
        "120 MW",
        "2024-01-01 to 2024-03-01",
        "110 (50 % of the useful volume)",
    ):
        assert text in out


@pytest.mark.versions
def test_convert_writes_a_case_that_loads(command, tmp_path):
    source = tiny_case(tmp_path / "old").write(csv=True)
    assert command("convert", source, tmp_path / "new")[0] == 0
    assert hw.load_case(source).system == hw.load_case(tmp_path / "new").system
    assert command("convert", source, tmp_path / "new")[0] == 64


@pytest.mark.versions
def test_schemas_go_to_a_directory_or_to_standard_output(command, tmp_path):
    code, out, _ = command("schema")
    assert code == 0
    assert "training" in json.loads(out)["config.json"]["properties"]
    assert command("schema", "--output", tmp_path)[0] == 0
    assert (tmp_path / "stages.schema.json").is_file()


@pytest.mark.versions
def test_validate_speaks_sarif(command, tmp_path):
    case = tiny_case(tmp_path)
    case.hydros[0]["bus_id"] = 9
    code, out, _ = command("validate", case.write(), "--format", "sarif")
    assert code == 1
    assert json.loads(out)["runs"][0]["results"][0]["ruleId"] == "HW301"


def test_advice_of_one_rule_about_many_plants_is_one_line_with_count_and_names(command, tmp_path):
    case = tiny_case(tmp_path / "case")
    thermals = case.thermals
    thermals += [
        {**thermals[0], "id": 90 + n, "name": f"IDLE {n}", "generation": {"min_mw": 0, "max_mw": 0}}
        for n in range(6)
    ]
    code, out, _ = command("validate", case.write())
    lines = [line for line in out.splitlines() if "HW604" in line]
    assert code == 0
    assert len(lines) == 1
    assert all(f'Thermal {90 + n} "IDLE' in out for n in range(3))
    assert "and 3 more" in out
    assert "[the first of 6]" in out
    assert "Thermal 93" not in out
    report = json.loads(command("validate", case.root, "--format", "json")[1])
    assert sum(one["code"] == "HW604" for one in report["findings"]) == 6
