#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Reads proto/README.md: its fenced examples and its tables.
namespace dync::wire::tests {

struct ExampleFrame {
  std::string bytes;
  std::string note;  // what the page says it is: "u32 credit = 16"
};

// A block ```frames client|server: a frame is one or more lines of hex, the last of them with "  # note".
struct Example {
  int line = 0;  // of the page
  std::string side;
  std::vector<ExampleFrame> frames;
};

// The cells of a table, without backquotes; the first row is the head.
using Table = std::vector<std::vector<std::string>>;

class Document {
 public:
  explicit Document(std::string text);

  const std::vector<Example>& examples() const noexcept { return examples_; }
  // The one table whose head begins with these cells; an empty one if there is none.
  Table table(const std::vector<std::string>& head) const;
  // All that is neither in a table nor in a fenced block.
  const std::string& prose() const noexcept { return prose_; }

 private:
  void take_fenced(const std::vector<std::string>& lines, std::size_t& at);

  std::vector<Example> examples_;
  std::vector<Table> tables_;
  std::string prose_;
};

// Throws std::runtime_error if there is none.
Document read_document(const char* path);

// Nothing if the text is no hex.
std::optional<std::string> bytes_of_hex(std::string_view hex);

}  // namespace dync::wire::tests
