#include <variant>

#include "ops/server/commands.h"
#include "ops/server/options.h"

int main(int argc, char** argv) {
  const auto options = dync::server::parse_options(argc, argv);
  if (const int* code = std::get_if<int>(&options)) return *code;
  return dync::server::run_command(std::get<dync::server::Options>(options));
}
