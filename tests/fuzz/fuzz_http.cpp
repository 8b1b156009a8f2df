// Any bytes, cut anywhere: the parser's verdict is the same as for the whole. The first two bytes choose the
// cut.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/request_parser.hpp"

namespace {

using stepcast::wire::Limits;
using stepcast::wire::RequestParser;

// Small, so that short inputs reach them.
constexpr Limits limits{.request_line = 64, .header_bytes = 128, .headers = 6, .body = 48};

void add(std::string& out, std::string_view text) {
    out.append(text).append(1, '\x1F');
}

std::string describe(RequestParser& parser) {
    auto& message = parser.message();
    std::string out;
    add(out, stepcast::wire::method_name(message.method));
    add(out, message.target.path);
    for (const auto& [name, value] : message.target.query) add(out, name), add(out, value);
    for (const auto& [name, value] : message.headers) add(out, name), add(out, value);
    add(out, message.body);
    return out + (message.keep_alive ? "keep" : "close") + (message.http_1_0 ? "0" : "1");
}

void feed(RequestParser& parser, std::string_view bytes, std::string& out) {
    while (!bytes.empty() && parser.state() != RequestParser::State::failed) {
        const std::size_t taken = parser.feed(bytes);
        if (taken == 0 && parser.state() != RequestParser::State::failed) std::abort();  // it would spin
        bytes.remove_prefix(taken);
        if (parser.state() == RequestParser::State::failed)
            add(out, std::to_string(parser.refusal().status)), add(out, parser.refusal().detail);
        if (parser.state() != RequestParser::State::done) continue;
        if (parser.message().body.size() > limits.body ||
            parser.message().headers.size() > limits.headers + 1)
            std::abort();
        out += describe(parser);
        parser.reset();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 2, size - 2};
    const std::size_t cut = (data[0] * 256u + data[1]) % (bytes.size() + 1);
    std::string whole, cut_once, bytewise;
    RequestParser first{limits}, second{limits}, third{limits};
    feed(first, bytes, whole);
    feed(second, bytes.substr(0, cut), cut_once);
    feed(second, bytes.substr(cut), cut_once);
    for (const char& byte : bytes) feed(third, {&byte, 1}, bytewise);
    if (whole != cut_once || whole != bytewise || first.state() != second.state() ||
        first.state() != third.state())
        std::abort();
    return 0;
}
