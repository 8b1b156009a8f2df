#include "app/commands/task_board.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <utility>
#include <vector>

#include "base/text.hpp"

namespace stepcast::app {
namespace {

namespace json = boost::json;
constexpr std::size_t bar_columns = 24;

/// The code point that begins at `at`, and its length in bytes; `text` is valid UTF-8.
std::pair<char32_t, std::size_t> code_point(std::string_view text, std::size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t value = size == 1 ? lead : lead & (0xffu >> (size + 1));
    for (std::size_t i = 1; i < size && at + i < text.size(); ++i)
        value = (value << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3fu);
    return {value, size};
}

/// Unicode's East Asian Width, as far as terminals agree on it.
std::size_t columns_of(char32_t c) {
    const auto within = [c](char32_t first, char32_t last) { return c >= first && c <= last; };
    if (within(0x300, 0x36f) || within(0x200b, 0x200f) || within(0xfe00, 0xfe0f)) return 0;
    if (within(0x1100, 0x115f) || within(0x2e80, 0xa4cf) || within(0xac00, 0xd7a3) ||
        within(0xf900, 0xfaff) || within(0xfe30, 0xfe6f) || within(0xff00, 0xff60) ||
        within(0xffe0, 0xffe6) || within(0x1f300, 0x1f64f) || within(0x1f900, 0x1f9ff) ||
        within(0x20000, 0x3fffd))
        return 2;
    return 1;
}

std::string member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains({name.data(), name.size()});
    const auto* text = value != nullptr ? value->if_string() : nullptr;
    if (text == nullptr) return {};
    // Ids and names are free of control characters by contract; a terminal is not the place to trust it.
    std::string copy{text->data(), text->size()};
    return has_control(copy) ? std::string{"?"} : copy;
}

int number(const json::object& object, std::string_view name, int otherwise) {
    const auto* value = object.if_contains({name.data(), name.size()});
    if (value == nullptr || !value->is_number()) return otherwise;
    return static_cast<int>(std::clamp(std::round(value->to_number<double>()), 0.0, 1e9));
}

std::string bar(int percentage) {
    const auto done = static_cast<std::size_t>(std::clamp(percentage, 0, 100)) * bar_columns / 100;
    std::string text;
    for (std::size_t i = 0; i < bar_columns; ++i) text += i < done ? "█" : "░";
    return text;
}

std::string duration(int seconds) {
    if (seconds < 60) return fmt::format("{} s", seconds);
    if (seconds < 3600) return fmt::format("{} min", (seconds + 30) / 60);
    return fmt::format("{:.1f} h", static_cast<double>(seconds) / 3600);
}

}  // namespace

std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto [value, size] = code_point(text, at);
        columns += columns_of(value);
        at += size;
    }
    return columns;
}

std::string fit(std::string_view text, std::size_t columns) {
    if (columns_of(text) <= columns) return std::string{text};
    std::string cut;
    std::size_t used = 1;  // the …
    for (std::size_t at = 0; at < text.size();) {
        const auto [value, size] = code_point(text, at);
        used += columns_of(value);
        if (used > columns) break;
        cut += text.substr(at, size);
        at += size;
    }
    return columns == 0 ? std::string{} : cut + "…";
}

bool TaskBoard::update(std::string_view type, std::string_view data) {
    if (type != "progress" && type != "recovery") return false;
    json::error_code error;
    const json::value value = json::parse({data.data(), data.size()}, error);
    const auto* object = error ? nullptr : value.if_object();
    if (object == nullptr) return false;
    Task& task = tasks_[member(*object, "taskId")];
    task.step = member(*object, "stepName");
    task.status = member(*object, type == "progress" ? "eventType" : "status");
    task.percentage = number(*object, "percentage", task.percentage);
    // Only a snapshot knows the rest of the way; an event makes the old estimate stale.
    task.eta_seconds = type == "recovery" ? number(*object, "etaSeconds", -1) : -1;
    task.touched = ++touches_;
    return true;
}

std::string_view TaskBoard::status(std::string_view task) const {
    const auto found = tasks_.find(task);
    return found == tasks_.end() ? std::string_view{} : found->second.status;
}

std::string TaskBoard::line(std::string_view id, const Task& task, std::size_t columns,
                            std::size_t id_columns) {
    const std::string name = fit(id, id_columns);
    const char* mark = task.status == "COMPLETED" ? "✔" : task.status == "FAILED" ? "✘" : " ";
    std::string text =
        fmt::format("{}{} {} {:3} % {} ", name, std::string(id_columns - columns_of(name), ' '),
                    bar(task.percentage), task.percentage, mark);
    std::string tail = task.step;
    if (task.eta_seconds >= 0 && task.status != "COMPLETED" && task.status != "FAILED")
        tail += fmt::format("  {} left", duration(task.eta_seconds));
    const std::size_t used = columns_of(text);
    return columns > used ? text + fit(tail, columns - used) : fit(text, columns);
}

std::string TaskBoard::draw(std::size_t columns, std::size_t rows) const {
    std::vector<const std::pair<const std::string, Task>*> shown;
    for (const auto& entry : tasks_) shown.push_back(&entry);
    std::ranges::sort(shown, {}, [](const auto* entry) { return entry->second.touched; });
    if (shown.size() > rows) shown.erase(shown.begin(), shown.end() - static_cast<std::ptrdiff_t>(rows));
    std::ranges::sort(shown, {}, [](const auto* entry) { return entry->first; });
    std::size_t id_columns = 0;
    for (const auto* entry : shown) id_columns = std::max(id_columns, columns_of(entry->first));
    id_columns = std::min(id_columns, columns / 3);
    std::string text;
    for (const auto* entry : shown) text += line(entry->first, entry->second, columns, id_columns) + "\n";
    return text;
}

}  // namespace stepcast::app
