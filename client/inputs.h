#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "client/source.h"
#include "client/state_text.h"

// What can be sent: a regular file, or a stream.
namespace dync::client {

struct OpenedFile {
  std::unique_ptr<Input> input;
  FileIdentity identity;
};

// Opens a file to send. A directory, a FIFO and the like are refused by a sentence that says what to do
// instead. The input reads exactly the file's bytes and throws once the file's size or time differs.
std::variant<OpenedFile, SourceProblem> open_input(const std::string& path);

// Standard input or another stream; `fd` stays the caller's.
std::unique_ptr<Input> stream_input(int fd);

}  // namespace dync::client
