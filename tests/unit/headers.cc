// Nothing: the target of this file holds what the tests read, compiled (dync_test_headers in
// cmake/DyncTargets.cmake).
