#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/bank/model.hpp"
#include "flow/aggregate.hpp"
#include "flow/saga_state.hpp"

namespace stepcast::bank {

/// What happened to a transfer of money, in a stream of its own: the process manager's state.
enum class TransferEventType : std::uint8_t {
    initiated,
    debited,
    refused,  ///< the other account does not take it: it goes back, whatever that account would say later
    completed,
    refunded,
    stuck,
    resumed
};
inline constexpr std::array<std::string_view, 7> transfer_type_names{
    "TRANSFER_INITIATED", "TRANSFER_DEBITED", "TRANSFER_REFUSED", "TRANSFER_COMPLETED",
    "TRANSFER_REFUNDED",  "TRANSFER_STUCK",   "TRANSFER_RESUMED"};

/// Streams `transfer-ID`. They never expire.
inline constexpr event::Category transfer_category{"transfer", "transfer", transfer_type_names, false};

struct TransferEvent {
    TransferEventType type = TransferEventType::initiated;
    Timestamp at{};
    // Of TRANSFER_INITIATED.
    std::string from{};
    std::string to{};
    std::int64_t amount = 0;
    std::string owner{};  ///< who asked for it; empty if nobody knows
    // Of the others.
    std::string reason{};  ///< why it was refused, refunded, or is stuck
};

enum class TransferStatus : std::uint8_t { unknown, initiated, debited, completed, refunded, stuck };
inline constexpr std::array<std::string_view, 6> transfer_status_names{"UNKNOWN",   "INITIATED", "DEBITED",
                                                                       "COMPLETED", "REFUNDED",  "STUCK"};

/// The fold of a transfer's events.
struct Transfer {
    TransferStatus status = TransferStatus::unknown;
    flow::SagaState saga{};
    std::string from{};
    std::string to{};
    std::int64_t amount = 0;
    std::string owner{};
    std::string reason{};
    Timestamp updated_at{};
    struct Step {
        std::string_view name;  ///< a type's name
        Timestamp at{};
    };
    std::vector<Step> steps{};

    bool ended() const { return saga.ended(); }
    /// The money was taken, and went back or is on its way there.
    bool went_back() const { return saga.reached > 0 && status != TransferStatus::completed; }
};

void evolve(Transfer& transfer, const TransferEvent& event);

event::Draft make_draft(const TransferEvent& event, std::string_view transfer_id, std::string_view event_id,
                        event::Version version);
std::uint64_t fingerprint_of(const TransferEvent& event);
result<TransferEvent> decode_transfer(const event::Event& stored);
result<TransferEvent> decode_transfer(TransferEventType type, std::string_view body);
result<void> check_stored_transfer(const event::Event& draft);
/// `{"transferId":…,"status":…,"steps":[…]}`
std::string encode_transfer(std::string_view transfer_id, const Transfer& transfer, event::Version version);

class TransferAggregate final : public flow::Aggregate {
  public:
    void evolve(const event::Event& event, std::string_view body) override;
    /// A transfer has few events: it is always folded from the first.
    std::string save() const override { return {}; }
    bool restore(std::string_view) override { return false; }

    const Transfer& transfer() const { return transfer_; }
    bool broken() const { return broken_; }

  private:
    Transfer transfer_;
    bool broken_ = false;
};

flow::AggregateKind transfer_kind();

}  // namespace stepcast::bank
