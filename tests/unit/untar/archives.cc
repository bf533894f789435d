#include "tests/unit/untar/archives.h"

#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <clocale>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "proto/posix/file.h"
#include "proto/posix/process.h"

namespace dync::untar {
namespace {

namespace fs = std::filesystem;

void put(std::string& block, std::size_t at, std::string_view text) {
  block.replace(at, text.size(), text);
}

std::string octal(std::uint64_t value, int digits) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%0*lo", digits, static_cast<unsigned long>(value));
  return text.data();
}

std::string padded(std::string data) {
  data.resize((data.size() + 511) / 512 * 512, '\0');
  return data;
}

std::map<std::string, std::string> tree_of(const fs::path& root) {
  std::map<std::string, std::string> tree;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string path = fs::relative(entry.path(), root);
    if (entry.is_directory()) {
      tree[path + "/"] = "";
    } else {
      std::ifstream file(entry.path(), std::ios::binary);
      tree[path] = std::string(std::istreambuf_iterator<char>(file), {});
    }
  }
  return tree;
}

class Scratch {
 public:
  Scratch() {
    std::string name = fs::temp_directory_path() / "dync-untar-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch directory");
    path_ = name;
  }
  ~Scratch() { fs::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

std::string member(const Raw& raw) {
  std::string block(512, '\0');
  put(block, 0, raw.name);
  put(block, 100, octal(raw.mode, 7));
  put(block, 108, octal(0, 7));
  put(block, 116, octal(0, 7));
  put(block, 124, raw.size.empty() ? octal(raw.data.size(), 11) : raw.size);
  put(block, 136, octal(1'000'000'000, 11));
  put(block, 148, "        ");
  block[156] = raw.type;
  put(block, 157, raw.link);
  put(block, 257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put(block, 148, octal(sum, 6) + '\0' + ' ');
  return block + padded(raw.data);
}

std::string end_mark() {
  return std::string(1024, '\0');
}

std::string tar(const std::vector<Raw>& members) {
  std::string all;
  for (const Raw& raw : members) all += member(raw);
  return all + end_mark();
}

std::string pax(const std::map<std::string, std::string>& records) {
  std::string data;
  for (const auto& [key, value] : records) {
    const std::string rest = " " + key + "=" + value + "\n";
    std::size_t length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length) ++length;
    data += std::to_string(length) + rest;
  }
  return member({.name = "PaxHeaders/x", .type = 'x', .data = data, .link = {}, .size = {}});
}

std::string gzip(std::string_view data) {
  z_stream stream{};
  if (::deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  std::string packed(::deflateBound(&stream, data.size()) + 64, '\0');
  std::string copy(data);
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

std::string tar_by_libarchive(const std::map<std::string, std::string>& files) {
  std::setlocale(LC_CTYPE, "C.UTF-8");  // libarchive converts names
  std::string made(16 << 20, '\0');
  std::size_t used = 0;
  archive* const writer = ::archive_write_new();
  ::archive_write_set_format_pax(writer);
  ::archive_write_open_memory(writer, made.data(), made.size(), &used);
  for (const auto& [path, content] : files) {
    archive_entry* const entry = ::archive_entry_new();
    const bool directory = path.ends_with('/');
    ::archive_entry_set_pathname_utf8(entry, path.c_str());
    ::archive_entry_set_filetype(entry, directory ? AE_IFDIR : AE_IFREG);
    ::archive_entry_set_perm(entry, 0755);
    ::archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    EXPECT_EQ(::archive_write_header(writer, entry), ARCHIVE_OK) << ::archive_error_string(writer);
    ::archive_write_data(writer, content.data(), content.size());
    ::archive_entry_free(entry);
  }
  EXPECT_EQ(::archive_write_close(writer), ARCHIVE_OK);
  ::archive_write_free(writer);
  made.resize(used);
  return made;
}

Result run(const std::string& archive, const Limits& limits) {
  const Scratch scratch;
  const fs::path out = scratch.path() / "out";
  fs::create_directory(out);
  std::ofstream(scratch.path() / "in", std::ios::binary) << archive;
  const auto in = posix::open_file(scratch.path() / "in", O_RDONLY);
  const auto directory = posix::open_directory(out);
  const auto report = posix::open_file(scratch.path() / "report", O_RDWR | O_CREAT | O_EXCL);
  const pid_t child =
      posix::spawn(DYNC_UNTAR,
                   {"dync-untar", "--max-members", std::to_string(limits.max_members), "--max-bytes",
                    std::to_string(limits.max_bytes), "--max-ratio", std::to_string(limits.max_ratio)},
                   {{in.get(), 3}, {directory.get(), 4}, {report.get(), 5}});
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  const posix::Exit exit = posix::exit_of(status);
  return {.code = exit.code,
          .signal = exit.signal,
          .report = posix::read_file(scratch.path() / "report", 65536),
          .tree = tree_of(out)};
}

}  // namespace dync::untar
