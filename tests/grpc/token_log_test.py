# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""No token is in what gRPC logs at its default verbosity, with calls that work and calls that fail in every way:
token_log_test.py GRPC_TESTS SECRET..."""
import os
import subprocess
import sys

program, *secrets = sys.argv[1:]
environment = {k: v for k, v in os.environ.items() if k not in ("GRPC_VERBOSITY", "GRPC_TRACE")}
done = subprocess.run([program], env=environment, capture_output=True, text=True, errors="replace", timeout=500)
logged = done.stdout + done.stderr
if done.returncode != 0:
    sys.exit(f"the tests failed: {logged[-3000:]}")
if "Handshake failed" not in done.stderr and "handshake" not in done.stderr.lower():
    sys.exit("gRPC logged nothing of the TLS connections that failed: is its log seen at all?")
for secret in secrets:
    for line in logged.splitlines():
        if secret in line:
            sys.exit(f"a token was logged: {line}")
print(f"{len(done.stderr.splitlines())} lines logged, none with a token")
