#include <fcntl.h>
#include <unistd.h>

#include "runtime/oci/invocation.h"
#include "runtime/oci/spec_template.h"
#include "runtime/sys/file.h"

namespace ctr::runtime::oci {

int run_spec(const Invocation& invocation) {
  std::string bundle;
  bool rootless = false;
  Options options;
  options.text("-b,--bundle", bundle, "DIRECTORY", "where it is written (default: here)");
  options.flag("--rootless", rootless, "for a user without privileges");
  (void)invocation.parse(options, 0, 0);
  const std::string path = bundle.empty() ? "config.json" : bundle + "/config.json";
  const std::string text =
      rootless ? rootless_spec_template(::geteuid(), ::getegid()) : spec_template();
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST)
    throw sys::Error(sys::ErrorKind::conflict,
                     fmt::format("file {} exists. Remove it first", path));
  const sys::UniqueFd file(sys::check(fd, "open", path));
  sys::write_all(file.get(), text, path);
  return 0;
}

}  // namespace ctr::runtime::oci
