// Lists in the model: which commands there are, and what they answer and leave.
#pragma once

#include "tests/simulation/model.h"

namespace larder::simulation {

// The words after the name and the key. REQUIRES: a verb of lists.
Words list_words(const ModelCommand& command);
void draw_list_command(Random& random, ModelCommand& command);

// The state after `reply`, or nothing if a key in the state `before`, which is a list or absent, is
// not answered so.
std::optional<KeyState> follow_list(const ModelCommand& command, const KeyState& before,
                                    const Value& reply);

// What a payload of DUMP holds if it is a list's; empty if it is anything else.
std::vector<std::string> elements_of_dump(const std::string& payload);
std::string dump_of(const std::vector<std::string>& elements);

}  // namespace larder::simulation
