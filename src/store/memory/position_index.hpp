#pragma once
#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "event/event.hpp"
#include "store/memory/blocks.hpp"

namespace stepcast::store {

/// The event at every position, empty where it expired, marked where its bytes have left memory. The events
/// belong to their streams.
class PositionIndex {
  public:
    event::Position head() const { return head_; }
    /// Bytes beyond the first block: one that holds a single event takes as much as a full one.
    std::uint64_t memory() const { return held_ <= 1 ? 0 : (held_ - 1) * sizeof(Block); }

    /// `event` has the position head() + 1.
    void add(const event::Event* event) {
        if (head_ % block_size == 0) blocks_.push_back(make());
        auto& block = *blocks_.back();
        block.events[head_ % block_size] = event;
        ++block.live;
        ++head_;
    }

    /// The event at head() + 1, whose bytes are not in memory.
    void add_away() {
        add(away());
        let_go(head_);
    }

    /// Leaves a hole: the next event has the position `head` + 1. `head` is not below head().
    void skip_to(event::Position head) {
        if (head == head_) return;
        if (!blocks_.empty() && blocks_.back()->live == 0) drop(blocks_.back());
        if (blocks_.empty()) first_block_ = head / block_size;
        const auto blocks = (head + block_size - 1) / block_size - first_block_;
        const bool opens = blocks > blocks_.size() && head % block_size != 0;
        blocks_.resize(std::max<std::size_t>(blocks_.size(), blocks));
        if (blocks_.empty() ? false : opens || blocks_.back() == nullptr)
            if (head % block_size != 0) {
                drop(blocks_.back());
                blocks_.back() = make();
            }
        head_ = head;
    }

    /// Null also where the event's bytes are away.
    const event::Event* at(event::Position position) const {
        const auto* found = entry(position);
        return found == away() ? nullptr : found;
    }
    /// Whether there is an event, here or away.
    bool holds(event::Position position) const { return entry(position) != nullptr; }

    /// The bytes of the event at `position` leave memory. Positions of a block that are all away take
    /// nothing.
    void let_go(event::Position position) {
        Block* block = block_of(position);
        block->events[(position - 1) % block_size] = away();
        if (++block->away != block_size) return;
        auto& place = blocks_[(position - 1) / block_size - first_block_];
        drop(place);
        place.reset(&all_away());
    }

    void remove(event::Position position) {
        Block* block = block_of(position);
        if (block == nullptr) return;
        auto& place = blocks_[(position - 1) / block_size - first_block_];
        if (block == &all_away()) {
            place = make();
            *place = *block;
            block = place.get();
        }
        auto& removed = block->events[(position - 1) % block_size];
        if (removed == away()) --block->away;
        removed = nullptr;
        if (--block->live != 0 || position > head_ - head_ % block_size) return;
        drop(place);
        while (!blocks_.empty() && blocks_.front() == nullptr) {
            blocks_.pop_front();
            ++first_block_;
        }
    }

    /// The lowest position from `from` up to `to` that has an event; 0 if there is none. Looks at no more
    /// than `budget` places, takes them from it, and on running out leaves in `from` the first place not
    /// looked at.
    event::Position next(event::Position& from, event::Position to, std::size_t& budget) const {
        to = std::min(to, head_);
        while (from <= to && budget != 0) {
            const Block* block = block_of(from);
            --budget;
            if (block == nullptr) {
                const auto number = std::max((from - 1) / block_size + 1, first_block_);
                from = number * block_size + 1;
            } else if (block->events[(from - 1) % block_size] != nullptr) {
                return from;
            } else {
                ++from;
            }
        }
        return 0;
    }

  private:
    static constexpr std::size_t block_size = 511;
    struct Block {
        std::array<const event::Event*, block_size> events{};
        std::uint32_t live = 0;
        std::uint32_t away = 0;  // of them
    };
    static_assert(sizeof(Block) == 4096, "as much as it takes of the heap");

    // The mark of an event whose bytes are away: no event has an odd address.
    static const event::Event* away() { return reinterpret_cast<const event::Event*>(std::uintptr_t{1}); }
    // Stands for every block whose events are all away. Nobody writes to it.
    static Block& all_away() {
        static Block block = [] {
            Block full;
            full.events.fill(away());
            full.live = full.away = block_size;
            return full;
        }();
        return block;
    }
    struct Free {
        void operator()(Block* block) const {
            if (block != &all_away()) delete block;
        }
    };
    using BlockPtr = std::unique_ptr<Block, Free>;

    const event::Event* entry(event::Position position) const {
        const Block* block = block_of(position);
        return block == nullptr ? nullptr : block->events[(position - 1) % block_size];
    }

    Block* block_of(event::Position position) const {
        const auto number = (position - 1) / block_size;
        if (number < first_block_ || number - first_block_ >= blocks_.size()) return nullptr;
        return blocks_[number - first_block_].get();
    }

    BlockPtr make() {
        ++held_;
        return BlockPtr{new Block};
    }
    void drop(BlockPtr& block) {
        if (block != nullptr && block.get() != &all_away()) --held_;
        block.reset();
    }

    std::uint64_t held_ = 0;         // blocks that are there
    std::deque<BlockPtr> blocks_;    // a block whose events have all expired is empty
    std::uint64_t first_block_ = 0;  // number of blocks_[0]; those before are gone
    event::Position head_ = 0;
};

/// The positions of one subject's events, in order. Expired ones stay until their block is half empty.
class PositionList {
  public:
    bool empty() const { return blocks_.empty(); }

    void add(event::Position position) {
        if (blocks_.empty() || blocks_.back().positions.size() == block_size) blocks_.emplace_back();
        auto& [positions, live] = blocks_.back();
        if (positions.size() == positions.capacity())
            positions.reserve(std::min(block_size, positions.capacity() + positions.capacity() / 2 + 4));
        positions.push_back(position);
        ++live;
    }

    /// `all` has already lost the position.
    void remove(event::Position position, const PositionIndex& all) {
        const auto block = block_with(position);
        if (block == blocks_.end()) return;
        if (--block->live == 0) {
            blocks_.erase(block);
        } else if (block->live * 2 < block->positions.size()) {
            std::erase_if(block->positions, [&](event::Position p) { return !all.holds(p); });
        }
    }

    /// Calls `visit(position)` from `from` on, expired ones included, until it returns false.
    template <class Visit>
    void visit_from(event::Position from, Visit visit) const {
        for (auto block = block_with(from); block != blocks_.end(); ++block) {
            const auto& positions = block->positions;
            for (auto p = std::lower_bound(positions.begin(), positions.end(), from); p != positions.end();
                 ++p)
                if (!visit(*p)) return;
        }
    }

  private:
    static constexpr std::size_t block_size = 512;
    struct Block {
        std::vector<event::Position> positions;
        std::uint32_t live = 0;
    };
    using List = boost::container::small_vector<Block, 1>;

    // The first block that ends at or behind the position.
    List::const_iterator block_with(event::Position position) const {
        return std::lower_bound(blocks_.begin(), blocks_.end(), position,
                                [](const Block& b, event::Position p) { return b.positions.back() < p; });
    }
    List::iterator block_with(event::Position position) {
        return blocks_.begin() + (std::as_const(*this).block_with(position) - blocks_.cbegin());
    }

    List blocks_;
};

}  // namespace stepcast::store
