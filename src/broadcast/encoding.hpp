#pragma once
#include <cstdint>
#include <string_view>

#include "broadcast/chunk.hpp"
#include "event/event.hpp"

namespace stepcast::broadcast {

/// How what a session is sent becomes bytes. A frame's text is encoded once and shared by all sessions of its
/// form; what stands around each write belongs to the session. Read for every delivery, hence a value and a
/// switch: another form is another row of `text`.
struct Encoding {
    enum class Form : std::uint8_t {
        sse,
        sse_without_ids,  ///< V1
    };
    Form form = Form::sse;
    bool chunked = false;  ///< each write is a chunk of HTTP/1.1

    /// The bytes that `frame` is sent as; of the frame itself.
    std::string_view text(const event::Event& frame) const {
        return form == Form::sse ? frame.frame() : frame.frame_without_id();
    }
    /// What stands around a write of `size` bytes.
    Chunk around(std::size_t size) const { return {size, chunked}; }
    /// What says that the stream is over, and was not cut.
    std::string_view end() const { return chunked ? last_chunk : std::string_view{}; }
};

}  // namespace stepcast::broadcast
