#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/naming.h"

namespace dync::posix {

Fd make_memory_file(const char* name, std::size_t bytes) {
  Fd file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) fail("make the memory file", name);
  if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) fail("size the memory file", name);
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    fail("seal the memory file", name);
  return file;
}

Mapping::Mapping(int fd, std::size_t bytes) : size_(bytes) {
  if (info_of(fd).size < bytes) throw Error(EINVAL, "map more than there is of", path_of(fd));
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) fail("map", path_of(fd));
  data_ = static_cast<std::byte*>(at);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_) ::munmap(data_, size_);
}

}  // namespace dync::posix
