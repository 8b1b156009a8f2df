#pragma once
#include <boost/json/object.hpp>
#include <deque>
#include <string>
#include <string_view>

#include "http/route.hpp"

namespace stepcast::http {

/// What a table of routes cannot say of the server that has it.
struct ApiInfo {
    std::string_view version;
    std::string_view summary;  ///< half a sentence: what the server is for
    bool tokens = false;       ///< callers have to prove who they are
};

/// What the table says of itself as an OpenAPI 3.1 document. Rows that are no part of the interface are left
/// out. Throws if a row's schema is no JSON, which a test of the table finds.
boost::json::object openapi_document(const std::deque<Route>& table, const ApiInfo& info);

/// The same for people, as Markdown.
std::string api_markdown(const std::deque<Route>& table);

/// Answers that the server gives for every route of this kind; those that the row gives itself are not among
/// them.
std::vector<Answer> common_answers(const Route& row);

/// "post_api_v2_progress_events": an operation's name in documents.
std::string operation_id(const Route& row);

/// "progress" of "/api/v2/progress/events"; "operations" outside of /api.
std::string_view chapter_of(const Route& row);

/// What an answer's header says; empty for a name that no answer declares.
std::string_view header_meaning(std::string_view name);

/// The problem of every refusal.
extern const Schema problem_schema;

}  // namespace stepcast::http
