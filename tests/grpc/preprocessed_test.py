# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""gRPC costs nothing unless included: nothing of it is in the preprocessed flipt/flipt.hpp, and in that of
flipt/grpc/client.hpp it is found, and nothing generated: preprocessed_test.py INCLUDE -- COMPILER..."""
import re
import subprocess
import sys

include = sys.argv[1]
command = sys.argv[sys.argv.index("--") + 1:]
flags = ["-std=c++20", "-E", "-DASIO_STANDALONE", "-DASIO_HAS_CO_AWAIT=1", "-DASIO_HAS_STD_COROUTINE=1", "-x", "c++", "-"]


def preprocessed(header):
    done = subprocess.run(command + [f"-I{include}", *flags], input=f'#include "{header}"\n', capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr[-3000:])
    return done.stdout


def files(text):
    return set(re.findall(r'^# \d+ "([^"]+)"', text, re.M))


plain = preprocessed("flipt/flipt.hpp")
found = sorted(f for f in files(plain) if re.search(r"/(grpc|grpcpp|grpc\+\+|google)/", f))
if found or re.search(r"\bnamespace grpc\b|\bgrpc::", plain):
    sys.exit(f"flipt/flipt.hpp reaches gRPC: {found[:5]}")
with_grpc = files(preprocessed("flipt/grpc/client.hpp"))
if not any("/grpcpp/" in f for f in with_grpc):
    sys.exit("flipt/grpc/client.hpp does not reach gRPC: this test sees nothing")
generated = sorted(f for f in with_grpc if f.endswith(".pb.h") and "flipt" in f)
if generated:
    sys.exit(f"flipt/grpc/client.hpp reaches generated code: {generated}")
print(f"{len(files(plain))} files, none of gRPC")
