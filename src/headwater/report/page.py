"""``headwater report``: one self-contained page that shows a run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from headwater import files
from headwater._version import __version__
from headwater.errors import HeadwaterError, ResultsError
from headwater.report import words
from headwater.report.charts import Charts, as_json
from headwater.report.drawing import require_plotly, shortened
from headwater.report.outcome import Outcome
from headwater.report.tabs import Subject, tabs
from headwater.report.theme import theme
from headwater.results.reader import Results, load_results

DEFAULT_NAME = "report.html"
"""Name of the page in the output directory of a run."""


def write_report(directory: str | Path, out: str | Path | None = None) -> Path:
    """Write a page that shows a run: one HTML file that needs no other file and no network.

    Args:
        directory: output directory of a run.
        out: the page; ``None`` writes ``report.html`` into the directory.

    Returns:
        The page.

    Raises:
        ResultsError: there are no results, or the page cannot be written.
        UsageError: plotly is not installed.
    """
    require_plotly()
    results = load_results(directory)
    target = results.directory / DEFAULT_NAME if out is None else Path(out)
    page = _page(results)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(target, page)
    except OSError as error:
        raise ResultsError(f"the report cannot be written to {target}: {error}") from error
    return target


def _page(results: Results) -> str:
    from plotly.offline import get_plotlyjs

    charts = Charts()
    try:
        outcome = Outcome.of_results(results) if results.has_simulation else None
        shown = tabs(Subject(results, outcome, charts))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, HeadwaterError):
            raise
        raise ResultsError(
            f"the metadata.json of {results.directory} is damaged ({error!r}); run again"
        ) from error
    metadata = results.training_metadata if results.has_training else results.simulation_metadata
    return _rendered(
        {
            "case": str(metadata["case"]),
            "made_by": f"Headwater {__version__}",
            "finished_at": str(metadata["finished_at"]),
            "tabs": shown,
            "charts": charts.items(),
            "shared": charts.shared,
            "theme": as_json(theme()),
            "plotly": get_plotlyjs().replace("</script", "<\\/script"),
        }
    )


def _rendered(content: Mapping[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

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
    parts = {
        name: (templates / name).read_text(encoding="utf-8") for name in ("page.css", "page.js")
    }
    return environment.get_template("page.html.j2").render(
        **content, css=parts["page.css"], script=parts["page.js"]
    )
