# SPDX-FileCopyrightText: the flipt-cpp authors
# SPDX-License-Identifier: MIT
# Sourced: need_packages NAME... installs those Debian packages that are missing, and touches nothing when none is.
need_packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed$' || missing+=("$name")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return 0
    fi
    echo "installing ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get -qq update || echo "apt-get update had trouble, going on with the lists there are"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends install "${missing[@]}" </dev/null >/tmp/flipt-apt.$$ 2>&1 ||
        { cat /tmp/flipt-apt.$$; return 1; }
    rm -f /tmp/flipt-apt.$$
}

# To build the library and the examples; for the tests; for the matrix of .ci/run. (llvm-19 has the symbolizer: without
# it sanitizers know no names, and their suppressions, which go by names, are not heeded.)
build_packages=(g++ meson ninja-build pkg-config libasio-dev libsimdjson-dev libssl-dev libcli11-dev)
test_packages=(git cmake make doctest-dev python3 openssl libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc)
matrix_packages=(clang-19 llvm-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev libc++-19-dev libc++abi-19-dev)
