// The program of the hello-world image that comes with the installation: static, and without anything
// that a container would have to have.
#include <unistd.h>

#include <string_view>

namespace {

constexpr std::string_view greeting = R"(
Hello from ctr!
This message shows that your installation works.

What happened just now:
 1. The ctr client asked the daemon, ctrd, over its Unix socket to run the image "hello-world".
 2. The daemon found the image, here the one that came with the installation if no registry could
    be reached, and unpacked its only layer.
 3. It spawned ctr-monitor, which made this container: namespaces, a control group, a root file
    system of its own, a system call filter; and started this program in it.
 4. The monitor passed what the program wrote on to your terminal.

Something more ambitious:
    ctr run -it busybox sh
    ctr run alpine ls -l

)";

}  // namespace

int main() {
  std::string_view rest = greeting;
  while (!rest.empty()) {
    ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written <= 0) return 1;
    rest.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}
