#include "schema/rules/demands.h"
#include "schema/rules/rules.h"
#include "tests/fuzz/input.h"

// What comes before the first zero byte is a schema file, the rest metadata: a schema is taken or
// refused with a reason, and metadata is judged by it in bounded time, with a sentence on one line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dync;
  const std::string_view text = fuzz::as_text(data, size);
  const std::size_t end = std::min(text.find('\0'), text.size());
  const std::string_view metadata = text.substr(std::min(end + 1, text.size()));
  try {
    const rules::Demands demands({"sample"},
                                 std::make_shared<rules::Schema>(rules::read_schema(text.substr(0, end))));
    if (std::holds_alternative<wire::Refusal>(rules::parse_metadata(metadata, 65536))) return 0;
    const auto unmet = demands.unmet(metadata);
    if (!unmet) return 0;
    fuzz::promise(unmet->size() < 8192, "a complaint is bounded");
    fuzz::promise(unmet->find('\n') == std::string::npos, "on one line");
  } catch (const rules::SchemaError& error) {
    const std::string_view why = error.what();
    fuzz::promise(!why.empty() && why.size() < 4096, "a refusal of a schema is one sentence");
    fuzz::promise(why.find('\n') == std::string_view::npos, "on one line");
  }
  return 0;
}
