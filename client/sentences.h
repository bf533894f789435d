#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "proto/wire/messages.h"

// What the client tells people about errors, one sentence each, without a full stop at its end.
namespace dync::client {

// How an original names an upload that it does not know (any more).
inline constexpr std::string_view kOriginalForgot = "Unknown connection.";

// What a server of ours says of an upload (409) with which another connection goes on; of a name that is in
// use it says something else.
inline constexpr std::string_view kTakenOver = "taken over";

// Why an upload ended that the user stopped, and how it can go on.
inline constexpr char kInterrupted[] = "interrupted";
inline constexpr char kRunAgain[] = "run the same command again to go on";
inline constexpr char kNoResume[] = "standard input cannot be resumed: send it again";
inline constexpr char kMayBeStored[] =
    "all of it was sent and may have been stored: look on the server before you send it again";
inline constexpr char kInUse[] = "another dync is sending it to this server: wait until that one has ended";

// Of a state file that can't be read or written.
std::string unusable_sentence(std::string_view file, std::string_view why);

// The code's meaning and the server's own words.
std::string sentence_of(const wire::ServerError& error);

std::string no_answer_sentence(std::chrono::milliseconds waited);
// It kept giving this answer.
std::string asked_sentence(std::string_view answer, std::chrono::milliseconds asked);

// Text of others for a terminal or a log: control characters and broken UTF-8 as \xNN.
std::string printable(std::string_view text);

}  // namespace dync::client
