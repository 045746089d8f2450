// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A file of a test, removed at its end.
#pragma once

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace flipt_test {

class temporary_file {
public:
    explicit temporary_file(const std::string& text)
    {
        const int descriptor = ::mkstemp(path_.data());
        REQUIRE(descriptor != -1);
        ::close(descriptor);
        write(text);
    }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() { std::remove(path_.c_str()); }
    void write(const std::string& text) const { std::ofstream(path_) << text; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_ = (std::filesystem::temp_directory_path() / "flipt-test-XXXXXX").string();
};

} // namespace flipt_test
