// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Boost.Beast as its examples show it (example/http/client/async and async-ssl): a tcp_stream, expires_after() before
// each operation, a new request and response for each message; and kept alive, which the examples are not.
#include "beast.hpp"

#include <boost/beast/ssl.hpp>
#include <chrono>
#include <string>
#include <type_traits>

namespace {

using namespace bench;
using tcp = net::ip::tcp;

template <class Stream>
class session : public std::enable_shared_from_this<session<Stream>> {
public:
    session(net::io_context& io, net::ssl::context& tls, const options& o, beast_work& work)
        : stream_(make(io, tls)), work_(work), host_(o.host + ':' + std::to_string(o.port))
    {
        beast::error_code ec;
        auto& lowest = beast::get_lowest_layer(stream_);
        lowest.connect(tcp::endpoint(net::ip::make_address(o.host), o.port), ec);
        check(ec, "connect");
        lowest.socket().set_option(tcp::no_delay(true));
        if constexpr (!std::is_same_v<Stream, beast::tcp_stream>) {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream_.native_handle()), o.host.c_str());
            stream_.handshake(net::ssl::stream_base::client, ec);
            check(ec, "handshake");
        }
    }

    void send()
    {
        if (!work_.next(entity_))
            return;
        started_ = work_.now();
        request_ = http::request<http::string_body>(http::verb::post, "/evaluate/v1/boolean", 11);
        request_.set(http::field::host, host_);
        request_.set(http::field::accept, "application/json");
        request_.set(http::field::content_type, "application/json");
        request_.set(http::field::authorization, token_);
        body(request_.body(), flag_key, entity_);
        request_.prepare_payload();
        beast::get_lowest_layer(stream_).expires_after(std::chrono::seconds(30));
        http::async_write(stream_, request_, beast::bind_front_handler(&session::on_write, this->shared_from_this()));
    }

    [[nodiscard]] const answer& result() const { return result_; }

private:
    static Stream make(net::io_context& io, net::ssl::context& tls)
    {
        if constexpr (std::is_same_v<Stream, beast::tcp_stream>)
            return Stream(io);
        else
            return Stream(io, tls);
    }

    void on_write(beast::error_code ec, std::size_t)
    {
        check(ec, "write");
        response_ = http::response<http::string_body>();
        http::async_read(stream_, buffer_, response_,
                         beast::bind_front_handler(&session::on_read, this->shared_from_this()));
    }
    void on_read(beast::error_code ec, std::size_t)
    {
        check(ec, "read");
        std::string& text = response_.body();
        text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
        reader_.read(text.data(), text.size(), text.capacity(), result_);
        work_.finished(started_);
        send();
    }

    Stream stream_;
    beast_work& work_;
    std::string host_;
    std::string token_ = "JWT " + token();
    http::request<http::string_body> request_;
    http::response<http::string_body> response_;
    beast::flat_buffer buffer_;
    std::string entity_;
    reply_reader reader_;
    answer result_;
    meter::clock::time_point started_;
};

} // namespace

int main(int argc, char** argv)
{
    return parse(argc, argv).ca.empty() ? run_beast<session<beast::tcp_stream>>(argc, argv)
                                        : run_beast<session<beast::ssl_stream<beast::tcp_stream>>>(argc, argv);
}
