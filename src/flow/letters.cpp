#include "flow/letters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "event/json.hpp"
#include "event/metadata.hpp"
#include "flow/cause.hpp"

namespace stepcast::flow {
namespace {

namespace json = boost::json;

constexpr std::size_t max_letter_bytes = 56 * 1024;
constexpr std::size_t max_key_in_stream = 128;

using event::json_of_bytes;

std::optional<std::string> to_bytes(const json::value& value) {
    if (const auto* text = value.if_string()) return std::string{std::string_view{*text}};
    const auto* object = value.if_object();
    const auto* hex = object == nullptr ? nullptr : object->if_contains("hex");
    const auto* digits = hex == nullptr ? nullptr : hex->if_string();
    return digits == nullptr ? std::nullopt : bytes_of_hex(*digits);
}

/// Members of an object that must be there; `fine` says whether all were.
class LetterFields {
  public:
    explicit LetterFields(const event::Event& stored) {
        auto parsed = event::parse_json(std::string{"{"}.append(stored.body()));
        if (parsed && parsed->is_object()) object_ = std::move(parsed->get_object());
    }

    std::string text(std::string_view name) {
        auto found = maybe_bytes(name);
        fine = fine && found;
        return found ? std::move(*found) : std::string{};
    }
    std::optional<std::string> maybe_bytes(std::string_view name) {
        const auto* value = object_.if_contains(name);
        if (value == nullptr) return std::nullopt;
        auto bytes = to_bytes(*value);
        fine = fine && bytes;
        return bytes;
    }
    std::int64_t number(std::string_view name) {
        const auto* value = object_.if_contains(name);
        const auto* number = value == nullptr ? nullptr : value->if_int64();
        fine = fine && number != nullptr;
        return number == nullptr ? 0 : *number;
    }
    std::vector<event::Header> headers(std::string_view name) {
        std::vector<event::Header> headers;
        const auto* value = object_.if_contains(name);
        if (value == nullptr) return headers;
        const auto* list = value->if_array();
        for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
            const auto* pair = (*list)[i].if_array();
            auto its_name = pair != nullptr && pair->size() == 2 ? to_bytes((*pair)[0]) : std::nullopt;
            auto its_value = its_name ? to_bytes((*pair)[1]) : std::nullopt;
            fine = fine && its_value;
            if (its_value) headers.push_back({std::move(*its_name), std::move(*its_value)});
        }
        fine = fine && list != nullptr;
        return headers;
    }

    bool fine = true;

  private:
    json::object object_;
};

tl::unexpected<Error> no_letter() {
    return fail(event::json_errc::malformed, {}, "is no event of a dead letter");
}

event::Draft make_letter_event(LetterEvent type, std::string_view stream, std::string_view id,
                               std::uint64_t fingerprint, const json::object& object,
                               std::string_view metadata = {}) {
    std::string text;
    event::append_json_value(text, object);
    if (text.size() > max_letter_bytes) return nullptr;
    return event::Event::make({.category = &letter_category,
                               .type = static_cast<std::uint8_t>(type),
                               .fingerprint = fingerprint,
                               .stream_id = stream,
                               .id = id,
                               .subject = {},
                               .json = text,
                               .metadata = metadata});
}

// Nothing of a record that names no correlation.
std::string metadata_of(const Letter& letter) {
    std::vector<event::HeaderView> headers;
    for (const auto& [name, value] : letter.headers) headers.push_back({name, value});
    auto cause = event::metadata_of(headers);
    if (cause.correlation_id.empty()) return {};
    return event::to_json(event::caused_by(cause, message_id(headers, letter.topic, letter.place)));
}

}  // namespace

std::string letter_consumer(std::string_view name) {
    std::string consumer{name};
    std::ranges::replace(consumer, ' ', '-');
    return consumer;
}

std::string letter_stream(std::string_view consumer, std::string_view topic,
                          std::optional<std::string_view> key) {
    if (!key) return fmt::format("{}/{}/", consumer, topic);
    const bool plain = key->size() <= max_key_in_stream && valid_utf8(*key) && !has_control(*key);
    return fmt::format("{}/{}/{}", consumer, topic,
                       plain ? std::string{*key} : fmt::format("#{:016x}", stable_hash(*key)));
}

// A topic that was made again gives the same place to another record, but hardly at the same time.
event::Draft parked_event(const Letter& letter) {
    if (letter.value && letter.value->size() > max_letter_bytes) return nullptr;
    json::object object{{"consumer", letter.consumer},
                        {"topic", letter.topic},
                        {"partition", letter.place.partition},
                        {"offset", letter.place.offset},
                        {"timestamp", letter.timestamp.time_since_epoch().count()}};
    if (letter.key) object["key"] = json_of_bytes(*letter.key);
    if (letter.value) object["value"] = json_of_bytes(*letter.value);
    if (!letter.headers.empty()) {
        json::array headers;
        for (const auto& [name, value] : letter.headers)
            headers.push_back(json::array{json_of_bytes(name), json_of_bytes(value)});
        object["headers"] = std::move(headers);
    }
    object["errorClass"] = json_of_bytes(letter.error_class);
    object["errorMessage"] = json_of_bytes(letter.error_message);
    object["attempts"] = letter.attempts;
    object["behind"] = std::int64_t{letter.behind};
    const auto id = fmt::format("{}-{}-{}", letter.place.partition, letter.place.offset,
                                letter.timestamp.time_since_epoch().count());
    std::string same = letter.value.value_or("");
    return make_letter_event(LetterEvent::parked, letter_stream(letter.consumer, letter.topic, letter.key),
                             id, stable_hash(same.append("\n").append(id)), object, metadata_of(letter));
}

event::Draft redriven_event(std::string_view stream, LetterEvent type, const Redriven& redriven) {
    json::object object{{"letter", redriven.letter}, {"attempt", redriven.attempt}};
    if (!redriven.by.empty()) object["by"] = json_of_bytes(redriven.by);
    if (type == LetterEvent::failed) {
        object["errorClass"] = json_of_bytes(redriven.error_class);
        object["errorMessage"] = json_of_bytes(redriven.error_message);
    }
    const auto id = fmt::format("{}:{}", redriven.letter, redriven.attempt);
    return make_letter_event(type, stream, id, stable_hash(id), object);
}

result<Letter> read_letter(const event::Event& stored) {
    LetterFields members{stored};
    Letter letter{.consumer = members.text("consumer"), .topic = members.text("topic")};
    letter.place = {static_cast<std::int32_t>(members.number("partition")), members.number("offset")};
    letter.timestamp = Timestamp{Duration{members.number("timestamp")}};
    letter.key = members.maybe_bytes("key");
    letter.value = members.maybe_bytes("value");
    letter.headers = members.headers("headers");
    letter.error_class = members.text("errorClass");
    letter.error_message = members.text("errorMessage");
    letter.attempts = static_cast<std::uint64_t>(members.number("attempts"));
    letter.behind = members.number("behind") != 0;
    if (!members.fine || stored.type_index() != static_cast<int>(LetterEvent::parked)) return no_letter();
    return letter;
}

result<Redriven> read_redriven(const event::Event& stored) {
    LetterFields members{stored};
    Redriven redriven{.letter = members.text("letter")};
    redriven.attempt = static_cast<std::uint64_t>(members.number("attempt"));
    redriven.by = members.maybe_bytes("by").value_or("");
    redriven.error_class = members.maybe_bytes("errorClass").value_or("");
    redriven.error_message = members.maybe_bytes("errorMessage").value_or("");
    if (!members.fine || stored.type_index() == static_cast<int>(LetterEvent::parked)) return no_letter();
    return redriven;
}

result<void> check_stored_letter(const event::Event& draft) {
    if (draft.type_index() == static_cast<int>(LetterEvent::parked)) {
        if (auto letter = read_letter(draft); !letter) return tl::unexpected{letter.error()};
    } else if (auto redriven = read_redriven(draft); !redriven) {
        return tl::unexpected{redriven.error()};
    }
    return {};
}

}  // namespace stepcast::flow
