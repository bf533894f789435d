#include "untar/source.h"

#include <gtest/gtest.h>

#include "tests/unit/untar/archives.h"

namespace dync::untar::source_test {
namespace {

std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(BeginsATar, ByItsChecksum) {
  std::string block = member({.name = "a", .data = "", .link = "", .size = ""});
  EXPECT_TRUE(begins_a_tar(bytes(block)));
  block[0] = 'b';
  EXPECT_FALSE(begins_a_tar(bytes(block)));
}

TEST(BeginsATar, ZerosAreAnEmptyOne) {
  EXPECT_TRUE(begins_a_tar(bytes(std::string(512, '\0'))));
}

TEST(BeginsATar, NothingElseIsOne) {
  EXPECT_FALSE(begins_a_tar({}));
  EXPECT_FALSE(begins_a_tar(bytes(std::string(511, '\0'))));
  EXPECT_FALSE(begins_a_tar(bytes(std::string(512, ' '))));
  EXPECT_FALSE(begins_a_tar(bytes(std::string(512, '7'))));
  EXPECT_FALSE(begins_a_tar(bytes(std::string(512, '\xff'))));
}

}  // namespace
}  // namespace dync::untar::source_test
