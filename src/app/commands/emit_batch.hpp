#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace stepcast::app {

/// Events on their way in one POST, with the lines of the input that they came from.
class EmitBatch {
  public:
    /// Takes one line, with its byte order mark if it has one; blank ones are passed over. The error says
    /// what is wrong with a line that is no JSON object.
    result<void, std::string> add(std::string_view json, std::size_t line);

    bool empty() const { return lines_.empty(); }
    std::size_t size() const { return lines_.size(); }
    /// The input's line that the first event came from; not when empty.
    std::size_t first_line() const { return lines_.front(); }
    bool full() const { return size() >= 1000 || body_.size() >= 256 * 1024; }

    /// The JSON array to post.
    std::string body() const { return "[" + body_ + "]"; }

    /// What a refusal of this batch means for people: names the line that the problem's `field` points to, or
    /// all.
    std::string explain(std::string_view problem, std::string_view otherwise) const;

    void clear();

  private:
    void add_id();
    std::string where() const;

    std::string body_;
    std::vector<std::size_t> lines_;
};

}  // namespace stepcast::app
