// The numbers of proto/README.md against schema/limits and the settings' defaults.
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <set>

#include "proto/wire/parse.h"
#include "schema/config/parameters.h"
#include "schema/limits/limits.h"
#include "tests/unit/wire/document.h"

namespace dync::wire {
namespace {

using limits::kKiB;
using limits::kMiB;
using std::chrono::milliseconds;
using tests::Document;
using tests::Table;

// ---- a number as the page writes it ----

std::string time(milliseconds value) {
  return value.count() % 1000 == 0 ? std::to_string(value.count() / 1000) + " s"
                                   : std::to_string(value.count()) + " ms";
}
std::string bytes(std::uint64_t value) {
  if (value % kMiB == 0) return std::to_string(value / kMiB) + " MiB";
  if (value % kKiB == 0) return std::to_string(value / kKiB) + " KiB";
  return std::to_string(value) + " bytes";
}
std::string chunks(std::uint64_t value) {
  return std::to_string(value) + " chunks";
}

std::string setting(std::string_view key) {
  constexpr std::uint64_t kDay = 86400;
  for (const config::Parameter& parameter : config::parameters()) {
    if (parameter.key != key) continue;
    const std::uint64_t value = parameter.fallback.value();
    if (parameter.unit == config::Unit::bytes) return bytes(value);
    if (parameter.unit == config::Unit::chunks) return chunks(value);
    if (value % kDay == 0) return std::to_string(value / kDay) + " days";
    return std::to_string(value) + " s";
  }
  ADD_FAILURE() << "no such setting: " << key;
  return "";
}

std::map<std::string, std::string> times_of_the_code() {
  using namespace limits;
  return {{"heartbeat interval", time(kServerHeartbeat)},
          {"heartbeat time to live", time(kServerHeartbeatTtl)},
          {"heartbeat timeout of the server", time(kServerHeartbeatTimeout)},
          {"heartbeat timeout of the client", time(kClientHeartbeatTimeout)},
          {"handshake", time(kHandshake)},
          {"query after silence", time(kQueryAfter)},
          {"sign of life while the source waits", time(kIdleQuery)},
          {"first pause before another post-file", time(kRetryFirst)},
          {"longest pause before another post-file", time(kRetryMost)},
          {"answer to post-file, else 503", time(kCommitterSilence)},
          {"pause between reports of one position", time(kReportPause)},
          {"pause between repeated answers", time(kRepeatPause)},
          {"answers are repeated for", time(kAnswerKept)},
          {"silence after which no credit is given", time(kSilentShare)},
          {"silence after which our session ends", time(kOurSilence)},
          {"gone after which our session ends", time(kOurGone)},
          {"silence after which an original can be taken over", time(kOriginalSilence)},
          {"the same, if it may still send", time(kOriginalSilenceWithCredit)},
          {"gone after which an original can be taken over", time(kOriginalGone)}};
}

std::map<std::string, std::string> sizes_of_the_code() {
  using namespace limits;
  return {{"port", std::to_string(kDefaultPort)},
          {"queries without an answer", std::to_string(kQueryTries)},
          {"metadata levels", std::to_string(kMaxMetadataDepth)},
          {"file name", bytes(kMaxName)},
          {"routing id", bytes(kMaxRoutingId)},
          {"frame above the largest chunk", bytes(kFrameOverhead)},
          {"options frame", bytes(kMaxOptions)},
          {"chunksize of an original", bytes(kOriginalChunk)},
          {"maxqueue of an original", chunks(kOriginalQueue)},
          {"reserve of an original", chunks(kOriginalReserve)},
          {"window at first", bytes(kFirstWindow)},
          {"window at most", bytes(kWindow)}};
}

std::map<std::string, std::string> numbers_of_the_code() {
  auto numbers = times_of_the_code();
  numbers.merge(sizes_of_the_code());
  for (const char* key : {"limits.idle_timeout", "limits.partial_ttl", "limits.max_metadata",
                          "flow.chunk_size", "flow.max_queue"})
    numbers[key] = setting(key);
  return numbers;
}

TEST(Specification, TheTableOfNumbersIsTheCodes) {
  std::map<std::string, std::string> written;
  const Table table = tests::read_document(DYNC_SPECIFICATION).table({"limit", "value"});
  for (std::size_t i = 1; i < table.size(); ++i) written[table[i][0]] = table[i][1];
  EXPECT_EQ(written, numbers_of_the_code());
  EXPECT_EQ(limits::kClientHeartbeat, limits::kServerHeartbeat) << "the table has one row for both";
}

// Whatever has a unit, anywhere in the text or in another table, must be a number of the table.
std::set<std::string> quantities(const std::string& text) {
  static const std::regex pattern(R"(\b[0-9]+ (s|ms|days|KiB|MiB|chunks|bytes)\b)");
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
    found.insert(at->str());
  return found;
}

TEST(Specification, NumbersInTheTextAreThoseOfTheTable) {
  const Document page = tests::read_document(DYNC_SPECIFICATION);
  std::string text = page.prose();
  for (const auto& head : {"situation", "word", "code", "what comes in receiving", "message"})
    for (const auto& row : page.table({head}))
      for (const auto& cell : row) text += cell + "\n";
  std::set<std::string> known{"32 bytes", "11 bytes"};  // of a key, and of the example's file
  for (const auto& [name, value] : numbers_of_the_code()) known.insert(value);
  EXPECT_GT(quantities(text).size(), 10U);
  for (const std::string& quantity : quantities(text)) EXPECT_TRUE(known.contains(quantity)) << quantity;
}

}  // namespace
}  // namespace dync::wire
