#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ops/fault/control.h"

// The calls of programs and of SQLite that touch files. libc's own calls of itself don't come here.
namespace {

using namespace dync::fault;

int to_int(long result) {
  return static_cast<int>(result);
}

int open_file(const char* name, int directory, const char* path, int flags, unsigned mode) {
  if (fails(kOpen, name, directory, path)) return -1;
  return to_int(real(SYS_openat, directory, word(path), flags, mode));
}

bool makes_file(int flags) {
  return (flags & (O_CREAT | __O_TMPFILE)) != 0;
}

}  // namespace

extern "C" {

#define DYNC_FAULT_MODE(last, flags) \
  unsigned mode = 0;                 \
  if (makes_file(flags)) {           \
    va_list rest;                    \
    va_start(rest, last);            \
    mode = va_arg(rest, unsigned);   \
    va_end(rest);                    \
  }

int open(const char* path, int flags, ...) {
  DYNC_FAULT_MODE(flags, flags)
  return open_file("open", AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  DYNC_FAULT_MODE(flags, flags)
  return open_file("open", AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char* path, int flags, ...) {
  DYNC_FAULT_MODE(flags, flags)
  return open_file("openat", directory, path, flags, mode);
}

int openat64(int directory, const char* path, int flags, ...) {
  DYNC_FAULT_MODE(flags, flags)
  return open_file("openat", directory, path, flags, mode);
}

#undef DYNC_FAULT_MODE

int creat(const char* path, mode_t mode) {
  return open_file("creat", AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int creat64(const char* path, mode_t mode) {
  return creat(path, mode);
}

// openat2 has no wrapper in glibc.
long syscall(long number, ...) noexcept {
  va_list rest;
  va_start(rest, number);
  long words[6];
  for (long& one : words) one = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_openat2 &&
      fails(kOpen, "openat2", static_cast<int>(words[0]), reinterpret_cast<const char*>(words[1])))
    return -1;
  return real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

ssize_t write(int fd, const void* from, size_t size) {
  if (fails(kWrite, "write", fd)) return -1;
  return real(SYS_write, fd, word(from), static_cast<long>(size));
}

ssize_t pwrite(int fd, const void* from, size_t size, off_t offset) {
  if (fails(kWrite, "pwrite", fd)) return -1;
  return real(SYS_pwrite64, fd, word(from), static_cast<long>(size), offset);
}

ssize_t pwrite64(int fd, const void* from, size_t size, off64_t offset) {
  return pwrite(fd, from, size, offset);
}

ssize_t pwritev(int fd, const iovec* from, int count, off_t offset) {
  if (fails(kWrite, "pwritev", fd)) return -1;
  return real(SYS_pwritev, fd, word(from), count, offset, 0);
}

ssize_t pwritev64(int fd, const iovec* from, int count, off64_t offset) {
  return pwritev(fd, from, count, offset);
}

ssize_t pread(int fd, void* into, size_t size, off_t offset) {
  if (fails(kRead, "pread", fd)) return -1;
  return real(SYS_pread64, fd, word(into), static_cast<long>(size), offset);
}

ssize_t pread64(int fd, void* into, size_t size, off64_t offset) {
  return pread(fd, into, size, offset);
}

int fsync(int fd) {
  return fails(kSync, "fsync", fd) ? -1 : sync(fd, SYS_fsync);
}

int fdatasync(int fd) {
  return fails(kSync, "fdatasync", fd) ? -1 : sync(fd, SYS_fdatasync);
}

int syncfs(int fd) noexcept {
  return fails(kSync, "syncfs", fd) ? -1 : to_int(real(SYS_syncfs, fd));
}

int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags) {
  if (fails(kSync, "sync_file_range", fd)) return -1;
  return to_int(real(SYS_sync_file_range, fd, offset, size, flags));
}

int renameat2(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) noexcept {
  if (fails(kRename, "rename", to_directory, to)) return -1;
  return to_int(real(SYS_renameat2, from_directory, word(from), to_directory, word(to), flags));
}

int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
  return renameat2(from_directory, from, to_directory, to, 0);
}

int rename(const char* from, const char* to) noexcept {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_directory, const char* from, int to_directory, const char* to, int flags) noexcept {
  if (fails(kRename, "link", to_directory, to)) return -1;
  return to_int(real(SYS_linkat, from_directory, word(from), to_directory, word(to), flags));
}

int mkdirat(int directory, const char* path, mode_t mode) noexcept {
  if (fails(kMake, "mkdir", directory, path)) return -1;
  return to_int(real(SYS_mkdirat, directory, word(path), mode));
}

int mkdir(const char* path, mode_t mode) noexcept {
  return mkdirat(AT_FDCWD, path, mode);
}

int ftruncate(int fd, off_t size) noexcept {
  if (fails(kCut, "ftruncate", fd)) return -1;
  return to_int(real(SYS_ftruncate, fd, size));
}

int ftruncate64(int fd, off64_t size) noexcept {
  return ftruncate(fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
  if (fails(kAllocate, "fallocate", fd)) return -1;
  return to_int(real(SYS_fallocate, fd, mode, offset, size));
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
  return fallocate(fd, mode, offset, size);
}

// Says its error by what it returns.
int posix_fallocate(int fd, off_t offset, off_t size) {
  const int before = errno;
  const int error = fallocate(fd, 0, offset, size) == 0 ? 0 : errno;
  errno = before;
  return error;
}

int posix_fallocate64(int fd, off64_t offset, off64_t size) {
  return posix_fallocate(fd, offset, size);
}

int unlinkat(int directory, const char* path, int flags) noexcept {
  if (fails(kRemove, "unlink", directory, path)) return -1;
  return to_int(real(SYS_unlinkat, directory, word(path), flags));
}

int unlink(const char* path) noexcept {
  return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char* path) noexcept {
  return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

FILE* fopen(const char* path, const char* mode) {
  using Function = FILE* (*)(const char*, const char*);
  static const auto behind = reinterpret_cast<Function>(next("fopen"));
  return fails(kStream, "fopen", std::string(path)) ? nullptr : behind(path, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  return fopen(path, mode);
}

size_t fwrite(const void* from, size_t size, size_t count, FILE* stream) {
  using Function = size_t (*)(const void*, size_t, size_t, FILE*);
  static const auto behind = reinterpret_cast<Function>(next("fwrite"));
  return fails(kStream, "fwrite", ::fileno(stream)) ? 0 : behind(from, size, count, stream);
}

}  // extern "C"
