// How an event becomes a row of its journal, and is read back.
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "base/hash.hpp"
#include "store/journal/statements.hpp"
#include "store/memory/stream.hpp"

namespace stepcast::store {
namespace {

constexpr std::size_t ids_bytes = 12;  // a place and a size of 16 bits for each of the three ids

struct RowNumbers {
    std::int64_t position, type, version, recorded_at, fingerprint;
};

// Of everything in the row, so that not even SQLite's own checks have to be believed. Absent metadata counts
// as nothing: rows of older schemas have none.
std::int64_t sum_of(const RowNumbers& numbers, std::string_view ids, std::string_view data,
                    std::string_view metadata) {
    const std::uint64_t all[] = {static_cast<std::uint64_t>(numbers.position),
                                 static_cast<std::uint64_t>(numbers.type),
                                 static_cast<std::uint64_t>(numbers.version),
                                 static_cast<std::uint64_t>(numbers.recorded_at),
                                 static_cast<std::uint64_t>(numbers.fingerprint),
                                 stable_hash(ids),
                                 stable_hash(data),
                                 stable_hash(metadata)};
    const std::size_t size = sizeof all - (metadata.empty() ? sizeof all[0] : 0);
    return static_cast<std::int64_t>(stable_hash({reinterpret_cast<const char*>(all), size}));
}

void put_short(std::string& out, std::size_t value) {
    out.push_back(static_cast<char>(value & 0xFF));
    out.push_back(static_cast<char>(value >> 8));
}

// Most ids stand in the JSON; the others follow in `out`.
void encode_ids(const event::Event& event, std::string& out) {
    const std::string_view body = event.body();
    std::size_t outside = body.size() + 1;
    std::string_view others[3];
    std::size_t count = 0;
    out.clear();
    for (const auto id : {event.stream_id(), event.id(), event.subject()}) {
        const bool inside = id.data() >= body.data() && id.data() + id.size() <= body.data() + body.size();
        put_short(out, inside ? static_cast<std::size_t>(id.data() - body.data()) + 1 : outside);
        put_short(out, id.size());
        if (inside) continue;
        outside += id.size();
        others[count++] = id;
    }
    for (std::size_t i = 0; i < count; ++i) out += others[i];
}

std::string_view id_at(int which, std::string_view ids, std::string_view json) {
    const auto number = [&](int at) {
        return static_cast<std::size_t>(static_cast<unsigned char>(ids[at])) |
               static_cast<std::size_t>(static_cast<unsigned char>(ids[at + 1])) << 8;
    };
    const auto at = number(4 * which), size = number(4 * which + 2);
    if (at < json.size()) return json.substr(at, size);
    return ids.substr(std::min(ids.size(), ids_bytes + at - json.size()), size);
}

}  // namespace

void JournalFile::write_events(const JournalGroup& group) {
    for (const auto& event : group.events) {
        if (group.removes(event->position())) continue;
        json_.assign("{").append(event->body());
        encode_ids(*event, ids_);
        const RowNumbers numbers{static_cast<std::int64_t>(event->position()), type_number(*event),
                                 static_cast<std::int64_t>(event->version()),
                                 milliseconds(event->recorded_at()),
                                 static_cast<std::int64_t>(event->fingerprint())};
        statements_->add_event.bind(1, numbers.position)
            .bind(2, numbers.type)
            .bind(3, numbers.version)
            .bind(4, numbers.recorded_at)
            .bind(5, numbers.fingerprint)
            .bind_blob(6, ids_)
            .bind(7, json_)
            .bind(8, sum_of(numbers, ids_, json_, event->metadata()))
            .bind(9, event->metadata())
            .run();
    }
}

std::int64_t JournalFile::type_number(const event::Event& event) {
    for (std::size_t i = 0; i < types_.size(); ++i) {
        const EventType& type = types_[i];
        if (type.category == &event.category() && type.type == event.type_index() &&
            type.schema == event.schema_version() && type.lifecycle == event.lifecycle())
            return static_cast<std::int64_t>(i);
    }
    const auto number = static_cast<std::int64_t>(types_.size());
    statements_->add_type.bind(1, number)
        .bind(2, event.category().name)
        .bind(3, event.type())
        .bind(4, std::int64_t{event.schema_version()})
        .bind(5, static_cast<std::int64_t>(event.lifecycle()))
        .run();
    types_.push_back({&event.category(), event.type_index(), event.schema_version(), event.lifecycle()});
    return number;
}

result<std::vector<EventType>> read_event_types(Database& db, Categories categories,
                                                const std::string& path) {
    std::vector<EventType> types;
    auto rows = db.prepare("SELECT number, category, name, schema, lifecycle FROM types ORDER BY number");
    while (rows.step()) {
        const auto category = std::ranges::find(categories, rows.text(1), &Category::name);
        const Category* found = category == categories.end() ? nullptr : *category;
        const auto name = rows.text(2);
        const auto type = found == nullptr ? 0 : std::ranges::find(found->types, name) - found->types.begin();
        if (found == nullptr || type == static_cast<std::ptrdiff_t>(found->types.size()))
            return tl::unexpected{
                because(journal_errc::unusable,
                        fmt::format("{} holds events of a kind that this version does not know "
                                    "({} of {})",
                                    path, name, rows.text(1)))};
        const auto number = static_cast<std::size_t>(rows.number(0));
        if (number > 4096) throw SqliteError{SQLITE_CORRUPT, "a type has an impossible number"};
        types.resize(std::max(types.size(), number + 1));
        types[number] = {found, static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(rows.number(3)),
                         static_cast<event::Lifecycle>(rows.number(4))};
    }
    return types;
}

EventRow decode_row(const Statement& row, std::span<const EventType> types) {
    const RowNumbers numbers{row.number(0), row.number(1), row.number(2), row.number(3), row.number(4)};
    const auto ids = row.text(5), json = row.text(6), metadata = row.text(8);
    const auto number = static_cast<std::size_t>(numbers.type);
    if (row.number(7) != sum_of(numbers, ids, json, metadata) || number >= types.size() ||
        types[number].category == nullptr || ids.size() < ids_bytes)
        throw SqliteError{SQLITE_CORRUPT,
                          fmt::format("the event at position {} is not what was written", numbers.position)};
    return {.type = &types[number],
            .version = static_cast<Version>(numbers.version),
            .position = static_cast<Position>(numbers.position),
            .recorded_at = timestamp(numbers.recorded_at),
            .fingerprint = static_cast<std::uint64_t>(numbers.fingerprint),
            .stream_id = id_at(0, ids, json),
            .id = id_at(1, ids, json),
            .subject = id_at(2, ids, json),
            .json = json,
            .metadata = metadata};
}

StoredEvent EventRow::event() const {
    return {event::Event::make({.category = type->category,
                                .type = type->type,
                                .schema_version = type->schema,
                                .lifecycle = type->lifecycle,
                                .fingerprint = fingerprint,
                                .stream_id = stream_id,
                                .id = id,
                                .subject = subject,
                                .json = json,
                                .metadata = metadata}),
            version, position, recorded_at};
}

// No event may be left behind, nor its position given again.
Position JournalFile::read_last_row() {
    try {
        auto row =
            db_.prepare(fmt::format("SELECT {} FROM events ORDER BY position DESC LIMIT 1", row_columns));
        return row.step() ? decode_row(row, types_).position : 0;
    } catch (const SqliteError&) {
        if (!options_.salvage) throw;
        return 0;  // a position that is not what was written would be looked for without an end
    }
}

Position JournalFile::lost_through(std::uint64_t hash) const {
    const auto found = lost_.find(hash);
    return found == lost_.end() ? 0 : found->second;
}

result<JournalFile::EventPage> JournalFile::read_events(Position after, std::size_t limit) {
    auto& rows = statements_->read_events;
    try {
        EventPage page;
        page.through = after;
        boost::unordered_flat_map<std::uint64_t, std::size_t> known;  // by hash: its place in the page
        rows.bind(1, static_cast<std::int64_t>(after)).bind(2, static_cast<std::int64_t>(limit));
        while (rows.step()) {
            page.through = static_cast<Position>(rows.number(0));
            const auto row = decode_row(rows, types_);
            const auto hash = stream_hash(*row.type->category, row.stream_id);
            if (row.position > lost_through(hash)) {
                if (const auto stream = below_snapshots_.find(hash, row)) {
                    page.away.push_back(
                        {row.position, row.version, row.recorded_at, *stream, IdTable::hash(row.id)});
                    page.away_bytes += row_bytes(row.json.size(), row.metadata.size());
                } else {
                    page.events.push_back(row.event());
                }
                continue;
            }
            page.hidden.push_back(row.position);
            page.hidden_bytes += row_bytes(row.json.size(), row.metadata.size());
            Loss loss{row.type->category, true, std::string{row.subject}, row.position, system_clock().now()};
            if (loss.name.empty() || std::max(meta_.floor, lost_through(loss.hash())) >= row.position)
                continue;
            const auto [place, fresh] = known.try_emplace(loss.hash(), page.hidden_losses.size());
            if (fresh) page.hidden_losses.emplace_back();
            page.hidden_losses[place->second] = std::move(loss);
        }
        for (const auto& loss : page.hidden_losses) lost_[loss.hash()] = loss.through;
        return page;
    } catch (const SqliteError& e) {
        rows.reset();
        return tl::unexpected{error_of(e)};
    }
}

}  // namespace stepcast::store
