#include "proto/transport/native.h"

namespace dync::transport {
namespace {

using std::chrono::milliseconds;

// Debian's header hides it as a draft; the library takes it.
constexpr int kZapEnforceDomain = 93;
// libzmq's own default waits for ever for a peer that never reads.
constexpr milliseconds kDefaultLinger{1000};

template <typename Number>
void set(void* socket, int option, Number value) {
  if (zmq_setsockopt(socket, option, &value, sizeof(value)) != 0)
    fail("set ZeroMQ option " + std::to_string(option) + " to " + std::to_string(value));
}

void set(void* socket, int option, const std::string& value) {
  if (zmq_setsockopt(socket, option, value.data(), value.size()) != 0)
    fail("set ZeroMQ option " + std::to_string(option));
}

template <typename Value>
void set_if(void* socket, int option, const std::optional<Value>& value) {
  if (value) set(socket, option, *value);
}

void set_if(void* socket, int option, const std::optional<milliseconds>& value) {
  if (value) set(socket, option, static_cast<int>(value->count()));
}

void set_if(void* socket, int option, bool value) {
  if (value) set(socket, option, 1);
}

void apply_curve(void* socket, const CurveServer& curve) {
  if (curve.zap_domain.empty())
    throw Error(EINVAL, "a CURVE server needs a ZAP domain, or it lets everybody in");
  set(socket, ZMQ_CURVE_SERVER, 1);
  set(socket, ZMQ_CURVE_SECRETKEY, curve.secret_key);
  set(socket, ZMQ_ZAP_DOMAIN, curve.zap_domain);
  set(socket, kZapEnforceDomain, 1);
}

void apply_curve(void* socket, const CurveClient& curve) {
  set(socket, ZMQ_CURVE_SERVERKEY, curve.server_key);
  set(socket, ZMQ_CURVE_PUBLICKEY, curve.public_key);
  set(socket, ZMQ_CURVE_SECRETKEY, curve.secret_key);
}

void apply_times(void* socket, const Options& options) {
  set(socket, ZMQ_LINGER, static_cast<int>(options.linger.value_or(kDefaultLinger).count()));
  set_if(socket, ZMQ_HEARTBEAT_IVL, options.heartbeat_interval);
  set_if(socket, ZMQ_HEARTBEAT_TTL, options.heartbeat_ttl);
  set_if(socket, ZMQ_HEARTBEAT_TIMEOUT, options.heartbeat_timeout);
  set_if(socket, ZMQ_HANDSHAKE_IVL, options.handshake_interval);
  set_if(socket, ZMQ_RECONNECT_IVL, options.reconnect_interval);
  set_if(socket, ZMQ_RECONNECT_IVL_MAX, options.reconnect_interval_max);
  set_if(socket, ZMQ_CONNECT_TIMEOUT, options.connect_timeout);
}

void apply_keepalive(void* socket) {
  set(socket, ZMQ_TCP_KEEPALIVE, 1);
  set(socket, ZMQ_TCP_KEEPALIVE_IDLE, 60);
  set(socket, ZMQ_TCP_KEEPALIVE_INTVL, 15);
  set(socket, ZMQ_TCP_KEEPALIVE_CNT, 4);
}

}  // namespace

void apply(void* socket, const Options& options) {
  set_if(socket, ZMQ_ROUTING_ID, options.routing_id);
  if (options.curve_server) apply_curve(socket, *options.curve_server);
  if (options.curve_client) apply_curve(socket, *options.curve_client);
  set_if(socket, ZMQ_ROUTER_MANDATORY, options.mandatory);
  set_if(socket, ZMQ_ROUTER_HANDOVER, options.handover);
  set_if(socket, ZMQ_IMMEDIATE, options.immediate);
  set_if(socket, ZMQ_SNDHWM, options.send_hwm);
  set_if(socket, ZMQ_RCVHWM, options.receive_hwm);
  set_if(socket, ZMQ_MAXMSGSIZE, options.max_message);
  set_if(socket, ZMQ_BACKLOG, options.backlog);
  set_if(socket, ZMQ_IPV6, options.ipv6);
  apply_times(socket, options);
  if (options.keepalive) apply_keepalive(socket);
}

}  // namespace dync::transport
