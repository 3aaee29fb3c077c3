// Standard streams and files as the commands that move archives use them (save, load, export,
// import, cp). Errors are sys::Error that name the file.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/client.h"
#include "runtime/sys/unique_fd.h"

namespace ctr::cli {

// A file read piece by piece, empty at its end; "" and "-" are standard input.
std::function<std::string_view()> open_source(const std::string& path);

// Writes a stream to a file, or to standard output where `path` is empty or "-". A terminal is
// refused: an archive would only disturb it. The file appears under its name when it is whole.
void save_stream(BodyStream& stream, const std::string& path, const std::string& command);

}  // namespace ctr::cli
