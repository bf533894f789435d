"""Bars with the quartiles on them, as an SVG that is read on light and on dark ground."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence
from xml.sax.saxutils import escape

from tests.bench.quartiles import Quartiles

WIDTH, MARGIN, LABEL, NUMBER = 720, 16, 170, 150  # pixels
ROW, BAR, HEAD, GAP = 28, 16, 34, 14
BARS = WIDTH - 2 * MARGIN - LABEL - NUMBER

STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.head { font-weight: 600 }
.number { font-variant-numeric: tabular-nums }
.bar { fill: #8c959f }
.ours { fill: #0969da }
.range { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.bar { fill: #6e7681 }
.ours { fill: #2f81f7 }
.range { stroke: #e6edf3 }
}
"""


@dataclass(frozen=True)
class Bar:
    label: str
    values: Quartiles
    ours: bool


@dataclass(frozen=True)
class Panel:
    """One quantity: less is better, and zero is at the left."""

    title: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        return HEAD + ROW * len(self.bars)


def svg(title: str, panels: Sequence[Panel]) -> str:
    height = 2 * MARGIN + sum(panel.height for panel in panels) + GAP * (len(panels) - 1)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
             f'role="img">\n<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n']
    top = MARGIN
    for panel in panels:
        parts.append(_panel(panel, top))
        top += panel.height + GAP
    return "".join(parts) + "</svg>\n"


def _panel(panel: Panel, top: int) -> str:
    most = max((bar.values.high for bar in panel.bars), default=0.0) or 1.0
    lines = [f'<text class="head" x="{MARGIN}" y="{top + 18}">{escape(panel.title)}</text>\n']
    for number, bar in enumerate(panel.bars):
        lines.append(_bar(bar, top + HEAD + number * ROW, most))
    return "".join(lines)


def _bar(bar: Bar, top: int, most: float) -> str:
    left = MARGIN + LABEL

    def at(value: float) -> str:
        return f"{left + BARS * value / most:.1f}"

    middle, values = top + BAR / 2, bar.values
    return (f'<text x="{left - 8}" y="{top + 13}" text-anchor="end">{escape(bar.label)}</text>\n'
            f'<rect class="{"ours" if bar.ours else "bar"}" x="{left}" y="{top}" width="{BARS * values.median / most:.1f}" '
            f'height="{BAR}" rx="2"/>\n'
            f'<line class="range" x1="{at(values.low)}" y1="{middle:g}" x2="{at(values.high)}" y2="{middle:g}"/>\n'
            f'<text class="number" x="{left + BARS + 8}" y="{top + 13}">{_number(values)}</text>\n')


def _number(values: Quartiles) -> str:
    return f"{values.median:.3g} ({values.low:.3g}–{values.high:.3g})"
