// probe: prints what a process inside a container sees and may do, as one JSON object.
//
//   probe            everything
//   probe process    the cheap part: ids, capabilities, limits, descriptors …, without touching
//   anything probe sleep      everything, then waits, so that the outside can be looked at
//   meanwhile
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "report.h"

int main(int argument_count, char** arguments) {
  const std::string_view mode = argument_count > 1 ? arguments[1] : "all";
  probe::Json report = probe::report_process();
  if (mode != "process") {
    report.update(probe::report_surroundings());
    report.update(probe::report_verdicts());
  }
  // What an image put into a name or a variable need not be UTF-8.
  std::puts(report.dump(1, ' ', false, probe::Json::error_handler_t::replace).c_str());
  std::fflush(stdout);
  if (mode == "sleep") ::pause();
}
