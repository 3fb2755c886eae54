#!/usr/bin/env python3
"""Commands that the pages show exist and have the options that they are given: commands.py WEFT ROOT.

A command is a line of an indented block, or code in backticks, that begins with `weft` or `build/weft`. Every command of
`weft` is on the page docs/command-line.md.
"""
import functools
import glob
import os
import re
import subprocess
import sys

weft, root = sys.argv[1:]


@functools.lru_cache(maxsize=None)
def known(command):
    """(subcommands, options) of a command, a tuple of words; none for one that does not exist."""
    run = subprocess.run([weft, *command, "--help"], capture_output=True, text=True)
    if run.returncode:
        return None
    _, _, listed = run.stdout.partition("Subcommands:")
    return set(re.findall(r"^  (\w+)", listed, re.M)), set(re.findall(r"--[a-z][a-z-]*", run.stdout))


def fault(words):
    """What is wrong with a command line, or None."""
    command = ()
    while words and words[0] in known(command)[0]:
        command, words = command + (words[0],), words[1:]
    if not command and words and not words[0].startswith("-"):
        return f"no command '{words[0]}'"
    unknown = [w for w in words if re.match(r"--[a-z]", w) and w.split("=")[0] not in known(command)[1]]
    return f"{' '.join(command)} has no {', '.join(unknown)}" if unknown else None


faults = shown = 0
pages = [os.path.join(root, n) for n in ("README.md", "CONTRIBUTING.md")]
pages += sorted(glob.glob(os.path.join(root, "docs", "*.md")))
for page in pages:
    if page.endswith("DESIGN.md"):
        continue  # it also says what is to come
    with open(page, encoding="utf-8") as f:
        text = re.sub(r"```.*?```", "", f.read(), flags=re.S)
    lines = re.findall(r"^    (?:build/)?weft +([^#\n]*)", text, re.M)
    for line in lines + re.findall(r"`(?:build/)?weft +([^`]*)`", text):
        shown += 1
        if problem := fault(line.split()):
            print(f"{os.path.relpath(page, root)}: weft {line}: {problem}")
            faults += 1
with open(os.path.join(root, "docs", "command-line.md"), encoding="utf-8") as f:
    page = f.read()
for command in sorted(known(())[0]):
    if f"\n    weft {command}" not in page and f'"$(weft {command}' not in page:
        print(f"docs/command-line.md: no example of weft {command}")
        faults += 1
print(f"{shown} commands, {faults} faults")
sys.exit(1 if faults else 0)
