#pragma once

#include <string>

#include "schema/rules/rules.h"

// Mode and group of a data set, as its dropbox wants them, whatever the umask is. What was given has to be
// synced like any other change. posix::Error where the system refuses.
namespace dync::committer {

enum class Kind { directory, file };

// Gives what `fd` is open on; `name` is for the error's sentence.
void give_access(int fd, const std::string& name, Kind kind, const rules::Access& access);

// The same for a file in `directory`, and syncs it. Does nothing where nothing is wanted.
void give_file_access(int directory, const std::string& name, const rules::Access& access);

}  // namespace dync::committer
