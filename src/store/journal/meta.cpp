#include "store/journal/meta.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/hash.hpp"

namespace stepcast::store {

std::int64_t JournalMeta::sum() const {
    return static_cast<std::int64_t>(
        stable_hash(fmt::format("{} {} {} {} {}", epoch, head, floor, group, owner)));
}

JournalMeta JournalMeta::read(Database& db, bool& as_written) {
    JournalMeta meta;
    std::optional<std::int64_t> sum;
    auto rows = db.prepare("SELECT name, value FROM meta");
    while (rows.step()) {
        const auto name = rows.text(0);
        if (name == "epoch") meta.epoch = rows.text(1);
        if (name == "owner") meta.owner = rows.text(1);
        if (name == "head") meta.head = static_cast<Position>(rows.number(1));
        if (name == "floor") meta.floor = static_cast<Position>(rows.number(1));
        if (name == "group") meta.group = static_cast<std::uint64_t>(rows.number(1));
        if (name == "sum") sum = rows.number(1);
    }
    const bool summed = db.number("PRAGMA user_version") >= 4;
    as_written = !meta.epoch.empty() && meta.epoch.size() <= 16 && (!summed || sum == meta.sum());
    return meta;
}

void JournalMeta::write(Database& db) const {
    auto put = db.prepare("INSERT OR REPLACE INTO meta VALUES(?,?)");
    const auto number = [&](std::string_view name, std::uint64_t value) {
        put.bind(1, name).bind(2, static_cast<std::int64_t>(value)).run();
    };
    put.bind(1, "epoch").bind(2, epoch).run();
    put.bind(1, "owner").bind(2, owner).run();
    number("head", head);
    number("floor", floor);
    number("group", group);
    put.bind(1, "sum").bind(2, sum()).run();
}

void name_history(Database& db, const std::string& epoch) {
    bool as_written = true;
    auto meta = JournalMeta::read(db, as_written);
    if (!as_written) throw SqliteError{SQLITE_CORRUPT, "its head is not what was written"};
    meta.epoch = epoch;
    meta.write(db);
}

}  // namespace stepcast::store
