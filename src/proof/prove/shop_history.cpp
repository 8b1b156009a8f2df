#include "proof/prove/shop_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace stepcast::proof {
namespace {

bool has(const std::vector<ShopEvent>& events, std::string_view type) {
    return std::ranges::find(events, type, &ShopEvent::type) != events.end();
}

/// Versions from 1 without a gap, and nothing twice.
void check_events(const std::string& stream, const std::vector<ShopEvent>& events,
                  std::vector<std::string>& faults) {
    std::set<std::string_view> types;
    std::uint64_t due = 0;
    for (const auto& event : events) {
        if (event.version != ++due)
            faults.push_back(
                fmt::format("{}: version {} stands where {} is due", stream, event.version, due));
        if (!types.insert(event.type).second)
            faults.push_back(fmt::format("{}: {} is there twice", stream, event.type));
    }
}

void check_payment(const ShopOrder& order, std::vector<std::string>& faults) {
    const auto& events = order.payment;
    for (const auto& event : events)
        if (event.type == "PAYMENT_REQUESTED" && event.amount != order.total)
            faults.push_back(fmt::format("order {}: {} won were asked for, it comes to {}", order.id,
                                         event.amount, order.total));
    const bool asked = has(events, "PAYMENT_REQUESTED");
    const bool answered = has(events, "PAYMENT_COMPLETED") || has(events, "PAYMENT_FAILED");
    const bool refunded = has(events, "PAYMENT_REFUNDED");
    if (asked && !answered && !refunded)
        faults.push_back(fmt::format("order {}: its payment has not ended", order.id));
    if (order.shipped() && order.kept() != order.total)
        faults.push_back(
            fmt::format("order {}: it left for {} of {} won", order.id, order.kept(), order.total));
    if (order.status == "CANCELLED" && order.kept() != 0)
        faults.push_back(fmt::format("order {}: it is cancelled, {} won are kept", order.id, order.kept()));
}

/// The stock as it is read from its events, one after the other.
class StockReader {
  public:
    explicit StockReader(std::size_t most) : most_{most} {}

    void read(const StockChange& change) {
        if (change.version != ++due_) fault("stock: version {} stands where {} is due", change.version, due_);
        if (!ids_.insert(change.id).second) fault("stock: event {} is there twice", change.id);
        if (change.type == "PRODUCT_SET") {
            shelves[change.product].stock = change.stock;
            return;
        }
        if (change.type == "STOCK_RELEASED" || change.type == "STOCK_SHIPPED") return let_go(change);
        if (!judged_.insert(change.order).second) fault("order {}: its stock is judged twice", change.order);
        if (change.type != "STOCK_RESERVED") return;
        held_[change.order] = change.items;
        for (const auto& [product, quantity] : change.items) {
            auto& shelf = shelves[product];
            shelf.reserved += quantity;
            if (shelf.reserved > shelf.stock)
                fault("product {}: {} are reserved of {} at version {}", product, shelf.reserved, shelf.stock,
                      change.version);
        }
    }

    void check_order(const std::string& order, bool shipped) {
        if (held_.contains(order)) fault("order {}: it has ended, its stock is still held", order);
        if (shipped != left_.contains(order))
            fault("order {}: its stock {}, it {}", order, shipped ? "did not leave" : "left",
                  shipped ? "was shipped" : "was cancelled");
    }

    template <class... Parts>
    void fault(fmt::format_string<Parts...> text, Parts&&... parts) {
        if (faults.size() < most_) faults.push_back(fmt::format(text, std::forward<Parts>(parts)...));
    }

    Shelves shelves;
    std::vector<std::string> faults;

  private:
    void let_go(const StockChange& change) {
        const auto held = held_.find(change.order);
        if (held == held_.end() || held->second != change.items)
            fault("order {}: {} of what it does not hold", change.order, change.type);
        if (held != held_.end()) held_.erase(held);
        const bool leaves = change.type == "STOCK_SHIPPED";
        if (leaves) left_.insert(change.order);
        for (const auto& [product, quantity] : change.items) {
            shelves[product].reserved -= quantity;
            if (leaves) shelves[product].stock -= quantity;
        }
    }

    const std::size_t most_;
    std::uint64_t due_ = 0;
    std::set<std::string> ids_, judged_, left_;
    std::map<std::string, std::map<std::int64_t, std::int64_t>> held_;
};

}  // namespace

std::int64_t ShopOrder::kept() const {
    return has(payment, "PAYMENT_COMPLETED") && !has(payment, "PAYMENT_REFUNDED") ? total : 0;
}

std::vector<std::string> faults_of_order(const ShopOrder& order) {
    std::vector<std::string> faults;
    if (!order.ended()) faults.push_back(fmt::format("order {} has not ended: {}", order.id, order.status));
    check_events("order " + order.id, order.events, faults);
    check_events("payment of " + order.id, order.payment, faults);
    check_payment(order, faults);
    return faults;
}

Shelves fold_stock(const std::vector<StockChange>& changes) {
    StockReader reader{0};
    for (const auto& change : changes) reader.read(change);
    return std::move(reader.shelves);
}

std::vector<std::string> faults_of_stock(const std::vector<StockChange>& changes,
                                         const std::map<std::string, bool>& shipped, const Shelves& shown,
                                         std::size_t most) {
    StockReader reader{most};
    for (const auto& change : changes) reader.read(change);
    for (const auto& [order, left] : shipped) reader.check_order(order, left);
    for (const auto& [product, shelf] : reader.shelves) {
        const auto told = shown.find(product);
        if (told == shown.end() || told->second != shelf)
            reader.fault("product {}: {} are shown, the events come to {}", product,
                         told == shown.end() ? 0 : told->second.stock, shelf.stock);
    }
    return std::move(reader.faults);
}

}  // namespace stepcast::proof
