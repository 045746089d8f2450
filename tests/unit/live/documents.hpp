// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Snapshot documents and temporary files for the tests of live/.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <unistd.h>

namespace test {

/// A document with boolean flags "on" and "off" of fixed values and "f" of the given one.
inline std::string document(bool enabled, std::string_view more = {}, std::string_view name_space = "default")
{
    const auto flag = [](std::string_view key, bool value) {
        return "{\"key\":\"" + std::string(key) +
               "\",\"name\":\"\",\"description\":\"\",\"enabled\":" + (value ? "true" : "false") +
               ",\"type\":\"BOOLEAN_FLAG_TYPE\",\"rules\":[],\"rollouts\":[]}";
    };
    std::string out = "{\"namespace\":{\"key\":\"" + std::string(name_space) + "\"},\"flags\":[" + flag("on", true) +
                      "," + flag("off", false) + "," + flag("f", enabled);
    if (!more.empty())
        out += "," + flag(more, true);
    return out + "]}";
}

/// A path that is not there yet; the file is removed at the end.
class temporary_path {
public:
    explicit temporary_path(std::string_view name)
        : path_((std::filesystem::temp_directory_path() /
                 ("flipt_live_" + std::to_string(::getpid()) + "_" + std::string(name)))
                    .string())
    {
        std::filesystem::remove(path_);
    }
    temporary_path(const temporary_path&) = delete;
    temporary_path& operator=(const temporary_path&) = delete;
    ~temporary_path() { std::filesystem::remove(path_); }

    [[nodiscard]] const std::string& str() const noexcept { return path_; }
    [[nodiscard]] std::string read() const
    {
        std::ifstream in(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
    void write(std::string_view bytes) const
    {
        std::ofstream out(path_, std::ios::binary);
        out << bytes;
    }

private:
    std::string path_;
};

} // namespace test
