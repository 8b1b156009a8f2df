#pragma once
#include <charconv>
#include <string>
#include <string_view>

namespace stepcast::testing {

/// Takes the chunked coding off a body that comes in pieces (RFC 9112 §7.1), and is strict about it.
class Dechunker {
  public:
    void feed(std::string_view bytes) {
        while (!bytes.empty() && !broken_) {
            if (left_ > 0) {
                const auto size = std::min(left_, bytes.size());
                text_.append(bytes.substr(0, size));
                bytes.remove_prefix(size);
                left_ -= size;
                continue;
            }
            line_ += bytes.front();
            bytes.remove_prefix(1);
            if (line_.ends_with("\r\n"))
                take_line(line_.substr(0, line_.size() - 2));
            else
                broken_ = line_.size() > 18;
        }
    }

    const std::string& text() const { return text_; }
    bool broken() const { return broken_; }
    bool whole() const { return whole_ && !broken_; }  ///< the last chunk has come
    std::size_t chunks() const { return chunks_; }     ///< the last one not counted

  private:
    void take_line(const std::string& line) {
        line_.clear();
        if (whole_) return void(broken_ = true);
        if (ends_ || last_) {
            broken_ = !line.empty();
            whole_ = last_;
            ends_ = false;
            return;
        }
        const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
        broken_ = line.empty() || error != std::errc{} || end != line.data() + line.size();
        last_ = left_ == 0;
        ends_ = !last_;
        chunks_ += last_ ? 0 : 1;
    }

    std::string line_;
    std::string text_;
    std::size_t left_ = 0;
    std::size_t chunks_ = 0;
    bool ends_ = false;  ///< an empty line ends the chunk
    bool last_ = false;
    bool whole_ = false;
    bool broken_ = false;
};

}  // namespace stepcast::testing
