#include "flow/kept_answers.hpp"

#include <fmt/format.h>

#include "base/error_category.hpp"

namespace stepcast::flow {
namespace {

constexpr std::string_view consumer = "calls";

std::string sum_of(const KeyedCall& call) {
    return fmt::format("{:016x}", call.asks_for);
}

}  // namespace

std::error_code make_error_code(kept_errc e) {
    static const ErrorCategory<kept_errc> category{
        "call",
        {{kept_errc::running, "a call with this key is still being carried out"},
         {kept_errc::other_call, "the key was used for another call"}}};
    return category.code(e);
}

aio::awaitable<result<KeptAnswers::Begun>> KeptAnswers::begin(const KeyedCall& call) {
    if (!running_.insert(call.id).second) co_return fail(kept_errc::running);
    Begun begun{{}, Turn{*this, call.id}};
    auto answer = co_await find(call);
    if (!answer) co_return tl::unexpected{std::move(answer.error())};
    begun.answer = std::move(*answer);
    co_return begun;
}

aio::awaitable<result<std::optional<std::string>>> KeptAnswers::find(const KeyedCall& call) {
    const auto mark = co_await store_.handled(consumer, call.id);
    if (!mark) co_return tl::unexpected{mark.error()};
    if (!*mark) co_return std::optional<std::string>{};
    const std::string_view kept = (*mark)->answer;
    const auto sum = sum_of(call);
    if (!kept.starts_with(sum)) co_return fail(kept_errc::other_call);
    co_return std::optional{std::string{kept.substr(sum.size())}};
}

store::InboxMark KeptAnswers::mark(const KeyedCall& call, std::string_view answer) const {
    return {std::string{consumer}, call.id, clock_.now() + keep_, sum_of(call).append(answer)};
}

}  // namespace stepcast::flow
