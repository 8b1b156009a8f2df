#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"

namespace stepcast::http {

/// Who may call a route. With auth off every caller is anonymous and may call what a user may.
enum class Access : std::uint8_t {
    unsaid,  ///< no rule was given; treated as `admin`
    open,    ///< anybody; a token is not looked at
    user,    ///< who proves who it is; the handler holds it to what is its own
    admin,   ///< scope `admin`; with auth off a client on this machine
};
inline constexpr std::string_view access_names[]{"unsaid", "open", "user", "admin"};

/// A shape of JSON that documents name. A constant.
struct Schema {
    std::string_view name;  ///< "ProgressEvent"
    std::string_view json;  ///< a JSON Schema (2020-12)
    /// A required text of it that a caller's token says as well: with auth on it may be absent. Empty: none.
    std::string_view by_token{};
};

/// An event of a stream, or a record of a topic, for documents. A constant.
struct MessageInfo {
    std::string_view name;            ///< of a stream's event: its name on the wire
    std::string_view meaning;         ///< half a sentence
    const Schema* payload = nullptr;  ///< of its JSON; null: any bytes
    bool has_id = false;              ///< of a stream's event: it carries an id to come back with
    const Schema* headers = nullptr;  ///< of a record; null: none of ours
};

/// A parameter of a route.
struct Parameter {
    enum class In : std::uint8_t { path, query, header };
    In in = In::query;
    std::string_view name;
    std::string_view meaning;
    std::string_view schema;  ///< JSON Schema of its value
    bool required = false;    ///< those of the path always are
};

/// How often a schema's value stands in a body.
enum class Shape : std::uint8_t {
    one,
    list,    ///< a bare array
    either,  ///< one, or an array of them
};

/// An answer that a route gives by itself. What the server answers for every route of its kind (401, 403, 413
/// and so on) is added where documents are made.
struct Answer {
    int status = 200;
    std::string_view meaning;
    const Schema* schema = nullptr;  ///< null: no body, or one that is no JSON; a problem from 400 on
    Shape shape = Shape::one;
    std::string_view type = "application/json";  ///< of the body; empty: there is none
    std::vector<std::string_view> headers{};     ///< that it may carry beyond those that every answer has
};

/// What a route says of itself: for the rule before its handler, and for documents.
struct RouteInfo {
    std::string_view summary{};      ///< half a sentence
    std::string_view description{};  ///< sentences, as CommonMark
    Access access = Access::unsaid;
    bool idempotent = false;  ///< called again with the same ids, it changes nothing more
    bool any_host = false;    ///< answered under any name: for those who ask for our health by our address
    bool documented = true;   ///< part of the interface; files of the page are not
    std::vector<Parameter> parameters{};
    const Schema* body = nullptr;
    Shape body_shape = Shape::one;
    bool body_required = true;
    std::vector<Answer> answers{};
    std::vector<const MessageInfo*> events{};  ///< of a stream: what may come on it
};

/// What a handler is given besides the request: the lane that the connection lives on.
struct Context {
    broadcast::Lane& lane;
};

/// Answers one request, on the connection's lane. A thrown exception becomes a 500 that reveals nothing.
/// `request` lives until the handler has completed.
using Handler = std::function<awaitable<Response>(Request& request, Context context)>;

/// One row of the endpoint table. `pattern` is "/api/v2/progress/status/{taskId}": literal segments and
/// {names}, each one non-empty segment. GET serves HEAD too.
struct Route {
    Method method = Method::get;
    std::string pattern;
    Handler handler;
    RouteInfo info{};
};

}  // namespace stepcast::http
