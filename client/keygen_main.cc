#include <exception>
#include <iostream>
#include <unistd.h>

#include "client/keygen_options.h"
#include "client/keygen_write.h"
#include "proto/posix/file.h"
#include "proto/service/worker.h"

namespace {

int run(const std::variant<dync::keygen::Make, dync::keygen::Fingerprint, dync::keygen::EarlyExit>& options) {
  using namespace dync;
  if (const auto* early = std::get_if<keygen::EarlyExit>(&options)) {
    posix::write_all(early->code == service::kExitOk ? STDOUT_FILENO : STDERR_FILENO, early->text);
    return early->code;
  }
  const auto* wanted = std::get_if<keygen::Make>(&options);
  const keygen::Outcome outcome =
      wanted != nullptr ? keygen::make(*wanted) : keygen::fingerprint(std::get<keygen::Fingerprint>(options));
  if (!outcome.done) {
    std::cerr << "dync-keygen: " << outcome.text << '\n';
    return service::kExitFailed;
  }
  posix::write_all(STDOUT_FILENO, outcome.text);
  return service::kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(dync::keygen::parse_options(argc, argv, dync::keygen::this_person()));
  } catch (const std::exception& error) {
    std::cerr << "dync-keygen: " << error.what() << '\n';
    return dync::service::kExitFailed;
  }
}
