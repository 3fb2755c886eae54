#!/usr/bin/env python3
"""tools/perf-diff with programs that write benchmarks of known times. perf_diff.py ROOT"""
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = sys.argv.pop(1)
PROGRAM = """#!{python}
import json, sys
given = dict(a.split("=", 1) for a in sys.argv[1:])
with open({log!r}, "a") as f:
    f.write({name!r})
with open(given["--benchmark_out"], "w") as f:
    wanted = given.get("--benchmark_filter", "")
    json.dump({{"benchmarks": [b for b in {benchmarks!r} if wanted in b["name"]]}}, f)
"""


class PerfDiff(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.log = self.path("log")
        self.write("old", "A", [("step/a/real_time", 20, "ms"), ("step/b/real_time", 4000, "us"), ("gone", 1, "ms")])
        self.write("new/bench/bench_steps", "B", [("step/a/real_time", 10, "ms"), ("step/b/real_time", 5, "ms")])

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, letter, rows):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        benchmarks = [{"name": n, "real_time": t, "time_unit": unit} for n, t, unit in rows]
        with open(path, "w", encoding="utf-8") as f:
            f.write(PROGRAM.format(python=sys.executable, log=self.log, name=letter, benchmarks=benchmarks))
        os.chmod(path, 0o755)

    def run_diff(self, *arguments):
        command = [sys.executable, os.path.join(ROOT, "tools", "perf-diff"), *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    def test_prints_paired_ratios_of_runs_in_turn(self):
        run = self.run_diff("--rounds", "4", self.path("old"), self.path("new"))  # a program, and a build folder
        self.assertEqual(run.returncode, 0, run.stderr)
        with open(self.log, encoding="utf-8") as f:
            self.assertEqual(f.read(), "ABBAABBA")
        rows = {line.split()[0]: line for line in run.stdout.splitlines()[1:]}
        self.assertIn("0.500  (0.500 … 0.500)", rows["step/a"])
        self.assertIn("1.250  (1.250 … 1.250)", rows["step/b"])
        self.assertIn("left out: 1 benchmarks that only OLD has, 0 that only NEW has", run.stdout)

    def test_arguments_behind_two_dashes_are_the_programs(self):
        run = self.run_diff(self.path("old"), self.path("new"), "--", "--benchmark_filter=step/b")
        self.assertNotIn("step/a", run.stdout)
        self.assertIn("step/b", run.stdout)

    def test_bad_input_is_one_line_and_exit_code_2(self):
        both = [self.path("old"), self.path("new")]
        for arguments, part in (([self.path("absent"), self.path("new")], "absent is missing"),
                                (["--rounds", "0", *both], "--rounds: received 0"),
                                ([*both, "--", "--benchmark_filter=none"], "no benchmark in common"),
                                (["/bin/false", self.path("new")], "ended with 1")):
            run = self.run_diff(*arguments)
            self.assertEqual(run.returncode, 2, arguments)
            self.assertIn(part, run.stderr)
            self.assertTrue(run.stderr.splitlines()[-1].startswith("perf-diff: "), run.stderr)


if __name__ == "__main__":
    unittest.main()
