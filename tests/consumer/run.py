# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
"""Builds a project that uses the library and runs its program: run.py wrap|pkg-config|cmake|copy SOURCE WORK -- COMPILER..."""
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

way, source, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
compiler = sys.argv[sys.argv.index("--") + 1:]
consumer = source / "tests/consumer"
main = consumer / "main.cpp"
environment = dict(os.environ, CXX=shlex.join(compiler), LC_ALL="C")
# A checkout may belong to another user than the one who tests it, and may have no identity for commits.
settings = {
    "safe.directory": "*", "user.name": "consumer test", "user.email": "test@localhost", "commit.gpgsign": "false",
    "core.hooksPath": os.devnull, "init.defaultBranch": "main", "advice.detachedHead": "false",
}
for number, (key, value) in enumerate(settings.items()):
    environment[f"GIT_CONFIG_KEY_{number}"], environment[f"GIT_CONFIG_VALUE_{number}"] = key, value
environment["GIT_CONFIG_COUNT"] = str(len(settings))


def run(*command, **options):
    print("+", shlex.join(map(str, command)), flush=True)
    done = subprocess.run([str(c) for c in command], env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
    print(done.stdout, end="", flush=True)
    if done.returncode != 0:
        sys.exit(f"failed with {done.returncode}: {shlex.join(map(str, command))}")
    return done.stdout


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            print(f"{program} is not installed")
            sys.exit(77)


def upstream():
    """A fresh clone with the working tree committed on top, and that commit."""
    clone = work / "upstream"
    if (source / ".git").exists():
        run("git", "clone", "--quiet", "--no-hardlinks", source, clone)
        names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=source,
                               env=environment, capture_output=True, text=True, check=True).stdout.split("\0")
        for path in clone.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name in filter(None, names):
            if (source / name).is_file():
                (clone / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source / name, clone / name)
    else:
        shutil.copytree(source, clone, ignore=shutil.ignore_patterns("build*"))
        run("git", "init", "--quiet", cwd=clone)
    run("git", "add", "--all", cwd=clone)
    run("git", "commit", "--quiet", "--allow-empty", "--message", "The working tree", cwd=clone)
    return clone, run("git", "rev-parse", "HEAD", cwd=clone).strip()


def install():
    prefix = work / "prefix"
    run("meson", "setup", "--prefix", prefix, "-Dtests=disabled", "-Dexamples=disabled", "-Dgrpc=disabled",
        work / "install", source)
    run("meson", "install", "-C", work / "install")
    return prefix


def check(program):
    output = run(program)
    if "hello true\n" not in output:
        sys.exit("the program did not print 'hello true'")


shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)

if way == "wrap":
    need("git", "meson")
    clone, commit = upstream()
    project = work / "project"
    shutil.copytree(consumer / "wrap", project)
    shutil.copy(main, project)
    (project / "subprojects").mkdir()
    (project / "subprojects/flipt-cpp.wrap").write_text(
        f"[wrap-git]\nurl = file://{clone}\nrevision = {commit}\n\n[provide]\ndependency_names = flipt-cpp\n")
    run("meson", "setup", "--buildtype=plain", "--force-fallback-for=flipt-cpp", project / "build", project)
    run("ninja", "-C", project / "build", "-j", "2")
    if "unit_" in (project / "build/build.ninja").read_text():
        sys.exit("a subproject must not build the library's tests")
    check(project / "build/consumer")
elif way == "pkg-config":
    need("meson", "pkg-config")
    environment["PKG_CONFIG_PATH"] = f"{install()}/share/pkgconfig"
    if run("pkg-config", "--modversion", "flipt-cpp").strip() == "":
        sys.exit("no version")
    flags = shlex.split(run("pkg-config", "--cflags", "--libs", "flipt-cpp"))
    run(*compiler, "-std=c++20", main, "-o", work / "consumer", *flags)
    check(work / "consumer")
    for other in ("g++", "clang++-19"):  # what one compiler has installed is for all
        if shutil.which(other) and other not in compiler:
            run(other, "-std=c++20", "-fsyntax-only", main, *flags)
elif way == "cmake":
    need("meson", "cmake")
    prefix = install()
    if len(compiler) > 1 and pathlib.Path(compiler[0]).name == "ccache":
        environment["CXX"], environment["CMAKE_CXX_COMPILER_LAUNCHER"] = shlex.join(compiler[1:]), "ccache"
    shutil.copytree(consumer / "cmake", work / "project")
    shutil.copy(main, work / "project")
    run("cmake", "-G", "Ninja", "-S", work / "project", "-B", work / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", work / "build", "-j", "2")
    check(work / "build/consumer")
else:
    shutil.copytree(source / "include", work / "include")
    asio = ["-DASIO_STANDALONE"]
    if "clang" in compiler[-1]:
        asio += ["-DASIO_HAS_CO_AWAIT", "-DASIO_HAS_STD_COROUTINE"]
    run(*compiler, "-std=c++20", f"-I{work}/include", *asio, main, "-o", work / "consumer",
        "-lsimdjson", "-lssl", "-lcrypto", "-pthread")
    check(work / "consumer")
