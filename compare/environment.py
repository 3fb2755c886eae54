"""Where a peer runs: its virtual environment, what it takes on disk, how long its program is."""
import fnmatch
import os
import re
import subprocess
import sys


class Failed(Exception):
    """A peer that cannot be installed: the reason, one line."""


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no message"


def python_for(name, peer, table_folder, out, given):
    """The Python that a peer's job runs in: that of the environment given, or of one made in OUT/env; a peer without
    requirements has none of its own."""
    if "requirements" not in peer:
        return sys.executable
    if given:
        return os.path.join(given, "bin", "python")
    folder, wanted = os.path.join(out, "env", name), os.path.join(table_folder, peer["requirements"])
    python, stamp = os.path.join(folder, "bin", "python"), os.path.join(folder, "requirements.txt")
    with open(wanted, encoding="utf-8") as f:
        requirements = f.read()
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as f:
            if f.read() == requirements:
                return os.path.abspath(python)
    print(f"{name}: installing {', '.join(requirements.split())}", flush=True)
    for command in ([sys.executable, "-m", "venv", "--clear", folder],
                    [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted]):
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise Failed(f"not installed: {last_line(run.stderr or run.stdout)}")
    with open(stamp, "w", encoding="utf-8") as f:
        f.write(requirements)
    return os.path.abspath(python)


def size_of(path):
    """Bytes of a file or of all files below a folder."""
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(path) for name in names)


def shared_libraries(program):
    """Files of the libraries that a program loads, without those of C and C++, which every program has."""
    run = subprocess.run(["ldd", program], capture_output=True, text=True)
    paths = re.findall(r"=> (/\S+)", run.stdout)
    language = ("libc.so", "libm.so", "libstdc++", "libgcc_s", "libpthread", "libdl.so", "librt.so")
    return [p for p in paths if not os.path.basename(p).startswith(language)]


def installed(peer, python, places):
    """Bytes on disk: {"own": …, "accelerators": …}. Of a Python package, all that pip installed but pip itself, with
    the parts for accelerators apart; of a program, it and its libraries."""
    if "installed" in peer:
        files = [p.format(**places) for p in peer["installed"]]
        files = [f for f in files if os.path.exists(f)]
        return {"own": sum(size_of(f) for p in files for f in [p, *shared_libraries(p)]), "accelerators": 0}
    if "requirements" not in peer:
        return {"own": 0, "accelerators": 0}
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    folder = subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()
    total = {"own": 0, "accelerators": 0}
    for name in os.listdir(folder):
        if not fnmatch.fnmatch(name, "pip*"):
            extra = any(fnmatch.fnmatch(name, pattern) for pattern in peer.get("accelerators", []))
            total["accelerators" if extra else "own"] += size_of(os.path.join(folder, name))
    return total


def lines(peer, table_folder):
    """Lines of the peer's programs that are neither empty nor comment alone."""
    counts = {}
    for name in peer.get("programs", []):
        mark = "#" if name.endswith(".py") else "//"
        with open(os.path.join(table_folder, name), encoding="utf-8") as f:
            text = [line.strip() for line in f]
        counts[os.path.basename(name)] = sum(bool(line) and not line.startswith((mark, '"""')) for line in text)
    return counts
