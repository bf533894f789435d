#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/wire/messages.h"
#include "schema/config/config.h"

// What may be stored, and where: names, metadata, dropboxes, barcodes. Pure; a refusal carries the code and
// the sentence that the client gets.
namespace dync::rules {

using wire::Refusal;

// The name as sent: 400 with directory parts, a leading dot, control characters, bad UTF-8, bidi overrides,
// more than kMaxName bytes, or one of our own names.
std::optional<Refusal> check_name(std::string_view name);

// The name in the dropbox: the stem keeps A-Za-z0-9_. without leading dots. 400 if nothing is left of it, or
// the suffix has any other character.
std::variant<std::string, Refusal> clean_name(std::string_view name);
// Whether `name` is clean as it is (the top-level entry of an archive must be).
bool is_clean(std::string_view name);

// The barcode: exactly one distinct, valid one in the stem.
bool valid_barcode(std::string_view barcode);
std::variant<std::string, Refusal> find_barcode(std::string_view name);

// The metadata's keys that dync itself understands.
struct Metadata {
  bool untar = false;  // true, or "True": `-k` sends texts
  std::optional<std::string> passthrough;
};
// 400: no JSON object, bad UTF-8, a key twice, deeper than kMaxMetadataDepth, NaN. 413: above `max_bytes`.
std::variant<Metadata, Refusal> parse_metadata(std::string_view json, std::size_t max_bytes);

// Who may read a data set, as its dropbox says it; what is absent stays as umask and process have it.
struct Access {
  std::optional<mode_t> mode;  // of directories; files get it without x
  std::optional<gid_t> group;
  bool operator==(const Access&) const = default;
};

// Where an upload goes: an accepted post-file.
struct Destination {
  config::Path directory;  // the dropbox, or MANUAL/WORD
  Access access;
  std::optional<config::Path> staging;  // the dropbox's own
  std::string clean_name;
  bool untar = false;
  bool passthrough = false;
};

// The compiled rules of one configuration.
class Rules {
 public:
  // `config` with all that it names, read. Throws config::Error for a bad regexp or schema.
  explicit Rules(const config::Config& config);
  Rules(Rules&&) noexcept;
  Rules& operator=(Rules&&) noexcept;
  ~Rules();

  // All checks of a post-file in order: name, metadata, dropbox, barcode, what the dropbox demands of the
  // metadata. Passthrough goes around the last three.
  std::variant<Destination, Refusal> judge(std::string_view user, std::string_view name,
                                           std::string_view metadata) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dync::rules
