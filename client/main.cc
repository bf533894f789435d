#include <csignal>
#include <exception>
#include <iostream>
#include <unistd.h>

#include "client/options.h"
#include "client/run.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "proto/service/worker.h"

int main(int argc, char** argv) {
  using namespace dync;
  try {
    std::signal(SIGPIPE, SIG_IGN);
    posix::keep_large_allocations();
    const auto options = client::parse_options(argc, argv);
    if (const auto* early = std::get_if<client::EarlyExit>(&options)) {
      posix::write_all(early->code == service::kExitOk ? STDOUT_FILENO : STDERR_FILENO, early->text);
      return early->code;
    }
    return client::run(std::get<client::Options>(options), STDOUT_FILENO, STDERR_FILENO);
  } catch (const std::exception& error) {
    std::cerr << "dync: " << error.what() << '\n';
    return service::kExitFailed;
  }
}
