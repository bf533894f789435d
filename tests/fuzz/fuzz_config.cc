#include "schema/config/config.h"
#include "tests/fuzz/input.h"

// Any text is a configuration, or an Error on one line that begins with the file's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dync;
  try {
    config::parse(fuzz::as_text(data, size), "/f.yaml", "/home");
  } catch (const config::Error& e) {
    const std::string_view what = e.what();
    fuzz::promise(what.starts_with("/f.yaml:"), "an error names the file");
    fuzz::promise(what.find('\n') == std::string_view::npos, "on one line");
  }
  return 0;
}
