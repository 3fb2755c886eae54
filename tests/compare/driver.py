#!/usr/bin/env python3
"""compare/run with pretended peers: every number of the report comes from what the jobs print. driver.py ROOT"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = sys.argv.pop(1)
HERE = os.path.dirname(os.path.abspath(__file__))
ALL = ["steps", "train", "networks", "infer"]


def peer(title, step_ms, forms, **more):
    return {"title": title, "command": ["{python}", os.path.join(HERE, "fake_job.py"), str(step_ms)],
            "forms": {f: {"what": f, "default": True, "tasks": ALL} for f in forms}} | more


class Driver(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        with open(self.path("absent.txt"), "w", encoding="utf-8") as f:
            f.write("./no-such-package\n")
        table = {"own": peer("Own", 2.5, ["fast"]), "other": peer("Other", 10, ["slow", "broken"]),
                 "absent": peer("Absent", 1, ["any"], requirements="absent.txt"),
                 "missing": peer("Missing", 1, ["any"], command=["{table}/no-such-program"])}
        with open(self.path("table.json"), "w", encoding="utf-8") as f:
            json.dump(table, f)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run_driver(self, *arguments):
        command = [sys.executable, os.path.join(ROOT, "compare", "run"), "--table", self.path("table.json"), "--out",
                   self.path("out"), *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    def report(self, name="comparison.md"):
        with open(os.path.join(self.path("out"), name), encoding="utf-8") as f:
            return f.read()

    def row(self, title, first, second):
        """The cells of a row of a table of the report, after its first two."""
        part = self.report().split(f"## {title}\n")[1].split("\n## ")[0]
        for line in part.splitlines():
            cells = [c.strip() for c in line.strip("|").split("|")]
            if cells[:2] == [first, second]:
                return cells[2:]
        self.fail(f"no row {first}, {second} in {title}:\n{part}")

    def test_numbers_are_those_of_the_jobs(self):
        run = self.run_driver("--quick", "--peers", "other,absent,missing")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertEqual(self.row("Accuracy and loss", "Own", "fast"), ["68.75 %", "0.625"])
        self.assertEqual(self.row("Time a step, tutorial CNN", "Own", "fast"), ["2.50", "1.00", "10.00", "1.00"])
        self.assertEqual(self.row("Time a step, tutorial CNN", "Other", "slow"), ["10.00", "4.00", "40.00", "4.00"])
        self.assertEqual(self.row("Training", "Other", "slow")[:2], ["200.0", "200.0"])
        self.assertEqual(self.row("Cold start", "Own", "fast"), ["0.25", "0.50", "1.00"])
        self.assertEqual(self.row("Other networks", "Other", "slow"), ["10.00"])
        self.assertEqual(self.row("Inference", "Own", "fast"), ["250"])
        self.assertEqual(self.row("The same job", "tutorial-cnn", "Other"), ["slow", "5.0e-04", "5.0e-04 of 2"])
        self.assertEqual(self.row("The same result for any number of threads", "Own", "fast")[:2], ["1, 2, 3", "yes"])
        self.assertEqual(self.row("The same result for any number of threads", "Other", "slow")[:2], ["1, 2, 3", "no"])
        # What could not be run is named, and stops nothing.
        gap = "| Other, broken: tutorial-cnn, steps | exit code 1: fake: this form never works |"
        self.assertIn(gap, self.report())
        self.assertRegex(self.report(), r"\| Absent \| not installed: .+ \|")
        self.assertRegex(self.report(), r"\| Missing, any: tutorial-cnn, steps \| .*no-such-program: No such file")
        html = self.report("comparison.html")
        for part in ("quick look", "68.75 %", "<svg", ">2.50<", "Own, fast"):
            self.assertIn(part, html)
        for part in ("<script", "http", "nan", "None"):
            self.assertNotIn(part, html)
        # The report alone, from the same results; a changed result changes it.
        first = self.report()
        self.assertEqual(self.run_driver("--report").returncode, 0)
        self.assertEqual(self.report(), first)
        results = os.path.join(self.path("out"), "results.jsonl")
        with open(results, encoding="utf-8") as f:
            text = f.read()
        with open(results, "w", encoding="utf-8") as f:
            f.write(text.replace('"accuracy": 0.6875', '"accuracy": 0.71'))
        self.run_driver("--report")
        self.assertEqual(self.row("Accuracy and loss", "Own", "fast"), ["71.00 %", "0.625"])

    def test_in_full_with_spread_and_every_seed(self):
        run = self.run_driver("--peers", "", "--seeds", "2", "--epochs", "2")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertEqual(self.row("Accuracy and loss", "Own", "fast"), ["68.75 ± 0.00 %", "0.625 ± 0.000"])
        self.assertEqual(self.row("Time a step, tutorial CNN", "Own", "fast")[0], "2.50 (2.50 … 2.50)")

    def test_bad_input_is_one_line_and_exit_code_2(self):
        for arguments, part in ((["--peers", "others"], "--peers: received 'others'; expected some of other"),
                                (["--epochs", "0"], "--epochs: received 0"),
                                (["--seeds", "-1"], "--seeds: received -1"),
                                (["--data-dir", "nowhere"], "--data-dir: nowhere is no folder"),
                                (["--env", "other"], "--env: received 'other'"),
                                (["--table", "nowhere.json"], "--table: nowhere.json cannot be read"),
                                (["--report"], "holds no results")):
            run = self.run_driver(*arguments)
            self.assertEqual(run.returncode, 2, arguments)
            self.assertIn(part, run.stderr)
            self.assertEqual(run.stderr.count("\n"), 1, run.stderr)

    def test_both_sides_define_the_same_networks(self):
        sys.path.insert(0, os.path.join(ROOT, "compare", "jobs"))
        from networks import NETWORKS, parameters
        with open(os.path.join(ROOT, "bench", "networks.cpp"), encoding="utf-8") as f:
            found = re.findall(r'\{"([\w-]+)", \d+, \{[\d, ]+\}, (\d+), ', f.read())
        peers = {name: parameters(layers) for name, layers in NETWORKS.items()}
        self.assertEqual({name: int(count) for name, count in found}, peers)

    def test_the_table_names_files_that_are_there(self):
        folder = os.path.join(ROOT, "compare")
        with open(os.path.join(folder, "peers.json"), encoding="utf-8") as f:
            table = json.load(f)
        for name, entry in table.items():
            for file in [*entry.get("programs", []), *[c for c in entry["command"] if c.endswith(".py")],
                         *([entry["requirements"]] if "requirements" in entry else [])]:
                path = os.path.join(folder, file)
                self.assertTrue(os.path.isfile(path), f"{name}: {path}")
                if path.endswith(".py"):
                    with open(path, encoding="utf-8") as f:
                        compile(f.read(), path, "exec")


if __name__ == "__main__":
    unittest.main()
