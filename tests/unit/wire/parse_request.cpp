#include "unit/wire/parse_request.hpp"

#include <fmt/format.h>

#include <numeric>

namespace stepcast::wire {
namespace {

std::string describe(const RequestMessage& message) {
    std::string out = fmt::format("{} {}", method_name(message.method), message.target.path);
    for (const auto slash : message.target.escaped_slashes) out += fmt::format(" /{}", slash);
    for (const auto& [name, value] : message.target.query) out += fmt::format(" ?{}={}", name, value);
    out += message.http_1_0 ? " 1.0" : " 1.1";
    out += message.keep_alive ? " keep" : " close";
    for (const auto& [name, value] : message.headers) out += fmt::format(" [{}: {}]", name, value);
    return out + fmt::format(" body={}\n", message.body);
}

}  // namespace

std::string parse_all(std::string_view script, const std::vector<std::size_t>& cuts, const Limits& limits) {
    RequestParser parser{limits};
    std::string out;
    std::size_t start = 0;
    for (std::size_t c = 0; c <= cuts.size(); ++c) {
        const std::size_t end = c == cuts.size() ? script.size() : cuts[c];
        std::string_view piece = script.substr(start, end - start);
        start = end;
        while (!piece.empty()) {
            piece.remove_prefix(parser.feed(piece));
            if (parser.state() == RequestParser::State::failed) {
                const Refusal& refusal = parser.refusal();
                return out + fmt::format("{} {}: {}", refusal.status, refusal.code, refusal.detail);
            }
            if (parser.state() != RequestParser::State::done) continue;
            out += describe(parser.message());
            parser.reset();
        }
    }
    if (parser.started())
        out += parser.state() == RequestParser::State::head ? "unfinished head" : "unfinished body";
    return out;
}

std::string parse_at_every_cut(std::string_view script, const Limits& limits) {
    const std::string whole = parse_all(script, {}, limits);
    for (std::size_t cut = 1; cut < script.size(); ++cut)
        if (const auto other = parse_all(script, {cut}, limits); other != whole)
            return fmt::format("CUT AT {}: {}", cut, other);
    std::vector<std::size_t> everywhere(script.empty() ? 0 : script.size() - 1);
    std::iota(everywhere.begin(), everywhere.end(), 1);
    if (const auto other = parse_all(script, everywhere, limits); other != whole)
        return "CUT EVERYWHERE: " + other;
    return whole;
}

}  // namespace stepcast::wire
