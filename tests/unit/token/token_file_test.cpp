// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Tokens in files that come, change and go.
#include "flipt/token/provider.hpp"
#include "flipt/token/token_file.hpp"
#include "flipt/types/error.hpp"

#include "freed_memory.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using flipt::errc;
using flipt::jwt_file;
using flipt::v0::detail::file_stamp;
using flipt::v0::detail::policy_provider;
using flipt::v0::detail::read_token_file;
using flipt::v0::detail::token_state;
using flipt::v0::detail::token_view;
using namespace std::chrono_literals;

class folder {
public:
    folder()
    {
        std::string name = (fs::temp_directory_path() / "flipt-token-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("mkdtemp");
        path = name;
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder()
    {
        std::error_code ec;
        fs::remove_all(path, ec);
    }
    [[nodiscard]] std::string file(const char* name) const { return (path / name).string(); }

    fs::path path;
};

void write(const std::string& path, std::string_view bytes)
{
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << bytes;
}
void make_old(const std::string& path) { fs::last_write_time(path, fs::file_time_type::clock::now() - 1h); }

struct file_look {
    token_state state;
    std::string token;
    std::error_code ec;
    std::uint64_t generation;
};
template <class P>
file_look look_at(policy_provider<P>& provider)
{
    token_view view;
    std::error_code ec;
    const token_state state = provider.look({}, {}, view, ec);
    return {state, std::string(view.token), ec, view.generation};
}

TEST_CASE("white space behind the token is no part of it")
{
    const folder f;
    const std::string path = f.file("token");
    file_stamp stamp;
    for (const char* bytes : {"abc", "abc\n", "abc\r\n", "abc \t\n\n"}) {
        write(path, bytes);
        CAPTURE(std::string(bytes));
        CHECK(read_token_file(path, stamp).view() == "abc");
    }
    const std::string longest(flipt::max_token_size, 'x');
    write(path, longest + "\n");
    CHECK(read_token_file(path, stamp).view() == longest);
}

TEST_CASE("a file that holds no token is refused by name, without its content")
{
    const folder f;
    const std::string path = f.file("token");
    const std::string bad[] = {"",
                               "\n",
                               "two\nlines",
                               "\xef\xbb\xbftoken",
                               std::string("to\0ken", 6),
                               " abc",
                               "\xfftoken",
                               std::string(flipt::max_token_size + 1, 'x'),
                               std::string(1000000, 'x')};
    for (const std::string& bytes : bad) {
        write(path, bytes);
        CAPTURE(bytes.substr(0, 20));
        try {
            file_stamp stamp;
            (void)read_token_file(path, stamp);
            FAIL("it was taken");
        } catch (const flipt::error& e) {
            CHECK((e.code() == errc::invalid_token));
            CHECK(std::string(e.what()).find(path) != std::string::npos);
            CHECK(std::string(e.what()).find("ken\n") == std::string::npos);
            CHECK(std::string(e.what()).find("xx") == std::string::npos);
        }
    }
    for (const std::string& name : {f.file("missing"), f.path.string(), std::string("/dev/zero"), std::string()}) {
        CAPTURE(name);
        file_stamp stamp;
        CHECK_THROWS_AS((void)read_token_file(name, stamp), flipt::error);
    }
    const std::string pipe = f.file("pipe");
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    file_stamp stamp;
    CHECK_THROWS_AS((void)read_token_file(pipe, stamp), flipt::error); // and does not hang
}

TEST_CASE("a file is read again when it changes: in place, in size, replaced, by a link")
{
    const folder f;
    const std::string path = f.file("token");
    write(path, "one");
    policy_provider<jwt_file> provider(jwt_file(path, 0s));
    CHECK(look_at(provider).token == "one");
    const std::uint64_t generation = look_at(provider).generation;
    write(path, "two"); // the same size, in the same step of the clock
    CHECK(look_at(provider).token == "two");
    CHECK(look_at(provider).generation != generation);
    write(path, "three");
    CHECK(look_at(provider).token == "three");
    make_old(path);
    CHECK(look_at(provider).token == "three");
    // Same size and time: only the inode tells.
    const auto time = fs::last_write_time(path);
    write(f.file("next"), "THREE");
    fs::last_write_time(f.file("next"), time);
    fs::rename(f.file("next"), path);
    CHECK(look_at(provider).token == "THREE");
    // As Kubernetes does: a link to a folder that is swapped.
    fs::create_directory(f.path / "v1");
    fs::create_directory(f.path / "v2");
    write((f.path / "v1/token").string(), "from v1");
    write((f.path / "v2/token").string(), "from v2");
    fs::create_directory_symlink("v1", f.path / "data");
    policy_provider<jwt_file> linked(jwt_file((f.path / "data/token").string(), 0s));
    CHECK(look_at(linked).token == "from v1");
    fs::create_directory_symlink("v2", f.path / "data.next");
    fs::rename(f.path / "data.next", f.path / "data");
    CHECK(look_at(linked).token == "from v2");
}

TEST_CASE("a file that is old and unchanged is not read again, and the same bytes are the same token")
{
    const folder f;
    const std::string path = f.file("token");
    write(path, "abc");
    make_old(path);
    jwt_file policy(path, 0s);
    const std::uint64_t version = policy.version();
    CHECK(policy.token() == "abc");
    // Unreadable, but its status can be had: shows that it is not opened (root may open everything).
    if (geteuid() != 0) {
        fs::permissions(path, fs::perms::none);
        CHECK(policy.version() == version);
        fs::permissions(path, fs::perms::owner_all);
    }
    write(path, "abc\n");
    CHECK(policy.version() == version);
    write(path, "abcd");
    CHECK(policy.version() != version);
    CHECK(policy.token() == "abcd");
}

TEST_CASE("between two checks the file is not file_look at; a 401 looks at once")
{
    const folder f;
    const std::string path = f.file("token");
    write(path, "one");
    policy_provider<jwt_file> provider(jwt_file(path, 24h));
    CHECK(look_at(provider).token == "one");
    write(path, "two");
    const file_look before = look_at(provider);
    CHECK(before.token == "one");
    CHECK(provider.reject(before.generation));
    const file_look after = look_at(provider);
    CHECK(after.token == "two");
    CHECK_FALSE(provider.reject(after.generation)); // nothing new in it
    policy_provider<jwt_file> never(jwt_file(path, std::chrono::steady_clock::duration::max()));
    CHECK(look_at(never).token == "two");
    write(path, "three");
    CHECK(look_at(never).token == "two");
    fs::remove(path);
    CHECK_FALSE(provider.reject(after.generation));
}

TEST_CASE("a missing file fails by name until it is there")
{
    const folder f;
    const std::string path = f.file("token");
    policy_provider<jwt_file> provider(jwt_file(path, 0s));
    for (int i = 0; i < 2; ++i) {
        const file_look l = look_at(provider);
        CHECK(l.state == token_state::failed);
        CHECK((l.ec == errc::invalid_token));
        CHECK(provider.detail().find(path) != std::string_view::npos);
        CHECK(provider.detail().find("No such file") != std::string_view::npos);
    }
    write(path, "abc");
    CHECK(look_at(provider).token == "abc");
    CHECK(provider.detail().empty());
    fs::remove(path);
    CHECK(look_at(provider).state == token_state::failed);
    write(path, "abc");
    CHECK(look_at(provider).state == token_state::ready);

    // The failure is remembered between checks.
    policy_provider<jwt_file> slow(jwt_file(f.file("later"), 24h));
    CHECK(look_at(slow).state == token_state::failed);
    write(f.file("later"), "there");
    CHECK(look_at(slow).state == token_state::failed);
    CHECK(slow.policy().invalidate());
    CHECK(look_at(slow).token == "there");
}

TEST_CASE("a file of a client token has the other scheme")
{
    const folder f;
    write(f.file("token"), "abc\n");
    policy_provider<flipt::token_file> provider(flipt::token_file(f.file("token")));
    token_view view;
    std::error_code ec;
    CHECK(provider.look({}, {}, view, ec) == token_state::ready);
    CHECK(view.scheme == "Bearer");
    CHECK(view.token == "abc");
    CHECK(jwt_file::scheme == "JWT");
}

TEST_CASE("what was read is wiped")
{
    constexpr std::string_view text = "a-token-read-from-a-file-0123456789";
    const folder f;
    write(f.file("token"), text);
    const token_test::freed_memory_watch watch(text);
    {
        policy_provider<jwt_file> provider(jwt_file(f.file("token"), 0s));
        token_view view;
        std::error_code ec;
        CHECK(provider.look({}, {}, view, ec) == token_state::ready);
        CHECK(view.token == text);
        CHECK(provider.look({}, {}, view, ec) == token_state::ready);
    }
    CHECK(watch.hits() == 0);
}

} // namespace
