#!/usr/bin/env python3
# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""What including the library costs a user's compiler: processor seconds, memory, size of the object.

A file with nothing but `#include "flipt/flipt.hpp"`, header-only and with FLIPT_SEPARATE_COMPILATION, against a file with
the Asio headers that flipt.hpp reaches, and nothing else. The three take turns; ratios are taken within a round.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

import harness

include = harness.root / "include"


def closure(header, separate, asio, seen):
    """The Asio headers that `header` includes, directly or through headers of ours."""
    if header in seen:
        return
    seen.add(header)
    skip = False
    for line in (include / header).read_text().splitlines():
        if re.match(r"#if(def| defined\()\s*\(?FLIPT_HEADER_ONLY", line):
            skip = separate
        elif line.startswith(("#endif", "#else")):
            skip = False
        if skip:
            continue
        ours = re.match(r'#include "(flipt/[^"]+)"', line)
        theirs = re.match(r"#include <(asio/[^>]+)>", line)
        if ours:
            closure(ours[1], separate, asio, seen)
        elif theirs:
            asio.add(theirs[1])


def compile_once(compiler, source, out, flags):
    command = [*compiler, "-std=c++20", "-O2", "-DASIO_STANDALONE", f"-I{include}", *flags, "-c", str(source), "-o",
               str(out)]
    pid = os.spawnvp(os.P_NOWAIT, command[0], command)
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise RuntimeError(" ".join(command))
    return {"seconds": usage.ru_utime + usage.ru_stime, "megabytes": usage.ru_maxrss / 1024,
            "object_kb": out.stat().st_size / 1024}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--report", action="store_true", help="say where GCC's time goes, and which headers there are")
    arguments = parser.parse_args()
    compiler = arguments.compiler.split()
    asio = set()
    closure("flipt/flipt.hpp", True, asio, set())
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        (work / "empty.cpp").write_text("int nothing;\n")
        (work / "asio.cpp").write_text("".join(f"#include <{h}>\n" for h in sorted(asio)))
        (work / "flipt.cpp").write_text('#include "flipt/flipt.hpp"\n')
        separate = ["-DFLIPT_SEPARATE_COMPILATION"]
        cases = {
            "asio": (f"the {len(asio)} Asio headers it uses, alone", work / "asio.cpp", []),
            "separate": ("flipt.hpp, FLIPT_SEPARATE_COMPILATION", work / "flipt.cpp", separate),
            "header_only": ("flipt.hpp, header-only", work / "flipt.cpp", []),
            "asio+": ("", work / "asio.cpp", []),
            "intro_separate": ("examples/intro.cpp, FLIPT_SEPARATE_COMPILATION", harness.root / "examples/intro.cpp",
                               separate),
            "intro": ("examples/intro.cpp, header-only", harness.root / "examples/intro.cpp", []),
        }
        if arguments.report:
            return report(compiler, work, separate)
        said = {key: [] for key in cases}
        for number in range(arguments.rounds):
            for key, (_, source, flags) in cases.items():
                print(f"\rcompiling, round {number + 1} of {arguments.rounds}, {key:<16}", end="", file=sys.stderr,
                      flush=True)
                # Noise only adds, and is largest where there is least to do.
                times = 4 if key in ("asio", "asio+", "separate") else 1
                said[key].append(min((compile_once(compiler, source, work / "out.o", flags) for _ in range(times)),
                                     key=lambda run: run["seconds"]))
        print(file=sys.stderr)
    rows, found = [], {}
    for key, (what, _, _) in cases.items():
        found[key] = {k: statistics.median(r[k] for r in said[key]) for k in said[key][0]}
        found[key]["ratio"] = statistics.median(a["seconds"] / b["seconds"] for a, b in zip(said[key], said["asio"]))
        if what:
            f = found[key]
            rows.append([what, f"{f['seconds']:.2f}", f"{f['ratio']:.2f}", f"{f['megabytes']:.0f}", f"{f['object_kb']:.0f}"])
    version = harness.sh(*compiler, "--version").splitlines()[0]
    text = "\n".join(["### Compile time", "", f"{version}, -std=c++20 -O2, processor time, median of {arguments.rounds} "
                      "rounds (in each the least of four for the short ones).", "", harness.table(["", "seconds", "ratio", "peak MB", "object KB"], rows), "",
                      f"A/A, the first row once more: {found['asio+']['ratio']:.2f}"])
    print(text)
    if arguments.json:
        known = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
        known["compile"] = {"rows": found, "text": text}
        arguments.json.write_text(json.dumps(known, indent=1) + "\n")


def report(compiler, work, separate):
    """For whoever wants to make it less: GCC's own account of its time, and what each include adds in lines."""
    base = [*compiler, "-std=c++20", "-O2", "-DASIO_STANDALONE", f"-I{include}"]
    for name, flags in (("asio", []), ("flipt", separate), ("flipt", [])):
        done = subprocess.run([*base, *flags, "-ftime-report", "-c", work / f"{name}.cpp", "-o", work / "out.o"],
                              text=True, capture_output=True)
        print(f"== {name} {' '.join(flags)}")
        for line in done.stderr.splitlines():
            if re.search(r"phase|template inst|TOTAL|preprocess|name lookup|overload", line):
                print(line)
    lines = {}
    for name, flags in (("asio", []), ("separate", separate), ("header_only", [])):
        source = "asio" if name == "asio" else "flipt"
        text = harness.sh(*base, *flags, "-E", work / f"{source}.cpp")
        current, counted = "", {}
        for line in text.splitlines():
            marker = re.match(r'# \d+ "([^"]+)"', line)
            if marker:
                current = marker[1]
            elif line.strip():
                counted[current] = counted.get(current, 0) + 1
        lines[name] = counted
    print("== lines after preprocessing: " + ", ".join(f"{k} {sum(v.values()):,}" for k, v in lines.items()))
    for name in ("separate", "header_only"):
        extra = {f: n for f, n in lines[name].items() if f not in lines["asio"]}
        print(f"== {name}: in addition to Asio, the largest of {sum(extra.values()):,} lines in {len(extra)} files")
        for f, n in sorted(extra.items(), key=lambda item: -item[1])[:40]:
            print(f"{n:7,}  {f.replace(str(include) + '/', '')}")


if __name__ == "__main__":
    main()
