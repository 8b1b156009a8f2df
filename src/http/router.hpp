#pragma once
#include <array>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.hpp"
#include "http/access.hpp"
#include "http/cors.hpp"
#include "http/hosts.hpp"
#include "http/route.hpp"
#include "http/server_options.hpp"
#include "http/stats.hpp"

namespace stepcast::http {

/// Where a request goes: to a handler, or to an answer that needs none.
struct Match {
    const Handler* handler = nullptr;
    std::optional<Response>
        answer{};  ///< a refusal by the head alone, or what OPTIONS says; set exactly if there is no handler
    RequestStats* stats = nullptr;
    const RouteInfo* info = nullptr;  ///< of the row; null if there is none
};

/// The endpoint table. Filled before the server starts, then only read: any thread.
class Router {
  public:
    explicit Router(const ServerOptions& options);

    /// Throws std::invalid_argument for a malformed pattern and for one that is already there with that
    /// method.
    void add(Route route);
    void add(std::vector<Route> routes);

    /// Without a call every Host is answered.
    void answer_only(HostPolicy hosts) { hosts_ = std::move(hosts); }

    /// Without a call auth is off.
    void hold_to(AccessPolicy access) { access_ = std::move(access); }

    /// Finds who asks, and fills the answer headers, of a request that may not be whole: one that was refused
    /// on the way. The refusal, if a trusted proxy sent what names nobody.
    std::optional<Response> prepare(Request& request) const;

    /// Finds the row, judges the request by its rule, and fills the request's path parameters, principal and
    /// answer headers; needs the head only. A path without parameters wins over one with.
    Match route(Request& request) const;

    /// Every row, in the order in which they came.
    const std::deque<Route>& table() const { return table_; }

    /// One for each pattern, and those of requests that belong to none.
    std::vector<const RequestStats*> stats() const;
    RequestStats& refused() const { return refused_; }

  private:
    struct Endpoint {
        explicit Endpoint(std::string text) : stats{std::move(text)} {}
        const Route* row_of(Method method) const;

        std::vector<std::string> segments;  ///< a parameter is "{name}"
        std::array<const Route*, wire::method_count> rows{};
        std::string allow;
        bool any_host = false;
        mutable RequestStats stats;
    };

    Endpoint& endpoint_of(const std::string& pattern);
    const Endpoint* find(Request& request) const;
    Response options(const Request& request, std::string_view allow) const;

    const TrustedProxies proxies_;
    const std::chrono::seconds hsts_;
    CorsPolicy cors_;
    HostPolicy hosts_;
    AccessPolicy access_;
    std::deque<Route> table_;
    std::deque<Endpoint> endpoints_;
    std::unordered_map<std::string, Endpoint*, KeyedHash, std::equal_to<>> by_pattern_;
    std::vector<Endpoint*> with_parameters_;
    mutable RequestStats unmatched_{"(none)"};
    mutable RequestStats refused_{"(refused)"};
};

}  // namespace stepcast::http
