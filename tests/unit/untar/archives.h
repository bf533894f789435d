#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/posix/fd.h"
#include "untar/census.h"

// Archives made byte by byte, and the real dync-untar run over them as the supervisor does.
namespace dync::untar {

// One ustar header, with a right checksum, and the data padded.
struct Raw {
  std::string name;
  char type = '0';
  std::string data;
  std::string link;
  std::uint32_t mode = 0644;
  std::string size;  // the size field as written; empty: that of the data
};
std::string member(const Raw& raw);
std::string end_mark();                                              // two blocks of zeros
std::string tar(const std::vector<Raw>& members);                    // with its end mark
std::string pax(const std::map<std::string, std::string>& records);  // an extended header for the next member
std::string gzip(std::string_view data);
// By libarchive's writer, in PAX format.
std::string tar_by_libarchive(const std::map<std::string, std::string>& files);

// The result of one run.
struct Result {
  int code = -1;
  int signal = 0;
  std::string report;
  std::map<std::string, std::string> tree;  // path to content; a directory's ends in / and has none
};
Result run(const std::string& archive, const Limits& limits = {10, 1U << 30U, 200});

}  // namespace dync::untar
