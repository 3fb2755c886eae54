#!/usr/bin/env python3
"""Rules that the tree keeps. `lint.py RULE --root DIR --layers base,ir,…` prints each breach as path:line: text."""
import argparse
import os
import re
import subprocess
import sys

# A file may be longer than 700 lines for the reason given here.
LONG_FILES = {}
LIMIT = 700

# Public headers stay light (docs/DESIGN.md, Style).
HEAVY = {"iostream", "filesystem", "ranges", "chrono", "regex", "thread", "mutex", "random", "fstream", "sstream",
         "iomanip", "future", "condition_variable", "shared_mutex", "unordered_map", "unordered_set", "format"}
# Private headers that may include third-party ones, besides those of kernels/: the bridge between .cpp files.
BRIDGES = {"src/weft/io/json_values.h"}
THIRD_PARTY = re.compile(r"^(nlohmann/|fmt/|CLI/|curl/|dnnl|oneapi/|hwy/|archive|jpeglib|png\.h|zlib|openssl/|gtest/)")


def source_files(root):
    """Tracked and new files, relative to root: what git knows and does not ignore, else all but build folders."""
    try:
        out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], check=True,
                             capture_output=True, text=True).stdout.split("\n")
        files = [f for f in out if f]
    except (OSError, subprocess.CalledProcessError):
        files = []
        for folder, folders, names in os.walk(root):
            folders[:] = [d for d in folders if not d.startswith("build") and d not in (".git", "runs")]
            files += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(f for f in files if os.path.isfile(os.path.join(root, f)))


class Lint:
    def __init__(self, root, layers):
        self.root, self.layers, self.breaches = root, layers, 0
        self.files = source_files(root)
        self.cpp = [f for f in self.files if f.endswith((".h", ".cpp"))]
        self.library = [f for f in self.cpp if f.startswith("src/weft/")]

    def lines(self, file):
        with open(os.path.join(self.root, file), encoding="utf-8", errors="replace") as f:
            return f.read().splitlines()

    def code(self, file):
        """(number, line without // comment) of each line."""
        for number, line in enumerate(self.lines(file), 1):
            yield number, re.sub(r"//.*", "", line)

    def breach(self, file, number, text):
        print(f"{file}:{number}: {text}")
        self.breaches += 1

    def includes(self, file):
        for number, line in enumerate(self.lines(file), 1):
            if m := re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line):
                yield number, m[1], m[2]

    def rule_layers(self):
        """A folder includes only folders earlier in the list; src/ includes nothing by a relative path."""
        rank = {name: i for i, name in enumerate(self.layers)}
        for file in self.library:
            parts = file.split("/")
            if len(parts) < 4:
                continue  # the umbrella header
            if parts[2] not in rank:
                self.breach(file, 1, f"folder {parts[2]} is in no layer: add it to WEFT_LAYERS in cmake/layers.cmake")
                continue
            for number, quote, target in self.includes(file):
                if quote == '"' and target != "hwy/foreach_target.h":
                    self.breach(file, number, f'#include "{target}": write <weft/…>')
                if not target.startswith("weft/"):
                    continue
                other = target.split("/")[1]
                if other == "weft.h" or rank.get(other, -1) > rank[parts[2]]:
                    self.breach(file, number, f"layer {parts[2]} includes <{target}> of a later layer")
                if not os.path.exists(os.path.join(self.root, "src", target)):
                    self.breach(file, number, f"no such header: <{target}>")

    def public_headers(self):
        out = subprocess.run(["cmake", "-DSRC=" + os.path.join(self.root, "src"), "-P",
                              os.path.join(self.root, "cmake/public-headers.cmake")],
                             check=True, capture_output=True, text=True).stdout.split()
        return ["src/" + h for h in out]

    def rule_headers(self):
        """Headers: #pragma once, no `using namespace`; public ones: no heavy or third-party header, no macro."""
        public = set(self.public_headers())
        if len(public) < 10:
            self.breach("cmake/public-headers.cmake", 1, "found hardly any public header")
        for file in self.library:
            if not file.endswith(".h"):
                continue
            text = self.lines(file)
            if not file.endswith("-inl.h") and "#pragma once" not in text:
                self.breach(file, 1, "no #pragma once")
            for number, line in self.code(file):
                if re.match(r"\s*using namespace ", line) and not (
                        file.startswith("src/weft/opdefs/") and "weft::math" in line or file.endswith("-inl.h")):
                    self.breach(file, number, "`using namespace` in a header")
                if m := re.match(r"\s*#\s*define\s+(\w+)", line):
                    if not m[1].startswith("WEFT_") and not m[1].startswith("HWY_"):
                        self.breach(file, number, f"macro {m[1]} without the WEFT_ prefix")
                    elif file in public and f"#undef {m[1]}" not in "\n".join(text):
                        self.breach(file, number, f"macro {m[1]} is left defined by a public header")
            for number, _, target in self.includes(file):
                bridge = file in BRIDGES or file.startswith("src/weft/kernels/")
                if THIRD_PARTY.match(target) and (file in public or not bridge):
                    self.breach(file, number, f"third-party <{target}> in a header: only .cpp files include it")
                if file in public and target in HEAVY:
                    self.breach(file, number, f"heavy <{target}> in a public header")

    def rule_sources(self):
        """Threads start in the pool and the loader alone; no output from the library's depths."""
        for file in self.library:
            folder = file.split("/")[2]
            for number, line in self.code(file):
                if folder not in ("base", "data") and re.search(r"\bstd::(j?thread|async)\b(?!::)", line):
                    self.breach(file, number, "a thread outside base/ and data/: use parallel_for")
                if re.search(r"#\s*pragma\s+omp\s+(?!.*\bsimd\b)", line):
                    self.breach(file, number, "OpenMP team")
                if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                    self.breach(file, number, "unfinished")
        for file in self.cpp:
            for number, line in enumerate(self.lines(file), 1):
                if re.search(r"\b(TODO|FIXME)\b", line):
                    self.breach(file, number, "unfinished")

    def rule_scripts(self):
        """No file is compiled for one machine: kernels choose at run time. Shell scripts parse and stop at errors."""
        for file in self.files:
            if file.endswith(("CMakeLists.txt", ".cmake", "CMakePresets.json")):
                for number, line in enumerate(self.lines(file), 1):
                    if re.search(r"-m(arch|tune|cpu|avx|sse|fma)|-ffast-math|-fopenmp", line.split("#")[0]):
                        self.breach(file, number, "a flag that changes results or needs one machine")
            path = os.path.join(self.root, file)
            with open(path, "rb") as f:
                if not f.readline().startswith((b"#!/usr/bin/env bash", b"#!/bin/bash", b"#!/bin/sh")):
                    continue
            if not os.access(path, os.X_OK):
                self.breach(file, 1, "a script that cannot be run: chmod +x")
            if subprocess.run(["bash", "-n", path]).returncode:
                self.breach(file, 1, "bash -n finds an error")
            if not re.search(r"^set -[a-z]*e", "\n".join(self.lines(file)), re.M):
                self.breach(file, 1, "no `set -e`")

    def rule_lengths(self):
        """No file over 700 lines without a reason in LONG_FILES."""
        for file in self.cpp + [f for f in self.files if f.endswith((".py", ".js", ".cmake"))]:
            n = len(self.lines(file))
            if n > LIMIT and file not in LONG_FILES:
                self.breach(file, n, f"{n} lines; at most {LIMIT}")

    def rule_paths(self):
        """No path of some machine, no package mirror, no large file."""
        # Spelled in pieces, so that this file keeps its own rule.
        machine = re.compile(r"(?<![A-Za-z0-9_.~}-])/(" + "|".join(["wo" + "rk", "fa" + "rm", "ro" + "ot", "ho" + "me"])
                             + r")/|/tmp/(w|bash_jobs)\b|mirror\.|deb\.deb" + r"ian\.org|pypi\.or" + "g")
        for file in self.files:
            size = os.path.getsize(os.path.join(self.root, file))
            if size > 1 << 20:
                self.breach(file, 1, f"{size} bytes: no large file in the repository")
            if file.endswith((".png", ".jpg", ".npz")):
                continue
            for number, line in enumerate(self.lines(file), 1):
                if machine.search(line):
                    self.breach(file, number, "a path of one machine or a package mirror: " + line.strip()[:80])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rule")
    parser.add_argument("--root", required=True)
    parser.add_argument("--layers", required=True)
    args = parser.parse_args()
    lint = Lint(args.root, args.layers.split(","))
    getattr(lint, "rule_" + args.rule)()
    print(f"{args.rule}: {lint.breaches} breaches in {len(lint.files)} files")
    return 1 if lint.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
