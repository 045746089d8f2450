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

umbrella = include / "flipt/flipt.hpp"
if umbrella.exists():
    # Reached by the umbrella, directly or not: every header but those that must be asked for.
    reached, todo = set(), ["flipt/flipt.hpp"]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += re.findall(r'^#include "(flipt/[^"]+\.hpp)"', (include / name).read_text(), re.M)
    missing = {h for h in headers - reached if not h.startswith("flipt/testing/") and h != "flipt/fwd.hpp"}
    problems.extend(f"flipt/flipt.hpp does not reach {name}" for name in sorted(missing))

bodies = {p.relative_to(include).as_posix() for p in include.rglob("*.ipp")}
sources = list(include.rglob("src.hpp"))
if sources:
    included = {n for p in sources for n in re.findall(r'^#include "([^"]+\.ipp)"', p.read_text(), re.M)}
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
        problems.append(f"{name}: {len(lines)} lines, the ceiling is 450")

print("\n".join(problems) or f"{len(headers)} headers, {len(arguments.tests)} test files, version {arguments.version}")
sys.exit(1 if problems else 0)
