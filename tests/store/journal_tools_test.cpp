// What a person does with a journal's file.
#include "store/journal/tools.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "event/json.hpp"
#include "store/journal_kind.hpp"

namespace stepcast::store::test {
namespace {

// Whatever says "bad" is no event of this module.
result<void> check(const event::Event& draft) {
    if (draft.body().find("bad") != std::string_view::npos) return fail(errc::unavailable, "body", "is bad");
    return {};
}

class JournalTools : public ::testing::Test {
  protected:
    std::unique_ptr<JournaledStore> open(const std::string& name) {
        return open_journal(strand, folder.file(name), limits, clock);
    }
    void close(std::unique_ptr<JournaledStore> store) {
        run_to_end(strand, [](JournaledStore& of) -> awaitable<bool> {
            co_await of.close();
            co_return true;
        }(*store));
    }
    void commit(JournaledStore& store, Commit one) {
        ASSERT_TRUE(run_to_end(strand, store.commit_many({&one, 1}))[0]);
    }
    std::vector<EventRef> everything(JournaledStore& store) {
        return run_to_end(strand, store.read_all({.limit = 1'000'000})).value().events;
    }
    /// A journal with something of everything: streams, an expired one, a trimmed one, offsets, what is owed,
    /// handled and due.
    void fill(const std::string& name) {
        auto store = open(name);
        std::int64_t offset = 0;
        for (const auto* stream : {"gone", "kept"}) {
            for (int i = 1; i <= 40; ++i) {
                auto one =
                    commit_of({draft(stream, std::to_string(i),
                                     {.subject = "ann \"quoted\"", .body = "body" + std::to_string(i)})});
                one.source = {"group", "topic", 2, ++offset};
                one.outbox = {{"m" + std::to_string(i), "topic", "key", "{\"v\":1}"}};
                if (i % 2 == 0) one.outbox[0].headers = headers;
                one.inbox = {"group", stream + std::to_string(i), clock.at + 24h};
                one.timers = {{"t" + std::to_string(i), clock.at + 24h, "kind", "{\"due\":true}"}};
                commit(*store, one);
            }
            if (std::string_view{stream} != "gone") continue;
            clock.at += 61min;
            while (!run_to_end(strand, store->cleanup(clock.at)).value().done) {
            }
        }
        ASSERT_TRUE(run_to_end(strand, store->save_snapshot(task, "kept", {10, 1, "state \"ten\""}, true)));
        close(std::move(store));
    }
    /// 2,000 events of 300 bytes in 50 streams.
    void fill_with_2000(const std::string& name) {
        auto store = open(name);
        std::vector<Commit> commits;
        for (int i = 0; i < 2000; ++i)
            commits.push_back(commit_of({draft("s" + std::to_string(i % 50), std::to_string(i),
                                               {.body = std::string(300, 'x') + std::to_string(i)})}));
        for (const auto& one : run_to_end(strand, store->commit_many(commits))) ASSERT_TRUE(one);
        close(std::move(store));
    }
    std::string exported(const std::string& name) {
        std::ostringstream out;
        EXPECT_TRUE(export_journal(folder.file(name), categories, out, {}));
        return out.str();
    }
    void damage(const std::string& name, const std::string& text, std::size_t length) {
        std::fstream file{folder.file(name), std::ios::in | std::ios::out | std::ios::binary};
        const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
        const auto at = bytes.find(text);
        ASSERT_NE(at, std::string::npos);
        file.clear();
        file.seekp(static_cast<std::streamoff>(at));
        file << std::string(length, '\xFF');
    }

    const std::vector<event::Header> headers{{"traceparent", "00-\"1\""}, {"", "x"}, {"traceparent", ""}};
    TemporaryFolder folder;
    asio::io_context io;
    aio::Strand strand{asio::make_strand(io)};
    TestClock clock;
    Limits limits{.ttl = 10min, .running_ttl = 60min, .tombstone_ttl = 120min};
};

TEST_F(JournalTools, an_import_of_an_export_is_the_same_journal) {
    fill("one");
    const auto text = exported("one");
    std::istringstream in{text};
    const auto count = import_journal(folder.file("two"), categories, check, in, {});
    ASSERT_TRUE(count) << count.error().detail;
    EXPECT_EQ(*count, 30u);
    EXPECT_EQ(exported("two"), text);

    auto one = open("one"), two = open("two");
    EXPECT_EQ(one->epoch(), two->epoch());
    const auto left = everything(*one), right = everything(*two);
    ASSERT_EQ(left.size(), right.size());
    for (std::size_t i = 0; i < left.size(); ++i) EXPECT_EQ(left[i]->frame(), right[i]->frame());
    const auto owed = run_to_end(strand, two->outbox(0, 100)).value();
    EXPECT_EQ(owed.size(), 40u);
    EXPECT_TRUE(owed[0]->message.headers.empty());
    EXPECT_EQ(owed[1]->message.headers, headers);
    EXPECT_EQ(run_to_end(strand, two->due(clock.at + 24h, 100)).value().size(), 40u);
    Commit handled;
    handled.inbox = {"group", "kept7", clock.at + 24h};
    EXPECT_TRUE(run_to_end(strand, two->commit_many({&handled, 1}))[0]->deduplicated);
    EXPECT_EQ(run_to_end(strand, two->source_offsets("group", "topic")).value().at(0).offset, 80);
    EXPECT_EQ(run_to_end(strand, two->load_snapshot(task, "kept")).value()->state, "state \"ten\"");
    EXPECT_EQ(run_to_end(strand, two->stream_info(task, "gone")).value().lost_through, 40u);
    auto again = commit_of({draft("kept", "40", {.subject = "ann \"quoted\"", .body = "body40"})});
    EXPECT_TRUE(run_to_end(strand, two->commit_many({&again, 1}))[0]->deduplicated);
    close(std::move(one));
    close(std::move(two));
}

TEST_F(JournalTools, an_export_carries_bytes_that_are_no_text) {
    const std::string bytes{"\xff\x00{\"\x80", 5};
    const std::vector<event::Header> binary{
        {"crc", bytes}, {bytes, "é"}, {"", "{\"hex\":\"00\"}"}, {"crc", ""}};
    auto store = open("one");
    Commit one;
    one.outbox = {{"m" + bytes, "topic", bytes, bytes, binary}};
    one.inbox = {"group", bytes, clock.at + 24h, bytes};
    one.timers = {{"t", clock.at, "kind", bytes}};
    commit(*store, one);
    close(std::move(store));
    const auto text = exported("one");
    EXPECT_NE(text.find(R"(["crc",{"hex":"ff007b2280"}])"), text.npos) << text;
    std::istringstream in{text};
    const auto done = import_journal(folder.file("two"), categories, check, in, {});
    ASSERT_TRUE(done) << done.error().detail;
    store = open("two");
    const auto pending = run_to_end(strand, store->outbox(0, 100)).value();
    ASSERT_EQ(pending.size(), 1u);
    EXPECT_EQ(pending[0]->message.id, "m" + bytes);
    EXPECT_EQ(pending[0]->message.key, bytes);
    EXPECT_EQ(pending[0]->message.value, bytes);
    EXPECT_EQ(pending[0]->message.headers, binary);
    EXPECT_EQ(run_to_end(strand, store->handled("group", bytes)).value()->answer, bytes);
    EXPECT_EQ(run_to_end(strand, store->due(clock.at, 1)).value().at(0).payload, bytes);
    close(std::move(store));

    for (const auto* bad :
         {R"({"hex":"ff0"})", R"({"hex":"-1"})", R"({"hex":"0x"})", R"({"hex":7})", "{}", "1"}) {
        auto changed = text;
        changed.replace(text.find(R"({"hex":"ff007b2280"}])"), 20, bad);
        std::istringstream again{changed};
        const auto refused = import_journal(folder.file("three"), categories, check, again, {});
        ASSERT_FALSE(refused) << bad;
        EXPECT_NE(refused.error().detail.find("headers are no headers"), std::string::npos)
            << refused.error().detail;
    }
}

// The files were made by `fill`, as it stood then, with the released code of each schema.
TEST_F(JournalTools, a_journal_of_an_older_schema_is_read_as_it_is_and_upgraded_when_opened) {
    for (const int schema : {1, 2, 3, 4}) {
        SCOPED_TRACE(schema);
        const auto name = "schema-" + std::to_string(schema);
        std::filesystem::copy_file(std::string{JOURNALS} + "/" + name, folder.file(name));
        const auto checked = check_journal(folder.file(name), categories, {});
        ASSERT_TRUE(checked) << checked.error().detail;
        EXPECT_TRUE(checked->problems.empty());
        EXPECT_EQ(checked->events, 30u);
        EXPECT_NE(exported(name).find("\"end\":{\"events\":30"), std::string::npos);

        Commit one;
        one.timers = {{"new", clock.at, "kind", "{}"}};
        one.outbox = {{"new", "topic", "key", "v", headers}};
        for (int life = 0; life < 2; ++life) {
            auto store = open(name);
            EXPECT_EQ(everything(*store).size(), 30u);
            EXPECT_EQ(store->head(), 80u);
            EXPECT_EQ(run_to_end(strand, store->due(clock.at, 9)).value().size(), life == 0 ? 0u : 1u);
            const auto owed = run_to_end(strand, store->outbox(0, 100)).value();
            EXPECT_EQ(owed.size(), life == 0 ? 40u : 41u);
            EXPECT_EQ(owed[1]->message.headers.empty(), schema < 4);
            if (life == 1) EXPECT_EQ(owed[40]->message.headers, headers);
            EXPECT_EQ(run_to_end(strand, store->load_snapshot(task, "kept")).value()->state, "state \"ten\"");
            EXPECT_EQ(run_to_end(strand, store->stream_info(task, "gone")).value().lost_through, 40u);
            auto again = commit_of({draft("kept", "40", {.subject = "ann \"quoted\"", .body = "body40"})});
            EXPECT_TRUE(run_to_end(strand, store->commit_many({&again, 1}))[0]->deduplicated);
            commit(*store, one);
            close(std::move(store));
        }
    }
}

TEST_F(JournalTools, an_import_refuses_what_is_not_whole_names_the_line_and_leaves_nothing) {
    fill("one");
    const auto text = exported("one");
    const auto with = [&](std::string_view what, std::string_view instead) {
        auto changed = text;
        const auto at = changed.find(what);
        EXPECT_NE(at, text.npos) << what;
        return changed.replace(at, what.size(), instead);
    };
    const std::string epoch{"\"epoch\":\"" + check_journal(folder.file("one"), categories, {})->epoch + "\""};
    const auto files = [&] {
        return std::distance(std::filesystem::directory_iterator{folder.file("")}, {});
    };
    const auto before = files();
    for (const auto& [what, why] : std::vector<std::pair<std::string, std::string>>{
             {text.substr(0, text.rfind("{\"end\"")), "is not whole"},
             {"{\"event\":{}}\n", "line 1: an export begins"},
             {"nonsense\n", "line 1: not a line of an export"},
             {"{\"journal\":{},\"more\":1}\n", "line 1: not a line of an export"},
             {with("\"body\":\"body40\"", "\"body\":\"bad\""), "no event of task: body: is bad"},
             {with("\"data\":{", "\"data\":[1],\"x\":{"), "the event has no data"},
             {with(epoch, R"("epoch":"a\nb")"), "line 1: an epoch has 1 to 16"},
             {with(epoch, R"("epoch":"")"), "line 1: an epoch has 1 to 16"},
             {with(epoch, R"("epoch":"12345678901234567")"), "line 1: an epoch has 1 to 16"},
             {with("\"head\":80", "\"head\":79"), "behind the journal's head"},
             {with("\"version\":40", "\"version\":4294967296"), "version is no number"},
             {with("\"version\":40", "\"version\":0"), "versions begin at 1"},
             {with("\"recordedAt\"", "\"when\""), "recordedAt is missing"}}) {
        std::istringstream in{what};
        const auto done = import_journal(folder.file("new"), categories, check, in, {});
        ASSERT_FALSE(done) << why;
        EXPECT_NE(done.error().detail.find(why), std::string::npos) << done.error().detail;
        EXPECT_EQ(files(), before) << why;
    }
    std::istringstream in{text}, again{text};
    EXPECT_TRUE(import_journal(folder.file("new"), categories, check, in, {}));
    EXPECT_EQ(files(), before + 1);
    const auto twice = import_journal(folder.file("new"), categories, check, again, {});
    ASSERT_FALSE(twice);
    EXPECT_NE(twice.error().detail.find("exists already"), std::string::npos) << twice.error().detail;
    EXPECT_EQ(exported("new"), text);
}

TEST_F(JournalTools, an_import_goes_over_what_one_that_was_killed_left) {
    fill("one");
    fill("new.import");
    std::istringstream in{exported("one")};
    EXPECT_TRUE(import_journal(folder.file("new"), categories, check, in, {}));
    EXPECT_EQ(exported("new"), exported("one"));
}

TEST_F(JournalTools, an_event_of_any_depth_with_metadata_survives_export_and_import) {
    std::string json = "{\"deep\":";
    json += std::string(event::max_json_depth - 1, '[') + std::string(event::max_json_depth - 1, ']') + "}";
    auto store = open("one");
    commit(*store, commit_of({Event::make({.category = &task,
                                           .stream_id = "a",
                                           .id = "1",
                                           .subject = "u",
                                           .json = json,
                                           .metadata = R"({"actor":"ann"})"})}));
    close(std::move(store));
    const auto text = exported("one");
    EXPECT_NE(text.find(R"(,"metadata":{"actor":"ann"},"data":)"), text.npos);
    std::istringstream in{text};
    const auto done = import_journal(folder.file("two"), categories, check, in, {});
    ASSERT_TRUE(done) << done.error().detail;
    EXPECT_EQ(exported("two"), text);
}

TEST_F(JournalTools, a_whole_journal_is_called_whole_and_a_damaged_one_is_not) {
    fill("one");
    auto report = check_journal(folder.file("one"), categories, {});
    ASSERT_TRUE(report) << report.error().detail;
    EXPECT_TRUE(report->problems.empty());
    EXPECT_EQ(report->events, 30u);
    damage("one", "body30", 2);
    report = check_journal(folder.file("one"), categories, {});
    ASSERT_TRUE(report);
    ASSERT_EQ(report->problems.size(), 2u);
    EXPECT_NE(report->problems[0].find("the event at position 70 is not what was written"),
              std::string::npos);
    EXPECT_NE(report->problems[1].find("lacks the event before version 31"), std::string::npos);
    EXPECT_FALSE(check_journal(folder.file("nothing"), categories, {}));
}

TEST_F(JournalTools, a_repair_keeps_what_can_be_read_under_a_new_epoch) {
    fill("one");
    const std::string epoch{check_journal(folder.file("one"), categories, {})->epoch};
    auto repair = repair_journal(folder.file("one"), categories, {});
    ASSERT_TRUE(repair) << repair.error().detail;
    EXPECT_EQ(repair->kept, 30u);
    EXPECT_TRUE(repair->whole());
    EXPECT_EQ(check_journal(folder.file("one"), categories, {})->epoch, epoch) << "nothing was lost";

    damage("one", "body30", 2);
    repair = repair_journal(folder.file("one"), categories, {});
    ASSERT_TRUE(repair) << repair.error().detail;
    EXPECT_EQ(repair->kept, 29u);
    EXPECT_EQ(repair->unreadable, 1u);
    EXPECT_EQ(repair->broken, 1u);
    EXPECT_TRUE(std::filesystem::exists(repair->damaged_file));
    auto store = open("one");
    EXPECT_NE(store->epoch(), epoch);
    EXPECT_EQ(run_to_end(strand, store->stream_info(task, "kept")).value().version, 39u);
    EXPECT_EQ(run_to_end(strand, store->source_offsets("group", "topic")).value().at(0).offset, 80);
    EXPECT_EQ(store->head(), 80u);
    close(std::move(store));
}

TEST_F(JournalTools, a_damaged_snapshot_is_named_and_refuses_the_start) {
    fill("one");
    damage("one", "state \"ten\"", 3);
    const auto report = check_journal(folder.file("one"), categories, {});
    ASSERT_EQ(report->problems.size(), 2u);
    EXPECT_EQ(report->problems[0], "the snapshot of task kept is not what was written");
    EXPECT_NE(report->problems[1].find("kept lacks the event before version 11"), std::string::npos);
    EXPECT_FALSE(JournalFile::open({folder.file("one"), 0, categories}).value()->read_base());
    const auto repair = repair_journal(folder.file("one"), categories, {});
    ASSERT_TRUE(repair) << repair.error().detail;
    EXPECT_EQ(repair->kept, 30u);
    auto store = open("one");
    EXPECT_NE(store->epoch(), report->epoch);
    EXPECT_EQ(run_to_end(strand, store->stream_info(task, "gone")).value().lost_through, 40u)
        << "the rest is kept";
    close(std::move(store));
}

TEST_F(JournalTools, a_page_that_is_lost_costs_only_what_stood_on_it) {
    fill_with_2000("one");
    damage("one", "x1000\"", 5000);
    EXPECT_FALSE(check_journal(folder.file("one"), categories, {})->problems.empty());
    const auto repair = repair_journal(folder.file("one"), categories, {});
    ASSERT_TRUE(repair) << repair.error().detail;
    EXPECT_GT(repair->kept, 1900u);
    EXPECT_LT(repair->kept, 2000u);
    auto store = open("one");
    EXPECT_EQ(everything(*store).size(), repair->kept);
    close(std::move(store));
}

TEST_F(JournalTools, of_a_file_that_was_cut_short_the_rest_is_kept) {
    fill_with_2000("one");
    const auto size = std::filesystem::file_size(folder.file("one"));
    std::filesystem::resize_file(folder.file("one"), size - 40'960);
    EXPECT_FALSE(JournalFile::open({folder.file("one"), 0, categories}));
    EXPECT_FALSE(check_journal(folder.file("one"), categories, {})->problems.empty());
    const auto repair = repair_journal(folder.file("one"), categories, {});
    ASSERT_TRUE(repair) << repair.error().detail;
    EXPECT_GT(repair->kept, 1800u);
    EXPECT_LT(repair->kept, 2000u);
    std::filesystem::resize_file(folder.file("one"), 4096);
    const auto none = repair_journal(folder.file("one"), categories, {});
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().detail.find("put a backup in its place"), std::string::npos)
        << none.error().detail;
}

TEST_F(JournalTools, a_backup_is_taken_while_the_journal_is_written) {
    auto store = open("one");
    for (int i = 0; i < 50; ++i) commit(*store, commit_of({draft("a", std::to_string(i))}));
    const auto done = backup_journal(folder.file("one"), folder.file("copy"));
    ASSERT_TRUE(done) << done.error().detail;
    EXPECT_FALSE(backup_journal(folder.file("one"), folder.file("copy"))) << "it exists";
    commit(*store, commit_of({draft("a", "later")}));
    EXPECT_EQ(check_journal(folder.file("one"), categories, {})->events, 51u);
    EXPECT_FALSE(compact_journal(folder.file("one"), categories)) << "it is in use";
    EXPECT_FALSE(repair_journal(folder.file("one"), categories, {})) << "it is in use";
    auto copy = open("copy");
    EXPECT_EQ(everything(*copy).size(), 50u);
    EXPECT_NE(copy->epoch(), store->epoch()) << "the original goes on: positions would mean two things";
    close(std::move(copy));
    close(std::move(store));
    EXPECT_TRUE(compact_journal(folder.file("one"), categories));
    EXPECT_EQ(check_journal(folder.file("one"), categories, {})->events, 51u);
}

}  // namespace
}  // namespace stepcast::store::test
