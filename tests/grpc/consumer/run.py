# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Builds a project that uses flipt-cpp-grpc in each of three ways, and runs it: run.py SOURCE WORK -- COMPILER..."""
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

source, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
compiler = sys.argv[sys.argv.index("--") + 1:]
consumer = source / "tests/grpc/consumer"
environment = dict(os.environ, CXX=shlex.join(compiler), LC_ALL="C")


def run(*command):
    print("+", shlex.join(map(str, command)), flush=True)
    done = subprocess.run([str(c) for c in command], env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    print(done.stdout[-20000:], end="", flush=True)
    if done.returncode != 0:
        sys.exit(f"failed with {done.returncode}: {shlex.join(map(str, command))}")
    return done.stdout


def check(program):
    if "hello true\n" not in run(program):
        sys.exit("the program did not print 'hello true'")


for program in ("meson", "pkg-config", "cmake"):
    if not shutil.which(program):
        print(f"{program} is not installed")
        sys.exit(77)
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)

prefix = work / "prefix"
run("meson", "setup", "--prefix", prefix, "--libdir", "lib", "-Dtests=disabled", "-Dexamples=disabled", "-Dgrpc=enabled",
    "--buildtype=plain", work / "install", source)
run("meson", "install", "-C", work / "install")
environment["PKG_CONFIG_PATH"] = f"{prefix}/lib/pkgconfig:{prefix}/share/pkgconfig"

flags = shlex.split(run("pkg-config", "--cflags", "--libs", "flipt-cpp-grpc"))
run(*compiler, "-std=c++20", consumer / "main.cpp", "-o", work / "by-pkg-config", *flags)
check(work / "by-pkg-config")

if len(compiler) > 1 and pathlib.Path(compiler[0]).name == "ccache":
    environment["CXX"], environment["CMAKE_CXX_COMPILER_LAUNCHER"] = shlex.join(compiler[1:]), "ccache"
shutil.copytree(consumer / "cmake", work / "cmake")
shutil.copy(consumer / "main.cpp", work / "cmake")
run("cmake", "-G", "Ninja", "-S", work / "cmake", "-B", work / "cmake/build", f"-DCMAKE_PREFIX_PATH={prefix}")
run("cmake", "--build", work / "cmake/build", "-j", "2")
check(work / "cmake/build/consumer")

environment["CXX"] = shlex.join(compiler)
project = work / "wrap"
shutil.copytree(consumer / "wrap", project)
shutil.copy(consumer / "main.cpp", project)
copy = project / "subprojects/flipt-cpp"
copy.mkdir(parents=True)
for name in ("include", "examples", "tests", "benchmarks", "subprojects"):
    if (source / name).is_dir():
        shutil.copytree(source / name, copy / name)
for name in ("meson.build", "meson_options.txt", "meson.options", "README.md", "CHANGELOG.md", "LICENSE"):
    if (source / name).exists():
        shutil.copy(source / name, copy)
(project / "subprojects/flipt-cpp.wrap").write_text(
    "[wrap-file]\ndirectory = flipt-cpp\n\n[provide]\ndependency_names = flipt-cpp, flipt-cpp-grpc\n")
run("meson", "setup", "--force-fallback-for=flipt-cpp-grpc", "--buildtype=plain", project / "build", project)
run("ninja", "-C", project / "build", "-j", "2")
check(project / "build/consumer")
