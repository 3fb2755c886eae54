#!/usr/bin/env python3
"""Builds the outside project: `check.py package|subdirectory|symbols …`. Exit code 1 names what leaks or fails."""
import argparse
import os
import re
import shutil
import subprocess
import sys


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result.stdout


def cached(build, name):
    with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as f:
        found = re.search(rf"^{name}:\w+=(.*)$", f.read(), re.M)
    return found[1] if found else ""


def build_outside(args, name, *settings):
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "outside")
    folder = os.path.join(args.scratch, name)
    # The same flags as the build under test, so that ccache (where present) gives the same object files.
    build_type = cached(args.build, "CMAKE_BUILD_TYPE")
    flags = cached(args.build, "CMAKE_CXX_FLAGS_" + build_type.upper())
    ccache = shutil.which("ccache")
    launcher = [f"-DCMAKE_CXX_COMPILER_LAUNCHER={ccache}"] if ccache else []
    run(args.cmake, "-S", here, "-B", folder, "-G", cached(args.build, "CMAKE_GENERATOR"),
        f"-DCMAKE_BUILD_TYPE={build_type}", f"-DCMAKE_CXX_FLAGS_{build_type.upper()}={flags}",
        f"-DCMAKE_CXX_COMPILER={args.cxx}", *launcher, *settings)
    run(args.cmake, "--build", folder)
    print(run(os.path.join(folder, "outside")).strip())
    return folder


def package(args):
    prefix = os.path.join(args.scratch, "prefix")
    shutil.rmtree(prefix, ignore_errors=True)
    run(args.cmake, "--install", args.build, "--prefix", prefix)
    faults = []
    for folder, _, names in os.walk(prefix):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), prefix)
            if not re.match(r"include/weft/[\w/-]+\.h$|lib[\w/-]*/libweft\.\w|lib[\w/-]*/cmake/weft/weft[\w-]*\.cmake$|bin/weft$|"
                            r"share/doc/weft/LICENSE$", path):
                faults.append(f"installed {path}")
            if path.endswith(".cmake"):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    text = f.read()
                faults += [f"{path} names {p}" for p in (args.source, args.build) if p in text]
                faults += [f"{path} defines target {t}"
                           for t in re.findall(r"add_library\(([\w:]+)", text) if t != "weft::weft"]
    # The headers alone, from the installed folder: nothing of the repository is needed.
    include = os.path.join(prefix, "include")
    out = subprocess.run([args.cxx, "-std=c++20", f"-I{include}", "-x", "c++", "-M", "-"], capture_output=True, text=True,
                         input="#include <weft/weft.h>\n")
    faults += [out.stderr] if out.returncode else []
    faults += [f"the installed <weft/weft.h> reads {f}" for f in out.stdout.split()
               if f.startswith(args.source) and not f.startswith(include)]
    build_outside(args, "package", f"-Dweft_DIR={find(prefix, 'weftConfig.cmake')}")
    return faults


def find(root, name):
    return next(folder for folder, _, names in os.walk(root) if name in names)


def subdirectory(args):
    onednn = cached(args.build, "WEFT_ONEDNN")
    folder = build_outside(args, "subdirectory", f"-DWEFT_FROM={args.source}", f"-DWEFT_ONEDNN={onednn or 'ON'}")
    targets = run(args.cmake, "--build", folder, "--target", "help")
    made = set(re.findall(r"^(?:\.\.\. )?(weft\w*|test_\w+|\w*gtest\w*)(?::|$)", targets, re.M))
    return [f"add_subdirectory brings target {t}" for t in made if not re.match(r"weft(_\w+)?$", t)] + [
        f"add_subdirectory builds {t}" for t in ("weft_cli", "layer_tests") if t in made]


def symbols(args):
    faults = []
    for line in run("nm", "-D", "--defined-only", args.library).splitlines():
        name = line.split()[-1]
        shown = run("c++filt", name).strip() if name.startswith("_Z") and "4weft" not in name else name
        if "4weft" not in name and not name.startswith("weft_"):
            faults.append(f"the shared library exports {shown}")
    if len(run("nm", "-D", "--defined-only", args.library).splitlines()) < 100:
        faults.append("the shared library exports hardly anything")
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("check", choices=["package", "subdirectory", "symbols"])
    for name in ("source", "build", "scratch", "cmake", "cxx"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--library")
    args = parser.parse_args()
    faults = globals()[args.check](args)
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
