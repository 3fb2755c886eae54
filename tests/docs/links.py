#!/usr/bin/env python3
"""Checks the relative links and pictures of README.md, CONTRIBUTING.md and docs/*.md: links.py ROOT."""
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
print(f"{len(pages)} pages, {faults} broken links")
sys.exit(1 if faults else 0)
