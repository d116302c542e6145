"""What a person sees while a run is under way: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from headwater.api.plain_console import PlainConsole
from headwater.core.wording import ending, money, numbered, workers
from headwater.distributed import find_communicator
from headwater.sddp import events

logger = logging.getLogger(__name__)

PLAIN_INTERVAL_SECONDS = 2.0
"""Plain lines come at most this often, besides the first and the last."""

COMPILATION_INTERVAL_SECONDS = 5.0
"""The same while the engine is compiled."""


def compilation_text(event: events.CompilationProgress) -> str:
    """What is being compiled and how far it is, in words."""
    if event.elsewhere:
        return (
            "waiting for another process that compiles the engine for this machine "
            f"({event.seconds:.0f} s)"
        )
    if not event.total:
        return "compiling the engine for this machine; this happens once"
    left = (
        "" if event.seconds_left is None else f", about {max(1.0, event.seconds_left):.0f} s left"
    )
    return (
        f"compiling the engine for this machine: {event.done} of {event.total} functions{left}; "
        "this happens once"
    )


class ProgressDisplay:
    """Shows the events of a run on a console.

    Args:
        console: where to write; its ``is_terminal`` decides between live and plain.
        quiet: show nothing.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._live: Progress | None = None
        self._task: TaskID | None = None
        self._last_line = 0.0
        self._max_iterations = 0

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        if self._quiet:
            return
        if isinstance(event, events.CompilationProgress):
            self._compilation(event)
        elif isinstance(event, events.CompilationFinished):
            self.close()
            self._console.print(f"the engine is compiled ({event.seconds:.1f} s)")
        elif isinstance(event, events.TrainingStarted):
            self._training_started(event)
        elif isinstance(event, events.IterationFinished):
            self._iteration(event)
        elif isinstance(event, events.TrainingFinished):
            self.close()
            record = event.record
            self._console.print(
                f"trained {numbered(len(record.iterations), 'iteration')} in "
                f"{record.seconds:.1f} s; {ending(record.reason)}"
            )
            if record.upper_bound is not None:
                lower = record.iterations[-1].lower_bound
                distance = 100.0 * (record.upper_bound - lower) / max(1.0, abs(record.upper_bound))
                sure = (
                    ""
                    if record.inner_evaluations[-1].certified
                    else ", if the given prices are large enough"
                )
                self._console.print(
                    f"the optimal cost lies between {money(lower)} and "
                    f"{money(record.upper_bound)} ({distance:.2f} %){sure}"
                )
        elif isinstance(event, events.SimulationStarted):
            self._console.print(
                Text.assemble(("simulating", "bold"), f" {numbered(event.n_scenarios, 'scenario')}")
            )
            self._open("scenarios", event.n_scenarios)
        elif isinstance(event, events.SimulationProgress):
            self._simulation(event)
        elif isinstance(event, events.SimulationFinished):
            self.close()
            self._console.print(f"simulated in {event.record.seconds:.1f} s")

    def _compilation(self, event: events.CompilationProgress) -> None:
        text = compilation_text(event)
        if self._console.is_terminal and self._live is None:
            self._live = Progress(
                SpinnerColumn(), TextColumn("{task.fields[detail]}"), console=self._console
            )
            self._live.start()
            self._task = self._live.add_task("compilation", total=None, detail=text)
        elif self._live is not None and self._task is not None:
            self._live.update(self._task, detail=text)
        elif event.seconds == 0.0 or self._due(COMPILATION_INTERVAL_SECONDS):
            self._console.print(text, markup=False)

    def _training_started(self, event: events.TrainingStarted) -> None:
        self._max_iterations = event.max_iterations
        sizes = (
            f" {event.name or 'study'}: {numbered(event.n_stages, 'stage')}, "
            f"{numbered(event.n_hydros, 'hydro plant')}, "
            f"{numbered(event.n_thermals, 'thermal plant')}, "
            f"{numbered(event.n_state, 'state variable')}; "
            f"{numbered(event.forward_passes, 'forward pass', 'forward passes')} per iteration, "
            f"at most {numbered(event.max_iterations, 'iteration')}, "
            f"{workers(event.ranks, event.threads)}"
        )
        self._console.print(Text.assemble(("training", "bold"), sizes))
        if event.iterations_done:
            self._console.print(f"going on after iteration {event.iterations_done}")
        for text in event.openings:
            self._console.print(text, style="dim", markup=False)
        self._open("iterations", event.max_iterations)

    def _iteration(self, event: events.IterationFinished) -> None:
        record = event.record
        spread = f" ± {money(record.simulated_ci95)}" if record.forward_passes > 1 else ""
        above = "" if record.upper_bound is None else f" to {money(record.upper_bound)}"
        text = (
            f"bound {money(record.lower_bound)}{above}   simulated "
            f"{money(record.simulated_mean)}{spread}"
        )
        if self._live is not None and self._task is not None:
            self._live.update(self._task, completed=record.iteration, detail=text)
        elif record.iteration in (1, self._max_iterations) or self._due():
            mean = record.elapsed_seconds / record.iteration
            left = mean * (self._max_iterations - record.iteration)
            self._console.print(
                f"iteration {record.iteration}/{self._max_iterations}   {text}   "
                f"[{record.elapsed_seconds:.1f} s < {left:.1f} s]",
                markup=False,
            )

    def _simulation(self, event: events.SimulationProgress) -> None:
        text = f"mean cost {money(event.mean_cost)} ± {money(event.ci95)}"
        if self._live is not None and self._task is not None:
            self._live.update(self._task, completed=event.completed, detail=text)
        elif event.completed == event.total or self._due():
            self._console.print(f"scenario {event.completed}/{event.total}   {text}", markup=False)

    def _due(self, interval: float = PLAIN_INTERVAL_SECONDS) -> bool:
        now = time.monotonic()
        if now - self._last_line < interval:
            return False
        self._last_line = now
        return True

    def _open(self, unit: str, total: int) -> None:
        if not self._console.is_terminal:
            return
        self._live = Progress(
            TextColumn("{task.completed:.0f}/{task.total:.0f} " + unit),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
        )
        self._live.start()
        self._task = self._live.add_task(unit, total=total, detail="")

    def close(self) -> None:
        """End the live line, if there is one."""
        if self._live is not None:
            self._live.stop()
            self._live = self._task = None


class _Unfailing:
    """A display that is given up when it fails: no run ends over what is shown of it."""

    def __init__(self, display: ProgressDisplay) -> None:
        self._display: ProgressDisplay | None = display

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        self._try(lambda display: display(event))

    def close(self) -> None:
        """End what is shown."""
        self._try(ProgressDisplay.close)

    def _try(self, do: Callable[[ProgressDisplay], None]) -> None:
        if self._display is None:
            return
        try:
            do(self._display)
        except Exception:
            logger.debug("the progress display failed and was switched off", exc_info=True)
            self._display = None


@contextmanager
def followed(progress: bool, on_event: events.EventSink) -> Iterator[events.EventSink]:
    """Show on standard error what happens, on rank 0, besides passing it on.

    On a terminal it is a live line, elsewhere a line now and then, in notebooks too.

    Args:
        progress: whether anything is shown.
        on_event: whom every event is passed on to.
    """
    if not progress or not find_communicator().leads:
        yield on_event
        return
    # not the widgets that rich would use in a notebook: they may be missing there
    console = PlainConsole(
        stderr=True, force_jupyter=False, highlight=False, soft_wrap=True, markup=False, emoji=False
    )
    display = _Unfailing(ProgressDisplay(console))
    try:
        yield events.both(display, on_event)
    finally:
        display.close()
