#include "event/event.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>

namespace stepcast::event {
namespace {

constexpr std::array<std::string_view, 3> task_types{"STARTED", "PROGRESS", "COMPLETED"};
constexpr Category progress{"progress", "progress", task_types, true};
constexpr Timestamp at{std::chrono::milliseconds{1'704'103'200'123}};

Draft make(std::string_view json, std::string_view stream, std::string_view id, std::string_view subject) {
    return Event::make({.category = &progress,
                        .type = 1,
                        .schema_version = 3,
                        .lifecycle = Lifecycle::opens,
                        .fingerprint = 77,
                        .stream_id = stream,
                        .id = id,
                        .subject = subject,
                        .json = json});
}

TEST(Event, a_sealed_event_is_the_frame_that_browsers_get) {
    const auto event = Event::seal(make(R"({"taskId":"42"})", "42", "e1", "ann"), 7, 1234, at, "abcd1234");
    EXPECT_EQ(event->frame(),
              "id: abcd1234.1234\nevent: progress\ndata: {\"version\":7,\"taskId\":\"42\"}\n\n");
    EXPECT_EQ(event->frame_without_id(), "event: progress\ndata: {\"version\":7,\"taskId\":\"42\"}\n\n");
    EXPECT_EQ(event->json(), R"({"version":7,"taskId":"42"})");
    EXPECT_EQ(event->body(), R"("taskId":"42"})");
}

TEST(Event, carries_what_it_was_made_from) {
    const auto draft = make(R"({"a":1})", "42", "e1", "ann");
    EXPECT_EQ(draft->position(), 0u);
    const auto event = Event::seal(draft, 7, 1234, at, "abcd1234");
    EXPECT_EQ(event.get(), draft.get()) << "numbered in place";
    EXPECT_EQ(&event->category(), &progress);
    EXPECT_EQ(event->type(), "PROGRESS");
    EXPECT_EQ(event->type_index(), 1);
    EXPECT_EQ(event->schema_version(), 3);
    EXPECT_EQ(event->lifecycle(), Lifecycle::opens);
    EXPECT_EQ(event->fingerprint(), 77u);
    EXPECT_EQ(event->stream_id(), "42");
    EXPECT_EQ(event->id(), "e1");
    EXPECT_EQ(event->subject(), "ann");
    EXPECT_EQ(event->version(), 7u);
    EXPECT_EQ(event->position(), 1234u);
    EXPECT_EQ(event->recorded_at(), at);
    EXPECT_FALSE(event->is_control());
}

TEST(Event, metadata_goes_with_it_and_not_to_browsers) {
    const auto make_with = [](std::string_view metadata) {
        return Event::make({.category = &progress,
                            .stream_id = "42",
                            .id = "e1",
                            .subject = "ann",
                            .json = R"({"a":1})",
                            .metadata = metadata});
    };
    const std::string_view metadata = R"({"actor":"ann"})";
    const auto with = make_with(metadata), without = make_with({});
    EXPECT_EQ(without->metadata(), "");
    EXPECT_EQ(with->memory(), without->memory() + metadata.size() + 2);
    for (const Version version : {Version{1}, Version{4'000'000'000}}) {  // in place, and in a roomier copy
        const auto sealed = Event::seal(make_with(metadata), version, 1ULL << 62, at, "abcdabcdabcdabcd");
        EXPECT_EQ(sealed->metadata(), metadata);
        EXPECT_EQ(sealed->stream_id(), "42");
        EXPECT_EQ(sealed->frame().find("actor"), std::string_view::npos);
    }
}

TEST(Event, ids_that_stand_in_the_json_cost_nothing) {
    const std::string json = R"({"eventId":"e-000001","taskId":"task-1","userId":"ann-smith"})";
    const std::string_view text = json;
    const auto inside = make(text, text.substr(32, 6), text.substr(12, 8), text.substr(50, 9));
    const auto outside = make(text, "task-1", "e-000001", "ann-smith");
    EXPECT_EQ(inside->stream_id(), "task-1");
    EXPECT_EQ(inside->id(), "e-000001");
    EXPECT_EQ(inside->subject(), "ann-smith");
    EXPECT_EQ(outside->memory(), inside->memory() + 6 + 8 + 9);
}

TEST(Event, numbers_that_outgrow_the_head_room_make_a_copy_that_is_the_same) {
    const auto draft = make(R"({"eventId":"e1"})", "42", "e1", "ann");
    const auto event = Event::seal(draft, UINT32_MAX, UINT64_MAX, at, "0123456789abcdef");
    EXPECT_NE(event.get(), draft.get());
    EXPECT_EQ(event->frame(),
              "id: 0123456789abcdef.18446744073709551615\nevent: progress\n"
              "data: {\"version\":4294967295,\"eventId\":\"e1\"}\n\n");
    EXPECT_EQ(event->stream_id(), "42");
    EXPECT_EQ(event->id(), "e1");
    EXPECT_EQ(event->subject(), "ann");
    EXPECT_EQ(event->fingerprint(), 77u);
    EXPECT_EQ(event->type_index(), 1);
    EXPECT_EQ(event->schema_version(), 3);
    EXPECT_EQ(event->lifecycle(), Lifecycle::opens);
}

TEST(Event, a_control_frame_is_sent_as_it_is) {
    const auto frame = Event::control(progress, "id: e.5\n\n", "42", "ann");
    EXPECT_TRUE(frame->is_control());
    EXPECT_EQ(&frame->category(), &progress);
    EXPECT_EQ(frame->frame(), "id: e.5\n\n");
    EXPECT_EQ(frame->frame_without_id(), "id: e.5\n\n");
    EXPECT_EQ(frame->position(), 0u);
    EXPECT_EQ(frame->stream_id(), "42");
    EXPECT_EQ(frame->subject(), "ann");
    EXPECT_EQ(Event::control("")->frame(), "");
}

TEST(Event, the_largest_fits_and_a_byte_more_is_refused) {
    const auto json_of = [](std::size_t size) { return "{\"x\":\"" + std::string(size - 8, 'x') + "\"}"; };
    // Body and its blank line, with the ids, up to 65,535 bytes; the opening brace is not part of the body.
    const auto largest = Event::seal(make(json_of(65'535 - 2 + 1 - 6), "s1", "e1", "u1"), 1, 1, at, "e");
    EXPECT_EQ(largest->subject(), "u1");
    EXPECT_EQ(largest->frame().substr(largest->frame().size() - 4), "\"}\n\n");
    EXPECT_THROW(make(json_of(65'535 - 2 + 1 - 5), "s1", "e1", "u1"), std::length_error);
    EXPECT_THROW(Event::control(std::string(65'536, 'x')), std::length_error);
    EXPECT_EQ(Event::control(std::string(65'535, 'x'))->frame().size(), 65'535u);
}

TEST(Event, lives_as_long_as_someone_holds_it) {
    EventRef held;
    {
        auto draft = make(R"({"a":"b"})", "42", "e1", "ann");
        held = Event::seal(draft, 1, 1, at, "e");
    }
    const EventRef second = held;
    held.reset();
    EXPECT_EQ(second->id(), "e1");
}

RC_GTEST_PROP(EventProperty, any_numbers_and_ids_come_back, ()) {
    const auto text = rc::gen::string<std::string>();
    const std::string stream = *text, id = *text, subject = *text;
    const std::string json = "{\"v\":\"" + std::string(*rc::gen::inRange<std::size_t>(0, 500), 'v') + "\"}";
    const auto version = *rc::gen::inRange<Version>(1, UINT32_MAX);
    const auto position = *rc::gen::nonZero<Position>();
    const auto epoch = std::string(*rc::gen::inRange<std::size_t>(1, 17), 'e');
    const auto event = Event::seal(make(json, stream, id, subject), version, position, at, epoch);
    RC_ASSERT(event->stream_id() == stream);
    RC_ASSERT(event->id() == id);
    RC_ASSERT(event->subject() == subject);
    RC_ASSERT(event->version() == version);
    RC_ASSERT(event->position() == position);
    RC_ASSERT(event->frame() == "id: " + epoch + "." + std::to_string(position) +
                                    "\nevent: progress\ndata: {\"version\":" + std::to_string(version) + "," +
                                    json.substr(1) + "\n\n");
}

}  // namespace
}  // namespace stepcast::event
