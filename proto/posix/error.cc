#include "proto/posix/error.h"

#include <cerrno>
#include <system_error>

namespace dync::posix {
namespace {

std::string sentence(int errnum, std::string_view action, std::string_view object) {
  std::string text = "cannot ";
  text.append(action).append(" ").append(object).append(": ");
  return text + std::generic_category().message(errnum);
}

}  // namespace

Error::Error(int errnum, std::string_view action, std::string_view object)
    : std::runtime_error(sentence(errnum, action, object)), code_(errnum) {}

Kind Error::kind() const noexcept {
  return kind_of(code_);
}

Kind kind_of(int errnum) noexcept {
  switch (errnum) {
    case ENOENT:
    case ENOTDIR:
      return Kind::not_found;
    case EEXIST:
    case ENOTEMPTY:
      return Kind::exists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Kind::denied;
    case ENOSPC:
    case EDQUOT:
      return Kind::no_space;
    case EAGAIN:
    case EBUSY:
    case ETXTBSY:
      return Kind::busy;
    case EXDEV:
      return Kind::cross_device;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG:
      return Kind::exhausted;
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
      return Kind::unsupported;
    default:
      return Kind::io;
  }
}

void fail(std::string_view action, std::string_view object) {
  throw Error(errno, action, object);
}

}  // namespace dync::posix
