// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/testing/jwt.hpp.
#pragma once

#include "flipt/testing/impl/jwt_signature.ipp"
#include "flipt/testing/json_text.hpp"
#include "flipt/testing/jwt.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace flipt::inline v0::testing {

namespace detail {

inline std::optional<jwt_algorithm> algorithm_named(std::string_view name)
{
    for (const auto a :
         {jwt_algorithm::rs256, jwt_algorithm::rs512, jwt_algorithm::es256, jwt_algorithm::es512, jwt_algorithm::eddsa})
        if (to_string(a) == name)
            return a;
    return std::nullopt; // "none", HS256 and all the others
}

// The claims that are looked at. A time of 0 is one that is absent, as in the Go library.
class read_claims {
public:
    read_claims() = default;

    bool valid = false;
    std::string issuer;
    std::string subject;
    std::vector<std::string> audiences;
    double exp = 0;
    double nbf = 0;
    double iat = 0;
};

inline bool read_time(simdjson::dom::object claims, std::string_view name, double& out)
{
    simdjson::dom::element value;
    if (claims.at_key(name).get(value) != simdjson::SUCCESS || value.is_null())
        return true;
    double number = 0;
    if (value.get(number) != simdjson::SUCCESS || !std::isfinite(number) || std::abs(number) > 9e15)
        return false;
    out = std::trunc(number);
    return true;
}

inline bool read_text(simdjson::dom::object claims, std::string_view name, std::string& out)
{
    simdjson::dom::element value;
    if (claims.at_key(name).get(value) != simdjson::SUCCESS || value.is_null())
        return true;
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS)
        return false;
    out.assign(text);
    return true;
}

inline read_claims parse_claims(const std::string& payload)
{
    read_claims claims;
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(payload).get(object) != simdjson::SUCCESS)
        return claims;
    if (!read_text(object, "iss", claims.issuer) || !read_text(object, "sub", claims.subject) ||
        !read_time(object, "exp", claims.exp) || !read_time(object, "nbf", claims.nbf) ||
        !read_time(object, "iat", claims.iat))
        return claims;
    simdjson::dom::element audience;
    if (object.at_key("aud").get(audience) == simdjson::SUCCESS && !audience.is_null()) {
        std::string_view one;
        simdjson::dom::array several;
        if (audience.get(one) == simdjson::SUCCESS) {
            claims.audiences.emplace_back(one);
        } else if (audience.get(several) == simdjson::SUCCESS) {
            for (const auto item : several) {
                if (item.get(one) != simdjson::SUCCESS)
                    return claims;
                claims.audiences.emplace_back(one);
            }
        } else {
            return claims;
        }
    }
    claims.valid = true;
    return claims;
}

// Why these claims are refused at that moment, or nothing.
inline std::string judge(const jwt_rules& rules, const read_claims& claims, double now)
{
    constexpr double default_leeway = 150;
    constexpr double clock_skew = 60;
    if (!rules.issuer.empty() && rules.issuer != claims.issuer)
        return "wrong issuer (iss)";
    if (!rules.subject.empty() && rules.subject != claims.subject)
        return "wrong subject (sub)";
    if (!rules.audiences.empty() &&
        std::find_first_of(rules.audiences.begin(), rules.audiences.end(), claims.audiences.begin(),
                           claims.audiences.end()) == rules.audiences.end())
        return "wrong audience (aud)";
    if (claims.exp == 0 && claims.nbf == 0 && claims.iat == 0)
        return "none of exp, nbf, iat";
    const double exp = claims.exp != 0 ? claims.exp : std::max(claims.iat, claims.nbf) + default_leeway;
    const double nbf = claims.nbf != 0 ? claims.nbf : claims.iat != 0 ? claims.iat : exp - default_leeway;
    if (now + clock_skew < nbf)
        return "not yet valid (nbf)";
    if (now - clock_skew > exp)
        return "expired (exp)";
    if (now + clock_skew < claims.iat)
        return "issued in the future (iat)";
    return {};
}

} // namespace detail

FLIPT_DECL jwt_claims& jwt_claims::text(std::string_view name, std::string_view value)
{
    std::string json;
    detail::append_json_string(json, value);
    return raw(name, json);
}

FLIPT_DECL std::string jwt_claims::json() const
{
    auto members = members_;
    if (!audiences_.empty()) {
        std::string list = audiences_.size() == 1 ? "" : "[";
        for (const auto& a : audiences_) {
            if (&a != &audiences_.front())
                list += ',';
            detail::append_json_string(list, a);
        }
        if (audiences_.size() != 1)
            list += ']';
        members.emplace_back("aud", list);
    }
    std::sort(members.begin(), members.end());
    std::string out = "{";
    for (const auto& [name, value] : members) {
        if (out.size() > 1)
            out += ',';
        detail::append_json_string(out, name);
        out += ':';
        out += value;
    }
    return out + "}";
}

FLIPT_DECL jwt_key jwt_key::generate(jwt_algorithm algorithm)
{
    EVP_PKEY* key = nullptr;
    switch (algorithm) {
    case jwt_algorithm::rs256:
    case jwt_algorithm::rs512: key = EVP_RSA_gen(2048U); break;
    case jwt_algorithm::es256: key = EVP_EC_gen("P-256"); break;
    case jwt_algorithm::es512: key = EVP_EC_gen("P-521"); break;
    case jwt_algorithm::eddsa: key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"); break;
    }
    return jwt_key(algorithm, detail::own(key, "key generation"));
}

FLIPT_DECL jwt_key jwt_key::from_private_pem(jwt_algorithm algorithm, std::string_view pem)
{
    const detail::bio_ptr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free_all);
    if (!bio)
        detail::crypto_failure("BIO_new_mem_buf");
    auto key = detail::own(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), "reading a private key");
    if (!detail::fits(key.get(), algorithm))
        throw std::invalid_argument("the key does not fit the JWT algorithm");
    return jwt_key(algorithm, std::move(key));
}

FLIPT_DECL std::string jwt_key::public_pem() const
{
    const detail::bio_ptr bio(BIO_new(BIO_s_mem()), &BIO_free_all);
    if (!bio || PEM_write_bio_PUBKEY(bio.get(), key_.get()) != 1)
        detail::crypto_failure("writing a public key");
    return detail::bio_text(bio.get());
}

FLIPT_DECL std::string jwt_key::private_pem() const
{
    const detail::bio_ptr bio(BIO_new(BIO_s_mem()), &BIO_free_all);
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        detail::crypto_failure("writing a private key");
    return detail::bio_text(bio.get());
}

FLIPT_DECL std::string jwt_key::sign_raw(std::string_view header, std::string_view payload) const
{
    std::string token = base64url_encode(header) + "." + base64url_encode(payload);
    const std::string signature = detail::sign_bytes(key_.get(), algorithm_, token);
    return token + "." + base64url_encode(signature);
}

FLIPT_DECL std::string jwt_key::sign(const jwt_claims& claims) const
{
    return sign_raw("{\"alg\":\"" + std::string(to_string(algorithm_)) + "\",\"typ\":\"JWT\"}", claims.json());
}

FLIPT_DECL jwt_verifier::jwt_verifier(jwt_rules rules) : rules_(std::move(rules))
{
    const auto& pem = rules_.public_key_pem;
    const detail::bio_ptr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free_all);
    while (bio) {
        EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr);
        if (key == nullptr)
            break;
        keys_.push_back(detail::own(key, "reading a public key"));
    }
    if (keys_.empty())
        throw std::invalid_argument("flipt::testing: no public key in the PEM text");
}

FLIPT_DECL jwt_verdict jwt_verifier::verify(std::string_view token, std::chrono::system_clock::time_point now) const
{
    jwt_verdict verdict;
    const auto refuse = [&](std::string why) {
        verdict.reason = std::move(why);
        return verdict;
    };
    const auto first = token.find('.');
    const auto second = first == token.npos ? first : token.find('.', first + 1);
    if (second == token.npos || token.find('.', second + 1) != token.npos)
        return refuse("not three parts");
    const auto header = base64url_decode(token.substr(0, first));
    auto payload = base64url_decode(token.substr(first + 1, second - first - 1));
    const auto signature = base64url_decode(token.substr(second + 1));
    if (!header || !payload || !signature)
        return refuse("not base64url");

    simdjson::dom::parser parser;
    simdjson::dom::object fields;
    std::string_view name;
    if (parser.parse(*header).get(fields) != simdjson::SUCCESS || fields.at_key("alg").get(name) != simdjson::SUCCESS)
        return refuse("no header with an algorithm");
    const auto algorithm = detail::algorithm_named(name);
    if (!algorithm)
        return refuse("algorithm not allowed");
    const auto signed_by = [&](const std::shared_ptr<EVP_PKEY>& key) {
        return detail::fits(key.get(), *algorithm) &&
               detail::verify_bytes(key.get(), *algorithm, token.substr(0, second), *signature);
    };
    if (std::none_of(keys_.begin(), keys_.end(), signed_by))
        return refuse("wrong signature");

    const auto claims = detail::parse_claims(*payload);
    if (!claims.valid)
        return refuse("claims of the wrong type");
    const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
    if (auto why = detail::judge(rules_, claims, seconds); !why.empty())
        return refuse(std::move(why));
    verdict.ok = true;
    verdict.issuer = claims.issuer;
    verdict.payload = std::move(*payload);
    return verdict;
}

FLIPT_DECL std::string base64url_encode(std::string_view bytes)
{
    static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : bytes) {
        bits = (bits << 8) | static_cast<unsigned char>(c);
        for (count += 8; count >= 6; count -= 6)
            out += alphabet[(bits >> (count - 6)) & 63];
    }
    if (count > 0)
        out += alphabet[(bits << (6 - count)) & 63];
    return out;
}

FLIPT_DECL std::optional<std::string> base64url_decode(std::string_view text)
{
    if (text.size() % 4 == 1)
        return std::nullopt;
    std::string out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        std::uint32_t value = 0;
        if (c >= 'A' && c <= 'Z')
            value = static_cast<std::uint32_t>(c - 'A');
        else if (c >= 'a' && c <= 'z')
            value = static_cast<std::uint32_t>(c - 'a') + 26;
        else if (c >= '0' && c <= '9')
            value = static_cast<std::uint32_t>(c - '0') + 52;
        else if (c == '-' || c == '_')
            value = c == '-' ? 62 : 63;
        else
            return std::nullopt;
        bits = (bits << 6) | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out += static_cast<char>((bits >> count) & 0xff);
        }
    }
    return out;
}

} // namespace flipt::inline v0::testing
