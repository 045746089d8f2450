#!/usr/bin/env python3
# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Counts what one request costs, which noise does not touch: instructions, allocations, system calls.

    benchmarks/count.py --build build-bench            # the table, compared with baseline.json; 1 = worse than it
    benchmarks/count.py --build build-bench --only into,raw_epoll --annotate
    benchmarks/count.py --build build-bench --write    # makes the figures the baseline: a commit of its own

Instructions are callgrind's, in user space: (those of 1,100 requests - those of 100) / 1,000 on one keep-alive
connection, against the fixed-reply server as a process of its own. The client's timer, due every 100 ms, is in them,
more often than in life since valgrind is slow. Allocations are counted by a preloaded library, after warm-up; system
calls by the kernel's tracepoint, as the difference of 2,000 and 4,000 requests.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import harness

cases = {
    # name: (program, --call, TLS, what it is)
    "into": ("http_flipt", "into", False, "evaluate_boolean(request, result), the caller's result"),
    "into_varied": ("http_flipt", "into", False, "the same, every reply of another date and length than the last"),
    "value": ("http_flipt", "value", False, "evaluate_boolean(request) by value"),
    "build": ("http_flipt", "build", False, "of that, and of the next ones by value: building the request"),
    "async_into": ("http_flipt", "async_into", False, "async_evaluate_boolean(request, result, …)"),
    "async": ("http_flipt", "async", False, "async_evaluate_boolean(request, …) by value"),
    "variant": ("http_flipt", "variant", False, "evaluate_variant(request, result)"),
    "variant_value": ("http_flipt", "variant_value", False, "evaluate_variant(request) by value"),
    "batch": ("http_flipt", "batch", False, "evaluate_batch(request, result) of ten"),
    "raw_epoll": ("http_raw_epoll", "", False, "the floor: raw epoll, simdjson"),
    "raw_varied": ("http_raw_epoll", "", False, "the floor, every reply of another date and length"),
    "tls": ("http_flipt", "into", True, "evaluate_boolean(request, result), TLS 1.3"),
    "tls_raw": ("http_raw_epoll", "", True, "the floor over TLS 1.3: OpenSSL's own cost"),
}
floors = ("raw_epoll", "raw_varied", "tls_raw")


def instructions(command, requests, annotate=None):
    """Of the whole process, with the JSON it printed."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind"
        done = subprocess.run(
            harness.pinned(0, ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command,
                               "--warmup", 0, "--requests", requests, "--no-latency"]),
            text=True, capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stderr}")
        text = out.read_text(errors="replace")
        if annotate:
            shutil.copy(out, annotate)
        total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
        return int(total[1]), json.loads(done.stdout.strip().splitlines()[-1])


def measure(name, build, work, wanted, annotate):
    program, call, tls, _ = cases[name]
    with harness.fixed_reply_server(build, work, 1, tls) as server:
        command = [build / "benchmarks" / program, "--port", server.port]
        if call:
            command += ["--call", call]
        if name.endswith("_varied"):
            command += ["--prefix", "/varied"]
        if tls:
            command += ["--ca", work / "tls/ca.pem"]
        result = {}
        if "instructions" in wanted:
            keep = None
            if annotate:
                keep = pathlib.Path(f"callgrind.{name}")
            many, said = instructions(command, 1100, keep)
            few, _ = instructions(command, 100)
            result["instructions"] = round((many - few) / 1000)
            result["compiler"] = said["compiler"]
            if "kernel" in said:
                result["simdjson"] = f"{said['simdjson']} {said['kernel']}"
        if "allocations" in wanted:
            counted = harness.run_client(command + ["--requests", 2000, "--no-latency"], 0,
                                         build / "benchmarks/libmalloc_count.so")
            result["allocations"] = round(counted["allocations"], 2)
            result["operator_new"] = round(counted["operator_new"], 2)
            result["bytes"] = round(counted["bytes"])
        if "syscalls" in wanted:
            few, how = harness.syscalls_of(command + ["--requests", 2000, "--no-latency"], 0)
            many, _ = harness.syscalls_of(command + ["--requests", 4000, "--no-latency"], 0)
            result["syscalls"] = round((many - few) / 2000, 2)
            result["syscalls_by"] = how
    return result


def worse(name, key, now, then):
    """A rise of more than 3 %; a few hundredths of a call are the timer's."""
    slack = {"instructions": 0, "allocations": 0.02, "operator_new": 0.02, "syscalls": 0.06}[key]
    return now > then * 1.03 + slack


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=harness.root / "build-bench")
    parser.add_argument("--baseline", type=pathlib.Path, default=harness.here / "baseline.json")
    parser.add_argument("--only", help="cases, separated by commas: " + ", ".join(cases))
    parser.add_argument("--what", default="instructions,allocations,syscalls")
    parser.add_argument("--annotate", action="store_true", help="keep callgrind.CASE here for callgrind_annotate")
    parser.add_argument("--write", action="store_true", help="write the baseline")
    parser.add_argument("--merge", type=pathlib.Path, help="add figures and table to the results of benchmarks/run")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(cases)
    wanted = arguments.what.split(",")
    if "instructions" in wanted and not shutil.which("valgrind"):
        sys.exit("valgrind is missing: apt-get install valgrind")
    build = arguments.build.resolve()

    baseline = json.loads(arguments.baseline.read_text()) if arguments.baseline.exists() else {}
    figures, kernel, compiler = {}, None, None
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            harness.say(f"counting {name}")
            try:
                figures[name] = measure(name, build, pathlib.Path(folder), wanted, arguments.annotate)
            except harness.Missing as why:
                harness.say(str(why))
                wanted.remove("syscalls")
                figures[name] = measure(name, build, pathlib.Path(folder), wanted, arguments.annotate)
            kernel = figures[name].pop("simdjson", kernel)
            compiler = figures[name].pop("compiler", compiler)
    how = {f.pop("syscalls_by", None) for f in figures.values()} - {None}

    rows, failures = [], []
    same = baseline.get("compiler") == compiler and baseline.get("simdjson") in (kernel, None)
    for name, now in figures.items():
        then = baseline.get("figures", {}).get(name, {})
        row = [cases[name][3]]
        for key in ("instructions", "allocations", "operator_new", "syscalls"):
            text = "-" if key not in now else f"{now[key]:,}"
            if key in now and key in then and now[key] != then[key]:
                text += f" (was {then[key]:,})"
            comparable = key in now and key in then and name not in floors and (key != "instructions" or same)
            if comparable and worse(name, key, now[key], then[key]):
                failures.append(f"{name}: {key} rose from {then[key]:,} to {now[key]:,}")
            row.append(text)
        rows.append(row)
    text = [f"### What a request costs, counted", "",
            f"{compiler}, simdjson {kernel} (what valgrind's processor makes it choose)"
            f"{', system calls by ' + how.pop() if how else ''}.", "",
            harness.table(["", "instructions", "allocations", "of them operator new", "system calls"], rows)]
    if baseline and not same and "instructions" in wanted:
        text += ["", f"The baseline is of {baseline.get('compiler')}, simdjson {baseline.get('simdjson')}: its instructions "
                 "are not compared."]
    print("\n".join(text) + "\n")

    result = {"compiler": compiler, "simdjson": kernel, "figures": figures}
    if arguments.merge:
        known = json.loads(arguments.merge.read_text()) if arguments.merge.exists() else {}
        known["count"] = {**result, "text": "\n".join(text)}
        arguments.merge.write_text(json.dumps(known, indent=1) + "\n")
    if arguments.write:
        merged = dict(baseline.get("figures", {}))
        for name, now in figures.items():
            merged[name] = {**merged.get(name, {}), **now}
        arguments.baseline.write_text(json.dumps({**result, "figures": merged}, indent=2) + "\n")
        print(f"wrote {arguments.baseline}")
        return
    if failures:
        print("\nmore than 3 % worse than benchmarks/baseline.json:\n  " + "\n  ".join(failures))
        sys.exit(1)


if __name__ == "__main__":
    main()
