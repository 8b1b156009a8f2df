#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "domain/bank/codec.hpp"
#include "event/ids.hpp"
#include "event/json.hpp"
#include "event/json_reader.hpp"

namespace stepcast::bank {
namespace {

using Kind = AccountCommand::Kind;

tl::unexpected<Error> invalid(std::string_view field, std::string_view why) {
    return fail(errc::invalid_field, std::string{field}, std::string{why});
}

/// An object's members by name.
template <std::size_t N>
struct Members {
    const std::array<std::string_view, N>& names;
    std::array<std::string_view, N> values;

    std::string_view operator[](std::string_view name) const {
        return values[static_cast<std::size_t>(std::ranges::find(names, name) - names.begin())];
    }
};

template <std::size_t N>
result<Members<N>> members_of(std::string_view text, const std::array<std::string_view, N>& names) {
    auto values = event::read_members(text, names);
    if (!values) return fail(errc::malformed, {}, values.error().detail);
    return Members<N>{names, *values};
}

result<void> read_string(std::string_view value, std::string_view name, std::string& out) {
    if (!event::is_json_string(value)) return invalid(name, "must be a string");
    event::append_json_content(out, value);
    return {};
}

result<void> read_id(std::string_view value, std::string_view name, std::string& out) {
    if (value.empty()) return {};
    if (auto read = read_string(value, name, out); !read) return read;
    const auto fault = event::fault_of_id(out);
    return fault.empty() ? result<void>{} : invalid(name, fault);
}

result<void> read_text(std::string_view value, std::string_view name, std::string& out) {
    if (value.empty()) return {};
    if (auto read = read_string(value, name, out); !read) return read;
    const auto fault = event::fault_of_text(out);
    return fault.empty() ? result<void>{} : invalid(name, fault);
}

// Of any sign: that an amount is positive is a rule of the account.
result<void> read_amount(std::string_view value, std::string_view name, std::optional<std::int64_t>& out) {
    if (value.empty()) return {};
    out = event::json_whole(value);
    if (!out) return invalid(name, "must be a whole number");
    if (*out < -max_amount || *out > max_amount)
        return invalid(name, fmt::format("must be at most {}", max_amount));
    return {};
}

constexpr std::array<std::string_view, 8> sent_names{"type",   "accountId",      "owner",   "amount",
                                                     "source", "initialBalance", "purpose", "reason"};
using SentMembers = Members<sent_names.size()>;

result<SentMembers> sent_members(std::string_view body) {
    const auto json = event::received_json(body);
    if (!json) return fail(errc::malformed, {}, json.error().detail);
    return members_of(*json, sent_names);
}

std::string_view note_name(Kind kind) {
    return kind == Kind::deposit ? "source" : kind == Kind::withdraw ? "purpose" : "reason";
}

result<Sent> read_sent(const SentMembers& members, Kind kind) {
    Sent sent;
    if (auto read = read_id(members["accountId"], "accountId", sent.account_id); !read)
        return tl::unexpected{read.error()};
    if (kind == Kind::create) {
        if (auto read = read_id(members["owner"], "owner", sent.owner); !read)
            return tl::unexpected{read.error()};
        if (auto read = read_amount(members["initialBalance"], "initialBalance", sent.amount); !read)
            return tl::unexpected{read.error()};
        return sent;
    }
    if (auto read = read_text(members[note_name(kind)], note_name(kind), sent.note); !read)
        return tl::unexpected{read.error()};
    if (kind == Kind::close) return sent;
    if (auto read = read_amount(members["amount"], "amount", sent.amount); !read)
        return tl::unexpected{read.error()};
    if (!sent.amount) return invalid("amount", "is required");
    return sent;
}

constexpr std::array<std::string_view, 4> transfer_names{"transferId", "from", "to", "amount"};

}  // namespace

result<SentTransfer> decode_sent_transfer(std::string_view body) {
    const auto json = event::received_json(body);
    if (!json) return fail(errc::malformed, {}, json.error().detail);
    const auto members = members_of(*json, transfer_names);
    if (!members) return tl::unexpected{members.error()};
    SentTransfer sent;
    for (const auto& [name, text] :
         {std::pair{"transferId", &sent.id}, {"from", &sent.from}, {"to", &sent.to}}) {
        if (auto read = read_id((*members)[name], name, *text); !read) return tl::unexpected{read.error()};
        if (text->empty() && text != &sent.id) return invalid(name, "is required");
    }
    std::optional<std::int64_t> amount;
    if (auto read = read_amount((*members)["amount"], "amount", amount); !read)
        return tl::unexpected{read.error()};
    if (!amount) return invalid("amount", "is required");
    sent.amount = *amount;
    return sent;
}

result<Sent> decode_sent(std::string_view body, Kind kind) {
    const auto members = sent_members(body);
    if (!members) return tl::unexpected{members.error()};
    return read_sent(*members, kind);
}

result<SeedCommand> decode_seed_command(std::string_view body) {
    static constexpr std::array<std::pair<std::string_view, Kind>, 3> kinds{
        {{"CREATE_ACCOUNT", Kind::create},
         {"DEPOSIT_MONEY", Kind::deposit},
         {"WITHDRAW_MONEY", Kind::withdraw}}};
    const auto members = sent_members(body);
    if (!members) return tl::unexpected{members.error()};
    const auto type = event::json_text((*members)["type"]);
    if (type == "TRANSFER_MONEY") return SeedCommand{};
    const auto kind = std::ranges::find(kinds, type.value_or(""), [](const auto& row) { return row.first; });
    if (kind == kinds.end())
        return invalid("type", "must be CREATE_ACCOUNT, DEPOSIT_MONEY, WITHDRAW_MONEY or TRANSFER_MONEY");
    auto sent = read_sent(*members, kind->second);
    if (!sent) return tl::unexpected{sent.error()};
    if (sent->account_id.empty()) return invalid("accountId", "is required");
    return SeedCommand{kind->second, std::move(*sent)};
}

}  // namespace stepcast::bank
