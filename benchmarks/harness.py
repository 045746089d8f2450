# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""What the scripts here share: the recorded replies, the fixed-reply server, certificates, and runs of the clients."""
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
root = here.parent


class Missing(Exception):
    """A program, a package or a right that is not there: what needs it is left out with a line."""


def sh(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def write_replies(folder):
    """Whole replies of Flipt v2 as recorded in tests/data/flipt-wire. The boolean one gets the 36-byte request id that
    the server makes up when it is sent none (recorded too); the batch of ten is the recorded answers of its first two
    items in turn."""
    recorded = {}
    for line in (root / "tests/data/flipt-wire/v2.jsonl").read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        recorded[exchange["name"]] = exchange["response"]
    request_id = json.loads(recorded["evaluate boolean without requestId"]["body"])["requestId"]

    def with_id(text):
        return text.replace('"requestId":"req-1"', f'"requestId":"{request_id}"')

    batch = recorded["evaluate batch"]["body"]
    start, end = batch.index('[{"type"') + 1, batch.index(', {"type":"ERROR')
    items = batch[start:end]
    bodies = {
        "boolean": with_id(recorded["evaluate boolean"]["body"]),
        "variant": with_id(recorded["evaluate variant"]["body"]),
        "batch": with_id(batch[:start] + ", ".join([items] * 5) + batch[batch.index("], \"requestDuration"):]),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in bodies.items():
        assert len(json.loads(body).get("responses", [0] * 10)) == 10
        head = f"HTTP/1.1 200 OK\r\n"
        for key, value in recorded["evaluate boolean"]["headers"]:
            head += f"{key}: {len(body.encode()) if key == 'Content-Length' else value}\r\n"
        (folder / name).write_bytes((head + "\r\n" + body).encode())
    # Of other seconds and lengths, as a server's replies are: the time it took has as many digits as it needs.
    fixed = (folder / "boolean").read_bytes().decode()
    for number, duration in enumerate(("0.035383", "0.03117", "0.0942", "0.128")):
        head, body = fixed.split("\r\n\r\n")
        length = re.search(r"Content-Length: (\d+)", head)[1]
        body = body.replace("0.035383", duration)
        head = head.replace(length, str(len(body))).replace(":03 GMT", f":0{number} GMT")
        (folder / f"varied{number}").write_bytes((head + "\r\n\r\n" + body).encode())
    return folder


def write_certificates(folder):
    """A P-256 CA and a certificate of 127.0.0.1 signed by it: paths of CA, certificate, key."""
    folder.mkdir(parents=True, exist_ok=True)
    ca, ca_key, cert, key = (folder / n for n in ("ca.pem", "ca.key", "cert.pem", "key.pem"))
    if not cert.exists():
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"]
        quiet = {"stderr": subprocess.DEVNULL}
        sh("openssl", "req", "-x509", *new, "-keyout", ca_key, "-out", ca, "-days", "30", "-subj", "/CN=bench CA", **quiet)
        sh("openssl", "req", *new, "-keyout", key, "-out", folder / "csr", "-subj", "/CN=127.0.0.1", **quiet)
        (folder / "ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        sh("openssl", "x509", "-req", "-in", folder / "csr", "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "30",
           "-extfile", folder / "ext", "-out", cert, **quiet)
    return ca, cert, key


def pinned(cpu, command):
    """The command on one core, where there is more than one."""
    command = [str(part) for part in command]
    if cpu is None or (os.cpu_count() or 1) < 2 or not shutil.which("taskset"):
        return command
    return ["taskset", "-c", str(cpu), *command]


class Server:
    """A server that prints its port and runs until the end of the block."""

    def __init__(self, command, cpu=None):
        self.command = pinned(cpu, command)

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline() or 0)
        if self.port == 0:
            raise RuntimeError(f"{self.command} does not start")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def fixed_reply_server(build, work, cpu=None, tls=False):
    command = [build / "benchmarks/bench_server", write_replies(work / "replies")]
    if tls:
        command += write_certificates(work / "tls")[1:]
    return Server(command, cpu)


def run_client(command, cpu=None, preload=None, timeout=300):
    """The line of JSON that a client prints."""
    env = dict(os.environ)
    if preload:
        env["LD_PRELOAD"] = str(preload)
    done = subprocess.run(pinned(cpu, command), text=True, capture_output=True, env=env, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def syscalls_of(command, cpu=None):
    """How many system calls a command makes: by the kernel's tracepoint, else by strace, which slows it."""
    if shutil.which("perf"):
        done = subprocess.run(
            ["perf", "stat", "-x", ";", "-e", "raw_syscalls:sys_enter", *pinned(cpu, command)],
            text=True, capture_output=True)
        found = re.search(r"^(\d+);;raw_syscalls:sys_enter", done.stderr, re.M)
        if done.returncode == 0 and found:
            return int(found[1]), "perf"
    if shutil.which("strace"):
        done = subprocess.run(["strace", "-f", "-c", *pinned(cpu, command)], text=True, capture_output=True)
        found = re.search(r"^100\.00\s+\S+\s+(?:\d+\s+)?(\d+)\s.*total", done.stderr, re.M)
        if done.returncode == 0 and found:
            return int(found[1]), "strace"
    raise Missing("system calls are not counted: neither perf nor strace may do it here")


def machine():
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}"


def table(headings, rows):
    """Rows as GitHub Markdown, columns aligned for a terminal."""
    cells = [list(headings)] + [[str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
    lines = []
    for number, row in enumerate(cells):
        parts = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))]
        lines.append("| " + " | ".join(parts) + " |")
        if number == 0:
            lines.append("|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|")
    return "\n".join(lines)


def say(*words):
    print(*words, file=sys.stderr, flush=True)
