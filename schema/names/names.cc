#include "schema/names/names.h"

#include <algorithm>

namespace dync::names {
namespace {

constexpr std::string_view kMarkerPrefix = ".MARKER_is_finished_";
constexpr std::string_view kStampHead = "dync staging 1\nledger ";
constexpr std::string_view kStampUpload = "\nupload ";
constexpr std::size_t kHexDigits = 2 * Id::kBytes;

std::string join(std::string_view a, std::string_view b) {
  return std::string(a).append(b);
}

}  // namespace

Path staging_dir(const Path& tmp_dir, const Id& upload) {
  return tmp_dir / upload.hex();
}

std::optional<Id> staged_upload(std::string_view directory_name) {
  return Id::from_hex(directory_name);
}

namespace {

std::string making_of(const Id& ledger) {
  return ".making-" + ledger.hex() + "-";
}

}  // namespace

std::string in_the_making(const Stamp& stamp) {
  return making_of(stamp.ledger) + stamp.upload.hex();
}

bool is_in_the_making(std::string_view directory_name, const Id& ledger) {
  const std::string start = making_of(ledger);
  return directory_name.starts_with(start) && Id::from_hex(directory_name.substr(start.size()));
}

std::string format_stamp(const Stamp& stamp) {
  return join(kStampHead, stamp.ledger.hex()) + join(kStampUpload, stamp.upload.hex()) + "\n";
}

std::optional<Stamp> parse_stamp(std::string_view text) {
  const std::size_t upload_at = kStampHead.size() + kHexDigits + kStampUpload.size();
  if (text.size() != upload_at + kHexDigits + 1) return std::nullopt;
  const auto ledger = Id::from_hex(text.substr(kStampHead.size(), kHexDigits));
  const auto upload = Id::from_hex(text.substr(upload_at, kHexDigits));
  if (!ledger || !upload) return std::nullopt;
  const Stamp stamp{*ledger, *upload};
  if (text != format_stamp(stamp)) return std::nullopt;
  return stamp;
}

std::string marker(std::string_view item) {
  return join(kMarkerPrefix, item);
}

bool looks_like_marker(std::string_view name) {
  constexpr std::string_view kAnyMarker = ".marker";
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return name.size() >= kAnyMarker.size() &&
         std::equal(kAnyMarker.begin(), kAnyMarker.end(), name.begin(),
                    [&](char wanted, char c) { return wanted == lower(c); });
}

std::string checksum_sidecar(std::string_view item) {
  return join(item, ".sha256sum");
}

std::string original_name_sidecar(std::string_view item) {
  return join(item, ".origlabfilename");
}

std::string metadata_sidecar(std::string_view item) {
  return join(item, ".metadata.json");
}

Path ledger_lock(const Path& ledger) {
  return ledger.native() + ".lock";
}

Path ledger_wal(const Path& ledger) {
  return ledger.native() + "-wal";
}

Path run_file(const Path& ledger) {
  return ledger.native() + ".run";
}

Path marks_file(const Path& ledger) {
  return ledger.native() + ".marks";
}

Path committer_socket(const Path& runtime_dir) {
  return runtime_dir / "committer.sock";
}

Path admin_socket(const Path& runtime_dir) {
  return runtime_dir / "admin.sock";
}

Path hasher_socket(const Path& runtime_dir, int hasher) {
  return runtime_dir / join("hasher-", std::to_string(hasher)).append(".sock");
}

std::string ipc_endpoint(const Path& socket) {
  return join("ipc://", socket.native());
}

// A host is the user's word: it must not lead out of the directory.
Path known_server(const Path& dot_dir, std::string_view host, int port) {
  std::string file(host);
  std::replace(file.begin(), file.end(), '/', '_');
  return dot_dir / kKnownServers / (file + "_" + std::to_string(port) + kPublicSuffix);
}

bool is_state_file(std::string_view name) {
  constexpr std::size_t kDigestDigits = 64;
  if (name.ends_with(kNewSuffix)) name.remove_suffix(std::string_view(kNewSuffix).size());
  return name.size() == kDigestDigits && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace dync::names
