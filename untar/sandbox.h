#pragma once

#include <cstdint>

namespace dync::untar {

// Nothing but filling `directory` is possible afterwards: no new privileges, bounded CPU time, memory, file
// size and descriptors, no core file; and by Landlock, where the kernel has it, no file outside of
// `directory` and no network. Throws posix::Error.
void enter_sandbox(int directory, std::uint64_t max_bytes);

}  // namespace dync::untar
