// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Any bytes as a number, a moment, a list or a text with spaces: where the C library can answer too, the answers agree.
#include "flipt/evaluation/go_json.hpp"
#include "flipt/evaluation/go_number.hpp"
#include "flipt/evaluation/go_text.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace d = flipt::v0::detail;

template <class T>
bool same_bits(T a, T b)
{
    return std::memcmp(&a, &b, sizeof a) == 0;
}

void check_number(std::string_view s)
{
    double fast = 0;
    double slow = 0;
    float narrow = 0;
    const bool ok = d::parse_float64(s, fast);
    if (ok != d::parse_float64_slow(s, slow) || (ok && !same_bits(fast, slow)))
        std::abort();
    const bool narrow_ok = d::parse_float32(s, narrow);
    if (narrow_ok && !ok)
        std::abort();

    // strtod takes more (spaces, nan(...), no exponent after 0x) and no underscores: only what both take is compared.
    const std::string text(s);
    if (text.empty() || text.find_first_not_of("0123456789abcdefABCDEFxXpP.+-") != std::string::npos)
        return;
    char* end = nullptr;
    const double expected = std::strtod(text.c_str(), &end);
    const bool whole = *end == '\0' && end != text.c_str();
    if (ok) {
        // glibc 2.36 rounds hexadecimal subnormals wrongly (strtof of 0x1.200003p-127 gives 0x1.2p-127).
        const bool hex = text.find_first_of("xX") != std::string::npos;
        if (!whole || (!same_bits(fast, expected) && !(hex && !std::isnormal(fast))))
            std::abort();
        if (narrow_ok && !hex && !same_bits(narrow, std::strtof(text.c_str(), nullptr)))
            std::abort();
    } else if (whole && std::isfinite(expected) && text.find_first_of("xX") == std::string::npos) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::unique_ptr<char[]> exact(new char[size]);
    std::string_view(reinterpret_cast<const char*>(data), size).copy(exact.get(), size);
    const std::string_view input(exact.get(), size);

    check_number(input);
    d::moment m{};
    if (d::parse_moment(input, m) && (m.nanoseconds < 0 || m.nanoseconds > 999'999'999))
        std::abort();
    const auto trimmed = d::trim_space(input);
    if (d::trim_space(trimmed) != trimmed || d::is_blank(input) != trimmed.empty())
        std::abort();
    std::vector<std::string> texts;
    std::vector<double> numbers;
    (void)d::decode_string_array(input, texts);
    (void)d::decode_number_array(input, numbers);
    return 0;
}
