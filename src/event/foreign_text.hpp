#pragma once
#include <string>
#include <string_view>

namespace stepcast::event {

/// What bytes that are no JSON look like by their beginning, and what to send instead; empty if that gives no
/// hint. Looks at no more than their first few hundred.
std::string describe_foreign(std::string_view bytes);

/// Whether `describe_foreign` could have something to say: quick, as it is asked of every text.
inline bool may_be_foreign(std::string_view bytes) {
    if (bytes.empty()) return false;
    return (bytes[0] != '{' && bytes[0] != '[') || (bytes.size() > 1 && bytes[1] == '\0');
}

}  // namespace stepcast::event
