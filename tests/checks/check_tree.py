# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""What the build files list is what the folders hold, and the version is one version."""
import argparse
import pathlib
import re
import sys

parser = argparse.ArgumentParser()
parser.add_argument("root", type=pathlib.Path)
parser.add_argument("version")
parser.add_argument("--tests", nargs="*", default=[])
parser.add_argument("--headers", nargs="*", default=[])
parser.add_argument("--examples", nargs="*", default=[])
arguments = parser.parse_args()
root = arguments.root
problems = []
notes = []


def compare(what, listed, found):
    problems.extend(f"{what}: {name} is in the folder, but not in the build" for name in sorted(found - listed))
    problems.extend(f"{what}: {name} is in the build, but not in the folder" for name in sorted(listed - found))


unit = root / "tests/unit"
compare("tests/unit/meson.build", set(arguments.tests), {p.relative_to(unit).as_posix() for p in unit.rglob("*_test.cpp")})
include = root / "include"
headers = {p.relative_to(include).as_posix() for p in include.rglob("*.hpp")}
headers = {h for h in headers if not h.endswith("/src.hpp") and "/impl/" not in h and not h.startswith("flipt/grpc/")}
compare("standalone (run `meson setup --reconfigure`)", set(arguments.headers), headers)

numbers = dict(re.findall(r"#define FLIPT_VERSION(\w*) (\S+)", (include / "flipt/version.hpp").read_text()))
if numbers[""].strip('"') != arguments.version:
    problems.append(f"version.hpp says {numbers['']}, meson.build says {arguments.version}")
changelog = (root / "CHANGELOG.md").read_text()
if not re.search(rf"^## \[?{re.escape(arguments.version)}\b", changelog, re.M):
    problems.append(f"CHANGELOG.md has no entry for {arguments.version}")

compare("examples/meson.build", set(arguments.examples), {p.stem for p in (root / "examples").glob("*.cpp")})
readme = (root / "README.md").read_text()
intro = (root / "examples/intro.cpp").read_text().split("\n", 3)[3]
if f"```cpp\n{intro}```" not in readme:
    problems.append("README.md does not show examples/intro.cpp as it is")



def closure(names, pattern):
    """What these files include, directly or not, of what matches the pattern."""
    reached, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name not in reached and (include / name).exists():
            reached.add(name)
            todo += re.findall(pattern, (include / name).read_text(), re.M)
    return reached


if (include / "flipt/flipt.hpp").exists():
    reached = closure(["flipt/flipt.hpp"], r'^#include "(flipt/[^"]+)"')
    public = {h for h in headers if re.match(r"flipt/(types|token|live)/|flipt/(client|version)\.hpp$", h)}
    problems.extend(f"flipt/flipt.hpp does not reach {name}" for name in sorted(public - reached))
sources = [p.relative_to(include).as_posix() for p in include.rglob("src.hpp")]
if sources:
    bodies = {p.relative_to(include).as_posix() for p in include.rglob("*.ipp")}
    included = closure(sources, r'^#include "(flipt/[^"]+\.[hi]pp)"')
    problems.extend(f"no src.hpp includes {name}" for name in sorted(bodies - included))

for path in sorted(p for folder in ("include", "tests", "examples", "benchmarks") for p in (root / folder).rglob("*")):
    if path.suffix not in (".hpp", ".ipp", ".cpp", ".py", ".build"):
        continue
    lines = path.read_text().splitlines()
    name = path.relative_to(root)
    if len(lines) < 2 or "SPDX-FileCopyrightText: the flipt-cpp authors" not in lines[0] + lines[1]:
        problems.append(f"{name}: does not begin with the SPDX lines")
    if path.suffix == ".hpp" and "#pragma once" not in lines:
        problems.append(f"{name}: no #pragma once")
    if path.is_relative_to(include) and len(lines) > 450:
        (problems if len(lines) > 600 else notes).append(f"{name}: {len(lines)} lines, 450 should be enough")

print("\n".join(notes))
print("\n".join(problems) or f"{len(headers)} headers, {len(arguments.tests)} test files, version {arguments.version}")
sys.exit(1 if problems else 0)
