#include <variant>

#include "ops/admin/commands.h"
#include "ops/admin/options.h"

int main(int argc, char** argv) {
  const auto options = dync::admin::parse_options(argc, argv);
  if (const int* code = std::get_if<int>(&options)) return *code;
  return dync::admin::run_command(std::get<dync::admin::Options>(options));
}
