#!/usr/bin/env python3
"""Draws what bench_growth measured and looks for cliffs: growth.py FILE.csv [--svg docs/growth.svg] [--bar 0.2] [--clock cpu].

    build/bench/bench_growth > growth.csv && bench/growth.py growth.csv --svg docs/growth.svg

Prints a table (microseconds for one image, medians) and each cliff: a batch whose cost for one image is more than `bar`
above that of the batch before it. A cliff that the least times do not show as well may be the machine's, and is marked so.
`--clock cpu` takes the processor's time, of all threads together, instead of the wall clock's: for one thread on a machine
that does other things too.
"""
import argparse
import collections
import csv
import math

COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd"]
LEFT, TOP, WIDTH, HEIGHT = 64, 24, 560, 380


def read(path, clock):
    """{(width, threads): {batch: (median, least)}}; the processor's time stands for both"""
    median, least = ("cpu_us", "cpu_us") if clock == "cpu" else ("median_us", "least_us")
    series = collections.defaultdict(dict)
    with open(path, encoding="utf-8") as f:
        for row in csv.DictReader(f):
            key = int(row["width"]), int(row["threads"])
            series[key][int(row["batch"])] = float(row[median]), float(row[least])
    return dict(series)


def cliffs(series, bar):
    """(width, threads, batch before, batch, rise of the medians, rise of the least times)"""
    for (width, threads), points in sorted(series.items()):
        batches = sorted(points)
        for a, b in zip(batches, batches[1:]):
            rise, least = (points[b][i] / points[a][i] - 1 for i in (0, 1))
            if rise > bar:
                yield width, threads, a, b, rise, least


def table(series):
    keys = sorted(series)
    batches = sorted({b for points in series.values() for b in points})
    lines = ["| batch | " + " | ".join(f"width {w}, {t} thread{'s' * (t > 1)}" for w, t in keys) + " |",
             "|---" * (len(keys) + 1) + "|"]
    for b in batches:
        cells = (f"{series[k][b][0]:.1f}" if b in series[k] else "" for k in keys)
        lines.append(f"| {b} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def svg(series, clock):
    """Both axes logarithmic; a colour for each width, one thread dashed."""
    batches = sorted({b for points in series.values() for b in points})
    costs = [p[0] for points in series.values() for p in points.values()]
    low, high = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)))
    x = lambda b: LEFT + WIDTH * math.log(b) / math.log(max(batches[-1], 2))
    y = lambda c: TOP + HEIGHT * (high - math.log10(c)) / max(high - low, 1)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 150} {TOP + HEIGHT + 50}" '
           'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>']
    for power in range(low, high + 1):
        at = y(10 ** power)
        out.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10 ** power:g}</text>')
    for b in (b for b in batches if b & (b - 1) == 0):
        out.append(f'<line x1="{x(b):.1f}" x2="{x(b):.1f}" y1="{TOP}" y2="{TOP + HEIGHT}" stroke="#eee"/>'
                   f'<text x="{x(b):.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{b}</text>')
    out.append(f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 38}" text-anchor="middle">images in a step</text>'
               f'<text x="{LEFT}" y="14">microseconds for one image{" (processor)" * (clock == "cpu")}</text>')
    widths = sorted({w for w, _ in series})
    for i, (w, t) in enumerate(sorted(series)):
        colour, dash = COLOURS[widths.index(w) % len(COLOURS)], ' stroke-dasharray="5 3"' if t == 1 else ""
        line = " ".join(f"{x(b):.1f},{y(p[0]):.1f}" for b, p in sorted(series[w, t].items()))
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>')
        at = TOP + 14 + 18 * i
        out.append(f'<line x1="{LEFT + WIDTH + 10}" x2="{LEFT + WIDTH + 36}" y1="{at}" y2="{at}" stroke="{colour}" '
                   f'stroke-width="1.5"{dash}/><text x="{LEFT + WIDTH + 42}" y="{at + 4}">'
                   f"width {w}, {t} thread{'s' * (t > 1)}</text>")
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv")
    parser.add_argument("--svg")
    parser.add_argument("--bar", type=float, default=0.2)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    arguments = parser.parse_args()
    series = read(arguments.csv, arguments.clock)
    if not series:
        parser.error(f"{arguments.csv} holds no measurement; expected what bench_growth prints")
    print(table(series) + "\n")
    found = list(cliffs(series, arguments.bar))
    for width, threads, a, b, rise, least in found:
        doubt = "" if least > arguments.bar else f" (of the least times {100 * least:+.0f} %: perhaps the machine)"
        print(f"cliff: width {width}, {threads} threads, batch {a} to {b}: {100 * rise:+.0f} %{doubt}")
    if not found:
        print(f"no cliff: from one batch to the next the cost of an image rises by at most {100 * arguments.bar:.0f} %")
    if arguments.svg:
        with open(arguments.svg, "w", encoding="utf-8") as f:
            f.write(svg(series, arguments.clock))


if __name__ == "__main__":
    main()
