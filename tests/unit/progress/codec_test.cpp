#include "domain/progress/codec.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "domain/progress/orders.hpp"

namespace stepcast::progress {
namespace {

ProgressEvent decoded(std::string_view json) {
    ProgressEvent event;
    const auto read = decode(json, event);
    EXPECT_TRUE(read) << json << " " << (read ? "" : read.error().text());
    return event;
}

std::string refused_field(std::string_view json) {
    ProgressEvent event;
    const auto read = decode(json, event);
    if (read) return "accepted";
    return read.error().code == errc::malformed ? "malformed" : read.error().field;
}

std::string with(std::string_view members) {
    return R"({"taskId":"t","userId":"u","eventType":"PROGRESS",)" + std::string{members} + "}";
}

TEST(Decode, refuses_what_breaks_the_values_and_names_the_field) {
    EXPECT_EQ(refused_field("[]"), "malformed");
    EXPECT_EQ(refused_field("{"), "malformed");
    EXPECT_EQ(refused_field("{} x"), "malformed");
    EXPECT_EQ(refused_field("{\"a\":\"\xFF\"}"), "malformed");
    EXPECT_EQ(refused_field(R"({"userId":"u","eventType":"STARTED"})"), "taskId");
    EXPECT_EQ(refused_field(R"({"taskId":"t","eventType":"STARTED"})"), "userId");
    EXPECT_EQ(refused_field(R"({"taskId":"t","userId":"u"})"), "eventType");
    EXPECT_EQ(refused_field(R"({"taskId":"t","userId":"u","eventType":"DONE"})"), "eventType");
    EXPECT_EQ(refused_field(R"({"taskId":null,"userId":"u","eventType":"STARTED"})"), "taskId");
    EXPECT_EQ(refused_field(R"({"taskId":7,"userId":"u","eventType":"STARTED"})"), "taskId");
    EXPECT_EQ(refused_field(R"({"taskId":"a\u0000b","userId":"u","eventType":"STARTED"})"), "taskId");
    EXPECT_EQ(refused_field(R"({"taskId":"","userId":"u","eventType":"STARTED"})"), "taskId");
    for (const auto* value :
         {"50.5", "\"50\"", "-1", "101", "true", "[]", "1.01e1", "1e3", "99999999999999999999"})
        EXPECT_EQ(refused_field(with(std::string{"\"percentage\":"} + value)), "percentage") << value;
    EXPECT_EQ(refused_field(with(R"("currentStep":-1)")), "currentStep");
    EXPECT_EQ(refused_field(with(R"("currentStep":5,"totalSteps":4)")), "currentStep");
    EXPECT_EQ(refused_field(with(R"("totalSteps":-4)")), "totalSteps");
    EXPECT_EQ(refused_field(with(R"("stepName":5)")), "stepName");
    EXPECT_EQ(refused_field(with(R"("timestamp":"yesterday")")), "timestamp");
    EXPECT_EQ(refused_field(with(R"("detail":[1])")), "detail");
    EXPECT_EQ(refused_field(with(R"("detail":{"a":[{"b":1e999}]})")), "detail");
    EXPECT_EQ(refused_field(R"({"taskId":"t","userId":"u","eventType":"COMPLETED","percentage":99})"),
              "percentage");
}

TEST(Decode, holds_the_limits_exactly) {
    const std::string most(128, 'x');
    EXPECT_EQ(refused_field(R"({"userId":"u","eventType":"STARTED","taskId":")" + most + "\"}"), "accepted");
    EXPECT_EQ(refused_field(R"({"userId":"u","eventType":"STARTED","taskId":")" + most + "x\"}"), "taskId");
    std::string korean;
    for (int i = 0; i < 256; ++i) korean += "가";
    EXPECT_EQ(refused_field(with("\"stepName\":\"" + korean + "\"")), "accepted");
    EXPECT_EQ(refused_field(with("\"stepName\":\"" + korean + "가\"")), "stepName");
    const std::string filler(8 * 1024 - 8, 'x');  // {"k":"…"} is 8 bytes around it
    EXPECT_EQ(refused_field(with(R"("detail":{"k":")" + filler + "\"}")), "accepted");
    EXPECT_EQ(refused_field(with(R"("detail":{"k":")" + filler + "x\"}")), "detail");
}

TEST(Decode, numbers_in_detail_come_back_as_they_were_sent) {
    for (const auto* detail : {R"({"n":0.30000000000000004})", R"({"n":-2.2250738585072014e-308})",
                               R"({"n":9007199254740993})", R"({"n":18446744073709551616,"m":-1})"})
        EXPECT_EQ(decoded(with(std::string{"\"detail\":"} + detail)).detail, detail);
}

TEST(Decode, a_whole_number_may_be_written_as_other_languages_write_their_floats) {
    for (const auto* value : {"50", "50.0", "50.000", "5e1", "5.0E1", "0.5e2", "500E-1"})
        EXPECT_EQ(decoded(with(std::string{"\"percentage\":"} + value)).percentage, 50) << value;
    const auto event = decoded(with(R"("percentage":-0.0,"currentStep":3.0,"totalSteps":1.2345678E7)"));
    EXPECT_EQ(event.percentage, 0);
    EXPECT_EQ(event.current_step, 3);
    EXPECT_EQ(event.total_steps, 12'345'678);
    EXPECT_EQ(decoded(with(R"("percentage":50.0)")).fingerprint,
              decoded(with(R"("percentage":50)")).fingerprint);
    const auto order = decode_order_form(R"({"userId":"u","productName":"p","quantity":2.0})");
    ASSERT_TRUE(order);
    EXPECT_EQ(order->quantity, 2);
    EXPECT_FALSE(decode_order_form(R"({"userId":"u","productName":"p","quantity":2.5})"));
}

TEST(Decode, a_byte_order_mark_before_the_text_is_passed_over) {
    const std::string mark = "\xEF\xBB\xBF";
    EXPECT_EQ(decoded(mark + with(R"("percentage":7)")).percentage, 7);
    const std::string array = mark + "[" + with(R"("percentage":7)") + "]";
    SentReader sent{array};
    ASSERT_TRUE(sent.read(10));
    EXPECT_EQ(sent.events.size(), 1U);
    EXPECT_TRUE(decode_order_form(mark + R"({"userId":"u","productName":"p","quantity":2})"));
    EXPECT_EQ(refused_field(mark + mark + "{}"), "malformed");
}

TEST(Decode, an_event_or_order_that_names_no_user_is_its_senders_if_one_is_known) {
    constexpr std::string_view array =
        R"([{"taskId":"t","eventType":"STARTED"},{"taskId":"t","userId":null,"eventType":"PROGRESS"},)"
        R"({"taskId":"t","userId":"bob","eventType":"STARTED"}])";
    SentReader sent{array, "ada"};
    ASSERT_TRUE(sent.read(10));
    ASSERT_EQ(sent.events.size(), 3U);
    EXPECT_EQ(sent.events[0].user_id, "ada");
    EXPECT_EQ(sent.events[1].user_id, "ada");
    EXPECT_EQ(sent.events[2].user_id, "bob");
    // As if it had been named: a retry may name it.
    EXPECT_EQ(sent.events[0].fingerprint,
              decoded(R"({"taskId":"t","userId":"ada","eventType":"STARTED"})").fingerprint);
    SentReader unknown{array};
    const auto refused = unknown.read(10);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().field, "[0].userId");
    SentReader empty{R"({"taskId":"t","userId":"","eventType":"STARTED"})", "ada"};
    EXPECT_FALSE(empty.read(10));

    constexpr std::string_view order = R"({"productName":"p","quantity":2})";
    ASSERT_TRUE(decode_order_form(order, "ada"));
    EXPECT_EQ(decode_order_form(order, "ada")->user_id, "ada");
    EXPECT_EQ(decode_order_form(order).error().field, "userId");
}

TEST(Decode, what_is_no_json_is_called_what_it_looks_like) {
    const auto reason = [](std::string_view bytes) {
        ProgressEvent event;
        const auto read = decode(bytes, event);
        SentReader sent{bytes};
        const auto posted = sent.read(10);
        const auto order = decode_order(bytes);
        if (read || posted || order) return std::string{"accepted"};
        EXPECT_EQ(read.error().code, errc::malformed);
        EXPECT_EQ(posted.error().detail, read.error().detail);
        EXPECT_EQ(order.error().detail, read.error().detail);
        return read.error().detail;
    };
    const auto said = [&](std::string_view bytes, std::string_view part) {
        EXPECT_NE(reason(bytes).find(part), std::string::npos) << reason(bytes);
    };
    using namespace std::string_view_literals;
    said("taskId=t&userId=u&eventType=STARTED"sv, "a form");
    said("a%5B0%5D=1"sv, "a form");
    said("<?xml version=\"1.0\"?><event/>"sv, "XML or HTML");
    said(" \n<!doctype html>"sv, "XML or HTML");
    said("\x00\x00\x00\x01\x02{\"taskId\":\"t\"}"sv, "Confluent's wire format (magic byte 0, schema id 258)");
    said("\x1F\x8B\x08\x00\x00"sv, "gzip");
    said("\x28\xB5\x2F\xFD\x00"sv, "Zstandard");
    said("\xFF\xFE{\x00}\x00"sv, "UTF-16");
    said("\xFE\xFF\x00{\x00}"sv, "UTF-16");
    said("{\x00}\x00"sv, "UTF-16");
    said("\x00{\x00}"sv, "UTF-16");
    // What gives no hint is told where it breaks.
    said("hello = world"sv, "at byte 1 'h' stands where a value is expected");
    said("{'taskId':1}"sv, "at byte 2 ''' stands");
    said("\x00"sv, "at byte 1 the byte 0x00 stands");
    said("{\"a\":\"\xFF\"}"sv, "at byte 7");
}

TEST(Decode, null_is_absent_and_unknown_members_are_ignored) {
    const auto event =
        decoded(with(R"("percentage":null,"stepName":null,"detail":null,"eventId":null,"else":{"a":[1]})"));
    EXPECT_FALSE(event.percentage);
    EXPECT_EQ(event.step_name, "");
    EXPECT_EQ(event.detail, "");
    EXPECT_EQ(event.event_id, "");
}

TEST(Fingerprint, an_honest_retry_through_the_intake_is_the_same_body) {
    for (const auto* members :
         {R"("percentage":7)", R"("currentStep":1)", R"("currentStep":0,"totalSteps":4)",
          R"("timestamp":"2024-01-01T19:00:00+09:00","detail":{"a":42.5,"b":[1,"x"]},"stepName":"가")"}) {
        const auto sent = decoded(with(members));
        std::string text;
        encode_sent(sent, text);
        auto again = decoded(text.replace(text.find("\"eventId\":\"\""), 12, "\"eventId\":\"e\""));
        EXPECT_EQ(again.fingerprint, sent.fingerprint) << text;
    }
    EXPECT_EQ(decoded(with(R"("detail":{"a":1,"b":{"c":2,"d":3}})")).fingerprint,
              decoded(with(R"("detail":{"b":{"d":3,"c":2},"a":1.0})")).fingerprint);
    EXPECT_NE(decoded(with(R"("detail":{"a":[1,2]})")).fingerprint,
              decoded(with(R"("detail":{"a":[2,1]})")).fingerprint);
    EXPECT_NE(decoded(with(R"("detail":{})")).fingerprint, decoded(with(R"("stepName":"")")).fingerprint);
    EXPECT_NE(decoded(with(R"("percentage":7)")).fingerprint, decoded(with(R"("percentage":8)")).fingerprint);
    EXPECT_NE(decoded(with(R"("stepName":"a")")).fingerprint, decoded(with(R"("stepName":"b")")).fingerprint);
    EXPECT_NE(decoded(with(R"("currentStep":0)")).fingerprint, decoded(with(R"("stepName":"")")).fingerprint);
}

TEST(Fingerprint, covers_seq_and_is_what_it_was_without_one) {
    EXPECT_NE(decoded(with(R"("seq":1)")).fingerprint, decoded(with(R"("seq":2)")).fingerprint);
    EXPECT_NE(decoded(with(R"("seq":1)")).fingerprint, decoded(with(R"("stepName":"")")).fingerprint);
    EXPECT_EQ(decoded(with(R"("seq":3.0)")).fingerprint, decoded(with(R"("seq":3)")).fingerprint);
    // Of journals that older versions wrote.
    EXPECT_EQ(decoded(with(R"("percentage":7)")).fingerprint, 8110515766239379512ull);
    for (const auto* value : {"0", "-1", "1.5", "\"1\"", "9007199254740992"})
        EXPECT_EQ(refused_field(with(std::string{"\"seq\":"} + value)), "seq") << value;
}

TEST(Fingerprint, tells_whether_a_percentage_was_sent) {
    for (const auto* members : {"", R"(,"stepName":"a")", R"(,"timestamp":"2024-01-01T10:00:00Z")",
                                R"(,"currentStep":0,"totalSteps":0)", R"(,"currentStep":1,"seq":4)"}) {
        for (const bool sent : {true, false}) {
            auto event =
                decoded(with(std::string{R"("eventId":"e")"} + members + (sent ? R"(,"percentage":0)" : "")));
            if (!sent) event.percentage = 0;
            if (!event.timestamp) event.timestamp = parse_rfc3339("2024-01-01T10:00:00.123Z");
            std::string scratch;
            const auto sealed =
                event::Event::seal(make_draft(event, scratch), 7, 42, Timestamp{}, "epoch001");
            ProgressEvent back;
            decode_stored(*sealed, back);
            EXPECT_EQ(percentage_was_sent(back), sent) << members;
        }
    }
}

TEST(StoredEvent, reads_back_as_it_was_written) {
    for (const auto* members :
         {R"("eventId":"e-1","percentage":7,"stepName":"결제 처리")",
          R"("eventId":"a\"b\\c","currentStep":3,"totalSteps":4,"percentage":75)",
          R"("eventId":"e","percentage":0,"seq":9007199254740991)",
          R"("eventId":"e","percentage":0,"seq":1,"detail":{"reason":"x\ny","deep":{"n":4.25}})"}) {
        auto event = decoded(with(members));
        event.timestamp = parse_rfc3339("2024-01-01T10:00:00.123Z");
        std::string scratch;
        const auto sealed = event::Event::seal(make_draft(event, scratch), 7, 42, Timestamp{}, "epoch001");
        EXPECT_EQ(sealed->id(), event.event_id);
        EXPECT_EQ(sealed->stream_id(), "t");
        EXPECT_EQ(sealed->subject(), "u");
        ProgressEvent back;
        decode_stored(*sealed, back);
        EXPECT_EQ(back.event_id, event.event_id);
        EXPECT_EQ(back.step_name, event.step_name);
        EXPECT_EQ(back.detail, event.detail);
        EXPECT_EQ(back.percentage, event.percentage);
        EXPECT_EQ(back.seq, event.seq);
        EXPECT_EQ(back.current_step, event.current_step);
        EXPECT_EQ(back.timestamp, event.timestamp);
        const auto json = boost::json::parse(std::string{sealed->json()}).as_object();
        EXPECT_EQ(json.at("version").as_int64(), 7);
        EXPECT_EQ(json.at("timestamp").as_string(), "2024-01-01T10:00:00.123Z");
        EXPECT_TRUE(sealed->frame().starts_with(
            "id: epoch001.42\nevent: progress\ndata: {\"version\":7,\"eventId\":"));
        EXPECT_TRUE(sealed->frame().ends_with("}\n\n"));
    }
}

TEST(StoredEvent, is_checked_as_what_comes_in_wherever_it_comes_from) {
    auto event = decoded(with(R"("eventId":"e","percentage":7)"));
    event.timestamp = parse_rfc3339("2024-01-01T10:00:00Z");
    event.detail = R"({"a":)" + std::string(event::max_json_depth - 2, '[') +
                   std::string(event::max_json_depth - 2, ']') + "}";
    std::string scratch;
    const auto draft = make_draft(event, scratch);
    EXPECT_TRUE(check_stored(*draft)) << check_stored(*draft).error().text();
    const auto refused = [&](std::string_view what, std::string_view instead, std::string_view id = "e",
                             event::Lifecycle life = event::Lifecycle::neutral) {
        std::string json = scratch;
        if (!what.empty()) json.replace(json.find(what), what.size(), instead);
        const auto checked = check_stored(*event::Event::make({.category = &category,
                                                               .type = 1,
                                                               .lifecycle = life,
                                                               .stream_id = "t",
                                                               .id = id,
                                                               .subject = "u",
                                                               .json = json}));
        return checked ? "taken" : checked.error().field.empty() ? "malformed" : checked.error().field;
    };
    EXPECT_EQ(refused("", ""), "taken");
    EXPECT_EQ(refused("", "", "f"), "eventId");
    EXPECT_EQ(refused("", "", "e", event::Lifecycle::ends), "lifecycle");
    EXPECT_EQ(refused(R"("taskId":"t")", R"("taskId":"s")"), "taskId");
    EXPECT_EQ(refused(R"("userId":"u")", R"("userId":"v")"), "userId");
    EXPECT_EQ(refused(R"("userId":"u",)", ""), "userId");
    EXPECT_EQ(refused("PROGRESS", "STARTED"), "eventType");
    EXPECT_EQ(refused(R"("percentage":7,)", ""), "percentage");
    EXPECT_EQ(refused(R"("percentage":7)", R"("percentage":101)"), "percentage");
    EXPECT_EQ(refused(R"("timestamp":"2024-01-01T10:00:00.000Z",)", ""), "timestamp");
    EXPECT_EQ(refused(R"({"a":)", R"({"a":[)"), "malformed");
    EXPECT_EQ(refused(",", ",\r"), "malformed");
}

TEST(SavedState, is_trusted_only_whole) {
    ProgressState state;
    state.version = 12;
    state.percentage = 75;
    state.step_name = "결제 처리";
    state.rate = 0.5;
    state.rate_weight = 0.25;
    state.seq = 11;
    state.out_of_order = true;
    state.measured_at = Timestamp{std::chrono::milliseconds{1'700'000'000'123}};
    const auto saved = save_state(state);
    const auto back = load_state(saved);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->version, 12u);
    EXPECT_EQ(back->step_name, "결제 처리");
    EXPECT_EQ(back->rate, 0.5);
    EXPECT_EQ(back->seq, 11);
    EXPECT_TRUE(back->out_of_order);
    EXPECT_EQ(back->rate_weight, state.rate_weight);
    EXPECT_EQ(back->measured_at, state.measured_at);
    for (std::size_t i = 0; i < saved.size(); ++i) {
        auto broken = saved;
        broken[i] = broken[i] == 'x' ? 'y' : 'x';
        EXPECT_FALSE(load_state(broken)) << i;
    }
    EXPECT_FALSE(load_state(""));
}

}  // namespace
}  // namespace stepcast::progress
