#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aio/transport.hpp"
#include "aio/types.hpp"
#include "auth/principal.hpp"
#include "base/result.hpp"
#include "http/list_source.hpp"
#include "http/peer.hpp"
#include "wire/request.hpp"

namespace stepcast::broadcast {
class Lane;
}

namespace stepcast::http {

using aio::awaitable;
using wire::Method;

/// A request whose framing, target and limits were checked. All text is percent-decoded, valid UTF-8, but
/// for the headers.
struct Request {
    Method method = Method::get;
    bool http_1_0 = false;
    std::string path;  ///< decoded, begins with '/'
    /// Decoded, in order; "a" without '=' has an empty value.
    std::vector<std::pair<std::string, std::string>> query;
    std::vector<std::pair<std::string, std::string>>
        headers;  ///< names in lower case, values trimmed; bytes from 0x80 on are opaque
    /// Of the route's {names}, decoded.
    std::vector<std::pair<std::string_view, std::string>> path_parameters;
    std::string body;
    /// Offsets in `path` of each '/' that came as %2F and so belongs to its segment; nearly always empty.
    std::vector<std::uint32_t> escaped_slashes;
    /// What the answer must carry whatever it is (CORS). The connection adds them to a response; a Takeover
    /// writes its head itself and has to write them too.
    std::vector<std::pair<std::string, std::string>> answer_headers;
    Peer peer;  ///< of the connection; the router puts in its place whom a trusted proxy names
    /// Who calls, as far as the route's rule asked for proof.
    auth::Principal principal;

    /// First value of a header (name in lower case), of a query parameter or of a path parameter.
    std::optional<std::string_view> header(std::string_view name) const;
    std::optional<std::string_view> parameter(std::string_view name) const;
    std::string_view path_parameter(std::string_view name) const;

    /// The trace id of a valid `traceparent` (W3C Trace Context, level 1): 32 lower-case hex digits; empty
    /// without one.
    std::string_view trace_id() const;

    /// The client stands on this machine itself: a loopback peer, and no proxy says that it speaks for
    /// another.
    bool is_local() const;
};

/// Takes the transport over instead of a response (SSE, WebSocket): the connection's own coroutine ends.
class Takeover {
  public:
    virtual ~Takeover() = default;
    /// Called on the lane's strand. The takeover writes the response's head itself and owns the transport
    /// from here. `unread`: what was read behind the request.
    virtual void start(aio::Transport transport, std::string unread, broadcast::Lane& lane) = 0;
};

struct Response {
    int status = 200;
    /// Without Content-Length, Date and Connection.
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::unique_ptr<ListSource> list;  ///< in place of `body`
    bool close = false;                ///< the connection ends with this answer
    std::size_t events = 1;            ///< that a call has brought which changed something
    std::string_view code;             ///< of a problem, a literal; empty if the answer is none
    std::unique_ptr<Takeover> takeover;

    static Response json(std::string body, int status = 200);
    /// application/problem+json (RFC 9457). `code` is a kebab-case literal for programs; `field` names the
    /// offending input, empty if none; `reason` is one sentence for people without the field's name, which
    /// the problem's detail puts before it ("userId: is required").
    static Response problem(int status, std::string_view code, std::string_view reason,
                            std::string_view field = {});
    /// The problem of a value that cannot be accepted: 400 invalid-field.
    static Response invalid_field(std::string_view field, std::string_view reason) {
        return problem(400, "invalid-field", reason, field);
    }
    /// Gives a problem the `traceId` of the request that it answers, if that is part of a trace.
    void name_trace(const Request& request);

    Response& with(std::string name, std::string value) & {
        headers.emplace_back(std::move(name), std::move(value));
        return *this;
    }
    Response&& with(std::string name, std::string value) && {
        headers.emplace_back(std::move(name), std::move(value));
        return std::move(*this);
    }
};

}  // namespace stepcast::http
