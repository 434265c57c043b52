// Rules: what ARCHITECTURE.md promises about the sources, as checks over their text.
//
// Works on a map from path to text, so that the checks can be checked on made-up sources, too.
// Returns violations as lines "path:line: what is wrong"; empty if all is well.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace larder::architecture {

// By path from the root of the repository, with '/'.
using Sources = std::map<std::string, std::string>;
using Violations = std::vector<std::string>;

// R1-R4, R7: who may include what of ours, and that it exists.
Violations check_layers(const Sources& sources);
// R6: command handlers do not even indirectly include connections, workers or drivers.
Violations check_reach_of_commands(const Sources& sources);
// R2-R5: headers of the kernel, of files, threads and clocks only where they are meant to be.
Violations check_system_headers(const Sources& sources);
// R5: nothing else asks for the time, for randomness or for files by a function's name.
Violations check_words(const Sources& sources);
// Lines and files of bounded length, an opening comment, #pragma once.
Violations check_form(const Sources& sources);
// Every source is listed in the CMakeLists.txt of its folder or of one above; `lists` maps those
// files' paths to their text. Programs of tests/clients are built by the suites that run them.
Violations check_lists(const Sources& sources, const Sources& lists);

}  // namespace larder::architecture
