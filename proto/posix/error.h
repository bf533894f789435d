#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace dync::posix {

// What callers branch on. Everything else about an errno is for people.
enum class Kind {
  not_found,     // ENOENT, ENOTDIR
  exists,        // EEXIST, ENOTEMPTY
  denied,        // EACCES, EPERM, EROFS
  no_space,      // ENOSPC, EDQUOT
  busy,          // EAGAIN, EBUSY, ETXTBSY
  cross_device,  // EXDEV
  exhausted,     // EMFILE, ENFILE, ENOMEM, EFBIG
  unsupported,   // EINVAL, ENOSYS, EOPNOTSUPP
  io,            // all others, EIO first of all
};

// A failed system call: what was being done, to what, and why it failed, as one sentence:
// "cannot open /data/tmp/x: No such file or directory".
class Error : public std::runtime_error {
 public:
  Error(int errnum, std::string_view action, std::string_view object);

  int code() const noexcept { return code_; }
  Kind kind() const noexcept;

 private:
  int code_;
};

// The only place where an errno becomes a Kind.
Kind kind_of(int errnum) noexcept;

// Throws Error for the current errno. `action` is an infinitive: "open", "rename".
[[noreturn]] void fail(std::string_view action, std::string_view object);

}  // namespace dync::posix
