#pragma once
#include <charconv>
#include <string_view>

#include "event/plain_text.hpp"

namespace stepcast::event {

/// Reads JSON that this program wrote, piece by piece in the order in which it was written. At any surprise,
/// such as a string with escapes, it `failed`; the caller then takes the general reader, JsonReader.
class CanonicalReader {
  public:
    explicit CanonicalReader(std::string_view json) : rest_{json} {}

    bool failed() const { return failed_; }
    bool at_end() const { return !failed_ && rest_.empty(); }

    /// `piece` as it stands.
    void expect(std::string_view piece) {
        if (!failed_ && rest_.starts_with(piece))
            rest_.remove_prefix(piece.size());
        else
            failed_ = true;
    }

    /// What the string behind `before` says; empty once failed.
    std::string_view text(std::string_view before) {
        expect(before);
        expect("\"");
        const auto end = plain_prefix(rest_);
        failed_ = failed_ || end == rest_.size() || rest_[end] != '"';
        if (failed_) return {};
        const auto said = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return said;
    }

    /// The whole number behind `before`.
    template <class N>
    void number(std::string_view before, N& out) {
        expect(before);
        if (failed_) return;
        const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
        if (error != std::errc{})
            failed_ = true;
        else
            rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    }

    /// True if `before` comes next: for what may be missing.
    bool has(std::string_view before) const { return !failed_ && rest_.starts_with(before); }

    /// Everything between `before` and `behind`, with which the text ends; what it is, nobody looks.
    std::string_view up_to(std::string_view before, std::string_view behind) {
        expect(before);
        failed_ = failed_ || !rest_.ends_with(behind);
        if (failed_) return {};
        const auto between = rest_.substr(0, rest_.size() - behind.size());
        rest_.remove_prefix(between.size());
        return between;
    }

  private:
    std::string_view rest_;
    bool failed_ = false;
};

}  // namespace stepcast::event
