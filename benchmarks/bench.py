#!/usr/bin/env python3
# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Times the client beside its peers: `benchmarks/run` builds, calls this, and has the documentation.

Rounds in which every peer has its turn, in another order each time; ratios are taken within a round, and their median
over the rounds is told. One peer runs twice in each round under two names (A/A): how far that ratio is from 1 is what
the machine's noise does to every other number of the table.
"""
import argparse
import json
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import harness

http_names = {
    "raw_epoll": "raw epoll (the floor)",
    "raw_armed": "raw epoll, armed for each wait as Asio does",
    "raw_blocking": "raw blocking",
    "flipt": "flipt-cpp",
    "beast_lean": "Boost.Beast, lean",
    "beast_example": "Boost.Beast, as in its examples",
    "curl_easy": "libcurl easy",
    "curl_multi": "libcurl multi",
    "httplib": "cpp-httplib",
    "go": "Go net/http",
}
grpc_names = {"callbacks": "grpc++ callbacks", "flipt": "flipt-cpp over gRPC", "client": "flipt-cpp's gRPC client"}


class Suite:
    """One table: peers, the first of which is what the others are compared with and runs twice."""

    def __init__(self, key, title, kind, peers, in_flight, same_core, tls, rounds, requests):
        self.key, self.title, self.kind, self.peers = key, title, kind, peers
        self.in_flight, self.same_core, self.tls = in_flight, same_core, tls
        self.rounds, self.requests = rounds, requests


one = ["raw_epoll", "raw_armed", "raw_blocking", "flipt", "beast_lean", "beast_example", "curl_easy", "httplib", "go"]
many = ["raw_epoll", "raw_armed", "flipt", "beast_lean", "beast_example", "curl_multi", "httplib", "go"]
one_tls = ["raw_blocking", "raw_epoll", "raw_armed", "flipt", "beast_lean", "beast_example", "curl_easy", "httplib", "go"]
suites = [
    Suite("plain_1", "Plaintext, one request in flight, client and server on one core", "http", one, 1, True, False,
          11, 5000),
    Suite("plain_32", "Plaintext, 32 requests in flight on 32 connections, client on a core of its own", "http", many,
          32, False, False, 11, 20000),
    Suite("tls_1", "TLS 1.3, one request in flight, client and server on one core", "http", one_tls, 1, True, True,
          9, 3000),
    Suite("tls_32", "TLS 1.3, 32 requests in flight on 32 connections, client on a core of its own", "http", many, 32,
          False, True, 7, 10000),
    Suite("grpc_1", "gRPC, one call in flight, client and server on one core", "grpc", list(grpc_names), 1, True,
          False, 9, 2000),
    Suite("grpc_32", "gRPC, 32 calls in flight, client on a core of its own", "grpc", list(grpc_names), 32, False,
          False, 9, 10000),
]


def program(build, kind, peer):
    name = f"{kind}_{peer}"
    return build / "benchmarks" / ("grpc" if kind == "grpc" else ".") / name


def start_server(suite, build, work):
    cpu = 0 if suite.same_core else 1
    if suite.kind == "grpc":
        return harness.Server([program(build, "grpc", "server")], cpu)
    return harness.fixed_reply_server(build, work, cpu, suite.tls)


def client_command(suite, build, work, peer, port, requests, in_flight=None):
    command = [program(build, suite.kind, peer), "--port", port, "--requests", requests, "--in-flight",
               in_flight or suite.in_flight]
    if suite.tls:
        command += ["--ca", work / "tls/ca.pem"]
    return command


def measure(suite, build, work, rounds, requests, progress):
    """Rounds of a suite: for each peer the list of what it said, a peer that failed is left out."""
    again = suite.peers[0] + "+"
    turns = [p for p in suite.peers if program(build, suite.kind, p).exists()]
    left_out = [p for p in suite.peers if p not in turns]
    if suite.peers[0] not in turns:
        raise harness.Missing(f"{suite.title}: {suite.peers[0]} is not built")
    turns.append(again)
    said = {p: [] for p in turns}
    with start_server(suite, build, work) as server:
        for number in range(rounds):
            shift = number % len(turns)
            order = turns[shift:] + turns[:shift]
            if number % 2:
                order.reverse()
            for peer in order:
                progress(f"round {number + 1} of {rounds}, {peer:<14}")
                try:
                    said[peer].append(harness.run_client(
                        client_command(suite, build, work, peer.rstrip("+"), server.port, requests), 0))
                except (RuntimeError, ValueError, subprocess.TimeoutExpired) as why:
                    harness.say(f"\n{peer} is left out: {why}")
                    said.pop(peer)
                    turns = [p for p in turns if p != peer]
                    left_out.append(peer)
                    if peer.rstrip("+") in (suite.peers[0], "flipt"):
                        raise
    return said, left_out


def allocations_and_syscalls(suite, build, work, peers, progress, counting):
    """Of each peer: what does not need rounds."""
    found = {}
    with start_server(suite, build, work) as server:
        for peer in peers:
            progress(f"counting allocations and system calls, {peer:<14}")
            found[peer] = {}
            few = client_command(suite, build, work, peer, server.port, 2000) + ["--no-latency"]
            many = client_command(suite, build, work, peer, server.port, 4000) + ["--no-latency"]
            counter = build / "benchmarks/libmalloc_count.so" if peer != "go" else None
            of_few, of_many = harness.run_client(few, 0, counter), harness.run_client(many, 0, counter)
            found[peer].update(of_many)
            for key in ("allocations", "operator_new"):
                if key in of_many: # the start of the callers is in both
                    found[peer][key] = of_many[key] * 2 - of_few[key]
            if counting:
                found[peer]["syscalls"] = (harness.syscalls_of(many, 0)[0] - harness.syscalls_of(few, 0)[0]) / 2000
    return found


def instructions(suite, build, work, peers, progress):
    """callgrind's count of each peer, as benchmarks/count.py has it of ours. Go does not run under valgrind."""
    import count
    found = {}
    with start_server(suite, build, work) as server:
        for peer in peers:
            if peer == "go":
                continue
            progress(f"counting instructions, {peer:<14}")
            command = [program(build, suite.kind, peer), "--port", server.port]
            if suite.tls:
                command += ["--ca", work / "tls/ca.pem"]
            found[peer] = round((count.instructions(command, 1100)[0] - count.instructions(command, 100)[0]) / 1000)
    return found


def summarise(suite, said):
    """Medians over the rounds, and medians of the ratios within each round."""
    base = said[suite.peers[0]]
    result = {}
    for peer, runs in said.items():
        row = {key: statistics.median(r[key] for r in runs) for key in ("p50_us", "p99_us", "cpu_us", "wall_us")}
        for key in ("p50_us", "cpu_us", "wall_us"):
            ratios = [a[key] / b[key] for a, b in zip(runs, base) if b[key] > 0]
            row[key.replace("_us", "_ratio")] = statistics.median(ratios)
            if key != "wall_us":
                row[key.replace("_us", "_spread")] = [min(ratios), max(ratios)]
        result[peer] = row
    return result


def suite_table(suite, rows, counts, counted):
    names = grpc_names if suite.kind == "grpc" else http_names
    headings = ["", "p50 µs", "p50 ratio", "p99 µs", "CPU µs", "CPU ratio"]
    if counts:
        headings += ["allocations", "system calls"]
    if counted:
        headings.append("instructions")
    lines = []
    for peer in suite.peers:
        if peer not in rows:
            continue
        row = rows[peer]
        line = [names[peer], f"{row['p50_us']:.1f}", f"{row['p50_ratio']:.2f}", f"{row['p99_us']:.0f}",
                f"{row['cpu_us']:.2f}", f"{row['cpu_ratio']:.2f}"]
        if counts:
            c = counts.get(peer, {})
            line += [f"{c['allocations']:.1f}" if "allocations" in c else "-",
                     f"{c['syscalls']:.1f}" if "syscalls" in c else "-"]
        if counted:
            line.append(f"{counted[peer]:,}" if peer in counted else "-")
        lines.append(line)
    return harness.table(headings, lines)


def spread_line(suite, rows):
    again = rows.get(suite.peers[0] + "+")
    if again is None:
        return ""
    parts = []
    for key, what in (("p50", "p50"), ("cpu", "CPU")):
        low, high = again[key + "_spread"]
        parts.append(f"{what} {again[key + '_ratio']:.2f} (rounds {low:.2f} to {high:.2f})")
    return "A/A, the first row's program once more: " + ", ".join(parts)


class Scale:
    """A curve: the cost of a request over a number of things."""

    def __init__(self, key, title, label, lines, points, requests):
        self.key, self.title, self.label, self.lines, self.points = key, title, label, lines, points
        self.requests = requests


scales = [
    Scale("in_flight", "Requests in flight", "requests in flight",
          {"flipt-cpp, at most 64 connections": ("flipt", 64), "flipt-cpp, a connection for each": ("flipt", None),
           "raw epoll, a connection for each": ("raw_epoll", None)},
          [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024], 20000),
    Scale("connections", "Connections, 64 requests in flight", "connections",
          {"flipt-cpp": ("flipt", "points")}, [1, 2, 4, 8, 16, 32, 64], 20000),
]


def measure_scale(scale, build, work, rounds, requests, points, progress):
    """CPU and wall time per request of each line at each point, medians over rounds."""
    suite = Suite(scale.key, scale.title, "http", [], 1, True, False, 0, 0)
    found = {line: {p: [] for p in points} for line in scale.lines}
    with start_server(suite, build, work) as server:
        for number in range(rounds):
            for point in (points if number % 2 == 0 else list(reversed(points))):
                for line, (peer, connections) in scale.lines.items():
                    progress(f"round {number + 1} of {rounds}, {point}     ")
                    in_flight = 64 if connections == "points" else point
                    limit = point if connections == "points" else min(point, connections or point)
                    command = client_command(suite, build, work, peer, server.port, requests, in_flight)
                    command += ["--connections", limit, "--warmup", 2000]
                    found[line][point].append(harness.run_client(command, 0))
    return {line: {p: {k: statistics.median(r[k] for r in runs) for k in ("cpu_us", "wall_us", "p50_us", "p99_us")}
                   for p, runs in by_point.items()} for line, by_point in found.items()}


def scale_table(scale, found):
    points = list(next(iter(found.values())))
    headings = [f"CPU µs per request by {scale.label}"] + [f"{p:,}" for p in points]
    return harness.table(headings, [[line] + [f"{by_point[p]['cpu_us']:.2f}" for p in points]
                                    for line, by_point in found.items()])


def versions(build):
    """What was measured with."""
    found = [harness.machine()]
    packages = {"g++": "g++-12", "Asio": "libasio-dev", "simdjson": "libsimdjson-dev", "OpenSSL": "libssl3",
                "Boost": "libboost1.74-dev", "libcurl": "libcurl4", "cpp-httplib": "libcpp-httplib-dev",
                "gRPC": "libgrpc++1.51"}
    parts = []
    for name, package in packages.items():
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], text=True, capture_output=True)
        if done.returncode == 0 and done.stdout:
            parts.append(f"{name} {done.stdout.split(':')[-1].split('+')[0].split('-')[0]}")
    for go in ("go", "/usr/local/go/bin/go"):
        if shutil.which(go):
            parts.append("Go " + harness.sh(go, "version").split()[2].removeprefix("go"))
            break
    found.append(", ".join(parts))
    done = subprocess.run(["git", "-C", harness.root, "describe", "--always", "--dirty"], text=True, capture_output=True)
    if done.returncode == 0:
        found.append("revision " + done.stdout.strip())
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=harness.root / "build-bench")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and requests, coarser curves")
    parser.add_argument("--only", help="tables, separated by commas: " +
                        ", ".join([s.key for s in suites] + [s.key for s in scales]))
    parser.add_argument("--json", type=pathlib.Path, help="add the figures to this file")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    only = arguments.only.split(",") if arguments.only else [s.key for s in suites] + [s.key for s in scales]
    # Sockets of up to 1,024 connections, for the server too, which inherits this.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192) if hard != resource.RLIM_INFINITY else 8192, hard))

    results = {"versions": versions(build), "suites": {}, "scales": {}}
    started = time.monotonic()

    def progress_of(title):
        def progress(what):
            minutes, seconds = divmod(int(time.monotonic() - started), 60)
            print(f"\r{minutes:2}:{seconds:02} {title}: {what}\033[K", end="", file=sys.stderr, flush=True)
        return progress

    # What valgrind, perf and strace can do here is asked once.
    counting = True
    try:
        harness.syscalls_of(["true"])
    except harness.Missing as why:
        harness.say(str(why))
        counting = False
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for suite in suites:
            if suite.key not in only:
                continue
            progress = progress_of(suite.key)
            rounds, requests = (3, suite.requests // 2) if arguments.quick else (suite.rounds, suite.requests)
            try:
                said, left_out = measure(suite, build, work, rounds, requests, progress)
                rows = summarise(suite, said)
                peers = [p for p in suite.peers if p in rows]
                counts = allocations_and_syscalls(suite, build, work, peers, progress, counting) \
                    if suite.in_flight == 1 or not arguments.quick else {}
                counted = instructions(suite, build, work, peers, progress) \
                    if suite.kind == "http" and suite.in_flight == 1 and shutil.which("valgrind") and \
                    not (arguments.quick and suite.tls) else {}
            except harness.Missing as why:
                harness.say(f"\nleft out: {why}")
                continue
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as why:
                harness.say(f"\nFAILED: {suite.key}: {why}")
                failed = True
                continue
            harness.say("")
            text = [f"### {suite.title}", "", f"{rounds} rounds of {requests:,} requests; ratios are to the first row.", "",
                    suite_table(suite, rows, counts, counted), "", spread_line(suite, rows)]
            if left_out:
                text += ["", "Not there: " + ", ".join(sorted(set(left_out)))]
            print("\n".join(text) + "\n", flush=True)
            results["suites"][suite.key] = {"title": suite.title, "rows": rows, "counts": counts,
                                            "instructions": counted, "text": "\n".join(text)}
        for scale in scales:
            if scale.key not in only:
                continue
            progress = progress_of(scale.key)
            points = scale.points[::2] if arguments.quick else scale.points
            rounds, requests = (1, scale.requests // 2) if arguments.quick else (5, scale.requests)
            try:
                found = measure_scale(scale, build, work, rounds, requests, points, progress)
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as why:
                harness.say(f"\nFAILED: {scale.key}: {why}")
                failed = True
                continue
            harness.say("")
            text = [f"### {scale.title}", "", f"Plaintext, client and server on one core, {requests:,} requests a point, "
                    f"median of {rounds} rounds.", "", scale_table(scale, found)]
            print("\n".join(text) + "\n", flush=True)
            results["scales"][scale.key] = {"title": scale.title, "label": scale.label, "lines": found,
                                            "text": "\n".join(text)}
    if arguments.json:
        known = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
        for part in ("suites", "scales"):
            known[part] = {**known.get(part, {}), **results[part]}
        known["versions"] = results["versions"]
        arguments.json.write_text(json.dumps(known, indent=1) + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
