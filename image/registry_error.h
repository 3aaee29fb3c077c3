// What can go wrong between a registry and us, and what to do about it: for the retries in
// registry_retry.h, and as one clear message for the user.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/sys/error.h"

namespace ctr::image {

enum class TransferFailure {
  unreachable,  // no name, no route, refused
  silent,       // no answer in time
  handshake,    // somebody answers, but not with TLS
  untrusted,    // TLS with a certificate that is not trusted
  stalled,      // no progress for too long
  interrupted,  // the connection broke
  refused,      // we do not follow: a redirect, a realm, a protocol
  too_large,    // more than the limit, or more than was announced
};

// The exchange did not come to an end. Error{unavailable}, or {invalid_argument} where trying again
// cannot help.
class TransferError : public sys::Error {
 public:
  TransferError(TransferFailure failure, const std::string& message);
  TransferFailure failure() const { return failure_; }

 private:
  TransferFailure failure_;
};

// The registry answered, and said no.
class RegistryError : public sys::Error {
 public:
  RegistryError(sys::ErrorKind kind, const std::string& message, long status,
                std::optional<std::chrono::seconds> retry_after = std::nullopt)
      : Error(kind, message), status_(status), retry_after_(retry_after) {}
  long status() const { return status_; }
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }

 private:
  long status_;
  std::optional<std::chrono::seconds> retry_after_;
};

// The caller asked for the end (its stop_token). Nothing is wrong.
class Cancelled : public sys::Error {
 public:
  Cancelled() : Error(sys::ErrorKind::unavailable, "cancelled") {}
};

// "denied: requested access to the resource is denied" from a registry's JSON; bounded, printable,
// empty if there is none. Pure.
std::string registry_message(std::string_view body);
// Retry-After in seconds; the form with a date is not used by registries. Pure.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view header);

}  // namespace ctr::image
