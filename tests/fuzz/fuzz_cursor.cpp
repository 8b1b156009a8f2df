// Any bytes as Last-Event-ID: refused, or a cursor that its own text gives again and that breaks no frame.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "event/cursor.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stepcast::event;
    const auto cursor = parse_cursor({reinterpret_cast<const char*>(data), size});
    if (!cursor) return 0;
    const auto again = parse_cursor(cursor->text());
    if (!again || again->epoch != cursor->epoch || again->position != cursor->position) std::abort();
    const auto frame = live_frame(cursor->epoch, cursor->position);
    const auto text = cursor->text();
    if (frame != "id: " + text + "\nevent: live\ndata: {\"cursor\":\"" + text + "\"}\n\n") std::abort();
    if (frame.find("\n\n") + 2 != frame.size()) std::abort();
    return 0;
}
