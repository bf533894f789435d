#pragma once

#include <string>

#include "client/keygen_options.h"

namespace dync::keygen {

// What to tell: the text for standard output, or the sentence why it was not done.
struct Outcome {
  bool done;
  std::string text;
};

// Makes a pair and writes both files, durably, or none of them. An existing file is never touched.
// Throws posix::Error.
Outcome make(const Make& wanted);

Outcome fingerprint(const Fingerprint& wanted);

}  // namespace dync::keygen
