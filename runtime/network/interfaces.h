// The links of a container: a veth pair for each interface, one end in the container's network
// namespace under its final name, the other on a bridge of the host. By netlink in-process: running
// `ip` would cost more than the rest of a start.
//
// A start uses three functions:
//
//   ctr-monitor (host)                              init (container)
//     clone3                                          …
//     connect_interfaces(spec.interfaces, {pid})      waits for NetworkReady
//     NetworkReady ─────────────────────────────────► configure_interfaces(spec.interfaces)
//     await_interfaces(spec.interfaces) ◄──────────── SetupDone
//     Start ────────────────────────────────────────► exec
//
// Nothing needs to be undone: the kernel deletes both ends, in the background, when the namespace's
// last process and descriptor are gone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/network/addresses.h"
#include "runtime/spec.h"

namespace ctr::runtime {

// The network namespace to reach into: that of a process (which must not have been reaped, so that
// its number cannot belong to another one), or an open /proc/<pid>/ns/net.
struct NetworkNamespace {
  pid_t pid = 0;
  int fd = -1;  // used if it is not negative
};

// Makes each interface's veth pair: the peer inside `target` under its final name, with its address
// of the link layer and its MTU; the host end up, on its bridge and without addresses. Throws
// Error{not_found} if a bridge does not exist, Error{conflict} if a host name is taken.
// runs in: ctr-monitor, ctr-runtime; needs CAP_NET_ADMIN.
void connect_interfaces(const std::vector<NetworkInterface>& interfaces, NetworkNamespace target);

// Brings up "lo" and the interfaces in the caller's network namespace: addresses, default routes, no
// IPv6 on interfaces that have only an IPv4 address, and router advertisements ignored on the others
// (else a neighbour's forged one could give them an address and a route, W03). Also for no interfaces: "lo" comes up. runs in: the
// container's init, before it drops CAP_NET_ADMIN, best while /proc is still reachable (the host's
// or the container's own: /proc/sys/net shows the caller's namespace in either).
void configure_interfaces(const std::vector<NetworkInterface>& interfaces);

// The way out of the caller's network namespace, in place of another, for each family that the
// interface has a gateway of; it is configured already.
void set_default_route(const NetworkInterface& interface);

// Waits until packets pass: a link that came up is put to use by a worker of the kernel's, some
// time later, and what the container sends until then is lost (an ARP request is repeated after a
// second). Newer kernels do it at once for a link that is looked at. False after 100 ms, which is
// no reason not to start. runs in: ctr-monitor, once the container's side is configured, before the
// exec.
bool await_interfaces(const std::vector<NetworkInterface>& interfaces);

// A link of the caller's network namespace, as RTM_GETLINK shows it.
struct Link {
  int index = 0;
  std::string name;
  std::string kind;         // "veth", "bridge" …, empty for hardware
  std::string mac_address;  // empty if it has none
  int master = 0;           // index of the bridge it is a port of, or 0
  int peer = 0;             // index of the other end, in its own namespace
  uint32_t mtu = 0;
  bool up = false;           // as the administrator wants it
  bool operational = false;  // packets pass
};

// Links whose name begins with `prefix` ("" for all).
std::vector<Link> list_links(std::string_view prefix);
std::optional<Link> find_link(const std::string& name);

// Deletes links by index, all in one step of the kernel; indices that are gone meanwhile are
// skipped. Blocks for 20 to 35 ms (the kernel waits until no processor uses them): never on a
// client's path.
void delete_links(const std::vector<int>& indices);

}  // namespace ctr::runtime
