#!/usr/bin/env python3
"""README.md shows the examples as they are: examples.py ROOT. `--write` puts the files' text into the page."""
import os
import re
import sys

root, write = sys.argv[1], "--write" in sys.argv
page = os.path.join(root, "README.md")
with open(page, encoding="utf-8") as f:
    text = f.read()

shown = text
for name in sorted(os.listdir(os.path.join(root, "examples"))):
    with open(os.path.join(root, "examples", name), encoding="utf-8") as f:
        code = f.read()
    # The first block after the link to the file.
    block = re.compile(r"(\(examples/" + re.escape(name) + r"\).*?\n```cpp[^\n]*\n)(.*?)(```\n)", re.S)
    shown, found = block.subn(lambda m: m[1] + code + m[3], shown, count=1)
    if not found:
        sys.exit(f"README.md: no link to examples/{name} with a code block after it")
if shown != text and not write:
    sys.exit("README.md shows other code than examples/: run tests/docs/examples.py . --write")
if write:
    with open(page, "w", encoding="utf-8") as f:
        f.write(shown)
