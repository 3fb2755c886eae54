#!/usr/bin/env python3
"""bench/growth.py on invented measurements: which steps are cliffs, what the table and the drawing hold. growth.py ROOT"""
import os
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

SCRIPT = os.path.join(sys.argv.pop(), "bench", "growth.py")
HEAD = "width,threads,batch,median_us,least_us,cpu_us\n"


class Growth(unittest.TestCase):
    def run_on(self, rows, *arguments):
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
            f.write(HEAD + rows)
            f.flush()
            return subprocess.run([sys.executable, SCRIPT, f.name, *arguments], capture_output=True, text=True)

    def test_a_rise_of_over_a_fifth_is_a_cliff(self):
        out = self.run_on("1,1,1,100,90\n1,1,2,119,90\n1,1,3,150,120\n1,2,1,10,10\n1,2,2,9,9\n").stdout
        self.assertIn("cliff: width 1, 1 threads, batch 2 to 3: +26 %\n", out)
        self.assertEqual(out.count("cliff"), 1, "19 % is none, nor is a fall, nor the step to another series")

    def test_a_rise_that_the_least_times_lack_is_doubted(self):
        self.assertIn("+50 % (of the least times +0 %: perhaps the machine)",
                      self.run_on("2,1,1,100,90\n2,1,2,150,90\n").stdout)

    def test_order_of_rows_does_not_matter_and_the_bar_can_be_set(self):
        rows = "1,1,4,130,130\n1,1,1,100,100\n1,1,2,90,90\n"
        self.assertIn("batch 2 to 4: +44 %", self.run_on(rows).stdout)
        self.assertIn("no cliff", self.run_on(rows, "--bar", "0.5").stdout)

    def test_the_processors_time_can_be_taken_instead(self):
        rows = "1,1,1,100,90,70\n1,1,2,150,140,75\n"
        self.assertIn("batch 1 to 2: +50 %", self.run_on(rows).stdout)
        self.assertIn("no cliff", self.run_on(rows, "--clock", "cpu").stdout)

    def test_table_and_drawing(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "growth.svg")
            out = self.run_on("1,1,1,100,90\n1,1,2,80,70\n8,2,1,1000,900\n", "--svg", path).stdout
            drawing = xml.dom.minidom.parse(path)
        self.assertIn("| batch | width 1, 1 thread | width 8, 2 threads |\n", out)
        self.assertIn("| 2 | 80.0 |  |\n", out)
        lines = [e.getAttribute("points").split() for e in drawing.getElementsByTagName("polyline")]
        self.assertEqual([len(points) for points in lines], [2, 1])
        first, second = (float(point.split(",")[1]) for point in lines[0])
        self.assertLess(first, second, "a smaller cost stands lower")

    def test_an_empty_file_is_refused(self):
        result = self.run_on("")
        self.assertEqual(result.returncode, 2)
        self.assertIn("holds no measurement", result.stderr)


unittest.main()
