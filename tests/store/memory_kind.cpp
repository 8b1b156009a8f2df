#include "store/memory/memory_store.hpp"
#include "store/model_run.hpp"

namespace stepcast::store::test {
namespace {

const auto memory_kinds =
    ::testing::Values(StoreKind{"memory", [](aio::Strand, Limits limits, const Clock& clock) {
                                    return std::make_unique<MemoryStore>(limits, clock);
                                }});
const auto name_of_memory = [](const auto& kind) { return kind.param.name; };

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, StoreTest, memory_kinds, name_of_memory);
INSTANTIATE_TEST_SUITE_P(Memory, StoreModelTest, memory_kinds, name_of_memory);

}  // namespace stepcast::store::test
