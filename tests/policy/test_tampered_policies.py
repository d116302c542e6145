"""Policies that were changed by hand and sealed again: digests are right, contents are not."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headwater as hw
from headwater.policy import write_policy
from headwater.policy.arrays_file import decode_arrays, encode_arrays
from headwater.policy.checkpoint import digest_of, read_commit
from trained_policies import small_study, trained

ODD: list[Any] = [None, [], {}, "x", -1, 1e300, True, [1], {"a": 1}, 0, "", [[]], 10**30]

Changes = dict[str, bytes | None]


class Tampered:
    """A checkpoint whose files can be replaced, with a record that fits."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.checkpoint = write_policy(trained(), directory)
        self.entries = read_commit(self.checkpoint)
        self.files = {name: (self.checkpoint / name).read_bytes() for name in self.entries}

    def seal(self, changes: Changes) -> None:
        """Replace or remove files and write a record of what is there."""
        entries = dict(self.entries)
        for name, original in self.files.items():
            (self.checkpoint / name).write_bytes(original)
        for name, content in changes.items():
            if content is None:
                (self.checkpoint / name).unlink()
                del entries[name]
            else:
                (self.checkpoint / name).write_bytes(content)
                entries[name] = {"bytes": len(content), "sha256": digest_of(content)}
        body = json.dumps({"files": entries}) + "\n"
        (self.checkpoint / "COMMIT").write_text(body + digest_of(body))
        (self.directory / "LATEST").write_text(
            f"{self.checkpoint.name} {digest_of(body + digest_of(body))}\n"
        )

    def changed_json(self, chance: random.Random) -> Changes:
        """One value of one JSON file is another, or gone."""
        name = chance.choice(["metadata.json", "metadata.json", "history.json", "account.json"])
        value = holder = json.loads(self.files[name])
        *way, last = chance.choice(list(places(value)))
        for key in way:
            holder = holder[key]
        if isinstance(holder, dict) and chance.random() < 0.3:
            del holder[last]
        else:
            holder[last] = chance.choice(ODD)
        return {name: json.dumps(value).encode()}

    def changed_arrays(self, chance: random.Random) -> Changes:
        """One array of one file is of another name, shape, type or content."""
        name = chance.choice(
            [name for name in self.files if name.endswith(".hwp") and not name.startswith("cuts/")]
        )
        stage_id, views = decode_arrays(self.files[name], name)
        arrays = {title: np.array(array) for title, array in views.items()}
        title = chance.choice(list(arrays))
        array = arrays.pop(title)
        changes = [
            {},
            {f"other_{title}": array},
            {title: array.ravel()[:-1]},
            {title: array[:0]},
            {title: array.astype(np.int64 if array.dtype == np.float64 else np.float64)},
            {title: (array * 0 + 100).astype(array.dtype)},
        ]
        return {name: bytes(encode_arrays(stage_id, {**arrays, **chance.choice(changes)}))}


def places(value: Any, way: tuple[Any, ...] = ()) -> Any:
    """Ways to all values of a tree, of lists to the first two."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value[:2])
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        yield (*way, key)
        yield from places(item, (*way, key))


@pytest.mark.parametrize("seed", range(40))
def test_what_was_changed_by_hand_is_used_or_refused_and_never_crashes(seed: int, tmp_path: Path):
    chance, tampered, study = random.Random(seed), Tampered(tmp_path / "policy"), small_study()
    for _ in range(3):
        change = chance.choice([tampered.changed_json, tampered.changed_arrays])
        tampered.seal(change(chance))
        hw.verify_policy(tmp_path / "policy")
        with contextlib.suppress(hw.HeadwaterError), np.errstate(all="ignore"):
            policy = hw.load_policy(tmp_path / "policy")
            repr(policy)
            for use in (
                lambda policy=policy: hw.check_policy(policy, study),
                lambda policy=policy: hw.simulate(policy, study, n_scenarios=2, threads=1),
                lambda: hw.train(study, threads=1, resume=tmp_path / "policy"),
                lambda policy=policy: hw.train(study, threads=1, warm_start=policy),
            ):
                with contextlib.suppress(hw.HeadwaterError):
                    use()


@pytest.mark.parametrize("name", ["psi", "base", "sigma"])
def test_an_inflow_model_without_a_part_is_named(name: str, tmp_path: Path):
    tampered = Tampered(tmp_path / "policy")
    file = "inflow/stage_0001.hwp"
    stage_id, arrays = decode_arrays(tampered.files[file], file)
    tampered.seal(
        {
            file: bytes(
                encode_arrays(
                    stage_id, {key: value for key, value in arrays.items() if key != name}
                )
            )
        }
    )
    with pytest.raises(hw.PolicyError, match=rf"HW808 .*contradicts itself .*{name}"):
        hw.check_policy(tmp_path / "policy", small_study())
