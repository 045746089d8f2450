# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Includes point down the layers only, and the headers a folder reaches are those it may: asked of the compiler (-M)."""
import pathlib
import re
import subprocess
import sys
import tempfile

separator = sys.argv.index("--")
include = pathlib.Path(sys.argv[1])
compiler = sys.argv[separator + 1:]
problems = []

# A file of a layer includes its own layer and those named here. A name is a folder, or a file directly in flipt/.
LAYERS = {
    "detail": set(),
    "version.hpp": set(),
    "fwd.hpp": set(),
    "types": {"detail", "version.hpp", "fwd.hpp"},
}
LAYERS["protocol"] = LAYERS["types"] | {"types", "token"}
LAYERS["token"] = LAYERS["types"] | {"types", "protocol"}
LAYERS["evaluation"] = LAYERS["types"] | {"types", "protocol"}
LAYERS["net"] = LAYERS["protocol"] | {"protocol", "token"}
LAYERS["call"] = LAYERS["net"] | {"net"}
LAYERS["client.hpp"] = LAYERS["call"] | {"call"}
LAYERS["live"] = LAYERS["client.hpp"] | {"client.hpp", "evaluation"}
LAYERS["testing"] = LAYERS["net"] | {"net", "evaluation"}
LAYERS["grpc"] = LAYERS["live"] | {"live"}


def layer_of(name):
    return name.split("/")[1]


files = sorted(p for suffix in ("hpp", "ipp") for p in (include / "flipt").rglob("*." + suffix))
for path in files:
    name = path.relative_to(include).as_posix()
    text = path.read_text()
    layer = layer_of(name)
    for other in re.findall(r'^\s*#\s*include "(flipt/[^"]+)"', text, re.M):
        if not (include / other).exists():
            problems.append(f"{name}: includes {other}, which is not there")
        elif layer in LAYERS and layer_of(other) != layer and layer_of(other) not in LAYERS[layer]:
            problems.append(f"{name}: includes {other}, which is no lower layer")
    for other in re.findall(r"^\s*#\s*include <([^>]+)>", text, re.M):
        if other == "asio.hpp":
            problems.append(f"{name}: includes <asio.hpp>, name the header that is needed")
        if other == "simdjson.h" and path.suffix != ".ipp":
            problems.append(f"{name}: includes <simdjson.h>, which belongs into .ipp files")


def reached(names, flags):
    """The files that a translation unit with these headers opens, absolute."""
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder) / "unit.cpp"
        unit.write_text("".join(f'#include "{name}"\n' for name in names))
        command = compiler + ["-std=c++20", "-M", f"-I{include}", *flags, str(unit)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            problems.append(f"{' '.join(command)}: {done.stderr.strip()[:2000]}")
            return []
        return done.stdout.replace("\\\n", " ").split()[1:]


def forbid(names, pattern, why, flags=()):
    """Fails for every header by whose inclusion a file that matches the pattern is opened."""
    if not names or not any(re.search(pattern, f) for f in reached(names, flags)):
        return
    for name in names:
        hits = [f for f in reached([name], flags) if re.search(pattern, f)]
        if hits:
            problems.append(f"{name}: reaches {hits[0]}, {why}")


def headers(*folders):
    return [n for n in (p.relative_to(include).as_posix() for p in files) if n.endswith(".hpp") and layer_of(n) in folders]


ASIO = r"/asio(/|\.hpp$)"
forbid(headers("types", "protocol", "evaluation", "detail", "version.hpp", "fwd.hpp"), ASIO, "but is sans-io")
asio = ["-DASIO_STANDALONE", "-DASIO_HAS_CO_AWAIT=1", "-DASIO_HAS_STD_COROUTINE=1"]
umbrella = headers("flipt.hpp")
forbid(umbrella, r"/(grpc|grpcpp|google/protobuf)/(?!.*flipt)", "but gRPC is only for those who include flipt/grpc", asio)
forbid(umbrella, r"(?<!net)/asio\.hpp$", "name the Asio headers that are needed", asio)
forbid(umbrella, r"/simdjson\.h$", "but the bodies are compiled elsewhere", asio + ["-DFLIPT_SEPARATE_COMPILATION"])

print("\n".join(problems) or f"{len(files)} files")
sys.exit(1 if problems else 0)
