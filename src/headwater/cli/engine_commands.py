"""``headwater warmup``, and ``headwater bench`` where its source is at hand."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from headwater.cli.consoles import stderr
from headwater.errors import UsageError

_BENCHMARK = "headwater_bench"
_CHECKOUT = Path(__file__).resolve().parents[3] / "benchmarks"
"""Where the benchmark lies beside a package that is used from its source repository."""


def warmup() -> None:
    """Compile the engine ahead of time; what is compiled is kept for later runs."""
    warm_up(stderr())


def bench(context: typer.Context) -> Any:
    """Time the engine against HiGHS; needs the source repository.

    Run it with --help for its options.
    """
    if importlib.util.find_spec(_BENCHMARK) is None:
        if not (_CHECKOUT / _BENCHMARK).is_dir():
            raise UsageError(
                "the benchmark is not part of the installed package: get the source repository of "
                "Headwater and run 'python benchmarks/bench.py' there, with the same options"
            )
        sys.path.append(str(_CHECKOUT))
    app = importlib.import_module(f"{_BENCHMARK}.command").app
    return app(context.args, prog_name="headwater bench", standalone_mode=False)


def warm_up(console: Console) -> None:
    """Compile everything that is not compiled yet, and say how it goes."""
    from headwater.api.progress import ProgressDisplay
    from headwater.sddp.training.compilation import ensure_compiled, is_compiled

    if is_compiled():
        console.print("the engine is compiled")
        return
    with ProgressDisplay(console) as progress:
        ensure_compiled(progress)
