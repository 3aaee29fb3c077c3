// What Go's types say of the documents that `inspect`, `version`, `info` and `events` show: which
// members are maps, and what a member that the API left out would be. Without it `{{if
// .State.Health}}` of a container without a health check would be an error, and a label that is not
// set as well. Pure.
#pragma once

#include "cli/template/value.h"

namespace ctr::cli {

std::optional<Shape> api_schema(std::string_view parent, std::string_view name);

}  // namespace ctr::cli
