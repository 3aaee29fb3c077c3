// A container must not get hold of our program. Until its exec its first process runs this very file,
// and an image may name "#!/proc/self/exe" as an interpreter: what is opened there could be overwritten
// for everybody (CVE-2019-5736, attack E01). So whoever starts processes in containers runs from a
// read-only mount of the file that is attached nowhere, or, where that cannot be made, from a sealed
// copy in memory.
#pragma once

namespace ctr::runtime::oci {

// Returns if this process is protected already; else executes itself again with the same arguments.
// Error{…} if it cannot be protected: nothing has been begun then.
void protect_own_program(char** arguments);

}  // namespace ctr::runtime::oci
