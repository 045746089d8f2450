#!/usr/bin/env python3
# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
# Prints the path of the official engine's library, fetching the flipt-client wheel by pip when it is not there yet.
import pathlib
import platform
import subprocess
import sys

place = pathlib.Path(__file__).resolve().parents[2] / "build-bench" / "official"
names = {"x86_64": "linux_x86_64", "aarch64": "linux_aarch64"}
library = place / "ext" / names.get(platform.machine(), "none") / "libfliptengine.so"
if not library.exists():
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), "flipt-client==1.4.5"],
                   stdout=sys.stderr, check=False, timeout=120)
if library.exists():
    print(library)
else:
    sys.exit(1)
