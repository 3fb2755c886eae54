#!/usr/bin/env python3
"""Adds up gcov's reports of a build folder: coverage.py BUILD [--least PERCENT] [--files]. See tools/coverage."""
import argparse
import collections
import gzip
import json
import os
import subprocess
import sys
import tempfile


def reports(build):
    """gcov's JSON reports, in groups of object files."""
    data = [os.path.abspath(os.path.join(folder, n)) for folder, _, names in os.walk(build) for n in names
            if n.endswith(".gcda") and "/weft_" in folder + "/"]
    for i in range(0, len(data), 50):
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run(["gcov", "--json-format", "--preserve-paths", *data[i:i + 50]], cwd=scratch, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for name in os.listdir(scratch):
                with gzip.open(os.path.join(scratch, name), "rt") as f:
                    yield json.load(f)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--least", type=float, default=0)
    parser.add_argument("--files", action="store_true")
    args = parser.parse_args()
    root = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src", "weft") + os.sep
    hit = collections.defaultdict(dict)  # file -> line -> was it run, by any of the object files
    for report in reports(args.build):
        for file in report["files"]:
            path = os.path.abspath(os.path.join(report["current_working_directory"], file["file"]))
            if not path.startswith(root):
                continue
            lines = hit[path[len(root):]]
            for line in file["lines"]:
                lines[line["line_number"]] = lines.get(line["line_number"], False) or line["count"] > 0
    total = collections.defaultdict(lambda: [0, 0])
    for file, lines in sorted(hit.items()):
        run, all_lines = sum(lines.values()), len(lines)
        if args.files:
            print(f"{100 * run / max(all_lines, 1):6.1f} %  {run:6} of {all_lines:6}  {file}")
        for key in (file.split(os.sep)[0], "all"):
            total[key][0] += run
            total[key][1] += all_lines
    if not total:
        sys.exit("no reports: was the build made with the coverage preset and were its tests run?")
    for key, (run, all_lines) in sorted(total.items(), key=lambda kv: kv[0] == "all"):
        print(f"{100 * run / all_lines:6.1f} %  {run:6} of {all_lines:6} lines  {key}")
    share = 100 * total["all"][0] / total["all"][1]
    if share < args.least:
        sys.exit(f"{share:.1f} % of the lines are run by tests; the bar is {args.least:g} %")


if __name__ == "__main__":
    main()
