#include "proto/keys/certificate.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dync;
  const auto result = keys::parse_certificate(fuzz::as_text(data, size));
  if (const auto* problem = std::get_if<keys::Problem>(&result)) {
    fuzz::promise(!problem->sentence.empty() && problem->sentence.size() < 200, "a problem is one sentence");
    return 0;
  }
  const auto& read = std::get<keys::Certificate>(result);
  fuzz::promise(read.user_id.empty() || keys::valid_user_id(read.user_id), "a user id is valid or absent");
  const auto again = keys::parse_certificate(read.secret_key.empty() ? keys::format_public(read, "now")
                                                                     : keys::format_secret(read, "now"));
  fuzz::promise(std::holds_alternative<keys::Certificate>(again), "what is written can be read");
  const auto& back = std::get<keys::Certificate>(again);
  fuzz::promise(back.user_id == read.user_id && back.public_key == read.public_key &&
                    back.secret_key == read.secret_key && keys::fingerprint(back) == keys::fingerprint(read),
                "and is the same certificate");
  return 0;
}
