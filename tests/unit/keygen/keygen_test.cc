// dync-keygen as a real process.
#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>
#include <sys/wait.h>

#include "proto/keys/certificate.h"
#include "tests/unit/temporary_directory.h"

namespace dync::keys {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

unsigned mode_of(const fs::path& file) {
  return static_cast<unsigned>(fs::status(file).permissions()) & 07777U;
}

struct Result {
  int code;
  std::string out, err;
};

class Keygen : public testing::Test {
 protected:
  // `arguments` in the words of a shell, run with HOME in the test's directory.
  Result run(const std::string& arguments, const std::string& before = "umask 022; ") {
    const std::string command = before + "cd '" + dir_.path().native() + "'; HOME='" + home_.native() +
                                "' '" + DYNC_KEYGEN + "' " + arguments + " >out 2>err </dev/null";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(dir_ / "out"), text_of(dir_ / "err")};
  }

  void SetUp() override { fs::create_directory(home_); }

  dync::tests::TemporaryDirectory dir_;
  fs::path home_ = dir_ / "home";
};

TEST_F(Keygen, MakesAClientsPair) {
  const Result result = run("client -u lab1");
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const auto dot = home_ / ".dync";
  EXPECT_EQ(mode_of(dot), 0700U);
  EXPECT_EQ(mode_of(dot / "client.key_secret"), 0600U);
  EXPECT_EQ(mode_of(dot / "client.key"), 0644U);
  const auto secret = std::get<Certificate>(read_secret(dot / "client.key_secret"));
  const auto open = std::get<Certificate>(read_public(dot / "client.key"));
  EXPECT_EQ(secret.user_id, "lab1");
  EXPECT_EQ(open.user_id, "lab1");
  EXPECT_EQ(open.public_key, secret.public_key);
  EXPECT_EQ(text_of(dot / "client.key").find(secret.secret_key), std::string::npos);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr((dot / "client.key_secret").native()), HasSubstr((dot / "client.key").native()),
                    HasSubstr("administrator"), HasSubstr("clients/lab1.key"), HasSubstr(fingerprint(open))));
  EXPECT_EQ(result.out.find(secret.secret_key), std::string::npos);
}

TEST_F(Keygen, MakesAServersPairBesideAClients) {
  ASSERT_EQ(run("client -u lab1 -d keys").code, 0);
  const Result result = run("server -d keys/");
  ASSERT_EQ(result.code, 0) << result.err;
  const auto secret = std::get<Certificate>(read_secret(dir_ / "keys" / "server.key_secret"));
  EXPECT_EQ(secret.user_id, "");
  EXPECT_EQ(std::get<Certificate>(read_public(dir_ / "keys" / "server.key")).public_key, secret.public_key);
  EXPECT_TRUE(std::filesystem::is_directory(dir_ / "keys" / "clients"));
  EXPECT_THAT(result.out, AllOf(HasSubstr("keys/server.key"), HasSubstr("~/.dync/server.key"),
                                HasSubstr("keys/clients/")));
  EXPECT_FALSE(fs::exists(home_ / ".dync"));
}

TEST_F(Keygen, TheSecretIsPrivateWhateverTheUmask) {
  ASSERT_EQ(run("client -u lab1 -d keys", "umask 000; ").code, 0);
  EXPECT_EQ(mode_of(dir_ / "keys"), 0700U);
  EXPECT_EQ(mode_of(dir_ / "keys" / "client.key_secret"), 0600U);
}

TEST_F(Keygen, NeverOverwrites) {
  ASSERT_EQ(run("client -u lab1 -d keys").code, 0);
  const std::string secret = text_of(dir_ / "keys" / "client.key_secret");
  const std::string open = text_of(dir_ / "keys" / "client.key");
  const Result both = run("client -u lab2 -d keys");
  EXPECT_EQ(both.code, 1);
  EXPECT_EQ(both.out, "");
  EXPECT_THAT(both.err, HasSubstr("keys/client.key_secret is there already and is never overwritten"));
  fs::remove(dir_ / "keys" / "client.key_secret");
  const Result one = run("client -u lab2 -d keys");
  EXPECT_EQ(one.code, 1);
  EXPECT_THAT(one.err, HasSubstr("keys/client.key is there already"));
  EXPECT_EQ(text_of(dir_ / "keys" / "client.key"), open);
  EXPECT_FALSE(fs::exists(dir_ / "keys" / "client.key_secret")) << "half a pair helps nobody";
  fs::create_symlink("nowhere", dir_ / "keys" / "client.key_secret");
  EXPECT_EQ(run("client -u lab2 -d keys").code, 1);
  EXPECT_FALSE(fs::exists(dir_ / "keys" / "nowhere"));
}

TEST_F(Keygen, TheUserIsTheLoginNameIfNoneIsGiven) {
  const Result result = run("client", "id -un >'" + (dir_ / "name").native() + "'; ");
  const std::string name = text_of(dir_ / "name");
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(std::get<Certificate>(read_public(home_ / ".dync" / "client.key")).user_id + "\n", name);
}

TEST_F(Keygen, AFileThatCannotBeWrittenIsToldAndLeavesNothing) {
  const Result missing = run("client -u lab1 -d no/such/place");
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, AllOf(StartsWith("dync-keygen: cannot"), HasSubstr("no/such")));
  std::ofstream(dir_ / "file") << "x";
  EXPECT_EQ(run("client -u lab1 -d file").code, 1);
  // No byte may be written: what was begun is taken away again.
  const Result full = run("client -u lab1 -d keys", "trap '' XFSZ; ulimit -f 0; ");
  EXPECT_EQ(full.code, 1);
  EXPECT_TRUE(fs::exists(dir_ / "keys")) << "it came as far as the files";
  EXPECT_FALSE(fs::exists(dir_ / "keys" / "client.key_secret"));
  EXPECT_FALSE(fs::exists(dir_ / "keys" / "client.key"));
}

TEST_F(Keygen, PrintsAFingerprintOfEitherFile) {
  ASSERT_EQ(run("client -u lab1 -d keys").code, 0);
  const auto open = std::get<Certificate>(read_public(dir_ / "keys" / "client.key"));
  for (const char* file : {"keys/client.key", "keys/client.key_secret"}) {
    const Result result = run(std::string("fingerprint ") + file);
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.out, fingerprint(open) + "\n");
  }
  const Result none = run("fingerprint keys/none");
  EXPECT_EQ(none.code, 1);
  EXPECT_EQ(none.err, "dync-keygen: cannot open keys/none: No such file or directory\n");
  const Result other = run("fingerprint err");
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.err, HasSubstr("has no public-key under curve"));
}

TEST_F(Keygen, WrongUsageIsTwo) {
  for (const char* arguments :
       {"", "clients", "client extra", "client -u 'a b'", "client -u ''", "client -x", "server -u ü",
        "fingerprint", "client -u", "client server", "fingerprint a b"}) {
    const Result result = run(arguments);
    EXPECT_EQ(result.code, 2) << arguments;
    EXPECT_EQ(result.out, "") << arguments;
    EXPECT_THAT(result.err, AllOf(StartsWith("dync-keygen: "), HasSubstr("--help"))) << arguments;
  }
  EXPECT_FALSE(fs::exists(home_ / ".dync"));
}

TEST_F(Keygen, HelpAndVersion) {
  const Result help = run("--help");
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("client"), HasSubstr("server"), HasSubstr("fingerprint")));
  EXPECT_THAT(run("client --help").out, AllOf(HasSubstr("--user"), HasSubstr("--dir")));
  const Result version = run("--version");
  EXPECT_EQ(version.code, 0);
  EXPECT_THAT(version.out, StartsWith("dync-keygen "));
  EXPECT_THAT(version.err, IsEmpty());
}

}  // namespace
}  // namespace dync::keys
