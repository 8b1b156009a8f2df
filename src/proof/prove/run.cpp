#include "proof/prove/run.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/hash.hpp"
#include "proof/load/run.hpp"

namespace stepcast::proof {
namespace {

constexpr std::uint64_t patience = 60 * second_ns;
constexpr std::uint64_t silence = 15 * second_ns;
constexpr std::uint64_t ask_every = 20 * millisecond_ns;
constexpr std::uint32_t ballast_users = 32;
/// Our own server's ends by itself are a reason to stop. A peer's are counted: what it does then is its
/// result.
constexpr std::uint64_t most_crashes = 3;
constexpr std::uint64_t most_crashes_of_a_peer = 1000;

volatile sig_atomic_t interrupted = 0;

/// Whoever runs the server holds our input open; nobody writes to it.
bool has_input_ended() {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    return poll(&input, 1, 0) > 0;
}

double to_ms(std::uint64_t ns) {
    return static_cast<double>(ns) / 1e6;
}

}  // namespace

void ProveRun::interrupt() {
    interrupted = 1;
}

ProveRun::ProveRun(const ProvePlan& plan, Target streams, Target posts)
    : plan_{plan},
      streams_at_{std::move(streams)},
      posts_at_{std::move(posts)},
      ledger_{plan.token,
              plan.users + ballast_users,
              {.users_with_long = plan.hot},
              system_clock().now(),
              now_ns()},
      browsers_{loop_, streams_at_, plan.target, ledger_, plan.options.subscribers, plan.users, plan.hot},
      traffic_{loop_,
               posts_at_,
               plan.target,
               ledger_,
               {.rate = plan.options.rate,
                .users = plan.users,
                .hot = plan.hot,
                .ballast = ballast_users,
                .seed = plan.seed}},
      asker_{loop_, streams_at_, 1, [this](std::uint64_t, int status) {
                 is_ready_ = plan_.target.stepcast ? status == 200 : status != 0;
             }} {}

ProveRun::~ProveRun() {
    if (frozen_until_ != 0) ::kill(plan_.options.broker_pid, SIGCONT);
    server_.stop(15'000);
}

ProveResult ProveRun::carry_out() {
    result_.target = plan_.target.name;
    result_.kills_planned = plan_.script.count(Fault::kill);
    result_.terms_planned = plan_.script.count(Fault::term);
    if (begin()) {
        flow();
        end();
    }
    result_.interrupted = interrupted != 0;
    judge();
    return std::move(result_);
}

bool ProveRun::begin() {
    if (!plan_.target.command.empty()) start_server();
    if (!wait_ready()) {
        if (interrupted == 0) fail("the server did not become ready");
        return false;
    }
    const ServerProbe probe{server_.pid()};
    const auto before = probe.memory().anonymous;
    if (!browsers_.open_all(patience)) {
        fail(fmt::format("only {} of {} streams began", browsers_.streaming(), browsers_.size()));
        return false;
    }
    loop_.run_until(second_ns / 2, [] { return false; });
    const auto after = probe.memory().anonymous;
    if (after > before)
        result_.kib_per_stream =
            static_cast<double>(after - before) / 1024 / static_cast<double>(browsers_.size());
    return true;
}

bool ProveRun::wait_ready() {
    is_ready_ = false;
    return loop_.run_until(
               patience,
               [this] {
                   ask_ready(now_ns());
                   return is_ready_ || interrupted != 0 || (server_.pid() != 0 && server_.poll());
               },
               millisecond_ns) &&
           is_ready_;
}

bool ProveRun::is_going_well() const {
    return interrupted == 0 && result_.failures.empty();
}

/// The script, from its first moment until its last fault is over.
void ProveRun::flow() {
    began_at_ = last_turn_ = now_ns();
    traffic_.start(began_at_);
    const auto end_at = began_at_ + plan_.options.seconds * second_ns;
    // A server that is slow to come back makes the script late, not shorter.
    loop_.run_until(
        plan_.options.seconds * second_ns + 2 * patience,
        [&] {
            const auto now = now_ns();
            turn(now, true);
            const bool is_over = now >= end_at && next_step_ == plan_.script.steps.size() && !outage_;
            return !is_going_well() || is_over || (plan_.until_input_ends && has_input_ended());
        },
        millisecond_ns);
    end_stretches(UINT64_MAX);
}

/// Completes every task and waits until each subscriber has seen the end of its user's work.
void ProveRun::end() {
    if (!is_going_well()) return;
    bool is_finished = false;
    loop_.run_until(
        patience,
        [&] {
            const auto now = now_ns();
            turn(now, false);
            is_finished = !outage_ && traffic_.finish(now);
            return is_finished || !is_going_well();
        },
        millisecond_ns);
    ledger_.give_up();
    std::uint64_t looked_at = 0;
    std::uint64_t heard_at = now_ns();
    std::uint64_t heard = browsers_.deliveries();
    loop_.run_until(
        patience,
        [&] {
            const auto now = now_ns();
            turn(now, false);
            if (!is_going_well()) return true;
            if (now < looked_at + 50 * millisecond_ns) return false;
            looked_at = now;
            if (heard != browsers_.deliveries()) heard_at = now;
            heard = browsers_.deliveries();
            // What is missing now was lost: everyone is there, and nothing comes.
            if (now > heard_at + silence && browsers_.streaming() == browsers_.size()) return true;
            return browsers_.streaming() + browsers_.refused() + browsers_.ended() >= browsers_.size() &&
                   browsers_.behind() == 0;
        },
        millisecond_ns);
    // Whatever comes a second time comes now.
    loop_.run_until(second_ns / 2, [] { return false; });
    say_progress(now_ns(), true);
}

void ProveRun::turn(std::uint64_t now, bool regular) {
    browsers_.tick(now);
    traffic_.tick(now, regular);
    if (regular) perform_due(now);
    end_stretches(now);
    if (server_.pid() != 0) watch_server(now);
    say_progress(now);
}

void ProveRun::perform_due(std::uint64_t now) {
    const auto& steps = plan_.script.steps;
    while (next_step_ < steps.size() && began_at_ + steps[next_step_].at_ms * millisecond_ns <= now) {
        if (!perform(steps[next_step_], now)) return;
        ++next_step_;
    }
}

/// False if the step has to wait until the server is back from the one before.
bool ProveRun::perform(const ScriptStep& step, std::uint64_t now) {
    if (is_calm_) {
        is_calm_ = false;
        result_.calm_p50_ms = browsers_.latencies().at(50);
        result_.calm_p99_ms = browsers_.latencies().at(99);
    }
    const auto until = now + step.for_ms * millisecond_ns;
    switch (step.fault) {
        case Fault::cut:
            for (const auto who : step.who) browsers_.cut(who, now);
            return true;
        case Fault::term:
        case Fault::kill:
            if (outage_) return false;
            begin_outage(step.fault, now, true);
            return true;
        case Fault::stall:
            if (outage_) return false;
            stalled_ = step.who;
            stalled_until_ = until;
            result_.stalls += stalled_.size();
            for (const auto who : stalled_) browsers_.stall(who);
            return true;
        case Fault::fill:
            fill_until_ = until;
            traffic_.fill(true);
            ++result_.fills;
            return true;
        case Fault::freeze:
            if (::kill(plan_.options.broker_pid, SIGSTOP) != 0) {
                fail("the broker cannot be frozen: no such process, or not ours");
                return true;
            }
            frozen_until_ = until;
            ++result_.freezes;
            return true;
    }
    return true;
}

void ProveRun::end_stretches(std::uint64_t now) {
    if (fill_until_ != 0 && fill_until_ <= now) {
        traffic_.fill(false);
        fill_until_ = 0;
    }
    if (frozen_until_ != 0 && frozen_until_ <= now) {
        ::kill(plan_.options.broker_pid, SIGCONT);
        frozen_until_ = 0;
    }
    if (stalled_until_ != 0 && stalled_until_ <= now) {
        for (const auto who : stalled_) browsers_.go_on(who);
        stalled_until_ = 0;
    }
}

void ProveRun::begin_outage(Fault fault, std::uint64_t now, bool asked_for) {
    if (asked_for) {
        note_metrics();  // they are gone with the process
        now = now_ns();
        server_.signal(fault == Fault::kill ? SIGKILL : SIGTERM);
    }
    outage_ = Outage{.fault = fault, .began = now, .asked_for = asked_for};
}

void ProveRun::watch_server(std::uint64_t now) {
    if (outage_ && outage_->started != 0) {
        watch_return(now);
        return;
    }
    const auto code = server_.poll();
    if (!code) {
        if (outage_ && now > outage_->began + patience) fail("the server did not end on SIGTERM");
        return;
    }
    if (!outage_) {
        begin_outage(Fault::kill, now, false);
        count_crash(*code);
    } else if (outage_->fault == Fault::term) {
        result_.stop.ms.push_back(to_ms(now - outage_->began));
        if (*code != 0 && plan_.target.stepcast) fail(fmt::format("SIGTERM ended the server with {}", *code));
    }
    start_server();
    outage_->started = now;
    is_ready_ = false;
}

void ProveRun::count_crash(int code) {
    if (result_.crashes++ == 0)
        result_.notes.push_back(fmt::format("the server ended by itself with {}", code));
    if (result_.crashes > (plan_.target.stepcast ? most_crashes : most_crashes_of_a_peer))
        fail("the server ended again and again");
}

void ProveRun::watch_return(std::uint64_t now) {
    if (outage_->ready == 0) {
        ask_ready(now);
        if (is_ready_) outage_->ready = now;
        if (const auto code = server_.poll()) {
            count_crash(*code);
            start_server();
            outage_->started = now;
        }
    }
    if (now > outage_->started + patience) fail("the server did not come back");
    if (outage_->ready == 0 || browsers_.last_opened_at() <= outage_->started) return;
    if (outage_->asked_for && outage_->fault == Fault::kill) {
        ++result_.kills;
        result_.ready.ms.push_back(to_ms(outage_->ready - outage_->began));
        result_.back.ms.push_back(
            to_ms(std::max(outage_->ready, browsers_.last_opened_at()) - outage_->began));
    } else if (outage_->fault == Fault::term) {
        ++result_.terms;
    }
    outage_.reset();
}

void ProveRun::start_server() {
    auto child = Child::start(plan_.target.command, plan_.folder, plan_.folder + "/server.log");
    if (!child) {
        fail(child.error().text());
        return;
    }
    server_ = std::move(*child);
}

void ProveRun::ask_ready(std::uint64_t now) {
    if (asker_.waiting() > 0 || now < next_ask_) return;
    next_ask_ = now + ask_every;
    asker_.get(plan_.target.ready, 0);
}

void ProveRun::note_metrics() {
    if (!plan_.target.stepcast) return;
    const auto answer = fetch(plan_.target.streams, "/metrics");
    if (!answer) return;
    coalesced_ += static_cast<std::uint64_t>(metric(answer->body, "stepcast_sse_coalesced_total"));
    expired_ += static_cast<std::uint64_t>(metric(answer->body, "stepcast_store_expired_total"));
}

void ProveRun::say_progress(std::uint64_t now, bool last) {
    static const bool is_terminal = isatty(STDERR_FILENO) == 1;
    if (now < next_say_ && !last) return;
    next_say_ = now + (is_terminal ? second_ns / 5 : 5 * second_ns);
    const auto text = fmt::format(
        "{:5.1f}/{} s  acknowledged {}  delivered {}  streams {}/{}  kills {}/{}  resets {}{}",
        to_ms(now - began_at_) / 1000, plan_.options.seconds, ledger_.count(Ledger::State::acknowledged),
        browsers_.deliveries(), browsers_.streaming(), browsers_.size(), result_.kills, result_.kills_planned,
        browsers_.resets(), outage_ ? "  server away" : "");
    if (is_terminal)
        fmt::print(stderr, "\r\x1b[K{}{}", text, last ? "\n" : "");
    else
        fmt::print(stderr, "{}\n", text);
    std::fflush(stderr);
}

void ProveRun::judge() {
    if (!outage_ && is_going_well()) note_metrics();
    result_.delivered = browsers_.deliveries();
    result_.resets = browsers_.resets();
    result_.epoch_resets = browsers_.epoch_resets();
    result_.coalesced = coalesced_;
    result_.reconnects = browsers_.reconnects();
    result_.cuts = browsers_.cuts();
    result_.streams_refused = browsers_.refused();
    result_.streams_ended = browsers_.ended();
    result_.streams_left = browsers_.size() - browsers_.streaming() - browsers_.refused() - browsers_.ended();
    result_.behind = browsers_.behind();
    result_.p50_ms = browsers_.latencies().at(50);
    result_.p99_ms = browsers_.latencies().at(99);
    result_.put_off = traffic_.put_off();
    result_.held_back = traffic_.held_back();
    result_.tasks = ledger_.tasks();
    result_.published = ledger_.entries().size();
    result_.acknowledged = ledger_.count(Ledger::State::acknowledged);
    result_.refused = ledger_.count(Ledger::State::refused);
    result_.given_up = ledger_.count(Ledger::State::given_up);
    result_.repeated = ledger_.retries();

    const auto published = ledger_.published();
    std::vector<SubscriberLog> listed;
    const bool may_read = plan_.target.stepcast && is_going_well() &&
                          (plan_.target.keeps || result_.kills + result_.terms == 0);
    if (may_read) {
        result_.store_was_read = true;
        listed = read_back(plan_.target, ledger_, browsers_.newest_epoch(), expired_ > 0, result_.tasks_gone);
        result_.store = verify(listed, published, {.in_publishing_order = true});
    }
    const auto logs = browsers_.take_logs();
    result_.streams = verify(
        logs, published, {.coalesced = coalesced_, .in_publishing_order = true, .also_learn_from = listed});
    const auto text = log_text(ledger_, logs);
    result_.log_hash = stable_hash(text);
    if (!plan_.options.keep) return;
    if (std::FILE* file = std::fopen((plan_.folder + "/log.txt").c_str(), "w")) {
        std::fwrite(text.data(), 1, text.size(), file);
        std::fclose(file);
    }
}

}  // namespace stepcast::proof
