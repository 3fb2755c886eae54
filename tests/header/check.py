#!/usr/bin/env python3
"""Checks of the public headers with the compiler itself: `check.py alone|closure|macros --src DIR --cxx g++`.

closure and macros compare <weft/weft.h> with the standard headers that it names, included alone: whatever else it
brings must be Weft's own files, and no macro at all.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

STANDARD = set("""algorithm array atomic bit cmath compare complex concepts cstddef cstdint cstring exception functional
initializer_list iterator limits map memory new numeric optional set span string string_view tuple type_traits utility
variant vector""".split())


def run(command, text=""):
    return subprocess.run(command, input=text, capture_output=True, text=True)


class Headers:
    def __init__(self, args):
        self.src, self.cxx = os.path.abspath(args.src), args.cxx
        script = os.path.join(self.src, "..", "cmake", "public-headers.cmake")
        self.public = run([args.cmake, "-DSRC=" + self.src, "-P", script]).stdout.split()
        assert len(self.public) > 10, "found hardly any public header"

    def compile(self, text, *flags):
        return run([self.cxx, "-std=c++20", "-I" + self.src, "-x", "c++", *flags, "-"], text)

    def standard(self):
        """{standard header: the public header that names it}"""
        named = {}
        for header in self.public:
            with open(os.path.join(self.src, header), encoding="utf-8") as f:
                for target in re.findall(r"^#\s*include <([^>]+)>", f.read(), re.M):
                    if not target.startswith("weft/"):
                        named.setdefault(target, header)
        return named

    def standard_text(self):
        return "".join(f"#include <{h}>\n" for h in sorted(self.standard()))

    def alone(self):
        def one(header):
            return header, self.compile(f"#include <{header}>\n#include <{header}>\n", "-fsyntax-only", "-Wall", "-Wpedantic",
                                        "-Wextra", "-Werror")
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for header, result in pool.map(one, self.public):
                if result.returncode:
                    yield f"{header} does not compile alone:\n{result.stderr}"

    def files(self, text):
        out = self.compile(text, "-M").stdout.replace("\\\n", " ").split()[1:]
        return {os.path.realpath(f) for f in out if f != "-"}

    def closure(self):
        for header, user in self.standard().items():
            if header not in STANDARD:
                yield f"{user} includes <{header}>, which is not on the list of light standard headers"
        own = os.path.realpath(os.path.join(self.src, "weft")) + os.sep
        for file in sorted(self.files("#include <weft/weft.h>\n") - self.files(self.standard_text())):
            if not file.startswith(own):
                yield f"<weft/weft.h> brings {file}"

    def names(self, text):
        out = self.compile(text, "-dM", "-E").stdout
        return set(re.findall(r"^#define (\w+)", out, re.M))

    def macros(self):
        text = "".join(f"#include <{h}>\n" for h in self.public)
        for name in sorted(self.names(text) - self.names(self.standard_text())):
            yield f"the public headers leave macro {name} defined"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("check", choices=["alone", "closure", "macros"])
    parser.add_argument("--src", required=True)
    parser.add_argument("--cxx", default="g++")
    parser.add_argument("--cmake", default="cmake")
    args = parser.parse_args()
    headers = Headers(args)
    faults = list(getattr(headers, args.check)())
    print("\n".join(faults))
    print(f"{args.check}: {len(faults)} faults in {len(headers.public)} public headers")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
