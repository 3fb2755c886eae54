"""comparison.md and comparison.html from about.json and results.jsonl in OUT; every number comes from there."""
import json
import os
from statistics import mean, median, stdev

import page

TARGET = 0.6  # test accuracy that "time to …" waits for
MISSING = "–"


def load(out):
    with open(os.path.join(out, "about.json"), encoding="utf-8") as f:
        about = json.load(f)
    with open(os.path.join(out, "results.jsonl"), encoding="utf-8") as f:
        return about, [json.loads(line) for line in f if line.strip()]


def spread(values, digits=2, scale=1.0):
    """The median and, of several, least and largest."""
    if not values:
        return MISSING
    number = lambda v: f"{v * scale:.{digits}f}"
    return number(median(values)) + (f" ({number(min(values))} … {number(max(values))})" if len(values) > 1 else "")


def mean_deviation(values, digits, scale=1.0):
    if not values:
        return MISSING
    text = f"{mean(values) * scale:.{digits}f}"
    return text + (f" ± {stdev(values) * scale:.{digits}f}" if len(values) > 1 else "")


class Results:
    """The runs, by peer and form."""

    def __init__(self, about, records):
        self.about, self.records = about, records
        self.peers = about["peers"]
        self.forms = [(p, f) for p in self.peers for f in self.peers[p]["forms"]]
        reference = next(iter(self.peers))
        self.reference = (reference, next(iter(self.peers[reference]["forms"])))

    def runs(self, who, kind, **wanted):
        """The runs of a form that went well."""
        return [r for r in self.records if (r["peer"], r["form"]) == who and r["kind"] == kind and "result" in r
                and all(r.get(k) == v for k, v in wanted.items())]

    def values(self, who, kind, name, **wanted):
        found = (r["result"].get(name) for r in self.runs(who, kind, **wanted))
        return [v for v in found if v is not None]

    def ratios(self, who, reference, kind, name, **wanted):
        """Of each round: the form's value / the reference's."""
        by_round = lambda w: {r["round"]: r["result"].get(name) for r in self.runs(w, kind, **wanted)}
        mine, base = by_round(who), by_round(reference)
        return [mine[i] / base[i] for i in mine if mine[i] and base.get(i)]

    def title(self, who):
        return self.peers[who[0]]["title"], self.peers[who[0]]["forms"][who[1]]["what"]

    def label(self, who):
        return ", ".join(self.title(who))

    def took_part(self, kind, **wanted):
        """Forms that were tried, whether it went well or not."""
        tried = {(r["peer"], r["form"]) for r in self.records if r["kind"] == kind
                 and all(r.get(k) == v for k, v in wanted.items())}
        return [who for who in self.forms if who in tried]


def table(title, note, header, rows):
    return {"title": title, "note": note, "header": header, "rows": rows}


def classic(r):
    rows = []
    for who in r.took_part("train"):
        last = [e[-1] for e in r.values(who, "train", "epochs")]
        rows.append([*r.title(who), mean_deviation([e["accuracy"] for e in last], 2, 100) + (" %" if last else ""),
                     mean_deviation([e["loss"] for e in last], 3)])
    plural = "s" * (r.about["epochs"] > 1)
    what = f"{r.about['epochs']} epoch{plural}"
    if r.about["train_steps"]:
        what += f" of {r.about['train_steps']} steps"
    note = (f"The tutorial's CNN on {r.about['data']['data']}, {what}, Adam 1e-3, batch 32, f32, pixels in 0 to 1, no "
            "augmentation; the same initial weights and the same order of images for all. Mean and standard deviation "
            f"over {r.about['seeds']} seed{'s' * (r.about['seeds'] > 1)}. Each framework's own Adam: they differ in "
            "epsilon.")
    return table("Accuracy and loss", note, ["framework", "form", "test accuracy", "training loss"], rows)


def step_times(r):
    rows = []
    batches = sorted({x["batch"] for x in r.records if x["kind"] == "steps" and x["network"] == "tutorial-cnn"})
    for who in r.took_part("steps", network="tutorial-cnn"):
        row = list(r.title(who))
        for batch in batches:
            at = {"network": "tutorial-cnn", "batch": batch}
            row += [spread(r.values(who, "steps", "step_ms", **at)),
                    spread(r.ratios(who, r.reference, "steps", "step_ms", **at))]
        rows.append(row)
    header = ["framework", "form"]
    for batch in batches:
        header += [f"ms a step, batch {batch}", f"× {r.label(r.reference)}"]
    note = ("A step: images gathered from bytes, forward, loss, gradients, Adam. Median over fresh processes, run in "
            "turn (A B C … C B A), least and largest; ratios are taken round by round.")
    return table("Time a step, tutorial CNN", note, header, rows)


def training_times(r):
    rows = []
    for who in r.took_part("train"):
        reached = []
        for epochs in r.values(who, "train", "epochs"):
            reached += [next((e["seconds"] for e in epochs if e["accuracy"] >= TARGET), None)]
        times = [t for t in reached if t is not None]
        text = mean_deviation(times, 1) if times and len(times) == len(reached) else (
            f"reached by {len(times)} of {len(reached)}" if reached else MISSING)
        rows.append([*r.title(who), mean_deviation(r.values(who, "train", "train_s"), 1), text,
                     spread([x["peak_bytes"] for x in r.runs(who, "train")], 0, 1e-6),
                     spread([x["peak_bytes"] - r.about["data_bytes"] for x in r.runs(who, "train")], 0, 1e-6)])
    note = ("Seconds from the start of the process, test after each epoch included. Memory: the largest resident size, "
            f"and that less the bytes of the images and labels ({r.about['data_bytes'] / 1e6:.0f} MB).")
    header = ["framework", "form", "s to the end", f"s to {TARGET:.0%} test accuracy", "MB at most", "less the data"]
    return table("Training", note, header, rows)


def cold_start(r):
    rows = []
    for who in r.took_part("steps", network="tutorial-cnn", batch=32):
        at = {"network": "tutorial-cnn", "batch": 32}
        rows.append([*r.title(who), spread(r.values(who, "steps", "first_step_s", **at)),
                     spread(r.values(who, "steps", "hundred_steps_s", **at)),
                     spread(r.ratios(who, r.reference, "steps", "hundred_steps_s", **at))])
    note = ("Seconds from the start of the process, data read from files that hold them as bytes; nothing that was "
            "compiled is kept.")
    return table("Cold start", note, ["framework", "form", "to the first step", "to 100 steps",
                                      f"× {r.label(r.reference)}"], rows)


def other_networks(r):
    steps = [x["network"] for x in r.records if x["kind"] == "steps"]
    names = [n for n in dict.fromkeys(steps) if n != "tutorial-cnn"]
    counts = r.about["data"].get("parameters", {})
    rows = []
    for who in r.forms:
        cells = [spread(r.values(who, "steps", "step_ms", network=n)) for n in names]
        if any(c != MISSING for c in cells):
            rows.append([*r.title(who), *cells])
    header = ["framework", "form"] + [n + (f" ({counts[n]:,} parameters)" if n in counts else "") for n in names]
    note = ("Milliseconds a training step, median over fresh processes. Batch 32, vgg 64; definitions: "
            "compare/jobs/networks.py.")
    return table("Other networks", note, header, rows)


def inference(r):
    names = list(dict.fromkeys(x["network"] for x in r.records if x["kind"] == "infer"))
    rows = [[*r.title(who), *[spread(r.values(who, "infer", "infer_us", network=n), 0) for n in names]]
            for who in r.took_part("infer")]
    return table("Inference", "Microseconds for one image, one thread.", ["framework", "form", *names], rows)


def first_losses(r, who, network):
    runs = [x for x in r.runs(who, "steps", network=network, round=0) if x["result"].get("losses")]
    return min(runs, key=lambda x: x["batch"])["result"]["losses"] if runs else []


def same_numbers(r):
    rows = []
    for network in dict.fromkeys(x["network"] for x in r.records if x["kind"] == "steps"):
        own = [first_losses(r, who, network) for who in r.forms if who[0] == r.reference[0]]
        base = next(filter(None, own), [])
        for who in r.took_part("steps", network=network):
            losses = first_losses(r, who, network)
            apart = [abs(a - b) / abs(a) for a, b in zip(base, losses)]
            if apart and who[0] != r.reference[0]:
                rows.append([network, *r.title(who), f"{apart[0]:.1e}", f"{max(apart):.1e} of {len(apart)}"])
    note = (f"Relative difference of losses from {r.peers[r.reference[0]]['title']}'s: that of the first step "
            "shows that the job is the same; the largest of the first ones also holds Adam's epsilon and rounding that "
            "grows; a form in bf16 rounds more.")
    return table("The same job", note, ["network", "framework", "form", "first loss", "largest"], rows)


def same_bits(r):
    rows = []
    for who in r.took_part("threads"):
        runs = r.runs(who, "threads")
        hashes = {x["threads"]: x["result"]["weights_sha256"] for x in runs}
        same = "yes" if len(set(hashes.values())) == 1 else "no"
        rows.append([*r.title(who), ", ".join(map(str, hashes)), same if len(hashes) > 1 else MISSING,
                     next(iter(hashes.values()))[:16] if same == "yes" and hashes else MISSING])
    note = "Are the weights after 20 steps the same bits for each number of threads?"
    header = ["framework", "form", "threads", "same", "SHA-256 begins"]
    return table("The same result for any number of threads", note, header, rows)


def sizes(r):
    rows = []
    for name, peer in r.peers.items():
        own = r.about["installed"].get(name)
        lines = r.about["lines"][name]
        rows.append([peer["title"], f"{own['own'] / 1e6:.0f}" if own else MISSING,
                     f"{own['accelerators'] / 1e6:.0f}" if own and own["accelerators"] else MISSING,
                     ", ".join(f"{n} ({file})" for file, n in lines.items()) or MISSING])
    note = ("Megabytes of the package and what it brings; the parts for GPUs, which its only package may bring along, "
            "apart. Lines of the tutorial's program, neither empty nor comment.")
    return table("Size", note, ["framework", "MB installed", "for GPUs, MB", "lines of the program"], rows)


def gaps(r):
    """What is missing, and why."""
    found = [(r.peers[name]["title"], reason) for name, reason in r.about["gaps"].items()]
    for x in r.records:
        if "error" in x:
            threads = f", {x['threads']} threads" if x["kind"] == "threads" else ""
            found.append((f"{r.label((x['peer'], x['form']))}: {x['network']}, {x['kind']}{threads}", x["error"]))
    for x in r.records:
        counts = r.about["data"].get("parameters", {})
        if "result" in x and x["result"].get("parameters") not in (None, counts.get(x["network"])):
            found.append((f"{r.label((x['peer'], x['form']))}: {x['network']}",
                          f"{x['result']['parameters']} parameters; expected {counts.get(x['network'])}"))
    return table("Gaps", "What could not be run, and why.", ["what", "reason"], [list(g) for g in dict.fromkeys(found)])


def versions(r):
    rows = [[r.peers[p]["title"], next((x["result"]["version"] for x in r.records if x["peer"] == p and "result" in x
                                       and "version" in x["result"]), MISSING)] for p in r.peers]
    rows += [[k, str(v)] for k, v in r.about["machine"].items()]
    rows += [["threads", str(r.about["threads"])], ["rounds", str(r.about["rounds"])], ["date", r.about["date"]]]
    return table("Versions and machine", "", ["what", "value"], rows)


def plots(r):
    """{title of a table: plots that stand beside it}."""
    colours = {p: page.COLOURS[i % len(page.COLOURS)] for i, p in enumerate(r.peers)}

    def bars(kind, name, unit, **at):
        rows = [(r.label(w), r.values(w, kind, name, **at), colours[w[0]]) for w in r.took_part(kind, **at)]
        return page.bars([(label, median(v), min(v), max(v), colour) for label, v, colour in rows if v], unit)

    curves = []
    for who in r.took_part("train"):
        for x in r.runs(who, "train", seed=0):
            points = [(e["seconds"], e["accuracy"] * 100) for e in x["result"]["epochs"]]
            curves.append((r.label(who), points, colours[who[0]]))
    return {"Training": [page.curves(curves, "seconds", "test accuracy, %")],
            "Time a step, tutorial CNN": [bars("steps", "step_ms", f"ms a step, batch {batch}", network="tutorial-cnn",
                                               batch=batch) for batch in (32, 128)],
            "Cold start": [bars("steps", "hundred_steps_s", "s to 100 steps", network="tutorial-cnn", batch=32)]}


def head(about):
    text = ("Made by compare/run. Every job runs in a fresh process with "
            f"{about['threads']} threads, from the same initial weights and in the same order.")
    if about["quick"]:
        text += (" This is a quick look (--quick): few steps, one seed, slow forms left out. Its times are noisy and "
                 "its accuracies are those of a beginning; it is not a result to quote.")
    return text


def write(out):
    """Writes both files; returns their paths."""
    about, records = load(out)
    r = Results(about, records)
    made = (classic, step_times, training_times, cold_start, other_networks, inference, same_numbers, same_bits, sizes,
            gaps, versions)
    sections = [s for s in (make(r) for make in made) if s["rows"]]
    title = "Weft and its peers" + (" (quick look)" if about["quick"] else "")
    paths = []
    for name, text in (("comparison.md", page.markdown(title, head(about), sections)),
                       ("comparison.html", page.html(title, head(about), sections, plots(r)))):
        paths.append(os.path.join(out, name))
        with open(paths[-1], "w", encoding="utf-8") as f:
            f.write(text)
    return paths
