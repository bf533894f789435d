#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <sys/mman.h>

#include "tests/unit/session_pair/world.h"

// Thousands of seeds, each with clients of both kinds whose messages get lost, late and repeated.
//   DYNC_SEEDS=N   how many seeds, from 0 on
//   DYNC_SEED=N    only this one, and everything that happens in it
namespace dync::pair {
namespace {

constexpr std::uint64_t kSeeds = 3000;
constexpr std::uint64_t kSeedsForAll = 3000;
constexpr int kEnough = 5;  // failures are alike

// Where so many seeds must lead, or the test says less than it seems to.
constexpr const char* kSituations[] = {"a receiver started",
                                       "a gap",
                                       "nudged",
                                       "taken over",
                                       "an original taken over",
                                       "handed over complete",
                                       "a post-file waited for another upload",
                                       "resumed on the same connection",
                                       "resumed on another connection",
                                       "error 404",
                                       "error 408",
                                       "error 409",
                                       "error 503"};

std::optional<std::uint64_t> given(const char* name) {
  const char* value = std::getenv(name);
  return value ? std::optional(std::stoull(value)) : std::nullopt;
}

// Addresses without memory behind them.
class Addresses {
 public:
  Addresses()
      : at_(::mmap(nullptr, kMemory, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  Addresses(const Addresses&) = delete;
  Addresses& operator=(const Addresses&) = delete;
  ~Addresses() { ::munmap(at_, kMemory); }
  const std::byte* begin() const { return at_ == MAP_FAILED ? nullptr : static_cast<const std::byte*>(at_); }

 private:
  void* at_;
};

TEST(SessionPair, EveryUploadOfAClientThatLivesEndsStored) {
  const Addresses memory;
  ASSERT_NE(memory.begin(), nullptr);
  if (const auto only = given("DYNC_SEED")) {
    EXPECT_EQ(run_world(*only, memory.begin(), true).problem, "");
    return;
  }
  int failures = 0;
  std::map<std::string, int> happened;
  const std::uint64_t seeds = given("DYNC_SEEDS").value_or(kSeeds);
  for (std::uint64_t seed = 0; seed < seeds && failures < kEnough; ++seed) {
    const Result result = run_world(seed, memory.begin(), false);
    for (const auto& [what, times] : result.happened) happened[what] += times;
    if (result.problem.empty()) continue;
    ++failures;
    ADD_FAILURE() << "seed " << seed << ": " << result.problem << "\n  run it alone: DYNC_SEED=" << seed;
  }
  if (seeds < kSeedsForAll) return;
  for (const char* what : kSituations) EXPECT_GT(happened[what], 0) << what << " has not happened";
}

}  // namespace
}  // namespace dync::pair
