// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Saved snapshots: what is written is read, what is damaged is not, and a file is whole at any time.
#include "flipt/live/saved_file.hpp"
#include "flipt/types/error.hpp"

#include "unit/live/documents.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace {

using flipt::errc;
using flipt::detail::format_saved;
using flipt::detail::parse_saved;
using flipt::detail::read_file;
using flipt::detail::replace_file;
using flipt::detail::saved_snapshot;

saved_snapshot sample()
{
    saved_snapshot s;
    s.server = flipt::server_version::v1;
    s.environment_key = "pr\nod %41 \xC3\xA9";
    s.namespace_key = "";
    s.etag = "W/\"x y\"";
    s.json = "{\"flags\":[]}\n\nmore";
    return s;
}

TEST_CASE("what is formatted is parsed, whatever bytes the keys hold")
{
    saved_snapshot out;
    const std::string bytes = format_saved(sample());
    INFO(bytes);
    CHECK_FALSE(parse_saved(bytes, out));
    CHECK(out.server == flipt::server_version::v1);
    CHECK(out.environment_key == sample().environment_key);
    CHECK(out.namespace_key.empty());
    CHECK(out.etag == sample().etag);
    CHECK(out.json == sample().json);
}

TEST_CASE("a file that was cut off, continued or changed is refused")
{
    const std::string bytes = format_saved(sample());
    saved_snapshot out;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        CHECK(parse_saved(bytes.substr(0, i), out) == errc::invalid_snapshot);
    CHECK(parse_saved(bytes + "x", out) == errc::invalid_snapshot);
    for (std::size_t i = bytes.size() - sample().json.size(); i < bytes.size(); ++i) {
        std::string changed = bytes;
        changed[i] ^= 1;
        CHECK(parse_saved(changed, out) == errc::invalid_snapshot);
    }
    CHECK(out.json.empty());
}

TEST_CASE("replacing leaves no other file behind, and only the owner may read")
{
    const test::temporary_path file("replace");
    CHECK_FALSE(replace_file(file.str(), "one"));
    CHECK_FALSE(replace_file(file.str(), "two, and longer"));
    CHECK(file.read() == "two, and longer");
    struct ::stat info{};
    CHECK(::stat(file.str().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    std::size_t beside = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::temp_directory_path()))
        beside += entry.path().string().rfind(file.str() + ".", 0) == 0 ? 1 : 0;
    CHECK(beside == 0);
    CHECK(replace_file("/nonexistent-folder/x", "y") == std::errc::no_such_file_or_directory);
}

TEST_CASE("what writers left behind that crashed, of the same process number, is not in the way")
{
    const test::temporary_path folder("leftovers");
    std::filesystem::create_directory(folder.str());
    const std::string file = folder.str() + "/flags";
    constexpr int many = 5000; // beyond what the other cases wrote
    const std::string left = file + ".tmp" + std::to_string(::getpid()) + ".";
    for (int i = 0; i != many; ++i)
        std::ofstream(left + std::to_string(i)).put('x');
    CHECK_FALSE(replace_file(file, "one"));
    std::string bytes;
    CHECK_FALSE(read_file(file, 10, bytes));
    CHECK(bytes == "one");
    CHECK(std::filesystem::exists(left + "0")); // may be another's
    std::filesystem::remove_all(folder.str());
}

TEST_CASE("as usual: the umask says who may read")
{
    const test::temporary_path file("usual");
    const ::mode_t before = ::umask(0027);
    const std::error_code ec = replace_file(file.str(), "one", flipt::detail::file_access::as_usual);
    (void)::umask(before);
    CHECK_FALSE(ec);
    struct ::stat info{};
    CHECK(::stat(file.str().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0640);
}

TEST_CASE("a reader sees one whole version while another thread replaces the file")
{
    const test::temporary_path file("whole");
    CHECK_FALSE(replace_file(file.str(), std::string(100'000, 'a')));
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        for (int i = 0; !stop; ++i)
            (void)replace_file(file.str(), std::string(100'000, static_cast<char>('a' + i % 26)));
    });
    bool whole = true;
    for (int i = 0; i < 50; ++i) {
        std::string bytes;
        whole = whole && !read_file(file.str(), 1 << 20, bytes) && bytes.size() == 100'000 &&
                bytes.find_first_not_of(bytes[0]) == std::string::npos;
    }
    stop = true;
    writer.join();
    CHECK(whole);
}

TEST_CASE("reading stops at the limit, and says what is missing")
{
    const test::temporary_path file("limit");
    std::string bytes;
    CHECK(read_file(file.str(), 10, bytes) == std::errc::no_such_file_or_directory);
    file.write("0123456789");
    CHECK_FALSE(read_file(file.str(), 10, bytes));
    CHECK(bytes == "0123456789");
    CHECK(read_file(file.str(), 9, bytes) == errc::response_too_large);
}

} // namespace
