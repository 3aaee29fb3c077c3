// How a process comes into a pid namespace in which others are already: an exec's, or the first one of a
// container that shares somebody's.
//
// Whoever is in there with CAP_SYS_PTRACE may look into a newcomer, and steer it, as soon as it is there and
// whatever it is: that it is not dumpable is no obstacle for that capability in the host's user namespace. So
// a process outside, which nobody inside can see, prepares everything, and gives up all that the container
// does not have, the host's files, its descriptors and privileges; and only then it bears the process that
// executes the program. (Attack E03; runc and crun set up, with the host's privileges, inside.)
// runs in: the child of launch() or launch_exec().
#pragma once

#include "runtime/init_context.h"

namespace ctr::runtime {


// That of its children, and as late as it can be: whatever else it forked would come into view.
void choose_birthplace(InitContext& context);

// The two places at which it can happen. Early, with privileges: where the filter, which is loaded with
// privileges, would not let it happen later, or a scheduling policy does not pass to children.
void be_born_early(InitContext& context);
void be_born(InitContext& context);

}  // namespace ctr::runtime
