// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// An easy handle of libcurl that is kept, as libcurl-tutorial(3) recommends: "Persistence Is The Way to Happiness:
// Re-cycling the same easy handle several times when doing multiple requests is the way to go". TCP_NODELAY is its
// default (CURLOPT_TCP_NODELAY(3), since 7.50.2).
#pragma once

#include "../support/meter.hpp"
#include "../support/payload.hpp"
#include "reply.hpp"

#include <cstdio>
#include <cstdlib>
#include <curl/curl.h>
#include <string>

namespace bench {

class curl_handle {
public:
    explicit curl_handle(const options& o) : easy(curl_easy_init()), url_(o.url() + "/evaluate/v1/boolean"), ca_(o.ca)
    {
        received_.reserve(16384);
        headers_ = curl_slist_append(headers_, "Accept: application/json");
        headers_ = curl_slist_append(headers_, "Content-Type: application/json");
        headers_ = curl_slist_append(headers_, ("Authorization: JWT " + token()).c_str());
        curl_easy_setopt(easy, CURLOPT_URL, url_.c_str());
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_);
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &curl_handle::receive);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 10000L); // its deadline, as ours has one
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        if (!ca_.empty()) {
            curl_easy_setopt(easy, CURLOPT_CAINFO, ca_.c_str());
            curl_easy_setopt(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_3});
        }
    }
    curl_handle(const curl_handle&) = delete;

    /// CURLOPT_POSTFIELDS does not copy.
    void prepare(long i)
    {
        entity(i, entity_);
        body(body_, flag_key, entity_);
        received_.clear();
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body_.data());
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(body_.size()));
    }

    void finish(CURLcode code)
    {
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK || status != 200) {
            std::fprintf(stderr, "curl: %s, HTTP %ld\n", curl_easy_strerror(code), status);
            std::exit(1);
        }
        received_.reserve(received_.size() + simdjson::SIMDJSON_PADDING);
        reader_.read(received_.data(), received_.size(), received_.capacity(), result);
    }

    CURL* easy;
    answer result;
    meter::clock::time_point started;

private:
    static std::size_t receive(char* data, std::size_t size, std::size_t n, void* self)
    {
        static_cast<curl_handle*>(self)->received_.append(data, size * n);
        return size * n;
    }

    std::string url_, ca_, entity_, body_, received_;
    curl_slist* headers_ = nullptr;
    reply_reader reader_;
};

} // namespace bench
