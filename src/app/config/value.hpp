#pragma once
#include <toml++/toml.h>
#include <string>
#include <string_view>

#include "app/config/keys.hpp"

namespace stepcast::app {

/// A scalar as the text that it was written from, near enough: numbers, switches and dates become text again
/// where text is wanted. Empty for arrays and tables.
std::optional<std::string> scalar_text(const toml::node& value);

/// Stores a TOML value in its place. The error says what was expected; nothing is stored then.
result<void, std::string> assign(const Setting& setting, const toml::node& value);

/// The same from a variable or --set: TOML if it is some, otherwise the bare text.
result<void, std::string> assign_text(const Setting& setting, std::string_view text);

}  // namespace stepcast::app
