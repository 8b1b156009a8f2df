#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "event/json.hpp"

namespace stepcast::event {

/// Reads one JSON object or array that others wrote, front to back, and keeps nothing: no table that chosen
/// names could slow down, no tree that small elements could fill memory with. Every value is checked to its
/// end and given as the text that it is in the input. The input must be valid UTF-8 and outlive the reader.
class JsonReader {
  public:
    /// `max_depth`: levels of nesting that are read, the outermost included; at most 255.
    explicit JsonReader(std::string_view text, std::size_t max_depth = max_json_depth)
        : text_{text}, max_depth_{max_depth} {}

    /// Goes into the object or array that the text must be. False: something else stands there, which is no
    /// fault yet.
    bool open_object() { return open('{'); }
    bool open_array() { return open('['); }

    /// The next member, its name with the quotes. False at the end, and at a fault.
    bool next_member(std::string_view& name, std::string_view& value);
    /// The next element. False at the end, and at a fault.
    bool next_element(std::string_view& value);
    /// The whole text as one value of any kind. False at a fault.
    bool only_value(std::string_view& value);

    bool failed() const { return expected_ != nullptr; }
    /// What is wrong, where, and what stands there. Only if `failed`.
    Error error() const;

  private:
    bool open(char bracket);
    bool next(char close);
    bool value(std::size_t depth);
    bool members(std::size_t depth);
    bool elements(std::size_t depth);
    bool name();
    bool string();
    bool escape();
    bool hex(unsigned& unit);
    bool number();
    bool digits();
    bool literal(std::string_view word);
    bool end();
    bool fault(const char* expected);
    void space();
    char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t name_end_ = 0;  // behind the quote of the last name
    std::size_t max_depth_;
    const char* expected_ = nullptr;
    bool too_deep_ = false;
    bool first_ = true;
};

/// The JSON text in bytes that others sent, behind a byte order mark if there is one. Refused unless it is
/// valid UTF-8; what looks like something else altogether (a form, gzip, UTF-16) is called that.
result<std::string_view> received_json(std::string_view bytes);

/// Finds members of the object `text` by name: `values` gets the text of each, empty for what is absent or
/// null. Of equal names the last counts; members of other names are checked and passed over. As many values
/// as names.
result<void> read_members(std::string_view text, std::span<const std::string_view> names,
                          std::span<std::string_view> values, std::size_t max_depth = max_json_depth);

template <std::size_t N>
result<std::array<std::string_view, N>> read_members(std::string_view text,
                                                     const std::array<std::string_view, N>& names) {
    std::array<std::string_view, N> values{};
    if (auto read = read_members(text, names, values); !read) return tl::unexpected{std::move(read.error())};
    return values;
}

/// The functions below take the text of a value as a JsonReader gave it.

inline bool is_json_object(std::string_view value) {
    return value.starts_with('{');
}
inline bool is_json_string(std::string_view value) {
    return value.starts_with('"');
}
inline bool is_json_number(std::string_view value) {
    return !value.empty() && (value[0] == '-' || (value[0] >= '0' && value[0] <= '9'));
}
/// True for a number without fraction and exponent.
inline bool is_json_integer(std::string_view value) {
    return is_json_number(value) && value.find_first_of(".eE") == value.npos;
}

/// The whole number that a value is, however it is written: 50, 50.0 or 5e1. Beyond 64 bits the nearest that
/// they hold; nothing for what has a fraction or is no number. Time in proportion to the text.
std::optional<std::int64_t> json_whole(std::string_view value);

/// Appends what a string says, escapes resolved.
void append_json_content(std::string& out, std::string_view string);
/// The same as a text of its own; nothing if the value is no string.
std::optional<std::string> json_text(std::string_view value);

/// Appends a value on one line in its normal form, of equal names only the last; integers digit by digit,
/// other numbers as the shortest text that is the same double. False if it grows beyond `max_bytes` (equal
/// names counted) or holds a number beyond doubles: `out` then ends anywhere.
enum class Normal { written, too_large, beyond_double };
Normal append_json_normal(std::string& out, std::string_view value, Members members, std::size_t max_bytes);

}  // namespace stepcast::event
