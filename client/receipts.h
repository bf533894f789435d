#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What the client says on standard output about each file.
namespace dync::client {

struct ReceiptLine {
  std::string file;         // as given on the command line, "-" for standard input
  std::string name;         // on the server
  bool checkable = true;    // `file` exists here for sha256sum -c
  std::string upload_id;    // empty if the server never told it
  std::uint64_t size = 0;   // bytes sent
  std::string sha256;       // hex, empty if not known
  std::string destination;  // empty from an original
  std::string committed_at;
  double seconds = 0;
  std::uint32_t attempts = 0;
  std::string error;       // empty: stored
  std::uint32_t code = 0;  // the server's, 0 if it sent none
};

// `SHA256  NAME` as GNU sha256sum writes it: a name with a backslash, a newline or a carriage return is
// escaped and the line begins with a backslash. Where there is no file to check: `# SHA256  NAME`.
std::string checksum_line(const ReceiptLine& receipt);

// One JSON object on one line. What is not known is null.
std::string json_line(const ReceiptLine& receipt);

// Writes all of `text`, or throws posix::Error: a receipt that nobody got is no success.
void write_out(int fd, std::string_view text);

}  // namespace dync::client
