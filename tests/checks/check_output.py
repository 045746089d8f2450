# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Runs an example and compares what it prints with the README's block, or with its source's `// Prints:`, port numbers
aside: check_output.py PROGRAM README|SOURCE."""
import difflib
import pathlib
import re
import subprocess
import sys


def without_port(text):
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)


def shown(path):
    text = path.read_text()
    if path.suffix == ".cpp":
        found = re.search(r"^// Prints:\n((?://     .*\n)+)", text, re.M)
        return re.sub(r"^//     ", "", found[1], flags=re.M) if found else f"{path.name} has no `// Prints:`"
    found = re.search(r"^```\n(server .*?)```$", text, re.M | re.S)
    return found[1] if found else f"{path.name} shows no output that begins with 'server'"


done = subprocess.run([sys.argv[1]], capture_output=True, text=True, timeout=60)
printed = without_port(done.stdout)
expected = without_port(shown(pathlib.Path(sys.argv[2])))
sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), printed.splitlines(True), "expected", "printed"))
print(done.stderr, end="")
sys.exit(done.returncode != 0 or printed != expected)
