#pragma once
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace stepcast::broadcast {

/// What stands before and behind the bytes of one flush in HTTP/1.1's chunked coding (RFC 9112 §7.1), as
/// slices of the gathered write that sends them: the frames themselves stay shared. Nothing on a stream that
/// is not chunked.
class Chunk {
  public:
    Chunk() = default;
    Chunk(std::size_t size, bool framed) : size_{size} {
        if (!framed) return;
        const auto [end, error] = std::to_chars(head_.data(), head_.data() + head_.size() - 2, size, 16);
        end[0] = '\r';
        end[1] = '\n';
        head_size_ = static_cast<std::uint8_t>(end + 2 - head_.data());
    }

    /// Both last as long as the chunk stays where it is.
    std::string_view head() const { return {head_.data(), head_size_}; }
    std::string_view tail() const { return {"\r\n", head_size_ == 0 ? 0U : 2U}; }
    std::size_t size() const { return size_; }  ///< of what it frames
    std::size_t total() const { return head_size_ + size_ + tail().size(); }

  private:
    std::size_t size_ = 0;
    std::array<char, 18> head_;  // 16 digits and the line end
    std::uint8_t head_size_ = 0;
};

/// Says that a chunked stream ends because it is over. A stream that was cut lacks it.
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace stepcast::broadcast
