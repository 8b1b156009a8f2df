#include "http/client_limits.hpp"

#include <fmt/format.h>

#include <tuple>

#include "base/hash.hpp"
#include "http/cors.hpp"
#include "http/stream/sse_session.hpp"

namespace stepcast::http {
namespace {

using namespace std::chrono_literals;

/// Never 0.
std::uint64_t name_of(const void* bytes, std::size_t size) {
    return keyed_hash({static_cast<const char*>(bytes), size}) | 1;
}

/// 0 for a local socket, at which there are no addresses. Those whom a proxy does not know are one.
std::uint64_t name_of(const Peer& peer) {
    if (peer.local) return 0;
    if (!peer.address) return 1;
    if (peer.address->is_v4()) {
        const auto bytes = peer.address->to_v4().to_bytes();
        return name_of(bytes.data(), bytes.size());
    }
    const auto bytes = peer.address->to_v6().to_bytes();
    return name_of(bytes.data(), bytes.size() / 2);
}

Response too_many(const Request& request, std::string_view who, Limited what, std::uint64_t bound,
                  std::chrono::milliseconds wait) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait);
    const auto name = limited_names[static_cast<std::size_t>(what)];
    return sse_turned_away(request,
                           Response::problem(429, "too-many-requests",
                                             fmt::format("one {} may send {} {} a second (limits.{}_{})", who,
                                                         bound, name, who, name))
                               .with("Retry-After", std::to_string(seconds.count())),
                           seconds);
}

}  // namespace

ClientLimits::Payer ClientLimits::payer_of(const Request& request) const {
    const auto& principal = request.principal;
    if (principal.scopes.publish || principal.scopes.admin) return {};
    Payer payer;
    if (addresses_.on()) payer.address = name_of(request.peer);
    if (users_.on() && !principal.anonymous)
        payer.user = name_of(principal.subject.data(), principal.subject.size());
    return payer;
}

std::optional<Response> ClientLimits::admit(const Request& request, const Payer& payer) {
    const auto now = std::chrono::steady_clock::now();
    for (const auto& [table, name, who] :
         {std::tuple{&addresses_, payer.address, "address"}, std::tuple{&users_, payer.user, "user"}}) {
        if (name == 0) continue;
        for (const auto what : {Limited::requests, Limited::events, Limited::bytes}) {
            if (!table->bounds(what) || (what == Limited::events && !is_unsafe(request.method))) continue;
            if (const auto wait = table->wait(name, what, now); wait > 0ms)
                return too_many(request, who, what, table->bound(what), wait);
        }
    }
    charge(payer, Limited::requests, 1);
    return std::nullopt;
}

void ClientLimits::charge(const Payer& payer, Limited what, std::size_t cost) {
    const auto now = std::chrono::steady_clock::now();
    if (payer.address != 0 && addresses_.bounds(what))
        addresses_.charge(payer.address, what, static_cast<double>(cost), now);
    if (payer.user != 0 && users_.bounds(what))
        users_.charge(payer.user, what, static_cast<double>(cost), now);
}

std::optional<ClientLimits::Hold> ClientLimits::enter(const Peer& peer, Limited what) {
    const auto name = addresses_.bounds(what) ? name_of(peer) : 0;
    if (name == 0) return Hold{};
    if (!addresses_.enter(name, what)) return std::nullopt;
    return Hold{addresses_, name, what};
}

std::optional<ClientLimits::Hold> ClientLimits::enter(const Payer& payer) {
    if (payer.user == 0 || !users_.bounds(Limited::connections)) return Hold{};
    if (!users_.enter(payer.user, Limited::connections)) return std::nullopt;
    return Hold{users_, payer.user, Limited::connections};
}

ClientLimits::Hold::Hold(Hold&& other) noexcept
    : table_{std::exchange(other.table_, nullptr)}, client_{other.client_}, what_{other.what_} {}

ClientLimits::Hold& ClientLimits::Hold::operator=(Hold&& other) noexcept {
    std::swap(table_, other.table_);
    std::swap(client_, other.client_);
    std::swap(what_, other.what_);
    return *this;
}

ClientLimits::Hold::~Hold() {
    if (table_ != nullptr) table_->leave(client_, what_);
}

}  // namespace stepcast::http
