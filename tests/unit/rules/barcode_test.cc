#include <gtest/gtest.h>

#include "tests/unit/rules/refusal.h"

namespace dync::rules::barcode_test {
namespace {

std::string found(std::string_view name) {
  const auto barcode = find_barcode(name);
  const auto* text = std::get_if<std::string>(&barcode);
  return text == nullptr ? said(barcode) : *text;
}

TEST(Barcode, TheLastCharacterIsACheck) {
  EXPECT_TRUE(valid_barcode("QQBIC001AH"));
  EXPECT_FALSE(valid_barcode("QQBIC001AA"));
}

TEST(Barcode, ExactlyOneLastCharacterFits) {
  int valid = 0;
  for (const char c : std::string("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    if (valid_barcode(std::string("QTEST001A") + c)) ++valid;
  }
  EXPECT_EQ(valid, 1);
}

TEST(Barcode, TheFormCounts) {
  for (const char* other : {"", "Q", "QQBIC001A", "QQBIC001AHH", "AQBIC001AH", "QQBICX01AH", "QQBIC0011H",
                            "QYBIC001AH", "qqbic001ah", "QQBIC001aH"}) {
    EXPECT_FALSE(valid_barcode(other)) << other;
  }
}

TEST(FindBarcode, InTheStemOfTheName) {
  EXPECT_EQ(found("QQBIC001AH.raw"), "QQBIC001AH");
  EXPECT_EQ(found("run_QQBIC001AH_1.raw"), "QQBIC001AH");
  EXPECT_EQ(found("xQQBIC001AHx.tar.gz"), "QQBIC001AH");
  EXPECT_EQ(found("QQBIC001AH"), "QQBIC001AH");
}

TEST(FindBarcode, TheSameTwiceIsOne) {
  EXPECT_EQ(found("QQBIC001AH_QQBIC001AH.raw"), "QQBIC001AH");
}

TEST(FindBarcode, TheSuffixDoesNotCount) {
  EXPECT_EQ(found("a.QQBIC001AH"),
            "422: the name 'a.QQBIC001AH' has no barcode before its suffix, such as QQBIC001AH; add the "
            "sample's barcode "
            "to it");
}

TEST(FindBarcode, AMistypedOneIsNamed) {
  EXPECT_EQ(found("QQBIC001AA.raw"),
            "422: the name 'QQBIC001AA.raw' has the barcode QQBIC001AA, whose last character should be H; "
            "correct the "
            "mistyped barcode");
}

TEST(FindBarcode, SeveralAreListed) {
  const std::string second = [] {
    for (const char c : std::string("0123456789ABCDEFGHIJKLMNOPQRSTUVWX")) {
      if (valid_barcode(std::string("QQBIC002A") + c)) return std::string("QQBIC002A") + c;
    }
    return std::string();
  }();
  EXPECT_EQ(found("QQBIC001AH_" + second + ".raw"), "422: the name 'QQBIC001AH_" + second +
                                                        ".raw' has several barcodes (QQBIC001AH, " + second +
                                                        "); keep exactly one");
  EXPECT_EQ(found("QQBIC001AH_QQBIC001AA.raw"),
            "422: the name 'QQBIC001AH_QQBIC001AA.raw' has several barcodes (QQBIC001AA, QQBIC001AH); keep "
            "exactly one");
}

}  // namespace
}  // namespace dync::rules::barcode_test
