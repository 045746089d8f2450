# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Kills and restarts a server every few seconds under the 64 callers of the program `restarts`.

restarts.py PROGRAM URL VECTORS SECONDS SERVER [ARGUMENT...]: SERVER with its arguments is the server, in the foreground.
Its flags are those of tests/data/conformance/features.yaml, and FLIPT_JWT in the environment is a JWT it takes. The
server does not see variables of that kind: Flipt reads each FLIPT_X as its setting x. What it needs SERVER itself sets.
"""
import os
import random
import ssl
import subprocess
import sys
import time
import urllib.request

program, url, vectors, seconds = sys.argv[1:5]
command = sys.argv[5:]
environment = {name: value for name, value in os.environ.items() if not name.startswith("FLIPT_")}
unchecked = ssl.create_default_context()
unchecked.check_hostname = False
unchecked.verify_mode = ssl.CERT_NONE


def start():
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url + "/health", timeout=1, context=unchecked) as reply:
                if reply.status == 200:
                    return process
        except OSError:
            if process.poll() is not None:
                sys.exit(f"the server ended with {process.returncode}: {command}")
            time.sleep(0.005)
    process.kill()
    sys.exit("the server does not come up")


server = start()
begin = time.monotonic()
down_for = 0.0
with subprocess.Popen([program, url, vectors], stdin=subprocess.PIPE, text=True) as callers:
    def tell(word):
        callers.stdin.write(word + "\n")
        callers.stdin.flush()

    try:
        tell("up")
        while callers.poll() is None and time.monotonic() - begin < float(seconds):
            time.sleep(random.uniform(1, 5))
            tell("down")
            server.kill()
            server.wait()
            killed = time.monotonic()
            time.sleep(random.choice((0, 0, 0.1, 1, 3)))  # longer than a call's repeats, now and then
            server = start()
            down_for += time.monotonic() - killed
            tell("up")
        time.sleep(2)
        callers.stdin.close()
        status = callers.wait(60)
    finally:
        server.kill()
        server.wait()
print(f"{time.monotonic() - begin:.0f} s, of which the server was down {down_for:.0f} s")
sys.exit(status)
