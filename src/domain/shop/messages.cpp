#include "domain/shop/messages.hpp"

#include <algorithm>
#include <array>

#include "event/json_reader.hpp"
#include "event/metadata.hpp"

namespace stepcast::shop {
namespace {

constexpr std::array<std::string_view, 4> command_names{"CHARGE", "REFUND", "RESERVE", "RELEASE"};

std::string_view command_name(StepCommand command) {
    return command_names[static_cast<std::size_t>(command)];
}

}  // namespace

void write_field(domain::Object& out, std::string_view name, StepCommand value, Need) {
    out.text(name, command_name(value));
}

std::string_view read_field(std::string_view value, StepCommand& out) {
    const auto known = std::ranges::find(command_names, event::json_text(value).value_or(""));
    if (known == command_names.end()) return "must be CHARGE, REFUND, RESERVE or RELEASE";
    out = static_cast<StepCommand>(known - command_names.begin());
    return {};
}

store::OutboxMessage command_message(std::string_view prefix, std::string_view topic,
                                     const OrderCommand& command) {
    auto message = message_of(prefix, topic, command);
    message.id.append(" ").append(command_name(command.command));
    return message;
}

store::OutboxMessage compensation_message(std::string_view prefix, const CompensationCompletedEvent& event) {
    auto message = message_of(prefix, topic::compensation_completed, event);
    message.id.append(" ").append(event.step);
    message.headers.push_back(
        {std::string{event::service_header}, event.step == step_name::stock ? "product" : "payment"});
    return message;
}

}  // namespace stepcast::shop
