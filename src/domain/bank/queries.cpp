// What Accounts answers without changing anything.
#include "aio/spawn.hpp"
#include "aio/turn.hpp"
#include "domain/bank/accounts.hpp"
#include "flow/version_at.hpp"

namespace stepcast::bank {
namespace {

constexpr std::size_t page_size = 256;

}  // namespace

awaitable<result<Accounts::View>> Accounts::view(std::string id, http::Past past) {
    return aio::run_on(parts_.core, [this, id = std::move(id), past]() mutable -> awaitable<result<View>> {
        if (past.at) {
            auto version = co_await version_at(id, *past.at);
            if (!version) co_return tl::unexpected{std::move(version.error())};
            past.version = *version;
        }
        if (past.version) co_return co_await view_at(std::move(id), *past.version);
        if (const auto* entry = projection_.ledger().find(id))
            co_return View{std::move(id), entry->account, entry->version};
        if (auto live = check_live(); !live) co_return tl::unexpected{live.error()};
        co_return fail(errc::unknown_account);
    });
}

awaitable<result<Accounts::View>> Accounts::view_at(std::string id, event::Version version) {
    auto loaded = co_await commands_.reader().load(id, version);
    if (!loaded) co_return tl::unexpected{std::move(loaded.error())};
    if (of(*loaded->state).broken()) co_return fail(errc::unreadable);
    if (loaded->version == version) co_return View{std::move(id), of(*loaded->state).account(), version};
    if (auto live = check_live(); !live) co_return tl::unexpected{live.error()};
    if (loaded->version == 0) co_return fail(errc::unknown_account);
    co_return fail(query_errc::unknown_version);
}

// The times of an account's events never fall.
awaitable<result<event::Version>> Accounts::version_at(const std::string& id, Timestamp at) {
    const auto time_of = [](const event::Event& event) -> result<Timestamp> {
        const auto read = decode_stored(event);
        if (!read) return tl::unexpected{read.error()};
        return read->at;
    };
    const auto found = co_await flow::version_at(parts_.store, category, id, at, time_of);
    if (!found) co_return tl::unexpected{found.error()};
    if (!*found) co_return fail(errc::unknown_account);
    if (**found == 0) co_return fail(query_errc::unknown_version, {}, "the account was created later");
    co_return **found;
}

awaitable<result<Accounts::Top>> Accounts::top(Page page, std::optional<Timestamp> at) {
    return aio::run_on(parts_.core, [this, page = std::move(page), at]() -> awaitable<result<Top>> {
        if (auto live = check_live(); !live) co_return tl::unexpected{live.error()};
        std::optional<Ledger> past;
        if (at) {
            if (asked_for_past_) co_return fail(query_errc::busy);
            asked_for_past_ = true;
            auto folded = co_await whole_past(*at);
            asked_for_past_ = false;
            if (!folded) co_return tl::unexpected{std::move(folded.error())};
            past = std::move(*folded);
        }
        const Ledger& ledger = past ? *past : projection_.ledger();
        std::optional<Ledger::Rank> after;
        if (page.after) after = Ledger::Rank{page.after->first, page.after->second};
        const auto found = ledger.top(after, page.limit, page.owner);
        Top top{
            .accounts = {}, .more = found.more, .last_balance = found.last.balance, .last_id{found.last.id}};
        for (const auto& [id, entry] : found.accounts)
            top.accounts.push_back({std::string{id}, entry->account, entry->version});
        co_return top;
    });
}

awaitable<result<Ledger>> Accounts::whole_past(Timestamp at) {
    Ledger ledger;
    const auto head = projection_.applied();
    for (event::Position from = 1; from <= head;) {
        const auto page = co_await parts_.store.read_all({store::Range::By::position, from, head, page_size});
        if (!page) co_return tl::unexpected{page.error()};
        for (const auto& event : page->events)
            if (&event->category() == &category && !ledger.apply_until(*event, at))
                co_return fail(errc::unreadable);
        from = page->through + 1;
        co_await aio::next_turn();
    }
    co_return ledger;
}

awaitable<result<store::Page>> Accounts::events(std::string id, event::Version from, event::Version to,
                                                std::size_t limit) {
    return aio::run_on(parts_.core, [this, id = std::move(id), from, to, limit] {
        return parts_.store.read_stream(category, id, {store::Range::By::version, from, to, limit});
    });
}

awaitable<result<Accounts::Transactions>> Accounts::transactions(std::string id, event::Version from,
                                                                 std::size_t limit) {
    return aio::run_on(parts_.core,
                       [this, id = std::move(id), from, limit]() -> awaitable<result<Transactions>> {
                           auto loaded = co_await commands_.reader().load(id, from - 1);
                           if (!loaded) co_return tl::unexpected{std::move(loaded.error())};
                           if (of(*loaded->state).broken()) co_return fail(errc::unreadable);
                           Account account = of(*loaded->state).account();
                           Transactions found{"["};
                           std::size_t count = 0;
                           for (auto next = from;;) {
                               const auto page = co_await parts_.store.read_stream(
                                   category, id, {store::Range::By::version, next, UINT64_MAX, page_size});
                               if (!page) co_return tl::unexpected{page.error()};
                               for (const auto& stored : page->events) {
                                   const auto event = decode_stored(*stored);
                                   if (!event) co_return tl::unexpected{event.error()};
                                   evolve(account, *event);
                                   if (event->transaction.empty()) continue;
                                   if (count == limit) {
                                       found.next = stored->version();
                                       found.json += ']';
                                       co_return found;
                                   }
                                   if (count++ != 0) found.json += ',';
                                   found.json += encode_transaction(*event, account.balance);
                               }
                               if (!page->more) break;
                               next = page->through + 1;
                               co_await aio::next_turn();
                           }
                           found.json += ']';
                           co_return found;
                       });
}

}  // namespace stepcast::bank
