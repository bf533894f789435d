#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dync;
  fuzz::check_wire<wire::ClientMessage>(fuzz::as_frames(data, size), &wire::decode_client);
  return 0;
}
