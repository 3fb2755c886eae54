#!/usr/bin/env python3
"""Runs an example on images that are easy to tell apart: run.py PROGRAM SOURCE.

It must end well, be right about nearly all test images, leave readable weights, and its source must stay short.
"""
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import zlib

SIZE = 32          # of an image
IMAGES = 20        # a class; data::open takes the last fifth of each as test images
LONGEST = 60       # lines of an example
SHADES = {"blue": (0, 0, 160), "green": (0, 160, 0), "red": (160, 0, 0), "white": (160, 160, 160)}


def png(path, shade):
    """Noise around one colour, as an 8-bit RGB file (www.w3.org/TR/png)."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = lambda: b"\0" + bytes(c + random.randrange(90) for _ in range(SIZE) for c in shade)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)))
        f.write(chunk(b"IDAT", zlib.compress(b"".join(row() for _ in range(SIZE)))) + chunk(b"IEND", b""))


def main():
    program, source = sys.argv[1:]
    with open(source, encoding="utf-8") as f:
        lines = len(f.readlines())
    if lines > LONGEST:
        sys.exit(f"{source}: {lines} lines; an example has at most {LONGEST}")
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        for name, shade in SHADES.items():
            os.makedirs(f"{folder}/images/{name}")
            for i in range(IMAGES):
                png(f"{folder}/images/{name}/{i:02}.png", shade)
        run = subprocess.run([program, "images"], cwd=folder, capture_output=True, text=True)
        print(run.stdout + run.stderr)
        if run.returncode:
            sys.exit(f"exit code {run.returncode}")
        figures = re.findall(r"test accuracy (\d\.\d+)", run.stdout)
        if not figures or float(figures[-1]) < 0.9:
            sys.exit("expected a test accuracy of at least 0.9 at the end")
        weights = [n for n in os.listdir(folder) if n.endswith(".safetensors")]
        if len(weights) != 1 or os.path.getsize(f"{folder}/{weights[0]}") < 100000:
            sys.exit(f"expected one file of weights, found {weights}")


if __name__ == "__main__":
    main()
