// Carts, the list of orders and mailboxes: their folds, without any of the parts that carry them out.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "domain/shop/cart.hpp"
#include "domain/shop/mailboxes.hpp"
#include "domain/shop/order_codec.hpp"
#include "domain/shop/order_list.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::shop {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

const Timestamp morning = *parse_rfc3339("2026-01-01T09:00:00Z");

CartEvent in_cart(CartEvent event, std::string id) {
    event.event_id = std::move(id);
    event.user_id = "kim";
    event.at = morning;
    return event;
}

TEST(ShopCart, holds_each_product_once_and_is_empty_once_it_is_ordered) {
    Cart cart;
    evolve(cart, in_cart(**put_item(cart, {1, "노트북", 10, 2}), "e1"));
    evolve(cart, in_cart(**put_item(cart, {2, "마우스", 1, 1}), "e2"));
    EXPECT_FALSE(*put_item(cart, {1, "노트북", 10, 2}));  // it is so already
    evolve(cart, in_cart(**put_item(cart, {1, "노트북", 12, 3}), "e3"));
    EXPECT_EQ(encode_cart("kim", cart, 3),
              R"({"userId":"kim","items":[{"productId":1,"name":"노트북","price":12,"quantity":3},)"
              R"({"productId":2,"name":"마우스","price":1,"quantity":1}],"totalAmount":37,"version":3,)"
              R"("updatedAt":"2026-01-01T09:00:00.000Z"})");
    EXPECT_FALSE(remove_item(cart, 7));
    evolve(cart, in_cart(*remove_item(cart, 2), "e4"));
    EXPECT_THAT(cart.items, ElementsAre(CartItem{1, "노트북", 12, 3}));
    evolve(cart, in_cart({.type = CartEventType::ordered, .order_id = "O"}, "O:ordered"));
    EXPECT_THAT(cart.items, IsEmpty());
    EXPECT_EQ(cart.last_event, "O:ordered");
}

TEST(ShopCart, holds_as_many_products_as_an_order_can) {
    Cart cart;
    for (std::int64_t id = 1; id <= 100; ++id)
        evolve(cart, in_cart(**put_item(cart, {id, "p", max_amount, max_amount}), fmt::format("e{}", id)));
    EXPECT_EQ(put_item(cart, {101, "p", 1, 1}).error().field, "productId");
    EXPECT_TRUE(put_item(cart, {100, "p", 1, 1}));
    EXPECT_THAT(encode_cart("kim", cart, 100), HasSubstr(R"("totalAmount":9007199254740991,)"));
}

TEST(ShopCart, what_is_stored_and_saved_of_it_is_read_again) {
    CartAggregate state, again;
    for (const auto& event : {in_cart({.product_id = 1, .name = "노트북", .price = 10, .quantity = 2}, "e1"),
                              in_cart({.product_id = 2, .name = "", .price = 0, .quantity = 1}, "e2"),
                              in_cart({.type = CartEventType::removed, .product_id = 1}, "e3")}) {
        const auto draft = make_draft(event);
        EXPECT_TRUE(check_stored_cart(*draft)) << draft->body();
        EXPECT_EQ(draft->stream_id(), "kim");
        state.evolve(*draft, draft->body());
    }
    EXPECT_FALSE(state.broken());
    EXPECT_TRUE(again.restore(state.save()));
    EXPECT_EQ(again.cart(), state.cart());
    EXPECT_FALSE(again.restore(R"({"items":[{}],"updatedAt":"2026-01-01T09:00:00Z","lastEventId":"e"})"));
    // If this differs, raise the kind's schema: no snapshot of before is one of today then.
    EXPECT_EQ(cart_kind().schema, 1u);
    EXPECT_EQ(state.save(), R"({"items":[{"productId":2,"name":"","price":0,"quantity":1}],)"
                            R"("updatedAt":"2026-01-01T09:00:00.000Z","lastEventId":"e3"})");
    EXPECT_FALSE(check_stored_cart(*make_draft(in_cart({.product_id = 1}, "e"))));
    EXPECT_FALSE(check_stored_cart(*make_draft(in_cart({.type = CartEventType::ordered}, "e"))));
}

class ShopViews : public testing::StrandTest {
  protected:
    void place(std::string id, std::string customer, Timestamp at) {
        const OrderEvent event{.at = at, .customer = customer, .items = {{1, 1, 1}}};
        tell(make_draft(event, id, id + ":1", customer, id), 1);
    }
    void move(std::string id, OrderEventType type) {
        tell(make_draft({.type = type, .at = morning}, id, id + ":2", "", id), 2);
    }
    void tell(const event::Draft& draft, event::Version version) {
        const std::vector<event::EventRef> events{
            event::Event::seal(draft, version, ++position, morning, "e1")};
        told.push_back(events.front());
        run([&]() -> aio::awaitable<void> {
            if (&draft->category() == &order_category)
                co_await list.apply(events, position);
            else
                co_await boxes.apply(events, position);
        });
    }
    /// The events so far are folded anew, beside the list.
    void fold_anew() {
        list.refoldable().begin();
        for (const auto& event : told) EXPECT_TRUE(list.refoldable().fold(*event));
        list.refoldable().stand_beside();
    }
    std::vector<std::string> found(OrderList::Question question) { return list.find(question).ids; }

    OrderList list;
    Mailboxes boxes;
    event::Position position = 0;
    std::vector<event::EventRef> told;
};

TEST_F(ShopViews, orders_are_found_by_customer_status_and_time_the_newest_first) {
    place("a", "kim", morning);
    place("b", "lee", morning + 1h);
    place("d", "kim", morning + 2h);
    place("c", "kim", morning + 2h);
    move("d", OrderEventType::cancelled);
    EXPECT_THAT(found({}), ElementsAre("c", "d", "b", "a"));
    EXPECT_THAT(found({.customer = "kim"}), ElementsAre("c", "d", "a"));
    EXPECT_THAT(found({.customer = "kim", .status = OrderStatus::cancelled}), ElementsAre("d"));
    EXPECT_THAT(found({.status = OrderStatus::pending}), ElementsAre("c", "b", "a"));
    EXPECT_THAT(found({.since = morning + 1h}), ElementsAre("c", "d", "b"));
    EXPECT_THAT(found({.until = morning + 2h}), ElementsAre("b", "a"));
    EXPECT_THAT(found({.customer = "nobody"}), IsEmpty());
    list.reset();
    EXPECT_THAT(found({}), IsEmpty());
}

TEST_F(ShopViews, the_list_goes_on_where_a_page_ended_also_where_orders_came_at_one_moment) {
    for (const auto* id : {"a", "b", "c", "d", "e"}) place(id, "kim", morning);
    std::string all;
    OrderList::Question question{.limit = 2};
    for (int pages = 0; pages < 9; ++pages) {
        const auto page = list.find(question);
        for (const auto& id : page.ids) all += id;
        if (!page.next) break;
        question.after = page.next;
        place(fmt::format("later-{}", pages), "kim", morning + 1h);  // moves nothing that is behind
    }
    EXPECT_EQ(all, "abcde");
}

TEST_F(ShopViews, the_list_is_folded_anew_beside_what_it_shows_and_goes_on) {
    place("a", "kim", morning);
    place("b", "lee", morning + 1h);
    move("b", OrderEventType::cancelled);
    auto& anew = list.refoldable();
    fold_anew();
    place("c", "kim", morning + 2h);
    move("a", OrderEventType::paid);
    EXPECT_EQ(anew.entry(0), "a");
    EXPECT_EQ(anew.entry(1), "b");
    EXPECT_EQ(anew.entry(2), "") << "what came since stands in both";
    EXPECT_TRUE(anew.is_shown("a") && anew.is_shown("b") && anew.is_shown("c"));
    EXPECT_EQ(anew.folded(), anew.shown());
    anew.take_over();
    EXPECT_FALSE(anew.folds());
    EXPECT_TRUE(anew.shed(2));
    EXPECT_FALSE(anew.shed(2));
    EXPECT_THAT(found({}), ElementsAre("c", "b", "a"));
    EXPECT_THAT(found({.customer = "kim", .status = OrderStatus::paid}), ElementsAre("a"));
    place("d", "lee", morning + 3h);
    EXPECT_THAT(found({.customer = "lee"}), ElementsAre("d", "b"));
}

TEST_F(ShopViews, what_the_list_shows_otherwise_than_it_is_stored_is_seen) {
    place("a", "kim", morning);
    place("b", "kim", morning);
    const auto stored = told;
    move("a", OrderEventType::cancelled);
    told = stored;
    fold_anew();
    EXPECT_FALSE(list.refoldable().is_shown("a"));
    EXPECT_TRUE(list.refoldable().is_shown("b"));
    list.refoldable().take_over();
    EXPECT_THAT(found({.status = OrderStatus::pending}), ElementsAre("a", "b"));
}

TEST_F(ShopViews, an_order_that_cannot_be_read_is_counted_and_not_guessed_at) {
    tell(event::Event::make({.category = &order_category,
                             .stream_id = "x",
                             .id = "x:1",
                             .subject = {},
                             .json = R"({"of":"nothing"})"}),
         1);
    EXPECT_EQ(list.skipped(), 1u);
    EXPECT_THAT(found({}), IsEmpty());
    list.refoldable().begin();
    EXPECT_FALSE(list.refoldable().fold(*told.front()));
}

TEST_F(ShopViews, what_a_user_was_told_is_unread_until_a_mark_says_so) {
    const auto notify = [&](int number, event::Version version) {
        tell(make_draft(
                 NotificationEvent{fmt::format("O{}:PAID", number), "kim", "PAID", "결제", "O", morning}),
             version);
    };
    for (int number = 1; number <= 25; ++number) notify(number, static_cast<event::Version>(number));
    EXPECT_EQ(boxes.find("kim").unread.size(), 25u);
    EXPECT_EQ(boxes.find("kim").latest.size(), Mailboxes::max_latest);
    tell(make_draft(ReadMark{.user_id = "kim", .up_to = 24, .timestamp = morning}, "m"), 26);
    // An older mark that comes late takes nothing back.
    tell(make_draft(ReadMark{.user_id = "kim", .up_to = 3, .timestamp = morning}, "n"), 27);
    notify(28, 28);
    const auto& box = boxes.find("kim");
    EXPECT_THAT(box.unread, ElementsAre(25, 28));
    const auto json = encode_mailbox("kim", box);
    EXPECT_THAT(json, HasSubstr(R"("unread":2,"readUpTo":24,"latest":[{"version":7,)"));
    EXPECT_THAT(json, HasSubstr(R"("notificationId":"O28:PAID")"));
    EXPECT_EQ(boxes.find("lee").version, 0u);
    boxes.expired({.category = &notification_category, .stream_id = "kim", .subject = "kim", .through = 27});
    EXPECT_EQ(boxes.find("kim").unread.size(), 2u);  // it has lived on
    boxes.expired({.category = &notification_category, .stream_id = "kim", .subject = "kim", .through = 28});
    EXPECT_EQ(boxes.find("kim").unread.size(), 0u);
}

TEST(ShopNotification, only_what_is_one_is_stored) {
    const auto told = make_draft(NotificationEvent{"n", "kim", "PAID", "결제", "O", morning});
    EXPECT_TRUE(check_stored_notification(*told));
    EXPECT_TRUE(check_stored_notification(*make_draft(ReadMark{.user_id = "kim", .up_to = 1}, "m")));
    EXPECT_FALSE(check_stored_notification(*event::Event::make({.category = &notification_category,
                                                                .type = 1,
                                                                .stream_id = "kim",
                                                                .id = "m",
                                                                .subject = {},
                                                                .json = R"({"of":"nothing"})"})));
}

}  // namespace
}  // namespace stepcast::shop
