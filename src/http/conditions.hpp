#pragma once
#include <optional>
#include <string_view>

#include "http/message.hpp"

namespace stepcast::http {

/// True if the client's If-None-Match names `etag` (with its quotes; weak comparison, RFC 9110 §13.1.2):
/// answer 304 with the same ETag.
bool not_modified(const Request& request, std::string_view etag);

/// True if the client takes gzip and does not like the plain bytes better (Accept-Encoding, RFC 9110
/// §12.5.3). False without the header: who says nothing is sent the plain bytes.
bool prefers_gzip(const Request& request);

/// The refusal (415) of a body that is compressed or coded otherwise: nothing here would undo that. Every
/// route is behind it.
std::optional<Response> refuse_coded(const Request& request);

/// The refusal (415) unless the body is declared as JSON, in UTF-8 if it names a charset. JSON under curl's
/// default form type, or under none, passes when the request has neither Origin nor Cookie: a page could send
/// that type anywhere without asking.
std::optional<Response> refuse_unless_json(const Request& request);

}  // namespace stepcast::http
