#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ops/fault/control.h"

// What a power cut leaves: the last synced content of each file, the last synced names of each directory.
// They are kept in DYNC_FAULT_DIR/durable as `INODE-GENERATION`: the content after one line `file MODE`, or
// after a line `directory SEQUENCE` its entries, each `TYPE MODE INODE-GENERATION NAME` and a zero byte.
namespace dync::fault {
namespace {

class Descriptor {
 public:
  explicit Descriptor(long fd) : fd_(static_cast<int>(fd)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) real(SYS_close, fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

int open_at(int directory, const char* name, long flags, long mode = 0) {
  return static_cast<int>(real(SYS_openat, directory, word(name), flags | O_CLOEXEC, mode));
}

// An inode's number is given to the next file at once; its generation tells them apart.
std::string key_of(int fd, const struct stat& info) {
  int generation = 0;
  if (::ioctl(fd, FS_IOC_GETVERSION, &generation) != 0) generation = 0;
  return std::to_string(info.st_ino) + "-" + std::to_string(static_cast<unsigned>(generation));
}

std::string mode_text(const struct stat& info) {
  return std::to_string(info.st_mode & 07777U);
}

void put(int to, const std::string& text) {
  real(SYS_write, to, word(text.data()), static_cast<long>(text.size()));
}

void put_content(int from, const struct stat& info, int to) {
  put(to, "file " + mode_text(info) + "\n");
  constexpr long kPiece = 1L << 24;
  off_t offset = 0;
  while (real(SYS_sendfile, to, from, word(&offset), kPiece) > 0) {
  }
}

std::string entry_of(int directory, const char* name) {
  const Descriptor fd(open_at(directory, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  struct stat info {};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) return {};
  return std::string(S_ISDIR(info.st_mode) ? "directory" : "file") + " " + mode_text(info) + " " +
         key_of(fd.get(), info) + " " + name + std::string(1, '\0');
}

void put_names(int from, std::uint64_t sequence, int to) {
  put(to, "directory " + std::to_string(sequence) + "\n");
  const Descriptor own(open_at(from, ".", O_RDONLY | O_DIRECTORY));
  alignas(8) std::array<char, 32768> buffer{};
  std::string all;
  for (long got = 0; (got = real(SYS_getdents64, own.get(), word(buffer.data()), buffer.size())) > 0;) {
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      const std::string name = entry->d_name;
      if (name != "." && name != "..") all += entry_of(own.get(), entry->d_name);
      at += entry->d_reclen;
    }
  }
  put(to, all);
}

// Two syncs of one file must not overtake each other.
void keep(int fd, const struct stat& info) {
  const std::string key = key_of(fd, info);
  const Descriptor lock(open_at(durable_directory(), (key + ".lock").c_str(), O_RDWR | O_CREAT, 0600));
  if (lock.get() < 0) return;  // a sandbox: what it syncs counts when another process syncs it
  real(SYS_flock, lock.get(), LOCK_EX);
  const std::string fresh = key + ".new";
  {
    const std::string own = "/proc/self/fd/" + std::to_string(fd);
    const Descriptor from(open_at(AT_FDCWD, own.c_str(), O_RDONLY));
    const Descriptor to(open_at(durable_directory(), fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    if (S_ISDIR(info.st_mode)) {
      put_names(from.get(), control()->sequence.fetch_add(1), to.get());
    } else {
      put_content(from.get(), info, to.get());
    }
  }
  real(SYS_renameat2, durable_directory(), word(fresh.c_str()), durable_directory(), word(key.c_str()), 0);
}

void await_end(const Control& control) {
  while (control.power.load() == kOff) real(SYS_pause);
}

}  // namespace

int sync(int fd, long number) {
  Control* control = fault::control();
  if (control == nullptr || control->power.load() == kIgnored) return static_cast<int>(real(number, fd));
  const std::string path = path_of(fd);
  struct stat info {};
  if (path.rfind(control->home, 0) != 0 || ::fstat(fd, &info) != 0) return static_cast<int>(real(number, fd));
  const int before = errno;
  await_end(*control);
  keep(fd, info);
  await_end(*control);
  errno = before;
  return 0;
}

}  // namespace dync::fault
