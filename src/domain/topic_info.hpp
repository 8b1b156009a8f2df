#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "http/route.hpp"

namespace stepcast::domain {

/// What a module's topic says of itself, for documents.
struct TopicInfo {
    std::string name;          ///< as in its bus::TopicSpec
    std::string_view meaning;  ///< half a sentence
    bool read = false;         ///< by this server
    bool written = false;      ///< by this server
    std::string_view key;      ///< what a record's key is
    std::vector<const http::MessageInfo*> records{};
    bool owed = false;          ///< commits owe it messages (Module::owes); the node says so
    std::string_view sender{};  ///< the service that writes it; empty: several do, or it is not known
};

/// The topic of what `topic` held and could not be handled.
TopicInfo dead_letters_of(std::string_view topic);

}  // namespace stepcast::domain
