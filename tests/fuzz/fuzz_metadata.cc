#include "schema/rules/rules.h"
#include "tests/fuzz/input.h"

// Whatever a client sends as metadata is read, or refused with a sentence on one line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dync;
  const auto read = rules::parse_metadata(fuzz::as_text(data, size), 65536);
  const auto* refusal = std::get_if<wire::Refusal>(&read);
  if (refusal == nullptr) return 0;
  fuzz::promise(!refusal->sentence.empty() && refusal->sentence.size() < 300, "a refusal is one sentence");
  fuzz::promise(refusal->sentence.find('\n') == std::string::npos, "on one line");
  return 0;
}
