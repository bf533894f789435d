#include "untar/census.h"

#include <algorithm>
#include <wctype.h>

#include "schema/names/text.h"
#include "schema/rules/rules.h"
#include "untar/refused.h"

namespace dync::untar {
namespace {

using names::quote;

constexpr std::size_t kMostPath = 4000;  // below PATH_MAX, with room for what it is relative to
constexpr std::size_t kMostName = 255;   // NAME_MAX
constexpr std::size_t kMostDepth = 64;

void append(std::string& text, char32_t c) {
  for (int shift = 0; shift < 32; shift += 8) text += static_cast<char>((c >> shift) & 0xffU);
}

void check_characters(std::string_view path) {
  for (std::size_t at = 0; at < path.size();) {
    const auto [c, length] = names::code_point_at(path, at);
    if (length == 0) throw Refused("the member " + quote(path) + " has a name that is not UTF-8; rename it");
    if (names::is_deceptive(c)) {
      throw Refused("the member " + quote(path) +
                    " has a control character or one that turns text in its name; rename it");
    }
    at += length;
  }
}

void check_part(std::string_view part, std::string_view path) {
  if (part == "..") throw Refused("the member " + quote(path) + " has `..` in its path; archive it without");
  if (part.empty() || part == ".") {
    throw Refused("the member " + quote(path) +
                  " has an empty part or `.` in its path; archive it by a plain path");
  }
  if (part.size() > kMostName) {
    throw Refused("the member " + quote(path) + " has a name of " + std::to_string(part.size()) +
                  " bytes; shorten it to " + std::to_string(kMostName) + " at most");
  }
}

void check_type(const Entry& entry) {
  if (entry.type == Entry::Type::link) {
    throw Refused("the member " + quote(entry.path) +
                  " is a link; archive the file itself (tar -h --hard-dereference)");
  }
  if (entry.type == Entry::Type::other) {
    throw Refused("the member " + quote(entry.path) + " is neither a file nor a directory; leave it out");
  }
  if (entry.sparse) {
    throw Refused("the member " + quote(entry.path) +
                  " is stored as a sparse file; archive it without tar's -S");
  }
  if (!entry.size) throw Refused("the member " + quote(entry.path) + " has no size; make the archive again");
  if (entry.type == Entry::Type::directory && *entry.size != 0) {
    throw Refused("the directory " + quote(entry.path) + " has data of its own; make the archive again");
  }
}

std::string joined(const std::vector<std::string>& parts, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) path += (i == 0 ? "" : "/") + parts[i];
  return path;
}

}  // namespace

std::vector<std::string> split_path(std::string_view path) {
  const std::string_view whole = path;
  if (path.size() > kMostPath)
    throw Refused("the member " + quote(whole) + " has too long a path; shorten it");
  check_characters(whole);
  if (path.starts_with('/')) {
    throw Refused("the member " + quote(whole) + " has an absolute path; archive it without the leading /");
  }
  while (path.starts_with("./")) path.remove_prefix(2);
  if (path.ends_with('/')) path.remove_suffix(1);
  std::vector<std::string> parts;
  for (bool more = true; more;) {
    const std::size_t slash = path.find('/');
    more = slash != std::string_view::npos;
    check_part(path.substr(0, slash), whole);
    parts.emplace_back(path.substr(0, slash));
    if (more) path.remove_prefix(slash + 1);
  }
  if (parts.size() > kMostDepth)
    throw Refused("the member " + quote(whole) + " lies too deep; flatten the tree");
  return parts;
}

Census::Census(const Limits& limits) : limits_(limits) {
  const locale_t unicode = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (unicode == nullptr) throw std::runtime_error("the locale C.UTF-8 is missing");
  unicode_ = std::shared_ptr<__locale_struct>(unicode, ::freelocale);
}

Accepted Census::admit(const Entry& entry) {
  if (++members_ > limits_.max_members) {
    throw Refused(
        "the archive has more than " + std::to_string(limits_.max_members) +
        " members, where directories and the top-level one count too; send fewer, or without untar");
  }
  const std::vector<std::string> parts = split_path(entry.path);
  check_type(entry);
  check_top(parts.front());
  if (*entry.size > limits_.max_bytes || bytes_ > limits_.max_bytes - *entry.size) {
    throw Refused("the archive's files are larger than " + std::to_string(limits_.max_bytes) +
                  " bytes in all; send fewer, or without untar");
  }
  bytes_ += *entry.size;
  Accepted accepted;
  add_parents(parts, accepted);
  add_listed(joined(parts, parts.size()), entry.type == Entry::Type::directory, accepted);
  return accepted;
}

void Census::finish() const {
  if (members_ == 0) throw Refused("the archive is empty; put one file or one directory into it");
}

void Census::check_top(const std::string& top) {
  if (top_.empty()) {
    if (!rules::is_clean(top)) {
      throw Refused("the archive's top-level entry " + quote(top) +
                    " is not a clean name; name it with A-Z, a-z, 0-9, _ and ., without a leading dot");
    }
    top_ = top;
  }
  if (top == top_) return;
  throw Refused("the archive has several top-level entries, such as " + quote(top_) + " and " + quote(top) +
                "; put everything into one directory");
}

void Census::add_parents(const std::vector<std::string>& parts, Accepted& accepted) {
  for (std::size_t count = 1; count < parts.size(); ++count) {
    const std::string path = joined(parts, count);
    const auto [at, is_new] = known_.try_emplace(folded(path), Known{path, true, false});
    if (is_new) accepted.directories.push_back(path);
    if (at->second.directory && at->second.path == path) continue;
    throw Refused("the members " + quote(at->second.path) + " and " + quote(path) +
                  "/… stand in each other's way; rename one of them");
  }
}

void Census::add_listed(const std::string& path, bool directory, Accepted& accepted) {
  const auto [at, is_new] = known_.try_emplace(folded(path), Known{path, directory, true});
  Known& known = at->second;
  const bool only_a_parent = !known.listed && directory && known.path == path;
  if (!is_new && !only_a_parent) {
    throw Refused("the member " + quote(path) + " is in the archive twice, letter case aside (" +
                  quote(known.path) + "); keep one of them");
  }
  known.listed = true;
  if (directory && is_new) accepted.directories.push_back(path);
  if (!directory) accepted.file = path;
}

std::string Census::folded(std::string_view path) const {
  std::string folded;
  for (std::size_t at = 0; at < path.size();) {
    const auto [c, length] = names::code_point_at(path, at);
    const wint_t upper = ::towupper_l(static_cast<wint_t>(c), unicode_.get());
    append(folded, static_cast<char32_t>(::towlower_l(upper, unicode_.get())));
    at += std::max<std::size_t>(length, 1);
  }
  return folded;
}

}  // namespace dync::untar
