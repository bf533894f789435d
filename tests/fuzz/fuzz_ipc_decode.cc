#include "proto/ipc/messages.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dync;
  const std::string_view bytes = fuzz::as_text(data, size);
  if (const auto message = ipc::decode(bytes)) {
    fuzz::promise(ipc::encode(*message) == bytes, "a message has one form");
  }
  return 0;
}
