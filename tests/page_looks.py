"""What a browser finds on a page.

Tabs, pictures, axes with units, labels that lie on each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WIDE, PHONE = 1280, 390
PATIENCE_MS = 600_000.0
"""What a browser may take on a machine that many use; nothing here is a matter of time."""

_OVERLAPS = """
() => {
  const found = [];
  for (const place of document.querySelectorAll('section.tab.shown .chart:not([hidden]) .plot')) {
    const key = place.closest('.chart').dataset.chart;
    const groups = [
      '.xtick text', '.ytick text', '.legendtext', '.xtitle', '.ytitle', '.y2tick text',
      '.textpoint text',
    ];
    const texts = groups.flatMap((group) => [...place.querySelectorAll(group)]);
    const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
    const outer = place.getBoundingClientRect();
    boxes.forEach(([name, box], i) => {
      if (box.width === 0) return;
      const aside = box.left < outer.left - 2 || box.right > outer.right + 2;
      const beyond = box.top < outer.top - 2 || box.bottom > outer.bottom + 2;
      if (aside || beyond) found.push(`${key}: '${name}' leaves the picture`);
      for (const [other, its] of boxes.slice(i + 1)) {
        const wide = Math.min(box.right, its.right) - Math.max(box.left, its.left);
        const high = Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top);
        if (wide > 1.5 && high > 3) found.push(`${key}: '${name}' lies on '${other}'`);
      }
    });
  }
  return found;
}
"""

_CHARTS = """
() => [...document.querySelectorAll('section.tab.shown .chart:not([hidden])')].map((figure) => ({
  key: figure.dataset.chart,
  title: figure.querySelector('figcaption').textContent,
  traces: figure.querySelectorAll(
    '.scatterlayer .trace, .barlayer .trace, .heatmaplayer image'
  ).length,
  x: (figure.querySelector('.xtitle') || {}).textContent || '',
  y: (figure.querySelector('.ytitle') || {}).textContent || '',
  width: figure.getBoundingClientRect().width,
}))
"""


@contextmanager
def opened(browser: Any, page: Path, width: int = WIDE, scheme: str = "light") -> Iterator[Any]:
    """A page in the browser; fails when it complains or asks for anything beyond itself."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        offline=True,
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE_MS)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on(
        "console",
        lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None,
    )
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on(
        "dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss())
    )
    asked: list[str] = []
    tab.on(
        "request",
        lambda one: (
            asked.append(one.url) if not one.url.startswith(("file:", "data:", "blob:")) else None
        ),
    )
    tab.goto(page.absolute().as_uri())
    yield tab
    context.close()
    assert complaints == []
    assert asked == []


def tab_names(tab: Any) -> list[str]:
    """The tabs of the page."""
    return [link.get_attribute("data-tab") for link in tab.query_selector_all("nav a")]


def visit(tab: Any, name: str) -> list[dict[str, Any]]:
    """Click on a tab; returns what its pictures are."""
    tab.click(f"nav a[data-tab={name}]")
    tab.wait_for_selector(f"section.tab.shown[data-tab={name}]")
    tab.wait_for_timeout(50)
    found: list[dict[str, Any]] = tab.evaluate(_CHARTS)
    return found


def overlaps(tab: Any) -> list[str]:
    """Labels of the shown pictures that lie on each other or leave their picture."""
    found: list[str] = tab.evaluate(_OVERLAPS)
    return found
