#pragma once
#include <initializer_list>
#include <string>
#include <system_error>
#include <vector>

namespace stepcast {

/// The category of an enum of error codes, made from its name and what each code says to people. Codes of two
/// objects are never equal: there is one for each enum.
template <class Code>
class ErrorCategory final : public std::error_category {
  public:
    struct Text {
        Code code;
        const char* text;
    };
    /// `name` and the texts are literals.
    ErrorCategory(const char* name, std::initializer_list<Text> texts) : name_{name}, texts_{texts} {}

    const char* name() const noexcept override { return name_; }
    std::string message(int value) const override {
        for (const auto& [code, text] : texts_)
            if (static_cast<int>(code) == value) return text;
        return std::string{"unknown "} + name_ + " error";
    }
    std::error_code code(Code code) const { return {static_cast<int>(code), *this}; }

  private:
    const char* const name_;
    const std::vector<Text> texts_;
};

}  // namespace stepcast
