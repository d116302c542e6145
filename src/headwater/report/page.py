"""``headwater report``: one self-contained page that shows a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files as package_files
from pathlib import Path

import polars as pl

from headwater import files
from headwater._version import __version__
from headwater.core.wording import numbered
from headwater.errors import HeadwaterError, ResultsError
from headwater.report import words
from headwater.report.charts import Charts, as_json
from headwater.report.drawing import require_plotly, shortened
from headwater.report.inflow_models import sampled
from headwater.report.subject import subject_of
from headwater.report.tabs import Tab, add_models, tabs
from headwater.report.theme import theme
from headwater.stochastic import Uncertainty

DEFAULT_NAME = "report.html"
"""Name of the page in the output directory of a run."""


def write_report(
    directory: str | Path,
    out: str | Path | None = None,
    *,
    compare: str | Path | None = None,
    case: str | Path | None = None,
) -> Path:
    """Write a page that shows a run: one HTML file that needs no other file and no network.

    Args:
        directory: output directory of a run.
        out: the page; ``None`` writes ``report.html`` into the directory.
        compare: output directory of another run to compare with.
        case: case directory, for the history of inflows; ``None`` takes the one that the run was
            read from, where that is still the same.

    Returns:
        The page.

    Raises:
        ResultsError: there are no results, or the page cannot be written.
        UsageError: plotly is not installed, or the case is another one.

    Examples:
        >>> hw.write_report("output", "plan.html", compare="earlier")
    """
    require_plotly()
    subject = subject_of(directory, compare, case)
    results = subject.results
    target = results.directory / DEFAULT_NAME if out is None else Path(out)
    try:
        shown = tabs(subject)
        metadata = (
            results.training_metadata if results.has_training else results.simulation_metadata
        )
        heading = {"case": str(metadata["case"]), "finished_at": str(metadata["finished_at"])}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, HeadwaterError):
            raise
        place = f"the metadata.json of {results.directory}"
        raise ResultsError(f"{place} is damaged ({error!r}); run again") from error
    return _written(target, _rendered(heading, shown, subject.charts))


def write_fit_page(
    path: Path, uncertainty: Uncertainty, trajectories: pl.DataFrame | None = None
) -> Path:
    """Write a page with the pictures of every river of a study: history, model, sampled scenarios.

    Args:
        path: the page.
        uncertainty: of the study.
        trajectories: sampled scenarios to show; ``None`` shows none.

    Raises:
        UsageError: plotly is not installed.
        ResultsError: the page cannot be written.
    """
    require_plotly()
    charts, system = Charts(), uncertainty.system
    cycles = add_models(charts, uncertainty)
    for hydro in system.hydros:
        if trajectories is None:
            break
        charts.add(f"sampled/{hydro.id}", sampled(system, trajectories, hydro.id))
    stages = system.stages
    span = f"{words.day(stages[0].start_date)} to {words.day(stages[-1].end_date)}"
    content = {
        "plants": dict(zip(system.hydros.ids, system.hydros.labels, strict=True)),
        "cycles": cycles,
        "span": f"{numbered(len(stages), 'stage')} from {span}",
        "n_noise": len([key for key in charts.items() if key.startswith("noise/")]),
        "sampled": trajectories is not None,
    }
    heading = {"case": "Inflow models", "finished_at": ""}
    return _written(path, _rendered(heading, [Tab("fit", "Inflow models", content)], charts))


def _written(target: Path, page: str) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(target, page)
    except OSError as error:
        raise ResultsError(f"the report cannot be written to {target}: {error}") from error
    return target


def _rendered(heading: Mapping[str, str], shown: Sequence[Tab], charts: Charts) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=PackageLoader("headwater.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        shortened=shortened, share=words.share, amount=words.amount, seconds=words.seconds
    )
    templates = package_files("headwater.report") / "templates"
    return environment.get_template("page.html.j2").render(
        **heading,
        made_by=f"Headwater {__version__}",
        tabs=shown,
        charts=charts.items(),
        shared=charts.shared,
        theme=as_json(theme()),
        css=(templates / "page.css").read_text(encoding="utf-8"),
        script=(templates / "page.js").read_text(encoding="utf-8"),
        plotly=get_plotlyjs().replace("</script", "<\\/script"),
    )
