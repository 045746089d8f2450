// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The embedded servers that the tests of flipt-cli talk to, driven by lines on stdin, each answered by a line.
#include "flipt/testing/server.hpp"

#include "flipt/testing/certificates.hpp"
#include "flipt/testing/jwt.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

namespace {

namespace ft = flipt::testing;
using namespace std::chrono_literals;

constexpr const char* issuer = "flipt-cli tests";
constexpr const char* client_token = "a-client-token-of-the-tests";

class servers {
public:
    explicit servers(std::string folder) : folder_(std::move(folder))
    {
        key_ = std::make_unique<ft::jwt_key>(ft::jwt_key::generate(ft::jwt_algorithm::es256));
        write("ca.pem", authority_.certificate_pem());
        write("other-ca.pem", ft::certificate_authority("another CA").certificate_pem());
        write_identity("client", authority_.issue(ft::certificate_request().client()));
        // For peers of the tests' own.
        write_identity("localhost", authority_.issue_localhost());
        write_identity("expired", issue(ft::certificate_request().address("127.0.0.1").expired()));
        write_identity("elsewhere", issue(ft::certificate_request().name("elsewhere.test")));
        start("v1", ft::flavour::v1, {});
        start("v2", ft::flavour::v2, {});
        start("tls", ft::flavour::v2, authority_.issue_localhost());
        start("expired", ft::flavour::v2, issue(ft::certificate_request().address("127.0.0.1").expired()));
        start("elsewhere", ft::flavour::v2, issue(ft::certificate_request().name("elsewhere.test")));
        start("mutual", ft::flavour::v2, authority_.issue_localhost(), true);
        start_kubernetes("kubernetes-v1", ft::flavour::v1);
        start_kubernetes("kubernetes-v2", ft::flavour::v2);
        start("old", ft::flavour::v2, authority_.issue_localhost(), false, ft::tls_version::tls1_1);
    }

    /// The first line: where everything is, as JSON.
    void introduce() const
    {
        const auto now = std::chrono::system_clock::now();
        std::cout << "{\"jwt\":\"" << sign(now, now + 1h) << "\",\"expired_jwt\":\"" << sign(now - 2h, now - 1h)
                  << "\",\"client_token\":\"" << client_token << "\",\"urls\":{";
        const char* separator = "";
        for (const auto& [name, server] : servers_) {
            std::cout << separator << '"' << name << "\":\"" << (*server)->url() << '"';
            separator = ",";
        }
        std::cout << "}}" << std::endl;
    }

    /// `SERVER VERB ...`; see the functions below.
    void obey(std::istringstream command)
    {
        std::string name, verb;
        command >> name >> verb;
        ft::server& server = **servers_.at(name);
        if (verb == "fault")
            server.add(read_fault(command));
        else if (verb == "clear")
            server.clear_faults();
        else if (verb == "close_idle")
            server.close_idle();
        else if (verb != "observe")
            throw std::runtime_error("no such command: " + verb);
        const ft::observations seen = server.observe();
        std::cout << "{\"requests\":" << seen.requests << ",\"connections\":" << seen.connections
                  << ",\"peak\":" << seen.peak_connections << "}" << std::endl;
    }

private:
    ft::certificate issue(const ft::certificate_request& request) const { return authority_.issue(request); }

    void start(const std::string& name, ft::flavour version, ft::certificate identity, bool mutual = false,
               ft::tls_version newest = ft::tls_version::tls1_3)
    {
        ft::server_options options;
        options.version = version;
        ft::jwt_rules rules;
        rules.public_key_pem = key_->public_pem();
        rules.issuer = issuer;
        options.auth.jwt = rules;
        options.auth.client_tokens.push_back(client_token);
        if (!identity.certificate_pem.empty()) {
            ft::tls_settings tls(std::move(identity));
            tls.max_version = newest;
            tls.min_version = std::min(tls.min_version, newest);
            if (mutual)
                tls.client_ca_pem = authority_.certificate_pem();
            options.tls = tls;
        }
        start(name, options);
    }
    void start_kubernetes(const std::string& name, ft::flavour version)
    {
        ft::server_options options;
        options.version = version;
        options.auth.kubernetes = true;
        start(name, options);
    }
    void start(const std::string& name, const ft::server_options& options)
    {
        auto server = std::make_unique<ft::server_thread>(options);
        fill(**server, options.version);
        servers_[name] = std::move(server);
    }

    static void fill(ft::server& server, ft::flavour version)
    {
        server.set_boolean("dark-mode", ft::any_entity, false, flipt::evaluation_reason::default_value);
        server.set_boolean("dark-mode", "ada", true, flipt::evaluation_reason::match, {"staff"});
        server.set_variant("checkout", ft::any_entity, "one-page", R"({"steps":1})");
        server.in("game").set_boolean("lobby", ft::any_entity, true);
        if (version == ft::flavour::v2) {
            server.add_environment("staging");
            server.in("default", "staging").set_boolean("only-in-staging", ft::any_entity, true);
        }
    }

    /// `fault TIMES PREFIX KIND [ARGUMENT]`; the argument is the rest of the line, with \r, \n and \0 for those bytes.
    static ft::fault read_fault(std::istringstream& command)
    {
        std::size_t times = 0;
        std::string prefix, kind, argument;
        command >> times >> prefix >> kind >> std::ws;
        std::getline(command, argument);
        ft::fault fault;
        fault.times(times).on(prefix);
        if (kind == "status") {
            std::istringstream words(argument);
            int status = 0;
            std::string body;
            words >> status >> std::ws;
            std::getline(words, body);
            fault.status(status, unescape(body));
        } else if (kind == "raw")
            fault.raw(unescape(argument)).after_reply().close();
        else if (kind == "delay")
            fault.delay(std::chrono::milliseconds(std::stoi(argument)));
        else if (kind == "no_answer")
            fault.no_answer();
        else if (kind == "reset")
            fault.reset();
        else if (kind == "mid_body")
            fault.mid_body().close();
        else if (kind == "dribble")
            fault.pieces(1, 50ms);
        else
            throw std::runtime_error("no such fault: " + kind);
        return fault;
    }

    static std::string unescape(const std::string& text)
    {
        std::string out;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '\\' || i + 1 == text.size()) {
                out += text[i];
                continue;
            }
            switch (text[++i]) {
            case 'r': out += '\r'; break;
            case 'n': out += '\n'; break;
            case '0': out += '\0'; break;
            case '\\': out += '\\'; break;
            default: out.append("\\").push_back(text[i]);
            }
        }
        return out;
    }

    std::string sign(std::chrono::system_clock::time_point from, std::chrono::system_clock::time_point to) const
    {
        ft::jwt_claims claims;
        claims.issuer(issuer).issued_at(from).not_before(from).expires_at(to);
        return key_->sign(claims);
    }

    void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ + "/" + name) << text; }
    void write_identity(const std::string& name, const ft::certificate& identity) const
    {
        write(name + ".pem", identity.certificate_pem);
        write(name + "-key.pem", identity.private_key_pem);
    }

    std::string folder_;
    ft::certificate_authority authority_;
    std::unique_ptr<ft::jwt_key> key_;
    std::map<std::string, std::unique_ptr<ft::server_thread>> servers_;
};

} // namespace

/// server FOLDER: writes certificates to the folder and serves until stdin ends.
int main(int argc, char** argv)
{
    if (argc != 2)
        return 2;
    servers all(argv[1]);
    all.introduce();
    std::string line;
    while (std::getline(std::cin, line))
        all.obey(std::istringstream(line));
}
