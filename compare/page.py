"""Tables and plots as Markdown and as one HTML page without scripts; a section is {title, note, header, rows}."""
import html as text
import math

COLOURS = ["#0b6e4f", "#c8553d", "#d99a1e", "#3b6ea5", "#7a5195", "#555555"]

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:1080px;margin:2rem auto;padding:0 1rem;color:#1c1c1c;background:#fff}
h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin:2rem 0 .2rem}
p{margin:.2rem 0 .6rem;color:#555;max-width:48rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .7rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}th{font-weight:600}
td.n,th.n{text-align:right;white-space:nowrap}tr.own td{font-weight:600}
.plots{display:flex;flex-wrap:wrap;align-items:flex-start;gap:1rem;margin-top:.6rem}
svg{max-width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:#333}
"""


def markdown(title, head, sections):
    cell = lambda v: v.replace("|", "\\|")
    lines = [f"# {title}", "", head]
    for s in sections:
        lines += ["", f"## {s['title']}", ""] + ([s["note"], ""] if s["note"] else [])
        lines += ["| " + " | ".join(map(cell, s["header"])) + " |", "|" + "---|" * len(s["header"])]
        lines += ["| " + " | ".join(map(cell, row)) + " |" for row in s["rows"]]
    return "\n".join(lines) + "\n"


def is_number(value):
    return value[:1].isdigit() or value == "–"


def html_table(section, own):
    columns = range(len(section["header"]))
    number = [all(is_number(row[i]) for row in section["rows"]) for i in columns]
    mark = lambda i: " class='n'" if number[i] else ""
    out = ["<div class='wide'><table><tr>"]
    out += [f"<th{mark(i)}>{text.escape(section['header'][i])}</th>" for i in columns]
    for row in section["rows"]:
        out.append("</tr><tr class='own'>" if own in row else "</tr><tr>")
        out += [f"<td{mark(i)}>{text.escape(row[i])}</td>" for i in columns]
    return "".join(out) + "</tr></table></div>"


def html(title, head, sections, plots):
    own = sections[0]["rows"][0][0] if sections else ""
    body = [f"<h1>{text.escape(title)}</h1><p>{text.escape(head)}</p>"]
    for s in sections:
        body.append(f"<h2>{text.escape(s['title'])}</h2>")
        body += [f"<p>{text.escape(s['note'])}</p>"] if s["note"] else []
        body.append(html_table(s, own))
        drawn = [p for p in plots.get(s["title"], []) if p]
        body += ["<div class='plots'>" + "".join(drawn) + "</div>"] if drawn else []
    meta = "<meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
    return (f"<!DOCTYPE html><html lang='en'><head>{meta}<title>{text.escape(title)}</title>"
            f"<style>{STYLE}</style></head><body>" + "\n".join(body) + "</body></html>\n")


def nice(largest):
    """A round step that cuts 0 … largest into three to seven."""
    power = 10.0 ** math.floor(math.log10(largest))
    return next(power * f for f in (0.2, 0.5, 1.0, 2.0) if largest / (power * f) <= 7)


def ticks(largest):
    step = nice(largest) if largest > 0 else 1.0
    return [step * i for i in range(int(largest / step) + 2) if step * i <= largest * 1.0001]


def bars(rows, unit):
    """(label, value, least, largest, colour) as bars, the spread as a line; "" for none."""
    if not rows:
        return ""
    left, width, row_height = 250, 520, 24
    height = row_height * len(rows) + 44
    largest = max(row[3] for row in rows)
    x = lambda v: left + v / largest * (width - left - 60)
    out = [f"<svg viewBox='0 0 {width} {height}' width='{width}' role='img' aria-label='{text.escape(unit)}'>",
           f"<text x='0' y='14' font-weight='600'>{text.escape(unit)}</text>"]
    for i, (label, value, least, most, colour) in enumerate(rows):
        y = 26 + i * row_height
        out.append(f"<text x='{left - 8}' y='{y + 13}' text-anchor='end'>{text.escape(shorten(label))}</text>"
                   f"<rect x='{left}' y='{y}' width='{x(value) - left:.1f}' height='17' fill='{colour}'/>"
                   f"<line x1='{x(least):.1f}' x2='{x(most):.1f}' y1='{y + 8.5}' y2='{y + 8.5}' stroke='#111'/>"
                   f"<text x='{x(most) + 5:.1f}' y='{y + 13}'>{value:.2f}</text>")
    return "".join(out) + "</svg>"


def shorten(label, longest=38):
    return label if len(label) <= longest else label[:longest - 1] + "…"


def curves(series, x_name, y_name):
    """(label, points, colour) as lines with a legend; "" for none."""
    series = [s for s in series if s[1]]
    if not series:
        return ""
    left, top, width, plot_height = 44, 28, 1000, 300
    right = width - 300
    far = max(p[0] for _, points, _ in series for p in points)
    high = max(p[1] for _, points, _ in series for p in points)
    x = lambda v: left + v / far * (right - left)
    y = lambda v: top + plot_height - v / high * plot_height
    height = max(top + plot_height + 40, 40 + 20 * len(series))
    out = [f"<svg viewBox='0 0 {width} {height}' width='{width}' role='img' aria-label='{text.escape(y_name)}'>",
           f"<text x='0' y='14' font-weight='600'>{text.escape(y_name)}</text>"]
    for v in ticks(high):
        out.append(f"<line x1='{left}' x2='{right}' y1='{y(v):.1f}' y2='{y(v):.1f}' stroke='#e2e2e2'/>"
                   f"<text x='{left - 6}' y='{y(v) + 4:.1f}' text-anchor='end'>{v:g}</text>")
    for v in ticks(far):
        out.append(f"<text x='{x(v):.1f}' y='{top + plot_height + 18}' text-anchor='middle'>{v:g}</text>")
    out.append(f"<text x='{right}' y='{top + plot_height + 36}' text-anchor='end'>{text.escape(x_name)}</text>")
    dashes = {}
    for i, (label, points, colour) in enumerate(series):
        dash = ["", "6 3", "2 3", "8 3 2 3"][dashes.setdefault(colour, -1) + 1 & 3]
        dashes[colour] += 1
        line = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points)
        style = f"stroke='{colour}' stroke-width='2' stroke-dasharray='{dash}'"
        out.append(f"<polyline points='{line}' fill='none' {style}/>")
        out += [f"<circle cx='{x(a):.1f}' cy='{y(b):.1f}' r='3' fill='{colour}'/>" for a, b in points]
        at = top + 10 + 20 * i
        out.append(f"<line x1='{right + 16}' x2='{right + 44}' y1='{at - 4}' y2='{at - 4}' {style}/>"
                   f"<text x='{right + 50}' y='{at}'>{text.escape(label)}</text>")
    return "".join(out) + "</svg>"
