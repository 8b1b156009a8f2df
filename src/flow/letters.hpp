#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "bus/bus.hpp"
#include "event/event.hpp"

namespace stepcast::flow {

// What stands in the store of a dead letter: a stream for each consumer, topic and key.

enum class LetterEvent : std::uint8_t {
    parked,    ///< a record that could not be handled, or that stands behind one
    handled,   ///< it was handed over again and done
    failed,    ///< it was handed over again, for nothing
    given_up,  ///< nobody wants it handed over
};
inline constexpr std::array<std::string_view, 4> letter_event_names{"PARKED", "HANDLED", "FAILED",
                                                                    "GIVEN_UP"};
/// Never expires: a letter stays until somebody has it handed over, or gives it up.
inline constexpr event::Category letter_category{"dead-letter", "dead-letter", letter_event_names, false};

/// A record as a letter keeps it.
struct Letter {
    std::string consumer;
    std::string topic;
    bus::Place place{};
    Timestamp timestamp{};
    std::optional<std::string> key{};
    std::optional<std::string> value{};
    std::vector<event::Header> headers{};
    std::string error_class{};
    std::string error_message{};
    std::uint64_t attempts = 1;
    bool behind = false;  ///< it was not tried: one of its key before it is parked
};

/// One attempt to have a letter handled, or the end of them.
struct Redriven {
    std::string letter;  ///< its event id
    std::uint64_t attempt = 1;
    std::string by{};             ///< who asked; empty: nobody known
    std::string error_class{};    ///< of one that failed
    std::string error_message{};  ///< likewise
};

/// How a consumer's letters name it: its name without blanks.
std::string letter_consumer(std::string_view name);
/// The stream of a consumer's letters of a topic and key. A key that no id could hold stands there by its
/// hash.
std::string letter_stream(std::string_view consumer, std::string_view topic,
                          std::optional<std::string_view> key);

/// Null if it is too large for an event: beyond 56 KiB of JSON.
event::Draft parked_event(const Letter& letter);
event::Draft redriven_event(std::string_view stream, LetterEvent type, const Redriven& redriven);

/// Of an event that says `parked`, and of one that says anything else. Refuses what they would not have
/// written.
result<Letter> read_letter(const event::Event& stored);
result<Redriven> read_redriven(const event::Event& stored);

/// Refuses what is no event of this category: what an import brings.
result<void> check_stored_letter(const event::Event& draft);

}  // namespace stepcast::flow
