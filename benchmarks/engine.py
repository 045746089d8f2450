#!/usr/bin/env python3
# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Runs the programs of benchmarks/engine, which time evaluation in the process, and keeps what they print."""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import harness


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=harness.root / "build-bench")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.build.resolve() / "benchmarks/engine"
    programs = sorted(p for p in folder.glob("*") if p.is_file() and os.access(p, os.X_OK) and p.suffix not in (".so", ".a"))
    if not programs:
        print("The engine's benchmarks are not built.")
        return
    texts, lines, failed = [], [], False
    for program in programs:
        out = program.with_suffix(".jsonl")
        out.unlink(missing_ok=True)
        harness.say(f"running {program.name}")
        command = [program, "--json", out] + (["--quick"] if arguments.quick else [])
        # Readers have threads, which want all the cores.
        cpu = None if "readers" in program.name else 0
        done = subprocess.run(harness.pinned(cpu, command), text=True, stdout=subprocess.PIPE)
        if done.returncode != 0:
            harness.say(f"FAILED: {program.name}")
            failed = True
            continue
        print(f"### Engine: {program.name}\n\n{done.stdout}", flush=True)
        texts.append(f"### Engine: {program.name}\n\n{done.stdout.strip()}")
        if out.exists():
            lines += [json.loads(line) for line in out.read_text().splitlines() if line.strip()]
    if arguments.json:
        known = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
        known["engine"] = {"text": "\n\n".join(texts), "lines": lines}
        arguments.json.write_text(json.dumps(known, indent=1) + "\n")
    sys.exit(1 if failed else 0)


main()
