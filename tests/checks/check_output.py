# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Runs the demo and compares what it prints with the README, port numbers aside: check_output.py PROGRAM README."""
import difflib
import pathlib
import re
import subprocess
import sys


def without_port(text):
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)


done = subprocess.run([sys.argv[1]], capture_output=True, text=True, timeout=60)
printed = without_port(done.stdout)
shown = re.search(r"^```\n(server .*?)```$", pathlib.Path(sys.argv[2]).read_text(), re.M | re.S)
expected = without_port(shown[1]) if shown else "README.md shows no output that begins with 'server'"
sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), printed.splitlines(True), "expected", "printed"))
print(done.stderr, end="")
sys.exit(done.returncode != 0 or printed != expected)
