// What a hostile process inside a container does, for the tests: each mode until SIGTERM, or the end of its
// time, and then one JSON object on stdout that says what it has got.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace attacker {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

// True once SIGTERM has come, or the seconds given as the last word are over.
bool is_over();
void say_ready();  // "ready" on stdout: the attack is going on

// exchange A B: renameat2(A, B, RENAME_EXCHANGE) in a tight loop.
Json exchange(const Words& words);
// watch PATH: looks into every process that comes into view, with whatever right it has. PATH is what only the host has.
Json watch(const Words& words);
// overwrite: takes hold of every program that is executed, and writes into it when nobody executes it.
Json overwrite(const Words& words);
// hold NAME: traces the next process of that name, kills it and never lets it go.
Json hold(const Words& words);
// calls: what the kernel says to each system call number, in every way in which it can be made.
Json calls(const Words& words);

}  // namespace attacker
