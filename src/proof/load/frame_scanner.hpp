#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stepcast::proof {

/// One SSE frame as it stands on the wire; views into the scanner's input.
struct FrameView {
    std::string_view id;
    std::string_view event;
    std::string_view data;
    bool has_id = false;
    std::optional<std::uint32_t> retry_ms;  ///< of a `retry:` line
};

/// Cuts a stream into frames as cheaply as can be. Understands what the servers under test send (LF line
/// ends, one data line per frame) and no more; `wire/sse.hpp` is the parser that reads everything.
class FrameScanner {
  public:
    /// Calls `on_frame(FrameView)` for every frame that `bytes` completes. Returns false if `on_frame` did:
    /// it has lost interest, and the rest is dropped.
    template <class OnFrame>
    bool feed(std::string_view bytes, OnFrame&& on_frame) {
        if (!carry_.empty()) {
            const auto from = carry_.size() - 1;
            carry_.append(bytes);
            const auto end = find_blank_line(carry_, from);
            if (end == carry_.npos) return true;
            bytes.remove_prefix(bytes.size() - (carry_.size() - end - 2));
            carry_.resize(end + 1);
            const std::string frame = std::exchange(carry_, {});
            if (!on_frame(parse(frame))) return false;
        }
        while (true) {
            const auto end = find_blank_line(bytes, 0);
            if (end == bytes.npos) break;
            if (!on_frame(parse(bytes.substr(0, end + 1)))) return false;
            bytes.remove_prefix(end + 2);
        }
        carry_.assign(bytes);
        return true;
    }

    /// Forgets a half frame: the connection was cut inside it.
    void reset() { carry_ = {}; }

  private:
    static std::size_t find_blank_line(std::string_view text, std::size_t from);
    static FrameView parse(std::string_view frame);

    std::string carry_;
};

/// The number behind `"name":` in one-line JSON that is known to hold it at most once. Not a parser.
std::optional<std::uint64_t> find_number(std::string_view json, std::string_view quoted_name);

/// The text behind `"name":"`, without escapes.
std::string_view find_text(std::string_view json, std::string_view quoted_name);

}  // namespace stepcast::proof
