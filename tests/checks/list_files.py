# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Prints the files below a folder that match a pattern, sorted, one a line: list_files.py FOLDER PATTERN [--not PATTERN]..."""
import fnmatch
import pathlib
import sys

folder, pattern, *rest = sys.argv[1:]
excluded = [p for p in rest if p != "--not"]
root = pathlib.Path(folder)
for path in sorted(p.relative_to(root).as_posix() for p in root.rglob(pattern)):
    if not any(fnmatch.fnmatch(path, p) for p in excluded):
        print(path)
