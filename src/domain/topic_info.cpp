#include "domain/topic_info.hpp"

namespace stepcast::domain {
namespace {

constexpr http::Schema headers{"DeadLetterHeaders", R"({
  "type":"object","required":["dlq.topic","dlq.partition","dlq.offset","dlq.key","dlq.error.class","dlq.error.message","dlq.attempts"],
  "properties":{
    "dlq.topic":{"type":"string"},"dlq.partition":{"type":"string"},"dlq.offset":{"type":"string"},
    "dlq.key":{"type":"string","description":"The record's own; empty: it had none"},
    "dlq.error.class":{"type":"string","description":"For programs, in kebab-case"},
    "dlq.error.message":{"type":"string","description":"One sentence for people"},
    "dlq.attempts":{"type":"string","description":"How often it was tried, earlier letters included"},
    "dlq.truncated":{"type":"string","description":"The bytes of the value, if the bus could not hold it and it is left out"}}})"};

constexpr http::MessageInfo letter{.name = "DeadLetter",
                                   .meaning = "The record's bytes as they came, its own headers too",
                                   .headers = &headers};

}  // namespace

TopicInfo dead_letters_of(std::string_view topic) {
    return {.name = std::string{topic} + ".dlq",
            .meaning = "What could not be handled, with the reason",
            .written = true,
            .key = "The record's place, topic-partition-offset: who reads may see a letter twice",
            .records = {&letter}};
}

}  // namespace stepcast::domain
