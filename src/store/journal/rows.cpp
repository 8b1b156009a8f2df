// What a journal's transactions write besides events, and how it is read back.
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>

#include "base/hash.hpp"
#include "store/journal/headers.hpp"
#include "store/journal/kept_rows.hpp"
#include "store/journal/statements.hpp"

namespace stepcast::store {
namespace {

constexpr std::size_t snapshot_sum_bytes = 16;

// Of everything in a snapshot's row; its state in the file ends with it.
std::string sum_of(const Category& category, const StreamHead& head, const Snapshot& snapshot) {
    return fmt::format(
        "{:016x}",
        stable_hash(fmt::format("{}\n{}\n{}\n{}\n{} {} {} {} {} {} {}", category.name, head.id, head.subject,
                                snapshot.state, snapshot.version, snapshot.schema, head.first_version,
                                head.last_position, milliseconds(head.last_recorded),
                                static_cast<int>(head.life), head.mixed)));
}

/// Messages whose numbers follow each other.
struct Run {
    std::int64_t first = 0;
    std::int64_t last = 0;
    Timestamp at{};  // the latest of theirs
};

std::pair<std::uint64_t, Timestamp> numbered(std::uint64_t gone) {
    return {gone, {}};
}
std::pair<std::uint64_t, Timestamp> numbered(std::pair<std::uint64_t, Timestamp> sent) {
    return sent;
}

// One statement for a run costs less than one for each of its rows.
template <class Message>
std::vector<Run> runs_of(std::vector<Message> messages) {
    std::ranges::sort(messages);
    std::vector<Run> runs;
    for (const auto& message : messages) {
        const auto [number, at] = numbered(message);
        const auto n = static_cast<std::int64_t>(number);
        if (runs.empty() || runs.back().last + 1 != n) runs.push_back({n, n, at});
        runs.back().last = n;
        runs.back().at = std::max(runs.back().at, at);
    }
    return runs;
}

}  // namespace

void JournalFile::write_changes(const JournalGroup& group) {
    struct Write {
        Statements& with;
        void operator()(const Loss& loss) const {
            with.add_loss.bind(1, static_cast<std::int64_t>(loss.number))
                .bind(2, loss.category->name)
                .bind(3, std::int64_t{loss.of_subject})
                .bind(4, loss.name)
                .bind(5, static_cast<std::int64_t>(loss.through))
                .bind(6, milliseconds(loss.at))
                .run();
        }
        void operator()(const JournalGroup::Saved& saved) const {
            const auto& [category, head, snapshot] = saved;
            const std::string state = snapshot.state + sum_of(*category, head, snapshot);
            with.save_snapshot.bind(1, category->name)
                .bind(2, head.id)
                .bind(3, static_cast<std::int64_t>(snapshot.version))
                .bind(4, std::int64_t{snapshot.schema})
                .bind_blob(5, state)
                .bind(6, head.subject)
                .bind(7, static_cast<std::int64_t>(head.first_version))
                .bind(8, static_cast<std::int64_t>(head.last_position))
                .bind(9, milliseconds(head.last_recorded))
                .bind(10, static_cast<std::int64_t>(head.life))
                .bind(11, std::int64_t{head.mixed})
                .run();
            if (head.first_version > 1) drop_kept(*category, head.id, head.first_version);
        }
        void operator()(const KeptSnapshot& kept) const {
            const auto& [category, stream_id, position, snapshot] = kept;
            const auto state = kept_state(kept);
            with.keep_snapshot.bind(1, category->name)
                .bind(2, stream_id)
                .bind(3, static_cast<std::int64_t>(snapshot.version))
                .bind(4, static_cast<std::int64_t>(position))
                .bind(5, std::int64_t{snapshot.schema})
                .bind_blob(6, state)
                .run();
        }
        void operator()(const JournalGroup::Gone& gone) const {
            with.drop_snapshot.bind(1, gone.category->name).bind(2, gone.stream_id).run();
            drop_kept(*gone.category, gone.stream_id, INT64_MAX);
        }
        void drop_kept(const Category& category, const std::string& stream_id, Version below) const {
            if (category.expires) return;
            with.drop_kept.bind(1, category.name)
                .bind(2, stream_id)
                .bind(3, static_cast<std::int64_t>(below))
                .run();
        }
    };
    // First what frees pages: the rest may need them.
    for (const auto position : group.removed)
        statements_->remove_event.bind(1, static_cast<std::int64_t>(position)).run();
    if (group.forgot) forget(*group.forgot);
    for (const auto& change : group.changes) std::visit(Write{*statements_}, change);
    for (const auto& [source, offset] : group.sources) {
        const auto& [consumer, topic, partition] = source;
        statements_->move_source.bind(1, consumer)
            .bind(2, topic)
            .bind(3, std::int64_t{partition})
            .bind(4, offset)
            .run();
    }
    write_promises(group);
}

void JournalFile::forget(const JournalGroup::Forgot& forgot) {
    next_.floor = std::max({next_.floor, meta_.floor, forgot.floor});
    statements_->forget_losses.bind(1, static_cast<std::int64_t>(forgot.number)).run();
}

// Pending messages, inbox marks and timers.
void JournalFile::write_promises(const JournalGroup& group) {
    for (const auto& pending : group.messages) {
        const auto& [number, message, at] = *pending;
        const auto headers = encode_headers(message.headers);
        statements_->add_message.bind(1, static_cast<std::int64_t>(number))
            .bind(2, message.id)
            .bind(3, message.topic)
            .bind(4, message.key)
            .bind(5, message.value)
            .bind_blob(6, headers)
            .bind(7, milliseconds(at))
            .run();
    }
    for (const auto& [first, last, at] : runs_of(group.sent))
        statements_->mark_sent.bind(1, first).bind(2, last).bind(3, milliseconds(at)).run();
    // Last, because a message may come, be sent and leave within one group.
    for (const auto& [first, last, at] : runs_of(group.gone))
        statements_->remove_messages.bind(1, first).bind(2, last).run();
    // First, because a mark may be made again in the group in which it was forgotten.
    if (group.forgot_marks) statements_->forget_marks.bind(1, milliseconds(*group.forgot_marks)).run();
    for (const auto& mark : group.marks)
        statements_->add_mark.bind(1, mark.consumer)
            .bind(2, mark.message_id)
            .bind(3, milliseconds(mark.expires))
            .bind(4, mark.answer)
            .run();
    struct Write {
        Statements& with;
        void operator()(const Timer& timer) const {
            with.set_timer.bind(1, timer.id)
                .bind(2, milliseconds(timer.due))
                .bind(3, timer.kind)
                .bind(4, timer.payload)
                .run();
        }
        void operator()(const JournalGroup::Fired& fired) const { with.remove_timer.bind(1, fired.id).run(); }
    };
    for (const auto& change : group.timers) std::visit(Write{*statements_}, change);
}

result<JournalBase> JournalFile::read_base(std::vector<std::string>* left_out) {
    try {
        JournalBase base;
        base.floor = meta_.floor;
        read_losses(base);
        read_streams(base, left_out);
        auto sources = db_.prepare("SELECT * FROM sources");
        while (sources.step())
            base.sources.push_back({std::string{sources.text(0)}, std::string{sources.text(1)},
                                    static_cast<std::int32_t>(sources.number(2)), sources.number(3)});
        read_outbox(base);
        auto marks = db_.prepare("SELECT * FROM inbox");
        while (marks.step())
            base.marks.push_back({std::string{marks.text(0)}, std::string{marks.text(1)},
                                  timestamp(marks.number(2)), std::string{marks.text(3)}});
        auto timers = db_.prepare("SELECT * FROM timers");
        while (timers.step())
            base.timers.push_back({std::string{timers.text(0)}, timestamp(timers.number(1)),
                                   std::string{timers.text(2)}, std::string{timers.text(3)}});
        return base;
    } catch (const SqliteError& e) {
        return tl::unexpected{error_of(e)};
    }
}

void JournalFile::leave_below_snapshots(const JournalBase& base, std::span<const SnapshotKind> kinds) {
    std::uint32_t number = 0;
    for (const auto& [category, head, snapshot] : base.streams) {
        const bool usable = std::ranges::any_of(kinds, [&](const SnapshotKind& kind) {
            return kind.category == category && kind.schema == snapshot.schema;
        });
        if (usable) below_snapshots_.add(*category, head, snapshot.version, number);
        ++number;
    }
}

void JournalFile::read_outbox(JournalBase& base) {
    auto messages = db_.prepare(
        "SELECT number, id, topic, key, value, headers, committed_at FROM outbox WHERE processed_at IS NULL "
        "ORDER BY number");
    while (messages.step())
        base.messages.push_back(
            {static_cast<std::uint64_t>(messages.number(0)),
             {std::string{messages.text(1)}, std::string{messages.text(2)}, std::string{messages.text(3)},
              std::string{messages.text(4)}, decode_headers(messages.text(5))},
             timestamp(messages.number(6))});
    // About Outbox::cost, without reading the texts themselves.
    auto sent = db_.prepare(
        "SELECT number, processed_at, 160 + 2 * length(id) + length(topic) + length(key) + length(value) + "
        "coalesce(length(headers), 0) FROM outbox WHERE processed_at IS NOT NULL ORDER BY processed_at, "
        "number");
    while (sent.step())
        base.sent.push_back({static_cast<std::uint64_t>(sent.number(0)), timestamp(sent.number(1)),
                             static_cast<std::uint64_t>(sent.number(2))});
}

result<void> JournalFile::write_base(const JournalBase& base, Position head, const std::string& epoch) {
    try {
        Transaction transaction{db_};
        db_.run(
            "DELETE FROM losses; DELETE FROM snapshots; DELETE FROM snapshots_kept; DELETE FROM sources; "
            "DELETE FROM outbox;"
            "DELETE FROM inbox; DELETE FROM timers");
        JournalGroup group;
        std::uint64_t number = 0;
        for (auto loss : base.losses) {
            loss.number = ++number;
            group.changes.emplace_back(std::move(loss));
        }
        for (const auto& [category, stream, snapshot] : base.streams)
            group.changes.emplace_back(JournalGroup::Saved{category, stream, snapshot});
        for (const auto& kept : base.kept) group.changes.emplace_back(kept);
        for (const auto& [consumer, topic, partition, offset] : base.sources)
            group.sources.emplace(std::tuple{consumer, topic, partition}, offset);
        for (const auto& message : base.messages)
            group.messages.push_back(std::make_shared<const PendingMessage>(message));
        group.marks = base.marks;
        group.timers.assign(base.timers.begin(), base.timers.end());
        write_changes(group);
        begin_next(head);
        next_.floor = base.floor;
        next_.epoch = epoch;
        next_.write(db_);
        transaction.commit();
        meta_ = next_;
        std::error_code error;
        std::filesystem::remove(Mark::path_of(options_.path), error);
        return {};
    } catch (const SqliteError& e) {
        return tl::unexpected{error_of(e)};
    }
}

void JournalFile::read_losses(JournalBase& base) {
    auto rows =
        db_.prepare("SELECT number, category, of_subject, name, through, at FROM losses ORDER BY number");
    while (rows.step()) {
        Loss loss{category(rows.text(1)),    rows.number(2) != 0,
                  std::string{rows.text(3)}, static_cast<Position>(rows.number(4)),
                  timestamp(rows.number(5)), static_cast<std::uint64_t>(rows.number(0))};
        if (loss.category == nullptr) {  // before schema 4, of a subject: of whatever category
            for (const auto* each : options_.categories) {
                loss.category = each;
                lost_[loss.hash()] = loss.through;
                base.losses.push_back(loss);
            }
            continue;
        }
        auto& through = lost_[loss.hash()];
        through = std::max(through, loss.through);
        base.losses.push_back(std::move(loss));
    }
}

void JournalFile::read_streams(JournalBase& base, std::vector<std::string>* left_out) {
    auto rows = db_.prepare("SELECT * FROM snapshots");
    while (rows.step()) {
        const Category* of = category(rows.text(0));
        if (of == nullptr) throw SqliteError{SQLITE_CORRUPT, "a snapshot is of no known category"};
        JournalBase::Stream stream{
            of,
            {std::string{rows.text(1)}, std::string{rows.text(5)}, static_cast<Version>(rows.number(6)),
             static_cast<Position>(rows.number(7)), timestamp(rows.number(8)),
             static_cast<StreamHead::Life>(rows.number(9)), rows.number(10) != 0},
            {static_cast<Version>(rows.number(2)), static_cast<std::uint32_t>(rows.number(3)),
             std::string{rows.text(4)}}};
        std::string& state = stream.snapshot.state;
        const std::string sum =
            summed_ ? state.substr(state.size() - std::min(state.size(), snapshot_sum_bytes)) : "";
        state.resize(state.size() - sum.size());
        if (!summed_ || sum == sum_of(*of, stream.head, stream.snapshot)) {
            base.streams.push_back(std::move(stream));
            continue;
        }
        const auto what =
            fmt::format("the snapshot of {} {} is not what was written", of->name, stream.head.id);
        if (left_out == nullptr) throw SqliteError{SQLITE_CORRUPT, what};
        left_out->push_back(what);
    }
}

result<void> JournalFile::read_kept(JournalBase& base, std::vector<std::string>* left_out) {
    try {
        auto rows = db_.prepare(fmt::format("SELECT {} FROM snapshots_kept", kept_columns));
        while (rows.step()) {
            auto kept = decode_kept(rows, options_.categories);
            if (kept) {
                base.kept.push_back(std::move(*kept));
                continue;
            }
            const auto what = fmt::format("the snapshot of {} {} at version {} is not what was written",
                                          rows.text(0), rows.text(1), rows.number(2));
            if (left_out == nullptr) throw SqliteError{SQLITE_CORRUPT, what};
            left_out->push_back(what);
        }
        return {};
    } catch (const SqliteError& e) {
        return tl::unexpected{error_of(e)};
    }
}

std::vector<JournalFile::KeptState> JournalFile::kept_states() {
    std::vector<KeptState> states;
    try {
        auto rows = db_.prepare(fmt::format(
            "SELECT category, stream, max(length(state) - {}, 0) FROM snapshots_kept", snapshot_sum_bytes));
        while (rows.step())
            if (const Category* of = category(rows.text(0)))
                states.push_back({of, std::string{rows.text(1)}, static_cast<std::size_t>(rows.number(2))});
    } catch (const SqliteError&) {  // they only spare folds: see `check`
    }
    return states;
}

// Rows from before schema 3.
void JournalFile::sum_snapshots() {
    JournalBase base;
    read_streams(base, nullptr);
    auto change = db_.prepare("UPDATE snapshots SET state=? WHERE category=? AND stream=?");
    for (const auto& [category, head, snapshot] : base.streams) {
        const std::string state = snapshot.state + sum_of(*category, head, snapshot);
        change.bind_blob(1, state).bind(2, category->name).bind(3, head.id).run();
    }
    summed_ = true;
}

}  // namespace stepcast::store
