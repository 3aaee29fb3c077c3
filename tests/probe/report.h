// What a process sees of the isolation around it, as JSON; tests/integration/test_isolation.py
// reads it.
//
// runs in: the container, as any program of an image would; it needs no privilege and no library.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace probe {

using Json = nlohmann::json;

// The whole of a small file; empty when it cannot be read.
std::string read_text(const std::string& path);
// The target of a symbolic link; empty when there is none.
std::string read_link(const std::string& path);

// Who the process is: ids, capability sets, filters, limits, signals, descriptors, environment.
Json report_process();
// What surrounds it: mounts, namespaces, devices, names, sysctls, cgroups.
Json report_surroundings();
// What it may do: read and write protected paths, make and open devices, call the kernel.
Json report_verdicts();

}  // namespace probe
