# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""coverage.py LCOV INCLUDE MISSED: a table of the lines of INCLUDE that were run; MISSED becomes the list of the others.

A line counts once, however many programs have a copy of it, and as run if any copy of it was.
"""
import collections
import pathlib
import sys

lcov, include, missed = sys.argv[1:4]
root = pathlib.Path(include)
hits = collections.defaultdict(lambda: collections.defaultdict(int))
path = None
for line in open(lcov, encoding="utf-8"):
    if line.startswith("SF:"):
        path = pathlib.Path(line[3:].strip())
        path = path.relative_to(root).as_posix() if path.is_relative_to(root) else None
    elif line.startswith("DA:") and path:
        number, count = line[3:].split(",")[:2]
        hits[path][int(number)] += int(count)

total = run = 0
with open(missed, "w", encoding="utf-8") as out:
    for path in sorted(hits):
        lines = hits[path]
        covered = sum(1 for n in lines.values() if n)
        total += len(lines)
        run += covered
        print(f"{100 * covered / len(lines):6.1f} % of {len(lines):4} lines  {path}")
        source = (root / path).read_text().splitlines()
        for number in sorted(n for n, count in lines.items() if not count):
            out.write(f"{path}:{number}: {source[number - 1].strip()}\n")
share = 100 * run / total
print(f"{total - run} of {total} lines are not run, see {missed}\n{share:.2f} % of the lines of include/ are run")
sys.exit(0 if share >= 95 else 1)
