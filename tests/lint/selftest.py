#!/usr/bin/env python3
"""Checks that lint.py finds what it is there to find: a small tree with one breach of each kind. selftest.py ROOT."""
import os
import subprocess
import sys
import tempfile

root = sys.argv[1]
lint = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lint.py")
# rule -> (file, text, what lint must print)
HEADER = "#pragma once\n"
BREACHES = {
    "layers": [("src/weft/base/up.cpp", "#include <weft/ops/ops.h>\n", "later layer"),
               ("src/weft/strange/x.cpp", "", "in no layer"),
               ("src/weft/ops/quote.cpp", '#include "ops.h"\n', "write <weft/")],
    "headers": [("src/weft/base/bare.h", "int x;\n", "no #pragma once"),
                ("src/weft/nn/using.h", HEADER + "using namespace std;\n", "`using namespace`"),
                ("src/weft/nn/macro.h", HEADER + "#define LOUD 1\n", "WEFT_ prefix"),
                ("src/weft/nn/json.h", HEADER + "#include <nlohmann/json.hpp>\n", "third-party"),
                ("src/weft/weft.h", HEADER + "#include <iostream>\n#include <weft/base/kept.h>\n", "heavy <iostream>"),
                ("src/weft/base/kept.h", HEADER + "#define WEFT_KEPT 1\n", "left defined")],
    "sources": [("src/weft/nn/thread.cpp", "std::" + "thread t;\n", "a thread outside"),
                ("src/weft/nn/omp.cpp", "#pragma omp parallel for\n", "OpenMP"),
                ("src/weft/nn/todo.cpp", "// TO" + "DO\n", "unfinished")],
    "scripts": [("CMakeLists.txt", "add_compile_options(-march" + "=native)\n", "needs one machine"),
                ("tool", "#!/usr/bin/env bash\necho\n", "chmod +x")],
    "lengths": [("src/weft/nn/long.cpp", "\n" * 701, "at most 700")],
    "paths": [("notes.md", "see /ro" + "ot/x\n", "a path of one machine")],
}

failed = 0
for rule, breaches in BREACHES.items():
    with tempfile.TemporaryDirectory() as tree:
        os.makedirs(os.path.join(tree, "cmake"))
        with open(os.path.join(root, "cmake", "public-headers.cmake"), encoding="utf-8") as f:
            script = f.read()
        with open(os.path.join(tree, "cmake", "public-headers.cmake"), "w", encoding="utf-8") as f:
            f.write(script)
        for file, text, _ in breaches:
            path = os.path.join(tree, file)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        result = subprocess.run([sys.executable, lint, rule, "--root", tree, "--layers", "base,ops,nn"],
                                capture_output=True, text=True)
        for file, _, expected in breaches:
            found = any(line.startswith(file + ":") and expected in line for line in result.stdout.splitlines())
            if result.returncode != 1 or not found:
                print(f"{rule}: nothing found in {file}; expected '{expected}'\n{result.stdout}{result.stderr}")
                failed += 1
sys.exit(1 if failed else 0)
