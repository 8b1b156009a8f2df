#include "app/commands/emit_batch.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/random.hpp"
#include "base/text.hpp"
#include "event/json_reader.hpp"

namespace stepcast::app {
namespace {

namespace json = boost::json;

json::value parse(std::string_view text, std::error_code& error) {
    json::parse_options options;
    options.max_depth = 64;
    json::error_code failure;
    json::value value = json::parse({text.data(), text.size()}, failure, {}, options);
    error = failure;
    return value;
}

std::string text_member(const json::value& object, std::string_view name) {
    const auto* members = object.if_object();
    const auto* member = members != nullptr ? members->if_contains({name.data(), name.size()}) : nullptr;
    const auto* text = member != nullptr ? member->if_string() : nullptr;
    return text != nullptr ? std::string{text->data(), text->size()} : std::string{};
}

}  // namespace

result<void, std::string> EmitBatch::add(std::string_view line, std::size_t number) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return {};
    const auto json = event::received_json(line);
    if (!json) return tl::unexpected(json.error().detail);
    constexpr std::array<std::string_view, 1> names{"eventId"};
    const auto values = event::read_members(*json, names);
    if (!values) return tl::unexpected(values.error().detail);
    if (!body_.empty()) body_ += ',';
    body_ += json->substr(json->find('{'), json->rfind('}') - json->find('{') + 1);
    if ((*values)[0].empty()) add_id();
    lines_.push_back(number);
    return {};
}

// To the event that was added last. Of equal names the last counts, so it may follow a null.
void EmitBatch::add_id() {
    body_.pop_back();
    const auto last = body_.find_last_not_of(" \t\r");
    body_ += fmt::format(R"({}"eventId":"{}"}})", body_[last] == '{' ? "" : ",", random_uuid());
}

std::string EmitBatch::where() const {
    if (lines_.size() == 1) return fmt::format("line {}", lines_.front());
    return fmt::format("lines {} to {}", lines_.front(), lines_.back());
}

std::string EmitBatch::explain(std::string_view problem, std::string_view otherwise) const {
    std::error_code error;
    const json::value value = parse(problem, error);
    std::string detail = error ? "" : text_member(value, "detail");
    const std::string field = error ? "" : text_member(value, "field");
    if (detail.empty()) return fmt::format("{}: {}", where(), otherwise);
    // "[3].percentage" is the fourth event of this batch.
    const auto end = field.find(']');
    if (field.starts_with('[') && end != std::string::npos) {
        const auto index = parse_number<std::size_t>(std::string_view{field}.substr(1, end - 1));
        if (index && *index < lines_.size()) {
            // The detail begins with the whole field; what is left is "percentage: why" or just why.
            if (detail.starts_with(field + ": ")) detail.erase(0, end + 1);
            if (detail.starts_with('.')) detail.erase(0, 1);
            if (detail.starts_with(": ")) detail.erase(0, 2);
            return fmt::format("line {}: {}", lines_[*index], detail);
        }
    }
    return fmt::format("{}: {}", where(), detail);
}

void EmitBatch::clear() {
    body_.clear();
    lines_.clear();
}

}  // namespace stepcast::app
