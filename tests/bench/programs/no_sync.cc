// Preloaded into a server by ops/bench: each sync succeeds at once and syncs nothing. What the server then
// does in less time is the price of being durable.
extern "C" {

int fsync(int /*descriptor*/) {
  return 0;
}

int fdatasync(int /*descriptor*/) {
  return 0;
}

int syncfs(int /*descriptor*/) {
  return 0;
}
}
