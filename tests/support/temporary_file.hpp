// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A file of a test, removed at its end.
#pragma once

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <unistd.h>

namespace flipt_test {

class temporary_file {
public:
    explicit temporary_file(const std::string& text)
    {
        const int descriptor = ::mkstemp(path_);
        REQUIRE(descriptor != -1);
        ::close(descriptor);
        write(text);
    }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() { std::remove(path_); }
    void write(const std::string& text) const { std::ofstream(path_) << text; }
    [[nodiscard]] std::string path() const { return path_; }

private:
    char path_[32] = "/tmp/flipt-test-XXXXXX";
};

} // namespace flipt_test
