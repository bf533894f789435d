#pragma once

#include <string>

#include "untar/census.h"

namespace dync::untar {

struct Outcome {
  int exit_code;         // schema/limits/untar_exit.h
  std::string sentence;  // why, unless it was extracted
};

// Unpacks the archive at `archive` into the empty directory at `directory`, durably. Unless it returns
// kExtracted, the directory is empty again. Knows neither's path.
Outcome extract(int archive, int directory, const Limits& limits);

}  // namespace dync::untar
