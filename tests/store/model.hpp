#pragma once
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/store_fixture.hpp"

namespace stepcast::store::test {

/// A store as plain as it can be: what the real ones are compared with.
class Model {
  public:
    struct Fact {
        std::string stream, id, subject, body;
        Lifecycle lifecycle;
        Version version = 0;
        Position position = 0;
    };
    struct Outcome {
        errc code{};  // none: written or known
        Version version = 0;
        Position position = 0;
        bool known = false;
    };
    struct Stream {
        std::vector<Fact> facts;
        Version version = 0;
        bool running = true;
        Timestamp last{};
        Version snapshot = 0;
    };
    struct Lost {
        Position through = 0;
        Timestamp at{};
    };

    explicit Model(Limits to) : limits{to} {}

    /// Of one call: each stream that some commit named a version of and did not lead to the next.
    using Broken = std::set<std::string>;

    Outcome commit(const std::vector<Fact>& drafts, Expected expected, Timestamp now, Broken& broken) {
        const auto outcome = commit_one(drafts, expected, now, broken);
        const bool led_there =
            outcome.code == errc{} && (!outcome.known || outcome.version == expected.version + drafts.size());
        if (expected.is_exact() && !led_there) broken.insert(drafts.front().stream);
        return outcome;
    }

    Outcome commit_one(const std::vector<Fact>& drafts, Expected expected, Timestamp now,
                       const Broken& broken) {
        const auto& name = drafts.front().stream;
        const auto found = streams.find(name);
        const Version version = found == streams.end() ? 0 : found->second.version;
        Outcome known;
        std::size_t count = 0;
        for (const auto& d : drafts) {
            if (found == streams.end()) break;
            for (const auto& f : found->second.facts) {
                if (f.id != d.id) continue;
                if (f.body != d.body) return {errc::idempotency_conflict};
                ++count;
                known = {{}, f.version, f.position, true};
            }
        }
        if (count == drafts.size()) return known;
        if (count != 0) return {errc::partly_known};
        const bool holds = expected.kind == Expected::Kind::any ||
                           (expected.kind == Expected::Kind::no_stream && version == 0) ||
                           (expected.kind == Expected::Kind::stream_exists && version != 0) ||
                           (expected.kind == Expected::Kind::exact && version == expected.version);
        if (!holds || (expected.is_exact() && broken.contains(name))) return {errc::wrong_expected_version};
        for (std::size_t i = 0; i < drafts.size(); ++i)
            for (std::size_t j = 0; j < i; ++j)
                if (drafts[i].id == drafts[j].id)
                    return {drafts[i].body == drafts[j].body ? errc::partly_known
                                                             : errc::idempotency_conflict};
        Stream& stream = streams[name];
        for (auto d : drafts) {
            d.version = ++stream.version;
            d.position = ++head;
            if (d.lifecycle != Lifecycle::neutral) stream.running = d.lifecycle == Lifecycle::opens;
            stream.last = std::max(stream.last, now);
            stream.facts.push_back(d);
        }
        return {{}, stream.version, head, false};
    }

    std::vector<std::string> clean(Timestamp now) {
        std::vector<std::string> gone;
        for (auto i = streams.begin(); i != streams.end();) {
            const auto& stream = i->second;
            if (stream.last + (stream.running ? limits.running_ttl : limits.ttl) > now) {
                ++i;
                continue;
            }
            gone.push_back(i->first);
            const auto facts = stream.facts;
            const Position through = last_position(i->first);
            for (const auto& f : facts) lose(subjects_lost, f.subject, f.position, now);
            lose(streams_lost, i->first, through, now);
            positions.erase(i->first);
            i = streams.erase(i);
        }
        for (auto* lost : {&streams_lost, &subjects_lost}) {
            for (auto i = lost->begin(); i != lost->end();) {
                if (i->second.at + limits.tombstone_ttl > now) {
                    ++i;
                    continue;
                }
                floor = std::max(floor, i->second.through);
                i = lost->erase(i);
            }
        }
        return gone;
    }

    /// False if the snapshot is to be refused.
    bool trim(const std::string& name, Version version, Timestamp now) {
        const auto found = streams.find(name);
        if (found == streams.end() || version > found->second.version) return false;
        auto& stream = found->second;
        if (version < stream.snapshot) return true;
        stream.snapshot = version;
        Position through = 0;
        for (const auto& f : stream.facts) {
            if (f.version > version) continue;
            through = f.position;
            lose(subjects_lost, f.subject, f.position, now);
        }
        if (through == 0) return true;
        positions[name] = last_position(name);
        lose(streams_lost, name, through, now);
        std::erase_if(stream.facts, [&](const Fact& f) { return f.version <= version; });
        return true;
    }

    Position last_position(const std::string& name) const {
        const auto& stream = streams.at(name);
        return stream.facts.empty() ? positions.at(name) : stream.facts.back().position;
    }

    std::vector<Fact> in_order() const {
        std::vector<Fact> all;
        for (const auto& [name, stream] : streams)
            all.insert(all.end(), stream.facts.begin(), stream.facts.end());
        std::sort(all.begin(), all.end(),
                  [](const Fact& a, const Fact& b) { return a.position < b.position; });
        return all;
    }

    Position lost(const std::map<std::string, Lost>& of, const std::string& name) const {
        const auto found = of.find(name);
        return std::max(floor, found == of.end() ? 0 : found->second.through);
    }

    Limits limits;
    std::map<std::string, Stream> streams;
    std::map<std::string, Lost> streams_lost, subjects_lost;
    Position head = 0;
    Position floor = 0;

  private:
    static void lose(std::map<std::string, Lost>& of, const std::string& name, Position through,
                     Timestamp now) {
        if (name.empty()) return;
        auto& entry = of[name];
        entry = {std::max(entry.through, through), now};
    }

    std::map<std::string, Position> positions;  // last one of a stream whose events were all trimmed
};

}  // namespace stepcast::store::test
