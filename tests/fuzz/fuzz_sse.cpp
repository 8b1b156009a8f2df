// Any bytes, cut anywhere: the same events as from the whole. The first two bytes choose the cut.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/sse.hpp"

namespace {

using stepcast::wire::SseParser;

constexpr std::size_t bound = 64;  // small, so that short inputs reach it

void read(SseParser& parser, std::string_view bytes, std::string& out) {
    while (const auto event = parser.next(bytes)) {
        if (event->data.size() > bound ||
            event->last_event_id.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos)
            std::abort();
        for (const auto text : {event->type, event->data, event->last_event_id})
            out.append(text).append(1, '\x1F');
    }
    if (!bytes.empty()) std::abort();
}

std::string ending(const SseParser& parser) {
    return parser.last_event_id() + (parser.overflowed() ? "!" : ".") +
           std::to_string(parser.retry().value_or(std::chrono::milliseconds{-1}).count());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 2, size - 2};
    const std::size_t cut = (data[0] * 256u + data[1]) % (bytes.size() + 1);
    std::string whole, cut_once, bytewise;
    SseParser first{bound}, second{bound}, third{bound};
    read(first, bytes, whole);
    read(second, bytes.substr(0, cut), cut_once);
    read(second, bytes.substr(cut), cut_once);
    for (const char& byte : bytes) read(third, {&byte, 1}, bytewise);
    if (whole != cut_once || whole != bytewise || ending(first) != ending(second) ||
        ending(first) != ending(third))
        std::abort();
    return 0;
}
