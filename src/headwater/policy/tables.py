"""Policies in the forms that other programs read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headwater import files
from headwater.errors import ResultsError, UsageError
from headwater.sddp import Policy
from headwater.sddp.cuts.fields import CUT_FIELDS


def export_policy(policy: Policy, target: str | Path, *, inactive: bool = False) -> Path:
    """Write a policy for other programs.

    As Parquet tables in a directory, or as one JSON file if its name ends in ``.json``.

    The directory holds ``cuts/stage_<id>.parquet``, ``stages.parquet`` and ``state.parquet``.

    Args:
        policy: the policy.
        target: directory, made anew, or file.
        inactive: whether to include cuts that were deactivated.

    Raises:
        ResultsError: it cannot be written.
        UsageError: the directory is not empty.

    Examples:
        >>> hw.export_policy(policy, "cuts")
    """
    target = Path(target)
    try:
        if target.suffix == ".json":
            files.write_text(
                target,
                json.dumps(_as_json(policy, inactive=inactive), indent=1, allow_nan=False) + "\n",
            )
            return target
        if target.exists() and any(target.iterdir()):
            raise UsageError(f"{target} is not empty; name a new directory")
        with files.replaced_directory(target, "") as directory:
            (directory / "cuts").mkdir()
            for stage in policy.stages:
                frame = policy.cuts(stage.stage_id, inactive=inactive).frame()
                frame.write_parquet(
                    directory / "cuts" / f"stage_{stage.stage_id}.parquet", compression="zstd"
                )
            pl.DataFrame(_stages(policy)).write_parquet(directory / "stages.parquet")
            pl.DataFrame(_state(policy)).write_parquet(directory / "state.parquet")
    except OSError as error:
        raise ResultsError(f"the policy cannot be exported to {target}: {error}") from error
    return target


def _as_json(policy: Policy, *, inactive: bool) -> dict[str, Any]:
    def cuts(stage_id: int) -> list[dict[str, Any]]:
        chosen = policy.cuts(stage_id, inactive=inactive)
        known = ("slot", *(field.name for field in CUT_FIELDS if field.column))
        lists = {name: getattr(chosen, name).tolist() for name in known if name != "intercepts"}
        intercepts, coefficients = chosen.intercepts.tolist(), chosen.coefficients.tolist()
        return [
            {
                **{name: values[i] for name, values in lists.items()},
                "intercept": intercepts[i],
                "coefficients": coefficients[i],
            }
            for i in range(len(chosen))
        ]

    return {
        "lower_bound": policy.lower_bound if np.isfinite(policy.lower_bound) else None,
        "iterations": policy.n_iterations,
        "state": _state(policy),
        "stages": [{**stage, "cuts": cuts(int(stage["stage_id"]))} for stage in _stages(policy)],
    }


def _state(policy: Policy) -> list[dict[str, Any]]:
    names = policy.layout.names
    empty = {"hydro_id": None, "thermal_id": None, "lag": None}
    return [
        {
            "name": name,
            **{
                key: one.get(key, empty.get(key))
                for key in ("kind", "hydro_id", "thermal_id", "lag", "unit")
            },
        }
        for name, one in zip(names, policy.layout.describe(), strict=True)
    ]


def _stages(policy: Policy) -> list[dict[str, Any]]:
    return [
        {
            "stage_id": stage.stage_id,
            "start_date": stage.start_date.isoformat(),
            "end_date": stage.end_date.isoformat(),
            "cuts": pool.n_populated,
            "active_cuts": len(pool.active_slots()),
        }
        for stage, pool in zip(policy.stages, policy.pools, strict=True)
    ]
