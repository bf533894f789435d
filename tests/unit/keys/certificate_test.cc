#include "proto/keys/certificate.h"

#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/stat.h>
#include <vector>

#include "tests/unit/keys/files.h"
#include "tests/unit/temporary_directory.h"

namespace dync::keys {
namespace {

using dync::tests::TemporaryDirectory;
using testing::HasSubstr;
using tests::problem;

// A pair that pyzmq made. The public key has a # and a {, which must not be read as anything else.
constexpr char kPublic[] = "rS[{#{lB58f0EtHacoJ<ENVzL7%}A#p+^Z%+bGL@";
constexpr char kSecret[] = "*m^<F]N8BY159@{Lk-+fHtl31?%W(6J{vUs9@d]x";

Certificate good(std::string_view text) {
  auto result = parse_certificate(text);
  EXPECT_EQ(problem(result), "(good)") << text;
  return std::holds_alternative<Certificate>(result) ? std::get<Certificate>(result) : Certificate{};
}

std::string refused(std::string_view text) {
  return problem(parse_certificate(text));
}

std::string curve(const std::string& lines) {
  return "metadata\ncurve\n" + lines;
}
std::string with_key(const std::string& lines) {
  return curve(lines + "    public-key = \"" + std::string(kPublic) + "\"\n");
}

TEST(Certificate, AsPyzmqWritesIt) {
  const std::string text =
      "#   ****  Generated on 2026-11-22 21:23:22.269052 by pyzmq  ****\n"
      "#   ZeroMQ CURVE **Secret** Certificate\n"
      "#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.\n"
      "\n"
      "metadata\n"
      "curve\n"
      "    public-key = \"rS[{#{lB58f0EtHacoJ<ENVzL7%}A#p+^Z%+bGL@\"\n"
      "    secret-key = \"*m^<F]N8BY159@{Lk-+fHtl31?%W(6J{vUs9@d]x\"\n";
  const Certificate certificate = good(text);
  EXPECT_EQ(certificate.user_id, "");
  EXPECT_EQ(certificate.public_key, kPublic);
  EXPECT_EQ(certificate.secret_key, kSecret);
}

TEST(Certificate, TheUserMayStandUnderMetadataOrCurve) {
  EXPECT_EQ(good(with_key("    user_id = \"lab1\"\n")).user_id, "lab1");
  EXPECT_EQ(good("metadata\n    user_id = 'lab.1@uni-x_y'\ncurve\n    public-key = '" + std::string(kPublic) +
                 "'\n")
                .user_id,
            "lab.1@uni-x_y");
  EXPECT_EQ(good(with_key("    user_id = lab1\n")).user_id, "lab1");
  EXPECT_EQ(good(with_key("\tuser_id=\"lab1\"   # the first one\r\n")).user_id, "lab1");
  EXPECT_EQ(good(with_key("  # user_id = \"no\"\n\n   user_id = lab1 # yes\n")).user_id, "lab1");
  EXPECT_EQ(good("metadata\n    user_id = \"a\"\n" + with_key("    user_id = \"a\"\n")).user_id, "a");
}

TEST(Certificate, WhatIsUnknownIsIgnored) {
  EXPECT_EQ(good("version = 1\nmetadata\n    email = \"x@y\"\n    more\n        user_id = \"deep\"\n" +
                 with_key("    new = 5\n    # secret-key = no\n    user_id = \"u\"\n"))
                .user_id,
            "u");
  EXPECT_EQ(good(with_key("    user_id = u\n") + "other\n    user_id = \"them\"\n").user_id, "u");
  EXPECT_EQ(good(with_key("") + "user_id = \"on top\"\n").user_id, "") << "under neither of the two";
}

TEST(Certificate, WhatCannotBeUsedIsToldInASentence) {
  EXPECT_EQ(refused(""), "has no public-key under curve");
  EXPECT_EQ(refused("public-key = \"" + std::string(kPublic) + "\""), "has no public-key under curve");
  EXPECT_EQ(refused(curve("    public-key = \"abc\"\n")),
            "has a public-key of 3 characters, it must have 40");
  EXPECT_EQ(refused(curve("    public-key = \"" + std::string(40, '~') + "\"\n")),
            "has a public-key that is not Z85");
  EXPECT_EQ(refused(with_key("    public-key = \"" + std::string(40, '0') + "\"\n")),
            "gives public-key twice");
  EXPECT_EQ(refused(with_key("    secret-key = \"\"\n")),
            "has a secret-key of 0 characters, it must have 40");
  EXPECT_EQ(refused(with_key("    user_id = \"a\n")), "has a value with wrong quotes in line 3");
  EXPECT_EQ(refused(with_key("    user_id = \"a\" b\n")), "has a value with wrong quotes in line 3");
  EXPECT_EQ(refused("metadata\n    user_id = a\n" + with_key("    user_id = b\n")),
            "gives two different user_id");
  const std::vector<std::string> users{"", "a b", "a/b", "\xc3\xbc", std::string(65, 'a')};
  for (const std::string& user : users) {
    EXPECT_EQ(refused(with_key("    user_id = \"" + user + "\"\n")),
              "has a user_id that is not allowed, it must be 1 to 64 letters, digits, or _ . @ -")
        << user;
  }
}

TEST(Certificate, UserIds) {
  EXPECT_TRUE(valid_user_id("a"));
  EXPECT_TRUE(valid_user_id("AZaz09_.@-"));
  EXPECT_TRUE(valid_user_id(std::string(64, 'x')));
  EXPECT_FALSE(valid_user_id(std::string(65, 'x')));
  EXPECT_FALSE(valid_user_id(""));
  EXPECT_FALSE(valid_user_id(std::string_view("a\0b", 3)));
}

TEST(Certificate, MadeOnesComeBackAndDiffer) {
  const Certificate one = generate("lab1");
  const Certificate two = generate("lab1");
  EXPECT_NE(one.public_key, two.public_key);
  EXPECT_NE(one.secret_key, two.secret_key);
  const Certificate secret = good(format_secret(one, "2026-01-31"));
  EXPECT_EQ(secret.user_id, "lab1");
  EXPECT_EQ(secret.public_key, one.public_key);
  EXPECT_EQ(secret.secret_key, one.secret_key);
  const std::string text = format_public(one, "2026-01-31");
  EXPECT_EQ(good(text).public_key, one.public_key);
  EXPECT_EQ(text.find(one.secret_key), std::string::npos);
  EXPECT_EQ(good(format_public(generate(""), "now")).user_id, "");
}

TEST(Certificate, FingerprintIsOfTheRawKey) {
  // python3: base64.b64encode(hashlib.sha256(zmq.utils.z85.decode(key)).digest())
  EXPECT_EQ(fingerprint({"", kPublic, ""}), "SHA256:sEruCkeBBDgRqEvCx0VEmLqEHaDyTsFbsYauV2MCSoQ");
}

// A user of the original reads our files by pyzmq.
TEST(Certificate, PyzmqReadsOurs) {
  const TemporaryDirectory dir;
  const Certificate made = generate("lab1");
  tests::write(dir / "client.key_secret", format_secret(made, "2026-01-31"));
  tests::write(dir / "client.key", format_public(made, "2026-01-31"));
  const std::string program =
      "import sys, zmq.auth; d = sys.argv[1]; "
      "s = zmq.auth.load_certificate(d + '/client.key_secret'); p = zmq.auth.load_certificate(d + "
      "'/client.key'); "
      "open(d + '/out', 'wb').write(b'\\n'.join([*s, p[0], repr(p[1]).encode()]))";
  const std::string command = "/usr/bin/python3 -c \"" + program + "\" '" + dir.path().native() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(tests::read(dir / "out"),
            made.public_key + "\n" + made.secret_key + "\n" + made.public_key + "\nNone");
}

class CertificateFile : public testing::Test {
 protected:
  std::filesystem::path put(const std::string& text, unsigned mode) {
    const auto file = dir_ / "client.key_secret";
    tests::write(file, text, mode);
    return file;
  }
  TemporaryDirectory dir_;
  Certificate made_ = generate("lab1");
};

TEST_F(CertificateFile, ASecretThatOthersMayReadIsRefused) {
  const std::string text = format_secret(made_, "now");
  for (const unsigned mode : {0600U, 0400U}) {
    EXPECT_EQ(problem(read_secret(put(text, mode))), "(good)") << mode;
  }
  for (const unsigned mode : {0644U, 0640U, 0604U, 0610U, 0601U}) {
    const auto file = put(text, mode);
    const std::string sentence = problem(read_secret(file));
    EXPECT_THAT(sentence, HasSubstr("so others may read the secret key: run chmod 600 " + file.native()));
    EXPECT_EQ(problem(read_public(file)), "(good)") << "its public half is no secret";
  }
  EXPECT_THAT(problem(read_secret(put(text, 0644))), HasSubstr("has mode 0644"));
}

TEST_F(CertificateFile, ASecretThatIsNoneIsRefused) {
  EXPECT_THAT(problem(read_secret(put(format_public(made_, "now"), 0600))),
              HasSubstr("client.key_secret has no secret-key under curve"));
  Certificate mixed = made_;
  mixed.secret_key = generate("").secret_key;
  EXPECT_THAT(problem(read_secret(put(format_secret(mixed, "now"), 0600))),
              HasSubstr("has a public-key that does not belong to its secret-key"));
}

TEST_F(CertificateFile, APublicOneNeverCarriesTheSecret) {
  const auto result = read_public(put(format_secret(made_, "now"), 0600));
  EXPECT_EQ(std::get<Certificate>(result).secret_key, "");
}

TEST_F(CertificateFile, WhatIsNoFileIsToldAndHoldsNobodyUp) {
  EXPECT_THAT(problem(read_public(dir_ / "none")), HasSubstr("none: No such file or directory"));
  EXPECT_THAT(problem(read_public(dir_.path())), HasSubstr("is not a regular file"));
  const auto fifo = dir_ / "fifo.key";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(problem(read_public(fifo)), HasSubstr("is not a regular file"));
  EXPECT_THAT(problem(read_public(put(std::string(70'000, '#'), 0600))),
              HasSubstr("is too long for a certificate"));
}

TEST(Certificate, RandomTextIsReadOrRefused) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string start = format_secret(generate("lab1"), "2026");
  std::size_t accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = start;
    for (unsigned times = random() % 4; times > 0; --times) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text[at] = static_cast<char>(random());
      } else {
        text.erase(at, random() % 8);
      }
    }
    const auto result = parse_certificate(text);
    if (const auto* bad = std::get_if<Problem>(&result)) {
      ASSERT_FALSE(bad->sentence.empty());
      continue;
    }
    ++accepted;
    ASSERT_EQ(std::get<Certificate>(result).public_key.size(), 40U);
  }
  EXPECT_GT(accepted, 100U);
}

}  // namespace
}  // namespace dync::keys
