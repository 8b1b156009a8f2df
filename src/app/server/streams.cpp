#include "app/server/streams.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <memory>

#include "aio/spawn.hpp"
#include "app/server/api.hpp"
#include "app/server/json_changes.hpp"
#include "app/server/wiring.hpp"
#include "base/text.hpp"
#include "domain/calls.hpp"
#include "event/json.hpp"
#include "http/answers.hpp"
#include "http/conditions.hpp"
#include "http/paging.hpp"
#include "http/past.hpp"

namespace stepcast::app {
namespace {

using aio::awaitable;
using http::Context;
using http::Request;
using http::Response;
using Refused = tl::unexpected<Response>;

constexpr std::size_t most_listed = 1'000;
constexpr std::size_t listed_by_default = 100;
constexpr std::size_t page_events = 100;
constexpr std::size_t answer_bytes = 1024 * 1024;  ///< a list is cut behind the event that exceeds it

/// What `account-ACC-001` names.
struct Stream {
    const event::Category* category = nullptr;
    domain::Module* owner = nullptr;
    std::string name;
    std::string id;
};

Response unknown_stream() {
    return Response::problem(404, "unknown-stream", "there is no such stream");
}

Response unreadable(const Error& error) {
    static const std::array<http::AnswerRow, 1> rows{{{store::errc::unavailable, 503, "store-unavailable"}}};
    return http::answer_for(error, rows);
}

// Names of categories may hold '-' themselves: the longest one that fits is meant.
result<Stream, Response> stream_of(const StreamParts& parts, const Request& request) {
    Stream stream{.name = std::string{request.path_parameter("stream")}, .id = {}};
    for (const auto& [category, owner] : parts.owners) {
        const auto& name = category->name;
        if (!stream.name.starts_with(name) || stream.name.size() <= name.size() + 1 ||
            stream.name[name.size()] != '-' ||
            (stream.category != nullptr && stream.category->name.size() > name.size()))
            continue;
        stream.category = category;
        stream.owner = owner;
    }
    if (stream.category == nullptr) return Refused{unknown_stream()};
    stream.id = stream.name.substr(stream.category->name.size() + 1);
    return stream;
}

void append_stored(std::string& out, const event::Event& event) {
    append_number(out += "{\"version\":", event.version());
    append_number(out += ",\"position\":", event.position());
    event::append_json_string(out += ",\"eventId\":", event.id());
    event::append_json_string(out += ",\"type\":", event.type());
    append_number(out += ",\"schemaVersion\":", event.schema_version());
    event::append_json_string(out += ",\"recordedAt\":", format_rfc3339(event.recorded_at()));
    event::append_json_string(out += ",\"subject\":", event.subject());
    out.append(",\"metadata\":").append(event.metadata().empty() ? "{}" : event.metadata());
    out.append(",\"data\":{").append(event.body()) += '}';
}

awaitable<result<store::StreamInfo, Response>> info_of(StreamParts& parts, const Stream& stream) {
    const auto info = co_await parts.store.stream_info(*stream.category, stream.id);
    if (!info) co_return Refused{unreadable(info.error())};
    if (info->version == 0) co_return Refused{unknown_stream()};
    co_return *info;
}

awaitable<result<event::EventRef, Response>> event_at(StreamParts& parts, const Stream& stream,
                                                      event::Version version) {
    const auto page = co_await parts.store.read_stream(*stream.category, stream.id,
                                                       {store::Range::By::version, version, version, 1});
    if (!page) co_return Refused{unreadable(page.error())};
    if (page->events.empty())
        co_return Refused{Response::problem(410, "version-gone", "events of that age are kept no more")};
    co_return page->events.front();
}

// Times of storing never fall within a stream.
awaitable<result<event::Version, Response>> version_at(StreamParts& parts, const Stream& stream,
                                                       const store::StreamInfo& info, Timestamp at) {
    event::Version had = info.first_version - 1, beyond = info.version + 1;
    while (beyond - had > 1) {
        const auto middle = had + (beyond - had) / 2;
        auto event = co_await event_at(parts, stream, middle);
        if (!event) co_return Refused{std::move(event.error())};
        ((*event)->recorded_at() <= at ? had : beyond) = middle;
    }
    if (had < info.first_version)
        co_return Refused{Response::problem(404, "unknown-version", "nothing was stored by then")};
    co_return had;
}

awaitable<Response> list(StreamParts& parts, const Request& request, const Stream& stream,
                         http::Slice slice) {
    auto info = co_await info_of(parts, stream);
    if (!info) co_return std::move(info.error());
    const std::string etag = http::etag_of(info->version);
    if (http::not_modified(request, etag)) co_return http::unchanged(etag);
    std::string out = "[";
    auto next = std::max(slice.from, info->first_version);
    for (std::size_t count = 0; count < slice.limit && next <= info->version && out.size() < answer_bytes;) {
        const auto page = co_await parts.store.read_stream(
            *stream.category, stream.id,
            {store::Range::By::version, next, info->version, std::min(page_events, slice.limit - count)});
        if (!page) co_return unreadable(page.error());
        for (const auto& event : page->events) {
            if (out.size() >= answer_bytes) break;
            if (out.size() > 1) out += ',';
            append_stored(out, *event);
            ++count;
            next = event->version() + 1;
        }
        if (!page->more) break;
    }
    Response response = Response::json(std::move(out += ']'));
    if (next <= info->version) response.with("Link", http::next_link(request, {}, next, slice.limit));
    co_return std::move(response).with("ETag", etag).with("Cache-Control", http::users_own);
}

// Which version is asked for: of one that is not there it is said why.
awaitable<result<event::Version, Response>> version_of(StreamParts& parts, const Stream& stream,
                                                       const store::StreamInfo& info,
                                                       const http::Past& past) {
    if (past.at) co_return co_await version_at(parts, stream, info, *past.at);
    if (!past.version) co_return info.version;
    if (*past.version > info.version)
        co_return Refused{Response::problem(404, "unknown-version", "the stream has not come so far")};
    co_return *past.version;
}

/// `"state":{…},"changes":[…]`: both null where nobody folds the stream, the changes also where the version
/// before cannot be folded any more.
awaitable<result<std::string, Response>> state_and_changes(const Stream& stream, event::Version version) {
    const std::string nothing = "\"state\":null,\"changes\":null";
    if (stream.owner == nullptr) co_return nothing;
    auto state = co_await stream.owner->state_of(*stream.category, stream.id, version);
    if (!state) co_return Refused{std::move(state.error())};
    if (!*state) co_return nothing;
    std::string before = "{}";
    bool comparable = true;
    if (version > 1) {
        auto earlier = co_await stream.owner->state_of(*stream.category, stream.id, version - 1);
        comparable = earlier && *earlier;
        if (comparable) before = std::move(**earlier);
    }
    const auto from = event::parse_json(before), to = event::parse_json(**state);
    std::string out = "\"state\":" + **state + ",\"changes\":";
    co_return out += comparable && from && to ? json_changes(*from, *to) : "null";
}

awaitable<Response> state(StreamParts& parts, const Request& request, const Stream& stream, http::Past past) {
    auto info = co_await info_of(parts, stream);
    if (!info) co_return std::move(info.error());
    auto version = co_await version_of(parts, stream, *info, past);
    if (!version) co_return std::move(version.error());
    // The head stands in the answer, too.
    const std::string etag = fmt::format("\"v{}-{}\"", *version, info->version);
    if (http::not_modified(request, etag)) co_return http::unchanged(etag);
    auto event = co_await event_at(parts, stream, *version);
    if (!event) co_return std::move(event.error());
    auto folded = co_await state_and_changes(stream, *version);
    if (!folded) co_return std::move(folded.error());
    std::string out;
    event::append_json_string(out += "{\"stream\":", stream.name);
    event::append_json_string(out += ",\"category\":", stream.category->name);
    append_number(out += ",\"version\":", *version);
    append_number(out += ",\"head\":", info->version);
    append_number(out += ",\"first\":", info->first_version);
    append_stored(out += ",\"event\":", **event);
    out.append(",").append(*folded) += '}';
    co_return Response::json(std::move(out)).with("ETag", etag).with("Cache-Control", http::users_own);
}

awaitable<Response> get_list(StreamParts& parts, Request& request) {
    auto slice = http::slice_of(request, most_listed);
    if (!slice) co_return std::move(slice.error());
    if (!request.parameter("limit")) slice->limit = listed_by_default;
    auto stream = stream_of(parts, request);
    if (!stream) co_return std::move(stream.error());
    if (auto late = co_await domain::wait_for(parts.hub, parts.core, request)) co_return std::move(*late);
    co_return co_await aio::run_on(parts.core, [&] { return list(parts, request, *stream, *slice); });
}

awaitable<Response> get_state(StreamParts& parts, Request& request) {
    auto past = http::past_of(request);
    if (!past) co_return std::move(past.error());
    auto stream = stream_of(parts, request);
    if (!stream) co_return std::move(stream.error());
    if (auto late = co_await domain::wait_for(parts.hub, parts.core, request)) co_return std::move(*late);
    co_return co_await aio::run_on(parts.core, [&] { return state(parts, request, *stream, *past); });
}

}  // namespace

std::vector<http::Route> stream_routes(StreamParts parts) {
    for (const auto* category : stored_categories())
        if (std::ranges::find(parts.owners, category, &StreamParts::Owner::first) == parts.owners.end())
            parts.owners.emplace_back(category, nullptr);
    const auto shared = std::make_shared<StreamParts>(std::move(parts));
    const auto to = [&](awaitable<Response> (*handle)(StreamParts&, Request&)) -> http::Handler {
        return [shared, handle](Request& request, Context) { return handle(*shared, request); };
    };
    using enum wire::Method;
    return {{get, "/api/streams/{stream}", to(get_list), api::stream},
            {get, "/api/streams/{stream}/state", to(get_state), api::stream_state}};
}

}  // namespace stepcast::app
