"""Draws lines with logarithmic axes as SVG, readable on light and on dark pages."""

import math
from xml.sax.saxutils import escape

# Told apart by people who see fewer colours too (Okabe and Ito's), the light ones deepened for white paper.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#aa4499", "#b8860b", "#c0392b", "#777777", "#882255", "#117733",
           "#332288"]
DARK = ["#56b4e9", "#ff9e4a", "#2fc79a", "#dd88cc", "#f0e442", "#ff6b6b", "#aaaaaa", "#cc6688", "#66cc77",
        "#b0a4ff"]

WIDTH, PLOT_HEIGHT, LEFT, GAP, TOP, BOTTOM, ROW = 1000, 320, 64, 84, 58, 44, 17


class Line:
    def __init__(self, name, dashed, points):
        self.name, self.dashed, self.points = name, dashed, points

    @property
    def family(self):
        """Lines of one colour: the same job on other threads."""
        return self.name.split(",")[0]


class Panel:
    def __init__(self, title, lines, label):
        self.title, self.lines, self.label = title, lines, label


def decades(values):
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def time_label(exponent):
    return {-9: "1 ns", -6: "1 µs", -5: "10 µs", -4: "100 µs", -3: "1 ms", -2: "10 ms", -1: "100 ms", 0: "1 s",
            1: "10 s", 2: "100 s"}.get(exponent, f"1e{exponent} s")


def svg(title, panels):
    panels = [panel for panel in panels if panel.lines]
    rows = max((len(panel.lines) for panel in panels), default=0)
    height = TOP + PLOT_HEIGHT + BOTTOM + ROW * rows + 16
    light = "\n".join(f".c{n} {{ stroke: {colour} }} .d{n} {{ fill: {colour} }}" for n, colour in enumerate(COLOURS))
    dark = "\n".join(f".c{n} {{ stroke: {colour} }} .d{n} {{ fill: {colour} }}" for n, colour in enumerate(DARK))
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        "<style>",
        "text { font: 12px system-ui, sans-serif; fill: #222 } .strong { font-size: 15px; font-weight: 600 }",
        ".page { fill: #fff } .grid { stroke: #ddd } .axis { stroke: #888 } .line { fill: none; stroke-width: 1.8 }",
        ".linear { stroke: #999; stroke-dasharray: 1 4 } .dashed { stroke-dasharray: 6 4 }",
        light,
        "@media (prefers-color-scheme: dark) {",
        "text { fill: #ddd } .page { fill: #161b22 } .grid { stroke: #30363d } .axis { stroke: #777 }",
        dark,
        "}",
        "</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>',
        f'<text class="strong" x="{LEFT}" y="24">{escape(title)}</text>',
    ]
    width = (WIDTH - LEFT - 24 - GAP * (len(panels) - 1)) / max(1, len(panels))
    for number, panel in enumerate(panels):
        out += _panel(panel, LEFT + number * (width + GAP), width)
    out.append("</svg>")
    return "\n".join(out) + "\n"


def _panel(panel, left, width):
    families = list(dict.fromkeys(line.family for line in panel.lines))
    xs = [x for line in panel.lines for x, _ in line.points]
    ys = [y for line in panel.lines for _, y in line.points]
    low_x, high_x = math.log10(min(xs)), math.log10(max(xs))
    high_x = max(high_x, low_x + 1e-9)
    low_y, high_y = decades(ys)
    bottom = TOP + PLOT_HEIGHT

    def place(x, y):
        return (left + (math.log10(x) - low_x) / (high_x - low_x) * width,
                bottom - (math.log10(y) - low_y) / (high_y - low_y) * PLOT_HEIGHT)

    yield f'<text x="{left:.1f}" y="{TOP - 12}">{escape(panel.title)} (dotted: linear)</text>'
    for exponent in range(low_y, high_y + 1):
        _, y = place(min(xs), 10.0**exponent)
        yield f'<line class="grid" x1="{left:.1f}" y1="{y:.1f}" x2="{left + width:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{time_label(exponent)}</text>'
    for x in sorted(set(xs)):
        at, _ = place(x, 10.0**low_y)
        yield f'<line class="grid" x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{bottom}"/>'
        yield f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{escape(panel.label(x))}</text>'
    yield f'<line class="axis" x1="{left:.1f}" y1="{bottom}" x2="{left + width:.1f}" y2="{bottom}"/>'
    # What is linear rises as this does.
    rise = min(high_y - low_y, high_x - low_x)
    x1, y1 = place(10**low_x, 10.0**low_y)
    x2, y2 = place(10 ** (low_x + rise), 10.0 ** (low_y + rise))
    yield f'<line class="linear" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
    for row, line in enumerate(panel.lines):
        colour = families.index(line.family) % len(COLOURS)
        dashed = " dashed" if line.dashed else ""
        points = [place(x, y) for x, y in sorted(line.points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield f'<polyline class="line c{colour}{dashed}" points="{path}"/>'
        for x, y in points:
            yield f'<circle class="d{colour}" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>'
        y = bottom + BOTTOM + row * ROW
        yield f'<line class="line c{colour}{dashed}" x1="{left:.1f}" y1="{y}" x2="{left + 28:.1f}" y2="{y}"/>'
        yield f'<text x="{left + 36:.1f}" y="{y + 4}">{escape(line.name)}</text>'
