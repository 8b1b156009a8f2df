#include <rapidcheck/gtest.h>

#include "store/model.hpp"
#include "store/model_run.hpp"

namespace stepcast::store::test {
namespace {

using By = Range::By;
using Fact = Model::Fact;

Fact random_fact(std::string stream) {
    return {std::move(stream), std::to_string(*rc::gen::inRange(0, 40)),
            *rc::gen::element<std::string>("ann", "bob", ""),
            *rc::gen::weightedElement<std::string>({{15, "x"}, {1, "y"}}),
            *rc::gen::weightedElement<Lifecycle>(
                {{6, Lifecycle::neutral}, {1, Lifecycle::opens}, {2, Lifecycle::ends}})};
}

Expected random_expectation() {
    switch (*rc::gen::inRange(0, 8)) {
        case 0:
            return Expected::no_stream();
        case 1:
            return Expected::stream_exists();
        case 2:
            return Expected::exact(*rc::gen::inRange<Version>(0, 6));
        default:
            return Expected::any();
    }
}

template <class Of>
void same(const Page& page, const std::vector<Fact>& facts, Of of) {
    std::size_t i = 0;
    for (const auto& f : facts) {
        if (!of(f)) continue;
        RC_ASSERT(i < page.events.size());
        const Event& e = *page.events[i++];
        RC_ASSERT(e.position() == f.position);
        RC_ASSERT(e.version() == f.version);
        RC_ASSERT(e.id() == f.id);
        RC_ASSERT(e.stream_id() == f.stream);
    }
    RC_ASSERT(i == page.events.size());
}

}  // namespace

void StoreModelTest::step(Model& model) {
    switch (*rc::gen::inRange(0, 12)) {
        case 0:
            clock.at += std::chrono::minutes{*rc::gen::inRange(0, 40)};
            break;
        case 1:
            clean_both(model);
            break;
        case 2:
            trim_both(model);
            break;
        default:
            commit_both(model);
    }
    RC_ASSERT(store().head() == model.head);
}

void StoreModelTest::commit_both(Model& model) {
    std::vector<Commit> batch;
    std::vector<Model::Outcome> wanted;
    Model::Broken broken;
    const int size = *rc::gen::inRange(1, 5);
    for (int i = 0; i < size; ++i) {
        const auto name = *rc::gen::element<std::string>("a", "b", "c");
        std::vector<Fact> facts;
        const int count = *rc::gen::weightedElement<int>({{6, 1}, {2, 2}, {1, 3}});
        for (int j = 0; j < count; ++j) facts.push_back(random_fact(name));
        const auto expected = random_expectation();
        std::vector<Draft> drafts;
        for (const auto& f : facts)
            drafts.push_back(
                draft(f.stream, f.id, {.subject = f.subject, .lifecycle = f.lifecycle, .body = f.body}));
        batch.push_back(commit_of(std::move(drafts), expected));
        wanted.push_back(model.commit(facts, expected, clock.at, broken));
    }
    const auto got = commit(batch);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        RC_ASSERT(refusal(got[i]) == wanted[i].code);
        if (!got[i]) continue;
        RC_ASSERT(got[i]->deduplicated == wanted[i].known);
        RC_ASSERT(got[i]->version == wanted[i].version);
        RC_ASSERT(got[i]->position == wanted[i].position);
    }
}

void StoreModelTest::clean_both(Model& model) {
    std::vector<std::string> gone;
    for (const auto& s : clean().streams) gone.push_back(s.stream_id);
    std::sort(gone.begin(), gone.end());
    RC_ASSERT(gone == model.clean(clock.at));
}

void StoreModelTest::trim_both(Model& model) {
    const auto name = *rc::gen::element<std::string>("a", "b", "c");
    const auto version = *rc::gen::inRange<Version>(1, 12);
    const bool took = run(store().save_snapshot(task, name, {version, 1, "s"}, true)).has_value();
    RC_ASSERT(took == model.trim(name, version, clock.at));
}

void StoreModelTest::compare(const Model& model) {
    const auto facts = model.in_order();
    same(all(), facts, [](const Fact&) { return true; });
    for (const std::string name : {"ann", "bob"}) {
        const auto page = subject(name);
        same(page, facts, [&](const Fact& f) { return f.subject == name; });
        RC_ASSERT(page.lost_through == model.lost(model.subjects_lost, name));
    }
    for (const std::string name : {"a", "b", "c"}) {
        const auto page = stream(name);
        same(page, facts, [&](const Fact& f) { return f.stream == name; });
        RC_ASSERT(page.lost_through == model.lost(model.streams_lost, name));
        const auto found = model.streams.find(name);
        RC_ASSERT(info(name).version == (found == model.streams.end() ? 0 : found->second.version));
        if (found == model.streams.end()) continue;
        RC_ASSERT(info(name).last_position == model.last_position(name));
        const auto first = info(name).first_version;
        same(stream(name, {.by = By::version, .from = first}), facts,
             [&](const Fact& f) { return f.stream == name; });
    }
}

TEST_P(StoreModelTest, agrees_with_a_plain_model_after_every_command) {
    EXPECT_TRUE(rc::check([this] {
        if (store_) close(*store_);
        store_.reset();
        Model model{limits};
        one_life = true;
        // A disk that is waited for takes its time.
        const int steps = *rc::gen::inRange(1, GetParam().reopen ? 15 : 60);
        for (int i = 0; i < steps; ++i) {
            if (store_ && GetParam().reopens_always) reopen();
            step(model);
            compare(model);
        }
    }));
}

}  // namespace stepcast::store::test
