"""Every key and every column of the format changes what a case means, or is refused.

None is read and forgotten.
"""

from __future__ import annotations

import copy
import re
import types
from collections.abc import Iterator
from datetime import date, timedelta
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from case_builder import TinyCase
from full_case import KeptCase, full_case
from headwater.case import build_system, load_case, parts, refused_features, validate_case
from headwater.case.features import FEATURES
from headwater.case.parts import SHAPES
from headwater.case.tables import TABLES, Kind
from headwater.errors import CaseError
from newer_kinds import add_newer_kinds

DESCRIPTIVE = {"ConstraintInFile.description"}
"""Keys that are kept for people and nothing else."""

Path = tuple[str | int, ...]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> TinyCase:
    case = full_case(tmp_path_factory.mktemp("full"))
    add_newer_kinds(case)
    even = [[0.5, 0.5], [0.5, 0.5]]
    case.files["stages.json"]["policy_graph"]["regimes"] = {
        "names": ["dry", "wet"],
        "initial_probabilities": [0.4, 0.6],
        "matrix": [[0.8, 0.2], [0.3, 0.7]],
        "matrices": [{"stage_id": 2, "matrix": even}],
    }
    case.write()
    return case


SOUND: dict[tuple[str, bytes], Any] = {}
"""Tables that were read without complaint, by name and content."""


@pytest.fixture(autouse=True)
def _tables_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most changes leave the tables alone: what was read once is not read again."""
    original = parts.read_table

    def read_table(root: Any, file: str, table: Any, collector: Any) -> Any:
        key = (file, (root / file).read_bytes())
        if key not in SOUND:
            frame = original(root, file, table, collector)
            if frame is None:
                return None
            SOUND[key] = frame
        return SOUND[key]

    monkeypatch.setattr(parts, "read_table", read_table)


def inside(annotation: Any) -> Iterator[Any]:
    """The plain types that an annotation is made of, without ``None``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from inside(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for branch in get_args(annotation):
            yield from inside(branch)
    elif annotation is not type(None):
        yield annotation


def models_of(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """Schemas below an annotation, each with what leads to it: nothing, ``[]`` or ``.*``."""
    for kind in inside(annotation):
        origin, arguments = get_origin(kind), get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield "", kind
        elif origin is list:
            yield from ((f"[]{step}", model) for step, model in models_of(arguments[0]))
        elif origin is dict:
            yield from ((f".*{step}", model) for step, model in models_of(arguments[1]))


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """Place of every key that has a value of its own, its name in the schema, and its
    annotation.
    """
    for name, field in model.model_fields.items():
        place = f"{prefix}.{field.alias or name}" if prefix else field.alias or name
        annotation = (
            Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        )
        below = list(models_of(annotation))
        if not below:
            yield place, f"{model.__name__}.{name}", annotation
        for step, inner in below:
            yield from keys_of(inner, place + step)


KEYS = sorted(
    {
        (file, place, name): kind
        for file, shape in SHAPES.items()
        for place, name, kind in keys_of(shape)
    }.items(),
    key=str,
)


def find(value: Any, steps: list[str], at: Path = ()) -> Iterator[Path]:
    """Paths of the values at a place."""
    if not steps:
        yield at
    elif steps[0] == "[]" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from find(item, steps[1:], (*at, index))
    elif steps[0] == "*" and isinstance(value, dict):
        for key, item in value.items():
            yield from find(item, steps[1:], (*at, key))
    elif isinstance(value, dict) and steps[0] in value:
        yield from find(value[steps[0]], steps[1:], (*at, steps[0]))


def steps_of(place: str) -> list[str]:
    return [step for step in re.split(r"\.|(\[\])", place) if step]


def others(value: Any) -> Iterator[Any]:
    """Values near a given one."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1, value + 2)
    elif isinstance(value, float):
        yield from (value * 1.01, value * 0.99, value + 0.01)
    elif isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        yield from ((date.fromisoformat(value) + timedelta(days)).isoformat() for days in (1, -1))
    elif isinstance(value, str):
        yield f"{value} x"
    elif isinstance(value, list):
        for other in others(value[0]) if value else ():
            yield [other, *value[1:]]


def samples(annotation: Any) -> Iterator[Any]:
    """Values that a schema allows, as far as its types say."""
    for kind in inside(annotation):
        if get_origin(kind) is Literal:
            yield from get_args(kind)
        elif get_origin(kind) is list:
            yield from ([value] for value in samples(get_args(kind)[0]))
        elif get_origin(kind) is dict:
            yield {"x": 1}
        elif kind is bool:
            yield from (True, False)
        elif kind is int:
            yield from (2, 3)
        elif kind is float:
            yield from (0.25, 0.75, 2.5)
        elif kind is str:
            yield from ("costs", "x")
        elif kind is Any:
            yield from ("costs", 1, True)
        elif isinstance(kind, type) and issubclass(kind, Enum):
            yield from (member.value for member in kind)


def outcome(case: TinyCase) -> Any:
    """What a case means, what validation says of it, and what is refused."""
    try:
        study = load_case(case.root)
    except CaseError as error:
        return {(finding.code, finding.path) for finding in error.report.errors}
    findings = {(finding.code, finding.path, finding.message) for finding in study.report}
    return study.system, study.config, findings, refused_features(study)


def refused(result: Any, place: str) -> bool:
    """Whether a feature at or above a place is refused."""
    if not isinstance(result, tuple):
        return False
    where = {
        feature.where[1]
        for feature in FEATURES
        if any(text.startswith(feature.sentence) for text in result[3])
    }
    return any(
        path is not None and (place == path or place.startswith(f"{path.rsplit('.enabled')[0]}."))
        for path in where
    )


COMPANY: dict[str, dict[str, Any]] = {
    "policy.boundary": {"path": "x", "source_stage": 0},
    "policy.checkpointing": {"enabled": True},
    "training.cut_selection": {"enabled": True, "method": "lml1"},
    "upper_bound_evaluation": {"enabled": True},
}
"""Section of ``config.json`` -> the settings without which its other keys are idle."""


def with_company(case: TinyCase, place: str) -> TinyCase:
    for section, settings in COMPANY.items():
        if place.startswith(f"{section}."):
            holder = case.files["config.json"]
            for key in section.split("."):
                holder = holder.setdefault(key, {})
            holder |= settings
    return case


def lonely(place: str) -> bool:
    return any(place.startswith(f"{section}.") for section in COMPANY)


def answered(case: TinyCase) -> Any:
    try:
        case.write()
        return outcome(case)
    finally:
        case.take_back()


def means_something(
    plain: TinyCase, before: Any, file: str, place: str, at: Path, value: Any
) -> bool:
    case = with_company(KeptCase(plain), place)
    holder = case.files[file]
    for key in at[:-1]:
        holder = holder.setdefault(key, {}) if isinstance(holder, dict) else holder[key]
    holder[at[-1]] = value
    after = answered(case)
    if isinstance(after, set):
        # a value that contradicts others is looked at; one that has the wrong form
        # says nothing of the key
        return bool({code for code, _ in after} - {"HW201", "HW204"})
    return after != before or refused(after, place)


@pytest.mark.parametrize("file", SHAPES)
def test_every_key_of_a_file_means_something(plain, file):
    usual = outcome(plain)
    assert isinstance(usual, tuple), usual
    forgotten = []
    for (where, place, name), annotation in KEYS:
        if where != file or name in DESCRIPTIVE:
            continue
        before = usual if not lonely(place) else answered(with_company(KeptCase(plain), place))
        places = list(find(plain.files[file], steps_of(place)))
        values = list(samples(annotation))
        if places:
            tried = [
                (at, value)
                for at in places[:4]
                for value in (*others(value_at(plain, file, at)), *values)
            ]
        elif elsewhere(plain, file, name) or (file == "config.json" and "[]" in place):
            # seen with the same schema at another place, or a stopping rule, which is made whole
            continue
        else:
            assert file == "config.json", f"the full case lacks {file}: {place}"
            tried = [(tuple(steps_of(place)), value) for value in values]
        if len(values) == 1 and get_origin(next(inside(annotation))) is Literal:
            tried = [(at, "other") for at, _ in tried[:1]]  # a single word: all others are refused
        if not any(means_something(plain, before, file, place, at, value) for at, value in tried):
            forgotten.append(place)
    assert forgotten == []


def elsewhere(plain: TinyCase, file: str, name: str) -> bool:
    """Whether a key of a schema is in the full case at all."""
    places = (key[1] for key, _ in KEYS if key[0] == file and key[2] == name)
    return any(list(find(plain.files[file], steps_of(place))) for place in places)


def value_at(case: TinyCase, file: str, at: Path) -> Any:
    value: Any = case.files[file]
    for key in at:
        value = value[key]
    return copy.deepcopy(value)


@pytest.mark.parametrize("name", TABLES)
def test_every_column_of_a_table_means_something(plain, name):
    table = name.removesuffix(".parquet")
    before = outcome(plain)
    forgotten = []
    for column in TABLES[name].columns:
        for row in (1, 3, 5):
            old = plain.tables[table][row][column.name]
            if old is None:
                continue
            values = (
                (old + timedelta(1),)
                if column.kind is Kind.DATE
                else (old + 1, old - 1, old * 0.97, old * 0.5, old * 3)
            )
            if any(
                column_means_something(plain, before, table, row, column, value) for value in values
            ):
                break
        else:
            forgotten.append(column.name)
    assert forgotten == []


def column_means_something(
    plain: TinyCase, before: Any, table: str, row: int, column: Any, value: Any
) -> bool:
    case = KeptCase(plain)
    case.tables[table][row][column.name] = int(value) if column.kind is Kind.WHOLE else value
    try:
        case.write()
        after = outcome(case)
    finally:
        case.take_back()
    return (
        bool({code for code, _ in after} - {"HW204"}) if isinstance(after, set) else after != before
    )


def test_a_key_that_is_read_and_forgotten_would_be_found(plain, monkeypatch):
    """The search itself finds a key without effect: one that the builder is made to forget."""
    before = outcome(plain)
    original = build_system._entities
    kept = {"line": before[0].lines}
    monkeypatch.setattr(
        build_system, "_entities", lambda parts, part: kept.get(part.name) or original(parts, part)
    )
    at: Path = ("lines", 0, "losses_percent")
    assert not means_something(
        plain, outcome(plain), "system/lines.json", "lines[].losses_percent", at, 3.0
    )
    assert validate_case(plain.root).ok
