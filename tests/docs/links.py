#!/usr/bin/env python3
"""Checks the relative links and pictures of README.md, CONTRIBUTING.md and docs/*.md, and the paths of the repository
that they name in backticks: links.py ROOT."""
import glob
import os
import re
import sys

root = sys.argv[1]
pages = [os.path.join(root, n) for n in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
pages = [p for p in pages if os.path.exists(p)] + sorted(glob.glob(os.path.join(root, "docs", "*.md")))


def anchors(page):
    with open(page, encoding="utf-8") as f:
        titles = re.findall(r"^#+ (.*)$", f.read(), re.M)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


# A word in backticks is such a path where its first folder is one of these.
tops = {n: root for n in ("bench", "cli", "cmake", "docs", "examples", "src", "tests", "tools", ".ci")}
library = os.path.join(root, "src", "weft")
tops |= {n: library for n in os.listdir(library) if os.path.isdir(os.path.join(library, n))}


def missing_paths(text):
    """Paths in backticks that lead nowhere; `<family>` and `*` stand for any name."""
    for code in re.findall(r"`([^`\n]+)`", text):
        for word in code.split():
            first, slash, _ = word.partition("/")
            if slash and first in tops and not glob.glob(os.path.join(tops[first], re.sub(r"<\w+>", "*", word))):
                yield word


faults = 0
for page in pages:
    with open(page, encoding="utf-8") as f:
        text = re.sub(r"```.*?```", "", f.read(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(file) or anchor and file.endswith(".md") and anchor not in anchors(file):
            print(f"{os.path.relpath(page, root)}: link to {target} leads nowhere")
            faults += 1
    for path in missing_paths(text):
        print(f"{os.path.relpath(page, root)}: `{path}` is not in the repository")
        faults += 1
print(f"{len(pages)} pages, {faults} broken links and paths")
sys.exit(1 if faults else 0)
