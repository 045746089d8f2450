// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Boost.Beast at its leanest: the plain socket with a concrete executor, no timer; request, buffer and body are kept,
// the fields of a reply come from memory of the session's. So does Beast's own "HTTP server, fast" (documentation,
// "Examples"; example/http/server/fast: "optimized for performance", with fields_alloc.hpp and a kept parser).
#include "beast.hpp"

#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <type_traits>

namespace {

using namespace bench;
using tcp = net::ip::tcp;
using executor = net::io_context::executor_type;
using socket_type = net::basic_stream_socket<tcp, executor>;

// Memory for the fields of one message, given back all at once.
struct arena {
    alignas(std::max_align_t) char memory[4096];
    std::size_t used = 0;
};

template <class T>
class arena_allocator {
public:
    using value_type = T;
    using is_always_equal = std::false_type;

    explicit arena_allocator(arena& a) noexcept : arena_(&a) {}
    template <class U>
    arena_allocator(const arena_allocator<U>& other) noexcept : arena_(other.arena_)
    {}
    T* allocate(std::size_t n)
    {
        const std::size_t align = alignof(std::max_align_t);
        const std::size_t size = (n * sizeof(T) + align - 1) / align * align;
        if (arena_->used + size > sizeof arena_->memory)
            throw std::bad_alloc();
        char* at = arena_->memory + arena_->used;
        arena_->used += size;
        return reinterpret_cast<T*>(at);
    }
    void deallocate(T*, std::size_t) noexcept {}
    friend bool operator==(const arena_allocator& a, const arena_allocator& b) { return a.arena_ == b.arena_; }
    friend bool operator!=(const arena_allocator& a, const arena_allocator& b) { return a.arena_ != b.arena_; }

private:
    template <class>
    friend class arena_allocator;
    arena* arena_;
};

template <class Stream>
class session {
public:
    session(net::io_context& io, net::ssl::context& tls, const options& o, beast_work& work)
        : stream_(make(io, tls)), work_(work)
    {
        beast::error_code ec;
        auto& socket = beast::get_lowest_layer(stream_);
        socket.connect(tcp::endpoint(net::ip::make_address(o.host), o.port), ec);
        check(ec, "connect");
        socket.set_option(tcp::no_delay(true));
        if constexpr (!std::is_same_v<Stream, socket_type>) {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream_.native_handle()), o.host.c_str());
            stream_.handshake(net::ssl::stream_base::client, ec);
            check(ec, "handshake");
        }
        request_.method(http::verb::post);
        request_.target("/evaluate/v1/boolean");
        request_.version(11);
        request_.set(http::field::host, o.host + ':' + std::to_string(o.port));
        request_.set(http::field::accept, "application/json");
        request_.set(http::field::content_type, "application/json");
        request_.set(http::field::authorization, "JWT " + token());
        body_.reserve(16384);
        buffer_.reserve(16384);
    }

    void send()
    {
        if (!work_.next(entity_))
            return;
        started_ = work_.now();
        body(request_.body(), flag_key, entity_);
        request_.content_length(request_.body().size());
        http::async_write(stream_, request_, [this](beast::error_code ec, std::size_t) {
            check(ec, "write");
            receive();
        });
    }

    [[nodiscard]] const answer& result() const { return result_; }

private:
    using allocator = arena_allocator<char>;
    using parser_type = http::response_parser<http::string_body, allocator>;

    static Stream make(net::io_context& io, net::ssl::context& tls)
    {
        if constexpr (std::is_same_v<Stream, socket_type>)
            return Stream(io.get_executor());
        else
            return Stream(io.get_executor(), tls);
    }

    void receive()
    {
        parser_.reset();
        arena_.used = 0;
        parser_.emplace(std::piecewise_construct, std::make_tuple(), std::make_tuple(allocator(arena_)));
        body_.clear();
        parser_->get().body() = std::move(body_);
        http::async_read(stream_, buffer_, *parser_, [this](beast::error_code ec, std::size_t) {
            check(ec, "read");
            body_ = std::move(parser_->get().body());
            reader_.read(body_.data(), body_.size(), body_.capacity(), result_);
            work_.finished(started_);
            send();
        });
    }

    Stream stream_;
    beast_work& work_;
    http::request<http::string_body> request_;
    beast::flat_buffer buffer_;
    arena arena_;
    std::optional<parser_type> parser_;
    std::string body_;
    std::string entity_;
    reply_reader reader_;
    answer result_;
    meter::clock::time_point started_;
};

} // namespace

int main(int argc, char** argv)
{
    return parse(argc, argv).ca.empty() ? run_beast<session<socket_type>>(argc, argv)
                                        : run_beast<session<net::ssl::stream<socket_type>>>(argc, argv);
}
