#pragma once

#include "proto/keys/certificate.h"

// Inside proto/keys only: what needs the curve itself.
namespace dync::keys {

// Whether both keys are one pair of Curve25519. Both must be Z85 of 32 bytes.
bool is_pair(const Certificate& certificate);

}  // namespace dync::keys
