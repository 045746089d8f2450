// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Addresses that do not answer at all, and servers that choose another protocol in ALPN.
#include "flipt/net/tls_error.hpp"

#include "unit/client/harness.hpp"

#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/write.hpp>

#include <openssl/ssl.h>

#include <thread>
#include <tuple>

namespace {

using namespace client_test;
namespace ft = flipt::testing;

/// A port of loopback whose SYNs get no answer: it listens, nobody accepts, and its queue is full. (Linux then drops
/// what comes.)
class silent_port {
public:
    silent_port() : acceptor_(context_)
    {
        acceptor_.open(asio::ip::tcp::v4());
        acceptor_.bind({asio::ip::address_v4::loopback(), 0});
        acceptor_.listen(0);
        port = acceptor_.local_endpoint().port();
        // Connections until one does not come about any more.
        for (int i = 0; i != 16 && !full; ++i) {
            auto& socket = fillers_.emplace_back(context_);
            std::error_code result = asio::error::would_block;
            socket.async_connect(acceptor_.local_endpoint(), [&](const std::error_code& ec) { result = ec; });
            context_.restart();
            context_.run_for(100ms);
            full = result == asio::error::would_block;
        }
    }

    std::uint16_t port = 0;
    bool full = false;

private:
    asio::io_context context_;
    asio::ip::tcp::acceptor acceptor_;
    std::vector<asio::ip::tcp::socket> fillers_;
};

/// Answers one TLS connection, with a protocol of its own choice in ALPN ("" = none).
class choosy_server {
public:
    choosy_server(const ft::certificate& identity, std::string protocol)
        : protocol_(std::move(protocol)),
          acceptor_(context_, {asio::ip::address_v4::loopback(), 0}),
          port(acceptor_.local_endpoint().port()),
          thread_([this, identity] { serve(identity); })
    {}
    choosy_server(const choosy_server&) = delete;
    choosy_server& operator=(const choosy_server&) = delete;
    ~choosy_server() { join(); }

    /// Waits until the client has left.
    void join()
    {
        if (thread_.joinable())
            thread_.join();
    }

    // To be read after join().
    std::string offered;  // by the client
    std::string received; // after the handshake

private:
    static int choose(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                      unsigned int in_size, void* self)
    {
        auto& server = *static_cast<choosy_server*>(self);
        server.offered.assign(reinterpret_cast<const char*>(in), in_size);
        if (server.protocol_.empty())
            return SSL_TLSEXT_ERR_NOACK;
        *out = reinterpret_cast<const unsigned char*>(server.protocol_.data());
        *out_size = static_cast<unsigned char>(server.protocol_.size());
        return SSL_TLSEXT_ERR_OK;
    }
    void serve(const ft::certificate& identity)
    {
        asio::ssl::context tls(asio::ssl::context::tls_server);
        tls.use_certificate_chain(asio::buffer(identity.certificate_pem));
        tls.use_private_key(asio::buffer(identity.private_key_pem), asio::ssl::context::pem);
        SSL_CTX_set_alpn_select_cb(tls.native_handle(), &choosy_server::choose, this);
        asio::ssl::stream<asio::ip::tcp::socket> stream(acceptor_.accept(), tls);
        std::error_code ec;
        stream.handshake(asio::ssl::stream_base::server, ec);
        char block[4096];
        while (!ec && received.find("\r\n\r\n") == std::string::npos)
            received.append(block, stream.read_some(asio::buffer(block), ec));
        if (!ec)
            asio::write(stream, asio::buffer(http_ok(good_json)), ec);
        while (!ec)
            stream.read_some(asio::buffer(block), ec); // until the client leaves
    }

    std::string protocol_;
    asio::io_context context_;
    asio::ip::tcp::acceptor acceptor_;

public:
    const std::uint16_t port;

private:
    std::thread thread_;
};

} // namespace

TEST_CASE("an address that does not answer ends at the connect timeout, or at the deadline")
{
    const silent_port nobody;
    if (!nobody.full) {
        MESSAGE("skipped: this system answers for a full queue");
        return;
    }
    const std::string url = "http://127.0.0.1:" + std::to_string(nobody.port);
    for (const int repeats : {0, 1}) {
        CAPTURE(repeats);
        asio::io_context context(1);
        auto c = settings(url, repeats);
        c.connect_timeout = 100ms;
        const flipt::client client(context.get_executor(), c);
        auto begin = clock::now();
        const outcome out = call(context, client, {.timeout = 10s});
        CHECK_MESSAGE(out.ec == errc::timed_out, name_of(out.ec));
        CHECK(clock::now() - begin >= 100ms * (repeats + 1));
        CHECK(clock::now() - begin < 5s);
        begin = clock::now();
        const outcome sooner = call(context, client, {.timeout = 50ms});
        CHECK_MESSAGE(sooner.ec == errc::timed_out, name_of(sooner.ec));
        CHECK(clock::now() - begin < 5s);
    }
}

TEST_CASE("a name is looked up by the system, and one that is none is an error")
{
    ft::server_thread server;
    server->set_boolean("flag", ft::any_entity, true);
    asio::io_context context(1);
    const flipt::client known(context.get_executor(), settings(server->url("localhost"), 0));
    const outcome out = call(context, known, {.timeout = 10s});
    CHECK_MESSAGE(!out.ec, name_of(out.ec));
    CHECK(out.answer.enabled);
    const flipt::client unknown(context.get_executor(), settings("http://no-such-host.invalid", 0));
    const outcome none = call(context, unknown, {.timeout = 10s});
    const bool not_found = none.ec == asio::error::host_not_found || none.ec == asio::error::host_not_found_try_again;
    CHECK_MESSAGE(not_found, name_of(none.ec));
}

TEST_CASE("an address that does not answer takes only its share of the time from the next one")
{
    const silent_port nobody;
    if (!nobody.full) {
        MESSAGE("skipped: this system answers for a full queue");
        return;
    }
    ft::server_thread server;
    server->set_boolean("flag", ft::any_entity, true);
    // The time of the connection, of the call where that is less, and of the call alone: half of it for each address
    // (a call has used some of its own before).
    for (const auto& [connect_timeout, timeout, share] :
         {std::tuple(400ms, 10000ms, 200ms), std::tuple(60000ms, 2000ms, 900ms), std::tuple(0ms, 2000ms, 900ms)}) {
        CAPTURE(connect_timeout.count());
        asio::io_context context(1);
        auto c = settings("http://flipt.test", 0);
        c.connect_timeout = connect_timeout;
        auto resolver = std::make_shared<manual_resolver>();
        const flipt::client client(context.get_executor(), c, flipt::no_token(), resolver);
        cancellable_call<flipt::client<>> waiting(context, client, {.timeout = timeout});
        CHECK(run_until(context, [&] { return !resolver->pending.empty(); }));
        const auto loopback = asio::ip::address_v4::loopback();
        resolver->answer({}, {{loopback, nobody.port}, {loopback, server->port()}});
        const auto begin = clock::now();
        CHECK(run_until(context, [&] { return waiting.ended; }));
        CHECK_MESSAGE(!waiting.out.ec, name_of(waiting.out.ec));
        CHECK(waiting.out.answer.enabled);
        CHECK(clock::now() - begin >= share);
        CHECK(clock::now() - begin < 5s);
    }
}

TEST_CASE("a server may choose http/1.1 in ALPN or nothing; one that chooses anything else is refused")
{
    const ft::certificate_authority authority;
    const ft::certificate identity = authority.issue_localhost();
    class choice {
    public:
        const char* protocol;
        bool accepted;
    };
    const choice choices[] = {{"http/1.1", true}, {"", true}, {"h2", false}, {"http/1.0", false}, {"http/1.1 ", false}};
    for (const choice& one : choices) {
        CAPTURE(one.protocol);
        choosy_server server(identity, one.protocol);
        outcome out;
        {
            asio::io_context context(1);
            auto c = settings("https://127.0.0.1:" + std::to_string(server.port), 0);
            c.tls.ca_pem = authority.certificate_pem();
            const flipt::client client(context.get_executor(), c, flipt::jwt_token("a.b.c"));
            out = call(context, client, {.timeout = 10s});
        }
        server.join();
        CHECK(server.offered == "\x08http/1.1");
        if (one.accepted) {
            CHECK_MESSAGE(!out.ec, name_of(out.ec));
            CHECK(out.answer.enabled);
        } else {
            CHECK_MESSAGE(out.ec.category() == flipt::tls_category(), name_of(out.ec));
            CHECK_MESSAGE(server.received.empty(), server.received);
        }
    }
}
