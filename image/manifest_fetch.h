// Manifests from a registry, with the digest that they have and not the one that is claimed.
// Runs in: ctrd.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "image/digest.h"
#include "image/reference.h"
#include "image/registry_client.h"

namespace ctr::image {

struct NamedManifest {
  Digest digest;  // of `text`
  std::string text;
  std::string media_type;  // as declared; may be empty
};

// The registry's word for what a name points to, or nothing where it answers in another way:
// get_named_manifest() says what is wrong.
std::optional<Digest> find_named_digest(Repository& repository, const Reference& reference,
                                        std::stop_token stop);

// The document that a name points to. By tag its digest is the computed one, whatever the
// registry's header says (G03); by digest it has to be that digest (G07).
NamedManifest get_named_manifest(Repository& repository, const Reference& reference,
                                 std::stop_token stop);

// Throws Error{invalid_argument} if the registry keeps sending something else (G01).
RemoteManifest get_manifest_by_digest(Repository& repository, const Digest& digest,
                                      std::stop_token stop);

}  // namespace ctr::image
